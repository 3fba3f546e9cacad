"""Assignments: `x=1`, `x+=1`, `a[2]=x`, `a=(x y)`. Source: bash 5.2 manual, 3.4 and 6.7."""

from typing import TYPE_CHECKING

from svclab.terminal.shell.lexer import tokens
from svclab.terminal.shell.state import ShellError
from svclab.terminal.shell.syntax import Assignment

if TYPE_CHECKING:
    from svclab.terminal.shell.interpreter import Interpreter


def assign(shell: "Interpreter", assignment: Assignment) -> None:
    """Carry out one assignment. Raises ShellError."""
    state, expander = shell.state, shell.expander
    name, word = assignment.name, assignment.word
    if assignment.index is not None:
        key = expander.key(name, assignment.index)
        old = expander.element(name, assignment.index) or "" if assignment.append else ""
        state.set_element(name, key, old + expander.text(word))
    elif word.startswith("(") and word.endswith(")"):
        _assign_array(shell, assignment)
    else:
        old = state.get(name) or "" if assignment.append else ""
        state.set(name, old + expander.text(word))


def _assign_array(shell: "Interpreter", assignment: Assignment) -> None:
    state, expander, name = shell.state, shell.expander, assignment.name
    words = [token.text for token in tokens(assignment.word[1:-1]) if token.kind == "word"]
    old = state.variables.get(name)
    array: dict[str, str] = dict(old) if assignment.append and isinstance(old, dict) else {}
    following = max((int(key) for key in array if key.isdigit()), default=-1) + 1
    for word in words:
        key, bracket, value = word.partition("]=")
        if word.startswith("[") and bracket:
            array[expander.key(name, key[1:])] = expander.text(value)
            continue
        for field_text in expander.fields([word]):
            array[str(following)] = field_text
            following += 1
    if name in state.readonly:
        raise ShellError(f"{name}: readonly variable")
    state.variables[name] = array
