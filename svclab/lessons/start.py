"""Bring a learner's cluster to the state in which a lesson begins."""

from svclab.cluster import dataplane, lifecycle
from svclab.cluster.store import ClusterHandle
from svclab.lessons.loader import lessons
from svclab.lessons.schema import Lesson
from svclab.terminal.session import Session


def prepare(cluster: ClusterHandle, lesson: Lesson) -> ClusterHandle:
    """A fresh cluster with this lesson's start applied; the traffic that this took is forgotten."""
    cluster = lifecycle.reset(cluster.id)
    cluster.configure(flavour=lesson.start.flavour, runtime=lesson.start.runtime)
    write_files(cluster, lesson)
    for earlier in lesson.start.after:
        write_files(cluster, lessons()[earlier])
        play(cluster, lessons()[earlier].solution)
    play(cluster, lesson.start.run)
    dataplane.forget_traces(cluster)
    return cluster


def write_files(cluster: ClusterHandle, lesson: Lesson) -> None:
    """Puts the lesson's manifests among the learner's files."""
    manifests = [*lesson.start.files, *(step.manifest for step in lesson.steps if step.manifest)]
    for manifest in manifests:
        lifecycle.write_file(cluster.id, manifest.file, manifest.text)


def play(cluster: ClusterHandle, lines: tuple[str, ...]) -> list[str]:
    """Types these lines into a terminal, without waiting in real time; gives what they printed."""
    session = Session(cluster, hurried=True)
    printed: list[str] = []
    for line in lines:
        session.run(line, printed.append)
    return printed
