"""The Services and EndpointSlices that one kube-proxy watches, read once and kept by Service.

What changes is read again; which Services that touches is what a sync needs to know.
"""

from collections.abc import Iterable, Mapping
from itertools import chain, compress, repeat
from operator import is_not

from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.proxy.endpoints import Endpoint, PortName, merged, slice_endpoints, slice_service
from svclab.kube.proxy.services import ServicePort, service_ports
from svclab.kube.snapshot import Key, Manifest, key_of

SlicePorts = dict[PortName, list[Endpoint]]


class Watched:
    """kube-proxy's view of the cluster. Keys are (namespace, name)."""

    def __init__(self, config: ProxyConfig) -> None:
        self.config = config
        self.ports: dict[Key, tuple[ServicePort, ...]] = {}
        self._slices: dict[Key, dict[Key, SlicePorts]] = {}  # by Service, then by slice
        self._owners: dict[Key, Key] = {}  # slice to Service
        self._seen: dict[str, dict[Key, Manifest]] = {"Service": {}, "EndpointSlice": {}}

    def follow(self, services: Mapping[Key, Manifest], slices: Mapping[Key, Manifest]) -> set[Key]:
        """Take over all objects as they are now; the keys of the Services that this touches.

        An object that is the same manifest as before (`is`) costs next to nothing.
        """
        touched: set[Key] = set()
        for kind, objects in (("Service", services), ("EndpointSlice", slices)):
            seen = self._seen[kind]
            changed = _changed(seen, objects)
            # Equal numbers and nothing new mean that nothing went; else look for what did.
            if len(seen) != len(objects) or any(key_of(manifest) not in seen for manifest in changed):
                for key in [key for key in seen if key not in objects]:
                    touched |= self.remove(kind, key)
            for manifest in changed:
                touched |= self.put(manifest)
        return touched

    def put(self, manifest: Manifest) -> set[Key]:
        """Add or replace a Service or EndpointSlice; the keys of the Services that this touches."""
        key, kind = key_of(manifest), manifest["kind"]
        if kind == "Service":
            self._seen[kind][key] = manifest
            self._set_ports(key, service_ports(manifest, self.config))
            return {key}
        self._seen[kind][key] = manifest
        touched = self._disown(key)
        owner = slice_service(manifest, self.config)
        if owner:
            self._owners[key] = owner
            self._slices.setdefault(owner, {})[key] = slice_endpoints(manifest, self.config)
            touched.add(owner)
        return touched

    def remove(self, kind: str, key: Key) -> set[Key]:
        """Forget a Service or EndpointSlice; the keys of the Services that this touches."""
        self._seen[kind].pop(key, None)
        if kind == "Service":
            self._set_ports(key, ())
            return {key}
        return self._disown(key)

    def _disown(self, key: Key) -> set[Key]:
        """Take a slice from its Service, if it has one; that Service."""
        owner = self._owners.pop(key, None)
        if owner is None:
            return set()
        del self._slices[owner][key]
        return {owner}

    def endpoints(self, port: ServicePort) -> tuple[Endpoint, ...]:
        """The endpoints of a Service port in kube-proxy's order: those of its slices with its name and
        protocol.
        """
        slices = self._slices.get((port.namespace, port.service), {})
        name = (port.name, port.protocol)
        return merged(endpoint for key in sorted(slices) for endpoint in slices[key].get(name, ()))

    def _set_ports(self, key: Key, ports: tuple[ServicePort, ...]) -> None:
        if ports:
            self.ports[key] = ports
        else:
            self.ports.pop(key, None)


def _changed(seen: Mapping[Key, Manifest], objects: Mapping[Key, Manifest]) -> list[Manifest]:
    """The objects that are not the manifest that was seen. Nearly each stands where it stood: what is the
    same in its place needs no look-up.
    """
    now = objects.values()
    others = compress(now, map(is_not, now, chain(seen.values(), repeat(None))))
    return [manifest for manifest in others if seen.get(key_of(manifest)) is not manifest]


def watch(services: Iterable[Manifest], slices: Iterable[Manifest], config: ProxyConfig) -> Watched:
    """What a kube-proxy that starts with these objects sees."""
    watched = Watched(config)
    for manifest in (*services, *slices):
        watched.put(manifest)
    return watched
