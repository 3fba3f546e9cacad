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
    spec = {"ports": [{"port": 80}], "clusterIP": "10.96.0.9", **spec}
    if spec.get("type") != "ExternalName":
        spec["clusterIPs"] = [spec["clusterIP"]]
    return {"spec": spec}


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


def test_a_load_balancers_addresses_stand_once_and_in_order():
    balanced = service(type="LoadBalancer", externalIPs=["1.1.1.1"])
    ingress = [{"ip": "9.9.9.9"}, {"hostname": "lb.example.com"}, {"ip": "10.0.0.1"}, {"ip": "9.9.9.9"}]
    balanced["status"] = {"loadBalancer": {"ingress": ingress}}

    assert cells("services", balanced)[3] == "10.0.0.1,9.9.9.9,lb.example.com,1.1.1.1"


def test_endpoints_that_are_not_ready_leave_the_cell_empty():
    assert cells("endpoints", {"subsets": [{"notReadyAddresses": [{"ip": "10.0.0.1"}]}]})[1] == ""


@pytest.mark.parametrize(
    ("ports", "shown"),
    [
        ([{"port": 80, "name": "web"}], "80"),
        ([{"name": "web"}, {"port": 53}], "web,53"),
        ([{"name": ""}], "<unset>"),
        ([], "<unset>"),
        ([{"port": port} for port in (1, 2, 3, 4, 5)], "1,2,3 + 2 more..."),
    ],
)
def test_a_port_of_a_slice_is_its_number_or_its_name(ports, shown):
    found = cells("endpointslices", {"addressType": "IPv4", "ports": ports}, "discovery.k8s.io")
    assert found[2] == shown


@pytest.mark.parametrize(
    ("hosts", "shown"),
    [
        ([], "*"),
        (["", ""], "*"),
        (["a", ""], "a"),
        (["a", "b", "c"], "a,b,c"),
        (["a", "b", "c", ""], "a,b,c + 1 more..."),
        (["", "a", "b", "c", "d"], "a,b,c + 2 more..."),
    ],
)
def test_an_ingress_names_three_hosts(hosts, shown):
    rules = [{"host": host} if host else {} for host in hosts]
    assert cells("ingresses", {"spec": {"rules": rules}}, "networking.k8s.io")[2] == shown


def test_an_event_about_nothing_by_name_tells_the_kind_and_who_reported_it():
    event = {
        "involvedObject": {"kind": "Node"},
        "reportingComponent": "kubelet",
        "reportingInstance": "node1",
    }
    assert cells("events", event)[3:6] == ["node", "", "kubelet, node1"]


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
    over = status["phase"] in ("Succeeded", "Failed")
    assert pod_status(pod) == (shown if over else "Terminating")


def _container(name, restarts, minutes_ago, **state):
    ended = (NOW - timedelta(minutes=minutes_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    last = {"terminated": {"finishedAt": ended}}
    return {"name": name, "restartCount": restarts, "lastState": last, **state}


def test_while_a_pod_initialises_the_restarts_are_those_of_its_init_containers():
    init = [
        _container("done", 2, 9, state={"terminated": {"exitCode": 0}}),
        _container("now", 3, 4, state={"waiting": {"reason": "CrashLoopBackOff"}}),
        _container("later", 0, 1),
    ]
    spec = {"containers": [{"name": "main"}], "initContainers": [{"name": c["name"]} for c in init]}

    shown = cells("pods", {"spec": spec, "status": {"phase": "Pending", "initContainerStatuses": init}})

    assert shown[1:4] == ["0/1", "Init:CrashLoopBackOff", "5 (4m ago)"]


def test_afterwards_they_are_those_of_its_sidecars_and_its_containers():
    init = [
        _container("done", 2, 9, state={"terminated": {"exitCode": 0}}),
        _container("sidecar", 1, 7, started=True, ready=True, state={"running": {}}),
    ]
    main = _container("main", 3, 8, ready=True, state={"running": {}})
    spec = {
        "containers": [{"name": "main"}],
        "initContainers": [{"name": "done"}, {"name": "sidecar", "restartPolicy": "Always"}],
    }
    status = {"phase": "Running", "initContainerStatuses": init, "containerStatuses": [main]}

    assert cells("pods", {"spec": spec, "status": status})[1:4] == ["2/2", "Running", "4 (7m ago)"]


@pytest.mark.parametrize(
    ("phase", "reasons"), [("Succeeded", ["Succeeded"]), ("Failed", ["Failed"]), ("Running", None)]
)
def test_the_row_of_a_pod_that_has_ended_says_so(phase, reasons):
    pod = {"metadata": {"name": "x"}, "status": {"phase": phase}}

    row = table(by_plural("", "v1", "pods"), [pod], NOW)["rows"][0]

    found = row.get("conditions")
    assert (found and [condition["reason"] for condition in found]) == reasons


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
