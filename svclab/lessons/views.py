"""Pages and answers of the lessons. One lesson's page is the workspace (lab) with `panel_context` in it."""

import json
from itertools import groupby
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from svclab.accounts.guests import admit, learner_for, remember
from svclab.cluster import lifecycle
from svclab.cluster.access import cluster_of
from svclab.cluster.files import FileError
from svclab.cluster.store import ClusterHandle
from svclab.lessons import progress
from svclab.lessons.catalogue import lessons
from svclab.lessons.gaps import gaps
from svclab.lessons.grader import grade, kept_now, stored_lamps
from svclab.lessons.schema import Lesson


def find(lesson_id: str) -> Lesson:
    """The lesson of that id. Raises Http404."""
    if lesson_id not in lessons():
        raise Http404(lesson_id)
    return lessons()[lesson_id]


def panel_context(learner: str, lesson: Lesson) -> dict[str, Any]:
    """What the lesson's panel shows, as far as it does not depend on the cluster at this moment."""
    lamps = stored_lamps(learner, lesson)
    answered = progress.predictions(learner, lesson.id)
    asks = [step.predict is not None and step.id not in answered for step in lesson.steps]
    following = [other for other in lessons().values() if other.number > lesson.number]
    return {
        "lesson": lesson,
        "lamps": lamps,
        "green": sum(lamp.green for lamp in lamps),
        "done": all(lamp.green for lamp in lamps),
        "standings": progress.standings(learner),
        "next_goal": next((lamp.check for lamp in lamps if not lamp.green), None),
        "steps": list(zip(lesson.steps, lesson.places(), asks, strict=True)),
        "next_lesson": following[0] if following else None,
    }


def prediction_truths(learner: str, lesson: Lesson) -> dict[str, Any]:
    """The predictions that were committed, each with the truth about it, by step."""
    given = progress.predictions(learner, lesson.id)
    return {step: _truth(lesson, step, choice) for step, choice in given.items()}


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """All lessons, with the visitor's progress."""
    learner = admit(request)
    standings = progress.standings(learner)
    modules = [(name, list(group)) for name, group in groupby(standings, lambda item: item.lesson.module)]
    done = sum(standing.done for standing in standings)
    following = next((standing for standing in standings if not standing.done), None)
    context = {"modules": modules, "standings": standings, "done": done, "following": following}
    page = render(request, "lessons/index.html", context)
    return remember(request, page)


@require_GET
def standing(request: HttpRequest) -> JsonResponse:
    """The lessons with the visitor's progress, as the sandbox's map asks for them."""
    rows = [
        {
            "number": each.lesson.number,
            "title": each.lesson.title,
            "url": reverse("lesson", args=[each.lesson.id]),
            "green": each.green,
            "total": each.total,
        }
        for each in progress.standings(_learner(request))
    ]
    return JsonResponse({"lessons": rows})


@require_POST
def predict(request: HttpRequest, lesson_id: str) -> HttpResponse:
    """Commits the visitor to an option; the answer tells the truth about it."""
    lesson = find(lesson_id)
    given = _body(request)
    try:
        choice = progress.commit(_learner(request), lesson, str(given["step"]), int(given["choice"]))
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise Http404("no such option") from error
    if request.content_type == "application/json":
        return JsonResponse(_truth(lesson, str(given["step"]), choice))
    return HttpResponseRedirect(f"{reverse('lesson', args=[lesson.id])}#step-{given['step']}")


@require_POST
def prepare(request: HttpRequest, lesson_id: str) -> HttpResponse:
    """Resets the visitor's cluster to the lesson's start."""
    from svclab.lessons import start  # noqa: PLC0415 (late: it plays commands, so it needs the whole terminal)

    lesson = find(lesson_id)
    cluster = start.prepare(_cluster(request), lesson)
    progress.keep_anew(_learner(request), lesson.id, kept_now(cluster, lesson))
    if request.content_type == "application/json":
        return JsonResponse(_beginning(request, lesson))
    return HttpResponseRedirect(reverse("lesson", args=[lesson.id]))


@require_http_methods(["GET", "POST"])
def ground(request: HttpRequest, lesson_id: str) -> HttpResponse:
    """What the cluster lacks for the lesson to begin; a POST adds it and leaves everything else alone."""
    from svclab.lessons import start  # noqa: PLC0415 (late: it plays commands, so it needs the whole terminal)

    lesson = find(lesson_id)
    cluster = _cluster(request)
    start.provide_files(cluster, lesson)
    if request.method == "POST":
        start.complete(cluster, lesson)
        progress.keep_anew(_learner(request), lesson.id, kept_now(cluster, lesson))
    return JsonResponse(_beginning(request, lesson))


@require_POST
def save(request: HttpRequest, lesson_id: str) -> HttpResponse:
    """Keeps a manifest of the lesson as the visitor has edited it, so that commands find the same text."""
    from svclab.lessons import start  # noqa: PLC0415 (late: it plays commands, so it needs the whole terminal)

    lesson, given = find(lesson_id), _body(request)
    name, text = given.get("file"), given.get("text")
    if not isinstance(text, str) or name not in start.files(lesson):
        raise Http404("no such manifest")
    try:
        lifecycle.write_file(_cluster(request).id, name, text)
    except FileError as error:
        return JsonResponse({"error": str(error)}, status=400)
    return JsonResponse({"saved": name})


@require_GET
def checks(request: HttpRequest, lesson_id: str) -> HttpResponse:
    """The lamps of this lesson, looked at now."""
    lamps = grade(_cluster(request), _learner(request), find(lesson_id))
    return JsonResponse({"lesson": lesson_id, "lamps": [lamp.as_json() for lamp in lamps]})


def _beginning(request: HttpRequest, lesson: Lesson) -> dict[str, Any]:
    begun = progress.beginning(_learner(request), lesson.id) is not None
    return {"begun": begun, "gaps": [gap.as_json() for gap in gaps(_cluster(request), lesson)]}


def _truth(lesson: Lesson, step_id: str, choice: int) -> dict[str, Any]:
    question = lesson.step(step_id).predict
    assert question is not None
    return {"choice": choice, "answer": question.answer, "because": question.because}


def _learner(request: HttpRequest) -> str:
    learner = learner_for(request)
    if learner is None:
        raise Http404("nobody has opened a page here yet")
    return learner


def _cluster(request: HttpRequest) -> ClusterHandle:
    """The visitor's cluster as of now: time passes when somebody looks. Raises Http404."""
    cluster = cluster_of(_learner(request))
    if cluster is None:
        raise Http404("no cluster yet")
    cluster.advance()
    return cluster


def _body(request: HttpRequest) -> Any:
    if request.content_type == "application/json":
        try:
            found = json.loads(request.body)
        except ValueError as error:
            raise Http404("not JSON") from error
        if not isinstance(found, dict):
            raise Http404("not an object")
        return found
    return request.POST
