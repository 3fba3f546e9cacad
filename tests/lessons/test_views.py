"""What the lessons' URLs answer, and to whom."""

import json

import pytest
from django.http import Http404, HttpResponse
from django.test import RequestFactory

from svclab.accounts.guests import COOKIE, admit, remember
from svclab.cluster import lifecycle
from svclab.lessons import start, views

pytestmark = pytest.mark.django_db(transaction=True)
FILE = "nodeport-cluster.yaml"


class Visitor:
    """Somebody with the cookie of a first visit, and with a cluster if she has opened a page."""

    def __init__(self, *, opened: bool) -> None:
        first = RequestFactory().get("/")
        learner = admit(first)
        self.cookie = remember(first, HttpResponse()).cookies[COOKIE].value
        self.cluster = lifecycle.new_cluster(learner, random_seed="views") if opened else None

    def ask(self, view, body=None):
        """The answer's status and its JSON, of the lesson nodeport."""
        factory = RequestFactory()
        if body is None:
            request = factory.get("/")
        else:
            request = factory.post("/", json.dumps(body), content_type="application/json")
        request.COOKIES[COOKIE] = self.cookie
        answer = view(request, "nodeport")
        return answer.status_code, json.loads(answer.content)


@pytest.fixture
def alice():
    return Visitor(opened=True)


def test_a_lesson_tells_what_it_begins_with_and_adds_it_when_asked(alice):
    _, before = alice.ask(views.ground)
    assert before["begun"] is False
    assert before["gaps"][0] == {"thing": "Namespace service-demo", "state": "missing", "detail": ""}
    assert alice.cluster.snapshot().get("Namespace", "", "service-demo") is None
    _, after = alice.ask(views.ground, {})
    assert after["gaps"] == []
    assert alice.cluster.snapshot().get("Namespace", "", "service-demo")


def test_an_edited_manifest_is_kept_among_the_learners_files(alice):
    assert alice.ask(views.save, {"file": FILE, "text": "mine"}) == (200, {"saved": FILE})
    assert lifecycle.read_file(alice.cluster.id, FILE) == "mine"


@pytest.mark.parametrize(("name", "text"), [("other.yaml", "x"), (FILE, 5)])
def test_only_texts_of_the_lessons_own_manifests_are_kept(alice, name, text):
    before = lifecycle.list_files(alice.cluster.id)
    with pytest.raises(Http404):
        alice.ask(views.save, {"file": name, "text": text})
    assert lifecycle.list_files(alice.cluster.id) == before


def test_a_text_that_no_file_can_hold_is_refused_in_words(alice):
    status, answer = alice.ask(views.save, {"file": FILE, "text": "a\0b"})
    assert status == 400
    assert answer == {"error": f"{FILE}: cannot hold NUL characters"}


@pytest.mark.parametrize(("view", "body"), [(views.ground, None), (views.save, {"file": FILE, "text": "x"})])
def test_who_has_opened_no_page_has_nothing_to_begin_with(view, body):
    with pytest.raises(Http404, match="no cluster yet"):
        Visitor(opened=False).ask(view, body)


def test_lamps_show_the_cluster_as_of_now_also_when_nobody_else_has_looked(alice):
    alice.ask(views.ground, {})
    alice.ask(views.checks)
    manifest = lifecycle.read_file(alice.cluster.id, FILE).replace("app: frontend", "app: later")
    lifecycle.write_file(alice.cluster.id, FILE, manifest)
    start.play(
        alice.cluster,
        (
            f"kubectl apply -f {FILE}",
            "kubectl run later -n service-demo --image=nginx:1.25 --labels=app=later",
        ),
    )
    assert "slices" not in green(alice)

    alice.cluster.set_clock(lambda clock, real: clock.step(30, real))

    assert "control-plane" in green(alice)


def green(visitor):
    _, answer = visitor.ask(views.checks)
    return {lamp["check"] for lamp in answer["lamps"] if lamp["green"]}
