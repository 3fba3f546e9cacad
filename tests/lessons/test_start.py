"""A lesson begins when its start is there: missing things are added, a learner's other work is left alone."""

import pytest

from svclab.cluster import lifecycle
from svclab.lessons import progress, start
from svclab.lessons.catalogue import lessons
from svclab.lessons.gaps import difference, gaps
from svclab.lessons.grader import grade

pytestmark = pytest.mark.django_db(transaction=True)
LEARNER = "guest-alice"


@pytest.fixture
def cluster():
    return lifecycle.new_cluster(LEARNER, random_seed="starts")


def states(cluster, lesson):
    return {(gap.thing, gap.state) for gap in gaps(cluster, lesson)}


@pytest.mark.parametrize("lesson", lessons().values(), ids=lambda lesson: lesson.id)
def test_a_fresh_cluster_is_completed_to_the_lessons_start(cluster, lesson):
    assert start.complete(cluster, lesson) == []
    assert start.complete(cluster, lesson) == []


def test_what_is_missing_is_added_and_the_rest_stays(cluster):
    lesson = lessons()["clusterip"]
    start.play(cluster, ("kubectl create namespace mine",))
    assert states(cluster, lesson) == {
        ("Namespace service-demo", "missing"),
        ("Deployment backend-app in service-demo", "missing"),
        ("Deployment frontend-app in service-demo", "missing"),
    }
    start.complete(cluster, lesson)
    assert cluster.snapshot().get("Namespace", "", "mine")
    assert cluster.snapshot().get("Deployment", "service-demo", "backend-app")["status"]["readyReplicas"] == 3


def test_what_is_otherwise_is_named_with_its_field(cluster):
    lesson = lessons()["clusterip"]
    start.complete(cluster, lesson)
    start.play(cluster, ("kubectl scale deployment backend-app -n service-demo --replicas=4",))
    (gap,) = gaps(cluster, lesson)
    assert (gap.state, gap.detail) == ("different", "spec.replicas is 4, not 3")


def test_nothing_turns_green_before_the_lessons_start_is_there(cluster):
    lesson = lessons()["never-ready"]
    start.play(cluster, lessons()["deploy-the-demo"].solution)
    progress.commit(LEARNER, lesson, "read", 0)
    assert {lamp.check.id for lamp in grade(cluster, LEARNER, lesson) if lamp.green} == {"predict"}
    assert start.complete(cluster, lesson) == []
    pods = cluster.snapshot().list("Pod", "service-demo")
    ready = [pod["metadata"]["name"] for pod in pods if pod["status"]["containerStatuses"][0]["ready"]]
    assert ready == []
    assert {lamp.check.id for lamp in grade(cluster, LEARNER, lesson) if lamp.green} == {"predict"}


def test_what_must_not_be_there_is_in_the_way_until_it_is_taken_away(cluster):
    lesson = lessons()["service-not-found"]
    start.complete(cluster, lesson)
    start.play(cluster, ("kubectl apply -f backend-service.yaml",))
    assert states(cluster, lesson) == {("Service backend-service in service-demo", "in the way")}
    assert start.complete(cluster, lesson) == []


def test_traffic_of_earlier_lessons_does_not_count(cluster):
    earlier, lesson = lessons()["clusterip"], lessons()["rule-by-rule"]
    start.prepare(cluster, lesson)
    start.play(cluster, earlier.solution * 3)
    grade(cluster, LEARNER, lesson)
    assert not [lamp for lamp in grade(cluster, LEARNER, lesson) if lamp.green]
    start.play(cluster, lesson.solution)
    assert {lamp.check.id for lamp in grade(cluster, LEARNER, lesson) if not lamp.green} == {"predict"}


def test_her_own_text_of_a_manifest_is_kept(cluster):
    lesson = lessons()["nodeport"]
    start.provide_files(cluster, lesson)
    assert "nodePort: 30001" in lifecycle.read_file(cluster.id, "nodeport-cluster.yaml")
    lifecycle.write_file(cluster.id, "nodeport-cluster.yaml", "mine")
    start.provide_files(cluster, lesson)
    assert lifecycle.read_file(cluster.id, "nodeport-cluster.yaml") == "mine"


@pytest.mark.parametrize(
    ("wanted", "value", "words"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, ""),
        ({"a": {"b": [1, {"c": "x"}]}}, {"a": {"b": [1, {"c": "y"}]}}, "a.b[1].c is y, not x"),
        ({"a": 1}, {}, "a is not set, not 1"),
        ({"a": [1]}, {"a": [1, 2]}, "a is another"),
    ],
)
def test_a_difference_is_told_by_its_path(wanted, value, words):
    assert difference(wanted, value) == words
