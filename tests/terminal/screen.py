"""What a terminal would show of the bytes it gets: only what the line editor uses."""

from svclab.terminal.lineedit import width_of


class Screen:
    """Rows of cells, a wide character in two of them, and the cursor's place."""

    def __init__(self, columns: int = 80) -> None:
        self.columns, self.row, self.column = columns, 0, 0
        self.cells: list[list[str]] = [[]]

    def write(self, text: str) -> None:
        i = 0
        while i < len(text):
            if text[i] == "\x1b":
                end = next(j for j in range(i + 2, len(text)) if text[j].isalpha())
                self._escape(text[i + 2 : end], text[end])
                i = end + 1
                continue
            self._put(text[i])
            i += 1

    def _put(self, char: str) -> None:
        if char == "\r":
            self.column = 0
        elif char == "\n":
            self.row += 1
        elif char == "\b":
            self.column -= 1
        elif char != "\a":
            self._show(char)
        while len(self.cells) <= self.row:
            self.cells.append([])

    def _show(self, char: str) -> None:
        width = width_of(char)
        if width == 0:
            last = max(i for i, cell in enumerate(self.cells[self.row][: self.column]) if cell)
            self.cells[self.row][last] += char
            return
        if self.column + width > self.columns:
            self.row, self.column = self.row + 1, 0
            self.cells += [[]] * (len(self.cells) <= self.row)
        line = self.cells[self.row]
        line += [" "] * (self.column + width - len(line))
        line[self.column : self.column + width] = [char, ""][:width]
        self.column += width

    def _escape(self, number: str, letter: str) -> None:
        if letter in "hlm":
            return
        count = int(number or 1)
        if letter == "A":
            self.row -= count
        elif letter == "B":
            self.row += count
        elif letter == "C":
            self.column = min(self.column + count, self.columns - 1)
        elif letter == "K":
            del self.cells[self.row][self.column :]
        elif letter == "J" and not number:
            del self.cells[self.row + 1 :], self.cells[self.row][self.column :]
        elif letter == "J":
            self.cells = [[]]
        else:
            self.row = self.column = 0

    @property
    def text(self) -> str:
        return "\n".join("".join(row).rstrip() for row in self.cells).rstrip("\n")
