"""iptables text in both spellings: what kube-proxy writes comes out as iptables-save prints it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svclab.linux.iptables.headers import RuleError, quoted
from svclab.linux.iptables.save import parse_rule, parse_save, print_rule, print_save
from tests.recordings.cases import proxy_cases, recording, recording_names

NFACCT = (
    " -m nfacct --nfacct-name  ct_state_invalid_dropped_pkts",
    " -m nfacct --nfacct-name  localhost_nps_accepted_pkts",
)
PAIRS = [
    (name, table) for name, case in proxy_cases().items() if "rules" in case for table in ("filter", "nat")
]


def as_saved(case, rule):
    """Our save spelling of a rule; without the matches that the recording machine could not load."""
    version = 6 if case["config"]["ipFamily"] == "IPv6" else 4
    text = print_rule(parse_rule(rule, version))
    for match in NFACCT if case.get("saveLacks") else ():
        text = text.replace(match, "")
    return text


@pytest.mark.parametrize(("name", "table"), PAIRS)
def test_what_kube_proxy_writes_is_printed_as_iptables_save_prints_it(name, table):
    case = proxy_cases()[name]
    restore, save = case["rules"]["restore"][table], case["rules"]["save"][table]

    ours = {chain: sorted(as_saved(case, rule) for rule in rules) for chain, rules in restore.items()}

    assert ours == {chain: sorted(save[chain]) for chain in restore}


@pytest.mark.parametrize("name", recording_names())
def test_a_recorded_iptables_save_is_printed_back_byte_for_byte(name):
    for text in recording(name)["iptables"].values():
        assert print_save(parse_save(text)).strip() == text.strip()


@pytest.mark.parametrize(
    ("written", "saved"),
    [
        ("-s 10.1.2.3", "-s 10.1.2.3/32"),
        ("! --source 10.1.2.3/255.255.0.0 -j ACCEPT", "! -s 10.1.0.0/16 -j ACCEPT"),
        ("-p all -j RETURN", "-j RETURN"),
        ("-p tcp --dport 80 -j ACCEPT", "-p tcp -m tcp --dport 80 -j ACCEPT"),
        ("-p udp --sport 1000: -j ACCEPT", "-p udp -m udp --sport 1000:65535 -j ACCEPT"),
        ("-p tcp --syn -j DROP", "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j DROP"),
        ("-o eth0 -i veth+ -j ACCEPT", "-i veth+ -o eth0 -j ACCEPT"),
        ("-j MARK --set-mark 5", "-j MARK --set-xmark 0x5/0xffffffff"),
        ("-j MARK --and-mark 0xff", "-j MARK --set-xmark 0x0/0xffffff00"),
        ("-m mark --mark 0x10 -j ACCEPT", "-m mark --mark 0x10 -j ACCEPT"),
        ("-m conntrack --ctstate ESTABLISHED,RELATED", "-m conntrack --ctstate RELATED,ESTABLISHED"),
        ("-m multiport -p tcp --dports 80,443,8000:8010", "-p tcp -m multiport --dports 80,443,8000:8010"),
        ("-m statistic --mode random --probability 0.3333333333",
         "-m statistic --mode random --probability 0.33333333349"),
        ('-m comment --comment "a \\"b\\" c" -g OTHER', '-m comment --comment "a \\"b\\" c" -g OTHER'),
        ("-j MASQUERADE -p tcp --to-ports 1024-65535", "-p tcp -j MASQUERADE --to-ports 1024-65535"),
    ],
)  # fmt: skip
def test_other_options_are_normalised_as_well(written, saved):
    assert print_rule(parse_rule(written)) == saved
    assert print_rule(parse_rule(saved)) == saved


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("-m tcp --dport http -j ACCEPT", "http"),
        ("-p tcp --dports 80", "--dports"),
        ("-m nosuch", "nosuch"),
        ("-s 300.1.1.1", "300.1.1.1"),
        ("-m conntrack --ctstate FRESH", "FRESH"),
        ("-j REJECT --reject-with maybe", "maybe"),
        ("-j DNAT", "--to-destination"),
        ("-m tcp --dport", "ends too early"),
    ],
)
def test_a_rule_that_iptables_would_not_take_is_refused_with_the_word_that_is_wrong(text, word):
    with pytest.raises(RuleError, match=word):
        parse_rule(text)


def test_a_jump_to_a_missing_chain_is_refused_with_its_line():
    with pytest.raises(RuleError, match="NOWHERE"):
        parse_save("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j NOWHERE\nCOMMIT\n")


ADDRESSES = st.ip_addresses(v=4).map(str)
PORTS = st.integers(1, 65535)
WORDS = st.text("abcKUBE-_/: \"'\\0", min_size=1, max_size=20)
MATCHES = st.one_of(
    WORDS.map(lambda text: f"-m comment --comment {quoted(text)}"),
    st.integers(0, 0xFFFFFFFF).map(lambda mark: f"-m mark ! --mark {mark:#x}/0xf0f0"),
    st.floats(0, 1, exclude_max=True).map(lambda p: f"-m statistic --mode random --probability {p:.10f}"),
    st.sampled_from(["-m addrtype --dst-type LOCAL", "-m conntrack ! --ctstate INVALID,DNAT"]),
    st.integers(1, 9999).map(lambda s: f"-m recent --name L --rcheck --seconds {s} --reap"),
)
TARGETS = st.one_of(
    st.sampled_from(["", "-j ACCEPT", "-j REJECT", "-j KUBE-SVC-X", "-g KUBE-SEP-Y", "-j MASQUERADE"]),
    st.tuples(ADDRESSES, PORTS).map(lambda to: f"-j DNAT --to-destination {to[0]}:{to[1]}"),
)
RULES = st.builds(
    lambda head, matches, target: " ".join([head, *matches, target]).strip(),
    st.one_of(
        st.just(""),
        st.tuples(ADDRESSES, PORTS).map(lambda d: f"-m tcp -p tcp ! -d {d[0]} --dport {d[1]}"),
        ADDRESSES.map(lambda a: f"-s {a} -i eth+"),
    ),
    st.lists(MATCHES, max_size=3),
    TARGETS,
)


@given(RULES)
def test_printing_what_was_read_and_reading_it_again_changes_nothing(text):
    printed = print_rule(parse_rule(text))

    assert parse_rule(printed) == parse_rule(text)
    assert print_rule(parse_rule(printed)) == printed
