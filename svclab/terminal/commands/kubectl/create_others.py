"""`kubectl create job`, `cronjob`, `quota`, `role` and the like: kinds that our clusters only know by name.

Their manifests are made here; what becomes of them is the API server's to say.
"""

import re
from typing import Any

from svclab.kube import quantity
from svclab.terminal.commands.kubectl.builder import Target, resource_of, targets
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.create import COMMON, create_typed, name_of, own_namespace
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.generators import metadata
from svclab.terminal.commands.kubectl.verbs import verb

Manifest = dict[str, Any]

_RBAC = "rbac.authorization.k8s.io"
_RESOURCE_VERBS = frozenset(
    ("get", "delete", "list", "create", "update", "patch", "watch", "proxy", "deletecollection", "use",
     "bind", "escalate", "impersonate", "approve", "sign", "attest", "*")
)  # fmt: skip
_RULE_FLAGS = (
    Flag("verb", "strings", help="what may be done"),
    Flag("resource", "strings", help="with which kinds"),
    Flag("resource-name", "array", help="with which objects"),
)
_SUBJECT_FLAGS = (
    Flag("clusterrole", help="the cluster role to bind"),
    Flag("user", "array", help="a user"),
    Flag("group", "array", help="a group"),
    Flag("serviceaccount", "array", help="a service account, namespace:name"),
)


def _object(api_version: str, kind: str, meta: Manifest, **fields: Any) -> Manifest:
    return {"kind": kind, "apiVersion": api_version, "metadata": meta, **fields}


def _job_spec(client_name: str, image: str, command: list[str], restart: str) -> Manifest:
    container: Manifest = {"name": client_name, "image": image}
    if command:
        container["command"] = command
    pod = {"containers": [{**container, "resources": {}}], "restartPolicy": restart}
    return {"template": {"metadata": {"creationTimestamp": None}, "spec": pod}}


def _command(flags: Parsed) -> list[str]:
    return flags.args[flags.dash :] if flags.dash is not None else []


@verb(
    "create job",
    flags=(
        *COMMON,
        Flag("image", help="the image to run"),
        Flag("from", help="the cron job to take it from"),
    ),
    usage="create job NAME --image=image [--from=cronjob/name] -- [COMMAND] [args...] [options]",
    summary="Create a job with the specified name",
)
def create_job(client: Client, flags: Parsed) -> int:
    """Create a job."""
    name = name_of(flags, "job")
    if bool(flags["image"]) == bool(flags["from"]):
        raise KubectlError("either --image or --from must be specified")
    if flags["from"]:
        client.get(targets(client, [flags["from"]])[0].path)
        raise KubectlError("from must be an existing cronjob")
    spec = _job_spec(name, flags["image"], _command(flags), "Never")
    made = _object("batch/v1", "Job", metadata(name, own_namespace(client)), spec=spec, status={})
    return create_typed(client, flags, made, "job: ")


@verb(
    "create cronjob",
    flags=(
        *COMMON,
        Flag("image", help="the image to run"),
        Flag("schedule", help="when, in cron's notation"),
        Flag("restart", help="OnFailure or Never"),
    ),
    usage="create cronjob NAME --image=image --schedule='0/5 * * * ?' -- [COMMAND] [args...] [options]",
    summary="Create a cron job with the specified name",
    aliases=("create cj",),
)
def create_cronjob(client: Client, flags: Parsed) -> int:
    """Create a cron job."""
    _require_flags(flags, "image", "schedule")
    name = name_of(flags, "cronjob")
    spec = _job_spec(name, flags["image"], _command(flags), flags["restart"] or "OnFailure")
    template = {"metadata": metadata(name), "spec": spec}
    made = _object(
        "batch/v1", "CronJob", metadata(name, own_namespace(client)),
        spec={"schedule": flags["schedule"], "jobTemplate": template}, status={},
    )  # fmt: skip
    return create_typed(client, flags, made, "cronjob: ")


def _require_flags(flags: Parsed, *names: str) -> None:
    missing = ", ".join(f'"{name}"' for name in names if not flags.has(name))
    if missing:
        raise KubectlError(f"required flag(s) {missing} not set")


@verb(
    "create quota",
    flags=(
        *COMMON,
        Flag("hard", help="limits, such as pods=2,cpu=1"),
        Flag("scopes", help="a scope or several"),
    ),
    usage="create quota NAME [--hard=key1=value1,key2=value2] [--scopes=Scope1,Scope2] [options]",
    summary="Create a quota with the specified name",
    aliases=("create resourcequota",),
)
def create_quota(client: Client, flags: Parsed) -> int:
    """Create a resource quota."""
    spec: Manifest = {}
    if flags["hard"]:
        spec["hard"] = amounts(flags["hard"])
    if flags["scopes"]:
        spec["scopes"] = flags["scopes"].split(",")
    name = name_of(flags, "quota")
    made = _object("v1", "ResourceQuota", metadata(name, own_namespace(client)), spec=spec, status={})
    return create_typed(client, flags, made, "quota: ")


def amounts(text: str) -> dict[str, str]:
    """Quantities of `cpu=200m,memory=1Gi` by resource. Raises KubectlError."""
    found = {}
    for part in text.split(","):
        name, equals, amount = part.partition("=")
        if not equals:
            raise KubectlError(f"Invalid argument syntax {part}, expected <resource>=<value>")
        try:
            found[name] = quantity.canonical(amount)
        except quantity.QuantityError as problem:
            raise KubectlError(str(problem)) from None
    return found


@verb(
    "create role",
    flags=(*COMMON, *_RULE_FLAGS),
    usage="create role NAME --verb=verb --resource=resource.group/subresource [options]",
    summary="Create a role with single rule",
)
def create_role(client: Client, flags: Parsed) -> int:
    """Create a role."""
    name = name_of(flags, "role")
    rules = _rules(client, flags)
    made = _object(f"{_RBAC}/v1", "Role", metadata(name, own_namespace(client)), rules=rules)
    return create_typed(client, flags, made)


@verb(
    "create clusterrole",
    flags=(
        *COMMON,
        *_RULE_FLAGS,
        Flag("non-resource-url", "strings", help="which paths"),
        Flag("aggregation-rule", help="labels of the cluster roles to gather"),
    ),
    usage="create clusterrole NAME --verb=verb --resource=resource.group [options]",
    summary="Create a cluster role",
)
def create_clusterrole(client: Client, flags: Parsed) -> int:
    """Create a cluster role."""
    name = name_of(flags, "clusterrole")
    fields: Manifest = {"rules": None}
    if flags["aggregation-rule"]:
        labels = dict(part.split("=", 1) for part in flags["aggregation-rule"].split(","))
        fields["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": labels}]}
    elif flags["non-resource-url"] and flags["verb"]:
        fields["rules"] = [{"verbs": flags["verb"], "nonResourceURLs": flags["non-resource-url"]}]
    else:
        fields["rules"] = _rules(client, flags)
    return create_typed(client, flags, _object(f"{_RBAC}/v1", "ClusterRole", metadata(name), **fields))


def _rules(client: Client, flags: Parsed) -> list[Manifest]:
    """One rule for each API group of the resources."""
    if not flags["verb"]:
        raise KubectlError("at least one verb must be specified")
    if not flags["resource"]:
        raise KubectlError("at least one resource must be specified")
    for word in flags["verb"]:
        if word not in _RESOURCE_VERBS:
            client.warn(f"'{word}' is not a standard resource verb")
    groups: dict[str, list[str]] = {}
    for text in flags["resource"]:
        group, plural = _plural(text)
        groups.setdefault(group, []).append(plural)
    names = {"resourceNames": flags["resource-name"]} if flags["resource-name"] else {}
    return [
        {"verbs": flags["verb"], "apiGroups": [group], "resources": list(dict.fromkeys(plurals)), **names}
        for group, plurals in sorted(groups.items())
    ]


def _plural(text: str) -> tuple[str, str]:
    if text == "*":
        return "", "*"
    kind, slash, subresource = text.partition("/")
    try:
        resource = resource_of(kind)
    except KubectlError as problem:
        raise KubectlError(problem.text, bare=True) from None
    return resource.group, resource.plural + slash + subresource


@verb(
    "create rolebinding",
    flags=(*COMMON, *_SUBJECT_FLAGS, Flag("role", help="the role to bind")),
    usage="create rolebinding NAME --clusterrole=NAME|--role=NAME [--user=username] [options]",
    summary="Create a role binding for a particular role or cluster role",
)
def create_rolebinding(client: Client, flags: Parsed) -> int:
    """Create a role binding."""
    name = name_of(flags, "rolebinding")
    if bool(flags["clusterrole"]) == bool(flags["role"]):
        raise KubectlError("exactly one of clusterrole or role must be specified")
    kind, role = ("Role", flags["role"]) if flags["role"] else ("ClusterRole", flags["clusterrole"])
    made = _binding("RoleBinding", metadata(name, own_namespace(client)), flags, kind, role)
    return create_typed(client, flags, made, "rolebinding: ")


@verb(
    "create clusterrolebinding",
    flags=(*COMMON, *_SUBJECT_FLAGS),
    usage="create clusterrolebinding NAME --clusterrole=NAME [--user=username] [options]",
    summary="Create a cluster role binding for a particular cluster role",
)
def create_clusterrolebinding(client: Client, flags: Parsed) -> int:
    """Create a cluster role binding."""
    _require_flags(flags, "clusterrole")
    name = name_of(flags, "clusterrolebinding")
    made = _binding("ClusterRoleBinding", metadata(name), flags, "ClusterRole", flags["clusterrole"])
    return create_typed(client, flags, made, "clusterrolebinding: ")


def _binding(kind: str, meta: Manifest, flags: Parsed, role_kind: str, role: str) -> Manifest:
    subjects: list[Manifest] = [{"kind": "User", "apiGroup": _RBAC, "name": name} for name in flags["user"]]
    subjects += [{"kind": "Group", "apiGroup": _RBAC, "name": name} for name in flags["group"]]
    for text in flags["serviceaccount"]:
        namespace, colon, name = text.partition(":")
        if not colon or not namespace or not name or ":" in name:
            raise KubectlError("serviceaccount must be <namespace>:<name>")
        subjects.append({"kind": "ServiceAccount", "name": name, "namespace": namespace})
    reference = {"apiGroup": _RBAC, "kind": role_kind, "name": role}
    found = {"subjects": subjects} if subjects else {}
    return _object(f"{_RBAC}/v1", kind, meta, **found, roleRef=reference)


@verb(
    "create poddisruptionbudget",
    flags=(
        *COMMON,
        Flag("selector", help="labels of the pods"),
        Flag("min-available", help="pods that must stay, a number or a share"),
        Flag("max-unavailable", help="pods that may go, a number or a share"),
    ),
    usage="create poddisruptionbudget NAME --selector=SELECTOR --min-available=N [options]",
    summary="Create a pod disruption budget with the specified name",
    aliases=("create pdb",),
)
def create_disruption_budget(client: Client, flags: Parsed) -> int:
    """Create a pod disruption budget."""
    name, least, most = (
        name_of(flags, "poddisruptionbudget"),
        flags["min-available"],
        flags["max-unavailable"],
    )
    if not flags["selector"]:
        raise KubectlError("a selector must be specified")
    if not least and not most:
        raise KubectlError("one of min-available or max-unavailable must be specified")
    if least and most:
        raise KubectlError("min-available and max-unavailable cannot be both specified")
    spec: Manifest = {"minAvailable": _share(least)} if least else {}
    spec["selector"] = {"matchLabels": dict(part.split("=", 1) for part in flags["selector"].split(","))}
    if most:
        spec["maxUnavailable"] = _share(most)
    zeros = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
    made = _object(
        "policy/v1", "PodDisruptionBudget", metadata(name, own_namespace(client)),
        spec=spec, status=dict.fromkeys(zeros, 0),
    )  # fmt: skip
    return create_typed(client, flags, made, "poddisruptionbudgets: ")


def _share(text: str) -> int | str:
    return int(text) if re.fullmatch(r"\d+", text) else text


@verb(
    "create priorityclass",
    flags=(
        *COMMON,
        Flag("value", "int", help="the priority"),
        Flag("global-default", "bool", help="for pods that name no class"),
        Flag("description", help="what it is for"),
        Flag("preemption-policy", default="PreemptLowerPriority", help="PreemptLowerPriority or Never"),
    ),
    usage="create priorityclass NAME --value=VALUE --global-default=BOOL [options]",
    summary="Create a priority class with the specified name",
    aliases=("create pc",),
)
def create_priorityclass(client: Client, flags: Parsed) -> int:
    """Create a priority class."""
    fields: Manifest = {"value": flags["value"]}
    if flags["global-default"]:
        fields["globalDefault"] = True
    if flags["description"]:
        fields["description"] = flags["description"]
    fields["preemptionPolicy"] = flags["preemption-policy"]
    made = _object(
        "scheduling.k8s.io/v1", "PriorityClass", metadata(name_of(flags, "priorityclass")), **fields
    )
    return create_typed(client, flags, made, "priorityclass: ")


@verb(
    "create token",
    flags=(
        *COMMON,
        Flag("duration", "duration", help="how long it is to be valid"),
        Flag("audience", "array", help="whom it is for"),
    ),
    usage="create token SERVICE_ACCOUNT_NAME [options]",
    summary="Request a service account token",
)
def create_token(client: Client, flags: Parsed) -> int:
    """Ask for a token of a service account."""
    account = Target(resource_of("serviceaccounts"), client.namespace, name_of(flags, "token"))
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    try:
        answer = client.send("POST", f"{account.path}/token", body)
    except ApiError as refusal:
        raise KubectlError(f"failed to create token: {refusal.message}") from None
    client.print(answer["status"]["token"])
    return 0
