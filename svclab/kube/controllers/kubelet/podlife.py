"""A pod's life on its node, from the sandbox to the end of its last container."""

from datetime import datetime, timedelta
from ipaddress import IPv4Network, ip_network
from typing import Any

from svclab.kube import poddns, pods
from svclab.kube.controllers.kubelet import status, workload
from svclab.kube.controllers.kubelet.containers import container_status
from svclab.kube.controllers.kubelet.look import STAMP, Look, Status
from svclab.kube.meta import moment, timestamp
from svclab.kube.nodememory import NodeMemory
from svclab.kube.reconcile import Delete, Reserve, Update
from svclab.kube.snapshot import Manifest, key_of


def run(look: Look) -> None:
    """Bring the pod up: sandbox and address, init containers, then the others; write down how it is."""
    before = look.pod["status"]
    begun = moment(before.get("startTime")) or look.now
    after = {**before, "startTime": before.get("startTime") or timestamp(look.now)}
    sandbox_at = begun + timedelta(seconds=look.delay("sandbox", 0.3, 0.5))
    if look.now >= sandbox_at or _uses_host_network(look):
        after = _with_addresses(look, after)
    else:
        look.result.again(sandbox_at)
    ready_to_start = "podIP" in after
    if ready_to_start and "podIP" not in before:
        for omission in poddns.omissions(look.pod):
            look.warn("DNSConfigForming", omission)
    init = _init_containers(look, after, sandbox_at, ready_to_start)
    initialized = all(status.is_initialized(look.pod, s) for s in init)
    start_at = _init_end(init) or sandbox_at
    main = []
    for place, container in enumerate(look.pod["spec"]["containers"]):
        old = _status_of(look, before, "containerStatuses", container, initialized)
        may_start = ready_to_start and initialized
        offset = timedelta(seconds=0.15 * place)
        main.append(container_status(look, container, old, start_at + offset) if may_start else old)
    if ephemeral := _ephemeral_containers(look, ready_to_start):
        after = {**after, "ephemeralContainerStatuses": ephemeral}
    _write(look, after, init, main)


def _ephemeral_containers(look: Look, may_start: bool) -> list[Status]:
    """Containers that `kubectl debug` has added: begun as soon as the pod has its sandbox, never again."""
    known = {s["name"]: s for s in look.pod["status"].get("ephemeralContainerStatuses") or ()}
    found = []
    for container in look.pod["spec"].get("ephemeralContainers") or ():
        old = known.get(container["name"]) or status.fresh_container(container, "ContainerCreating")
        if may_start and "waiting" in old["state"]:
            look.say("Created", "Container created", container)
            look.say("Started", "Container started", container)
            old = status.running(old, look.now, started=False, ready=False)
        found.append(old)
    return found


def terminate(look: Look) -> None:
    """Stop the containers within the grace period, then let go of the pod."""
    metadata = look.pod["metadata"]
    grace = metadata.get("deletionGracePeriodSeconds", 0)
    asked = (moment(metadata["deletionTimestamp"]) or look.now) - timedelta(seconds=grace) + STAMP
    statuses = look.pod["status"].get("containerStatuses") or []
    alive = {s["name"] for s in statuses if "running" in s["state"]}
    containers = [c for c in look.pod["spec"]["containers"] if c["name"] in alive]
    for container in containers:
        look.say("Killing", f"Stopping container {container['name']}", container, once=True)
    stop_at = asked + timedelta(seconds=max((_stop_after(c, grace) for c in containers), default=0.0))
    stop_at += timedelta(seconds=look.delay("teardown", 0.3, 0.7))
    if look.now < stop_at:
        look.result.again(stop_at)
        return
    ended = [
        status.terminated(s, _exit_code(look, s, grace), look.now) if s["name"] in alive else s
        for s in statuses
    ]
    _write(look, dict(look.pod["status"]), look.pod["status"].get("initContainerStatuses") or [], ended)
    look.result.add(Delete("Pod", key_of(look.pod), metadata["uid"], grace_seconds=0))


def _exit_code(look: Look, container_status: Status, grace: float) -> int:
    container = next(c for c in look.pod["spec"]["containers"] if c["name"] == container_status["name"])
    seconds = workload.stop_seconds(container)
    return 0 if seconds is not None and workload.pre_stop_seconds(container) + seconds <= grace else 137


def _init_containers(look: Look, after: Status, begun: datetime, ready_to_start: bool) -> list[Status]:
    """Init containers run one after the other, each to a good end."""
    found, may_start, start_at = [], ready_to_start, begun
    for container in look.pod["spec"].get("initContainers") or ():
        old = _status_of(look, after, "initContainerStatuses", container, initialized=False)
        new = container_status(look, container, old, start_at) if may_start else old
        found.append(new)
        end = new["state"].get("terminated") or {}
        may_start = may_start and status.is_initialized(look.pod, new)
        start_at = moment(end.get("finishedAt")) or start_at
    return found


def _init_end(init: list[Status]) -> datetime | None:
    ends = [moment((s["state"].get("terminated") or {}).get("finishedAt")) for s in init]
    return max((end for end in ends if end is not None), default=None)


def _status_of(look: Look, pod_status: Status, listed: str, container: Manifest, initialized: bool) -> Status:
    found = next((s for s in pod_status.get(listed) or () if s["name"] == container["name"]), None)
    reason = (
        "ContainerCreating"
        if initialized or not look.pod["spec"].get("initContainers")
        else "PodInitializing"
    )
    if found is None:
        return status.fresh_container(container, reason)
    if (found["state"].get("waiting") or {}).get("reason") == "PodInitializing" and initialized:
        return status.waiting(found, "ContainerCreating")
    return found


def _uses_host_network(look: Look) -> bool:
    return bool(look.pod["spec"].get("hostNetwork"))


def _with_addresses(look: Look, after: Status) -> Status:
    """The addresses of node and pod; none while the node has none itself, or no range to give from."""
    known = look.node["status"].get("addresses") or ()
    host = next((a["address"] for a in known if a["type"] == "InternalIP"), None)
    if host is None or not (_uses_host_network(look) or look.node["spec"].get("podCIDR")):
        return after
    after = {**after, "hostIP": host, "hostIPs": [{"ip": host}]}
    if "podIP" in after:
        return after
    address = host if _uses_host_network(look) else _next_address(look)
    return {**after, "podIP": address, "podIPs": [{"ip": address}]}


def _next_address(look: Look) -> str:
    """The address after the one given out last, as host-local IPAM goes round its range."""
    name = look.node["metadata"]["name"]
    network = ip_network(look.node["spec"]["podCIDR"])
    taken = {
        p["status"].get("podIP")
        for p in look.snapshot.of_kind("Pod").values()
        if p["spec"].get("nodeName") == name and not pods.is_terminal(p)
    }
    address = _address_after(network, look.hosts.get(name, NodeMemory()).last_address, taken)
    look.result.add(Reserve(name, address))
    return address


def _write(look: Look, after: Status, init: list[Status], main: list[Status]) -> None:
    """Put the status together in the API's order of fields, if anything in it is new."""
    phase = status.phase(look.pod, init, main)
    conditions = status.conditions({**look.pod, "status": after}, phase, init, main, look.now)
    put: Status = {"phase": phase, "conditions": conditions}
    addresses = ("hostIP", "hostIPs", "podIP", "podIPs", "startTime")
    put |= {name: after[name] for name in addresses if name in after}
    if init:
        put["initContainerStatuses"] = init
    put["containerStatuses"] = main
    put |= {name: value for name, value in after.items() if name not in put}
    if put != look.pod["status"]:
        look.result.writes.append(Update({**look.pod, "status": put}))


def _stop_after(container: Manifest, grace: float) -> float:
    seconds = workload.stop_seconds(container)
    if seconds is None:
        return grace
    return min(workload.pre_stop_seconds(container) + seconds, grace)


def _address_after(network: Any, last: str, taken: set[str | None]) -> str:
    """The next free host address; .1 is the node's own end of the pods' links."""
    hosts = [str(address) for address in _hosts(network)]
    start = hosts.index(last) + 1 if last in hosts else 0
    for address in hosts[start:] + hosts[:start]:
        if address not in taken:
            return address
    raise LookupError(f"no address left in {network}")


def _hosts(network: IPv4Network) -> list[Any]:
    return list(network.hosts())[1:]
