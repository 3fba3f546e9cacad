"""DELETE: grace for running pods, finalizers, namespaces, and which object is meant."""

from datetime import UTC, datetime
from typing import Any

import pytest

from svclab.kube.deletion import DeleteOptions, after_delete
from svclab.kube.resources import by_kind
from svclab.kube.status import Refusal

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def _object(kind: str, **more: Any) -> dict[str, Any]:
    metadata = {
        "name": "x",
        "namespace": "default",
        "uid": "u1",
        "resourceVersion": "7",
        **more.pop("metadata", {}),
    }
    return {"kind": kind, "metadata": metadata, **more}


def _deleted(manifest: dict[str, Any], **options: Any) -> dict[str, Any] | None:
    resource = by_kind(manifest["kind"])
    assert resource is not None
    return after_delete(resource, manifest, DeleteOptions.read(options), NOW)


def _pod(**metadata: Any) -> dict[str, Any]:
    spec = {"nodeName": "node1", "terminationGracePeriodSeconds": 30}
    return _object("Pod", spec=spec, status={"phase": "Running"}, metadata={"generation": 1, **metadata})


def test_a_running_pod_gets_its_grace() -> None:
    left = _deleted(_pod())

    assert left is not None
    assert left["metadata"]["deletionTimestamp"] == "2026-03-01T12:00:30Z"
    assert left["metadata"]["deletionGracePeriodSeconds"] == 30
    assert left["metadata"]["generation"] == 2


def test_force_and_pods_that_run_nowhere_go_at_once() -> None:
    assert _deleted(_pod(), gracePeriodSeconds=0) is None
    assert _deleted(_object("Pod", spec={}, status={"phase": "Pending"})) is None
    assert _deleted(_object("Pod", spec={"nodeName": "n"}, status={"phase": "Succeeded"})) is None


def test_deleting_again_may_only_shorten_the_grace() -> None:
    once = _deleted(_pod())
    assert once is not None

    longer, shorter = _deleted(once, gracePeriodSeconds=60), _deleted(once, gracePeriodSeconds=5)

    assert longer == once
    assert shorter is not None
    assert shorter["metadata"]["deletionTimestamp"] == "2026-03-01T12:00:05Z"


def test_finalizers_hold_an_object_and_propagation_adds_its_own() -> None:
    held = _deleted(_object("ConfigMap", metadata={"finalizers": ["example.com/hold"]}))
    foreground = _deleted(_object("Deployment"), propagationPolicy="Foreground")
    orphan = _deleted(_object("Deployment"), orphanDependents=True)

    assert held is not None
    assert held["metadata"]["finalizers"] == ["example.com/hold"]
    assert foreground is not None
    assert foreground["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert orphan is not None
    assert orphan["metadata"]["finalizers"] == ["orphan"]
    assert _deleted(_object("Deployment"), propagationPolicy="Background") is None


def test_a_namespace_goes_through_terminating() -> None:
    left = _deleted(_object("Namespace", spec={"finalizers": ["kubernetes"]}, status={"phase": "Active"}))

    assert left is not None
    assert left["status"]["phase"] == "Terminating"
    assert "deletionTimestamp" in left["metadata"]


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_the_systems_namespaces_stay(name: str) -> None:
    with pytest.raises(Refusal, match="this namespace may not be deleted"):
        _deleted(_object("Namespace", metadata={"name": name}))


def test_a_precondition_names_the_very_object() -> None:
    with pytest.raises(Refusal, match="the UID in the precondition") as caught:
        _deleted(_object("Service"), preconditions={"uid": "another"})
    assert caught.value.code == 409
    assert _deleted(_object("Service"), preconditions={"uid": "u1", "resourceVersion": "7"}) is None
