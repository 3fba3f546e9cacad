"""When the shell asks for another line."""

import pytest

from svclab.terminal.shell.grammar import needs_more, whole_commands

OPEN = [
    "while true; do", "if true", "if true; then echo a", "for i in 1 2", "f() {", "f()", "echo 'a",
    'echo "a', "echo $(ls",
    "echo `ls", "echo a |", "echo a &&", "echo a ||", "echo a \\", "cat <<EOF\nx", "case x in",
    "case x in a)",
    "case x in a) echo;;", "( echo", "{ echo", "[[ a", "echo ${x", "echo $((1 +", "x=(1 2",
    "until false; do echo\n",
]  # fmt: skip
WHOLE = [
    "echo a", "", "while true; do echo; done", "if a; then b; fi", "echo done", "echo if then",
    "f() { echo; }", "echo 'a'",
    "cat <<EOF\nx\nEOF", "case x in a) echo;; esac", "echo a \\\n b", "(echo)", "{ echo; }", "[[ a == b ]]",
    "echo )",
    "echo \\\\", "a && b", "# it's a comment", "echo a # b |", "for ((;;)); do :; done", "echo }",
    "k get po -o jsonpath={.a}",
]  # fmt: skip


@pytest.mark.parametrize("text", OPEN)
def test_an_open_construct_needs_another_line(text):
    assert needs_more(text)


@pytest.mark.parametrize("text", WHOLE)
def test_a_whole_command_needs_none(text):
    assert not needs_more(text)


def test_pasted_text_is_cut_into_whole_commands():
    pasted = "kubectl apply -f - <<EOF\na: 1\nEOF\nfor i in 1 2\ndo echo $i\ndone\n\necho end"
    assert whole_commands(pasted) == [
        "kubectl apply -f - <<EOF\na: 1\nEOF",
        "for i in 1 2\ndo echo $i\ndone",
        "echo end",
    ]
