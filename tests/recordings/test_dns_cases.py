"""CoreDNS's answers, question by question. Source: coredns-cases.json (see README.md)."""

from typing import Any

import pytest

from svclab.dns.message import Question
from svclab.kube.coredns import CoreDns
from tests.recordings.dns_cases import cluster, dns_file, options_of, rows

# `zonal` came with CoreDNS 1.14; kubeadm never turns it on, so the 1.13 modelled here has no such names.
CASES = [case for case in dns_file()["dns_cases"] if not case.get("optional")]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_coredns_answers_as_recorded(case: dict[str, Any]) -> None:
    server = CoreDns(cluster(case["cluster"]), options_of(case["options"]))

    message = server.answer(Question(case["query"]["name"], case["query"]["type"]))

    expect = case["expect"]
    assert message.rcode == expect["rcode"]
    assert message.tc == expect["tc"]
    assert rows(message.answer) == rows(expect["answer"])
    assert rows(message.additional) == rows(expect["additional"])
    if expect["aa"] is not None:
        assert message.aa == expect["aa"]
    if expect["authority"] is not None:
        assert rows(message.authority) == rows(expect["authority"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_cname_stands_before_the_records_of_its_target(case: dict[str, Any]) -> None:
    server = CoreDns(cluster(case["cluster"]), options_of(case["options"]))

    answer = server.answer(Question(case["query"]["name"], case["query"]["type"])).answer

    seen = {case["query"]["name"]}
    for record in answer:
        assert record.name in seen
        if record.type == "CNAME":
            seen.add(record.data)
