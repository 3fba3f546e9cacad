"""Which programs listen in a pod: read off its images, commands, environment and ports.

The images that the simulator knows are those of the lessons: nginx (port 80), nginxinc/nginx-unprivileged
(8080), nicolaka/netshoot and busybox (nothing). Of any other image it is believed that it listens on the
ports that its containers declare.
"""

import re
from collections.abc import Iterable, Mapping

from svclab.kube.snapshot import Manifest, Snapshot
from svclab.linux.packet import Protocol

Listening = dict[tuple[Protocol, int | None], str]

_SERVERS: dict[str, tuple[str, tuple[tuple[Protocol, int], ...]]] = {
    "nginx": ("nginx", ((Protocol.TCP, 80),)),
    "nginxinc/nginx-unprivileged": ("nginx", ((Protocol.TCP, 8080),)),
    "httpd": ("httpd", ((Protocol.TCP, 80),)),
    "coredns/coredns": (
        "coredns",
        (
            (Protocol.UDP, 53),
            (Protocol.TCP, 53),
            (Protocol.TCP, 9153),
            (Protocol.TCP, 8080),
            (Protocol.TCP, 8181),
        ),
    ),
}
_TOOLS = ("nicolaka/netshoot", "busybox", "alpine", "debian", "ubuntu", "curlimages/curl", "pause")
_REGISTRY = re.compile(r"^(?:[\w.-]+\.[\w.-]+(?::\d+)?|localhost(?::\d+)?)/")
_NC = re.compile(r"\bnc\b(?=[^;|&\n]*\s-\w*l)[^;|&\n]*?\s(?:-p\s*)?(\d{1,5})\b")


def image_name(image: str) -> str:
    """The image's name without registry, `library/`, tag and digest: `docker.io/library/nginx:1.25` is
    `nginx`.
    """
    bare = _REGISTRY.sub("", image.split("@")[0])
    head, slash, last = bare.rpartition("/")
    return (head + slash + last.split(":")[0]).removeprefix("library/")


def listeners_of(pod: Manifest) -> Listening:
    """(protocol, port) -> program, for every container that runs."""
    found: Listening = {}
    running = _running(pod)
    for container in pod["spec"].get("containers") or ():
        if running.get(container["name"], True):
            found.update(_container(container))
    return found


def _running(pod: Manifest) -> dict[str, bool]:
    """Per container whose status says so: whether it runs."""
    statuses = pod.get("status", {}).get("containerStatuses") or ()
    return {s["name"]: "running" in s["state"] for s in statuses if s.get("state")}


def _container(container: Manifest) -> Listening:
    name = image_name(container.get("image", ""))
    command = " ".join([*(container.get("command") or ()), *(container.get("args") or ())])
    if name in _SERVERS:
        program, ports = _SERVERS[name]
        if container.get("command") and program not in command:
            return _netcat(command)  # the image's own server is not started
        return dict.fromkeys(ports, program)
    if name in _TOOLS or name.rpartition("/")[2] in _TOOLS:
        return _netcat(command)
    return {
        (Protocol(port.get("protocol", "TCP")), port["containerPort"]): name.rpartition("/")[2]
        for port in container.get("ports") or ()
    }


def _netcat(command: str) -> Listening:
    """What a shell command makes `nc -l` listen on."""
    return {(Protocol.TCP, int(port)): "nc" for port in _NC.findall(command)}


def endpoint_ports(slices: Iterable[Manifest]) -> Mapping[str, Listening]:
    """Per address the ports under which EndpointSlices name it, for clusters in which all are served."""
    found: dict[str, Listening] = {}
    for endpoint_slice in slices:
        for endpoint in endpoint_slice.get("endpoints") or ():
            for address in endpoint.get("addresses") or ():
                for port in endpoint_slice.get("ports") or ():
                    if port.get("port"):
                        key = (Protocol(port.get("protocol", "TCP")), port["port"])
                        found.setdefault(address, {})[key] = "server"
    return found


def node_services(node: Manifest) -> Listening:
    """What every node runs: kubelet and kube-proxy, and on a control plane node the API server."""
    found: Listening = {(Protocol.TCP, 10250): "kubelet", (Protocol.TCP, 10256): "kube-proxy"}
    if "node-role.kubernetes.io/control-plane" in (node["metadata"].get("labels") or {}):
        found[(Protocol.TCP, 6443)] = "kube-apiserver"
    return found


def health_checks(snapshot: Snapshot) -> Listening:
    """The ports on which kube-proxy tells load balancers whether a node has endpoints of its own."""
    ports = (service["spec"].get("healthCheckNodePort") for service in snapshot.list("Service"))
    return {(Protocol.TCP, port): "kube-proxy" for port in ports if port}
