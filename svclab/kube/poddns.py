"""A pod's /etc/resolv.conf and /etc/hosts. Source: kubelet 1.36, pkg/kubelet/network/dns/dns.go and
pkg/kubelet/kubelet_pods.go."""

from collections.abc import Iterable
from dataclasses import dataclass

from svclab.dns.hosts import HostsFile
from svclab.dns.resolvconf import MAX_NAMESERVERS, ResolvConf
from svclab.kube.snapshot import Manifest

MAX_SEARCH_DOMAINS = 32
MAX_SEARCH_CHARACTERS = 2048
MAX_DOMAIN_CHARACTERS = 253  # glibc aborts at longer ones
MAX_HOSTNAME = 63
CLUSTER_OPTIONS = ("ndots:5",)

MANAGED_HOSTS = """\
# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""
NODE_RESOLV_CONF = ResolvConf(nameservers=("192.0.2.53",))
HOST_NETWORK_HOSTS = "# Kubernetes-managed hosts file (host network).\n"


@dataclass(frozen=True, slots=True)
class KubeletDns:
    """What a kubelet was told about names: its clusterDNS and clusterDomain, and the node's own two files."""

    cluster_dns: tuple[str, ...] = ("10.96.0.10",)
    cluster_domain: str = "cluster.local"
    node_resolv_conf: ResolvConf = NODE_RESOLV_CONF
    node_hosts: str = "127.0.0.1\tlocalhost\n"


STANDARD_KUBELET = KubeletDns()


def resolv_conf(pod: Manifest, kubelet: KubeletDns = STANDARD_KUBELET) -> ResolvConf:
    """The pod's resolver file, by dnsPolicy and dnsConfig.

    Without a clusterDNS the policy ClusterFirst falls back to Default. What is beyond three servers, 32
    search domains or 2048 characters is cut off, and a search domain of more than 253 characters left out.
    """
    return _within_limits(_asked_for(pod, kubelet))


def omissions(pod: Manifest, kubelet: KubeletDns = STANDARD_KUBELET) -> list[str]:
    """What the kubelet warns of (DNSConfigForming): servers or search domains that do not fit."""
    whole, applied = _asked_for(pod, kubelet), resolv_conf(pod, kubelet)
    found = []
    if applied.nameservers != whole.nameservers:
        servers = " ".join(applied.nameservers)
        found.append(
            "Nameserver limits were exceeded, some nameservers have been omitted, "
            f"the applied nameserver line is: {servers}"
        )
    if applied.search != whole.search:
        found.append(
            "Search Line limits were exceeded, some search paths have been omitted, "
            f"the applied search line is: {' '.join(applied.search)}"
        )
    return found


def _asked_for(pod: Manifest, kubelet: KubeletDns) -> ResolvConf:
    """The file without any limits."""
    spec = pod.get("spec") or {}
    match _policy(spec):
        case "None":
            base = ResolvConf()
        case "ClusterFirst" if kubelet.cluster_dns:
            base = ResolvConf(_cluster_search(pod, kubelet), kubelet.cluster_dns, CLUSTER_OPTIONS)
        case _:
            node = kubelet.node_resolv_conf
            base = ResolvConf(_trimmed(node.search), node.nameservers, node.options)
    config = spec.get("dnsConfig")
    return _with_config(base, config) if config else base


def _policy(spec: Manifest) -> str:
    """The policy that counts: on the host's network only ClusterFirstWithHostNet asks the cluster."""
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    if policy == "ClusterFirst" and spec.get("hostNetwork"):
        return "Default"
    return "ClusterFirst" if policy == "ClusterFirstWithHostNet" else policy


def _cluster_search(pod: Manifest, kubelet: KubeletDns) -> tuple[str, ...]:
    domain = kubelet.cluster_domain
    node = _trimmed(kubelet.node_resolv_conf.search)
    if not domain:
        return node
    return _unique((f"{_namespace(pod)}.svc.{domain}", f"svc.{domain}", domain, *node))


def _with_config(base: ResolvConf, config: Manifest) -> ResolvConf:
    """dnsConfig on top: servers and searches appended, an option replaces the one of its name."""
    options = {option.partition(":")[0]: option for option in base.options}
    for option in config.get("options") or ():
        value = option.get("value")
        options[option["name"]] = f"{option['name']}:{value}" if value else option["name"]
    return ResolvConf(
        _unique((*base.search, *(config.get("searches") or ()))),
        _unique((*base.nameservers, *(config.get("nameservers") or ()))),
        tuple(options.values()),
    )


def _within_limits(conf: ResolvConf) -> ResolvConf:
    search = [domain for domain in conf.search[:MAX_SEARCH_DOMAINS] if len(domain) <= MAX_DOMAIN_CHARACTERS]
    while len(" ".join(search)) > MAX_SEARCH_CHARACTERS:
        search.pop()
    return ResolvConf(tuple(search), conf.nameservers[:MAX_NAMESERVERS], conf.options)


def _trimmed(search: Iterable[str]) -> tuple[str, ...]:
    return tuple(domain.removesuffix(".") or domain for domain in search)


def _unique(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))


def _namespace(pod: Manifest) -> str:
    return (pod.get("metadata") or pod)["namespace"]


def hostname(pod: Manifest, kubelet: KubeletDns = STANDARD_KUBELET) -> str:
    """What `hostname` prints in the pod: its short name, or the whole one with setHostnameAsFQDN."""
    if (pod.get("spec") or {}).get("setHostnameAsFQDN"):
        return _names(pod, kubelet)[0]
    return _short_hostname(pod)


def _names(pod: Manifest, kubelet: KubeletDns) -> tuple[str, ...]:
    """The pod's names in its own hosts file, the whole one first where it has a subdomain."""
    name, subdomain = _short_hostname(pod), (pod.get("spec") or {}).get("subdomain")
    if not subdomain:
        return (name,)
    return (f"{name}.{subdomain}.{_namespace(pod)}.svc.{kubelet.cluster_domain}", name)


def _short_hostname(pod: Manifest) -> str:
    """Spec.hostname, the node's name on its network, or the pod's name cut."""
    spec = pod.get("spec") or {}
    if spec.get("hostNetwork") and spec.get("nodeName"):
        return spec["nodeName"]
    return (spec.get("hostname") or pod["metadata"]["name"])[:MAX_HOSTNAME].rstrip("-.")


def hosts_text(pod: Manifest, kubelet: KubeletDns = STANDARD_KUBELET) -> str:
    """The pod's /etc/hosts as kubelet writes it, hostAliases last."""
    spec = pod.get("spec") or {}
    if spec.get("hostNetwork"):
        return HOST_NETWORK_HOSTS + kubelet.node_hosts + _aliases(spec)
    names = "\t".join(_names(pod, kubelet))
    status = pod.get("status") or {}
    addresses = [each["ip"] for each in status.get("podIPs") or ()]
    addresses = addresses or ([status["podIP"]] if status.get("podIP") else [])
    return MANAGED_HOSTS + "".join(f"{address}\t{names}\n" for address in addresses) + _aliases(spec)


def _aliases(spec: Manifest) -> str:
    aliases = spec.get("hostAliases") or ()
    lines = ["\t".join((alias["ip"], *(alias.get("hostnames") or ()))) + "\n" for alias in aliases]
    return "".join(["\n# Entries added by HostAliases.\n", *lines]) if lines else ""


def hosts_file(pod: Manifest, kubelet: KubeletDns = STANDARD_KUBELET) -> HostsFile:
    """The pod's /etc/hosts as its resolver reads it."""
    return HostsFile.parse(hosts_text(pod, kubelet))


def c_library(image: str) -> str:
    """The C library, and so the resolver, of an image.

    "musl" for Alpine and what is built on it, else "glibc".
    """
    name = image.rpartition("/")[2]
    repository, _, tag = name.partition(":")
    built_on_alpine = repository in ("alpine", "netshoot", "curl") or "alpine" in tag
    return "musl" if built_on_alpine or (repository == "busybox" and "musl" in tag) else "glibc"
