"""The page and the server's line editor agree on how many columns a character takes."""

import sys
import unicodedata

from svclab.terminal.lineedit import width_of

RECLASSIFIED = {"0x1171e"}  # by a Unicode that is newer than Python 3.11's, as browsers have


def test_every_character_has_the_width_that_the_line_editor_counts(js):
    known = [
        point
        for point in range(0x20, sys.maxunicode)
        if unicodedata.category(chr(point)) not in ("Cn", "Co", "Cs", "Cc")
    ]
    found = js("terminal/widths.js", "(m, points) => points.map(m.columnsOf)", known)
    other = [hex(point) for point, width in zip(known, found, strict=True) if width != width_of(chr(point))]
    assert set(other) <= RECLASSIFIED


def test_what_combines_belongs_to_the_cell_before(js):
    cells = js(
        "terminal/widths.js",
        r"""async (m) => {
          const { Terminal } = await import("/static/vendor/xterm-6.0.0/xterm.mjs");
          const terminal = new Terminal({ cols: 20, rows: 2, allowProposedApi: true });
          m.countColumns(terminal);
          await new Promise((done) => terminal.write("e\u0301\u{1f600}\u65e5x", () => done()));
          const line = terminal.buffer.active.getLine(0);
          return [0, 1, 2, 3, 4, 5].map((x) => [line.getCell(x).getChars(), line.getCell(x).getWidth()]);
        }""",
    )
    assert cells == [["e\u0301", 1], ["\U0001f600", 2], ["", 0], ["日", 2], ["", 0], ["x", 1]]
