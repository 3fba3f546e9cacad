"""Builtins that steer: cd, exit, return, break, test, source, eval, exec. Source: bash 5.2 manual."""

from typing import TYPE_CHECKING

from svclab.terminal.files import FileError
from svclab.terminal.shell import calls, conditional
from svclab.terminal.shell.builtins.table import builtin, number, write
from svclab.terminal.shell.state import Exit, LoopControl, Return

if TYPE_CHECKING:
    from svclab.terminal.shell.interpreter import Interpreter


@builtin(":", "true")
def true(shell: "Interpreter", arguments: list[str]) -> int:
    """Does nothing, successfully."""
    return 0


@builtin("false")
def false(shell: "Interpreter", arguments: list[str]) -> int:
    """Does nothing, unsuccessfully."""
    return 1


@builtin("cd")
def cd(shell: "Interpreter", arguments: list[str]) -> int:
    """Changes the working directory."""
    state = shell.state
    target = arguments[0] if arguments else state.get("HOME") or "/"
    if target == "-":
        target = state.get("OLDPWD") or ""
        if not target:
            return shell.complain("cd: OLDPWD not set")
        write(shell, target + "\n")
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
    return write(shell, shell.state.cwd + "\n")


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
    raise Exit(number(shell, "exit", arguments, shell.state.status) & 255)


@builtin("return")
def return_(shell: "Interpreter", arguments: list[str]) -> int:
    """Ends the function."""
    raise Return(number(shell, "return", arguments, shell.state.status) & 255)


@builtin("break")
def break_(shell: "Interpreter", arguments: list[str]) -> int:
    """Ends a loop."""
    raise LoopControl(number(shell, "break", arguments, 1), again=False)


@builtin("continue")
def continue_(shell: "Interpreter", arguments: list[str]) -> int:
    """Goes on with a loop's next turn."""
    raise LoopControl(number(shell, "continue", arguments, 1), again=True)


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


@builtin("exec")
def exec_(shell: "Interpreter", arguments: list[str]) -> int:
    """Runs a command in this shell's stead."""
    raise Exit(calls.call(shell, arguments, functions=False))
