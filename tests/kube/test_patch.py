"""The API's patch formats: lists merge by the keys that Kubernetes declares, directives are obeyed."""

import pytest

from svclab.kube.patch import PatchError, json_patch, merge_patch, strategic_merge

SERVICE = {
    "kind": "Service",
    "metadata": {"name": "shop", "labels": {"a": "1"}},
    "spec": {
        "ports": [{"port": 80, "name": "http"}, {"port": 443, "name": "https"}],
        "selector": {"app": "shop"},
    },
}
POD = {"kind": "Pod", "spec": {"containers": [{"name": "web", "image": "nginx:1.25", "args": ["a", "b"]}]}}


def ports(patch):
    return strategic_merge("Service", SERVICE, {"spec": patch})["spec"]["ports"]


@pytest.mark.parametrize(
    ("why", "patch", "numbers"),
    [
        (
            "a port with a known number is changed in place",
            {"ports": [{"port": 443, "name": "tls"}]},
            [80, 443],
        ),
        ("a new port comes before those the server has", {"ports": [{"port": 9090}]}, [9090, 80, 443]),
        ("$patch: delete takes one port out", {"ports": [{"port": 80, "$patch": "delete"}]}, [443]),
        ("$patch: replace leaves only what follows", {"ports": [{"$patch": "replace"}, {"port": 1}]}, [1]),
        (
            "$setElementOrder says where a new port stands",
            {"$setElementOrder/ports": [{"port": 80}, {"port": 443}, {"port": 9}], "ports": [{"port": 9}]},
            [80, 443, 9],
        ),
        (
            "$setElementOrder alone reorders",
            {"$setElementOrder/ports": [{"port": 443}, {"port": 80}]},
            [443, 80],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_service_ports_merge_by_number(why, patch, numbers):
    assert [port["port"] for port in ports(patch)] == numbers


# apimachinery pkg/util/strategicpatch, validatePatchWithSetOrderList
@pytest.mark.parametrize("told", [[{"port": 9}, {"port": 8}], [{"port": 8}]])
def test_what_a_patch_sets_must_stand_in_the_order_that_it_tells(told):
    patch = {"$setElementOrder/ports": told, "ports": [{"port": 8}, {"port": 9}]}
    with pytest.raises(PatchError) as refused:
        ports(patch)
    shown = " ".join(f"map[port:{port['port']}]" for port in told)
    assert str(refused.value) == (
        "The order in patch list:\n[map[port:8] map[port:9]]\n doesn't match $setElementOrder list:\n"
        f"[{shown}]\n"
    )


def test_a_port_without_its_number_cannot_be_merged():
    with pytest.raises(PatchError, match="does not contain declared merge key: port"):
        ports({"ports": [{"name": "x"}]})


def test_containers_merge_by_name_and_their_arguments_are_replaced():
    patch = {"spec": {"containers": [{"name": "web", "args": ["c"]}, {"name": "side", "image": "busybox"}]}}

    containers = strategic_merge("Pod", POD, patch)["spec"]["containers"]

    assert containers == [
        {"name": "web", "image": "nginx:1.25", "args": ["c"]},
        {"name": "side", "image": "busybox"},
    ]


def test_null_removes_a_key_and_maps_merge():
    patched = strategic_merge("Service", SERVICE, {"metadata": {"labels": {"a": None, "b": "2"}}})

    assert patched["metadata"]["labels"] == {"b": "2"}
    assert SERVICE["metadata"]["labels"] == {"a": "1"}


def test_finalizers_merge_as_a_set_and_can_be_taken_out():
    node = {"metadata": {"finalizers": ["a", "b"]}}

    added = strategic_merge("Node", node, {"metadata": {"finalizers": ["c", "a"]}})
    removed = strategic_merge("Node", node, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}})

    assert sorted(added["metadata"]["finalizers"]) == ["a", "b", "c"]
    assert removed["metadata"]["finalizers"] == ["b"]


def test_retain_keys_drops_the_rolling_update_of_a_recreate_strategy():
    before = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}

    assert strategic_merge("Deployment", before, patch)["spec"]["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([{"op": "add", "path": "/a/1", "value": 9}], {"a": [1, 9, 2], "b": {}}),
        ([{"op": "add", "path": "/a/-", "value": 9}], {"a": [1, 2, 9], "b": {}}),
        ([{"op": "remove", "path": "/a/0"}], {"a": [2], "b": {}}),
        ([{"op": "replace", "path": "/b", "value": 3}], {"a": [1, 2], "b": 3}),
        ([{"op": "move", "from": "/b", "path": "/c"}], {"a": [1, 2], "c": {}}),
        ([{"op": "copy", "from": "/a", "path": "/b/x~1y"}], {"a": [1, 2], "b": {"x/y": [1, 2]}}),
        ([{"op": "test", "path": "/a/0", "value": 1}], {"a": [1, 2], "b": {}}),
    ],
    ids=lambda value: value[0]["op"] if isinstance(value, list) else "",
)
def test_json_patch_operations(operations, expected):
    assert json_patch({"a": [1, 2], "b": {}}, operations) == expected


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/none"},
        {"op": "replace", "path": "/none", "value": 1},
        {"op": "test", "path": "/a", "value": 2},
        {"op": "add", "path": "/x/y", "value": 1},
        {"op": "dance", "path": "/a"},
    ],
    ids=str,
)
def test_a_json_patch_that_does_not_fit_changes_nothing(operation):
    document = {"a": 1}

    with pytest.raises(PatchError):
        json_patch(document, [operation])
    assert document == {"a": 1}


def test_a_merge_patch_replaces_lists_and_removes_nulls():
    patched = merge_patch(SERVICE, {"spec": {"ports": [{"port": 1}], "selector": None}})

    assert patched["spec"] == {"ports": [{"port": 1}]}


@pytest.mark.parametrize(
    ("operation", "left"),
    [
        ({"op": "add", "path": "/-1", "value": 9}, [1, 2, 9]),
        ({"op": "add", "path": "/-3", "value": 9}, [9, 1, 2]),
        ({"op": "replace", "path": "/-1", "value": 9}, [1, 9]),
        ({"op": "remove", "path": "/-2"}, [2]),
        ({"op": "add", "path": "/0"}, [None, 1, 2]),
        ({"op": "add", "path": "/3", "value": 9}, None),
        ({"op": "add", "path": "/-4", "value": 9}, None),
        ({"op": "remove", "path": "/2"}, None),
        ({"op": "remove", "path": "/x"}, None),
    ],
)
def test_places_in_a_list_count_from_its_end_too(operation, left):
    """evanphx/json-patch, partialArray: negative indices; a value that is not given is null"""
    if left is None:
        with pytest.raises(PatchError):
            json_patch([1, 2], [operation])
    else:
        assert json_patch([1, 2], [operation]) == left
