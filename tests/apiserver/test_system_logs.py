"""The tutorial's look at kube-proxy's log, and CoreDNS's."""

import hashlib

import pytest

from svclab.apiserver import dispatch
from svclab.apiserver.messages import ApiRequest
from svclab.cluster import lifecycle

pytestmark = pytest.mark.django_db


@pytest.fixture
def cluster():
    return lifecycle.new_cluster("guest-alice", random_seed="logs")


def log_of(cluster, start, tail):
    name = next(
        n
        for ns, n in sorted(cluster.snapshot().of_kind("Pod"))
        if ns == "kube-system" and n.startswith(start)
    )
    path = f"/api/v1/namespaces/kube-system/pods/{name}/log"
    answer = dispatch.handle(cluster, ApiRequest("GET", path, [("tailLines", str(tail))]))
    assert answer.status == 200
    return answer.body.decode().splitlines()


@pytest.mark.parametrize("mode", ["iptables", "nftables", "ipvs"])
def test_kube_proxy_says_in_which_mode_it_works(cluster, mode):
    cluster.configure(proxy_mode=mode)
    lines = log_of(cluster, "kube-proxy-", 100)
    assert lines[0].endswith(f'server_linux.go:53] "Using {mode} proxy"')
    assert any("ipvs proxier is now deprecated" in line for line in lines) is (mode == "ipvs")


def test_tail_gives_the_last_lines(cluster):
    last = log_of(cluster, "kube-proxy-", 2)
    assert [line.rpartition("] ")[2] for line in last] == [
        '"Caches are synced" controller="endpoint slice config"',
        '"Caches are synced" controller="node config"',
    ]


def test_coredns_names_the_checksum_of_its_corefile(cluster):
    corefile = cluster.snapshot().get("ConfigMap", "kube-system", "coredns")["data"]["Corefile"]
    digest = hashlib.sha512(corefile.encode()).hexdigest()
    assert f"[INFO] plugin/reload: Running configuration SHA512 = {digest}" in log_of(cluster, "coredns-", 10)
