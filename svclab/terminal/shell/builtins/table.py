"""The table of builtins, and what they share."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from svclab.terminal.shell.state import Discard, ShellError
from svclab.terminal.streams import Output

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


def write(shell: "Interpreter", text: str) -> int:
    stream = shell.descriptors[1]
    assert isinstance(stream, Output)
    stream.write(text)
    return 0


def number(shell: "Interpreter", name: str, arguments: list[str], default: int) -> int:
    """The one number that shift, exit and return take."""
    if not arguments:
        return default
    try:
        found = int(arguments[0])
    except ValueError:
        raise ShellError(f"{name}: {arguments[0]}: numeric argument required") from None
    if len(arguments) > 1:
        shell.complain(f"{name}: too many arguments")
        raise Discard
    return found
