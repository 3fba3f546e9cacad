"""kubectl's JSONPath: what the templates of its documentation and of the exam find."""

import pytest

from svclab.kube.jsonpath import JsonPathError, find, parse, relaxed, render

NODES = {
    "kind": "List",
    "items": [
        {
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
            "spec": {"podCIDR": f"10.244.{index}.0/24"},
            "status": {
                "addresses": [
                    {"type": "InternalIP", "address": f"192.168.64.1{index}"},
                    {"type": "ExternalIP", "address": f"203.0.113.1{index}"},
                ]
            },
        }
        for index, name in enumerate(["control-plane", "node1", "node2"])
    ],
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{.items[*].metadata.name}", "control-plane node1 node2"),
        ("{.items[0].metadata.name}", "control-plane"),
        ("{.items[-1].metadata.name}", "node2"),
        ("{.items[0:2].metadata.name}", "control-plane node1"),
        ('{.items[*].status.addresses[?(@.type=="InternalIP")].address}', "192.168.64.10 192.168.64.11 192.168.64.12"),
        ('{.items[?(@.metadata.name!="node1")].metadata.name}', "control-plane node2"),
        ("{.items[?(@.spec.unschedulable)].metadata.name}", ""),
        ('{range .items[*]}{.metadata.name}{"\\t"}{.spec.podCIDR}{"\\n"}{end}',
         "control-plane\t10.244.0.0/24\nnode1\t10.244.1.0/24\nnode2\t10.244.2.0/24\n"),
        (r"{.items[1].metadata.labels.kubernetes\.io/hostname}", "node1"),
        ("{.items[*]['metadata.name','spec.podCIDR']}",
         "control-plane node1 node2 10.244.0.0/24 10.244.1.0/24 10.244.2.0/24"),
        ("{..podCIDR}", "10.244.0.0/24 10.244.1.0/24 10.244.2.0/24"),
        ("{.items[1].spec}", '{"podCIDR":"10.244.1.0/24"}'),
        ("{.items[1].nothing.at.all}", ""),
        ("{$.kind} and {@.kind}", "List and List"),
        (".kind", ".kind"),
        ("{.kind .spec}", ""),
        ('{"a" "b"}', "b"),
        ("{.items[?(@.nothing==1)].metadata.name}", ""),
        ('{range .items[*]}{.metadata.name}{" "}', "control-plane node1 node2  "),
        ("{range .nothing[*]}{.x}{end}after", "after"),
        ("{.items[1]['metadata.name','nothing']}", "node1"),
        ('{"\\u0041\\x42"}', "AB"),
    ],
)  # fmt: skip
def test_a_template_prints(template, text):
    assert render(parse(template), NODES) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{.items[", "unterminated array"),
        ("{.items[}", "unterminated array"),
        ("{.items[9].metadata}", "array index out of bounds: index 9, length 3"),
        ("{end}", "not in range, nothing to end"),
        ("{nothing}", "unrecognized identifier nothing"),
        ("{#}", "unrecognized character in action: U+0023 '#'"),
        ('{.items["a"]}', 'invalid array index "a"'),
        ("{.items[1:0]}", "starting index 1 is greater than ending index 0"),
        ("{.items[?(@.metadata.name==1)]}", "incompatible types for comparison"),
        ("{.items[?(@==1)]}", "invalid type for comparison"),
        ("{.kind[?(@.x)]}", "List is not array or slice and cannot be filtered"),
    ],
)
def test_a_template_fails_in_kubectls_words(template, message):
    with pytest.raises(JsonPathError) as refused:
        render(parse(template), NODES)
    assert str(refused.value) == message


@pytest.mark.parametrize("path", ["x.y", ".x.y", "{x.y}", "{.x.y}"])
def test_paths_for_columns_may_be_written_loosely(path):
    assert relaxed(path) == "{.x.y}"
    assert find(path, {"x": {"y": 1}}) == [1]
