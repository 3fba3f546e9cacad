"""Cluster addresses and node ports: the bands, the shared number of one port, and what is taken."""

import pytest

from svclab.kube.allocation import NODE_PORTS, SERVICE_RANGE, AllocationError, Taken, allocate, static_band
from svclab.kube.snapshot import Manifest, Snapshot
from svclab.kube.status import Refusal
from svclab.linux.dice import Dice


def _service(name: str = "shop", **spec: object) -> Manifest:
    port = {"port": 80, "protocol": "TCP"}
    return {
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default", "uid": name},
        "spec": {"type": "ClusterIP", "ports": [port], **spec},
    }


def _allocated(service: Manifest, *others: Manifest, old: Manifest | None = None) -> Manifest:
    allocate(service, old, Snapshot.of(others), Dice("seed"))
    return service["spec"]


def test_the_server_chooses_above_the_static_band_and_inside_the_range() -> None:
    assert static_band() == 256
    for seed in range(50):
        service = _service()
        allocate(service, None, Snapshot.of([]), Dice(str(seed)))
        offset = int(SERVICE_RANGE.network_address) + static_band()
        chosen = service["spec"]["clusterIP"]
        assert service["spec"]["clusterIPs"] == [chosen]
        assert int.from_bytes(bytes(map(int, chosen.split(".")))) > offset


def test_an_address_in_the_static_band_may_be_asked_for() -> None:
    assert (
        _allocated(_service(clusterIP="10.96.0.50", clusterIPs=["10.96.0.50"]))["clusterIP"] == "10.96.0.50"
    )


@pytest.mark.parametrize("address", ["10.96.0.0", "10.111.255.255", "10.95.255.255", "192.0.2.1"])
def test_the_ranges_ends_and_what_lies_outside_cannot_be_had(address: str) -> None:
    with pytest.raises(AllocationError, match="does not match the current range"):
        _allocated(_service(clusterIP=address, clusterIPs=[address]))


def test_headless_and_external_names_get_no_address() -> None:
    assert _allocated(_service(clusterIP="None", clusterIPs=["None"]))["clusterIPs"] == ["None"]
    assert "clusterIP" not in _allocated(_service(type="ExternalName"))


def test_one_port_over_two_protocols_gets_one_node_port() -> None:
    ports = [{"port": 53, "protocol": "TCP", "name": "a"}, {"port": 53, "protocol": "UDP", "name": "b"}]

    spec = _allocated(_service(type="NodePort", ports=ports))

    assert spec["ports"][0]["nodePort"] == spec["ports"][1]["nodePort"]
    assert spec["ports"][0]["nodePort"] in NODE_PORTS


def test_a_number_that_is_asked_for_later_in_the_list_serves_the_port_from_the_start() -> None:
    ports = [{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP", "nodePort": 30053}]

    spec = _allocated(_service(type="NodePort", ports=ports))

    assert [port["nodePort"] for port in spec["ports"]] == [30053, 30053]


def test_two_services_may_not_share_a_number_even_over_different_protocols() -> None:
    other = _service("dns", type="NodePort", ports=[{"port": 53, "protocol": "UDP", "nodePort": 30053}])

    with pytest.raises(AllocationError, match="provided port is already allocated"):
        _allocated(
            _service(type="NodePort", ports=[{"port": 53, "protocol": "TCP", "nodePort": 30053}]), other
        )


def test_a_load_balancer_told_not_to_has_no_node_ports_but_those_it_names() -> None:
    ports = [{"port": 80, "protocol": "TCP"}, {"port": 443, "protocol": "TCP", "nodePort": 30443}]

    spec = _allocated(_service(type="LoadBalancer", allocateLoadBalancerNodePorts=False, ports=ports))

    assert [port.get("nodePort") for port in spec["ports"]] == [None, 30443]


def test_a_health_check_port_that_is_taken_is_an_error_of_the_server() -> None:
    other = _service("other", type="NodePort", ports=[{"port": 80, "protocol": "TCP", "nodePort": 30999}])
    wanted = _service(type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=30999)

    with pytest.raises(Refusal) as caught:
        _allocated(wanted, other)

    assert (caught.value.code, caught.value.reason) == (500, "InternalError")


def test_when_every_number_is_taken_the_last_free_one_is_found() -> None:
    used = [
        {"port": number, "protocol": "TCP", "nodePort": number} for number in NODE_PORTS if number != 30007
    ]

    assert _allocated(_service(type="NodePort"), _service("all", ports=used))["ports"][0]["nodePort"] == 30007


def test_what_a_service_holds_itself_is_not_taken_from_it() -> None:
    service = _service(clusterIP="10.96.9.9", clusterIPs=["10.96.9.9"])
    assert Taken.of([service], but_for=service).addresses == set()
