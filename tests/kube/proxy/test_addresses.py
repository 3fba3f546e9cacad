"""Addresses that a careful API server would refuse today, and what kube-proxy makes of them.

Derived from Go's net package (ParseIP, ParseCIDR and their forgiving older forms) and kube-proxy's use of it.
"""

import pytest

from svclab.kube.proxy.addresses import addresses_of, networks_of
from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.proxy.iptables import compile_rules
from svclab.kube.proxy.ipvs import compile_ipvs
from svclab.kube.proxy.nftables import compile_nftables
from svclab.kube.proxy.services import service_ports


@pytest.mark.parametrize(
    ("text", "version", "read"),
    [
        ("172.30.0.041", 4, "172.30.0.41"),
        ("0010.244.000.7", 4, "10.244.0.7"),
        ("::ffff:10.96.0.9", 4, "10.96.0.9"),
        ("::ffff:10.96.0.09", 4, "10.96.0.9"),
        ("FD00::0:1", 6, "fd00::1"),
        ("::10.96.0.9", 6, "::a60:9"),
        ("::ffff:10.96.0.9", 6, None),
        ("fe80::1%eth0", 6, None),
        ("10.96.0.9", 6, None),
        ("10.96.0.256", 4, None),
        ("10.96.0", 4, None),
        (" 10.96.0.9", 4, None),
        ("10.96.0.9/32", 4, None),
        ("10.96.0.٩", 4, None),
        ("", 4, None),
    ],
)
def test_an_address_is_read_as_go_reads_it(text, version, read):
    assert addresses_of([text], version) == ([(0, read)] if read else [])


@pytest.mark.parametrize(
    ("text", "version", "read"),
    [
        (" 203.0.113.000/025 ", 4, "203.0.113.0/25"),
        ("203.0.113.77/24", 4, "203.0.113.0/24"),
        ("203.0.113.77/32", 4, "203.0.113.77/32"),
        ("0.0.0.0/0", 4, "0.0.0.0/0"),
        ("::ffff:203.0.113.0/120", 4, "203.0.113.0/24"),
        ("::ffff:203.0.113.0/64", 6, "::/64"),
        ("2001:db8::1/32", 6, "2001:db8::/32"),
        ("203.0.113.0/33", 4, None),
        ("203.0.113.0", 4, None),
        ("203.0.113.0/-1", 4, None),
        ("203.0.113.0/ 24", 4, None),
        ("fe80::%eth0/10", 6, None),
        ("everyone", 4, None),
    ],
)
def test_a_range_is_read_as_go_reads_it(text, version, read):
    found = networks_of([text], version)

    assert [(index, str(network)) for index, network in found] == ([(0, read)] if read else [])


@pytest.mark.parametrize(
    ("spec", "v4", "v6"),
    [
        ({"clusterIP": "10.96.0.9"}, "10.96.0.9", None),
        ({"clusterIP": "010.096.0.9"}, "10.96.0.9", None),
        ({"clusterIP": "fd00::9"}, None, "fd00::9"),
        ({"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9", "fd00::9"]}, "10.96.0.9", None),
        (
            {
                "clusterIP": "10.96.0.9",
                "clusterIPs": ["10.96.0.9", "fd00::9"],
                "ipFamilies": ["IPv4", "IPv6"],
            },
            "10.96.0.9",
            "fd00::9",
        ),
        (
            {
                "clusterIP": "fd00::9",
                "clusterIPs": ["fd00::9", "10.96.0.9"],
                "ipFamilies": ["IPv6", "IPv4"],
            },
            "10.96.0.9",
            "fd00::9",
        ),
        ({"clusterIP": "10.96.0.9", "ipFamilies": ["IPv4"]}, None, None),
        ({"clusterIP": "None", "clusterIPs": ["None"], "ipFamilies": ["IPv4"]}, None, None),
        ({"clusterIP": "10.96.0.9", "type": "ExternalName"}, None, None),
    ],
)
def test_each_family_has_its_cluster_ip_where_ip_families_says_so(spec, v4, v6):
    service = {
        "metadata": {"namespace": "demo", "name": "web"},
        "spec": {"ports": [{"port": 80}], **spec},
    }

    found = [
        [port.cluster_ip for port in service_ports(service, ProxyConfig("node1", (), ip_family=family))]
        for family in ("IPv4", "IPv6")
    ]

    assert found == [[v4] if v4 else [], [v6] if v6 else []]


def load_balancer(address: str, external: str, vip: str, range_: str, endpoint: str):
    """A Service of type LoadBalancer and its slice."""
    service = {
        "kind": "Service",
        "metadata": {"namespace": "demo", "name": "web"},
        "spec": {
            "type": "LoadBalancer",
            "clusterIP": address,
            "externalIPs": [external],
            "externalTrafficPolicy": "Local",
            "healthCheckNodePort": 30099,
            "loadBalancerSourceRanges": [range_, "not a range", "2001:db8::/32"],
            "ports": [{"name": "http", "protocol": "TCP", "port": 80, "nodePort": 30080}],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": vip}, {"ip": "2001:db8::1"}, {"hostname": "lb"}]}},
    }
    slice_ = {
        "kind": "EndpointSlice",
        "metadata": {"namespace": "demo", "name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [endpoint], "nodeName": "node1"}],
        "ports": [{"name": "http", "protocol": "TCP", "port": 8080}],
    }
    return [service], [slice_], ProxyConfig("node1", ("192.168.64.11",))


def test_addresses_with_leading_zeros_give_the_rules_of_those_without():
    sloppy = load_balancer(
        "010.96.00.009", "198.51.100.07", "::ffff:203.0.113.9", " 203.000.113.077/024", "10.244.1.04"
    )
    clean = load_balancer("10.96.0.9", "198.51.100.7", "203.0.113.9", "203.0.113.0/24", "10.244.1.4")

    assert compile_rules(*sloppy).restore_text() == compile_rules(*clean).restore_text()
    assert str(compile_nftables(*sloppy)) == str(compile_nftables(*clean))
    assert compile_ipvs(*sloppy).ipvsadm_text() == compile_ipvs(*clean).ipvsadm_text()
    assert compile_ipvs(*sloppy).ipset_text() == compile_ipvs(*clean).ipset_text()
