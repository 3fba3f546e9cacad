"""User's patterns: they match as POSIX's do, and none of them can hang the server."""

import re
from contextlib import suppress
from time import thread_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from svclab.terminal.regex import BadRegex, Regex, compile_regex, substitute
from svclab.terminal.shell import patterns

PIECES = st.recursive(
    st.sampled_from(["a", "b", "c", ".", "[ab]", "[^a]", "^", "$"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from("*+?")).map(lambda pair: f"({pair[0]}){pair[1]}"),
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(PIECES, st.text("abc", max_size=8))
def test_the_automaton_finds_a_match_where_backtracking_does(pattern, text):
    regex = Regex(pattern, extended=True, ignore_case=False)
    regex._loops = 100  # so that it always runs on the automaton
    found, expected = regex.search(text), re.search(pattern.replace("$", r"\Z"), text)
    assert (found is None) == (expected is None)
    assert found is None or found.start == expected.start()


@pytest.mark.parametrize(
    "pattern", ["(a*)*b", "(a|aa)+$", "(a+)+(a+)+c", "a*a*a*a*a*a*b", "(.*)(.*)(.*)(.*)x"]
)
def test_a_pattern_that_hangs_other_engines_takes_no_time(pattern):
    began = thread_time()
    with suppress(BadRegex):  # after two seconds it says so
        compile_regex(pattern).search("a" * 3000)
    assert thread_time() - began < 3


@pytest.mark.parametrize(
    ("pattern", "extended", "text", "groups"),
    [
        (r"\([a-z]*\)-\([0-9]\)", False, "web-1", ["web-1", "web", "1"]),
        (r"a\{2\}", False, "caab", ["aa"]),
        (r"(a|b){2,3}", True, "xabab", ["aba", "a"]),
        (r"[[:digit:]]+\.[[:digit:]]+", True, "ip 10.244", ["10.244"]),
        (r"\<web\>", False, "a web b", ["web"]),
        (r"a+b", False, "a+b", ["a+b"]),
        (r"\w+\s\w+", True, "a b", ["a b"]),
        (r"a{,2}x", True, "aax", ["aax"]),
        (r"{x}", True, "{x}", ["{x}"]),
    ],
)
def test_both_dialects(pattern, extended, text, groups):
    found = compile_regex(pattern, extended=extended).search(text)
    assert [found.group(i) for i in range(len(found.spans))] == groups


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(a", "Unmatched ( or \\("),
        ("[a", "Unmatched [, [^, [:, [., or [="),
        ("a{9999}", "Regular expression too big"),
        ("[b-a]", "Invalid range end"),
        ("[[:nope:]]", "Invalid character class name"),
        ("\\", "Trailing backslash"),
        ("(a)\\1", "back-references inside a pattern are not available here"),
    ],
)
def test_what_is_no_pattern_is_told_in_grep_words(pattern, words):
    with pytest.raises(BadRegex) as refused:
        compile_regex(pattern)
    assert str(refused.value) == words


def test_empty_matches_are_replaced_once_between_characters():
    assert substitute(compile_regex("x*"), lambda _: "-", "abc") == "-a-b-c-"
    assert substitute(compile_regex("a*"), lambda _: "x", "baac") == "xbxcx"


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("*.yaml", "a.yaml", True),
        ("*.yaml", "a.yml", False),
        ("[ab]?", "bx", True),
        ("[!ab]", "c", True),
        ("\\*", "*", True),
        ("\\*", "x", False),
        ("a*b*c", "aXbYc", True),
        ("[[:digit:]]", "5", True),
        ("[", "[", True),
        ("a.c", "abc", False),
    ],
)
def test_the_shells_patterns(pattern, text, fits):
    assert patterns.matches(pattern, text) is fits
