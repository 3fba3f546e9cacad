"""What a kubelet makes of its probes: when a container is started, ready, or to be killed."""

from datetime import datetime, timedelta

from svclab.kube.controllers.kubelet.look import Look, Status
from svclab.kube.controllers.kubelet.probes import Probe, failure_of, probe_of
from svclab.kube.meta import moment
from svclab.kube.snapshot import Manifest

_TOLD_EACH_TIME = 20  # failed probes; of later ones every thirtieth is told


def probed(look: Look, container: Manifest, old: Status, begun: datetime) -> tuple[Status, str]:
    """A running container's status after its probes, and the kind of probe that condemns it ("" for none)."""
    startup = probe_of(container, "Startup")
    if startup is not None and not old["started"]:
        return _starting_up(look, container, old, begun, startup)
    liveness = probe_of(container, "Liveness")
    if liveness is not None and _has_failed(look, liveness, begun):
        return old, "liveness"
    readiness = probe_of(container, "Readiness")
    if readiness is None:
        return old, ""
    return {**old, "ready": _readiness(look, readiness, old["ready"], begun)}, ""


def _starting_up(
    look: Look, container: Manifest, old: Status, begun: datetime, probe: Probe
) -> tuple[Status, str]:
    if _has_failed(look, probe, begun):
        return old, "startup"
    latest = probe.latest(begun, look.now)
    if latest is None or failure_of(look.as_running(), probe, look.http_status):
        look.result.again(probe.next(begun, look.now))
        return old, ""
    ready = probe_of(container, "Readiness") is None
    return probed(look, container, {**old, "started": True, "ready": ready}, begun)


def _readiness(look: Look, probe: Probe, was_ready: bool, begun: datetime) -> bool:
    first_success = probe.first(begun) + probe.period * (probe.successes - 1)
    if look.now < probe.first(begun):
        look.result.again(probe.first(begun))
        return False
    failure = failure_of(look.as_running(), probe, look.http_status)
    if not failure:
        if look.now < first_success:
            look.result.again(first_success)
        return was_ready or look.now >= first_success
    _tell_failure(look, probe, failure, begun)
    return was_ready and not _failed_for_good(look, probe, failure, begun)


def _has_failed(look: Look, probe: Probe, begun: datetime) -> bool:
    """Whether a liveness or startup probe has failed as often in a row as its threshold."""
    if probe.latest(begun, look.now) is None:
        look.result.again(probe.first(begun))
        return False
    failure = failure_of(look.as_running(), probe, look.http_status)
    if not failure:
        return False
    _tell_failure(look, probe, failure, begun)
    return _failed_for_good(look, probe, failure, begun)


def _failed_for_good(look: Look, probe: Probe, failure: str, begun: datetime) -> bool:
    told = look.event("Unhealthy", _unhealthy(probe, failure), probe.container)
    since = max(moment(told["firstTimestamp"]) or look.now, probe.first(begun)) if told else look.now
    final = since + probe.period * (probe.failures - 1)
    if look.now >= final:
        return True
    look.result.again(final)
    return False


def _tell_failure(look: Look, probe: Probe, failure: str, begun: datetime) -> None:
    """An event for each failed probe, once; of a long row only now and then one more."""
    latest = probe.latest(begun, look.now) or look.now
    told = look.event("Unhealthy", _unhealthy(probe, failure), probe.container)
    count = told["count"] if told else 0
    step = 1 if count < _TOLD_EACH_TIME else 30
    last = moment(told["lastTimestamp"]) if told else None
    if last is None or last + probe.period * step <= latest + timedelta(seconds=1):
        look.say("Unhealthy", _unhealthy(probe, failure), probe.container, warning=True)
        last = look.now
    look.result.again(max(probe.next(begun, look.now), last + probe.period * step))


def _unhealthy(probe: Probe, failure: str) -> str:
    return f"{probe.kind} probe failed: {failure}"
