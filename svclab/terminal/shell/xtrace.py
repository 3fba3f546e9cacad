"""What `set -x` prints before each command. Source: bash 5.2, print_cmd.c."""

from typing import TYPE_CHECKING

from svclab.terminal.shell import syntax
from svclab.terminal.shell.quoting import quoted

if TYPE_CHECKING:
    from svclab.terminal.shell.interpreter import Interpreter


def trace(shell: "Interpreter", text: str) -> None:
    """Print a command as it is run, if this shell does; the sign is doubled within a substitution."""
    if "x" not in shell.state.options:
        return
    sign = shell.state.get("PS4")
    sign = "+ " if sign is None else sign
    if "$" in sign:
        sign = shell.expander.document(sign)
    shell.say(sign[:1] * shell.substitutions + sign + text)


def words(found: list[str]) -> str:
    """A simple command's words."""
    return " ".join(map(quoted, found))


def assignment(shell: "Interpreter", node: syntax.Assignment) -> str:
    """An assignment after it was carried out."""
    plus = "+" if node.append else ""
    if node.word.startswith("("):
        return f"{node.name}{plus}={node.word}"
    runs_commands = "$(" in node.word or "`" in node.word  # which are not to run twice
    if runs_commands:
        value = shell.state.get(node.name) or ""
    else:
        value = shell.expander.text(node.word, assignment=True)
    index = "" if node.index is None else f"[{node.index}]"
    return f"{node.name}{index}{plus}={quoted(value) if value else ''}"


def conditional(shell: "Interpreter", found: tuple[str, ...]) -> str:
    """The words of a `[[ … ]]`."""
    shown = [
        word if word in ("&&", "||", "(", ")", "!", "=~") else shell.expander.text(word) for word in found
    ]
    return "[[ " + " ".join(text or "''" for text in shown) + " ]]"
