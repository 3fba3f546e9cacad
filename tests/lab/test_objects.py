"""What a page is told of an object."""

from svclab.lab.objects import DRAWN, reference, trimmed


def _pod():
    return {
        "kind": "Pod",
        "metadata": {
            "name": "a",
            "namespace": "x",
            "uid": "u",
            "managedFields": [{}],
            "annotations": {"secret": "1"},
        },
        "spec": {
            "nodeName": "node1",
            "containers": [
                {"name": "c", "image": "i", "env": [{"name": "PASSWORD", "value": "p"}], "ports": []}
            ],
        },
        "status": {"phase": "Running", "podIP": "10.244.1.2", "hostIP": "192.168.64.11"},
    }


def test_a_pod_is_told_without_its_environment_annotations_and_managed_fields():
    told = trimmed(_pod())
    assert told == {
        "kind": "Pod",
        "metadata": {"name": "a", "namespace": "x", "uid": "u"},
        "spec": {"nodeName": "node1", "containers": [{"name": "c", "image": "i", "ports": []}]},
        "status": {"phase": "Running", "podIP": "10.244.1.2"},
    }


def test_secrets_and_config_maps_never_go_to_the_page():
    assert {"Secret", "ConfigMap", "ServiceAccount", "Event"}.isdisjoint(DRAWN)


def test_a_deleted_object_is_named_and_no_more():
    assert reference(_pod()) == {"kind": "Pod", "metadata": {"name": "a", "namespace": "x", "uid": "u"}}
