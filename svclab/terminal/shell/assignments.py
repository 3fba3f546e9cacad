"""Assignments: `x=1`, `x+=1`, `a[2]=x`, `a=(x y)`. Source: bash 5.2 manual, 3.4 and 6.7."""

from typing import TYPE_CHECKING

from svclab.terminal.shell.lexer import tokens
from svclab.terminal.shell.syntax import Assignment

if TYPE_CHECKING:
    from svclab.terminal.shell.interpreter import Interpreter


def assign(shell: "Interpreter", assignment: Assignment) -> None:
    """Carry out one assignment. Raises ShellError."""
    name, word = assignment.name, assignment.word
    if assignment.index is not None:
        key = shell.expander.key(name, assignment.index)
        old = shell.expander.element(name, assignment.index) or ""
        value = shell.expander.text(word, assignment=True)
        shell.state.set_element(name, key, changed(shell, assignment, old, value))
    elif word.startswith("(") and word.endswith(")"):
        _assign_array(shell, assignment)
    else:
        put(shell, assignment, shell.expander.text(word, assignment=True))


def put(shell: "Interpreter", assignment: Assignment, value: str) -> None:
    """Give a variable a text that has been expanded. Raises ShellError."""
    name = assignment.name
    shell.state.set(name, changed(shell, assignment, shell.state.get(name) or "", value))


def changed(shell: "Interpreter", assignment: Assignment, old: str, value: str) -> str:
    """What the variable holds afterwards: `+=` goes on, and integers (`declare -i`) are worked out."""
    if "i" in shell.state.attributes.get(assignment.name, ""):
        number = shell.expander.arithmetic(value)
        return str(number + shell.expander.arithmetic(old)) if assignment.append else str(number)
    return old + value if assignment.append else value


def _assign_array(shell: "Interpreter", assignment: Assignment) -> None:
    state, expander, name = shell.state, shell.expander, assignment.name
    words = [token.text for token in tokens(assignment.word[1:-1]) if token.kind == "word"]
    old = state.variables.get(name)
    elements: list[tuple[str | None, str]] = []  # with the key as written, where there is one
    for word in words:
        key, bracket, value = word.partition("]=")
        if word.startswith("[") and bracket:
            elements.append((expander.key(name, key[1:]), expander.text(value)))
        else:
            elements += [(None, field_text) for field_text in expander.fields([word])]
    kept = (old if isinstance(old, dict) else {"0": old} if old else {}) if assignment.append else {}
    state.set(name, "") if name in state.readonly else state.variables.update({name: kept})
    following = max((int(key) for key in kept if key.isdigit()), default=-1) + 1
    for key, value in elements:
        place = str(following) if key is None else key
        state.set_element(name, place, value)
        following = int(place) + 1 if place.isdigit() else following
