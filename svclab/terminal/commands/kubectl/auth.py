"""`kubectl auth`: what the API server thinks of us."""

from typing import Any

from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.builder import file_objects, resource_of
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.errors import KubectlError
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.output import print_document
from svclab.terminal.commands.kubectl.tabwriter import TableWriter
from svclab.terminal.commands.kubectl.typed import as_typed
from svclab.terminal.commands.kubectl.verbs import group, verb

Manifest = dict[str, Any]

_VERBS = frozenset(
    ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "use", "bind",
     "impersonate", "*", "approve", "sign", "escalate", "attest")
)  # fmt: skip
_URL_VERBS = frozenset(("get", "put", "post", "head", "options", "delete", "patch", "*"))

group("auth", "Inspect authorization", usage="[flags] [options]")


@verb(
    "auth can-i",
    flags=(
        verbs.ALL_NAMESPACES,
        Flag("list", "bool", help="all that is allowed"),
        Flag("quiet", "bool", short="q", help="no output, only the exit code"),
        Flag("subresource"),
        Flag("no-headers", "bool"),
    ),
    usage="auth can-i VERB [TYPE | TYPE/NAME | NONRESOURCEURL] [options]",
    summary="Check whether an action is allowed",
)
def can_i(client: Client, flags: Parsed) -> int:
    """Ask the server whether something is allowed."""
    if flags["list"] and flags.args:
        raise KubectlError("list option must be specified with no arguments")
    if flags["list"]:
        return _list_allowed(client, flags)
    if len(flags.args) != 2:
        raise KubectlError(
            "you must specify two arguments: verb resource or verb resource/resourceName.\n"
            "See 'kubectl auth can-i -h' for help and examples."
        )
    what = flags.args[1]
    if what.startswith("/"):
        spec: Manifest = {"nonResourceAttributes": {"path": what, "verb": flags.args[0]}}
    else:
        spec = {"resourceAttributes": _attributes(client, flags, what)}
    known = _URL_VERBS if what.startswith("/") else _VERBS
    if flags.args[0] not in known and not flags["all-namespaces"]:
        client.warn(f"verb '{flags.args[0]}' is not a known verb")
        client.note("")
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    status = client.send("POST", path, body).get("status") or {}
    allowed = bool(status.get("allowed"))
    if not flags["quiet"]:
        reason = f" - {status['reason']}" if status.get("reason") and not allowed else ""
        client.print(f"{'yes' if allowed else 'no'}{reason}")
    return 0 if allowed else 1


def _attributes(client: Client, flags: Parsed, what: str) -> Manifest:
    kind, _, name = what.partition("/")
    found: Manifest = {"verb": flags.args[0]}
    try:
        resource = resource_of(kind)
        found |= {"resource": resource.plural, "group": resource.group}
        if not resource.namespaced and not flags["all-namespaces"]:
            client.warn(
                f"resource '{resource.plural}' is not namespace scoped"
                + (f" in group '{resource.group}'" if resource.group else "")
            )
            client.note("")
        elif not flags["all-namespaces"]:
            found["namespace"] = client.namespace
    except KubectlError:
        if kind != "*":
            word, dot, group_name = kind.partition(".")
            where = f" in group '{group_name}'" if dot else ""
            client.warn(f"the server doesn't have a resource type '{word}'{where}")
            client.note("")
        found |= {"resource": kind, "namespace": client.namespace}
    if name:
        found["name"] = name
    if flags["subresource"]:
        found["subresource"] = flags["subresource"]
    return found


def _list_allowed(client: Client, flags: Parsed) -> int:
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": client.namespace},
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    status = client.send("POST", path, body).get("status") or {}
    rules = [*(status.get("resourceRules") or []), *(status.get("nonResourceRules") or [])]
    rows = [row for rule in sorted(rules, key=_rule_key) for row in _rule_rows(rule)]
    if not flags["no-headers"]:
        rows.insert(0, ["Resources", "Non-Resource URLs", "Resource Names", "Verbs"])
    client.context.stdout.write(TableWriter().format(rows))
    return 0


def _listed(rule: Manifest, part: str) -> str:
    return f"[{' '.join(rule.get(part) or [])}]"


def _rule_key(rule: Manifest) -> tuple[str, ...]:
    """kubectl orders rules by their text, in which the verbs stand first."""
    parts = ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")
    return tuple(_listed(rule, part) for part in parts)


def _rule_rows(rule: Manifest) -> list[list[str]]:
    verbs_, names = _listed(rule, "verbs"), _listed(rule, "resourceNames")
    resources = [
        plural if not group_name else f"{plural}.{group_name}"
        for group_name in rule.get("apiGroups") or [""]
        for plural in rule.get("resources") or []
    ]
    rows = [[name, "[]", names, verbs_] for name in resources]
    return rows + [["", f"[{url}]", "[]", verbs_] for url in rule.get("nonResourceURLs") or []]


@verb(
    "auth reconcile",
    flags=(verbs.FILENAME, verbs.RECURSIVE, verbs.KUSTOMIZE, verbs.OUTPUT, verbs.DRY_RUN),
    usage="auth reconcile -f FILENAME [options]",
    summary="Reconciles rules for RBAC role, role binding, cluster role, and cluster role binding objects",
)
def reconcile(client: Client, flags: Parsed) -> int:
    """Only roles and bindings are looked at, and this cluster keeps none."""
    if not flags["filename"]:
        raise KubectlError("must specify one of -f and -k")
    file_objects(client, flags["filename"], recursive=flags["recursive"])
    return 0


@verb(
    "auth whoami",
    flags=(verbs.OUTPUT,),
    usage="auth whoami",
    summary="Experimental: Check self subject attributes",
)
def whoami(client: Client, flags: Parsed) -> int:
    """Ask the server who it takes us for."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    found = client.send("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body)
    if flags["output"]:
        print_document(client, as_typed({**body, **found}), flags["output"], sort_keys=False)
        return 0
    user = (found.get("status") or {}).get("userInfo") or {}
    rows = [["ATTRIBUTE", "VALUE"], ["Username", user.get("username", "")]]
    if user.get("uid"):
        rows.append(["UID", user["uid"]])
    if user.get("groups"):
        rows.append(["Groups", f"[{' '.join(user['groups'])}]"])
    for key, values in sorted((user.get("extra") or {}).items()):
        rows.append([f"Extra: {key}", f"[{' '.join(values)}]"])
    client.context.stdout.write(TableWriter().format(rows))
    return 0
