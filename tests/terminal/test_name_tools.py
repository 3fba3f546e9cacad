"""dig, nslookup, host and getent in the terminal: where they are installed, and what they do there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from svclab.dns.tools.run import NO_SERVERS
from svclab.kube.nametool import ToolRun
from svclab.kube.request import perform
from svclab.linux.dice import Dice
from svclab.terminal.places import LAPTOP, Location
from svclab.terminal.session import Session, Wires
from tests.kube.dns_world import pod, slice_of, standard_objects, standard_snapshot, world_of
from tests.terminal.conftest import MemoryStore, StandingCluster, Typed, nothing_noted

DEBUG = Location("pod", "shop", "debug", "c", "nicolaka/netshoot")
BUSYBOX = Location("pod", "shop", "debug", "c", "busybox:1.36")


@dataclass
class Record:
    id: int
    sent: ToolRun


class Wire:
    """Stands where the cluster would send; keeps what was sent."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.snapshot = standard_snapshot()

    def __call__(self, cluster: Any, request: Any, origin: str) -> Record:
        done = perform(world_of(self.snapshot), request, Dice("typed"), cluster.now())
        self.records.append(Record(len(self.records) + 1, done))
        return self.records[-1]


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def at(wire: Wire) -> Callable[..., Typed]:
    """Opens a terminal at a place of a cluster with CoreDNS."""

    def open_at(location: Location, shell: str = "bash") -> Typed:
        cluster, store = StandingCluster(objects=standard_objects()), MemoryStore()
        wires = Wires(send=wire, services_at_start=nothing_noted)
        session = Session(cluster, location=location, shell=shell, store=store, wires=wires)
        return Typed(session, store)

    return open_at


def test_dig_runs_in_a_pod_and_its_trace_belongs_to_the_line(at: Callable[..., Typed], wire: Wire) -> None:
    typed = at(DEBUG)

    assert typed("dig +short web.shop.svc.cluster.local") == "10.96.5.5\n"
    assert typed.session.flows == [1]
    assert wire.records[0].sent.trace.source == "pod/shop/debug"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nslookup web", "Address: 10.96.5.5"),
        ("host web", "web.shop.svc.cluster.local has address 10.96.5.5"),
        ("getent hosts web", "10.96.5.5         web.shop.svc.cluster.local"),
    ],
)
def test_the_tools_search_as_the_pods_resolver_does(at: Callable[..., Typed], line: str, words: str) -> None:
    assert words in at(DEBUG)(line)


def test_failure_is_an_exit_code_that_the_shell_sees(at: Callable[..., Typed]) -> None:
    assert at(DEBUG)("nslookup nosuch > /dev/null || echo failed with $?") == "failed with 1\n"


def test_the_laptop_does_not_know_the_clusters_names(at: Callable[..., Typed]) -> None:
    typed = at(LAPTOP)

    assert typed("dig +short web.shop.svc.cluster.local") == ""
    assert typed("dig +short example.com") == "203.0.113.80\n"


def test_busybox_has_its_own_nslookup_and_no_dig(at: Callable[..., Typed]) -> None:
    typed = at(BUSYBOX, "sh")

    assert "Address:\t10.96.0.10:53" in typed("nslookup web")
    assert "not found" in typed("dig web")


def test_waiting_for_a_silent_server_takes_virtual_time(at: Callable[..., Typed]) -> None:
    typed = at(DEBUG)
    before = typed.session.cluster.time

    typed("dig @10.96.0.99 web +time=2 +tries=1")

    assert (typed.session.cluster.time - before).total_seconds() >= 2


SILENT = slice_of("kube-system", "kube-dns", [{"name": "dns", "port": 53, "protocol": "UDP"}], "10.244.1.200")


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        ("curl -sS web", 6, "curl: (6) Could not resolve host: web\n"),
        ("curl -sS -m 3 web", 28, "curl: (28) Resolving timed out after 3000 milliseconds\n"),
        ("curl -sS --connect-timeout 2 web", 28, "curl: (28) Resolving timed out after 2000 milliseconds\n"),
        ("curl -sS -m 20 web", 6, "curl: (6) Could not resolve host: web\n"),
        ("host web", 1, ";; communications error to 10.96.0.10#53: timed out\n" * 2 + NO_SERVERS),
    ],
)
def test_where_names_are_not_answered_programs_end_after_their_own_time(
    at: Callable[..., Typed], wire: Wire, line: str, status: int, words: str
) -> None:
    wire.snapshot = standard_snapshot().with_(SILENT)

    assert at(DEBUG).run(line) == (status, words)


def test_the_look_up_counts_towards_the_time_that_curl_may_take(at: Callable[..., Typed], wire: Wire) -> None:
    conf = {"nameservers": ["10.96.0.99", "10.96.0.10"], "searches": ["shop.svc.cluster.local"]}
    debug = pod("shop", "debug", "node1", "10.244.1.9", "nicolaka/netshoot")
    debug["spec"] |= {"dnsPolicy": "None", "dnsConfig": conf}
    nowhere = slice_of("shop", "web", [{"name": "http", "port": 80, "protocol": "TCP"}], "10.244.2.200")
    wire.snapshot = standard_snapshot().with_(debug).with_(nowhere)

    status, words = at(DEBUG).run("curl -sS -m 3 web")

    assert (status, words) == (28, "curl: (28) Connection timed out after 3000 milliseconds\n")
