"""nft, iptables and ip6tables on a node: what they list and refuse, as nftables 1.0.6 and iptables 1.8.9 do."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.db import transaction

from svclab.linux.iptables.rules import Chain, Table
from svclab.linux.iptables.save import parse_rule, parse_save
from svclab.terminal.commands.iptables.as_nft import nft_table
from svclab.terminal.commands.iptables.counters import Counters
from svclab.terminal.places import Location
from svclab.terminal.session import Session
from tests.cluster.harness import BACKEND, apply, paused_cluster, wait

RECORDINGS = Path(__file__).parents[1] / "recordings"
NFT = shutil.which("nft") and shutil.which("iptables-restore") and os.geteuid() == 0


pytestmark = pytest.mark.django_db  # else pytest-django makes no tables for this module alone


@pytest.fixture(scope="module", params=["iptables", "nftables"])
def node1(request, django_db_setup, django_db_blocker):
    """Types a line on node1 of a cluster whose kube-proxy runs in this mode; gives status and output."""
    with django_db_blocker.unblock(), transaction.atomic():
        cluster = paused_cluster()
        cluster.configure(proxy_mode=request.param)
        apply(cluster, BACKEND)
        wait(cluster, 30)

        def typed(line):
            parts = []
            status = Session(cluster, location=Location("node", name="node1")).run(line, parts.append)
            return status, "".join(parts)

        typed.mode = request.param
        yield typed
        transaction.set_rollback(True)


def only(node1, mode):
    if node1.mode != mode:
        pytest.skip(f"concerns {mode} mode")


def test_nft_lists_one_set_map_or_chain_as_it_stands_in_the_table(node1):
    only(node1, "nftables")
    _, whole = node1("nft list table ip kube-proxy")

    for kind, name in (("set", "cluster-ips"), ("map", "service-ips"), ("chain", "services")):
        status, text = node1(f"nft list {kind} ip kube-proxy {name}")
        block = re.search(rf"\t{kind} {name} {{\n.*?\n\t}}\n", whole, re.DOTALL)[0]
        assert (status, text) == (0, f"table ip kube-proxy {{\n{block}}}\n")


def test_kube_proxy_keeps_a_table_for_ipv6_too_as_it_runs_dual_stack_where_the_kernel_can(node1):
    tables = node1("nft list tables")[1].splitlines()
    own = [line for line in tables if "kube-proxy" in line]
    assert own == (["table ip kube-proxy", "table ip6 kube-proxy"] if node1.mode == "nftables" else [])

    _, saved = node1("ip6tables-save -t nat")
    assert ("-A PREROUTING -m comment" in saved) == (node1.mode == "iptables")
    _, listed = node1("ip6tables -t nat -nL KUBE-SERVICES")
    assert ("!::1 " in listed) == (node1.mode == "iptables")


def test_handles_are_those_that_the_kernel_gives_to_a_table_that_nft_loads(node1):
    only(node1, "nftables")

    _, text = node1("nft -a list chain ip kube-proxy services")

    assert re.findall(r"# handle (\d+)$", text, re.MULTILINE)[0] == "12"
    numbers = [int(found) for found in re.findall(r"vmap @.* # handle (\d+)$", text, re.MULTILINE)]
    assert numbers[1:] == [numbers[0] + 1]


def test_terse_and_stateless_listings_leave_out_elements_and_counters(node1):
    if node1.mode == "nftables":
        assert "elements" not in node1("nft -t list set ip kube-proxy cluster-ips")[1]
        assert "elements" in node1("nft list set ip kube-proxy cluster-ips")[1]
    else:
        assert " counter jump KUBE-SERVICES" in node1("nft -s list chain ip nat OUTPUT")[1]
        assert re.search(r" counter packets \d+ bytes \d+ jump", node1("nft list chain nat OUTPUT")[1])


def test_the_rules_that_iptables_keeps_are_in_nfts_ruleset_with_a_warning(node1):
    _, text = node1("nft list ruleset")

    assert "# Warning: table ip nat is managed by iptables-nft, do not touch!\ntable ip nat {\n" in text
    assert "ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 counter packets" in text
    assert ("jump KUBE-SERVICES" in text) == (node1.mode == "iptables")
    assert ("table ip kube-proxy {" in text) == (node1.mode == "nftables")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nft list", "Error: syntax error, unexpected newline\nlist\n    ^\n"),
        ("nft list foo", "Error: syntax error, unexpected string\nlist foo\n     ^^^\n"),
        ("nft list chain", "Error: syntax error, unexpected newline, expecting string\nlist chain\n          ^\n"),
        ("nft list table ip nope",
         "Error: No such file or directory\nlist table ip nope\n              ^^^^\n"),
        ("nft list chain ip nat nope",
         "Error: No such file or directory\nlist chain ip nat nope\n                  ^^^^\n"),
        ("nft list table ip nat x",
         "Error: syntax error, unexpected string, expecting end of file or newline or semicolon\n"
         "list table ip nat x\n                  ^\n"),
        ("nft", "nft: no command specified\n"),
        ("nft -z", "nft: invalid option -- 'z'\n"),
    ],
)  # fmt: skip
def test_nft_marks_what_it_does_not_understand(node1, line, message):
    assert node1(line) == (1, message)


@pytest.mark.parametrize(
    ("line", "status", "output"),
    [
        ("iptables -t raw -S", 0, "-P PREROUTING ACCEPT\n-P OUTPUT ACCEPT\n"),
        ("iptables -t security -S", 0, "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n"),
        ("iptables-legacy -S", 0, "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n"),
        ("iptables-legacy -V", 0, "iptables v1.8.9 (legacy)\n"),
        ("iptables-legacy -L NOPE", 1, "iptables: No chain/target/match by that name.\n"),
        ("ip6tables -V", 0, "ip6tables v1.8.9 (nf_tables)\n"),
        ("ip6tables -L NOPE", 1,
         "ip6tables v1.8.9 (nf_tables): chain `NOPE' in table `filter' is incompatible, use 'nft' tool.\n"),
        ("iptables -C NOPE -j ACCEPT", 1,
         "iptables: Bad rule (does a matching rule exist in that chain?).\n"),
        ("iptables -C INPUT -j NOPE", 2,
         "iptables v1.8.9 (nf_tables): Chain 'NOPE' does not exist\n"
         "Try `iptables -h' or 'iptables --help' for more information.\n"),
        ("iptables-save foo", 1, "Unknown arguments found on commandline\n"),
        ("iptables-save -x", 1,
         "iptables-save: invalid option -- 'x'\nLook at manual page `iptables-save.8' for more information.\n"),
    ],
)  # fmt: skip
def test_iptables_answers_as_the_real_one(node1, line, status, output):
    assert node1(line) == (status, output)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("-p tcp -m multiport --dports 80,443 -j ACCEPT", "meta l4proto tcp tcp dport { 80, 443 } {} accept"),
        ("! -i eth0 -m conntrack --ctstate NEW -j LOG --log-prefix x",
         'iifname != "eth0" ct state new {} log prefix "x"'),
        ("-i cni+ -j ACCEPT", 'iifname "cni*" {} accept'),
        ("-p icmp -m icmp --icmp-type 8 -j DROP", "meta l4proto icmp icmp type echo-request {} drop"),
        ("-s 1.2.3.4/32 -m addrtype ! --dst-type LOCAL -j REJECT --reject-with icmp-host-prohibited",
         "ip saddr 1.2.3.4 fib daddr type != local {} reject with icmp type host-prohibited"),
        ("-m mark --mark 0x7 -m comment --comment a", "meta mark 0x00000007  {}"),
        ("-m physdev ! --physdev-is-in -j MARK --set-xmark 0x5/0xffffffff",
         "xt match physdev {} meta mark set 0x5"),
    ],
)  # fmt: skip
def test_a_rule_of_iptables_in_nfts_words(rule, text):
    table = Table("filter", {"FOO": Chain("FOO", None, [parse_rule(rule)])})
    listed = nft_table("node/x", table, Counters()).chains[0].rules[0].text

    assert listed == text.replace("{}", "counter packets 0 bytes 0", 1)


@pytest.mark.kernel
@pytest.mark.skipif(not NFT, reason="needs root, iptables and nft: the kernel lists what iptables has loaded")
@pytest.mark.parametrize("name", ["tutorial-complete", "lb-source-ranges", "session-affinity", "random-1"])
def test_nft_lists_the_recorded_rules_as_we_do(name):
    for text in json.loads((RECORDINGS / f"{name}.json").read_text())["iptables"].values():
        saved = re.sub(r" -m nfacct --nfacct-name +\S+", "", text)
        load = ["unshare", "-n", "sh", "-c", "iptables-restore && nft list ruleset"]
        run = subprocess.run(load, input=saved, capture_output=True, text=True, check=True)
        for real in re.split(r"(?=^table )", run.stdout, flags=re.MULTILINE)[1:]:
            ours = nft_table("node/x", parse_save(saved)[real.split()[2]], Counters())
            assert _chains(str(ours)) == _chains(real)


def _chains(text):
    """Each chain of a listed table, in no order, with its counters at zero."""
    text = re.sub(r"packets \d+ bytes \d+", "packets 0 bytes 0", text)
    return set(re.findall(r"^\tchain .*?\n\t}$", text, re.DOTALL | re.MULTILINE))
