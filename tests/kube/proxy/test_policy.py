"""Which endpoints kube-proxy uses: traffic policies, topology hints, and what if nothing is ready.

Many rows are those of kube-proxy's pkg/proxy/topology_test.go.
"""

import pytest

from svclab.kube.proxy.policy import choose
from svclab.kube.proxy.watched import watch
from tests.kube.proxy.clusters import CONFIG

READY = {"ready": True, "serving": True, "terminating": False}
NOT_READY = {"ready": False, "serving": False, "terminating": False}
STILL_SERVING = {"ready": False, "serving": True, "terminating": True}
GONE = {"ready": False, "serving": False, "terminating": True}
ZONE_A, ZONE_B = {"forZones": [{"name": "zone-a"}]}, {"forZones": [{"name": "zone-b"}]}
BOTH_ZONES = {"forZones": [{"name": "zone-b"}, {"name": "zone-a"}]}
NODE_1, NODE_2 = {"forNodes": [{"name": "node1"}]}, {"forNodes": [{"name": "node2"}]}


def endpoint(last: int, node: str, conditions: dict, hints: dict | None = None) -> dict:
    """10.244.0.`last` on a node."""
    found = {"addresses": [f"10.244.0.{last}"], "nodeName": node, "conditions": conditions}
    return found | ({"hints": hints} if hints else {})


def chosen(endpoints: list[dict], **spec) -> tuple[list[int], list[int], bool]:
    """The last numbers of the cluster's and of the local endpoints in use on node1, and if there is any."""
    service = {
        "kind": "Service",
        "metadata": {"namespace": "demo", "name": "web"},
        "spec": {
            "clusterIP": "10.96.0.9",
            "ports": [{"port": 80, "nodePort": 30080}],
            "type": "NodePort",
            **spec,
        },
    }
    slice_ = {
        "kind": "EndpointSlice",
        "metadata": {"namespace": "demo", "name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "ports": [{"name": "", "port": 80}],
        "endpoints": endpoints,
    }
    watched = watch([service], [slice_], CONFIG)
    (port,) = watched.ports["demo", "web"]
    choice = choose(port, watched.endpoints(port), CONFIG)
    last = [[int(e.ip.split(".")[3]) for e in ends] for ends in (choice.cluster, choice.local)]
    return last[0], last[1], choice.has_any


EVERYWHERE = [endpoint(1, "node1", READY), endpoint(2, "node2", READY)]
TABLE = [
    ("ready ones on all nodes", EVERYWHERE, {}, ([1, 2], [], True)),
    ("external Local keeps both lists", EVERYWHERE, {"externalTrafficPolicy": "Local"}, ([1, 2], [1], True)),
    (
        "internal Local alone needs no cluster list",
        EVERYWHERE,
        {"internalTrafficPolicy": "Local", "type": "ClusterIP", "ports": [{"port": 80}]},
        ([], [1], True),
    ),
    (
        "external Local does not count for a Service that nobody reaches from outside",
        EVERYWHERE,
        {"externalTrafficPolicy": "Local", "type": "ClusterIP", "ports": [{"port": 80}]},
        ([1, 2], [], True),
    ),
    (
        "without local endpoints there are still endpoints somewhere",
        [endpoint(2, "node2", READY)],
        {"externalTrafficPolicy": "Local"},
        ([2], [], True),
    ),
    ("not ready is never used", [endpoint(1, "node1", NOT_READY)], {}, ([], [], False)),
    (
        "terminating ones are passed over while one is ready",
        [endpoint(1, "node1", STILL_SERVING), endpoint(2, "node2", READY)],
        {},
        ([2], [], True),
    ),
    (
        "terminating ones that still serve are used when none is ready",
        [endpoint(1, "node1", STILL_SERVING), endpoint(2, "node2", GONE)],
        {},
        ([1], [], True),
    ),
    (
        "the local list falls back by itself",
        [endpoint(1, "node1", STILL_SERVING), endpoint(2, "node2", READY)],
        {"externalTrafficPolicy": "Local"},
        ([2], [1], True),
    ),
    (
        "hints for this zone narrow the list",
        [endpoint(1, "node1", READY, ZONE_A), endpoint(2, "node2", READY, ZONE_B)],
        {},
        ([1], [], True),
    ),
    (
        "one endpoint without a hint and no hint counts",
        [endpoint(1, "node1", READY, ZONE_A), endpoint(2, "node2", READY)],
        {},
        ([1, 2], [], True),
    ),
    ("hints for other zones only do not count", [endpoint(2, "node2", READY, ZONE_B)], {}, ([2], [], True)),
    (
        "hints for this node come before hints for its zone",
        [endpoint(1, "node1", READY, NODE_1 | ZONE_B), endpoint(2, "node2", READY, NODE_2 | ZONE_A)],
        {},
        ([1], [], True),
    ),
    (
        "hints for other nodes only leave it to the zone",
        [endpoint(1, "node2", READY, NODE_2 | ZONE_A), endpoint(2, "node2", READY, NODE_2 | ZONE_B)],
        {},
        ([1], [], True),
    ),
    (
        "so does one endpoint without a hint for nodes",
        [endpoint(1, "node1", READY, NODE_1 | ZONE_B), endpoint(2, "node2", READY, ZONE_A)],
        {},
        ([2], [], True),
    ),
    (
        "an endpoint may be meant for several zones",
        [endpoint(1, "node2", READY, BOTH_ZONES), endpoint(2, "node2", READY, ZONE_B)],
        {},
        ([1], [], True),
    ),
    (
        "hints of what is not ready do not count, nor does their absence",
        [
            endpoint(1, "node1", READY, ZONE_A),
            endpoint(2, "node2", READY, ZONE_B),
            endpoint(3, "node2", GONE),
        ],
        {},
        ([1], [], True),
    ),
    (
        "an endpoint of the zone that is not ready does not keep out those of others",
        [endpoint(1, "node1", NOT_READY, ZONE_A), endpoint(2, "node2", READY, ZONE_B)],
        {},
        ([2], [], True),
    ),
    (
        "external Local does not ask hints",
        [endpoint(1, "node1", READY, ZONE_B), endpoint(2, "node2", READY, ZONE_A)],
        {"externalTrafficPolicy": "Local"},
        ([2], [1], True),
    ),
    (
        "nor does internal Local",
        [endpoint(1, "node1", READY, ZONE_B), endpoint(2, "node2", READY, ZONE_A)],
        {"internalTrafficPolicy": "Local"},
        ([2], [1], True),
    ),
    (
        "internal Local alone knows of endpoints elsewhere and uses none",
        [endpoint(2, "node2", READY)],
        {"internalTrafficPolicy": "Local", "type": "ClusterIP", "ports": [{"port": 80}]},
        ([], [], True),
    ),
    (
        "of terminating ones elsewhere, too",
        [endpoint(2, "node2", STILL_SERVING)],
        {"internalTrafficPolicy": "Local", "type": "ClusterIP", "ports": [{"port": 80}]},
        ([], [], True),
    ),
    (
        "both policies Local, and all endpoints elsewhere and terminating",
        [endpoint(2, "node2", STILL_SERVING), endpoint(3, "node2", GONE)],
        {"internalTrafficPolicy": "Local", "externalTrafficPolicy": "Local"},
        ([2], [], True),
    ),
    (
        "ready though terminating, as a Service that publishes everything has it",
        [endpoint(1, "node1", {"ready": True, "serving": True, "terminating": True})],
        {"externalTrafficPolicy": "Local"},
        ([1], [1], True),
    ),
    (
        "hints are for ready endpoints: a terminating one is used wherever it is",
        [endpoint(1, "node1", STILL_SERVING, ZONE_A), endpoint(2, "node2", STILL_SERVING, ZONE_B)],
        {},
        ([1, 2], [], True),
    ),
    (
        "order is that of text",
        [endpoint(n, "node2", READY) for n in (1, 2, 10, 100)],
        {},
        ([100, 10, 1, 2], [], True),
    ),
]


@pytest.mark.parametrize(
    ("endpoints", "spec", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_endpoints_in_use(endpoints, spec, expected):
    assert chosen(endpoints, **spec) == expected


def test_of_two_slices_with_the_same_address_the_one_that_does_not_terminate_wins():
    twice = [endpoint(1, "node1", STILL_SERVING), endpoint(1, "node1", READY), endpoint(1, "node1", GONE)]

    assert chosen(twice) == ([1], [], True)
