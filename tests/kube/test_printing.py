"""Tables of the API server: columns and cells as recorded, and the formats that no recording shows."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from svclab.kube.meta import duration
from svclab.kube.printing import table
from svclab.kube.printing_core import pod_status
from svclab.kube.resources import by_plural

RECORDED = (Path(__file__).parents[1] / "recordings" / "kubectl" / "kubectl-output.md").read_text()
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def recorded_columns():
    """(path, [(name, type, format, priority)]) of each recorded Table."""
    for path, text in re.findall(
        r"`GET (/api\S+)` with `Accept[^`]*as=Table.*?```json\n(.*?)```", RECORDED, re.S
    ):
        found = re.search(r'"columnDefinitions":(\[.*?\n\])', text, re.S)
        if found:
            yield path, json.loads(found[1])


@pytest.mark.parametrize(
    ("path", "columns"), list(recorded_columns()), ids=lambda v: v if isinstance(v, str) else ""
)
def test_columns_are_those_of_the_real_server(path, columns):
    group, version, plural = re.match(
        r"/apis?/(?:([\w.]+)/)?(v1)/(?:namespaces/\w+/)?(\w+)", path.partition("?")[0]
    ).groups(default="")

    ours = table(by_plural(group, version, plural), [], NOW)["columnDefinitions"]

    wanted = ("name", "type", "format", "priority")
    assert [[c[key] for key in wanted] for c in ours] == [[c[key] for key in wanted] for c in columns]
    assert all(column["description"] for column in ours)


@pytest.mark.parametrize(
    ("seconds", "age"),
    [
        (0, "0s"), (119, "119s"), (120, "2m"), (125, "2m5s"), (599, "9m59s"), (600, "10m"), (5400, "90m"),
        (3 * 3600, "3h"), (4 * 3600 + 1200, "4h20m"), (30 * 3600, "30h"), (76 * 3600, "3d4h"), (3 * 86400, "3d"),
        (40 * 86400, "40d"), (760 * 86400, "2y30d"), (9 * 365 * 86400, "9y"), (-0.5, "0s"), (-5, "<invalid>"),
    ],
)  # fmt: skip
def test_ages(seconds, age):
    assert duration(seconds) == age


def cells(plural, manifest, group=""):
    manifest.setdefault("metadata", {"name": "x"})
    return table(by_plural(group, "v1", plural), [manifest], NOW)["rows"][0]["cells"]


def service(**spec):
    return {"spec": {"ports": [{"port": 80}], "clusterIP": "10.96.0.9", **spec}}


@pytest.mark.parametrize(
    ("spec", "shown"),
    [
        ({}, ["ClusterIP", "10.96.0.9", "<none>", "80/TCP"]),
        ({"clusterIP": "None"}, ["ClusterIP", "None", "<none>", "80/TCP"]),
        ({"externalIPs": ["1.2.3.4", "1.2.3.5"]}, ["ClusterIP", "10.96.0.9", "1.2.3.4,1.2.3.5", "80/TCP"]),
        ({"type": "LoadBalancer"}, ["LoadBalancer", "10.96.0.9", "<pending>", "80/TCP"]),
        ({"type": "NodePort", "ports": [{"port": 53, "nodePort": 30053, "protocol": "UDP"}]},
         ["NodePort", "10.96.0.9", "<none>", "53:30053/UDP"]),
        ({"type": "ExternalName", "externalName": "db.example.com", "ports": []},
         ["ExternalName", "<none>", "db.example.com", "<none>"]),
    ],
)  # fmt: skip
def test_a_services_row(spec, shown):
    assert cells("services", service(**spec))[1:5] == shown


def test_endpoints_show_three_addresses_port_by_port():
    subset = {"addresses": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}], "ports": [{"port": 80}, {"port": 443}]}

    assert cells("endpoints", {"subsets": [subset]})[1] == "10.0.0.1:80,10.0.0.2:80,10.0.0.1:443 + 1 more..."
    assert cells("endpoints", {})[1] == "<none>"


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ({"phase": "Pending"}, "Pending"),
        ({"phase": "Running", "containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]},
         "CrashLoopBackOff"),
        ({"phase": "Failed", "containerStatuses": [{"state": {"terminated": {"exitCode": 3}}}]}, "ExitCode:3"),
        ({"phase": "Succeeded", "containerStatuses": [{"state": {"terminated": {"reason": "Completed"}}}]},
         "Completed"),
        ({"phase": "Failed", "reason": "Evicted"}, "Evicted"),
        ({"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": {"running": {}}}]}, "Init:0/1"),
    ],
)  # fmt: skip
def test_a_pods_status(status, shown):
    pod = {"metadata": {"name": "x"}, "spec": {"initContainers": [{"name": "i"}]}, "status": status}
    assert pod_status(pod) == shown
    pod["metadata"]["deletionTimestamp"] = "2026-03-01T00:00:00Z"
    assert pod_status(pod) == "Terminating"


def test_restarts_tell_when_the_last_one_was():
    ended = (NOW - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    container = {
        "restartCount": 2,
        "lastState": {"terminated": {"finishedAt": ended}},
        "state": {"running": {}},
    }

    assert cells("pods", {"status": {"containerStatuses": [container]}})[3] == "2 (5m ago)"


def test_a_watch_sends_the_columns_only_once():
    pods = by_plural("", "v1", "pods")

    assert table(pods, [], NOW, with_columns=False)["columnDefinitions"] is None
    row = table(pods, [{"metadata": {"name": "x"}}], NOW, "Object")["rows"][0]
    assert row["object"]["kind"] == "Pod"
