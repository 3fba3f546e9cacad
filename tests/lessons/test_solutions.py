"""Every lesson is played: its start fails its checks, its solution turns all lamps green."""

import pytest

from svclab.cluster import lifecycle
from svclab.lessons import progress, start
from svclab.lessons.catalogue import lessons
from svclab.lessons.grader import grade

pytestmark = pytest.mark.django_db(transaction=True)
LEARNER = "guest-alice"


@pytest.fixture
def cluster():
    return lifecycle.new_cluster(LEARNER, random_seed="lessons")


def red(lamps):
    return {lamp.check.id: lamp.found for lamp in lamps if not lamp.green}


@pytest.mark.parametrize("lesson", lessons().values(), ids=lambda lesson: lesson.id)
def test_the_start_fails_and_the_solution_passes(cluster, lesson):
    start.prepare(cluster, lesson)
    assert set(red(grade(cluster, LEARNER, lesson))) == {check.id for check in lesson.checks}

    for step in lesson.steps:
        if step.predict:
            progress.commit(LEARNER, lesson, step.id, 0)
    printed = start.play(cluster, lesson.solution)
    assert red(grade(cluster, LEARNER, lesson)) == {}, "".join(printed)


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
