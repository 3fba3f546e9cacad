"""Is the lesson reached? Evaluates its checks over the learner's objects, traces and simulated probes."""

from dataclasses import dataclass
from typing import Any

from svclab.cluster.store import ClusterHandle
from svclab.lessons import progress
from svclab.lessons.checks import Evidence, evaluate, uids
from svclab.lessons.gaps import gaps
from svclab.lessons.models import Beginning
from svclab.lessons.schema import Check, Lesson

_LATER = "This is tried out when the other goals are reached."


@dataclass(frozen=True, slots=True)
class Lamp:
    """One check as the learner sees it. `trace` is a failed probe's; what was once reached stays green."""

    check: Check
    green: bool
    found: str = ""
    trace: Any = None

    def as_json(self) -> dict[str, Any]:
        """As the page gets it."""
        return {"check": self.check.id, "green": self.green, "found": self.found, "trace": self.trace}


def stored_lamps(learner: str, lesson: Lesson) -> list[Lamp]:
    """The lamps as they were last left, without looking at the cluster."""
    green = progress.green_checks(learner, lesson.id)
    return [Lamp(check, check.id in green) for check in lesson.checks]


def grade(cluster: ClusterHandle, learner: str, lesson: Lesson) -> list[Lamp]:
    """Evaluates every check that is not green yet, records the ones that are now, and gives all lamps.

    A lesson begins when the cluster is first at its start; before that only predictions count. What only
    has to stay as it was (`standing`) counts once everything that had to be reached is reached. Only then is
    anything shaken.
    """
    from svclab.cluster import dataplane  # noqa: PLC0415 (late: a page that only shows lamps needs no packet engine)

    reached = progress.green_checks(learner, lesson.id)
    begun = progress.beginning(learner, lesson.id)
    if begun is None and not gaps(cluster, lesson):
        begun = progress.begin(learner, lesson.id, dataplane.newest(cluster), kept_now(cluster, lesson))
    evidence = gather(cluster, learner, lesson, begun)
    lamps = [_lamp(check, check.id in reached, evidence) for check in lesson.checks]
    if begun is None:
        early = reached | {check.id for check in lesson.checks if check.kind == "predict"}
        lamps = [lamp if lamp.check.id in early else _waiting(lamp) for lamp in lamps]
    elif not all(lamp.green for lamp in lamps if not lamp.check.standing):
        standing = {check.id for check in lesson.checks if check.standing} - reached
        lamps = [_unlit(lamp) if lamp.check.id in standing else lamp for lamp in lamps]
    else:
        lamps = [lamp if lamp.green else _judged(lamp.check, evidence) for lamp in lamps]
    progress.remember_green(learner, lesson.id, {lamp.check.id for lamp in lamps if lamp.green} - reached)
    return lamps


def kept_now(cluster: ClusterHandle, lesson: Lesson) -> dict[str, str]:
    """The uids, at this moment, of the objects that the lesson wants kept."""
    return uids([check.what for check in lesson.checks if check.kind == "keep"], cluster.snapshot())


def gather(cluster: ClusterHandle, learner: str, lesson: Lesson, begun: Beginning | None) -> Evidence:
    """What this learner's cluster shows at this moment, and her requests since the lesson began."""
    from svclab.cluster import dataplane  # noqa: PLC0415 (late: a page that only shows lamps needs no packet engine)

    return Evidence(
        snapshot=cluster.snapshot(),
        traces=tuple(record.trace for record in dataplane.traces(cluster, begun.after_trace if begun else 0)),
        predictions=progress.predictions(learner, lesson.id),
        probe=lambda source, target, via, times: dataplane.probe(
            cluster, source, target, via=via, times=times
        ),
        kept=begun.kept if begun else {},
        shaken=lambda namespace: _shaken(cluster, namespace),
    )


def _shaken(cluster: ClusterHandle, namespace: str) -> Evidence:
    from svclab.cluster.shaken import shaken  # noqa: PLC0415 (late: it needs all controllers, and few lessons it)

    copy = shaken(cluster, namespace)
    return Evidence(snapshot=copy.snapshot, traces=(), predictions={}, probe=copy.probe)


def _lamp(check: Check, reached: bool, evidence: Evidence) -> Lamp:
    if reached:
        return Lamp(check, True)
    if check.kind == "shake":
        return Lamp(check, False, _LATER)
    return _judged(check, evidence)


def _judged(check: Check, evidence: Evidence) -> Lamp:
    result = evaluate(check.kind, check.what, evidence)
    return Lamp(check, result.green, result.found, result.trace)


def _unlit(lamp: Lamp) -> Lamp:
    found = "Holds so far. It counts when the other goals are reached." if lamp.green else lamp.found
    return Lamp(lamp.check, False, found, lamp.trace)


def _waiting(lamp: Lamp) -> Lamp:
    return Lamp(lamp.check, False, "Counts as soon as the cluster is at this lesson's start.")
