"""Builtins that tell: echo, printf, alias, type, command, history. Source: bash 5.2 manual, chapter 4."""

import re
from typing import TYPE_CHECKING

from svclab.terminal.commands.registry import ALSO_PROGRAMS, find_command
from svclab.terminal.shell import calls
from svclab.terminal.shell.builtins.table import BUILTINS, KEYWORDS, builtin, write
from svclab.terminal.shell.formatting import escapes, formatted
from svclab.terminal.shell.listing import listing

if TYPE_CHECKING:
    from svclab.terminal.shell.interpreter import Interpreter


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
    return write(shell, text + ("\n" if newline else ""))


@builtin("printf")
def printf(shell: "Interpreter", arguments: list[str]) -> int:
    """Writes its arguments by a format; `-v name` assigns instead."""
    variable = None
    if arguments[:1] == ["-v"] and len(arguments) > 2:
        variable, arguments = arguments[1], arguments[2:]
    if arguments[:1] == ["--"]:
        arguments = arguments[1:]
    if not arguments:
        shell.say("printf: usage: printf [-v var] format [arguments]")
        return 2
    text, errors = formatted(arguments[0], arguments[1:], shell.session.cluster.now)
    for error in errors:
        shell.complain(f"printf: {error}")
    if variable:
        shell.state.set(variable, text)
    else:
        write(shell, text)
    return int(bool(errors))


@builtin("alias")
def alias(shell: "Interpreter", arguments: list[str]) -> int:
    """Defines and lists aliases."""
    status = 0
    for word in arguments or sorted(shell.state.aliases):
        name, equals, value = word.partition("=")
        if equals:
            shell.state.aliases[name] = value
        elif name in shell.state.aliases:
            write(shell, f"alias {name}='{shell.state.aliases[name]}'\n")
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


def _kinds_of(shell: "Interpreter", name: str) -> list[tuple[str, str]]:
    """What kinds of command have a name, the one that would run first, and the sentences `type` prints."""
    state = shell.state
    found: list[tuple[str, str]] = []
    if name in state.aliases:
        found.append(("alias", f"{name} is aliased to `{state.aliases[name]}'"))
    if name in KEYWORDS:
        found.append(("keyword", f"{name} is a shell keyword"))
    if name in state.functions:
        shown = listing(name, state.functions[name]).rstrip("\n")
        found.append(("function", f"{name} is a function\n{shown}"))
    if name in BUILTINS:
        found.append(("builtin", f"{name} is a shell builtin"))
    if find_command(name, shell.location.toolset) or (name in ALSO_PROGRAMS and name in BUILTINS):
        found += [("file", f"{name} is {folder}/{name}") for folder in ("/usr/bin", "/bin")]
    return found


@builtin("type")
def type_(shell: "Interpreter", arguments: list[str]) -> int:
    """Says what its arguments are."""
    flags = "".join(word[1:] for word in arguments if word.startswith("-"))
    status = 0
    for name in (word for word in arguments if not word.startswith("-")):
        found = _kinds_of(shell, name)
        if "p" in flags or "P" in flags:
            found = [(kind, sentence.rpartition(" ")[2]) for kind, sentence in found if kind == "file"]
        for kind, sentence in found if "a" in flags else found[:1]:
            write(shell, (kind if "t" in flags else sentence) + "\n")
        if not found:
            status = 1 if flags.strip("a") else shell.complain(f"type: {name}: not found")
    return status


@builtin("command")
def command(shell: "Interpreter", arguments: list[str]) -> int:
    """Runs a program even where a function has its name; `-v` says what would run."""
    if arguments[:1] in (["-v"], ["-V"]):
        status = 1
        for name in arguments[1:]:
            kind, sentence = next(iter(_kinds_of(shell, name)), ("", ""))
            short = {"file": f"/usr/bin/{name}", "alias": f"alias {name}='{shell.state.aliases.get(name)}'"}
            if kind:
                shown = short.get(kind, name) if arguments[0] == "-v" else sentence
                status = write(shell, shown + "\n")
            elif arguments[0] == "-V":
                shell.complain(f"command: {name}: not found")
        return status
    words = arguments[1:] if arguments[:1] in (["--"], ["-p"]) else arguments
    return calls.call(shell, words, functions=False) if words else 0


@builtin("builtin")
def builtin_(shell: "Interpreter", arguments: list[str]) -> int:
    """Runs a builtin even where a function has its name."""
    if not arguments:
        return 0
    if arguments[0] not in BUILTINS:
        return shell.complain(f"builtin: {arguments[0]}: not a shell builtin")
    return BUILTINS[arguments[0]](shell, arguments[1:])


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
        write(shell, f"{number:5d}  {line}\n")
    return 0
