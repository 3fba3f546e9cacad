"""`api-resources` and `api-versions`: what the server offers, from its discovery."""

from svclab.kube.resources import ALL_VERBS, RESOURCES, Resource
from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.errors import KubectlError, UsageError
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.tabwriter import TableWriter
from svclab.terminal.commands.kubectl.verbs import verb

_FLAGS = (
    verbs.OUTPUT,
    Flag("api-group", help="only of this API group"),
    Flag("namespaced", "bool", default=True, help="only those inside (or, with false, outside) namespaces"),
    Flag("verbs", "strings", help="only those that have all these verbs"),
    Flag("categories", "strings", help="only of these categories"),
    Flag("no-headers", "bool", help="leave the line with column names out"),
    Flag("sort-by", help="order by name or kind"),
    Flag("cached", "bool", help="use what is known already"),
)


@verb(
    "api-resources",
    flags=_FLAGS,
    usage="api-resources [flags] [options]",
    summary="Show the resources that the server knows",
)
def api_resources(client: Client, flags: Parsed) -> int:
    """List resources."""
    if flags.args:
        raise UsageError(f"unexpected arguments: [{' '.join(flags.args)}]", "api-resources")
    if flags["output"] not in ("", "wide", "name"):
        raise KubectlError(f"--output {flags['output']} is not available")
    found = [resource for resource in _preferred() if _is_wanted(resource, flags)]
    if flags["sort-by"] not in ("", "name", "kind"):
        raise KubectlError("--sort-by accepts only name or kind")
    found.sort(key=lambda r: _order(r, flags["sort-by"]))
    if flags["output"] == "name":
        for resource in found:
            client.print(resource.qualified)
        return 0
    wide = flags["output"] == "wide"
    headers = ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"]
    rows = [] if flags["no-headers"] else [headers + (["VERBS", "CATEGORIES"] if wide else [])]
    rows += [_row(resource, wide=wide) for resource in found]
    client.context.stdout.write(TableWriter().format(rows))
    return 0


def _preferred() -> list[Resource]:
    """Each resource in its group's preferred version, the first that the registry names."""
    found: dict[tuple[str, str], Resource] = {}
    for resource in RESOURCES:
        found.setdefault((resource.group, resource.plural), resource)
    return list(found.values())


def _is_wanted(resource: Resource, flags: Parsed) -> bool:
    if flags.has("api-group") and resource.group != flags["api-group"]:
        return False
    if flags.has("namespaced") and resource.namespaced != flags["namespaced"]:
        return False
    if any(name not in resource.verbs for name in flags["verbs"]):
        return False
    return all(category in resource.categories for category in flags["categories"])


def _order(resource: Resource, sort_by: str) -> tuple[str, str]:
    if sort_by == "kind":
        return resource.kind, resource.plural
    return ("", resource.plural) if sort_by == "name" else (resource.group, resource.plural)


def _row(resource: Resource, *, wide: bool) -> list[str]:
    row = [
        resource.plural,
        ",".join(resource.short_names),
        resource.api_version,
        str(resource.namespaced).lower(),
        resource.kind,
    ]
    if wide:
        known = sorted(resource.verbs or ALL_VERBS)
        row += [",".join(known), ",".join(resource.categories)]
    return row


@verb("api-versions", usage="api-versions", summary="Show the API versions that the server knows")
def api_versions(client: Client, flags: Parsed) -> int:
    """List group versions."""
    if flags.args:
        raise UsageError(f"unexpected arguments: [{' '.join(flags.args)}]", "api-versions")
    for version in sorted({resource.api_version for resource in RESOURCES}):
        client.print(version)
    return 0
