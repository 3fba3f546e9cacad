"""What kubelet writes into a pod's /etc/resolv.conf and /etc/hosts."""

from ipaddress import ip_address

from svclab.dns.resolvconf import ResolvConf
from svclab.kube.poddns import KubeletDns, c_library, hostname, hosts_file, hosts_text, omissions, resolv_conf


def pod(name: str = "debug", **spec: object) -> dict:
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": spec,
        "status": {"podIP": "10.244.1.9", "podIPs": [{"ip": "10.244.1.9"}]},
    }


def test_a_pod_asks_cluster_dns_and_searches_its_own_namespace_first() -> None:
    conf = resolv_conf(pod())

    assert conf.print() == (
        "search shop.svc.cluster.local svc.cluster.local cluster.local\n"
        "nameserver 10.96.0.10\n"
        "options ndots:5\n"
    )


def test_without_a_cluster_dns_address_cluster_first_is_the_nodes_file() -> None:
    node = ResolvConf(("corp.example.",), ("192.0.2.53",), ("timeout:2",))

    conf = resolv_conf(pod(), KubeletDns(cluster_dns=(), node_resolv_conf=node))

    assert conf == ResolvConf(("corp.example",), ("192.0.2.53",), ("timeout:2",))


def test_a_fourth_nameserver_and_a_33rd_search_domain_are_cut_off() -> None:
    config = {
        "nameservers": ["198.51.100.1", "198.51.100.2", "198.51.100.3"],
        "searches": [f"d{number}.example" for number in range(40)],
    }

    conf = resolv_conf(pod(dnsConfig=config))

    assert conf.nameservers == ("10.96.0.10", "198.51.100.1", "198.51.100.2")
    assert len(conf.search) == 32
    assert omissions(pod(dnsConfig=config)) == [
        "Nameserver limits were exceeded, some nameservers have been omitted, "
        "the applied nameserver line is: 10.96.0.10 198.51.100.1 198.51.100.2",
        "Search Line limits were exceeded, some search paths have been omitted, "
        f"the applied search line is: {' '.join(conf.search)}",
    ]


def test_a_nodes_own_file_is_taken_as_it_is_where_the_pod_adds_nothing() -> None:
    node = ResolvConf(("a.example", "a.example"), ("192.0.2.53", "192.0.2.53"), ("rotate", "rotate"))
    kubelet = KubeletDns(node_resolv_conf=node)

    assert resolv_conf(pod(dnsPolicy="Default"), kubelet) == node
    merged = resolv_conf(pod(dnsPolicy="Default", dnsConfig={"searches": ["b.example"]}), kubelet)
    assert merged == ResolvConf(("a.example", "b.example"), ("192.0.2.53",), ("rotate",))


def test_a_search_domain_that_is_too_long_for_glibc_is_left_out() -> None:
    config = {"searches": ["a" * 250 + ".org", "b.example"]}

    assert resolv_conf(pod(dnsPolicy="None", dnsConfig=config)).search == ("b.example",)


def test_an_option_with_an_empty_value_is_written_without_a_colon() -> None:
    config = {"options": [{"name": "edns0", "value": ""}, {"name": "ndots", "value": "2"}]}

    assert set(resolv_conf(pod(dnsConfig=config)).options) == {"edns0", "ndots:2"}


def test_a_pod_can_have_its_whole_name_as_hostname() -> None:
    whole = pod("web-0", hostname="web-0", subdomain="web", setHostnameAsFQDN=True)

    assert hostname(whole) == "web-0.web.shop.svc.cluster.local"
    assert hosts_text(whole).splitlines()[-1] == "10.244.1.9\tweb-0.web.shop.svc.cluster.local\tweb-0"
    assert hostname(pod("solo", setHostnameAsFQDN=True)) == "solo"


def test_a_pod_knows_its_own_name_without_asking_anybody() -> None:
    assert hosts_file(pod()).lookup("debug") == ((ip_address("10.244.1.9"), "debug"),)


def test_with_a_subdomain_the_full_name_stands_before_the_short_one() -> None:
    text = hosts_text(pod("web-0", hostname="web-0", subdomain="web"))

    assert text.splitlines()[-1] == "10.244.1.9\tweb-0.web.shop.svc.cluster.local\tweb-0"


def test_host_aliases_come_last_under_their_own_heading() -> None:
    text = hosts_text(pod(hostAliases=[{"ip": "192.0.2.7", "hostnames": ["old", "older"]}]))

    assert text.endswith("\n# Entries added by HostAliases.\n192.0.2.7\told\tolder\n")


def test_on_the_hosts_network_a_pod_has_the_nodes_name_and_file() -> None:
    node_pod = pod(hostNetwork=True, nodeName="node1")

    assert hostname(node_pod) == "node1"
    assert hosts_text(node_pod).startswith("# Kubernetes-managed hosts file (host network).\n127.0.0.1")


def test_alpine_images_resolve_with_musl_and_others_with_glibc() -> None:
    images = [
        "nicolaka/netshoot",
        "alpine:3.20",
        "nginx:1.25-alpine",
        "nginx:1.25",
        "docker.io/library/busybox",
    ]

    assert [c_library(image) for image in images] == ["musl", "musl", "musl", "glibc", "glibc"]
