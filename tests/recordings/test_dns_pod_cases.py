"""A pod's resolv.conf and Service variables. Source: coredns-cases.json, worked out from kubelet's source."""

from typing import Any

import pytest

from svclab.dns.resolvconf import ResolvConf
from svclab.kube.poddns import KubeletDns, resolv_conf
from svclab.kube.podenv import service_environment
from tests.recordings.dns_cases import dns_file


@pytest.mark.parametrize("case", dns_file()["resolvconf_cases"], ids=lambda case: case["id"])
def test_resolv_conf_follows_dns_policy_and_dns_config(case: dict[str, Any]) -> None:
    kubelet = KubeletDns(
        tuple(case["kubelet"]["clusterDNS"]),
        case["kubelet"]["clusterDomain"],
        ResolvConf.parse(case["node_resolv_conf"]),
    )
    pod = {"metadata": {"namespace": case["pod"]["namespace"]}, "spec": case["pod"]["spec"]}

    conf = resolv_conf(pod, kubelet)

    expect = case["expect"]
    assert list(conf.search) == expect["search"]
    assert list(conf.nameservers) == expect["nameservers"]
    if case.get("options_order") == "any":
        assert sorted(conf.options) == sorted(expect["options"])
    else:
        assert list(conf.options) == expect["options"]


@pytest.mark.parametrize("case", dns_file()["env_cases"], ids=lambda case: case["id"])
def test_service_variables_are_exactly_those_of_the_services_seen_at_start(case: dict[str, Any]) -> None:
    variables = service_environment(
        case["services_seen_at_start"],
        case["pod"]["namespace"],
        enable_service_links=case["pod"]["enableServiceLinks"],
    )

    assert variables == case["expect"]
