"""YAML and text as kubectl writes them: quoting, key order, columns. Expected texts are kubectl 1.33's."""

import pytest

from svclab.terminal.commands.kubectl.diff import unified
from svclab.terminal.commands.kubectl.tabwriter import TableWriter, align
from svclab.terminal.commands.kubectl.yaml_text import to_json, to_yaml


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("hello world", "hello world"), ("yes", '"yes"'), ("y", '"y"'), ("no", '"no"'), ("", '""'), ("1", '"1"'),
        ("1.5", '"1.5"'), ("0x1F", '"0x1F"'), ("1e3", '"1e3"'), ("null", '"null"'), ("2026-01-01", '"2026-01-01"'),
        ("12:30", '"12:30"'), ("10.96.0.1", "10.96.0.1"), ("100m", "100m"), ("1.2.3", "1.2.3"), ("-x", "-x"),
        ("a: b", "'a: b'"), ("*x", "'*x'"), ("a #b", "'a #b'"), ("- a", "'- a'"), ("it's", "it's"), ("--", "--"),
        (" lead", "' lead'"), ("a\tb", '"a\\tb"'), ("x\ny", "|-\n  x\n  y"), ("x\ny\n", "|\n  x\n  y"),
    ],
)  # fmt: skip
def test_strings_are_quoted_where_they_would_be_read_as_something_else(text, written):
    assert to_yaml({"k": text}) == f"k: {written}\n"


def test_keys_sort_with_their_numbers():
    assert to_yaml(dict.fromkeys(["a10", "a2", "b", "A", "a-b"], 1)).split() == (
        ["A:", "1", "a-b:", "1", "a2:", "1", "a10:", "1", "b:", "1"]
    )


def test_lists_are_not_indented_and_empty_ones_stay_on_the_line():
    assert to_yaml({"a": [{"b": 1}], "c": [], "d": {}, "e": None}) == "a:\n- b: 1\nc: []\nd: {}\ne: null\n"


def test_json_escapes_as_go_does():
    assert to_json({"b": "<a & b>", "a": 1}) == '{\n    "a": 1,\n    "b": "\\u003ca \\u0026 b\\u003e"\n}\n'


def test_columns_are_as_wide_as_the_widest_of_neighbouring_lines():
    assert align("Name:\tx\nNamespace:\ty\nEvents:\nA\tB\nLong\tC") == (
        "Name:       x\nNamespace:  y\nEvents:\nA     B\nLong  C"
    )


def test_a_watch_keeps_its_columns_in_place():
    writer = TableWriter()

    assert writer.format([["NAME", "AGE"], ["a-long-name", "1s"]]) == "NAME          AGE\na-long-name   1s\n"
    assert writer.format([["b", "2s"]]) == "b             2s\n"


def test_a_difference_is_shown_with_three_lines_around_it():
    before = [f"{n}\n" for n in range(10)]
    after = [*before[:4], "new\n", *before[5:]]

    assert unified(before, after, "a", "b") == (
        "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 1\n 2\n 3\n-4\n+new\n 5\n 6\n 7\n"
    )
    assert unified(before, before, "a", "b") == ""
