"""Keys in, screen out: line editing, history, completion, Ctrl-C, nested shells."""

import time
from collections.abc import Callable

import pytest

from svclab.terminal.interactive import InteractiveShell
from svclab.terminal.lineedit import LineEditor


class Screen:
    """What xterm would show of the bytes: rows of text and the cursor's place; only what the editor uses."""

    def __init__(self, columns: int = 80) -> None:
        self.columns, self.rows, self.row, self.column = columns, [""], 0, 0

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
            if self.column == self.columns:
                self.row, self.column = self.row + 1, 0
            self._grow()
            line = self.rows[self.row].ljust(self.column)
            self.rows[self.row] = line[: self.column] + char + line[self.column + 1 :]
            self.column += 1
        self._grow()

    def _grow(self) -> None:
        while len(self.rows) <= self.row:
            self.rows.append("")

    def _escape(self, number: str, letter: str) -> None:
        count = int(number or 1)
        if letter == "A":
            self.row -= count
        elif letter == "B":
            self.row += count
        elif letter == "C":
            self.column = min(self.column + count, self.columns - 1)
        elif letter == "K":
            self.rows[self.row] = self.rows[self.row][: self.column]
        elif letter == "J" and not number:
            self.rows[self.row :] = [self.rows[self.row][: self.column]]
        elif letter == "J":
            self.rows, self.row, self.column = [""], 0, 0

    @property
    def text(self) -> str:
        return "\n".join(row.rstrip() for row in self.rows).rstrip("\n")


def edited(
    keys: str, *, columns: int = 40, history: list[str] | None = None, words: list[str] | None = None
) -> Screen:
    """The screen after these keys at the prompt `$ `."""
    screen = Screen(columns)
    editor = LineEditor(screen.write, lambda before: words or [], history or [], columns)
    editor.start("$ ")
    editor.feed(keys)
    return screen


@pytest.mark.parametrize(
    ("keys", "shown", "column"),
    [
        ("abc", "$ abc", 5),
        ("abc\x7f", "$ ab", 4),
        ("abc\x1b[D\x1b[DX", "$ aXbc", 4),
        ("abc\x01X", "$ Xabc", 3),
        ("abc\x01\x1b[3~", "$ bc", 2),
        ("abc\x01\x05d", "$ abcd", 6),
        ("one two\x17", "$ one", 6),
        ("one two\x15", "$", 2),
        ("one two\x15\x19!", "$ one two!", 10),
        ("one two\x1bb\x0b", "$ one", 6),
        ("one two\x01\x1bf-", "$ one- two", 6),
        ("ab\x14", "$ ba", 4),
        ("\x1b[A", "$ newest", 8),
        ("\x1b[A\x1b[A", "$ oldest", 8),
        ("typed\x1b[A\x1b[B", "$ typed", 7),
        ("echo \x1b.", "$ echo newest", 13),
        ("\x12old\x1b[C", "$ oldest", 8),
        ("\x12est\x12\x05", "$ oldest", 8),
        ("\x12est", "(reverse-i-search)`est': newest", 31),
        ("\x12zzz", "(failed reverse-i-search)`zzz':", 32),
        ("\x12est\x07x", "$ x", 3),
        ("ab\x1b[1;5D\x1b[H\x1b[F", "$ ab", 4),
        ("é", "$ é", 3),
    ],
)
def test_a_key_does_what_readline_does(keys, shown, column):
    screen = edited(keys, history=["oldest", "newest"])
    assert (screen.text, screen.column) == (shown, column)


def test_a_line_longer_than_the_screen_wraps_and_can_be_edited():
    screen = edited("x" * 18 + "\x01" + "abc", columns=10)
    assert screen.text == "$ abcxxxxx\nxxxxxxxxxx\nxxx"
    assert (screen.row, screen.column) == (0, 5)
    screen = edited("x" * 18 + "\x15", columns=10)
    assert screen.text == "$"


def test_a_row_that_is_full_goes_on_without_a_line_break_so_that_the_terminal_knows_one_line():
    written: list[str] = []
    editor = LineEditor(written.append, lambda before: [], [], 10)
    editor.start("$ ")
    editor.feed("x" * 25)
    assert "\n" not in "".join(written)
    editor.feed("\r")
    assert "".join(written).endswith("\r\n")


def test_tab_completes_as_far_as_candidates_agree_and_then_lists_them():
    assert edited("ec\t", words=["echo"]).text == "$ echo"
    assert edited("get s\t", words=["services", "serviceaccounts"]).text == "$ get service"
    assert edited("x\t\t", words=["xa", "xb"]).text == "$ x\nxa  xb\n$ x"
    assert edited("dir\t", words=["dir/"]).text == "$ dir/"


class Terminal:
    """An InteractiveShell whose output goes to a Screen."""

    def __init__(self, at: Callable, place: str = "laptop", shell: str = "bash") -> None:
        self.screen = Screen()
        self.done: list[int] = []
        session = at(place, shell).session
        self.shell = InteractiveShell(
            None, session=session, output=lambda data: self.screen.write(data.decode()),
            on_done=lambda status, flows: self.done.append(status),
        )  # fmt: skip
        self.shell.start()

    def type(self, keys: str, *, lines: int = 0) -> str:
        """Type, wait until so many command lines have ended, and look."""
        until = len(self.done) + lines
        self.shell.feed(keys.encode())
        self.wait(lambda: len(self.done) >= until and not self.shell.running)
        return self.screen.text

    def wait(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + 30
        while not done():
            assert time.monotonic() < end, self.screen.text
            time.sleep(0.005)


@pytest.fixture
def terminal(at):
    return Terminal(at)


def test_a_command_runs_and_the_prompt_comes_back(terminal):
    assert terminal.type("echo hi\r", lines=1) == "learner@laptop:~$ echo hi\nhi\nlearner@laptop:~$"
    assert terminal.done == [0]


def test_an_open_loop_is_continued_and_remembered_as_one_line(terminal):
    terminal.type("for i in 1 2\rdo echo $i\rdone\r", lines=1)
    assert terminal.screen.text.endswith("> do echo $i\n> done\n1\n2\nlearner@laptop:~$")
    assert terminal.shell.session.history == ["for i in 1 2; do echo $i; done"]


def test_ctrl_c_ends_a_command_and_drops_a_line(terminal):
    terminal.shell.feed(b"sleep 100000\r")
    terminal.wait(lambda: terminal.shell.running)
    assert terminal.type("\x03", lines=1).endswith("^C\nlearner@laptop:~$")
    assert terminal.done == [130]
    assert terminal.type("half a line\x03").endswith("half a line^C\nlearner@laptop:~$")


def test_what_is_typed_while_a_command_runs_is_its_input_or_the_next_command(terminal):
    terminal.type("read x; echo got $x\rtyped\recho next\r", lines=2)
    assert "typed\ngot typed\nlearner@laptop:~$ echo next\nnext\n" in terminal.screen.text


def test_ctrl_d_ends_input_and_then_the_shell(terminal):
    terminal.type("cat\rline\r\x04", lines=1)
    assert "cat\nline\nline\nlearner@laptop:~$" in terminal.screen.text
    terminal.type("\x04", lines=1)
    assert terminal.shell.closed
    assert terminal.shell.exit_code == 0
    assert terminal.shell.feed(b"echo dead\r") == b""


def test_exit_leaves_the_inner_shell_first(terminal):
    assert terminal.type("ssh node1\r", lines=1).endswith("root@node1:~#")
    assert terminal.type("hostname\r", lines=1).endswith("node1\nroot@node1:~#")
    assert terminal.type("exit 7\r", lines=1).endswith("exit\nConnection to node1 closed.\nlearner@laptop:~$")
    assert terminal.type("echo $?\r", lines=1).endswith("7\nlearner@laptop:~$")
    assert not terminal.shell.closed


def test_what_follows_an_entered_shell_on_its_line_waits_for_its_end(terminal):
    terminal.type("ssh node1; echo back on $(hostname)\r", lines=1)
    assert terminal.screen.text.endswith("root@node1:~#")
    assert terminal.type("exit\r", lines=1).endswith("back on laptop\nlearner@laptop:~$")


def test_tab_completes_commands_files_and_variables(terminal):
    terminal.type("echo x > manifest.yaml\r", lines=1)
    assert terminal.type("cat man\t").endswith("$ cat manifest.yaml")
    assert terminal.type("\x15ec\t").endswith("$ echo")
    assert terminal.type("\x15echo $HO\t").endswith("$ echo $HOME")


def test_one_command_without_a_terminal_gives_its_bytes_and_its_code(at):
    out: list[bytes] = []
    shell = InteractiveShell(
        None,
        session=at("netshoot").session,
        tty=False,
        argv=["sh", "-c", "echo a; exit 3"],
        output=out.append,
    )
    shell.start()
    end = time.monotonic() + 30
    while not shell.closed and time.monotonic() < end:
        time.sleep(0.005)
    assert (b"".join(out), shell.exit_code) == (b"a\n", 3)


def test_closing_the_page_ends_what_runs(terminal):
    terminal.shell.feed(b"sleep 100000\r")
    terminal.wait(lambda: terminal.shell.running)
    terminal.shell.close()
    terminal.wait(lambda: terminal.done == [130])
    assert terminal.shell.exit_code == 137


def test_the_editor_of_the_page_is_opened_and_its_text_saved(terminal):
    asked: list[dict] = []
    terminal.shell.session.on_event = asked.append
    terminal.shell.feed(b"vi new.yaml\r")
    terminal.wait(lambda: asked)
    assert {key: asked[0][key] for key in ("type", "title", "text")} == {
        "type": "edit",
        "title": "new.yaml",
        "text": "",
    }
    terminal.shell.session.finish_edit(asked[0]["id"], "kind: Pod\n")
    terminal.wait(lambda: terminal.done == [0])
    assert terminal.type("cat new.yaml\r", lines=1).endswith("kind: Pod\nlearner@laptop:~$")


def test_without_a_page_the_editor_says_what_to_do(terminal):
    assert "no editor is connected to this terminal" in terminal.type("vi x\r", lines=1)
