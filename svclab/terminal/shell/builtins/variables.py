"""Builtins about variables: export, declare, set, unset, read, getopts. Source: bash 5.2 manual."""

import re
from typing import TYPE_CHECKING

from svclab.terminal.shell.assignments import assign
from svclab.terminal.shell.builtins.table import BUILTINS, Builtin, builtin, number, write
from svclab.terminal.shell.syntax import Assignment
from svclab.terminal.streams import Input, Output

if TYPE_CHECKING:
    from svclab.terminal.shell.interpreter import Interpreter


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
            write(shell, f'declare -{"x" if name in state.exported else "-"} {name}="{quoted}"\n')
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
            write(shell, f"{name}={state.get(name) or ''}\n")
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
    count = number(shell, "shift", arguments, 1)
    if count > len(shell.state.positional) or count < 0:
        return 1
    shell.state.positional = shell.state.positional[count:]
    return 0


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
