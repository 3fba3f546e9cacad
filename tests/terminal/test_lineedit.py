"""Editing a line: what the screen shows after these keys, as bash 5.2 with readline 8.2 shows it."""

import pytest

from svclab.terminal.lineedit import MAX_LINE, Entered, LineEditor
from tests.terminal.screen import Screen


def edited(
    *keys: str,
    columns: int = 40,
    rows: int = 24,
    history: list[str] | None = None,
    words: list[str] | None = None,
) -> Screen:
    """The screen after these keys at the prompt `$ `; each argument arrives by itself."""
    screen = Screen(columns)
    editor = LineEditor(screen.write, lambda before: words or [], history or [], columns, rows)
    editor.start("$ ")
    for some in keys:
        editor.feed(some)
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
        ("foo-bar_baz.q\x1bb\x1bbX\x1bfY", "$ foo-bar_XbazY.q", 15),
        ("ab\x14", "$ ba", 4),
        ("abcd\x1b[D\x1b[D\x14", "$ acbd", 5),
        ("one two\x1bt", "$ two one", 9),
        ("one two three\x01\x1bu\x1bc\x1bl", "$ ONE Two three", 15),
        ("one two three\x17\x17\x19", "$ one two three", 15),
        ("one two three\x01\x1bd\x1bd\x05\x19", "$  threeone two", 15),
        ("one\x15two\x15\x19\x1by", "$ one", 5),
        ("one two\x17\x1f", "$ one two", 9),
        ("abc def\x1f", "$", 2),
        ("\x1b3x", "$ xxx", 5),
        ("abc\x01\x1dbX", "$ aXbc", 4),
        ("echo abc\x18\x18X", "$ Xecho abc", 3),
        ("a  b\x1b[D\x1b\\", "$ ab", 3),
        ("a\x16\tb", "$ a     b", 9),
        ("a\x16\x01b", "$ a^Ab", 6),
        ("\x1b[A", "$ newest", 8),
        ("\x1b[A\x1b[A", "$ oldest", 8),
        ("typed\x1b[A\x1b[B", "$ typed", 7),
        ("\x1b[AX\x1b[A\x1b[B", "$ newestX", 9),
        ("\x1b<", "$ oldest", 8),
        ("typed\x1b<\x1b>", "$ typed", 7),
        ("echo \x1b.", "$ echo newest", 13),
        ("echo \x1b.\x1b.", "$ echo oldest", 13),
        ("echo \x1b.\x1b.\x1b.", "$ echo", 7),
        ("\x12old\x1b[C", "$ oldest", 3),
        ("\x12est\x12\x05", "$ oldest", 8),
        ("\x12est", "(reverse-i-search)`est': newest", 28),
        ("\x12zzz", "(failed reverse-i-search)`zzz':", 32),
        ("foo\x12est\x07x", "$ foox", 6),
        ("\x12old\x0e", "$ newest", 8),
        ("ab\x1b[1;5D\x1b[H\x1b[F", "$ ab", 4),
        ("é", "$ é", 3),
        ("日本語\x1b[D\x1b[Dx\x7f\x1b[3~", "$ 日語", 4),
        ("日本\x7f", "$ 日", 4),
        ("ae\u0301b\x1b[D\x1b[DX", "$ aXe\u0301b", 4),
        ("ae\u0301b\x1b[D\x7f", "$ ab", 3),
        ("\U0001f600x\x1b[D\x7f", "$ x", 2),
    ],
)
def test_a_key_does_what_readline_does(keys, shown, column):
    screen = edited(keys, history=["oldest", "newest"])
    assert (screen.text, screen.column) == (shown, column)


def test_keys_may_arrive_in_parts():
    assert edited("one two", "\x1b", "b", "\x1b", "[", "D", "X").text == "$ oneX two"
    assert edited("ab\x1b[20", "0~c\rd\x1b[2", "01~e").text == "$ abc\nde"


def test_escape_ends_a_search_where_it_is():
    assert edited("\x12new", "\x1b", "X", history=["old", "a new"]).text == "$ a Xnew"


def test_a_search_goes_on_from_what_it_found_and_keeps_it_when_nothing_is_left():
    history = ["echo one", "echo two"]
    assert edited("\x12one\x12", history=history).text == "(failed reverse-i-search)`one': echo one"
    assert edited("\x12onzz\x7f\x7f", history=history).text == "(reverse-i-search)`on': echo one"
    assert edited("\x12two\x07\x12\x12", history=history).text == "(reverse-i-search)`': "[:-1]


def test_enter_and_next_brings_the_line_that_followed():
    screen, history = Screen(), ["first", "second"]
    editor = LineEditor(screen.write, lambda before: [], history)
    editor.start("$ ")
    event = editor.feed("\x1b[A\x1b[A\x0f")
    assert isinstance(event, Entered)
    assert event.line == "first"
    editor.start("$ ")
    assert screen.text == "$ first\n$ second"


def test_a_comment_is_entered_and_not_run():
    editor = LineEditor(Screen().write, lambda before: [], [])
    editor.start("$ ")
    assert editor.feed("rm x\x1b#") == Entered("#rm x", "")


def test_a_line_longer_than_the_screen_wraps_and_can_be_edited():
    screen = edited("x" * 18 + "\x01" + "abc", columns=10)
    assert screen.text == "$ abcxxxxx\nxxxxxxxxxx\nxxx"
    assert (screen.row, screen.column) == (0, 5)
    screen = edited("x" * 18 + "\x15", columns=10)
    assert screen.text == "$"


def test_a_wide_character_that_has_no_room_in_a_row_stands_in_the_next():
    screen = edited("yyyyyyy", "日本", "\x1b[D", "z", columns=10)
    assert screen.text == "$ yyyyyyy\n日z本"
    assert (screen.row, screen.column) == (1, 3)
    assert edited("yyyyyyy", "日本", "\x7f", "\x7f", columns=10).text == "$ yyyyyyy"


def test_a_row_that_is_full_goes_on_without_a_line_break_so_that_the_terminal_knows_one_line():
    written: list[str] = []
    editor = LineEditor(written.append, lambda before: [], [], 10)
    editor.start("$ ")
    editor.feed("x" * 25)
    assert "\n" not in "".join(written)
    editor.feed("\r")
    assert "".join(written).count("\n") == 1


def test_lines_of_a_text_stand_below_one_another_and_are_left_at_their_end():
    screen = edited("\x1b[200~one\rtwo\x1b[201~", "\x1b[D\x1b[D", "X", "\x01", "Y")
    assert (screen.text, screen.row, screen.column) == ("$ Yone\ntXwo", 0, 3)
    screen = edited("\x1b[200~one\rtwo\r\x1b[201~", "\r")
    assert (screen.text, screen.row) == ("$ one\ntwo", 2)
    assert edited("\x1b[A", "X", history=["cat <<EOF\na b\nEOF"]).text == "$ cat <<EOF\na b\nEOFX"


def test_of_a_text_higher_than_the_screen_the_part_around_the_cursor_is_shown():
    screen = edited("\x1b[200~" + "\r".join("abcdefgh") + "\x1b[201~", columns=10, rows=3)
    assert screen.text == "f\ng\nh"
    screen = edited("\x1b[200~" + "\r".join("abcdefgh") + "\x1b[201~", "\x01", columns=10, rows=3)
    assert (screen.text, screen.row, screen.column) == ("$ a\nb\nc", 0, 2)


def test_pasted_keys_are_text():
    assert edited("ec", "\x1b[200~a\tb\x01c\x1b[201~", words=["echo"]).text == "$ eca   b^Ac"


def test_too_long_a_paste_is_refused_as_a_whole():
    screen = edited(
        "kept", "\x1b[200~", *["y" * 8000] * (MAX_LINE // 8000 + 1), "y\x1b[201~", "!", columns=100
    )
    assert screen.text == "$ kept\nsvclab: a line may have 65,536 characters, so this was not pasted\n$ kept!"


def test_tab_completes_as_far_as_candidates_agree_and_then_lists_them():
    assert edited("ec\t", words=["echo"]).text == "$ echo"
    assert edited("get s\t", words=["services", "serviceaccounts"]).text == "$ get service"
    assert edited("x\t\t", words=["xa", "xb"]).text == "$ x\nxa  xb\n$ x"
    assert edited("dir\t", words=["dir/"]).text == "$ dir/"
    assert edited("cat 'be\t", words=["beta"]).text == "$ cat 'beta'"
    assert edited("cat be x\x1b[D\x1b[D\t!", words=["beta"]).text == "$ cat beta! x"
    assert edited("x\x1b*", words=["xa", "xb"]).text == "$ xa xb"
    assert edited("x\x1b?y", words=["xa", "xb"]).text == "$ x\nxa  xb\n$ xy"


def test_many_candidates_are_listed_if_asked_for():
    words = [f"w{number:03}" for number in range(101)]
    asked = edited("w\t\t", words=words).text
    assert asked == "$ w\nDisplay all 101 possibilities? (y or n)"
    assert edited("w\t\t", "n", "!", words=words).text == asked + "\n$ w!"
    assert edited("w\t\t", "y", words=words).text.count("\n") > 15
