"""What the API offers, told in the three ways that clients ask: aggregated, by group, by resource."""

from functools import cache
from typing import Any

from svclab.apiserver.access import check_discovery
from svclab.apiserver.messages import JSON_TYPE, ApiRequest, ApiResponse, encoded
from svclab.apiserver.negotiation import OBJECT_TYPES, accepted, check_offered, plain_format
from svclab.apiserver.negotiation import answer as negotiated
from svclab.apiserver.openapi import documents
from svclab.kube.resources import RESOURCES, Resource, Subresource, group_versions
from svclab.kube.status import method_not_allowed

Manifest = dict[str, Any]

VERSION = {
    "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35", "gitVersion": "v1.36.0", "gitCommit": "", "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z", "goVersion": "go1.26.6", "compiler": "gc", "platform": "linux/amd64",
}  # fmt: skip
_AGGREGATED = "APIGroupDiscoveryList"


def answer(request: ApiRequest) -> ApiResponse | None:
    """The answer to a discovery path, or None. Raises Refusal (403, 405, 406).

    go-restful answers for an API's own root, and for GET alone; the aggregator and the checks of health,
    which take any method, for the rest.
    """
    parts = [part for part in request.path.split("/") if part]
    told: Manifest
    match parts:
        case []:
            told = {"paths": _paths()}
        case ["version"]:
            told = VERSION
        case ["api"] | ["apis"]:
            told = _unaggregated(parts[0])
        case ["api", "v1"]:
            told = resource_list("", "v1")
        case ["apis", group] if group in dict(group_versions()) and group:
            told = {"kind": "APIGroup", "apiVersion": "v1", **_group(group)}
        case ["apis", group, version] if version in dict(group_versions()).get(group, ()) and group:
            told = resource_list(group, version)
        case ["healthz"] | ["livez"] | ["readyz"]:
            check_discovery(request)
            return ApiResponse.text(200, "ok")
        case _:
            return None
    check_discovery(request)
    if not parts:
        return ApiResponse.of(200, told)
    if parts[0] != "apis" or len(parts) > 2:
        if request.method != "GET":
            raise method_not_allowed()
        check_offered(request, (JSON_TYPE,) if parts[0] == "version" else OBJECT_TYPES)
    if len(parts) == 1 and parts[0] != "version" and (aggregated := _aggregated_version(request)):
        return _aggregated(parts[0], aggregated)
    return negotiated(plain_format(request), 200, told, [])


@cache
def _paths() -> list[str]:
    """What GET / names: the paths that lead to something."""
    groups = [f"/apis/{group}" for group, _ in group_versions() if group]
    versions = [f"/apis/{group}/{v}" for group, all_ in group_versions() if group for v in all_]
    texts = ["/openapi/v2", "/openapi/v3", *(f"/openapi/v3/{key}" for key in documents())]
    others = ["/api", "/api/v1", "/apis", "/apis/", "/healthz", "/livez", "/readyz", "/version"]
    return sorted([*groups, *versions, *texts, *others])


def _aggregated_version(request: ApiRequest) -> str:
    """The first version of aggregated discovery that the client accepts before the old form, or ""."""
    for entry in accepted(request.headers.get("accept", "")):
        if entry.get("as") == _AGGREGATED and entry.get("g") == "apidiscovery.k8s.io":
            if entry.get("v") in ("v2", "v2beta1"):
                return entry.get("v")
        elif entry.name in (JSON_TYPE, "*/*"):
            return ""
    return ""


def _aggregated(root: str, version: str) -> ApiResponse:
    content_type = f"{JSON_TYPE};g=apidiscovery.k8s.io;v={version};as={_AGGREGATED}"
    return ApiResponse(200, {"Content-Type": content_type}, _aggregated_document(root, version))


@cache
def _aggregated_document(root: str, version: str) -> bytes:
    groups = [(g, versions) for g, versions in group_versions() if bool(g) == (root == "apis")]
    document = {
        "kind": _AGGREGATED,
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": [
            {
                "metadata": {"name": group} if group else {},
                "versions": [
                    {
                        "version": v,
                        "resources": [_discovered(r) for r in _of(group, v)],
                        "freshness": "Current",
                    }
                    for v in versions
                ],
            }
            for group, versions in groups
        ],
    }
    return encoded(document)


def _of(group: str, version: str) -> list[Resource]:
    return [r for r in RESOURCES if (r.group, r.version) == (group, version)]


def _discovered(resource: Resource) -> Manifest:
    found: Manifest = {
        "resource": resource.plural,
        "responseKind": {"group": "", "version": "", "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        found["shortNames"] = list(resource.short_names)
    if resource.categories:
        found["categories"] = list(resource.categories)
    if resource.subresources:
        found["subresources"] = [_discovered_subresource(sub) for sub in resource.subresources]
    return found


def _discovered_subresource(sub: Subresource) -> Manifest:
    kind = {"group": sub.group, "version": sub.version, "kind": sub.kind}
    return {"subresource": sub.name, "responseKind": kind, "verbs": list(sub.verbs)}


def _unaggregated(root: str) -> Manifest:
    if root == "api":
        addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": "10.96.0.1:443"}]
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}
    groups = [_group(group) for group, _ in group_versions() if group]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def _group(group: str) -> Manifest:
    versions = [{"groupVersion": f"{group}/{v}", "version": v} for v in dict(group_versions())[group]]
    return {"name": group, "versions": versions, "preferredVersion": versions[0]}


def resource_list(group: str, version: str) -> Manifest:
    """The APIResourceList of a group version, subresources after their resource."""
    rows = []
    for resource in _of(group, version):
        rows.append(_listed(resource))
        rows += [_listed_subresource(resource, sub) for sub in resource.subresources]
    group_version = f"{group}/{version}" if group else version
    document = {"kind": "APIResourceList", "groupVersion": group_version, "resources": rows}
    return {**document, "apiVersion": "v1"} if group else document


def _listed(resource: Resource) -> Manifest:
    row: Manifest = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        row["shortNames"] = list(resource.short_names)
    if resource.categories:
        row["categories"] = list(resource.categories)
    return row


def _listed_subresource(resource: Resource, sub: Subresource) -> Manifest:
    row: Manifest = {
        "name": f"{resource.plural}/{sub.name}",
        "singularName": "",
        "namespaced": resource.namespaced,
    }
    if sub.group:
        row.update(group=sub.group, version=sub.version)
    return {**row, "kind": sub.kind, "verbs": list(sub.verbs)}
