"""Editing the Corefile: what CoreDNS then answers."""

from datetime import UTC, datetime

import pytest

from svclab.dns.message import Question, Rcode
from svclab.kube.coredns import Cache, CoreDns, NameServer
from svclab.kube.coredns.corefile import CorefileError, failure, parse, server_blocks
from svclab.kube.coredns.options import REVERSE_ZONES, Caching, DnsOptions, Keeping
from svclab.kube.coredns.rewriting import Rewrite
from svclab.kube.snapshot import Snapshot
from tests.kube.dns_world import COREFILE, namespaced, standard_objects

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BODY = "kubernetes cluster.local in-addr.arpa ip6.arpa {\n pods insecure\n ttl 30\n}\n"


def blocks(corefile: str) -> dict[str, DnsOptions]:
    config = namespaced("ConfigMap", "kube-system", "coredns", data={"Corefile": corefile})
    return dict(server_blocks(Snapshot.of(standard_objects()).with_(config)))


def answer(corefile: str, name: str, kind: str = "A") -> tuple[str, tuple[str, ...]]:
    options = blocks(corefile)["."]
    message = CoreDns(Snapshot.of(standard_objects()), options).answer(Question(name, kind))
    return message.rcode.value, message.addresses()


def test_kubeadms_corefile_gives_kubeadms_options() -> None:
    options = blocks(COREFILE)["."]

    assert options.zones == ("cluster.local.", *REVERSE_ZONES)
    assert (options.ttl, options.pods, options.fallthrough) == (30, "insecure", REVERSE_ZONES)
    assert options.caching == Caching.of(30, ("cluster.local.",))
    assert options.loadbalance
    assert options.local_ips == ("10.244.1.2",)


def test_a_second_zone_makes_the_same_services_answer_under_both() -> None:
    corefile = COREFILE.replace("kubernetes cluster.local", "kubernetes lab.example cluster.local")

    assert answer(corefile, "web.shop.svc.lab.example.") == ("NOERROR", ("10.96.5.5",))
    assert answer(corefile, "web.shop.svc.cluster.local.") == ("NOERROR", ("10.96.5.5",))


def test_without_forward_outside_names_fail() -> None:
    corefile = "\n".join(line for line in COREFILE.splitlines() if "max_concurrent" not in line)
    corefile = corefile.replace("forward . /etc/resolv.conf {\n    }\n", "")

    assert answer(corefile, "example.com.") == ("SERVFAIL", ())
    assert answer(COREFILE, "example.com.") == ("NOERROR", ("203.0.113.80",))


@pytest.mark.parametrize(("target", "rcode"), [("8.8.8.8", "NOERROR"), ("10.9.9.9", "SERVFAIL")])
def test_a_forwarder_must_exist(target: str, rcode: str) -> None:
    corefile = f".:53 {{\n{BODY}forward . {target}\n}}\n"

    assert answer(corefile, "example.com.")[0] == rcode


def test_the_most_specific_server_block_answers() -> None:
    corefile = f".:53 {{\n{BODY}forward . /etc/resolv.conf\n}}\ncorp.example:53 {{\nforward . 10.9.9.9\n}}\n"

    assert set(blocks(corefile)) == {".", "corp.example."}


def test_entries_of_the_hosts_plugin_answer_before_anything_else() -> None:
    hosts = "hosts {\n 192.0.2.7 db.example.com\n fallthrough\n}\n"
    corefile = f".:53 {{\n{hosts}{BODY}forward . /etc/resolv.conf\n}}\n"

    assert answer(corefile, "db.example.com.") == ("NOERROR", ("192.0.2.7",))
    assert answer(corefile, "db.example.com.", "AAAA") == ("NOERROR", ())
    assert answer(corefile, "7.2.0.192.in-addr.arpa.", "PTR") == ("NOERROR", ("db.example.com.",))
    assert answer(corefile, "web.shop.svc.cluster.local.") == ("NOERROR", ("10.96.5.5",))


def test_without_fallthrough_the_hosts_plugin_answers_for_nobody_else() -> None:
    corefile = f".:53 {{\nhosts {{\n192.0.2.7 db.example.com\n}}\n{BODY}}}\n"

    assert answer(corefile, "web.shop.svc.cluster.local.") == ("SERVFAIL", ())


@pytest.mark.parametrize(
    "rule",
    [
        "rewrite name exact old.example.com web.shop.svc.cluster.local",
        "rewrite name old.example.com web.shop.svc.cluster.local",
        "rewrite stop {\n name suffix old.example.com web.shop.svc.cluster.local\n answer auto\n}",
        "rewrite name substring old.example.com web.shop.svc.cluster.local answer auto",
        "rewrite name regex (old)\\.example\\.com web.shop.svc.cluster.local answer auto",
        "rewrite name suffix old.example.com web.shop.svc.cluster.local"
        " answer name web\\.shop\\.svc\\.cluster\\.local old.example.com",
    ],
)
def test_a_rewritten_name_is_answered_under_the_name_asked_for(rule: str) -> None:
    corefile = f".:53 {{\n{rule}\n{BODY}}}\n"
    options = blocks(corefile)["."]

    message = CoreDns(Snapshot.of(standard_objects()), options).answer(Question("old.example.com.", "A"))

    assert [(record.name, record.data) for record in message.answer] == [("old.example.com.", "10.96.5.5")]


@pytest.mark.parametrize(
    "rule", ["suffix old.example.com web.shop.svc.cluster.local", "regex old.* web.shop.svc.cluster.local"]
)
def test_other_than_exact_rules_leave_the_name_in_the_answer_unless_told_so(rule: str) -> None:
    options = blocks(f".:53 {{\nrewrite name {rule}\n{BODY}}}\n")["."]

    message = CoreDns(Snapshot.of(standard_objects()), options).answer(Question("old.example.com.", "A"))

    assert message.question.name == "old.example.com."
    assert [record.name for record in message.answer] == ["web.shop.svc.cluster.local."]


def test_names_in_the_data_are_turned_back_too() -> None:
    rule = "rewrite name suffix .lab.example .svc.cluster.local answer auto"
    options = blocks(f".:53 {{\n{rule}\n{BODY}}}\n")["."]

    message = CoreDns(Snapshot.of(standard_objects()), options).answer(
        Question("web.shop.lab.example.", "SRV")
    )

    assert {record.data.split()[-1] for record in message.answer} == {"web.shop.lab.example."}
    assert {record.name for record in message.additional} == {"web.shop.lab.example."}


@pytest.mark.parametrize(
    ("corefile", "words"),
    [
        (".:53 {\n kubernets cluster.local\n}\n", "Unknown directive 'kubernets'"),
        (".:53 {\n errors\n", "Unexpected EOF, expected closing curly brace"),
        ("errors\n", "no opening curly brace"),
    ],
)
def test_a_broken_corefile_is_refused_and_the_old_one_goes_on(corefile: str, words: str) -> None:
    with pytest.raises(CorefileError, match=words):
        parse(corefile)

    assert answer(corefile, "web.shop.svc.cluster.local.") == ("NOERROR", ("10.96.5.5",))


def test_a_cluster_without_any_dns_forwards_to_nobody() -> None:
    options = server_blocks(Snapshot.of([]))["."]

    message = CoreDns(Snapshot.of([]), options).answer(Question("example.com.", "A"))

    assert (message.rcode, options.local_ips) == (Rcode.SERVFAIL, ())


def test_a_cluster_with_a_dns_service_but_no_corefile_has_kubeadms() -> None:
    snapshot = Snapshot.of(standard_objects()).without("ConfigMap", ("kube-system", "coredns"))

    message = NameServer(snapshot).answer(Question("example.com.", "A"))

    assert (message.rcode, message.addresses()) == (Rcode.NOERROR, ("203.0.113.80",))


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("namespaces shop default", "namespaces", frozenset({"shop", "default"})),
        ("fallthrough", "fallthrough", ("cluster.local.",)),
        ("fallthrough in-addr.arpa", "fallthrough", ("in-addr.arpa.",)),
        ("ignore empty_service", "ignore_empty_service", True),
        ("endpoint_pod_names", "endpoint_pod_names", True),
        ("noendpoints", "ttl", 5),
    ],
)
def test_properties_of_the_kubernetes_plugin(line: str, field: str, value: object) -> None:
    options = blocks(f".:53 {{\nkubernetes cluster.local {{\n{line}\n}}\n}}\n")["."]

    assert getattr(options, field) == value


def test_the_kubernetes_plugin_takes_the_blocks_zone_and_networks_as_reverse_zones() -> None:
    assert blocks("lab.example {\nkubernetes\n}\n")["lab.example."].zones == ("lab.example.",)
    corefile = ".:53 {\nkubernetes cluster.local 10.96.0.0/16\n}\n"
    assert blocks(corefile)["."].zones == ("cluster.local.", "96.10.in-addr.arpa.")


def test_an_unknown_property_is_an_error_and_kubeadms_corefile_goes_on() -> None:
    assert blocks(".:53 {\nkubernetes cluster.local {\nnonsense\n}\n}\n")["."].ttl == 30


def test_forward_for_one_zone_leaves_the_others_without_an_answer() -> None:
    corefile = f".:53 {{\n{BODY}forward example.com /etc/resolv.conf\n}}\n"

    assert answer(corefile, "example.com.")[0] == "NOERROR"
    assert answer(corefile, "github.com.")[0] == "SERVFAIL"


@pytest.mark.parametrize(
    ("lines", "name", "rcode"),
    [
        ("forward . /etc/resolv.conf {\n except corp.example example.com\n}", "www.example.com.", "SERVFAIL"),
        ("forward . /etc/resolv.conf {\n except corp.example\n}", "www.example.com.", "NOERROR"),
        # The first that is meant answers, not the one that is meant most
        ("forward . /etc/resolv.conf\nforward example.com 10.9.9.9", "example.com.", "NOERROR"),
        ("forward example.com 10.9.9.9\nforward . /etc/resolv.conf", "example.com.", "SERVFAIL"),
        ("forward . 10.9.9.9 {\n except example.com\n}\nforward . 8.8.8.8", "example.com.", "NOERROR"),
    ],
)
def test_which_forward_line_answers(lines: str, name: str, rcode: str) -> None:
    assert answer(f".:53 {{\n{BODY}{lines}\n}}\n", name)[0] == rcode


@pytest.mark.parametrize(
    ("hosts", "name", "rcode"),
    [
        ("hosts {\n 192.0.2.7 db.corp.example\n}", "example.com.", "SERVFAIL"),
        ("hosts /etc/hosts corp.example {\n 192.0.2.7 db.corp.example\n}", "example.com.", "NOERROR"),
        ("hosts /etc/hosts corp.example {\n 192.0.2.7 db.corp.example\n}", "no.corp.example.", "SERVFAIL"),
        ("hosts /etc/hosts corp.example {\n 192.0.2.7 example.com\n}", "example.com.", "NOERROR"),
        ("hosts {\n 192.0.2.7 a.example\n fallthrough example.com\n}", "example.com.", "NOERROR"),
        ("hosts {\n 192.0.2.7 a.example\n fallthrough example.com\n}", "github.com.", "SERVFAIL"),
    ],
)
def test_for_which_names_the_hosts_plugin_answers(hosts: str, name: str, rcode: str) -> None:
    assert answer(f".:53 {{\n{hosts}\n{BODY}forward . /etc/resolv.conf\n}}\n", name)[0] == rcode


def test_hosts_entries_outside_the_plugins_zones_do_not_count() -> None:
    hosts = "hosts /etc/hosts corp.example {\n 192.0.2.7 example.com\n}"
    corefile = f".:53 {{\n{hosts}\n{BODY}forward . /etc/resolv.conf\n}}\n"

    assert answer(corefile, "example.com.") == ("NOERROR", ("203.0.113.80",))
    assert answer(corefile, "7.2.0.192.in-addr.arpa.", "PTR") == ("NXDOMAIN", ())


def test_cache_without_a_number_keeps_for_an_hour_at_most() -> None:
    options = blocks(f".:53 {{\n{BODY}cache\n}}\n")["."]

    assert options.caching == Caching(Keeping(3600), Keeping(1800))


def test_the_cache_keeps_each_kind_of_reply_as_it_is_told() -> None:
    body = "success 9984 60 20\n denial 9984 3 1\n disable denial corp.example\n servfail 2s\n prefetch 10"
    options = blocks(f".:53 {{\n{BODY}cache 30 example.com corp.example {{\n {body}\n}}\n}}\n")["."]

    assert options.caching == Caching(
        Keeping(60, 20), Keeping(3, 1, ("corp.example.",)), 2, ("example.com.", "corp.example.")
    )


@pytest.mark.parametrize(
    ("cache", "name", "kept"),
    [
        ("cache 30", "example.com.", 30),
        ("cache 30", "nosuch.example.com.", 30),
        ("cache 30 {\ndenial 9984 7\n}", "nosuch.example.com.", 7),
        ("cache 30 {\ndisable denial\n}", "nosuch.example.com.", None),
        ("cache 30 {\ndisable denial\n}", "example.com.", 30),
        ("cache 30 {\ndisable success example.com\n}", "example.com.", None),
        ("cache 30 corp.example", "example.com.", None),
    ],
)
def test_how_long_a_reply_is_kept(cache: str, name: str, kept: int | None) -> None:
    options = blocks(f".:53 {{\n{cache}\nforward . /etc/resolv.conf\n}}\n")["."]
    memory = Cache()

    CoreDns(Snapshot.of(standard_objects()), options, memory).answer(Question(name, "A"), now=NOW)

    assert [entry.ttl for entry in memory.entries.values()] == ([] if kept is None else [kept])


def test_entries_of_the_hosts_plugin_have_the_ttl_that_is_written() -> None:
    corefile = f".:53 {{\nhosts {{\nttl 7\n192.0.2.7 a.example b.example\n}}\n{BODY}}}\n"

    assert {record.ttl for record in blocks(corefile)["."].hosts.records} == {7}


@pytest.mark.parametrize("rule", ["rewrite class ANY IN", "rewrite ttl exact a.example. 30"])
def test_rewrite_rules_that_are_not_modelled_change_nothing_and_the_rest_counts(rule: str) -> None:
    options = blocks(f".:53 {{\n{rule}\n{BODY}template IN A\n}}\n")["."]

    assert (options.rewrites, options.pods) == ((), "insecure")


def test_a_regex_rewrites_by_its_groups() -> None:
    rule = Rewrite("regex", r"(.*)-eu\.(.*)\.lab\.example\.$", "{1}.{2}.svc.cluster.local")

    assert rule.apply("Web-EU.shop.lab.example.") == "web.shop.svc.cluster.local."
    assert rule.apply("web.shop.lab.example.") is None


def test_a_prefix_is_rewritten_at_the_front_and_ends_with_a_label() -> None:
    rule = Rewrite("prefix", "old", "new")

    found = [rule.apply(name) for name in ("Old.shop.", "shop.old.", "old-web.shop.")]
    assert found == ["new.shop.", None, None]


def test_a_substring_is_rewritten_wherever_it_stands() -> None:
    rule = Rewrite("substring", "a.b", "c")

    assert rule.apply("x.a.b.a.b.y.") == "x.c.c.y."


def test_a_name_in_none_of_the_server_blocks_is_refused() -> None:
    config = namespaced(
        "ConfigMap", "kube-system", "coredns", data={"Corefile": f"cluster.local {{\n{BODY}}}\n"}
    )
    server = NameServer(Snapshot.of(standard_objects()).with_(config))

    assert server.answer(Question("example.com.", "A")).rcode == "REFUSED"
    assert server.answer(Question("web.shop.svc.cluster.local.", "A")).addresses() == ("10.96.5.5",)


def test_an_external_name_may_end_in_another_server_block() -> None:
    corefile = f".:53 {{\n{BODY}forward . 10.9.9.9\n}}\nexample.com:53 {{\nforward . /etc/resolv.conf\n}}\n"
    config = namespaced("ConfigMap", "kube-system", "coredns", data={"Corefile": corefile})
    alias = namespaced("Service", "shop", "out", spec={"type": "ExternalName", "externalName": "example.com"})
    snapshot = Snapshot.of([*standard_objects(), alias]).with_(config)

    message = NameServer(snapshot).answer(Question("out.shop.svc.cluster.local.", "A"))

    assert message.addresses() == ("203.0.113.80",)


@pytest.mark.parametrize(
    ("corefile", "words"),
    [
        (COREFILE, None),
        (
            COREFILE.replace("loadbalance", "loadbalanc"),
            "/etc/coredns/Corefile:18 - Error during parsing: Unknown directive 'loadbalanc'",
        ),
        (
            ".:53 {\n\n kubernetes cluster.local {\n  pod insecure\n }\n}\n",
            "plugin/kubernetes: /etc/coredns/Corefile:4 - Error during parsing: unknown property 'pod'",
        ),
        (f".:53 {{\nrewrite name regex a b\n{BODY}}}\n", None),
        (
            f".:53 {{\nrewrite name regex ( b\n{BODY}}}\n",
            "plugin/rewrite: /etc/coredns/Corefile:2 - Error during parsing: "
            "invalid regex pattern in a name rule: (: missing ), unterminated subpattern",
        ),
    ],
)
def test_a_process_that_starts_with_a_broken_corefile_says_where_it_is_broken(
    corefile: str, words: str | None
) -> None:
    config = namespaced("ConfigMap", "kube-system", "coredns", data={"Corefile": corefile})

    assert failure(Snapshot.of([config])) == words


def test_a_cluster_without_a_corefile_has_none_that_is_broken() -> None:
    assert failure(Snapshot.of([])) is None
