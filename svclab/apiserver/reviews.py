"""Questions that are answered and not stored: may I, what may I, who am I; and pods bound through their
collection."""

from typing import Any

from svclab.apiserver import bodies, protobuf
from svclab.apiserver.access import groups_of, is_allowed
from svclab.apiserver.messages import JSON_TYPE, ApiRequest, ApiResponse
from svclab.apiserver.negotiation import answer, answer_format, body_type
from svclab.apiserver.routing import Target
from svclab.apiserver.yaml_body import YamlError, load
from svclab.cluster.store import ClusterHandle
from svclab.kube.decoding import json_value, unrecognized
from svclab.kube.status import bad_request, method_not_allowed

Manifest = dict[str, Any]


def handler(request: ApiRequest, target: Target) -> Any:
    """Who answers a POST to a review. Raises Refusal (405)."""
    answers = {
        "SelfSubjectAccessReview": _access,
        "SubjectAccessReview": _access,
        "LocalSubjectAccessReview": _access,
        "SelfSubjectRulesReview": _rules,
        "SelfSubjectReview": _who,
        "TokenReview": _token,
    }
    answer_of = answers.get(target.resource.kind)
    if request.method != "POST" or target.name or answer_of is None:
        raise method_not_allowed()

    def reply(_: ClusterHandle, request: ApiRequest, target: Target, warnings: list[str]) -> ApiResponse:
        format_ = answer_format(request)
        review = _review(request, target)
        head = {"kind": target.resource.kind, "apiVersion": target.resource.api_version, "metadata": {}}
        body = {key: value for key, value in review.items() if key in ("spec",)}
        return answer(format_, 201, {**head, **body, "status": answer_of(request, review)}, warnings)

    return reply


def _review(request: ApiRequest, target: Target) -> Manifest:
    media_type = body_type(request)
    bodies.check_size(request)
    resource = target.resource
    if media_type == JSON_TYPE:
        value = json_value(request.body, resource)
    elif media_type == "application/yaml":
        try:
            value = load(request.body).value
        except YamlError as error:
            raise unrecognized(request.body, resource.kind, str(error)) from None
    else:
        value = protobuf.read(request.body, resource)
    if not isinstance(value, dict) or not isinstance(value.get("spec", {}), dict):
        raise bad_request(f"the body is not a {resource.kind}")
    return value


def _access(request: ApiRequest, review: Manifest) -> Manifest:
    user = review.get("spec", {}).get("user") or request.user
    if is_allowed(user):
        return {
            "allowed": True,
            "reason": 'RBAC: allowed by ClusterRoleBinding "cluster-admin" of ClusterRole "cluster-admin"',
        }
    return {"allowed": False}


def _rules(request: ApiRequest, _: Manifest) -> Manifest:
    allowed = is_allowed(request.user)
    resources = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}] if allowed else []
    paths = [{"verbs": ["*"], "nonResourceURLs": ["*"]}] if allowed else []
    own = {
        "verbs": ["create"],
        "apiGroups": ["authorization.k8s.io"],
        "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    }
    return {"resourceRules": [*resources, own], "nonResourceRules": paths, "incomplete": False}


def _who(request: ApiRequest, _: Manifest) -> Manifest:
    return {"userInfo": {"username": request.user, "groups": groups_of(request.user)}}


def _token(_: ApiRequest, __: Manifest) -> Manifest:
    return {"user": {}, "error": "no tokens are issued in this cluster"}
