"""YAML reads as go-yaml v2 and sigs.k8s.io/yaml read it, and fails in their words."""

import pytest

from svclab.apiserver.yaml_body import YamlError, load

INF = "json: unsupported value: "


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # decode.go, merge: what `<<` brings in stands where it is written; of a list the first item wins
        ("a: &a {x: 1}\nb:\n  <<: *a\n  z: 2\n", {"a": {"x": 1}, "b": {"x": 1, "z": 2}}),
        ("a: &a {x: 1}\nb: {<<: *a, x: 2}\n", {"a": {"x": 1}, "b": {"x": 2}}),
        ("b: {<<: [{x: 1}, {x: 2, z: 3}]}\n", {"b": {"x": 1, "z": 3}}),
        ('b: {"<<": {x: 1}}\n', {"b": {"<<": {"x": 1}}}),
        # encoding/json: floats are written as briefly as they can be
        ("80.0", 80),
        ("8e1", 80),
        ("99999999999999999999", 10**20),
        # resolve.go: an explicit type reads a quoted scalar too
        ('!!int "80"', 80),
        ("!!str 80", "80"),
        ("!!float 80", 80),
        ("!!binary aGVsbG8=", "hello"),
    ],
)
def test_a_value_is_what_go_makes_of_it(text: str, value: object) -> None:
    assert load(text).value == value


@pytest.mark.parametrize(
    ("text", "shown"), [("1.50", "1.5"), ("0.00001", "0.00001"), ("0.0000001", "1e-7"), ("-0.5", "-0.5")]
)
def test_a_fraction_is_written_as_in_json(text: str, shown: str) -> None:
    assert load(text).value.text == shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # decode.go, mapping
        ("a: {{ .Values.x }}", 'yaml: invalid map key: map[interface {}]interface {}{".Values.x":interface {}(nil)}'),
        ("? [a, 1, true]\n: b", 'yaml: invalid map key: []interface {}{"a", 1, true}'),
        # sigs.k8s.io/yaml, convertToJSONableObject
        ("null: a", 'unsupported map key of type: %!s(<nil>), key: <nil>, value: "a"'),
        # encoding/json
        (".inf", f"{INF}+Inf"),
        ("-.INF", f"{INF}-Inf"),
        (".NaN", f"{INF}NaN"),
        # resolve.go
        ("!!int abc", "yaml: cannot decode !!str `abc` as a !!int"),
        ("!!bool 1", "yaml: cannot decode !!int `1` as a !!bool"),
        ("!!null x", "yaml: cannot decode !!str `x` as a !!null"),
        ("<<: 5", "yaml: map merge requires map or sequence of maps as the value"),
    ],
)  # fmt: skip
def test_what_go_cannot_read_is_refused_in_its_words(text: str, message: str) -> None:
    with pytest.raises(YamlError) as refused:
        load(text)

    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\na: 2", 'line 2: key "a" already set in map'),
        ("1: a\n1: b", "line 2: key 1 already set in map"),
        # decode.go, setMapIndex: the line is that of the value
        ("a:\n  b: 1\na:\n  c: 1\n", 'line 4: key "a" already set in map'),
    ],
)
def test_a_key_that_stands_twice_is_told_with_the_line_of_its_value(text: str, words: str) -> None:
    assert load(text).duplicates == [words]
