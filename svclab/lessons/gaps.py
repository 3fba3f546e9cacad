"""What of a lesson's start a learner's cluster lacks or has otherwise, compared field by field."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from svclab.cluster import seeds
from svclab.cluster.store import ClusterHandle
from svclab.kube.snapshot import Manifest, Snapshot
from svclab.lessons.catalogue import lessons
from svclab.lessons.schema import Lesson

_APPLIES = re.compile(r"^kubectl apply -f (\S+)$")


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that is not as the lesson begins with it.

    `state`: "missing", "different", "in the way", or "switched" for a property of the whole cluster.
    """

    thing: str
    state: str
    detail: str = ""

    def as_json(self) -> dict[str, str]:
        """As the page gets it."""
        return {"thing": self.thing, "state": self.state, "detail": self.detail}


def gaps(cluster: ClusterHandle, lesson: Lesson) -> list[Gap]:
    """All gaps between the cluster and the lesson's start; empty when the lesson can begin."""
    return [*_switches(cluster, lesson), *_objects(cluster.snapshot(), lesson)]


def texts(lesson: Lesson) -> dict[str, str]:
    """The manifests that the start applies, by file name: those of earlier lessons, then its own."""
    known = {manifest.file: manifest.text for manifest in lesson.start.files}
    found: dict[str, str] = {}
    for line in building_lines(lesson):
        if applied := _APPLIES.match(line):
            name = applied[1]
            text = known.get(name) or seeds.files()[name]
            found.pop(name, None)
            found[name] = text
    return found


def building_lines(lesson: Lesson) -> list[str]:
    """What was typed to get from a fresh cluster to the lesson's start."""
    earlier = [line for name in lesson.start.after for line in lessons()[name].solution]
    return [*earlier, *lesson.start.run]


@cache
def wanted(lesson_id: str) -> dict[tuple[str, str, str], Manifest]:
    """The objects that a lesson begins with, by kind, namespace and name, as its manifests write them."""
    import yaml  # noqa: PLC0415 (late: the first page does without)

    found = {}
    for text in texts(lessons()[lesson_id]).values():
        for manifest in yaml.safe_load_all(text):
            if manifest:
                metadata = manifest["metadata"]
                found[manifest["kind"], metadata.get("namespace", ""), metadata["name"]] = manifest
    return found


def in_the_way(lesson: Lesson) -> Iterator[tuple[str, str, str]]:
    """Kind, namespace and name of what must not be there when the lesson begins."""
    for text in lesson.start.without:
        kind, _, rest = text.partition(" ")
        namespace, _, name = rest.rpartition("/")
        yield kind, namespace, name


def difference(wanted_value: Any, value: Any, path: str = "") -> str:
    """Where a value first differs from what a manifest asks of it, in words; "" if it has all of it.

    What the manifest leaves out may be anything.
    """
    match wanted_value, value:
        case dict(), dict():
            pairs = ((wanted_value[key], value.get(key), f"{path}.{key}".lstrip(".")) for key in wanted_value)
        case list(), list() if len(wanted_value) == len(value):
            pairs = ((a, b, f"{path}[{i}]") for i, (a, b) in enumerate(zip(wanted_value, value, strict=True)))
        case _ if wanted_value == value:
            return ""
        case dict() | list(), _:
            return f"{path} is another"
        case _:
            return f"{path} is {'not set' if value is None else value}, not {wanted_value}"
    return next((found for a, b, where in pairs if (found := difference(a, b, where))), "")


def _objects(snapshot: Snapshot, lesson: Lesson) -> Iterator[Gap]:
    for key, manifest in wanted(lesson.id).items():
        found = snapshot.get(*key)
        if found is None or "deletionTimestamp" in found["metadata"]:
            yield Gap(_name(key), "missing")
        elif detail := difference(manifest, found):
            yield Gap(_name(key), "different", detail)
    for key in in_the_way(lesson):
        if snapshot.get(*key) is not None:
            yield Gap(_name(key), "in the way")


def _switches(cluster: ClusterHandle, lesson: Lesson) -> Iterator[Gap]:
    settings = cluster.settings()
    if settings.runtime != lesson.start.runtime:
        yield Gap(f"a {lesson.start.runtime} container runtime", "switched", f"it is {settings.runtime}")
    if settings.flavour != lesson.start.flavour:
        yield Gap(
            "the cluster's surroundings", "different", f"{settings.flavour}, not {lesson.start.flavour}"
        )


def _name(key: tuple[str, str, str]) -> str:
    kind, namespace, name = key
    return f"{kind} {name}" + (f" in {namespace}" if namespace else "")
