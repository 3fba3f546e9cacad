"""Every lesson is played: its start fails its checks, its solution turns all lamps green."""

import pytest

from svclab.cluster import lifecycle
from svclab.lessons import progress, start
from svclab.lessons.catalogue import lessons
from svclab.lessons.grader import grade
from svclab.terminal.session import Session

pytestmark = pytest.mark.django_db(transaction=True)
LEARNER = "guest-alice"


@pytest.fixture
def cluster():
    return lifecycle.new_cluster(LEARNER, random_seed="lessons")


def red(lamps):
    return {lamp.check.id: lamp.found for lamp in lamps if not lamp.green}


def predict(lesson):
    for step in lesson.steps:
        if step.predict:
            progress.commit(LEARNER, lesson, step.id, 0)


def played_and_graded(cluster, lesson, lines):
    """What these lines printed; the lamps are looked at after each, as the page does."""
    session, printed = Session(cluster, hurried=True), []
    for line in lines:
        session.run(line, printed.append)
        grade(cluster, LEARNER, lesson)
    return "".join(printed)


@pytest.mark.parametrize("lesson", lessons().values(), ids=lambda lesson: lesson.id)
def test_the_start_fails_and_the_solution_passes(cluster, lesson):
    start.prepare(cluster, lesson)
    assert set(red(grade(cluster, LEARNER, lesson))) == {check.id for check in lesson.checks}

    predict(lesson)
    printed = played_and_graded(cluster, lesson, lesson.solution)
    assert red(grade(cluster, LEARNER, lesson)) == {}, printed


CHEATS = [(lesson, cheat) for lesson in lessons().values() for cheat in lesson.cheats]


@pytest.mark.parametrize(
    ("lesson", "cheat"), CHEATS, ids=[f"{lesson.id}: {cheat.title}" for lesson, cheat in CHEATS]
)
def test_a_lazy_repair_leaves_lamps_red(cluster, lesson, cheat):
    start.prepare(cluster, lesson)
    predict(lesson)
    grade(cluster, LEARNER, lesson)
    printed = played_and_graded(cluster, lesson, cheat.run)
    assert set(red(grade(cluster, LEARNER, lesson))) >= set(cheat.red), printed


def test_green_stays_green_after_a_reset_and_for_nobody_else(cluster):
    lesson = lessons()["clusterip"]
    start.prepare(cluster, lesson)
    progress.commit(LEARNER, lesson, "apply", 0)
    grade(cluster, LEARNER, lesson)
    start.play(cluster, lesson.solution)
    grade(cluster, LEARNER, lesson)
    lifecycle.reset(cluster.id)
    assert red(grade(cluster, LEARNER, lesson)) == {}
    assert set(red(grade(cluster, "guest-bob", lesson))) == {check.id for check in lesson.checks}


def test_a_prediction_cannot_be_changed_afterwards(cluster):
    lesson = lessons()["clusterip"]
    assert progress.commit(LEARNER, lesson, "apply", 0) == 0
    assert progress.commit(LEARNER, lesson, "apply", 2) == 0
    with pytest.raises(IndexError):
        progress.commit(LEARNER, lesson, "apply", 9)
    with pytest.raises(KeyError):
        progress.commit(LEARNER, lesson, "call", 0)
