"""One container's life: image, start, run, end, and the pause before it starts again."""

from datetime import datetime, timedelta

from svclab.kube.controllers.kubelet import images, status, workload
from svclab.kube.controllers.kubelet.look import STAMP, Look, Status
from svclab.kube.controllers.kubelet.probes import probe_of
from svclab.kube.controllers.kubelet.probing import probed
from svclab.kube.coredns import corefile
from svclab.kube.listeners import image_name
from svclab.kube.meta import moment
from svclab.kube.reconcile import Update
from svclab.kube.snapshot import Manifest, key_of

_BACK_OFF = 10.0  # seconds before the second restart, doubled for each one after it
_LONGEST_BACK_OFF = 300.0
_STARTING = timedelta(seconds=3)  # a process that runs longer has read its configuration
_REFUSED = workload.Run(0.4, 1)
_FORGIVEN = timedelta(minutes=10)  # a container that ran so long starts again without back-off


def container_status(look: Look, container: Manifest, old: Status, start_at: datetime) -> Status:
    """A container's status after this look; it may start for the first time at `start_at` at the earliest."""
    if "running" in old["state"]:
        return _running(look, container, old)
    if (
        "terminated" in old["state"]
        or (old["state"].get("waiting") or {}).get("reason") == "CrashLoopBackOff"
    ):
        return _after_end(look, container, old)
    return _first_start(look, container, old, start_at)


def _first_start(look: Look, container: Manifest, old: Status, start_at: datetime) -> Status:
    """Pull the image where it is missing, then create and start the container."""
    image = container["image"]
    error = workload.config_error(look.snapshot.get, look.pod, container)
    if error:
        look.say("Failed", f"Error: {error}", container, warning=True, once=True)
        return status.waiting(old, "CreateContainerConfigError", error)
    if not images.exists(image):
        return _failed_pull(look, container, old, start_at)
    create_at = start_at + timedelta(seconds=look.delay(f"create {container['name']}", 0.2, 0.4))
    if images.is_present(look.node, image) and not look.said("Pulling", container):
        if look.now < create_at:
            look.result.again(create_at)
            return old
        look.say("Pulled", images.present(image), container)
        return _start(look, container, old)
    if not look.said("Pulling", container):
        look.say("Pulling", f'Pulling image "{image}"', container)
    seconds = images.pull_seconds(image)
    create_at += timedelta(seconds=seconds)
    if look.now < create_at:
        look.result.again(create_at)
        return old
    if not images.is_present(look.node, image):
        look.result.add(Update(images.with_image(look.node, image)))
    size = images.size_bytes(image)
    pulled = (
        f'Successfully pulled image "{image}" in {seconds:g}s ({seconds:g}s including waiting). '
        f"Image size: {size} bytes."
    )
    look.say("Pulled", pulled, container)
    return _start(look, container, old)


def _failed_pull(look: Look, container: Manifest, old: Status, start_at: datetime) -> Status:
    image = container["image"]
    failed_at = start_at + timedelta(seconds=1.2)
    look.say("Pulling", f'Pulling image "{image}"', container, once=True)
    if look.now < failed_at:
        look.result.again(failed_at)
        return old
    error = images.pull_error(image)
    look.say("Failed", f'Failed to pull image "{image}": {error}', container, warning=True, once=True)
    look.say("Failed", "Error: ErrImagePull", container, warning=True, once=True)
    backing_off = failed_at + timedelta(seconds=12)
    if look.now < backing_off:
        look.result.again(backing_off)
        return status.waiting(old, "ErrImagePull", error)
    look.say("BackOff", f'Back-off pulling image "{image}"', container, once=True)
    look.say("Failed", "Error: ImagePullBackOff", container, warning=True, once=True)
    message = f'Back-off pulling image "{image}": ErrImagePull: {error}'
    return status.waiting(old, "ImagePullBackOff", message)


def _start(look: Look, container: Manifest, old: Status) -> Status:
    look.say("Created", "Container created", container)
    look.say("Started", "Container started", container)
    started = probe_of(container, "Startup") is None
    ready = started and probe_of(container, "Readiness") is None
    return _running(look, container, status.running(old, look.now, started=started, ready=ready))


def _running(look: Look, container: Manifest, old: Status) -> Status:
    """The process may end by itself; else its probes say how it is."""
    begun = moment(old["state"]["running"]["startedAt"]) or look.now
    run = _run_of(look, container, begun)
    if run.seconds is not None:
        end_at = begun + timedelta(seconds=run.seconds)
        if look.now >= end_at:
            return _after_end(look, container, status.terminated(old, run.exit_code, look.now))
        look.result.again(end_at)
        if run is _REFUSED:
            return old  # it never serves, so no probe finds it ready
    new, condemned_by = probed(look, container, old, begun + STAMP * _share_of(look, container))
    return _kill(look, container, new, condemned_by) if condemned_by else new


def _run_of(look: Look, container: Manifest, begun: datetime) -> workload.Run:
    """How the process runs: CoreDNS ends at once if it starts with a Corefile that it cannot use."""
    is_starting = look.now - begun < _STARTING and "coredns" in image_name(container.get("image", ""))
    if is_starting and corefile.failure(look.snapshot) is not None:
        return _REFUSED
    return workload.run_of(look.pod, container, strict=look.strict)


def _share_of(look: Look, container: Manifest) -> float:
    """Where within its second the container started."""
    return look.delay(f"start of {container['name']}", 0.0, 1.0)


def _after_end(look: Look, container: Manifest, old: Status) -> Status:
    """Start again, at once or after a growing pause, as the restart policy says."""
    end = old["state"].get("terminated") or old["lastState"].get("terminated")
    if end is None or not _is_restarted(look, container, end["exitCode"]):
        return old
    finished = moment(end["finishedAt"]) or look.now
    pause = _back_off(old["restartCount"], finished - (moment(end["startedAt"]) or finished))
    restart_at = finished + timedelta(seconds=max(pause, look.delay("restart", 0.5, 0.5)))
    if look.now >= restart_at:
        look.say("Pulled", images.present(container["image"]), container)
        return _start(look, container, old)
    look.result.again(restart_at)
    backing_off = finished + timedelta(seconds=1)
    if pause < 1 or "waiting" in old["state"]:
        return old
    if look.now < backing_off:
        look.result.again(backing_off)
        return old
    namespace, name = key_of(look.pod)
    where = f"{name}_{namespace}({look.pod['metadata']['uid']})"
    text = f"Back-off restarting failed container {container['name']} in pod {where}"
    look.say("BackOff", text, container, warning=True)
    words = f"back-off {_go_duration(pause)} restarting failed container={container['name']} pod={where}"
    return status.waiting(old, "CrashLoopBackOff", words)


def _is_restarted(look: Look, container: Manifest, exit_code: int) -> bool:
    policy = look.pod["spec"].get("restartPolicy", "Always")
    if container.get("restartPolicy") == "Always":
        return True
    if any(c is container for c in look.pod["spec"].get("initContainers") or ()):
        return exit_code != 0 and policy != "Never"
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def _kill(look: Look, container: Manifest, old: Status, probe: str) -> Status:
    name = container["name"]
    look.say("Killing", f"Container {name} failed {probe} probe, will be restarted", container)
    seconds = workload.stop_seconds(container)
    ended = status.terminated(old, 137 if seconds is None else 0, look.now)
    return _after_end(look, container, ended)


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
