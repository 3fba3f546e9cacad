"""What is typed while a command runs: the terminal's own line editing."""

import pytest

from svclab.terminal.tty import TtyInput
from tests.terminal.screen import Screen


class Stopped(Exception):
    pass


def _nothing_came() -> None:
    raise Stopped


@pytest.fixture
def typing():
    screen = Screen()
    return TtyInput(screen.write, _nothing_came), screen


@pytest.mark.parametrize(
    ("keys", "line", "shown"),
    [
        ("ab\x7fc\r", "ac\n", "ac"),
        ("one two\x17x\r", "one x\n", "one x"),
        ("a/b-c\x17d\r", "a/b-d\n", "a/b-d"),
        ("one\x15y\r", "y\n", "y"),
        ("日本\x7f\r", "日\n", "日"),
        ("ab\x1b[Dc\r", "ab\x1b[Dc\n", "ab^[[Dc"),
        ("a\x01\x7fb\r", "ab\n", "ab"),
        ("a\x16\x04b\r", "a\x04b\n", "a^Db"),
        ("ab\x04", "ab", "ab"),
        ("\x04", "", ""),
    ],
)
def test_a_line_is_edited_while_it_is_typed_and_handed_over_whole(typing, keys, line, shown):
    tty, screen = typing
    tty.typed(keys)
    assert screen.text == shown
    assert tty.readline() == line


def test_keys_are_echoed_before_anybody_reads_them(typing):
    tty, screen = typing
    tty.typed("ec")
    assert screen.text == "ec"
    tty.typed("ho hi\rx")
    assert screen.text == "echo hi\nx"
    with pytest.raises(Stopped):
        TtyInput(screen.write, _nothing_came).readline()
    assert tty.rest() == "echo hi\rx"


def test_a_secret_is_not_echoed(typing):
    tty, screen = typing
    with tty.silent():
        tty.typed("secret\r")
    assert screen.text == ""
    assert tty.readline() == "secret\n"


def test_one_key_is_read_without_the_end_of_its_line(typing):
    tty, _ = typing
    tty.typed("yes")
    assert [tty.read_character() for _ in range(3)] == ["y", "e", "s"]
