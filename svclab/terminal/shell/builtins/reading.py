"""Builtins that read: read, mapfile, getopts. Source: bash 5.2 manual, chapter 4."""

import re
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from svclab.terminal.shell.builtins.table import builtin
from svclab.terminal.streams import Input, Output

if TYPE_CHECKING:
    from svclab.terminal.shell.interpreter import Interpreter


@dataclass(slots=True)
class _Wanted:
    """What the options of `read` ask for."""

    names: list[str] = field(default_factory=list)
    raw: bool = False
    silent: bool = False
    values: dict[str, str] = field(default_factory=dict)  # of the options that take one

    def number(self, letter: str) -> int | None:
        """A count of characters."""
        return int(self.values[letter]) if self.values.get(letter, "").isdigit() else None


def _options_of_read(arguments: list[str]) -> _Wanted | str:
    """The options, or the one that is not known."""
    wanted = _Wanted()
    rest = iter(arguments)
    for word in rest:
        if not word.startswith("-") or word == "-":
            wanted.names += [word, *rest]
            break
        for place, letter in enumerate(word[1:], 2):
            if letter in "pnNtduai":
                wanted.values[letter] = word[place:] or next(rest, "")
                break
            if letter not in "rse":
                return letter
            wanted.raw = wanted.raw or letter == "r"
            wanted.silent = wanted.silent or letter == "s"
    return wanted


@builtin("read")
def read(shell: "Interpreter", arguments: list[str]) -> int:
    """Reads one line into variables."""
    wanted = _options_of_read(arguments)
    if isinstance(wanted, str):
        shell.complain(f"read: -{wanted}: invalid option")
        shell.say(
            "read: usage: read [-ers] [-a array] [-d delim] [-i text] [-n nchars] [-N nchars] [-p prompt] "
            "[-t timeout] [-u fd] [name ...]"
        )
        return 2
    descriptor = wanted.values.get("u", "0")
    stdin, stderr = (
        shell.descriptors.get(int(descriptor) if descriptor.isdigit() else -1),
        shell.descriptors[2],
    )
    if not isinstance(stdin, Input):
        return shell.complain(f"read: {descriptor}: invalid file descriptor: Bad file descriptor")
    assert isinstance(stderr, Output)
    if wanted.values.get("p") and stdin.isatty():
        stderr.write(wanted.values["p"])
    with stdin.silent() if wanted.silent else nullcontext():
        line, complete = _line(stdin, wanted)
    for name in wanted.names:
        if not re.fullmatch(r"[A-Za-z_]\w*(\[.*\])?", name):
            return shell.complain(f"read: `{name}': not a valid identifier")
    _assign_fields(shell, line, wanted)
    return 0 if complete else 1


def _line(stdin: Input, wanted: _Wanted) -> tuple[str, bool]:
    """A line without its end (backslashes still in it), and whether its end came."""
    delimiter = wanted.values["d"][:1] or "\0" if "d" in wanted.values else "\n"
    exact = wanted.number("N")
    count = exact if exact is not None else wanted.number("n")
    if delimiter == "\n" and count is None:
        line = stdin.readline()
        text = line.removesuffix("\n")
        while not wanted.raw and _is_continued(text) and line.endswith("\n"):
            line = stdin.readline()
            text = text[:-1] + line.removesuffix("\n")
        return text, line.endswith("\n")
    text = ""
    while count is None or len(text) < count:
        char = stdin.read_character()
        if not char or (char == delimiter and exact is None):
            return text, bool(char)
        text += char
    return text, True


def _is_continued(text: str) -> bool:
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


def _assign_fields(shell: "Interpreter", line: str, wanted: _Wanted) -> None:
    """Cuts the line at IFS characters; the last name takes what is left."""
    plain = (lambda text: text) if wanted.raw else lambda text: re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
    if not wanted.names and "a" not in wanted.values:
        shell.state.set("REPLY", plain(line))
        return
    ifs = shell.state.get("IFS")
    ifs = " \t\n" if ifs is None else ifs
    array = wanted.values.get("a")
    parts = _cut(line, ifs, -1 if array else len(wanted.names), escapes=not wanted.raw)
    if array:
        shell.state.variables[array] = {str(i): plain(part) for i, part in enumerate(parts)}
        return
    for name, part in zip(wanted.names, [*parts, *[""] * len(wanted.names)], strict=False):
        base, bracket, index = name.partition("[")
        if bracket:
            shell.state.set_element(base, shell.expander.key(base, index.removesuffix("]")), plain(part))
        else:
            shell.state.set(name, plain(part))


def _cut(line: str, ifs: str, most: int, *, escapes: bool) -> list[str]:
    """Up to `most` fields (any number: -1); a character after a backslash separates nothing."""
    space = "".join(c for c in ifs if c in " \t\n")
    text = line.strip(space) if space and not (escapes and line.endswith("\\ ")) else line
    solid = "".join(c for c in ifs if c not in " \t\n")
    blank = f"[{re.escape(space)}]" if space else "(?!)"
    separator = f"{blank}*[{re.escape(solid)}]{blank}*|{blank}+" if solid else f"{blank}+"
    if not ifs or not text:
        return [text] if text else []
    token = re.compile((r"\\.|" if escapes else "") + f"(?P<cut>{separator})", re.DOTALL)
    parts, begin = [], 0
    for match in token.finditer(text):
        if match["cut"] is None:
            continue
        if len(parts) == most - 1:
            break
        parts.append(text[begin : match.start()])
        begin = match.end()
    last = text[begin:]
    one_field = rf"[^{re.escape(ifs)}]*[{re.escape(solid)}]"
    if most > 0 and solid and len(parts) == most - 1 and re.fullmatch(one_field, last):
        last = last[:-1]  # one separator at the very end ends the field and begins none
    return [*parts, last] if last or begin < len(text) or most > 0 else parts


@builtin("mapfile", "readarray")
def mapfile(shell: "Interpreter", arguments: list[str]) -> int:
    """Reads all lines into an array."""
    options: dict[str, str] = {}
    names: list[str] = []
    rest = iter(arguments)
    for word in rest:
        if word.startswith("-") and word[1:2] in set("dnOsuCc"):
            options[word[1]] = word[2:] or next(rest, "")
        elif word.startswith("-"):
            options[word[1:]] = ""
        else:
            names.append(word)
    stdin = shell.descriptors[int(options.get("u", "0"))]
    assert isinstance(stdin, Input)
    lines = list(stdin)
    if "d" in options:
        lines = [part + options["d"][:1] for part in "".join(lines).split(options["d"][:1] or "\0")]
    first = int(options.get("s") or 0)
    count = int(options.get("n") or 0) or len(lines)
    ending = options.get("d", "\n")[:1]
    kept = [line.removesuffix(ending) if "t" in options else line for line in lines[first : first + count]]
    origin = int(options.get("O") or 0)
    shell.state.variables[names[0] if names else "MAPFILE"] = {str(origin + i): x for i, x in enumerate(kept)}
    return 0


@builtin("getopts")
def getopts(shell: "Interpreter", arguments: list[str]) -> int:
    """Takes the next option off the positional parameters."""
    if len(arguments) < 2:
        shell.say("getopts: usage: getopts optstring name [arg ...]")
        return 2
    wanted, name, *words = arguments
    state = shell.state
    words = words or state.positional
    place = int(state.get("OPTIND") or 1)
    inner = int(state.get("_OPTPOS") or 1)
    word = words[place - 1] if place <= len(words) else ""
    if not re.match("-.", word) or word == "--":
        state.set(name, "?")
        state.set("OPTIND", str(place + (word == "--")))
        return 1
    letter = word[inner]
    found = wanted.removeprefix(":").find(letter) if letter != ":" else -1
    takes_value = found >= 0 and wanted.removeprefix(":")[found + 1 : found + 2] == ":"
    last = inner + 1 >= len(word)
    problem = ""
    state.variables.pop("OPTARG", None)
    if takes_value:
        if last and place >= len(words):
            problem = f"option requires an argument -- {letter}"
        else:
            state.set("OPTARG", words[place] if last else word[inner + 1 :])
        place, inner = place + (2 if last else 1), 1
    else:
        problem = "" if found >= 0 else f"illegal option -- {letter}"
        place, inner = (place + 1, 1) if last else (place, inner + 1)
    state.set("OPTIND", str(place))
    state.set("_OPTPOS", str(inner))
    _report(shell, problem, letter, name, silent=wanted.startswith(":"))
    return 0


def _report(shell: "Interpreter", problem: str, letter: str, name: str, *, silent: bool) -> None:
    """Gives `name` the option's letter, or what stands for a wrong one."""
    if problem and silent:
        shell.state.set("OPTARG", letter)
    elif problem:
        shell.say(f"{shell.state.name}: {problem}")
    missing = problem.startswith("option requires")
    shell.state.set(name, letter if not problem else ":" if missing and silent else "?")
