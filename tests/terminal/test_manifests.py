"""Manifests are read as kubectl reads them, and errors know their line."""

import pytest

from svclab.terminal.manifests import ManifestError, read_manifests

TWO = """apiVersion: v1
kind: Service
metadata:
  name: a
spec:
  ports:
  - port: 80
  - name: x
    port: 99999
---
kind: Pod
spec:
  containers:
  - name: web
"""


def test_documents_know_where_they_begin():
    assert [(d.index, d.line, d.manifest["kind"]) for d in read_manifests(TWO)] == [
        (0, 1, "Service"),
        (1, 11, "Pod"),
    ]


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("a:\n\tb: c\n", "yaml: line 2: found character that cannot start any token", 2),
        ("a: b: c\n", "yaml: mapping values are not allowed in this context", 1),
        ("x: 1\n---\na: [\n", "yaml: line 1: did not find expected node content", 3),
        ("a: *b\n", "yaml: unknown anchor 'b' referenced", 1),
    ],
)
def test_what_is_no_yaml_is_refused_with_kubectls_words_and_its_line(text, message, line):
    with pytest.raises(ManifestError) as refused:
        read_manifests(text, "f.yaml")
    assert refused.value.message == f"error parsing f.yaml: error converting YAML to JSON: {message}"
    assert refused.value.line == line


@pytest.mark.parametrize(
    ("written", "read"),
    [("y", True), ("off", False), ("'y'", "y"), ("010", 8), ("0x10", 16), ("1.0", 1), ("~", None)],
)
def test_scalars_mean_what_they_mean_to_kubectl(written, read):
    assert read_manifests(f"a: {written}\n")[0].manifest == {"a": read}


def test_an_alias_bomb_is_refused():
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdef", "bcdefg", strict=True)
    )

    with pytest.raises(ManifestError, match="document contains excessive aliasing"):
        read_manifests(bomb)
