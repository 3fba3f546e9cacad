"""The walk through the rules: order, jumps, verdicts; and that the index of long chains changes nothing."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svclab.linux.dice import Dice
from svclab.linux.explain import steps_of
from svclab.linux.fabric import FIRST_KIND
from svclab.linux.host import WALK
from svclab.linux.iptables.rules import INDEX_FROM, Chain
from svclab.linux.iptables.save import parse_save
from svclab.linux.iptables.traverse import compared, walk
from svclab.linux.iptables.traverse_log import SKIPPED
from svclab.linux.packet import Protocol
from svclab.linux.skb import Skb
from svclab.linux.state import HostState
from svclab.linux.trace import Mark, Rule, Skipped

HOST = SimpleNamespace(address_type=lambda a: "LOCAL" if a >> 8 == 0xC0A840 else "UNICAST", state=HostState())


def skb(destination="10.0.0.1", port=80, protocol=Protocol.TCP, source="10.244.1.9", seed="s"):
    """A first packet."""
    numbers = [int.from_bytes(map(int, a.split(".")), "big") for a in (source, destination)]
    key = (protocol, numbers[0], 40000, numbers[1], port)
    packet = Skb((4, key, FIRST_KIND[protocol], None, 64), HOST, 0.0, Dice(seed))
    packet.state = "NEW"
    return packet


def table(text):
    """The filter table of these lines."""
    return parse_save(f"*filter\n:INPUT ACCEPT [0:0]\n{text}\nCOMMIT\n")["filter"].chains


def names(log):
    """(chain, rule from 1, fits) of every comparison."""
    return [(chain, number + 1, fits) for chain, number, fits in compared(log)]


def test_rules_are_compared_in_order_until_one_decides():
    log = []
    chains = table("-A INPUT -s 10.9.9.9 -j DROP\n-A INPUT -p tcp -j ACCEPT\n-A INPUT -j DROP")

    assert walk(chains, "INPUT", skb(), log).name == "ACCEPT"
    assert names(log) == [("INPUT", 1, False), ("INPUT", 2, True)]


def test_a_jump_comes_back_and_goes_on_behind_itself():
    log = []
    chains = table(":ONE - [0:0]\n-A INPUT -j ONE\n-A INPUT -j DROP\n-A ONE -p udp -j ACCEPT")

    assert walk(chains, "INPUT", skb(), log).name == "DROP"
    assert names(log) == [("INPUT", 1, True), ("ONE", 1, False), ("INPUT", 2, True)]


def test_return_leaves_the_chain_and_goto_forgets_where_it_came_from():
    log = []
    chains = table(
        ":A - [0:0]\n:B - [0:0]\n-A INPUT -j A\n-A INPUT -j DROP\n-A A -g B\n-A A -j ACCEPT\n"
        "-A B -p tcp -j RETURN\n-A B -j ACCEPT"
    )

    assert walk(chains, "INPUT", skb(), log).name == "DROP"
    assert names(log) == [("INPUT", 1, True), ("A", 1, True), ("B", 1, True), ("INPUT", 2, True)]


def test_a_rule_without_target_is_only_counted_and_the_policy_decides_at_the_end():
    log = []
    chains = table("-A INPUT -p tcp")

    assert walk(chains, "INPUT", skb(), log) is None
    assert names(log) == [("INPUT", 1, True)]
    dropping = {"INPUT": Chain("INPUT", "DROP")}
    assert walk(dropping, "INPUT", skb(), []).name == "DROP"


def test_marks_are_changed_by_mask_and_xor_and_later_rules_see_them():
    packet, log = skb(), []
    chains = table(
        "-A INPUT -j MARK --or-mark 0x4000\n-A INPUT -m mark --mark 0x4000/0x4000 -j MARK --xor-mark 0x4001\n"
        "-A INPUT -m mark ! --mark 0x1 -j DROP"
    )

    assert walk(chains, "INPUT", packet, log) is None
    assert packet.mark == 1


@pytest.mark.parametrize("seed", ["a", "b", "c", "d"])
def test_a_drawn_number_below_the_probability_fits(seed):
    chains = table("-A INPUT -m statistic --mode random --probability 0.3 -j DROP")

    drawn = Dice(seed).draw()

    assert (walk(chains, "INPUT", skb(seed=seed), []) is not None) == (drawn < 0.3)


def told(chains, packet):
    """The steps of one walk."""
    log = [
        (
            WALK,
            "node/n",
            packet.wire,
            "filter",
            "INPUT",
            (HOST, "eth0", "", packet.mark, "NEW", False, False, 0.0),
        )
    ]
    packet.in_interface = "eth0"
    walk(chains, "INPUT", packet, log)
    return steps_of(log, 1)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("-p tcp --dport 9090", "destination port 80 is not 9090"),
        ("-p tcp --dport 9000:9090", "destination port 80 is not in 9000 to 9090"),
        ("-p udp", "protocol TCP is not UDP"),
        ("-d 10.0.0.2", "destination 10.0.0.1 is not 10.0.0.2"),
        ("! -s 10.244.0.0/16", "source 10.244.1.9 is in 10.244.0.0/16"),
        ("-s 10.245.0.0/16", "source 10.244.1.9 is not in 10.245.0.0/16"),
        ("-i veth+", "it came in by eth0, not by veth+"),
        ("-m mark --mark 0x4000/0x4000", "the mark 0x0 has no 0x4000"),
        ("-m conntrack --ctstate INVALID", "connection state NEW is not INVALID"),
        ("-m addrtype --dst-type LOCAL", "10.0.0.1 is not an address of this host"),
        ("-m recent --name KUBE-SEP-X --rcheck --seconds 60", "10.244.1.9 is not in KUBE-SEP-X"),
    ],
)
def test_a_miss_is_explained_in_words(rule, why):
    (step, policy) = told(table(f"-A INPUT {rule} -j DROP"), skb())

    assert (step.matched, step.why, step.target, step.number) == (False, why, "DROP", 1)
    assert (policy.number, policy.target) == (0, "ACCEPT")


def test_steps_carry_the_path_the_text_and_the_draw():
    chains = table(
        ":A - [0:0]\n-A INPUT -j A\n-A A -m statistic --mode random --probability 0.5 -j MARK --set-mark 1"
    )
    for seed in "abcdefgh":
        rule = next(s for s in told(chains, skb(seed=seed)) if isinstance(s, Rule) and s.chain == "A")
        assert rule.path == ("INPUT", "A")
        assert rule.text.startswith("-A A -m statistic")
        assert rule.probability == 0.5
        assert rule.matched == (rule.draw < 0.5)
        assert f"{rule.draw:.2f}" in rule.why


def test_a_change_of_the_mark_is_a_step_and_later_misses_speak_of_the_new_mark():
    steps = told(table("-A INPUT -j MARK --or-mark 2\n-A INPUT -m mark --mark 1/1 -j DROP"), skb())

    assert [(s.before, s.after) for s in steps if isinstance(s, Mark)] == [(0, 2)]
    assert steps[2].why == "the mark 0x2 has no 0x1"


def long_chain(rules):
    """A chain long enough for the index."""
    return "\n".join(f"-A INPUT {rule}" for rule in rules)


def test_skipped_stretches_are_reported_with_their_true_count():
    rules = [f"-d 10.0.0.{i} -p tcp --dport 80 -j RETURN" for i in range(2, 252)]
    rules.insert(100, "-d 10.0.0.1 -p tcp --dport 80 -j ACCEPT")

    steps = told(table(long_chain(rules)), skb())

    assert [(s.first, s.count) for s in steps if isinstance(s, Skipped)] == [(1, 100)]
    assert (steps[-1].number, steps[-1].target) == (101, "ACCEPT")


def rule_lines():
    """Rules of every kind that can and cannot be indexed, few enough values that packets often fit."""
    address = st.sampled_from(["10.0.0.1", "10.0.0.2", "192.168.64.11"])
    protocol, port = st.sampled_from(["tcp", "udp"]), st.integers(80, 82)
    target = st.sampled_from(["", "-j ACCEPT", "-j DROP", "-j MARK --or-mark 0x4000", "-j ONE", "-j RETURN"])
    return st.one_of(
        st.builds(lambda a, p, n, t: f"-d {a} -p {p} --dport {n} {t}", address, protocol, port, target),
        st.builds(lambda p, n, t: f"-p {p} --dport {n} {t}", protocol, port, target),
        st.builds(lambda a, p, n, t: f"! -d {a} -p {p} --dport {n} {t}", address, protocol, port, target),
        st.builds(lambda p, n, t: f"-p {p} ! --dport {n} {t}", protocol, port, target),
        st.builds(lambda n, t: f"-p tcp --dport {n}:{n + 1} {t}", port, target),
        st.builds(lambda t: f"-m addrtype --dst-type LOCAL {t}", target),
        st.builds(lambda t: f"-m statistic --mode random --probability 0.5 {t}", target),
        st.builds(lambda t: f"-m mark --mark 0x4000/0x4000 {t}", target),
    )


@given(
    st.lists(rule_lines(), min_size=INDEX_FROM, max_size=60),
    st.lists(rule_lines().filter(lambda r: "ONE" not in r), max_size=5),
    st.sampled_from(["10.0.0.1", "10.0.0.2", "192.168.64.11", "10.9.9.9"]),
    st.integers(79, 83),
    st.sampled_from([Protocol.TCP, Protocol.UDP]),
    st.text(max_size=3),
)
def test_the_index_agrees_with_the_plain_walk(rules, more, destination, port, protocol, seed):
    extra = "\n".join(f"-A ONE {rule}" for rule in more)
    chains = table(f":ONE - [0:0]\n{long_chain(rules)}\n{extra}")
    plain, fast = skb(destination, port, protocol, seed=seed), skb(destination, port, protocol, seed=seed)
    plain_log, fast_log = [], []

    plain_end = walk(chains, "INPUT", plain, plain_log, indexed=False)
    fast_end = walk(chains, "INPUT", fast, fast_log)

    assert fast_end == plain_end
    assert fast.mark == plain.mark
    assert list(compared(fast_log)) == list(compared(plain_log))
    assert not any(entry[0] == SKIPPED for entry in plain_log)
