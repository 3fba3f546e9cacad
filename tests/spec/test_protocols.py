"""What each transport protocol's client notices: UDP, TCP, SCTP, and ping."""

import pytest

from svclab.linux.packet import Protocol
from svclab.linux.trace import Outcome, Verdict
from tests.builders import curl, pod, service, slice_of, standard, world

DEBUG = pod("debug", "10.244.1.9", "node1", image="nicolaka/netshoot", ports=())
SERVER = pod("server", "10.244.2.4", "node2", image="example.com/server:1", ports=())
PORT = 5000


def cluster(protocol, ready=True, listening=True):
    """A Service of this protocol; whether its pod is an endpoint, and whether it listens."""
    server = pod("server", "10.244.2.4", "node2", image="example.com/server:1", ports=())
    ports = [{"containerPort": PORT, "protocol": protocol}] if listening else []
    server["spec"]["containers"][0]["ports"] = ports
    svc = service("server", "10.96.5.5", port=PORT, target=PORT, protocol=protocol)
    return world(standard(DEBUG, server, svc, slice_of(svc, [server] if ready else [])))


def end(where, protocol, source="pod/default/debug"):
    """How a request to the Service ends."""
    found = curl(where, source, f"10.96.5.5:{PORT}", protocol=Protocol(protocol)).end
    return found.code, found.verdict


@pytest.mark.parametrize("protocol", ["TCP", "UDP", "SCTP"])
def test_every_protocol_of_a_service_gets_its_answer(protocol):
    assert end(cluster(protocol), protocol) == (Outcome.OK, Verdict.ANSWERED)


@pytest.mark.parametrize("protocol", ["TCP", "UDP", "SCTP"])
def test_a_port_on_which_nobody_listens_refuses(protocol):
    assert end(cluster(protocol, listening=False), protocol) == (Outcome.RESET, Verdict.REFUSED)


@pytest.mark.parametrize(
    ("protocol", "source", "seen"),
    [
        ("TCP", "pod/default/debug", (Outcome.REJECTED, Verdict.REFUSED)),
        ("UDP", "pod/default/debug", (Outcome.REJECTED, Verdict.REFUSED)),
        # an SCTP socket takes no ICMP error as its end: it goes on trying
        ("SCTP", "pod/default/debug", (Outcome.REJECTED, Verdict.TIMEOUT)),
        ("TCP", "node/node1", (Outcome.REJECTED, Verdict.REFUSED)),
        ("UDP", "node/node1", (Outcome.DENIED, Verdict.ERROR)),
    ],
)
def test_without_endpoints_the_icmp_error_means_something_else_to_each(protocol, source, seen):
    assert end(cluster(protocol, ready=False), protocol, source) == seen


@pytest.mark.parametrize(
    ("target", "code"), [("10.244.2.4", "OK"), ("10.96.5.5", "UNROUTED"), ("192.168.64.12", "OK")]
)
def test_ping_reaches_hosts_but_no_cluster_ip(target, code):
    found = curl(cluster("TCP"), "pod/default/debug", target, protocol=Protocol.ICMP).end

    assert found.code.value == code
