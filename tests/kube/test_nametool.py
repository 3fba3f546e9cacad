"""dig, nslookup, host and getent on hosts of the network: output and trace."""

from datetime import UTC, datetime

import pytest

from svclab.dns.tools.run import ToolResult
from svclab.kube.nameserver import resolver_setup
from svclab.kube.nametool import NameTool
from svclab.kube.snapshot import Snapshot
from svclab.linux.dice import Dice
from svclab.linux.trace import Outcome, Query, Trace, Verdict
from tests.kube.dns_world import pod, slice_of, standard_snapshot, world_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NO_DNS = slice_of("kube-system", "kube-dns", [{"name": "dns", "port": 53, "protocol": "UDP"}])


def run(
    tool: str, *argv: str, snapshot: Snapshot | None = None, source: str = "pod/shop/debug"
) -> tuple[ToolResult, Trace]:
    done = NameTool(source, tool, argv).perform(world_of(snapshot or standard_snapshot()), Dice("tool"), NOW)
    return done.result, done.trace


def test_nslookup_prints_the_address_and_its_packets_are_in_the_trace() -> None:
    result, trace = run("nslookup", "web")

    assert "Name:\tweb.shop.svc.cluster.local\nAddress: 10.96.5.5\n" in result.stdout
    assert [step.name for step in trace.steps if isinstance(step, Query)] == [
        "web.shop.svc.cluster.local."
    ] * 2
    assert [flow.number for flow in trace.flows] == [1, 2]
    assert (trace.target, trace.end.code, trace.end.verdict) == ("nslookup web", "OK", "answered")


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("nosuch.shop.svc.cluster.local",), Outcome.NXDOMAIN),
        (("AAAA", "web.shop.svc.cluster.local"), Outcome.NODATA),
        (("@10.96.0.99", "+tries=1", "web"), Outcome.DNS_TIMEOUT),
        (("web.shop.svc.cluster.local",), Outcome.OK),
    ],
)
def test_the_trace_ends_with_the_kind_of_failure(argv: tuple[str, ...], code: Outcome) -> None:
    assert run("dig", *argv)[1].end.code is code


def test_without_dns_endpoints_dig_is_refused_three_times() -> None:
    result, trace = run("dig", "web", snapshot=standard_snapshot().with_(NO_DNS))

    assert result.stdout.count("communications error to 10.96.0.10#53: connection refused") == 3
    assert (result.exit, trace.end.verdict) == (9, Verdict.REFUSED)


def test_silence_costs_the_tools_waiting_time() -> None:
    call = NameTool("pod/shop/debug", "dig", ("@10.96.0.99", "web", "+time=2"))

    done = call.perform(world_of(standard_snapshot()), Dice("t"), NOW)

    assert done.waited_seconds == 6


def test_a_truncated_answer_is_asked_for_again_over_tcp() -> None:
    addresses = [f"10.244.2.{number}" for number in range(10, 110)]
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}]
    headless = {
        "kind": "Service",
        "metadata": {"namespace": "shop", "name": "many"},
        "spec": {"clusterIP": "None", "clusterIPs": ["None"], "ports": ports},
    }
    snapshot = standard_snapshot().with_(headless).with_(slice_of("shop", "many", ports, *addresses))

    result, trace = run("dig", "+short", "many.shop.svc.cluster.local", snapshot=snapshot)

    assert [flow.protocol for flow in trace.flows] == ["UDP", "TCP"]
    assert len(result.stdout.splitlines()) == 100


def test_a_node_asks_the_resolvers_outside_and_knows_no_service() -> None:
    result, _ = run("getent", "hosts", "web.shop.svc.cluster.local", source="node/node1")

    assert result == ToolResult("", exit=2)


def test_the_container_decides_which_c_library_looks_up() -> None:
    mixed = pod("shop", "mixed", "node1", "10.244.1.20")
    mixed["spec"]["containers"].append({"name": "tools", "image": "nicolaka/netshoot"})
    snapshot = standard_snapshot().with_(mixed)

    libraries = [resolver_setup(snapshot, "pod/shop/mixed", name).library for name in (None, "tools")]

    assert libraries == ["glibc", "musl"]


def test_a_pod_that_does_not_exist_has_no_resolver() -> None:
    with pytest.raises(KeyError):
        resolver_setup(standard_snapshot(), "pod/shop/gone")


def test_a_hosts_file_entry_needs_no_packet() -> None:
    result, trace = run("getent", "ahosts", "debug")

    assert result.stdout.startswith("10.244.1.9")
    assert (trace.flows, len(trace.steps)) == ((), 1)
