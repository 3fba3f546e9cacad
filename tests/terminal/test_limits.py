"""A runaway command hits a stated limit with a clear message, and the terminal lives on."""

from time import monotonic

import pytest

from svclab.terminal import process


def test_a_loop_without_end_is_stopped_by_its_steps(sh):
    assert sh.run("while true; do :; done") == (
        124,
        "svclab: stopped after 200,000 steps: is this loop meant to end?\n",
    )
    assert sh("echo alive") == "alive\n"


def test_a_flood_of_output_is_stopped(sh):
    status, text = sh.run("yes")
    assert status == 124
    assert text.endswith("svclab: stopped: more than 1 MiB of output in one second (the limit here)\n")
    assert len(text) < 1.2 * 1024 * 1024


def test_a_command_ends_after_its_time(sh, monkeypatch):
    monkeypatch.setattr(
        process.Process.__init__, "__defaults__", (bool, 0.3, *process.Process.__init__.__defaults__[2:])
    )
    began = monotonic()
    assert sh.run("sleep 100000000; echo not reached") == (
        124,
        "svclab: stopped after 0 s, the limit of one command here\n",
    )
    assert monotonic() - began < 20


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("f() { f; }; f", "maximum function nesting level exceeded (60)"),
        ("echo {1..100000}", "brace expansion: more than 10,000 words"),
        ("x=$(yes)", "a value longer than 4 MiB"),
        ("yes > f", "File too large (a file here may hold 1 MiB)"),
        ("a=a; while true; do a=$a$a; done", "a value longer than 4,000,000 characters"),
        ("eval() { eval 'eval x'; }; eval 'eval x'", "nest"),
        ("alias a='a | a'; a", "a: command not found"),
        ("f() { f | f; }; f", "more than 64 programs at once"),
        ("x() { x | x & }; x", ""),
        ("seq 1 100000000 | tail -1", "100,000 numbers at most"),
        ("awk 'BEGIN { while (1) x = x \"y\" }'", "stopped"),
        ("jq -n '[range(100000000)] | length'", "more than 1,000,000 values"),
        ("x=$(yes | head -c 100000000)", "a value longer than 4 MiB"),
        ("""awk 'BEGIN { while (("yes" | getline l) > 0) n++ }'""", "4,000,000 characters to and from files"),
        (
            'awk \'BEGIN { while (1) print "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" > "f" }\'',
            "4,000,000 characters to and from files",
        ),
        ("seq 64 | sed -n 'G;G;h'", "1,000,000 characters in the two spaces"),
        ("sed ':a;ba' /etc/hostname", "a loop without end"),
        ("echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | grep -E '(a+)+$b'", ""),
        ("seq 2000 | xargs -n1 true", "1,000 times at most"),
        (
            "for i in 1 2 3 4 5 6 7; do sleep 1000000 & done; jobs | wc -l",
            "no more than 4 commands in the background",
        ),
    ],
    ids=lambda text: str(text)[:40],
)
def test_what_runs_away_is_caught(sh, line, words):
    began = monotonic()
    _, text = sh.run(line)
    sh.session.close()
    assert words in text
    assert monotonic() - began < 60
    assert "failed inside svclab" not in text


@pytest.mark.parametrize(
    "line",
    ["\x00", "\ud800", "echo \ud800", "((((((((", "$(" * 500, "{" * 2000, "a | " * 3000 + "a", "`", "${", "x=(", "[[ [[ ]]",
     "case", "<<", "cat <<", "echo <(", "!x", "!!", "}", "done", "a=$((", "echo ${x[}", "echo ${!}",
     "echo $((]))",
     "for ((;;", "printf %", "printf '%*d' 99999999999 1", "awk '{' x", "jq '}' ", "sed 's' x", "cut -f x",
     "head -n x",
     "tr '[:x:]' a", "sort -k x", "date -d x +%", "seq 1 0 5", "test (", "[ a -foo b ]", "export =x",
     "read -", "kill %9",
     "history x", "cd ''", "echo \x1b]52;c;x\x07", "watch", "xargs -n x", "timeout x y", "base64 -w x",
     "column -s ''"],
    ids=lambda line: ascii(line)[:30],
)  # fmt: skip
def test_nonsense_gets_an_answer_and_never_an_apology(sh, line):
    began = monotonic()
    _, text = sh.run(line)
    assert "failed inside svclab" not in text
    assert monotonic() - began < 30
