"""Who a visitor is, without a login: a random key of 128 bits in a signed cookie that scripts cannot read."""

import secrets
from http.cookies import CookieError, SimpleCookie
from typing import Any

from django.core import signing
from django.http import HttpRequest, HttpResponse

COOKIE = "svclab_learner"
_SALT = "svclab.accounts.guests"
_YEAR_SECONDS = 365 * 24 * 3600


def learner_for(source: HttpRequest | dict[str, Any]) -> str | None:
    """The learner's key, out of a request or the scope of a websocket; None without a cookie of ours."""
    if isinstance(source, HttpRequest):
        admitted = getattr(source, "_svclab_admitted", None)
        return admitted or _opened(source.COOKIES.get(COOKIE, ""))
    for name, value in source.get("headers", []):
        if name == b"cookie":
            cookies: SimpleCookie = SimpleCookie()
            try:
                cookies.load(value.decode("latin-1"))
            except CookieError:
                return None
            return _opened(cookies[COOKIE].value) if COOKIE in cookies else None
    return None


def admit(request: HttpRequest) -> str:
    """The learner's key; a new one for a first visit. `remember` puts it into the answer's cookie."""
    learner = learner_for(request)
    if learner is None:
        learner = f"guest-{secrets.token_hex(16)}"
        request._svclab_admitted = learner  # type: ignore[attr-defined]
    return learner


def remember(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Gives a learner who was just admitted her cookie."""
    learner = getattr(request, "_svclab_admitted", None)
    if learner is not None:
        response.set_cookie(
            COOKIE,
            signing.dumps(learner, salt=_SALT),
            max_age=_YEAR_SECONDS,
            httponly=True,
            samesite="Lax",
            secure=request.is_secure(),
        )
    return response


def _opened(cookie: str) -> str | None:
    try:
        value = signing.loads(cookie, salt=_SALT)
    except signing.BadSignature:
        return None
    return value if isinstance(value, str) else None
