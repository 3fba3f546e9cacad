"""What a visitor sees instead of a page: not found, not at the moment, or a mistake of ours with its id."""

import logging
import secrets
import sys

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from svclab.cluster import outage
from svclab.cluster.errors import Full

log = logging.getLogger(__name__)
_NO_HOST = "This server is not to be reached by this name. Whoever runs it can add the name to SVCLAB_HOSTS."
_FULL = "This server is full: it has no room for another cluster. Come back later, or run svclab yourself."


def misunderstood(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400; to whoever serves a class under a name that the server was not told, how to tell it."""
    words = _NO_HOST if isinstance(exception, DisallowedHost) else "svclab does not understand this request."
    return _answer(request, 400, "Not like this", words)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404, the same for what is not there and for what is somebody else's."""
    return _answer(request, 404, "There is nothing here", "This address leads nowhere.")


def failed(request: HttpRequest) -> HttpResponse:
    """503 while the database cannot serve, else 500 with an id, under which the log has the story."""
    error = sys.exc_info()[1]
    words = _FULL if isinstance(error, Full) else error and outage.words_of(error)
    if words:
        answer = _answer(request, 503, "Not at the moment", words)
        answer["Retry-After"] = str(outage.RETRY_SECONDS)
        return answer
    number = secrets.token_hex(4)
    log.error("error %s answering %s %s", number, request.method, request.path)
    return _answer(request, 500, "Sorry", f"svclab failed here (error {number}). Your cluster is as it was.")


def _answer(request: HttpRequest, status: int, title: str, words: str) -> HttpResponse:
    if request.method == "POST":  # by a page's script, whose editor reads `results`
        return JsonResponse({"error": words, "results": [{"error": words}]}, status=status)
    return render(request, "lab/apology.html", {"title": title, "words": words}, status=status)
