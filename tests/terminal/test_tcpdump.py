"""tcpdump 4.99: what it prints of a node's packets, and that the real one reads the same in our files."""

import base64
import shutil
import subprocess

import pytest
from django.db import transaction

from svclab.cluster import dataplane
from svclab.kube.request import Request
from svclab.terminal.commands.tcpdump.capture import packets
from svclab.terminal.commands.tcpdump.frames import COOKED, ETHERNET, pcap, read_pcap
from svclab.terminal.commands.tcpdump.names import dns_text
from svclab.terminal.commands.tcpdump.printing import Printer
from svclab.terminal.places import Location
from svclab.terminal.session import Session
from tests.cluster.harness import BACKEND, apply, paused_cluster, pods, wait

pytestmark = pytest.mark.django_db  # else pytest-django makes no tables for this module alone
HOST = "node/node1"
NOBODY = """
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec:
  selector: {app: nobody}
  ports: [{port: 80}]
"""
OPTIONS = {
    "-n": {"numeric": True},
    "-nv": {"numeric": True, "verbose": 1},
    "-nvv": {"numeric": True, "verbose": 2},
    "-ne": {"numeric": True, "link_header": True},
    "-nev": {"numeric": True, "link_header": True, "verbose": 1},
    "-nA": {"numeric": True, "ascii": True},
    "-nX": {"numeric": True, "hex": 2},
    "-nxx": {"numeric": True, "hex": 1, "whole": True},
    "-nq": {"numeric": True, "quick": True},
    "-nt": {"numeric": True, "times": False},
}


class Seen:
    """A cluster, and what node1 saw of some requests from one of its pods: DNS, HTTP, a refusal, a ping."""

    def __init__(self, cluster):
        self.cluster = cluster
        pod = next(each for each in pods(cluster) if each["spec"]["nodeName"] == "node1")
        source = f"pod/default/{pod['metadata']['name']}"
        before = dataplane.newest(cluster)
        for target in ("http://backend/foo", "http://nobody"):
            dataplane.send(cluster, Request(source, target))
        self.interfaces = list(dataplane.world(cluster).fabric.host(HOST).routing.interfaces)
        self.packets = [
            packet
            for record in dataplane.traces(cluster, before)
            for packet in packets(record.trace, record.virtual_time, HOST)
        ]

    def of(self, link_type):
        return [p for p in self.packets if link_type == COOKED or p.interface == "eth0"]

    def printed(self, found, link_type, options):
        printer = Printer(HOST, link_type, self.interfaces, **OPTIONS[options])
        return "".join(f"{printer.text(packet)}\n" for packet in found)


@pytest.fixture(scope="module")
def seen(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), transaction.atomic():
        cluster = paused_cluster()
        apply(cluster, BACKEND + NOBODY)
        wait(cluster, 30)
        yield Seen(cluster)
        transaction.set_rollback(True)


def test_a_question_for_each_family_has_a_number_of_its_own(seen):
    texts = [dns_text(each.payload, verbose=0) for each in seen.packets if each.dport == 53]
    asked = {text.split()[1]: text.split("+")[0] for text in texts if "backend.default.svc" in text}

    assert set(asked) == {"A?", "AAAA?"}
    assert len(set(asked.values())) == 2


def test_numbers_in_a_stream_are_absolute_first_and_then_relative(seen):
    texts = seen.printed([p for p in seen.packets if p.protocol == "TCP"], COOKED, "-nt").splitlines()

    syn, data = texts[0], next(text for text in texts if "[P.]" in text)
    assert "seq 1:" in data
    assert "ack 1, win 502, options [nop,nop,TS val " in data
    assert data.endswith(": HTTP: GET /foo HTTP/1.1")
    assert int(syn.partition("seq ")[2].partition(",")[0]) > 1


def test_a_refusal_names_the_port_that_nobody_serves(seen):
    texts = seen.printed(seen.packets, COOKED, "-nt").splitlines()

    assert any(text.endswith(" tcp port 80 unreachable, length 68") for text in texts)


@pytest.mark.parametrize("link_type", [COOKED, ETHERNET])
@pytest.mark.parametrize("options", OPTIONS)
def test_a_file_that_was_written_reads_as_what_was_seen(seen, link_type, options):
    found = seen.of(link_type)

    kind, again = read_pcap(pcap(found, HOST, link_type, seen.interfaces), seen.interfaces)

    assert kind == link_type
    assert seen.printed(again, link_type, options) == seen.printed(found, link_type, options)


@pytest.mark.skipif(not shutil.which("tcpdump"), reason="needs tcpdump: the real one reads our file")
@pytest.mark.parametrize("options", OPTIONS)
def test_the_real_tcpdump_reads_the_same_in_our_file(seen, options, tmp_path):
    found = seen.of(ETHERNET)
    file = tmp_path / "x.pcap"
    file.write_bytes(pcap(found, HOST, ETHERNET, seen.interfaces))

    real = subprocess.run(
        ["tcpdump", options, "-r", file], capture_output=True, env={"TZ": "UTC", "PATH": "/usr/bin:/usr/sbin"}, check=True
    )  # fmt: skip

    assert seen.printed(found, ETHERNET, options) == real.stdout.decode(errors="replace")


def test_the_command_reads_a_file_back_and_filters_it(seen):
    data = base64.b64encode(pcap(seen.packets, HOST, COOKED, seen.interfaces)).decode()
    parts = []
    session = Session(seen.cluster, location=Location("node", name="node1"))

    status = session.run(f"echo {data} > x.pcap; tcpdump -nr x.pcap -c 2 port 53", parts.append)

    lines = "".join(parts).splitlines()
    assert status == 0
    assert lines[0] == (
        "reading from file x.pcap, link-type LINUX_SLL2 (Linux cooked v2), snapshot length 262144"
    )
    assert len(lines) == 3
    assert all(".53: " in line for line in lines[1:])


@pytest.mark.parametrize(
    ("line", "status", "message"),
    [
        ("tcpdump -i nope", 1, "tcpdump: nope: No such device exists\n(No such device exists)\n"),
        ("tcpdump -r /nowhere", 1, "tcpdump: /nowhere: No such file or directory\n"),
        ("tcpdump foo", 1, "tcpdump: can't parse filter expression: syntax error\n"),
    ],
)
def test_what_it_refuses_and_says_of_itself(seen, line, status, message):
    parts = []

    found = Session(seen.cluster, location=Location("node", name="node1")).run(line, parts.append)

    assert (found, "".join(parts)) == (status, message)
