"""The workspace page, a lesson's page, the kubeconfig and the editor's large manifests."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from svclab.accounts.guests import admit, learner_for, remember
from svclab.apiserver.kubeconfig import kubeconfig as kubeconfig_text
from svclab.cluster import lifecycle, seeds
from svclab.cluster.access import cluster_of, renew_secret, secret_of
from svclab.cluster.store import ClusterHandle
from svclab.lessons import views as lessons

MAX_MANIFEST_BYTES = 3 * 1024 * 1024  # as the real API server


@never_cache
@require_GET
def sandbox(request: HttpRequest) -> HttpResponse:
    """The workspace with its greeting. A first visit gets a cluster of its own."""
    learner = admit(request)
    cluster = cluster_of(learner) or lifecycle.new_cluster(learner, seed="hello")
    return remember(request, render(request, "lab/workspace.html", {"page": page_data(request, cluster)}))


@never_cache
@require_GET
def lesson(request: HttpRequest, lesson_id: str) -> HttpResponse:
    """The workspace with a lesson in its left panel."""
    found = lessons.find(lesson_id)
    learner = admit(request)
    cluster = cluster_of(learner) or lifecycle.new_cluster(learner)
    page = page_data(request, cluster) | {"predictions": lessons.prediction_truths(learner, found)}
    context = lessons.panel_context(learner, found) | {"page": page}
    return remember(request, render(request, "lessons/lesson.html", context))


def page_data(request: HttpRequest, cluster: ClusterHandle) -> dict[str, Any]:
    """What the page's script finds in the page: the learner's manifests and where to post a large one."""
    manifests = lifecycle.read_files(cluster.id, ".yaml", ".yml")
    files = [{"name": path, "text": text} for path, text in manifests.items()]
    hello = seeds.manifests("hello")
    urls = {"apply": "apply", "renew": "kubeconfig-renew", "map": "lessons:map"}
    addresses = {name: reverse(url) for name, url in urls.items()}
    return {"files": files, "hello": hello, "csrf": get_token(request), **addresses}


@require_GET
def kubeconfig(request: HttpRequest) -> HttpResponse:
    """A file for the learner's own kubectl; the secret in it opens this cluster alone."""
    cluster = _own_cluster(request)
    if cluster is None:
        return HttpResponse(
            "Open the workspace page first: it gives you a cluster.\n", status=404, content_type="text/plain"
        )
    server = request.build_absolute_uri("/").rstrip("/")
    secret = secret_of(cluster.id) or renew_secret(cluster.id)
    response = HttpResponse(kubeconfig_text(cluster.id, secret, server), content_type="application/yaml")
    response["Content-Disposition"] = 'attachment; filename="svclab.kubeconfig"'
    response["Cache-Control"] = "no-store"
    return response


@require_POST
def renew(request: HttpRequest) -> JsonResponse:
    """A new secret for the learner's cluster: every kubeconfig given out before opens nothing any more."""
    cluster = _own_cluster(request)
    if cluster is None:
        return JsonResponse({"error": "Open the workspace page first."}, status=404)
    renew_secret(cluster.id)
    return JsonResponse({"renewed": True})


@require_POST
def apply(request: HttpRequest) -> JsonResponse:
    """kubectl apply of a manifest in the request's body; JSON `results`, one a document."""
    cluster = _own_cluster(request)
    if cluster is None:
        return JsonResponse({"results": [{"error": "Open the workspace page first."}]}, status=404)
    if int(request.headers.get("Content-Length") or 0) > MAX_MANIFEST_BYTES:
        return JsonResponse(
            {"results": [{"error": "Request entity too large: limit is 3145728"}]}, status=413
        )
    try:
        text = request.body.decode()
    except UnicodeDecodeError:
        return JsonResponse({"results": [{"error": "error: the manifest is not UTF-8 text"}]}, status=400)
    from svclab.lab import manifests  # noqa: PLC0415 (late: shell and API, which the first page does without)

    return JsonResponse({"results": manifests.apply(cluster, text)})


def _own_cluster(request: HttpRequest) -> ClusterHandle | None:
    learner = learner_for(request)
    return cluster_of(learner) if learner else None
