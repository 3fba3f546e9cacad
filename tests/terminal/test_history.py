"""The lines typed before: what is kept, and how a new line refers to it. Compared with bash 5.2."""

import re

import pytest

from svclab.terminal.shell.history import Expanded, History, NotFound, expanded, one_line

LINES = ["kubectl get pods -n web", "curl -s http://web/index.html", "cat a.txt | wc -l"]


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("!!", "cat a.txt | wc -l"),
        ("sudo !! now", "sudo cat a.txt | wc -l now"),
        ("!1", "kubectl get pods -n web"),
        ("!-2", "curl -s http://web/index.html"),
        ("!ku", "kubectl get pods -n web"),
        ("!?index?", "curl -s http://web/index.html"),
        ("!?index", "curl -s http://web/index.html"),
        ("echo !$", "echo -l"),
        ("echo !^", "echo a.txt"),
        ("echo !*", "echo a.txt | wc -l"),
        ("echo !!:2", "echo |"),
        ("echo !ku:2-3", "echo pods -n"),
        ("echo !ku:2*", "echo pods -n web"),
        ("echo !cu:$:h", "echo http://web"),
        ("echo !cu:$:t:r", "echo index"),
        ("!ku:s/web/default/", "kubectl get pods -n default"),
        ("!!:gs/c/k/", "kat a.txt | wk -l"),
        ("^wc^grep -c", "cat a.txt | grep -c -l"),
        ("^a.txt^b.txt^ -n", "cat b.txt | wc -l -n"),
        ('echo "!ku"', 'echo "kubectl get pods -n web"'),
        ("echo '!!'", "echo '!!'"),
        ("echo \\!!", "echo \\!!"),
        ("echo hello!", "echo hello!"),
        ('echo "hello!"', 'echo "hello!"'),
        ("[ a != b ]", "[ a != b ]"),
        ("! true", "! true"),
        ("echo $! ${!x} [!a]", "echo $! ${!x} [!a]"),
        ("kubectl get po -l 'a!=b'", "kubectl get po -l 'a!=b'"),
    ],
)
def test_a_reference_is_replaced(line, becomes):
    assert expanded(line, LINES) == Expanded(becomes)


def test_a_reference_may_only_be_shown():
    assert expanded("!ku:p", LINES) == Expanded("kubectl get pods -n web", only_shown=True)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("!99", "!99: event not found"),
        ("!-9", "!-9: event not found"),
        ("!0", "!0: event not found"),
        ("!zz top", "!zz: event not found"),
        ("!?zz?", "!?zz?: event not found"),
        ("echo !!:9", ":9: bad word specifier"),
        ("^zz^yy", ":s^zz^yy: substitution failed"),
    ],
)
def test_a_reference_to_nothing_is_refused(line, words):
    with pytest.raises(NotFound, match=f"^{re.escape(words)}$"):
        expanded(line, LINES)


@pytest.mark.parametrize(
    ("control", "kept"),
    [
        ("", ["a", "b", "b", " c", "a"]),
        ("ignoredups", ["a", "b", " c", "a"]),
        ("ignorespace", ["a", "b", "b", "a"]),
        ("ignoreboth", ["a", "b", "a"]),
        ("ignoreboth:erasedups", ["b", "a"]),
    ],
)
def test_histcontrol_says_what_is_kept(control, kept):
    history = History()
    for line in ("a", "b", "b", " c", "a", "  "):
        history.note(line, control)
    assert history.lines == kept


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("for i in 1 2\ndo\n  echo $i\ndone", "for i in 1 2; do   echo $i; done"),
        ("echo a |\ncat", "echo a | cat"),
        ("echo a \\\n  b", "echo a   b"),
        ("echo 'a\nb'", "echo 'a\nb'"),
        ("cat <<EOF\na\nEOF", "cat <<EOF\na\nEOF"),
    ],
)
def test_a_command_of_several_lines_is_kept_as_one(typed, kept):
    assert one_line(typed) == kept
