"""kubectl port-forward: a way into one pod that no Service is on."""

import pytest

from svclab.kube.portforward import Forwarded
from svclab.linux.dice import Dice
from svclab.linux.trace import Outcome
from tests.builders import NOW, node, pod, service, slice_of, world

CONTROL_PLANE = {"node-role.kubernetes.io/control-plane": ""}


def forwarded(port=80, on="node1"):
    """The trace of a request over a port-forward to the one pod of a Service."""
    web = pod("web", "10.244.1.4" if on == "node1" else "10.244.0.4", on)
    backend = service("backend", "10.96.0.50")
    objects = [
        node(0, "control-plane", labels=CONTROL_PLANE),
        node(1),
        web,
        backend,
        slice_of(backend, [web]),
    ]
    return Forwarded("default", "web", port).perform(world(objects), Dice("seed"), NOW).trace


def legs(trace, *, reply):
    return [(s.source, s.host, s.carrier) for s in trace.steps if s.kind == "tunnel" and s.reply is reply]


def test_a_forwarded_request_goes_through_api_server_and_kubelet_and_comes_back_that_way():
    trace = forwarded()

    assert (trace.source, trace.target) == ("client/laptop", "port-forward default/web:80")
    assert legs(trace, reply=False) == [
        ("client/laptop", "node/control-plane", "API server"),
        ("node/control-plane", "node/node1", "kubelet"),
        ("node/node1", "pod/default/web", "pod"),
    ]
    assert legs(trace, reply=True) == [
        ("pod/default/web", "node/node1", "kubelet"),
        ("node/node1", "node/control-plane", "API server"),
        ("node/control-plane", "client/laptop", "kubectl"),
    ]
    assert (trace.end.code, trace.end.host) == (Outcome.OK, "client/laptop")


def test_no_rule_no_nat_and_no_link_are_on_the_way_and_the_pod_sees_itself():
    trace = forwarded()

    assert {step.kind for step in trace.steps}.isdisjoint({"rule", "skipped", "nat", "hop", "lookup"})
    assert (trace.end.endpoint, trace.end.source_seen) == ("127.0.0.1:80", "127.0.0.1")


def test_a_port_on_which_the_pod_does_not_listen_ends_the_tunnel_without_a_byte():
    trace = forwarded(port=81)

    assert trace.end.code is Outcome.RESET
    assert trace.end.words == "curl: (52) Empty reply from server"
    assert legs(trace, reply=True)


@pytest.mark.parametrize("reply", [False, True])
def test_a_pod_beside_the_api_server_needs_no_leg_between_nodes(reply):
    assert len(legs(forwarded(on="control-plane"), reply=reply)) == 2
