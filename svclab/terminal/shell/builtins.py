"""The commands that are part of the shell itself. Source: bash 5.2 manual, chapter 4; POSIX.1-2017, 2.14."""

import re
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from svclab.terminal.commands.registry import find_command
from svclab.terminal.files import FileError
from svclab.terminal.shell import calls, conditional
from svclab.terminal.shell.assignments import assign
from svclab.terminal.shell.formatting import escapes, formatted
from svclab.terminal.shell.state import Exit, LoopControl, Return, ShellError
from svclab.terminal.shell.syntax import Assignment
from svclab.terminal.streams import Input, Output

if TYPE_CHECKING:
    from svclab.terminal.shell.interpreter import Interpreter

Builtin = Callable[["Interpreter", list[str]], int]
BUILTINS: dict[str, Builtin] = {}
KEYWORDS = frozenset(
    [
        "if",
        "then",
        "else",
        "elif",
        "fi",
        "for",
        "while",
        "until",
        "do",
        "done",
        "case",
        "esac",
        "in",
        "function",
        "select",
        "time",
        "{",
        "}",
        "!",
        "[[",
        "]]",
    ]
)


def builtin(*names: str) -> Callable[[Builtin], Builtin]:
    """Registers a function as the builtin of these names."""

    def register(function: Builtin) -> Builtin:
        BUILTINS.update(dict.fromkeys(names, function))
        return function

    return register


def _out(shell: "Interpreter", text: str) -> int:
    stream = shell.descriptors[1]
    assert isinstance(stream, Output)
    stream.write(text)
    return 0


def _number(shell: "Interpreter", name: str, arguments: list[str], default: int) -> int:
    """The one number that break, shift, exit and return take."""
    if not arguments:
        return default
    try:
        return int(arguments[0])
    except ValueError:
        raise ShellError(f"{name}: {arguments[0]}: numeric argument required") from None


@builtin(":", "true")
def true(shell: "Interpreter", arguments: list[str]) -> int:
    """Does nothing, successfully."""
    return 0


@builtin("false")
def false(shell: "Interpreter", arguments: list[str]) -> int:
    """Does nothing, unsuccessfully."""
    return 1


@builtin("echo")
def echo(shell: "Interpreter", arguments: list[str]) -> int:
    """Writes its arguments."""
    newline, interpret = True, shell.state.flavour == "dash"
    while arguments and re.fullmatch("-[neE]+" if not interpret else "-n", arguments[0]):
        newline = newline and "n" not in arguments[0]
        if match := re.search("[eE](?!.*[eE])", arguments[0]):
            interpret = match[0] == "e"
        arguments = arguments[1:]
    text = " ".join(arguments)
    if interpret:
        text, going_on = escapes(text)
        newline = newline and going_on
    return _out(shell, text + ("\n" if newline else ""))


@builtin("printf")
def printf(shell: "Interpreter", arguments: list[str]) -> int:
    """Writes its arguments by a format; `-v name` assigns instead."""
    variable = None
    if arguments[:1] == ["-v"] and len(arguments) > 2:
        variable, arguments = arguments[1], arguments[2:]
    if arguments[:1] == ["--"]:
        arguments = arguments[1:]
    if not arguments:
        shell.complain("printf: usage: printf [-v var] format [arguments]")
        return 2
    text, errors = formatted(arguments[0], arguments[1:])
    for error in errors:
        shell.complain(f"printf: {error}")
    if variable:
        shell.state.set(variable, text)
    else:
        _out(shell, text)
    return int(bool(errors))


@builtin("cd")
def cd(shell: "Interpreter", arguments: list[str]) -> int:
    """Changes the working directory."""
    state = shell.state
    target = arguments[0] if arguments else state.get("HOME") or "/"
    if target == "-":
        target = state.get("OLDPWD") or ""
        if not target:
            return shell.complain("cd: OLDPWD not set")
        _out(shell, target + "\n")
    path = shell.path(target)
    files = shell.session.files(shell.location)
    if not files.is_directory(path):
        problem = "Not a directory" if files.exists(path) else "No such file or directory"
        if state.flavour == "bash":
            return shell.complain(f"cd: {target}: {problem}")
        return shell.complain(
            f"cd: can't cd to {target}" + (f": {problem}" if state.flavour == "ash" else "")
        )
    state.set("OLDPWD", state.cwd)
    state.cwd = path
    state.set("PWD", path)
    return 0


@builtin("pwd")
def pwd(shell: "Interpreter", arguments: list[str]) -> int:
    """Prints the working directory."""
    return _out(shell, shell.state.cwd + "\n")


def _declaration(name: str) -> Builtin:
    def run(shell: "Interpreter", arguments: list[str]) -> int:
        state = shell.state
        flags = "".join(a[1:] for a in arguments if re.fullmatch("-[a-zA-Z]+", a))
        words = [a for a in arguments if not re.fullmatch("[-+][a-zA-Z]+", a)]
        if name in ("export", "declare", "typeset", "readonly") and not words:
            return _list_variables(shell, exported=name == "export" or "x" in flags)
        for word in words:
            variable, equals, value = word.partition("=")
            append = variable.endswith("+")
            variable = variable.removesuffix("+")
            if not re.fullmatch(r"[A-Za-z_]\w*", variable):
                return shell.complain(f"{name}: `{word}': not a valid identifier")
            if (name == "local" or (name in ("declare", "typeset") and state.locals)) and "g" not in flags:
                state.make_local(variable)
            if "A" in flags:
                state.options.add(f"-A {variable}")
                state.variables.setdefault(variable, {})
            if equals:
                _assign_literal(shell, Assignment(variable, value, append))
            if name == "export" or "x" in flags:
                (state.exported.discard if name == "export" and "n" in flags else state.exported.add)(
                    variable
                )
            if name == "readonly" or "r" in flags:
                state.readonly.add(variable)
        return 0

    run.__doc__ = f"The builtin `{name}`."
    return run


def _assign_literal(shell: "Interpreter", assignment: Assignment) -> None:
    """Assign a value whose expansions have been done already (arrays are still written out)."""
    if assignment.word.startswith("(") and assignment.word.endswith(")"):
        assign(shell, assignment)
        return
    old = shell.state.get(assignment.name) or "" if assignment.append else ""
    shell.state.set(assignment.name, old + assignment.word)


BUILTINS.update({name: _declaration(name) for name in ("export", "readonly", "declare", "typeset", "local")})


def _list_variables(shell: "Interpreter", *, exported: bool) -> int:
    state = shell.state
    for name in sorted(state.exported if exported else state.variables):
        value = state.get(name)
        if value is not None:
            quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
            _out(shell, f'declare -{"x" if name in state.exported else "-"} {name}="{quoted}"\n')
    return 0


@builtin("unset")
def unset(shell: "Interpreter", arguments: list[str]) -> int:
    """Forgets variables and functions."""
    only_functions = arguments[:1] == ["-f"]
    for name in (a for a in arguments if not a.startswith("-")):
        array, bracket, index = name.partition("[")
        if bracket:
            value = shell.state.variables.get(array)
            if isinstance(value, dict):
                value.pop(shell.expander.key(array, index.removesuffix("]")), None)
        elif name in shell.state.variables and not only_functions:
            shell.state.unset(name)
        else:
            shell.state.functions.pop(name, None)
    return 0


_SET_NAMES = {"errexit": "e", "nounset": "u", "xtrace": "x", "noglob": "f", "pipefail": "pipefail"}


@builtin("set")
def set_(shell: "Interpreter", arguments: list[str]) -> int:
    """Sets options and positional parameters; alone it lists the variables."""
    state = shell.state
    if not arguments:
        for name in sorted(state.variables):
            _out(shell, f"{name}={state.get(name) or ''}\n")
        return 0
    rest = iter(arguments)
    for word in rest:
        if word == "--" or not re.match("[-+].", word):
            state.positional = list(rest) if word == "--" else [word, *rest]
            break
        change = state.options.add if word[0] == "-" else state.options.discard
        if word[1:] == "o":
            name = next(rest, "")
            if name in _SET_NAMES:
                change(_SET_NAMES[name])
            continue
        for letter in word[1:]:
            change(letter)
    return 0


@builtin("shift")
def shift(shell: "Interpreter", arguments: list[str]) -> int:
    """Drops positional parameters."""
    count = _number(shell, "shift", arguments, 1)
    if count > len(shell.state.positional) or count < 0:
        return 1
    shell.state.positional = shell.state.positional[count:]
    return 0


@builtin("source", ".")
def source(shell: "Interpreter", arguments: list[str]) -> int:
    """Runs a file in this shell."""
    if not arguments:
        return shell.complain("source: filename argument required")
    if shell.state.depth >= calls.MAX_CALLS:
        return shell.complain("source: nested too deeply")
    try:
        text = shell.session.files(shell.location).read(shell.path(arguments[0]))
    except FileError as error:
        return shell.complain(f"{arguments[0]}: {error}")
    before = shell.state.positional
    shell.state.positional = arguments[1:] or before
    shell.state.depth += 1
    try:
        return shell.run_text(text)
    except Return as returned:
        return returned.status
    finally:
        shell.state.depth -= 1
        shell.state.positional = before


@builtin("eval")
def eval_(shell: "Interpreter", arguments: list[str]) -> int:
    """Runs its arguments as a command line."""
    if shell.state.depth >= calls.MAX_CALLS:
        return shell.complain("eval: nested too deeply")
    shell.state.depth += 1
    try:
        return shell.run_text(" ".join(arguments))
    finally:
        shell.state.depth -= 1


@builtin("exit", "logout")
def exit_(shell: "Interpreter", arguments: list[str]) -> int:
    """Ends the shell."""
    raise Exit(_number(shell, "exit", arguments, shell.state.status) & 255)


@builtin("return")
def return_(shell: "Interpreter", arguments: list[str]) -> int:
    """Ends the function."""
    raise Return(_number(shell, "return", arguments, shell.state.status) & 255)


@builtin("break")
def break_(shell: "Interpreter", arguments: list[str]) -> int:
    """Ends a loop."""
    raise LoopControl(_number(shell, "break", arguments, 1), again=False)


@builtin("continue")
def continue_(shell: "Interpreter", arguments: list[str]) -> int:
    """Goes on with a loop's next turn."""
    raise LoopControl(_number(shell, "continue", arguments, 1), again=True)


@builtin("test")
def test(shell: "Interpreter", arguments: list[str]) -> int:
    """Tests a condition."""
    return _tested(shell, "test", arguments)


@builtin("[")
def bracket(shell: "Interpreter", arguments: list[str]) -> int:
    """Tests a condition up to `]`."""
    if arguments[-1:] != ["]"]:
        shell.complain("[: missing `]'")
        return 2
    return _tested(shell, "[", arguments[:-1])


def _tested(shell: "Interpreter", name: str, words: list[str]) -> int:
    try:
        return int(not conditional.evaluate(words, shell.file_tests()))
    except conditional.BadTest as error:
        shell.complain(f"{name}: {error}")
        return 2


@builtin("let")
def let(shell: "Interpreter", arguments: list[str]) -> int:
    """Works out arithmetic expressions."""
    value = 0
    for expression in arguments:
        value = shell.expander.arithmetic(expression)
    return int(value == 0)


@builtin("read")
def read(shell: "Interpreter", arguments: list[str]) -> int:
    """Reads one line into variables."""
    raw, array, names, prompt = False, None, [], ""
    rest = iter(arguments)
    for word in rest:
        if not word.startswith("-") or word == "-":
            names.append(word)
            continue
        for place, letter in enumerate(word[1:], 2):
            raw = raw or letter == "r"
            if letter in "pntduai":
                value = word[place:] or next(rest, "")
                prompt = value if letter == "p" else prompt
                array = value if letter == "a" else array
                break
    stdin, stderr = shell.descriptors[0], shell.descriptors[2]
    assert isinstance(stdin, Input)
    assert isinstance(stderr, Output)
    if prompt and stdin.isatty():
        stderr.write(prompt)
    line = stdin.readline()
    complete = line.endswith("\n")
    line = line.removesuffix("\n")
    while not raw and line.endswith("\\") and complete:
        line = line[:-1] + stdin.readline().removesuffix("\n")
    _assign_fields(shell, line if raw else re.sub(r"\\(.)", r"\1", line), names or ["REPLY"], array)
    return 0 if complete else 1


def _assign_fields(shell: "Interpreter", line: str, names: list[str], array: str | None) -> None:
    ifs = shell.state.get("IFS")
    ifs = " \t\n" if ifs is None else ifs
    if names == ["REPLY"] and array is None:
        shell.state.set("REPLY", line)
        return
    space = "".join(c for c in ifs if c.isspace())
    text = line.strip(space) if space else line
    other = "".join(c for c in ifs if not c.isspace())
    separator = f"[{re.escape(space)}]*[{re.escape(other)}][{re.escape(space)}]*|[{re.escape(space)}]+"
    separator = (
        separator if space and other else f"[{re.escape(ifs)}]" + ("+" if space else "") if ifs else "(?!)"
    )
    if array is not None:
        parts = re.split(separator, text) if text else []
        shell.state.variables[array] = {str(i): part for i, part in enumerate(parts)}
        return
    parts = re.split(separator, text, maxsplit=len(names) - 1)
    for name, part in zip(names, [*parts, *[""] * len(names)], strict=False):
        shell.state.set(name, part)


@builtin("mapfile", "readarray")
def mapfile(shell: "Interpreter", arguments: list[str]) -> int:
    """Reads all lines into an array."""
    strip = "-t" in arguments
    name = next((a for a in arguments if not a.startswith("-")), "MAPFILE")
    stdin = shell.descriptors[0]
    assert isinstance(stdin, Input)
    lines = [line.removesuffix("\n") if strip else line for line in stdin]
    shell.state.variables[name] = {str(i): line for i, line in enumerate(lines)}
    return 0


@builtin("alias")
def alias(shell: "Interpreter", arguments: list[str]) -> int:
    """Defines and lists aliases."""
    status = 0
    for word in arguments or sorted(shell.state.aliases):
        name, equals, value = word.partition("=")
        if equals:
            shell.state.aliases[name] = value
        elif name in shell.state.aliases:
            _out(shell, f"alias {name}='{shell.state.aliases[name]}'\n")
        else:
            status = shell.complain(f"alias: {name}: not found")
    return status


@builtin("unalias")
def unalias(shell: "Interpreter", arguments: list[str]) -> int:
    """Forgets aliases."""
    if arguments == ["-a"]:
        shell.state.aliases.clear()
        return 0
    missing = [name for name in arguments if shell.state.aliases.pop(name, None) is None]
    for name in missing:
        shell.complain(f"unalias: {name}: not found")
    return int(bool(missing))


def _kind_of(shell: "Interpreter", name: str) -> tuple[str, str]:
    """What kind of command a name is, and the sentence `type` prints."""
    state = shell.state
    if name in state.aliases:
        return "alias", f"{name} is aliased to `{state.aliases[name]}'"
    if name in KEYWORDS:
        return "keyword", f"{name} is a shell keyword"
    if name in state.functions:
        return "function", f"{name} is a function"
    if name in BUILTINS:
        return "builtin", f"{name} is a shell builtin"
    if find_command(name, shell.location.toolset):
        return "file", f"{name} is /usr/bin/{name}"
    return "", ""


@builtin("type")
def type_(shell: "Interpreter", arguments: list[str]) -> int:
    """Says what its arguments are."""
    short = arguments[:1] == ["-t"]
    status = 0
    for name in arguments[short:]:
        kind, sentence = _kind_of(shell, name)
        if kind:
            _out(shell, (kind if short else sentence) + "\n")
        else:
            status = 1 if short else shell.complain(f"type: {name}: not found")
    return status


@builtin("command", "builtin")
def command(shell: "Interpreter", arguments: list[str]) -> int:
    """Runs a program even where a function has its name; `-v` says what would run."""
    if arguments[:1] in (["-v"], ["-V"]):
        status = 1
        for name in arguments[1:]:
            kind, sentence = _kind_of(shell, name)
            if kind:
                short = f"/usr/bin/{name}" if kind == "file" else name
                status = _out(shell, (short if arguments[0] == "-v" else sentence) + "\n")
        return status
    words = arguments[1:] if arguments[:1] in (["--"], ["-p"]) else arguments
    return calls.call(shell, words, functions=False) if words else 0


@builtin("exec")
def exec_(shell: "Interpreter", arguments: list[str]) -> int:
    """Runs a command in this shell's stead."""
    raise Exit(calls.call(shell, arguments, functions=False))


@builtin("time")
def time(shell: "Interpreter", arguments: list[str]) -> int:
    """Runs a command and says how long it took in the cluster's time."""
    if arguments[:1] == ["-p"]:
        arguments = arguments[1:]
    virtual, real = shell.session.cluster.now(), monotonic()
    status = calls.call(shell, arguments) if arguments else 0
    took = max((shell.session.cluster.now() - virtual).total_seconds(), 0)
    spent = monotonic() - real
    stderr = shell.descriptors[2]
    assert isinstance(stderr, Output)
    lines = [("real", took), ("user", min(spent, took) * 0.6), ("sys", min(spent, took) * 0.2)]
    stderr.write("\n" + "".join(f"{name}\t{int(s // 60)}m{s % 60:.3f}s\n" for name, s in lines))
    return status


@builtin("jobs")
def jobs(shell: "Interpreter", arguments: list[str]) -> int:
    """Lists the background commands."""
    for job in shell.session.jobs.running:
        if not job.finished.is_set():
            _out(shell, f"[{job.number}]+  {'Running':<24}{job.text} &\n")
    for line in shell.session.jobs.news():
        _out(shell, line + "\n")
    return 0


@builtin("wait", "fg")
def wait(shell: "Interpreter", arguments: list[str]) -> int:
    """Waits for background commands."""
    found = (
        [shell.session.jobs.find(name) for name in arguments] if arguments else shell.session.jobs.running[:]
    )
    status = 0
    for job in found:
        if job is None:
            shell.complain(f"wait: {arguments[0]}: no such job")
            return 127
        shell.process.wait(job.finished.is_set)
        status = job.status
        job.announced = True
    return status if arguments else 0


@builtin("bg", "trap", "umask", "ulimit", "hash", "shopt", "disown", "stty", "enable", "complete", "bind")
def accepted(shell: "Interpreter", arguments: list[str]) -> int:
    """Taken and without effect: what they change does not exist in this shell."""
    return 0


@builtin("kill")
def kill(shell: "Interpreter", arguments: list[str]) -> int:
    """Ends background commands."""
    targets = [a for a in arguments if not re.fullmatch(r"-(\d+|[A-Z]+|s)", a)]
    if not targets:
        shell.complain("kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ...")
        return 2
    status = 0
    for target in targets:
        job = shell.session.jobs.find(target)
        if job is None:
            what = "no such job" if target.startswith("%") else "(" + target + ") - No such process"
            status = shell.complain(f"kill: {target + ': ' if target.startswith('%') else ''}{what}")
        else:
            job.cancelled.set()
            shell.process.wait(job.finished.is_set)
    return status


@builtin("history")
def history(shell: "Interpreter", arguments: list[str]) -> int:
    """Lists the lines typed so far; `-c` forgets them."""
    lines = shell.session.history
    if arguments == ["-c"]:
        lines.clear()
        return 0
    count = int(arguments[0]) if arguments and arguments[0].isdigit() else len(lines)
    first = max(len(lines) - count, 0)
    for number, line in enumerate(lines[first:], first + 1):
        _out(shell, f"{number:5d}  {line}\n")
    return 0


@builtin("getopts")
def getopts(shell: "Interpreter", arguments: list[str]) -> int:
    """Takes the next option off the positional parameters."""
    if len(arguments) < 2:
        return shell.complain("getopts: usage: getopts optstring name [arg ...]")
    wanted, name, *words = arguments
    state = shell.state
    words = words or state.positional
    place = int(state.get("OPTIND") or 1)
    inner = int(state.get("_OPTPOS") or 1)
    word = words[place - 1] if place <= len(words) else ""
    if not re.match("-.", word) or word == "--":
        state.set(name, "?")
        return 1
    letter = word[inner]
    found = wanted.find(letter)
    last = inner + 1 >= len(word)
    if found >= 0 and wanted[found + 1 : found + 2] == ":":
        state.set("OPTARG", word[inner + 1 :] if not last else "".join(words[place : place + 1]))
        place, inner = place + (2 if last else 1), 1
    else:
        place, inner = (place + 1, 1) if last else (place, inner + 1)
    state.set("OPTIND", str(place))
    state.set("_OPTPOS", str(inner))
    if found < 0:
        shell.complain(f"illegal option -- {letter}")
        letter = "?"
    state.set(name, letter)
    return 0
