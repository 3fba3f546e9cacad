"""`ip` of iproute2 6.1: what it prints of a node's and a pod's interfaces and routes."""

import json

import pytest
from django.db import transaction

from svclab.terminal.commands.ip_text import (
    coloured_brief,
    coloured_link,
    coloured_route,
    json_text,
    link_local,
)
from svclab.terminal.places import LAPTOP, Location
from svclab.terminal.session import Session
from tests.cluster.harness import BACKEND, apply, paused_cluster, pods, wait

LIFETIME = "       valid_lft forever preferred_lft forever\n"


pytestmark = pytest.mark.django_db  # else pytest-django makes no tables for this module alone


@pytest.fixture(scope="module")
def typed(django_db_setup, django_db_blocker):
    """Types a line on node1, in a pod of node1's, or on the laptop; gives status and output."""
    with django_db_blocker.unblock(), transaction.atomic():
        cluster = paused_cluster()
        apply(cluster, BACKEND.replace("nginx:1.25", "nicolaka/netshoot"))
        wait(cluster, 30)
        pod = next(each for each in pods(cluster) if each["spec"]["nodeName"] == "node1")
        container = pod["spec"]["containers"][0]
        name = pod["metadata"]["name"]
        places = {
            "node1": Location("node", name="node1"),
            "pod": Location("pod", "default", name, container["name"], container["image"]),
            "laptop": LAPTOP,
        }

        def run(place, line):
            parts = []
            status = Session(cluster, location=places[place]).run(line, parts.append)
            return status, "".join(parts)

        run.pod_ip = pod["status"]["podIP"]
        yield run
        transaction.set_rollback(True)


def test_both_ends_of_a_veth_pair_name_each_other_by_number(typed):
    _, inside = typed("pod", "ip link show eth0")
    _, outside = typed("node1", f"ip -o addr | grep {typed.pod_ip}")
    own, veth = inside.split(":")[0], outside.split(":")[0]

    assert inside.split()[1] == f"eth0@if{veth}:"
    assert f"@if{own}: " in typed("node1", f"ip link | grep '^{veth}:'")[1]
    assert inside.rstrip().endswith("brd ff:ff:ff:ff:ff:ff link-netnsid 0")
    assert typed("node1", "ip netns")[1].startswith("cni-")


def test_the_kernels_own_ipv6_addresses_are_listed_too(typed):
    status, text = typed("node1", "ip addr show lo")

    assert (status, text) == (0, (
        "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000\n"
        "    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n"
        f"    inet 127.0.0.1/8 scope host lo\n{LIFETIME}    inet6 ::1/128 scope host \n{LIFETIME}"
    ))  # fmt: skip
    assert link_local("02:ea:db:70:34:6e") == "fe80::ea:dbff:fe70:346e"
    assert typed("node1", "ip -6 route")[1].splitlines()[0] == (
        "fe80::/64 dev eth0 proto kernel metric 256 pref medium"
    )


def test_a_machine_outside_has_a_loopback_interface_too(typed):
    assert typed("laptop", "ip -br -4 addr")[1] == (
        "lo               UNKNOWN        127.0.0.1/8 \neth0             UP             192.0.2.50 peer 192.0.2.1/32 \n"
    )


def test_an_address_family_leaves_out_the_link_and_the_others_addresses(typed):
    assert typed("node1", "ip -4 addr show eth0")[1] == (
        "2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000\n"
        f"    inet 192.168.64.11/24 brd 192.168.64.255 scope global eth0\n{LIFETIME}"
    )


@pytest.mark.parametrize(
    ("line", "status", "output"),
    [
        ("ip route get 10.244.2.2", 0, "10.244.2.2 via 192.168.64.12 dev eth0 src 192.168.64.11 uid 0 \n    cache \n"),
        ("ip route get to 127.0.0.1", 0, "local 127.0.0.1 dev lo src 127.0.0.1 uid 0 \n    cache <local> \n"),
        ("ip -o route get 8.8.8.8", 0, "8.8.8.8 via 192.168.64.1 dev eth0 src 192.168.64.11 uid 0 \\    cache \n"),
        ("ip route get 10.244.2.2 from 10.244.1.3 iif eth0", 0,
         "10.244.2.2 from 10.244.1.3 via 192.168.64.12 dev eth0 \n    cache iif eth0 \n"),
        ("ip route get 8.8.8.8 mark 0x4000", 0,
         "8.8.8.8 via 192.168.64.1 dev eth0 src 192.168.64.11 mark 0x4000 uid 0 \n    cache \n"),
        ("ip route get 8.8.8.8 oif nope", 1, 'Cannot find device "nope"\n'),
        ("ip route get", 1, "need at least a destination address\n"),
        ("ip route get nonsense", 1, 'Error: any valid prefix is expected rather than "nonsense".\n'),
        ("ip route show dev eth0 scope link", 0, "192.168.64.0/24 proto kernel src 192.168.64.11 \n"),
        ("ip route show table 5", 2, "Error: ipv4: FIB table does not exist.\nDump terminated\n"),
        ("ip route show table local | grep eth0", 0,
         "local 192.168.64.11 dev eth0 proto kernel scope host src 192.168.64.11 \n"
         "broadcast 192.168.64.255 dev eth0 proto kernel scope link src 192.168.64.11 \n"),
        ("ip link show type bridge", 0, ""),
        ("ip link show eth9", 1, 'Device "eth9" does not exist.\n'),
        ("ip adr", 1, 'Object "adr" is unknown, try "ip help".\n'),
    ],
)  # fmt: skip
def test_routes_and_refusals_are_those_of_iproute2(typed, line, status, output):
    assert typed("node1", line) == (status, output)


def test_json_has_what_the_lines_have(typed):
    [eth0] = json.loads(typed("node1", "ip -j addr show eth0")[1])
    assert [each["family"] for each in eth0["addr_info"]] == ["inet", "inet6"]

    [route] = json.loads(typed("node1", "ip -j route get 8.8.8.8")[1])
    assert route == {
        "dst": "8.8.8.8", "gateway": "192.168.64.1", "dev": "eth0", "prefsrc": "192.168.64.11", "flags": [],
        "uid": 0, "cache": [],
    }  # fmt: skip


def test_pretty_json_is_indented_as_iproute2_does():
    value = [{"a": [], "flags": ["UP", "X"], "addr_info": [{"family": "inet"}, {"family": "inet6"}]}]

    assert json_text(value, pretty=True) == (
        '[ {\n        "a": [ ],\n        "flags": [ "UP","X" ],\n        "addr_info": [ {\n'
        '                "family": "inet"\n            },{\n                "family": "inet6"\n            } ]\n    } ]'
    )


def test_colours_mark_names_states_and_addresses():
    assert coloured_link("2: v0@if2: <UP> mtu 1500 qdisc noqueue state UP group default qlen 1000") == (
        "2: \x1b[36mv0@if2: \x1b[0m<UP> mtu 1500 qdisc noqueue state \x1b[32mUP \x1b[0mgroup default qlen 1000"
    )
    assert coloured_link("    inet 10.0.0.1 peer 10.0.0.2/32 scope global v0") == (
        "    inet \x1b[35m10.0.0.1\x1b[0m peer \x1b[35m10.0.0.2\x1b[0m/32 scope global v0"
    )
    assert coloured_brief(
        "eth0@p0          UP             192.168.64.11/24 fe80::a026:86ff:fe45:e377/64 "
    ) == (
        "\x1b[36meth0@p0          \x1b[0m\x1b[32mUP             \x1b[0m\x1b[35m192.168.64.11\x1b[0m/24 "
        "\x1b[34mfe80::a026:86ff:fe45:e377\x1b[0m/64 "
    )
    assert coloured_route("default via 192.168.64.1 dev eth0 ") == (
        "default via \x1b[35m192.168.64.1 \x1b[0mdev \x1b[36meth0 \x1b[0m"
    )
