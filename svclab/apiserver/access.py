"""Who asks, and what they may: the cluster's admin everything, everybody else nothing.

A learner's cluster has no roles: the admin is whoever holds its secret, and may impersonate users who, as
in a fresh cluster, have no rights.
"""

import re

from svclab.apiserver.messages import ADMIN, ANONYMOUS, UNKNOWN, ApiRequest
from svclab.apiserver.routing import Asked, Target, asked
from svclab.kube.status import failure

_PUBLIC = ("/version", "/healthz", "/livez", "/readyz")
ADMIN_GROUPS = ("system:masters", "system:authenticated")
_METHOD_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "HEAD": "get"}


def authenticated(request: ApiRequest) -> ApiRequest:
    """The request under the name that it acts in: with Impersonate-User, that user's.

    Raises Refusal (401) for credentials that nobody has.
    """
    if request.user == UNKNOWN:
        raise failure(401, "Unauthorized", "Unauthorized")
    user = request.headers.get("impersonate-user")
    if user and request.user == ADMIN:
        groups = request.headers.get("impersonate-group", "")
        name = ADMIN if "system:masters" in groups.split(",") else user
        return ApiRequest(request.method, request.path, request.query, request.headers, request.body, name)
    return request


def check(request: ApiRequest, target: Target) -> None:
    """Raises Refusal (403) unless the user may do this. Asking about oneself is everybody's right."""
    if is_allowed(request.user) or _asks_about_itself(request, target):
        return
    resource, below = target.resource, target.subresource.name if target.subresource else ""
    # A namespace lies in itself, as the server sees it.
    namespace = target.name if resource.kind == "Namespace" else target.namespace
    raise _forbidden(request, Asked(resource.group, resource.plural, namespace, target.name, below))


def _forbidden(request: ApiRequest, wanted: Asked) -> Exception:
    name = wanted.name or _selected_name(request)
    what = wanted.resource + (f"/{wanted.subresource}" if wanted.subresource else "")
    subject = wanted.qualified + (f' "{name}"' if name else "")
    where = f'in the namespace "{wanted.namespace}"' if wanted.namespace else "at the cluster scope"
    message = (
        f'{subject} is forbidden: User "{request.user}" cannot {verb_of(request, wanted.name)} resource '
        f'"{what}" in API group "{wanted.group}" {where}'
    )
    details = {"name": name, "group": wanted.group, "kind": wanted.resource}
    return failure(403, "Forbidden", message, details)


def _selected_name(request: ApiRequest) -> str:
    """The one name that a list's field selector asks for, or ""."""
    found = re.search(r"(?:^|,)metadata\.name==?([^,/%]+)", request.parameter("fieldSelector"))
    return found[1] if found and request.method == "GET" else ""


def _asks_about_itself(request: ApiRequest, target: Target) -> bool:
    return request.user != ANONYMOUS and target.resource.kind.startswith("SelfSubject")


def check_path(request: ApiRequest) -> None:
    """Raises Refusal (403) unless the user may ask for a path that leads to nothing."""
    if not is_allowed(request.user):
        if wanted := asked(request.path):
            raise _forbidden(request, wanted)
        verb = request.method.lower()
        message = f'forbidden: User "{request.user}" cannot {verb} path "{request.path}"'
        raise failure(403, "Forbidden", message, {})


def check_discovery(request: ApiRequest) -> None:
    """What the server offers is told to whoever has a name and gets it, its version and health to all, all
    its paths to the administrator. Raises Refusal."""
    path = request.path.rstrip("/")
    if not path or request.method != "GET" or (request.user == ANONYMOUS and not path.startswith(_PUBLIC)):
        check_path(request)


def is_allowed(user: str) -> bool:
    """Whether a user has rights at all."""
    return user == ADMIN


def verb_of(request: ApiRequest, name: str) -> str:
    """The verb by which authorization knows a request: list, watch and deletecollection among them."""
    if request.method in ("GET", "HEAD") and not name:
        return "watch" if request.flag("watch") else "list"
    if request.method == "DELETE":
        return "delete" if name else "deletecollection"
    return _METHOD_VERBS.get(request.method, "get")


def groups_of(user: str) -> list[str]:
    """The groups of a user, as `kubectl auth whoami` shows them."""
    if user == ADMIN:
        return list(ADMIN_GROUPS)
    return ["system:unauthenticated" if user == ANONYMOUS else "system:authenticated"]
