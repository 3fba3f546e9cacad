"""Bring a learner's cluster to the state in which a lesson begins: afresh, or by adding what is not there."""

from svclab.cluster import dataplane, lifecycle
from svclab.cluster.store import ClusterHandle
from svclab.lessons.catalogue import lessons
from svclab.lessons.gaps import Gap, building_lines, gaps, in_the_way, texts, wanted
from svclab.lessons.schema import Lesson
from svclab.terminal.session import Session
from svclab.terminal.streams import TextInput


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


def complete(cluster: ClusterHandle, lesson: Lesson) -> list[Gap]:
    """Close the gaps to the lesson's start, and touch nothing else; gives what is left."""
    if not gaps(cluster, lesson):
        return []
    session = Session(cluster, hurried=True)
    if cluster.settings().runtime != lesson.start.runtime:
        _remove_workloads(session, lesson)
    cluster.configure(flavour=lesson.start.flavour, runtime=lesson.start.runtime)
    for kind, namespace, name in in_the_way(lesson):
        _run(session, "kubectl", "delete", kind, name, f"--namespace={namespace}", "--ignore-not-found")
    for text in texts(lesson).values():
        _run(session, "kubectl", "apply", "-f", "-", text=text)
    waits = [line for line in building_lines(lesson) if line.startswith(("kubectl wait", "sleep"))]
    play(cluster, tuple(waits))
    return gaps(cluster, lesson)


def files(lesson: Lesson) -> dict[str, str]:
    """The manifests that the lesson shows or begins with, by file name."""
    manifests = [*lesson.start.files, *(step.manifest for step in lesson.steps if step.manifest)]
    return {manifest.file: manifest.text for manifest in manifests}


def provide_files(cluster: ClusterHandle, lesson: Lesson) -> None:
    """Puts the lesson's manifests among the learner's files where they are missing; hers stay as they are."""
    there = set(lifecycle.list_files(cluster.id))
    for name, text in files(lesson).items():
        if name not in there:
            lifecycle.write_file(cluster.id, name, text)


def write_files(cluster: ClusterHandle, lesson: Lesson) -> None:
    """Puts the lesson's manifests among the learner's files, as they are printed."""
    for name, text in files(lesson).items():
        lifecycle.write_file(cluster.id, name, text)


def play(cluster: ClusterHandle, lines: tuple[str, ...]) -> list[str]:
    """Types these lines into a terminal, without waiting in real time; gives what they printed."""
    session = Session(cluster, hurried=True)
    printed: list[str] = []
    for line in lines:
        session.run(line, printed.append)
    return printed


def _run(session: Session, *argv: str, text: str = "") -> None:
    session.execute(list(argv), lambda _: None, stdin=TextInput(text))


def _remove_workloads(session: Session, lesson: Lesson) -> None:
    """A container that runs goes on as it was started; only new ones meet the other runtime."""
    for kind, namespace, name in wanted(lesson.id):
        if kind in ("Deployment", "Pod"):
            _run(session, "kubectl", "delete", kind, name, f"--namespace={namespace}", "--ignore-not-found")
