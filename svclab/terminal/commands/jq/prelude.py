"""Functions of jq that are written in jq. Source: jq 1.6 and 1.7 manual."""

from functools import cache
from typing import Any

from svclab.terminal.commands.jq.language import Parser

_DEFINITIONS = (
    ("values", "", "select(. != null)"),
    ("nulls", "", "select(. == null)"),
    ("booleans", "", 'select(type == "boolean")'),
    ("numbers", "", 'select(type == "number")'),
    ("strings", "", 'select(type == "string")'),
    ("arrays", "", 'select(type == "array")'),
    ("objects", "", 'select(type == "object")'),
    ("iterables", "", 'select(type == "array" or type == "object")'),
    ("scalars", "", 'select(type != "array" and type != "object")'),
    ("recurse", "f", "., (f | recurse(f))"),
    ("recurse", "f;c", "., (f | select(c) | recurse(f; c))"),
    ("until", "c;f", "if c then . else (f | until(c; f)) end"),
    ("while", "c;f", "if c then ., (f | while(c; f)) else empty end"),
    ("repeat", "f", "., (f | repeat(f))"),
    ("walk", "f", 'if type == "object" then with_entries(.value |= walk(f)) | f'
     ' elif type == "array" then map(walk(f)) | f else f end'),
    ("range", "a;b;s", "if s > 0 then a | while(. < b; . + s)"
     " elif s < 0 then a | while(. > b; . + s) else empty end"),
    ("splits", "p", "split(p; null) | .[]"),
    ("in", "o", ". as $k | o | has($k)"),
    ("isvalid", "f", "try (f | true) catch false"),
    ("add", "f", "reduce f as $x (null; . + $x)"),
    ("paths", "f", "path(.. | select(f)) | select(length > 0)"),
    ("leaf_paths", "", "paths(scalars)"),
    ("pick", "f", "[path(f)] as $p | . as $v | reduce $p[] as $q (null; setpath($q; $v | getpath($q)))"),
    ("isempty", "g", "[limit(1; g)] | length == 0"),
    ("todate", "f", "f | todate"),
    ("match", "p", "_matches(p; null) | .[]"),
    ("match", "p;f", "_matches(p; f) | .[]"),
    ("scan", "p", '_matches(p; "g") | .[] | if .captures == [] then .string else [.captures[].string] end'),
    ("tostream", "", 'path(..) as $p | getpath($p) | select(type != "array" and type != "object") | [$p, .]'),
    ("finites", "", "select(. != infinite)"),
    ("normals", "", "select(. != 0)"),
    ("combinations", "", "if length == 0 then [] else .[0][] as $x"
     " | (.[1:] | combinations) as $w | [$x] + $w end"),
)  # fmt: skip


@cache
def prelude() -> dict[str, Any]:
    """The definitions, by name and number of parameters, as an environment of the evaluation."""
    found: dict[str, Any] = {}
    for name, parameters, body in _DEFINITIONS:
        names = [part for part in parameters.split(";") if part]
        found[f"{name}/{len(names)}"] = (names, Parser(body).parse(), found)
    return found
