"""The kubelets: what happens to a pod once it is bound to a node, until it is gone.

Sandbox and address, images, containers, probes, restarts with back-off, graceful termination. Whatever must
be remembered between two looks stands in the pod's status or in its events, as for a kubelet that restarts.
Delays are drawn off the pod's uid, so they are the same whenever they are asked for. Source: kubelet 1.36.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Network, ip_network
from typing import Any

from svclab.kube import nodes, pods
from svclab.kube.controllers.kubelet import images, probes, status, workload
from svclab.kube.controllers.kubelet.probes import HttpStatus
from svclab.kube.meta import moment, timestamp
from svclab.kube.nodememory import NodeMemory
from svclab.kube.reconcile import Change, Delete, Event, Reserve, Result, Update
from svclab.kube.snapshot import Key, Manifest, Snapshot, key_of
from svclab.linux.dice import Dice

Status = dict[str, Any]
_STAMP = timedelta(seconds=1)  # timestamps have whole seconds: what they stamp was up to so much later
_BACK_OFF = 10.0  # seconds before the second restart, doubled for each one after it
_LONGEST_BACK_OFF = 300.0
_FORGIVEN = timedelta(minutes=10)  # a container that ran so long starts again without back-off
_TOLD_EACH_TIME = 20  # failed probes; of later ones every thirtieth is told


def affected(change: Change, snapshot: Snapshot) -> Iterable[Key]:
    """The pod itself; the pods of a node that changed; the pods that wait for a ConfigMap or Secret."""
    if change.kind == "Pod" and change.new is not None:
        yield change.key
    elif change.kind == "Node":
        if (
            change.old is None
            or change.new is None
            or nodes.is_ready(change.old) != nodes.is_ready(change.new)
        ):
            yield from (key_of(p) for p in snapshot.list("Pod") if p["spec"].get("nodeName") == change.key[1])
    elif change.kind in ("ConfigMap", "Secret"):
        yield from (key_of(p) for p in snapshot.list("Pod", change.key[0]) if pods.phase(p) == "Pending")


def answers_everything(pod: Manifest, port: int, path: str) -> int:
    """An HTTP status for every path: 200."""
    return 200


def reconcile(
    snapshot: Snapshot,
    key: Key,
    now: datetime,
    dice: Dice,
    *,
    hosts: Mapping[str, NodeMemory],
    strict: bool = False,
    http_status: HttpStatus = answers_everything,
) -> Result:
    """What the pod's kubelet does now, and when it has something to do next."""
    pod = snapshot.get("Pod", *key)
    node = snapshot.get("Node", "", pod["spec"].get("nodeName", "")) if pod is not None else None
    if pod is None or node is None or not nodes.is_ready(node):
        return Result()
    work = _Work(snapshot, pod, node, now, hosts, strict, http_status)
    if pods.is_terminating(pod):
        work.terminate()
    elif not pods.is_terminal(pod):
        work.run()
    return work.result


@dataclass(slots=True)
class _Work:
    """One look at one pod."""

    snapshot: Snapshot
    pod: Manifest
    node: Manifest
    now: datetime
    hosts: Mapping[str, NodeMemory]
    strict: bool
    http_status: HttpStatus
    result: Result = field(default_factory=Result)

    # ---- a pod's life ----

    def run(self) -> None:
        before = self.pod["status"]
        begun = moment(before.get("startTime")) or self.now
        after = {**before, "startTime": before.get("startTime") or timestamp(self.now)}
        sandbox_at = begun + timedelta(seconds=self._delay("sandbox", 0.3, 0.5))
        if self.now >= sandbox_at or self._uses_host_network():
            after = self._with_addresses(after)
        else:
            self.result.again(sandbox_at)
        ready_to_start = "podIP" in after
        init = self._init_containers(after, sandbox_at, ready_to_start)
        initialized = all((s["state"].get("terminated") or {}).get("exitCode") == 0 for s in init)
        start_at = self._init_end(init) or sandbox_at
        main = []
        for place, container in enumerate(self.pod["spec"]["containers"]):
            old = self._status_of(before, "containerStatuses", container, initialized)
            may_start = ready_to_start and initialized
            offset = timedelta(seconds=0.15 * place)
            main.append(self._container(container, old, start_at + offset) if may_start else old)
        self._write(after, init, main)

    def terminate(self) -> None:
        """Stop the containers within the grace period, then let go of the pod."""
        metadata = self.pod["metadata"]
        grace = metadata.get("deletionGracePeriodSeconds", 0)
        asked = (moment(metadata["deletionTimestamp"]) or self.now) - timedelta(seconds=grace) + _STAMP
        statuses = self.pod["status"].get("containerStatuses") or []
        alive = {s["name"] for s in statuses if "running" in s["state"]}
        containers = [c for c in self.pod["spec"]["containers"] if c["name"] in alive]
        for container in containers:
            self._say("Killing", f"Stopping container {container['name']}", container, once=True)
        stop_at = asked + timedelta(seconds=max((_stop_after(c, grace) for c in containers), default=0.0))
        stop_at += timedelta(seconds=self._delay("teardown", 0.3, 0.7))
        if self.now < stop_at:
            self.result.again(stop_at)
            return
        ended = [
            status.terminated(s, self._exit_code(s, grace), self.now) if s["name"] in alive else s
            for s in statuses
        ]
        self._write(dict(self.pod["status"]), self.pod["status"].get("initContainerStatuses") or [], ended)
        self.result.add(Delete("Pod", key_of(self.pod), metadata["uid"], grace_seconds=0))

    def _exit_code(self, container_status: Status, grace: float) -> int:
        container = next(c for c in self.pod["spec"]["containers"] if c["name"] == container_status["name"])
        seconds = workload.stop_seconds(container)
        return 0 if seconds is not None and workload.pre_stop_seconds(container) + seconds <= grace else 137

    # ---- containers ----

    def _init_containers(self, after: Status, begun: datetime, ready_to_start: bool) -> list[Status]:
        """Init containers run one after the other, each to a good end."""
        found, may_start, start_at = [], ready_to_start, begun
        for container in self.pod["spec"].get("initContainers") or ():
            old = self._status_of(after, "initContainerStatuses", container, initialized=False)
            new = self._container(container, old, start_at) if may_start else old
            found.append(new)
            end = new["state"].get("terminated") or {}
            may_start = may_start and end.get("exitCode") == 0
            start_at = moment(end.get("finishedAt")) or start_at
        return found

    @staticmethod
    def _init_end(init: list[Status]) -> datetime | None:
        ends = [moment((s["state"].get("terminated") or {}).get("finishedAt")) for s in init]
        return max((end for end in ends if end is not None), default=None)

    def _status_of(self, pod_status: Status, listed: str, container: Manifest, initialized: bool) -> Status:
        found = next((s for s in pod_status.get(listed) or () if s["name"] == container["name"]), None)
        reason = (
            "ContainerCreating"
            if initialized or not self.pod["spec"].get("initContainers")
            else "PodInitializing"
        )
        if found is None:
            return status.fresh_container(container, reason)
        if (found["state"].get("waiting") or {}).get("reason") == "PodInitializing" and initialized:
            return status.waiting(found, "ContainerCreating")
        return found

    def _container(self, container: Manifest, old: Status, start_at: datetime) -> Status:
        if "running" in old["state"]:
            return self._running(container, old)
        if (
            "terminated" in old["state"]
            or (old["state"].get("waiting") or {}).get("reason") == "CrashLoopBackOff"
        ):
            return self._after_end(container, old)
        return self._first_start(container, old, start_at)

    def _first_start(self, container: Manifest, old: Status, start_at: datetime) -> Status:
        """Pull the image where it is missing, then create and start the container."""
        image = container["image"]
        error = workload.config_error(self.snapshot.get, self.pod, container)
        if error:
            self._say("Failed", f"Error: {error}", container, warning=True, once=True)
            return status.waiting(old, "CreateContainerConfigError", error)
        if not images.exists(image):
            return self._failed_pull(container, old, start_at)
        create_at = start_at + timedelta(seconds=self._delay(f"create {container['name']}", 0.2, 0.4))
        if images.is_present(self.node, image) and not self._said("Pulling", container):
            if self.now < create_at:
                self.result.again(create_at)
                return old
            self._say("Pulled", images.present(image), container)
            return self._start(container, old)
        if not self._said("Pulling", container):
            self._say("Pulling", f'Pulling image "{image}"', container)
        seconds = images.pull_seconds(image)
        create_at += timedelta(seconds=seconds)
        if self.now < create_at:
            self.result.again(create_at)
            return old
        if not images.is_present(self.node, image):
            self.result.add(Update(images.with_image(self.node, image)))
        size = images.size_bytes(image)
        pulled = (
            f'Successfully pulled image "{image}" in {seconds:g}s ({seconds:g}s including waiting). '
            f"Image size: {size} bytes."
        )
        self._say("Pulled", pulled, container)
        return self._start(container, old)

    def _failed_pull(self, container: Manifest, old: Status, start_at: datetime) -> Status:
        image = container["image"]
        failed_at = start_at + timedelta(seconds=1.2)
        self._say("Pulling", f'Pulling image "{image}"', container, once=True)
        if self.now < failed_at:
            self.result.again(failed_at)
            return old
        error = images.pull_error(image)
        self._say("Failed", f'Failed to pull image "{image}": {error}', container, warning=True, once=True)
        self._say("Failed", "Error: ErrImagePull", container, warning=True, once=True)
        backing_off = failed_at + timedelta(seconds=12)
        if self.now < backing_off:
            self.result.again(backing_off)
            return status.waiting(old, "ErrImagePull", error)
        self._say("BackOff", f'Back-off pulling image "{image}"', container, once=True)
        self._say("Failed", "Error: ImagePullBackOff", container, warning=True, once=True)
        message = f'Back-off pulling image "{image}": ErrImagePull: {error}'
        return status.waiting(old, "ImagePullBackOff", message)

    def _start(self, container: Manifest, old: Status) -> Status:
        self._say("Created", "Container created", container)
        self._say("Started", "Container started", container)
        started = probes.probe_of(container, "Startup") is None
        ready = started and probes.probe_of(container, "Readiness") is None
        return self._running(container, status.running(old, self.now, started=started, ready=ready))

    def _running(self, container: Manifest, old: Status) -> Status:
        """The process may end by itself; else its probes say how it is."""
        begun = moment(old["state"]["running"]["startedAt"]) or self.now
        run = workload.run_of(self.pod, container, strict=self.strict)
        if run.seconds is not None:
            end_at = begun + timedelta(seconds=run.seconds)
            if self.now >= end_at:
                return self._after_end(container, status.terminated(old, run.exit_code, self.now))
            self.result.again(end_at)
        return self._probed(container, old, begun + _STAMP * self._share_of(container))

    def _share_of(self, container: Manifest) -> float:
        """Where within its second the container started."""
        return self._delay(f"start of {container['name']}", 0.0, 1.0)

    def _after_end(self, container: Manifest, old: Status) -> Status:
        """Start again, at once or after a growing pause, as the restart policy says."""
        end = old["state"].get("terminated") or old["lastState"].get("terminated")
        if end is None or not self._is_restarted(container, end["exitCode"]):
            return old
        finished = moment(end["finishedAt"]) or self.now
        pause = _back_off(old["restartCount"], finished - (moment(end["startedAt"]) or finished))
        restart_at = finished + timedelta(seconds=max(pause, self._delay("restart", 0.5, 0.5)))
        if self.now >= restart_at:
            self._say("Pulled", images.present(container["image"]), container)
            return self._start(container, old)
        self.result.again(restart_at)
        backing_off = finished + timedelta(seconds=1)
        if pause < 1 or "waiting" in old["state"]:
            return old
        if self.now < backing_off:
            self.result.again(backing_off)
            return old
        namespace, name = key_of(self.pod)
        where = f"{name}_{namespace}({self.pod['metadata']['uid']})"
        text = f"Back-off restarting failed container {container['name']} in pod {where}"
        self._say("BackOff", text, container, warning=True)
        words = f"back-off {_go_duration(pause)} restarting failed container={container['name']} pod={where}"
        return status.waiting(old, "CrashLoopBackOff", words)

    def _is_restarted(self, container: Manifest, exit_code: int) -> bool:
        policy = self.pod["spec"].get("restartPolicy", "Always")
        if any(c is container for c in self.pod["spec"].get("initContainers") or ()):
            return exit_code != 0 and policy != "Never"
        return policy == "Always" or (policy == "OnFailure" and exit_code != 0)

    # ---- probes ----

    def _probed(self, container: Manifest, old: Status, begun: datetime) -> Status:
        startup = probes.probe_of(container, "Startup")
        if startup is not None and not old["started"]:
            return self._starting_up(container, old, begun, startup)
        liveness = probes.probe_of(container, "Liveness")
        if liveness is not None and self._has_failed(liveness, begun):
            return self._kill(container, old, "liveness")
        readiness = probes.probe_of(container, "Readiness")
        return old if readiness is None else {**old, "ready": self._readiness(readiness, old["ready"], begun)}

    def _starting_up(self, container: Manifest, old: Status, begun: datetime, probe: probes.Probe) -> Status:
        if self._has_failed(probe, begun):
            return self._kill(container, old, "startup")
        latest = probe.latest(begun, self.now)
        if latest is None or probes.failure(self._as_running(container, old), probe, self.http_status):
            self.result.again(probe.next(begun, self.now))
            return old
        ready = probes.probe_of(container, "Readiness") is None
        return self._probed(container, {**old, "started": True, "ready": ready}, begun)

    def _readiness(self, probe: probes.Probe, was_ready: bool, begun: datetime) -> bool:
        first_success = probe.first(begun) + probe.period * (probe.successes - 1)
        if self.now < probe.first(begun):
            self.result.again(probe.first(begun))
            return False
        failure = probes.failure(self._as_running(probe.container), probe, self.http_status)
        if not failure:
            if self.now < first_success:
                self.result.again(first_success)
            return was_ready or self.now >= first_success
        self._tell_failure(probe, failure, begun)
        return was_ready and not self._failed_for_good(probe, failure, begun)

    def _has_failed(self, probe: probes.Probe, begun: datetime) -> bool:
        """Whether a liveness or startup probe has failed as often in a row as its threshold."""
        if probe.latest(begun, self.now) is None:
            self.result.again(probe.first(begun))
            return False
        failure = probes.failure(self._as_running(probe.container), probe, self.http_status)
        if not failure:
            return False
        self._tell_failure(probe, failure, begun)
        return self._failed_for_good(probe, failure, begun)

    def _failed_for_good(self, probe: probes.Probe, failure: str, begun: datetime) -> bool:
        told = self._event("Unhealthy", _unhealthy(probe, failure), probe.container)
        since = max(moment(told["firstTimestamp"]) or self.now, probe.first(begun)) if told else self.now
        final = since + probe.period * (probe.failures - 1)
        if self.now >= final:
            return True
        self.result.again(final)
        return False

    def _tell_failure(self, probe: probes.Probe, failure: str, begun: datetime) -> None:
        """An event for each failed probe, once; of a long row only now and then one more."""
        latest = probe.latest(begun, self.now) or self.now
        told = self._event("Unhealthy", _unhealthy(probe, failure), probe.container)
        count = told["count"] if told else 0
        step = 1 if count < _TOLD_EACH_TIME else 30
        last = moment(told["lastTimestamp"]) if told else None
        if last is None or last + probe.period * step <= latest + timedelta(seconds=1):
            self._say("Unhealthy", _unhealthy(probe, failure), probe.container, warning=True)
            last = self.now
        self.result.again(max(probe.next(begun, self.now), last + probe.period * step))

    def _kill(self, container: Manifest, old: Status, probe: str) -> Status:
        name = container["name"]
        self._say("Killing", f"Container {name} failed {probe} probe, will be restarted", container)
        seconds = workload.stop_seconds(container)
        return self._after_end(container, status.terminated(old, 137 if seconds is None else 0, self.now))

    def _as_running(self, container: Manifest, old: Status | None = None) -> Manifest:
        """The pod with its present address, for what listens in it."""
        return {**self.pod, "status": {k: v for k, v in self._current.items() if k != "containerStatuses"}}

    @property
    def _current(self) -> Status:
        return self.pod["status"]

    # ---- addresses ----

    def _uses_host_network(self) -> bool:
        return bool(self.pod["spec"].get("hostNetwork"))

    def _with_addresses(self, after: Status) -> Status:
        host = next(a["address"] for a in self.node["status"]["addresses"] if a["type"] == "InternalIP")
        after = {**after, "hostIP": host, "hostIPs": [{"ip": host}]}
        if "podIP" in after:
            return after
        address = host if self._uses_host_network() else self._next_address()
        return {**after, "podIP": address, "podIPs": [{"ip": address}]}

    def _next_address(self) -> str:
        """The address after the one given out last, as host-local IPAM goes round its range."""
        name = self.node["metadata"]["name"]
        network = ip_network(self.node["spec"]["podCIDR"])
        taken = {
            p["status"].get("podIP")
            for p in self.snapshot.of_kind("Pod").values()
            if p["spec"].get("nodeName") == name and not pods.is_terminal(p)
        }
        address = _address_after(network, self.hosts.get(name, NodeMemory()).last_address, taken)
        self.result.add(Reserve(name, address))
        return address

    # ---- telling ----

    def _delay(self, what: str, least: float, spread: float) -> float:
        return least + Dice(f"{self.pod['metadata']['uid']}/{what}").draw() * spread

    def _field_path(self, container: Manifest) -> str:
        kind = "spec.containers" if container in self.pod["spec"]["containers"] else "spec.initContainers"
        return f"{kind}{{{container['name']}}}"

    def _event(self, reason: str, message: str, container: Manifest) -> Manifest | None:
        """The event that says this of this container, if there is one."""
        uid, path = self.pod["metadata"]["uid"], self._field_path(container)
        for event in self.snapshot.of_kind("Event").values():
            involved = event["involvedObject"]
            if (
                involved.get("uid") == uid
                and event["reason"] == reason
                and involved.get("fieldPath") == path
                and message in ("", event["message"])
            ):
                return event
        return None

    def _said(self, reason: str, container: Manifest) -> bool:
        return self._event(reason, "", container) is not None

    def _say(
        self, reason: str, message: str, container: Manifest, *, warning: bool = False, once: bool = False
    ) -> None:
        if once and self._event(reason, message, container) is not None:
            return
        self.result.add(
            Event(
                self.pod,
                reason,
                message,
                "kubelet",
                "Warning" if warning else "Normal",
                host=self.node["metadata"]["name"],
                field_path=self._field_path(container),
            )
        )

    def _write(self, after: Status, init: list[Status], main: list[Status]) -> None:
        """Put the status together in the API's order of fields, if anything in it is new."""
        phase = status.phase(self.pod, init, main)
        conditions = status.conditions({**self.pod, "status": after}, phase, init, main, self.now)
        put: Status = {"phase": phase, "conditions": conditions}
        addresses = ("hostIP", "hostIPs", "podIP", "podIPs", "startTime")
        put |= {name: after[name] for name in addresses if name in after}
        if init:
            put["initContainerStatuses"] = init
        put["containerStatuses"] = main
        put |= {name: value for name, value in after.items() if name not in put}
        if put != self.pod["status"]:
            self.result.writes.append(Update({**self.pod, "status": put}))


def _stop_after(container: Manifest, grace: float) -> float:
    seconds = workload.stop_seconds(container)
    if seconds is None:
        return grace
    return min(workload.pre_stop_seconds(container) + seconds, grace)


def _back_off(restarts: int, ran: timedelta) -> float:
    """Seconds until a container that ended is started again: none for the first time, then 10, 20, ...
    300.
    """
    if restarts == 0 or ran >= _FORGIVEN:
        return 0.0
    return min(_BACK_OFF * 2 ** min(restarts - 1, 10), _LONGEST_BACK_OFF)


def _go_duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _unhealthy(probe: probes.Probe, failure: str) -> str:
    return f"{probe.kind} probe failed: {failure}"


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
