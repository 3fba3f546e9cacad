"""The command `select`: a numbered menu, and the loop over what is chosen. Source: bash 5.2 3.2.5.2."""

from typing import TYPE_CHECKING

from svclab.terminal.shell.syntax import For
from svclab.terminal.streams import Input, Output

if TYPE_CHECKING:
    from svclab.terminal.shell.interpreter import Interpreter


def select(shell: "Interpreter", node: For) -> int:
    """Run a `select`: its body for each number that is typed, until `break` or the end of input."""
    choices = list(shell.state.positional) if node.words is None else shell.fields(node.words)
    if not choices:
        return 0
    shown = False

    def chosen() -> bool:
        nonlocal shown
        line = _ask(shell, choices, menu=not shown)
        shown = True
        if line is None:
            _standard_output(shell).write("\n")
            return False
        shell.state.set("REPLY", line)
        number = int(line) if line.strip().isdigit() else 0
        shell.state.set(node.name, choices[number - 1] if 0 < number <= len(choices) else "")
        return True

    return shell.loop(chosen, node.body)


def _ask(shell: "Interpreter", choices: list[str], *, menu: bool) -> str | None:
    stdin, stderr = shell.descriptors[0], shell.descriptors[2]
    assert isinstance(stdin, Input)
    assert isinstance(stderr, Output)
    while True:
        if menu:
            stderr.write(_menu(choices, shell.session.columns))
        prompt = shell.state.get("PS3")
        stderr.write("#? " if prompt is None else prompt)
        line = stdin.readline()
        if not line:
            return None
        if line.strip():
            return line.strip(" \t\n")
        menu = True


def _menu(choices: list[str], columns: int) -> str:
    """The choices in columns, as bash lays them out."""
    digits = len(str(len(choices)))
    width = max(map(len, choices)) + digits + 4
    across = max(columns // width, 1)
    down = -(-len(choices) // across)
    down = len(choices) if down == 1 else down
    rows = []
    for row in range(down):
        cells = [f"{n + 1:{digits}d}) {choices[n]}" for n in range(row, len(choices), down)]
        rows.append("".join(cell.ljust(width) for cell in cells[:-1]) + cells[-1])
    return "\n".join(rows) + "\n"


def _standard_output(shell: "Interpreter") -> Output:
    stream = shell.descriptors[1]
    assert isinstance(stream, Output)
    return stream
