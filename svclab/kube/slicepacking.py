"""How endpoints are dealt out to EndpointSlices: who stays where, which slices are filled, which go.

Source: k8s.io/endpointslice 1.36, reconciler.go. A slice holds at most 100 endpoints; one that nobody needs
any more lends its name to one that is needed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from svclab.kube.snapshot import Manifest

MOST = 100

PortKey = tuple[tuple[str, str, int, str], ...]  # (name, protocol, number, application protocol) of each port
Endpoints = list[dict[str, Any]]


@dataclass(slots=True)
class Packing:
    """What is to be done: slices with new ports and endpoints, slices to make, slices to take away."""

    changed: list[tuple[Manifest, PortKey, Endpoints]] = field(default_factory=list)
    made: list[tuple[PortKey, Endpoints]] = field(default_factory=list)
    drained: list[Manifest] = field(default_factory=list)
    kept: list[Manifest] = field(default_factory=list)


def packed(
    existing: Sequence[Manifest], wanted: Mapping[PortKey, Endpoints], labels: Mapping[str, str]
) -> Packing:
    """The slices of one Service and address family, brought to the wanted endpoints and labels."""
    packing = Packing()
    for ports, endpoints in wanted.items():
        same = [slice_ for slice_ in existing if ports_of(slice_) == ports]
        _pack(packing, same, ports, endpoints, labels)
    packing.drained += [slice_ for slice_ in existing if ports_of(slice_) not in wanted]
    if len(packing.drained) == len(existing) and not packing.made:
        _keep_a_placeholder(packing, labels)
    while packing.made and packing.drained:
        packing.changed.append((packing.drained.pop(0), *packing.made.pop()))
    return packing


def ports_of(slice_: Manifest) -> PortKey:
    """The slice's ports, in its order."""
    return tuple(
        (p.get("name") or "", p.get("protocol", "TCP"), p["port"], p.get("appProtocol") or "")
        for p in slice_.get("ports") or ()
    )


def identity(endpoint: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes two endpoints the same one, in whatever condition it is."""
    target = endpoint.get("targetRef") or {}
    return (*endpoint["addresses"], endpoint.get("hostname"), target.get("namespace"), target.get("name"))


def _pack(
    packing: Packing,
    same: list[Manifest],
    ports: PortKey,
    endpoints: Endpoints,
    labels: Mapping[str, str],
) -> None:
    """First those who are in a slice already; newcomers go to slices that change anyway, the fullest first;
    then into one slice that has room for all that are left; then into new ones.
    """
    new = {identity(endpoint): endpoint for endpoint in endpoints}
    touched: list[tuple[Manifest, Endpoints]] = []
    untouched: list[tuple[Manifest, Endpoints]] = []
    for slice_ in same:
        before = slice_.get("endpoints") or []
        left = [new.pop(identity(old)) for old in before if identity(old) in new]
        if before and not left:
            packing.drained.append(slice_)
        elif _bare(left) != _bare(before) or slice_["metadata"].get("labels") != labels:
            touched.append((slice_, left))
        else:
            untouched.append((slice_, left))
    rest = list(new.values())
    for _, listed in sorted(touched, key=lambda each: -len(each[1])):
        rest = _fill(listed, rest)
    while rest:
        roomy = [each for each in untouched if len(each[1]) + len(rest) <= MOST] if len(rest) < MOST else []
        if roomy:
            fullest = max(roomy, key=lambda each: len(each[1]))
            untouched.remove(fullest)
            touched.append(fullest)
            rest = _fill(fullest[1], rest)
        else:
            packing.made.append((ports, rest[:MOST]))
            rest = rest[MOST:]
    packing.changed += [(slice_, ports, listed) for slice_, listed in touched]
    for slice_, listed in untouched:  # their hints may still be others
        if listed == (slice_.get("endpoints") or []):
            packing.kept.append(slice_)
        else:
            packing.changed.append((slice_, ports, listed))


def _bare(endpoints: Endpoints) -> Endpoints:
    return [{key: value for key, value in each.items() if key != "hints"} for each in endpoints]


def _fill(listed: Endpoints, rest: Endpoints) -> Endpoints:
    """Put as many of the rest into a list as a slice has room for; gives back the others."""
    room = MOST - len(listed)
    listed += rest[:room]
    return rest[room:]


def _keep_a_placeholder(packing: Packing, labels: Mapping[str, str]) -> None:
    """A Service has at least one slice, if need be with neither ports nor endpoints."""
    match packing.drained:
        case [slice_] if not slice_.get("ports") and not slice_.get("endpoints"):
            if slice_["metadata"].get("labels") == labels:
                packing.kept.append(packing.drained.pop())
                return
    packing.made.append(((), []))
