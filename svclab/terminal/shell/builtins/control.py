"""Builtins that steer: exit, return, break, test, source, eval, exec. Source: bash 5.2 manual."""

import re
from typing import TYPE_CHECKING

from svclab.terminal.commands.registry import is_installed
from svclab.terminal.files import FileError
from svclab.terminal.shell import calls, conditional
from svclab.terminal.shell.builtins.table import builtin, number
from svclab.terminal.shell.state import Exit, LoopControl, Return, ShellError

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


@builtin("source", ".")
def source(shell: "Interpreter", arguments: list[str]) -> int:
    """Runs a file in this shell."""
    if not arguments:
        shell.complain(".: filename argument required")
        shell.say(".: usage: . filename [arguments]")
        return 2
    if shell.state.depth >= calls.MAX_CALLS:
        return shell.complain("source: nested too deeply")
    try:
        text = shell.session.files(shell.location).read(shell.path(arguments[0]))
    except FileError as error:
        return shell.complain(f"{arguments[0]}: {error}")
    state = shell.state
    before, origin = state.positional, state.origin
    state.positional, state.origin = arguments[1:] or before, arguments[0]
    state.depth += 1
    state.calls.append("source")
    try:
        return shell.run_text(text)
    except Return as returned:
        return returned.status
    finally:
        state.calls.pop()
        state.depth -= 1
        state.positional, state.origin = before, origin


@builtin("eval")
def eval_(shell: "Interpreter", arguments: list[str]) -> int:
    """Runs its arguments as a command line."""
    if shell.state.depth >= calls.MAX_CALLS:
        return shell.complain("eval: nested too deeply")
    state = shell.state
    origin, line = state.origin, state.line
    state.origin = "eval"
    state.depth += 1
    try:
        return shell.run_text(" ".join(arguments))
    finally:
        state.depth -= 1
        state.origin, state.line = origin, line


@builtin("exit", "logout")
def exit_(shell: "Interpreter", arguments: list[str]) -> int:
    """Ends the shell."""
    if arguments and not re.fullmatch(r"[-+]?\d+", arguments[0]):
        shell.complain(f"exit: {arguments[0]}: numeric argument required")
        raise Exit(2)
    if len(arguments) > 1 and shell.state.interactive:
        shell.say("exit")
    if len(arguments) > 1 and shell.state.interactive:
        shell.say("exit")
    raise Exit(number(shell, "exit", arguments, shell.state.status) & 255)


@builtin("return")
def return_(shell: "Interpreter", arguments: list[str]) -> int:
    """Ends the function or the sourced file."""
    if not shell.state.calls:
        shell.complain("return: can only `return' from a function or sourced script")
        return 2
    raise Return(number(shell, "return", arguments, shell.state.status) & 255)


@builtin("break")
def break_(shell: "Interpreter", arguments: list[str]) -> int:
    """Ends a loop."""
    return _leave_loop(shell, "break", arguments)


@builtin("continue")
def continue_(shell: "Interpreter", arguments: list[str]) -> int:
    """Goes on with a loop's next turn."""
    return _leave_loop(shell, "continue", arguments)


def _leave_loop(shell: "Interpreter", name: str, arguments: list[str]) -> int:
    if not shell.state.loops:
        shell.complain(f"{name}: only meaningful in a `for', `while', or `until' loop")
        return 0
    levels = number(shell, name, arguments, 1)
    if levels < 1:
        raise ShellError(f"{name}: {arguments[0]}: loop count out of range")
    raise LoopControl(levels, again=name == "continue")


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
    """Runs a program in this shell's stead."""
    words = arguments[1:] if arguments[:1] == ["--"] else arguments
    name = words[0]
    if "/" not in name and not is_installed(name, shell.location):
        shell.complain(f"exec: {name}: not found")
        raise Exit(127)
    raise Exit(calls.call(shell, words, functions=False))
