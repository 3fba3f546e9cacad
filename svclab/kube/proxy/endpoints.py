"""What kube-proxy makes of EndpointSlice objects: the endpoints of each Service port, in its order.

Source: kube-proxy 1.36, the same for all three modes.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import NamedTuple

from svclab.kube.proxy.addresses import normalised
from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.snapshot import Key, Manifest
from svclab.linux.trace import Origin

SERVICE_NAME = "kubernetes.io/service-name"
HEADLESS = "service.kubernetes.io/headless"

PortName = tuple[str, str]  # (name, protocol): what a slice's port and a Service's port must share
Names = tuple[str, ...]


class Endpoint(NamedTuple):
    """One address and port of one slice. A NamedTuple, as a large cluster has a hundred thousand of them.

    `text` is "IP:PORT" or "[IP]:PORT"; `local` says that it runs on this node. `zones` and `nodes` are the
    hints. `index` is its place in its slice.
    """

    text: str
    ip: str
    port: int
    local: bool
    ready: bool
    serving: bool
    terminating: bool
    zones: Names
    nodes: Names
    slice_name: str
    index: int

    @property
    def is_fallback(self) -> bool:
        """Going away but still answering: used when nothing is ready."""
        return self.serving and self.terminating

    def origin(self) -> Origin:
        """The slice's field that names this address."""
        return Origin("EndpointSlice", self.slice_name, f"endpoints[{self.index}].addresses[0]")


def slice_service(slice_: Manifest, config: ProxyConfig) -> Key | None:
    """(namespace, name) of the Service that a slice belongs to; None if kube-proxy passes over the slice."""
    labels = slice_["metadata"].get("labels") or {}
    name = labels.get(SERVICE_NAME)
    if not name or HEADLESS in labels or slice_.get("addressType") != config.ip_family:
        return None
    return slice_["metadata"].get("namespace", ""), name


def slice_endpoints(slice_: Manifest, config: ProxyConfig) -> dict[PortName, list[Endpoint]]:
    """The endpoints of one slice by port, except ports without a name (not even "") or a number."""
    found: dict[PortName, list[Endpoint]] = {}
    ports = []  # number, what it adds to an address, where its endpoints go
    for port in slice_.get("ports") or []:
        if port.get("name") is not None and port.get("port"):
            name, number = (port["name"], port.get("protocol") or "TCP"), port["port"]
            ports.append((number, f":{number}", found.setdefault(name, [])))
    metadata, version, here = slice_["metadata"], config.ip_version, config.node_name
    slice_name = f"{metadata.get('namespace', '')}/{metadata['name']}"
    for index, endpoint in enumerate(slice_.get("endpoints") or []):
        addresses = endpoint.get("addresses")
        ip = normalised(addresses[0], version) if addresses else ""
        if not ip:
            continue
        host, local = ip if version == 4 else f"[{ip}]", endpoint.get("nodeName") == here
        ready, serving, terminating = _conditions(endpoint.get("conditions"))
        hints = endpoint.get("hints")
        zones, nodes = _hints(hints) if hints else _NO_HINTS
        for number, end, place in ports:
            fields = (
                host + end, ip, number, local, ready, serving, terminating, zones, nodes, slice_name, index
            )  # fmt: skip
            place.append(_endpoint(fields))
    return found


def merged(endpoints: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
    """The endpoints of all slices of one Service port, each address and port once, in kube-proxy's order.

    That order is the order of the texts: "10.0.0.10:80" stands before "10.0.0.1:80". Of two with the same
    address, one that is not terminating wins.
    """
    by_text: dict[str, Endpoint] = {}
    for endpoint in endpoints:
        text = endpoint.text
        if text not in by_text or not endpoint.terminating:
            by_text[text] = endpoint
    return tuple([by_text[text] for text in sorted(by_text)])


# An Endpoint of its fields; half the time of the NamedTuple's own constructor.
_endpoint = partial(tuple.__new__, Endpoint)


def _conditions(conditions: Mapping | None) -> tuple[bool, bool, bool]:
    """(ready, serving, terminating); what is not said counts as ready, as serving and as not terminating."""
    if not conditions:
        return True, True, False
    said = conditions.get
    return said("ready") is not False, said("serving") is not False, said("terminating") is True


_NO_HINTS: tuple[Names, Names] = ((), ())


def _hints(hints: Mapping) -> tuple[Names, Names]:
    """The names of the zones and of the nodes that should use an endpoint."""
    return _names(hints.get("forZones")), _names(hints.get("forNodes"))


def _names(hints: list[Mapping] | None) -> Names:
    return tuple(hint["name"] for hint in hints or ())
