"""nslookup, host, dig, getent beyond the recorded runs: silence, refusal, TCP, other servers and builds."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest

from svclab.dns.hosts import HostsFile
from svclab.dns.message import Answered, Message, Question, Rcode, Record, Unanswered
from svclab.dns.resolvconf import ResolvConf
from svclab.dns.tools import busybox
from svclab.dns.tools.dig import dig
from svclab.dns.tools.getent import getent
from svclab.dns.tools.host import host
from svclab.dns.tools.master import record_line
from svclab.dns.tools.nslookup import nslookup
from svclab.dns.tools.run import Ask, Run, Surroundings, ToolResult, finish

CONF = ResolvConf(("shop.svc.cluster.local", "svc.cluster.local"), ("10.96.0.10",), ("ndots:5",))
WEB = "web.shop.svc.cluster.local."
AROUND = Surroundings(
    CONF,
    datetime(2026, 11, 24, 2, 49, tzinfo=UTC),
    lambda below: 0,
    HostsFile.parse("127.0.0.1 localhost\n10.244.1.9 debug\n"),
)


def a(name: str, *addresses: str, tc: bool = False) -> Message:
    answer = tuple(Record(name, 30, "A", address) for address in addresses)
    return Message(Question(name, "A"), aa=True, tc=tc, answer=answer)


def run(work: Run, answers: Mapping[tuple[str, str], Answered]) -> tuple[ToolResult, list[Ask]]:
    """The tool's result and what it asked; what is not in `answers` is NXDOMAIN."""
    asks: list[Ask] = []

    def send(ask: Ask) -> Answered:
        asks.append(ask)
        question = ask.question
        return answers.get((question.name, question.type), Message(question, Rcode.NXDOMAIN, aa=True))

    return finish(work, send, lambda seconds: None), asks


def test_dig_tries_three_times_before_it_says_that_nobody_could_be_reached() -> None:
    result, asks = run(dig(["web."], AROUND), {("web.", "A"): None})

    assert result.exit == 9
    assert len(asks) == 3
    assert result.stdout == (
        ";; communications error to 10.96.0.10#53: timed out\n" * 3
        + "\n; <<>> DiG 9.18.49 <<>> web.\n;; global options: +cmd\n;; no servers could be reached\n"
    )


def test_dig_tells_refusal_from_silence() -> None:
    result, _ = run(dig(["+tries=1", "web."], AROUND), {("web.", "A"): Unanswered.REFUSED})

    assert result.stdout.startswith(";; communications error to 10.96.0.10#53: connection refused\n")


def test_dig_asks_the_server_that_is_named() -> None:
    result, asks = run(dig(["@10.244.0.2", "+short", WEB], AROUND), {(WEB, "A"): a(WEB, "10.96.1.1")})

    assert [ask.server for ask in asks] == ["10.244.0.2"]
    assert result.stdout == "10.96.1.1\n"


def test_dig_finds_the_server_by_name_like_any_program() -> None:
    dns = "kube-dns.kube-system.svc.cluster.local."
    conf = ResolvConf(nameservers=("10.96.0.10",))
    around = Surroundings(conf, AROUND.now, AROUND.draw)
    aaaa = Message(Question(dns, "AAAA"), aa=True)
    answers = {(dns, "A"): a(dns, "10.96.0.10"), (dns, "AAAA"): aaaa, (WEB, "A"): a(WEB, "10.96.1.1")}

    result, asks = run(dig([f"@{dns}", WEB, "+noall", "+answer"], around), answers)

    assert [ask.question.type for ask in asks] == ["A", "AAAA", "A"]
    assert result.stdout == record_line(Record(WEB, 30, "A", "10.96.1.1")) + "\n"


def test_dig_asks_again_over_tcp_when_the_answer_is_truncated() -> None:
    result, asks = run(dig([WEB], AROUND), {(WEB, "A"): a(WEB, "10.244.1.1", tc=True)})

    assert [ask.tcp for ask in asks] == [False, True]
    assert result.stdout.startswith(";; Truncated, retrying in TCP mode.\n")
    assert ";; SERVER: 10.96.0.10#53(10.96.0.10) (TCP)\n" in result.stdout


def test_dig_trace_never_asks_the_cluster_for_the_name() -> None:
    roots = tuple(Record(".", 86400, "NS", f"{letter}.root-servers.net.") for letter in "ab")
    answers = {(".", "NS"): Message(Question(".", "NS"), ra=True, answer=roots)}

    result, asks = run(dig(["+trace", WEB], AROUND), answers)

    assert all(ask.question.name != WEB for ask in asks)
    assert "couldn't get address for 'a.root-servers.net': not found\n" in result.stdout
    assert result.stderr == "dig: couldn't get address for 'a.root-servers.net': no more\n"
    assert result.exit == 1


@pytest.mark.parametrize(
    ("argv", "question"),
    [
        (["web."], Question("web.", "A")),
        (["-t", "srv", "web."], Question("web.", "SRV")),
        (["web.", "SRV"], Question("web.", "SRV")),
        (["AAAA", "web."], Question("web.", "AAAA")),
        (["-x", "10.96.0.1"], Question("1.0.96.10.in-addr.arpa.", "PTR")),
        (["-q", "web.", "-t", "TXT"], Question("web.", "TXT")),
        (["web", "+domain=b.example"], Question("web.b.example.", "A")),
        ([], Question(".", "NS")),
    ],
)
def test_dig_reads_name_and_type_in_any_order(argv: list[str], question: Question) -> None:
    _, asks = run(dig(argv, AROUND), {})

    assert asks[0].question == question


@pytest.mark.parametrize("argv", [["+nonsense", "web."], ["-z", "web"], ["web.", "-t"]])
def test_dig_refuses_what_it_does_not_know(argv: list[str]) -> None:
    result, asks = run(dig(argv, AROUND), {})

    assert (result.exit, result.stdout, asks) == (1, "", [])
    assert result.stderr.startswith("Invalid ")


def test_dig_refuses_a_label_of_64_letters() -> None:
    result, _ = run(dig(["a" * 64 + "."], AROUND), {})

    assert result.stderr.endswith("(label too long)\n")
    assert result.exit == 10


def test_forwarded_answers_say_that_recursion_is_available() -> None:
    message = Message(Question("example.com.", "A"), ra=True)

    result, _ = run(dig(["example.com"], AROUND), {("example.com.", "A"): message})

    assert ";; flags: qr rd ra; QUERY: 1" in result.stdout
    assert "WARNING" not in result.stdout


def test_nslookup_says_so_when_no_server_answers() -> None:
    result, asks = run(nslookup(["web"], AROUND), {(WEB, "A"): None})

    assert len(asks) == 3
    assert result.stdout.endswith(": timed out\n;; no servers could be reached\n\n")
    assert result.exit == 1


def test_nslookup_marks_answers_from_elsewhere() -> None:
    forwarded = Message(
        Question("example.com.", "A"), ra=True, answer=(Record("example.com.", 30, "A", "203.0.113.80"),)
    )
    aaaa = Message(Question("example.com.", "AAAA"), ra=True)
    answers = {("example.com.", "A"): forwarded, ("example.com.", "AAAA"): aaaa}

    result, _ = run(nslookup(["example.com.", "10.96.0.10"], AROUND), answers)

    assert result.stdout == (
        "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10#53\n\n"
        "Non-authoritative answer:\nName:\texample.com\nAddress: 203.0.113.80\n\n"
    )


def test_host_names_the_server_that_it_was_told_to_use() -> None:
    result, _ = run(host(["-t", "A", WEB, "10.244.0.2"], AROUND), {(WEB, "A"): a(WEB, "10.96.1.1")})

    assert result.stdout == (
        "Using domain server:\nName: 10.244.0.2\nAddress: 10.244.0.2#53\nAliases: \n\n"
        "web.shop.svc.cluster.local has address 10.96.1.1\n"
    )


def test_host_says_which_record_a_name_does_not_have() -> None:
    empty = Message(Question(WEB, "AAAA"), aa=True)

    result, _ = run(host(["-t", "aaaa", "web"], AROUND), {(WEB, "AAAA"): empty})

    assert (result.stdout, result.exit) == ("web.shop.svc.cluster.local has no AAAA record\n", 0)


def test_musl_getent_prints_one_line_and_looks_a_long_name_up_twice() -> None:
    answers = {
        (WEB, "AAAA"): Message(Question(WEB, "AAAA"), aa=True),
        (WEB, "A"): a(WEB, "10.96.123.45", "10.96.123.46"),
    }

    result, asks = run(getent(["hosts", "web"], AROUND), answers)

    assert result.stdout == ("10.96.123.45      web.shop.svc.cluster.local  web.shop.svc.cluster.local web\n")
    assert [ask.question.type for ask in asks] == ["AAAA", "A", "A"]


def test_getent_finds_the_pods_own_name_in_its_hosts_file() -> None:
    result, asks = run(getent(["ahosts", "debug"], AROUND), {})

    assert asks == []
    assert result.stdout.splitlines()[0] == "10.244.1.9      STREAM debug"


def test_getent_looks_an_address_up_in_reverse() -> None:
    name = "45.123.96.10.in-addr.arpa."
    ptr = Message(Question(name, "PTR"), aa=True, answer=(Record(name, 30, "PTR", WEB),))

    result, _ = run(getent(["hosts", "10.96.123.45"], AROUND), {(name, "PTR"): ptr})

    assert result.stdout == "10.96.123.45    web.shop.svc.cluster.local\n"


def test_getent_of_an_unknown_name_prints_nothing_and_returns_2() -> None:
    result, _ = run(getent(["hosts", "nosuch"], AROUND), {})

    assert result == ToolResult("", exit=2)


def test_busybox_nslookup_asks_every_candidate_and_fails_if_one_does() -> None:
    answers = {(WEB, "A"): a(WEB, "10.96.1.1"), (WEB, "AAAA"): Message(Question(WEB, "AAAA"), aa=True)}

    result, asks = run(busybox.nslookup(["web"], AROUND), answers)

    assert [(ask.question.name, ask.question.type) for ask in asks] == [
        (WEB, "A"),
        ("web.svc.cluster.local.", "A"),
        (WEB, "AAAA"),
        ("web.svc.cluster.local.", "AAAA"),
    ]
    assert result.exit == 1
    assert "Name:\tweb.shop.svc.cluster.local\nAddress: 10.96.1.1\n\n" in result.stdout
    assert "** server can't find web.svc.cluster.local: NXDOMAIN\n\n" in result.stdout


def test_busybox_nslookup_does_not_search_a_name_with_a_dot() -> None:
    _, asks = run(busybox.nslookup(["web.shop"], AROUND), {})

    assert {ask.question.name for ask in asks} == {"web.shop."}


SRV = Message(
    Question(f"_http._tcp.{WEB}", "SRV"),
    aa=True,
    answer=(Record(f"_http._tcp.{WEB}", 30, "SRV", f"0 100 80 {WEB}"),),
    additional=(Record(WEB, 30, "A", "10.96.1.1"),),
)
SOA = Record(
    "cluster.local.", 30, "SOA", "ns.dns.cluster.local. hostmaster.cluster.local. 7 7200 1800 86400 30"
)


def test_dig_leaves_out_the_sections_that_it_is_told_to() -> None:
    answers = {(SRV.question.name, "SRV"): SRV}

    result, _ = run(
        dig(["-t", "srv", SRV.question.name, "+nocomments", "+nostats", "+nocmd"], AROUND), answers
    )

    assert result.stdout.splitlines() == [
        f";{SRV.question.name} IN SRV",
        f"{SRV.question.name} 30 IN SRV 0 100 80 {WEB}",
        f"{WEB} 30\tIN\tA\t10.96.1.1",
    ]


def test_dig_without_edns_and_recursion_says_less() -> None:
    result, asks = run(dig([WEB, "+noedns", "+norecurse"], AROUND), {(WEB, "A"): a(WEB, "10.96.1.1")})

    assert asks[0].edns is None
    assert ";; flags: qr aa; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 0\n" in result.stdout
    assert "WARNING: recursion" not in result.stdout
    assert "OPT" not in result.stdout


def test_dig_can_hide_ttls_and_classes() -> None:
    result, _ = run(
        dig([WEB, "+noall", "+answer", "+nottlid", "+noclass"], AROUND), {(WEB, "A"): a(WEB, "1.2.3.4")}
    )

    assert result.stdout == f"{WEB} A\t1.2.3.4\n"


@pytest.mark.parametrize(
    ("options", "timeouts"),
    [(["+time=1", "+tries=2"], [1, 1]), (["+retry=0"], [5]), (["+timeout=3", "+tries=1"], [3])],
)
def test_dig_waits_and_retries_as_told(options: list[str], timeouts: list[int]) -> None:
    _, asks = run(dig([*options, "web."], AROUND), {("web.", "A"): None})

    assert [ask.timeout_seconds for ask in asks] == timeouts


def test_dig_searches_with_its_own_ndots() -> None:
    _, asks = run(dig(["+search", "+ndots=1", "web.shop"], AROUND), {})

    assert [ask.question.name for ask in asks] == ["web.shop."]


def test_dig_asks_all_names_of_a_line_and_options_after_a_name_are_that_names() -> None:
    one, two = f"a.{WEB}", f"b.{WEB}"
    answers = {(one, "A"): a(one, "192.0.2.1"), (two, "A"): a(two, "192.0.2.2")}

    result, asks = run(dig([one, "+short", two, "+noall", "+answer", "+bufsize=512"], AROUND), answers)

    assert result.stdout.startswith("192.0.2.1\n")
    assert "192.0.2.2" in result.stdout
    assert [ask.edns.udp_bytes for ask in asks if ask.edns] == [1232, 512]


def test_dig_warns_of_an_unknown_type_and_asks_on() -> None:
    result, asks = run(dig(["-t", "nonsense", "web."], AROUND), {})

    assert result.stderr == ";; Warning, ignoring invalid type nonsense\n"
    assert asks[0].question == Question("web.", "A")


@pytest.mark.parametrize("tool", [dig, host, nslookup])
def test_a_server_whose_name_does_not_resolve_is_an_error(tool: Callable[..., Run]) -> None:
    argv = ["@nosuch", "web"] if tool is dig else ["web", "nosuch"]

    result, _ = run(tool(argv, AROUND), {})

    assert result.stderr.endswith("couldn't get address for 'nosuch': not found\n")
    assert result.exit != 0


def test_dig_trace_goes_on_from_a_root_server_that_has_an_address() -> None:
    root = "a.root-servers.net."
    local = Message(Question("web.local.", "A"), Rcode.NXDOMAIN, aa=True, authority=(SOA,))
    conf = ResolvConf(nameservers=("10.96.0.10",))
    answers = {
        (".", "NS"): Message(Question(".", "NS"), answer=(Record(".", 60, "NS", root),)),
        (root, "A"): a(root, "198.51.100.53"),
        (root, "AAAA"): Message(Question(root, "AAAA")),
        ("web.local.", "A"): local,
    }

    result, asks = run(dig(["+trace", "web.local"], Surroundings(conf, AROUND.now, AROUND.draw)), answers)

    assert asks[-1].server == "198.51.100.53"
    assert "SOA\tns.dns.cluster.local." in result.stdout
    assert result.stdout.endswith(" bytes from 198.51.100.53#53(198.51.100.53) in 0 ms\n\n")


@pytest.mark.parametrize("argv", [["+trace", "web"], ["+short", "web"]])
def test_dig_without_any_answer_ends_with_9(argv: list[str]) -> None:
    silent = {(".", "NS"): None, ("web.", "A"): None}

    assert run(dig(argv, AROUND), silent)[0].exit == 9


@pytest.mark.parametrize(
    ("option", "asked"),
    [("-type=SRV", "SRV"), ("-q=srv", "SRV"), ("-querytype=txt", "TXT"), ("-type=nonsense", "A")],
)
def test_nslookup_takes_a_type_under_several_names(option: str, asked: str) -> None:
    result, asks = run(nslookup([option, "web"], AROUND), {})

    assert asks[0].question.type == asked
    assert ("unknown query type: nonsense\n" in result.stdout) == (option == "-type=nonsense")


def test_nslookup_options_change_how_it_asks() -> None:
    options = ["-timeout=2", "-retry=1", "-vc", "-nosearch"]

    _, asks = run(nslookup([*options, "web"], AROUND), {("web.", "A"): None})

    assert [(ask.question.name, ask.timeout_seconds, ask.tcp) for ask in asks] == [("web.", 2, True)]


@pytest.mark.parametrize(("argv", "exit_code"), [(["-nonsense", "web"], 1), ([], 1), (["a" * 64], 1)])
def test_nslookup_says_what_it_cannot_do(argv: list[str], exit_code: int) -> None:
    result, _ = run(nslookup(argv, AROUND), {})

    assert result.exit == exit_code
    assert "option" in result.stdout or result.stderr.startswith("nslookup: ")


def test_nslookup_shows_a_soa_field_by_field() -> None:
    name = "cluster.local."
    answers = {(name, "SOA"): Message(Question(name, "SOA"), aa=True, answer=(SOA,))}

    result, _ = run(nslookup(["-type=soa", name], AROUND), answers)

    assert (
        "cluster.local\n\torigin = ns.dns.cluster.local\n\tmail addr = hostmaster.cluster.local\n"
        in result.stdout
    )
    assert "\tminimum = 30\n" in result.stdout


def test_nslookup_says_no_answer_when_a_name_has_neither_address() -> None:
    answers = {(WEB, kind): Message(Question(WEB, kind), aa=True) for kind in ("A", "AAAA")}

    result, _ = run(nslookup(["web"], AROUND), answers)

    assert result.stdout.endswith("*** Can't find web.shop.svc.cluster.local: No answer\n\n")


def test_nslookup_of_another_type_without_authority_says_where_it_can_be_found() -> None:
    message = Message(Question("example.com.", "MX"), ra=True, authority=(SOA,))

    result, _ = run(nslookup(["-type=mx", "example.com."], AROUND), {("example.com.", "MX"): message})

    assert "\nAuthoritative answers can be found from:\ncluster.local\n\torigin" in result.stdout


def test_the_second_question_of_nslookup_may_fail_alone() -> None:
    answers = {(WEB, "A"): a(WEB, "10.96.1.1"), (WEB, "AAAA"): Message(Question(WEB, "AAAA"), Rcode.SERVFAIL)}

    result, _ = run(nslookup(["web"], AROUND), answers)

    assert result.stdout.count("Server:") == 1
    assert result.stdout.endswith("** server can't find web.shop.svc.cluster.local: SERVFAIL\n\n")


def test_host_options_change_how_it_asks() -> None:
    _, asks = run(host(["-4", "-T", "-W", "2", "-R", "1", "web."], AROUND), {("web.", "A"): None})

    assert [(ask.timeout_seconds, ask.tcp) for ask in asks] == [(2, True)] * 2


@pytest.mark.parametrize(("argv", "code"), [([], 1), (["-z", "web"], 1), (["-t", "nonsense", "web"], 2)])
def test_host_refuses_what_it_does_not_know(argv: list[str], code: int) -> None:
    result, asks = run(host(argv, AROUND), {})

    assert (result.exit, asks) == (code, [])
    assert result.stderr


@pytest.mark.parametrize(
    ("reply", "words"),
    [(None, ";; no servers could be reached"), (Message(Question(WEB, "A"), Rcode.SERVFAIL), "2(SERVFAIL)")],
)
def test_host_fails_with_1(reply: Answered, words: str) -> None:
    result, _ = run(host(["web"], AROUND), {(WEB, "A"): reply})

    assert result.exit == 1
    assert words in result.stdout


def test_getent_lists_the_hosts_file_without_a_key() -> None:
    result, _ = run(getent(["hosts"], AROUND), {})

    assert result.stdout == "127.0.0.1       localhost\n10.244.1.9      debug\n"


@pytest.mark.parametrize("argv", [[], ["passwd", "root"]])
def test_getent_knows_hosts_only(argv: list[str]) -> None:
    result, asks = run(getent(argv, AROUND), {})

    assert (result.exit, asks) == (1, [])


def test_getent_stops_at_the_first_key_that_it_does_not_find() -> None:
    result, _ = run(getent(["ahostsv4", "debug", "nosuch"], AROUND), {})

    assert (result.exit, len(result.stdout.splitlines())) == (2, 3)


def test_getent_hosts_prefers_the_hosts_file_of_its_family() -> None:
    result, asks = run(getent(["hosts", "debug"], AROUND), {})

    assert {ask.question.type for ask in asks} == {"AAAA"}
    assert result.stdout == "10.244.1.9      debug\n"


@pytest.mark.parametrize(
    ("argv", "answers", "words"),
    [
        ([], {}, "Usage: nslookup"),
        (["web", "nosuch"], {}, "bad address 'nosuch'"),
        (
            ["web."],
            {("web.", "A"): None, ("web.", "AAAA"): None},
            ";; connection timed out; no servers could be reached",
        ),
        (["10.96.0.1"], {}, "** server can't find 1.0.96.10.in-addr.arpa: NXDOMAIN"),
        (["-type=srv", "web."], {}, "** server can't find web.: NXDOMAIN"),
    ],
)
def test_busybox_nslookup_fails_with_1(argv: list[str], answers: dict, words: str) -> None:
    result, _ = run(busybox.nslookup(argv, AROUND), answers)

    assert result.exit == 1
    assert words in result.stdout + result.stderr


def test_busybox_nslookup_asks_the_server_that_is_named() -> None:
    _, asks = run(busybox.nslookup(["web.", "10.244.0.2"], AROUND), {})

    assert {ask.server for ask in asks} == {"10.244.0.2"}


def test_a_library_asks_the_next_server_when_one_is_silent() -> None:
    conf = ResolvConf(nameservers=("192.0.2.1", "192.0.2.2"), options=("attempts:1",))
    around = Surroundings(conf, AROUND.now, AROUND.draw, library="glibc")

    _, asks = run(getent(["ahosts", "web"], around), {("web.", "A"): None})

    assert [ask.server for ask in asks] == ["192.0.2.1", "192.0.2.2"]


@pytest.mark.parametrize(
    ("argv", "tcp"),
    [
        (["ANY", "web."], True),
        (["ANY", "web.", "+notcp"], False),
        (["web."], False),
        (["web.", "+tcp"], True),
    ],
)
def test_dig_asks_for_everything_over_tcp(argv: list[str], tcp: bool) -> None:
    _, asks = run(dig(argv, AROUND), {})

    assert [ask.tcp for ask in asks] == [tcp]


def test_dig_says_that_a_zone_transfer_failed() -> None:
    refused = Message(Question("cluster.local.", "AXFR"), Rcode.REFUSED)

    result, _ = run(dig(["AXFR", "cluster.local"], AROUND), {("cluster.local.", "AXFR"): refused})

    assert result.stdout.endswith(";; global options: +cmd\n; Transfer failed.\n")
