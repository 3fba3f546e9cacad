"""`kubectl expose`: a Service for the pods of something that is there."""

from dataclasses import dataclass
from typing import Any

from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.builder import NOTHING_GIVEN, Target, file_objects, resource_of, targets
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError, raise_all
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.generators import metadata, without_nulls
from svclab.terminal.commands.kubectl.overriding import overridden
from svclab.terminal.commands.kubectl.verbs import dry_run_of, verb, write_query
from svclab.terminal.commands.kubectl.writing import report

Manifest = dict[str, Any]

_FLAGS = (
    verbs.FILENAME,
    verbs.RECURSIVE,
    verbs.KUSTOMIZE,
    verbs.OUTPUT,
    verbs.DRY_RUN,
    verbs.FIELD_MANAGER,
    verbs.TEMPLATE,
    verbs.ALLOW_MISSING,
    verbs.SHOW_MANAGED_FIELDS,
    verbs.SAVE_CONFIG,
    Flag("port", help="the service's port, or several"),
    Flag("target-port", help="port or name on the pods"),
    Flag("type", help="ClusterIP, NodePort, LoadBalancer or ExternalName"),
    Flag("name", help="the service's name"),
    Flag("protocol", help="TCP, UDP or SCTP"),
    Flag("selector", help="the labels to select, instead of the object's"),
    Flag("labels", short="l", help="labels of the service"),
    Flag("external-ip", help="an additional external address"),
    Flag("load-balancer-ip", help="the address wanted of the load balancer"),
    Flag("session-affinity", help="None or ClientIP"),
    Flag("cluster-ip", help="the address, or None for headless"),
    Flag("overrides", help="JSON to lay over the object"),
    Flag("override-type", default="merge", help="merge, strategic or json"),
)


@dataclass(slots=True)
class _Shared:
    """What the flags say, or else the first object that says it: it holds for all the objects after it."""

    selector: dict[str, str]
    ports: list[str]
    labels: dict[str, str]


@verb(
    "expose",
    flags=_FLAGS,
    usage="expose (-f FILENAME | TYPE NAME) [--port=port] [--target-port=number-or-name] "
    "[--name=name] [--external-ip=external-ip-of-service] [--type=type] [options]",
    summary="Take a replica set, service, deployment or pod and expose it as a new service",
)
def expose(client: Client, flags: Parsed) -> int:
    """Create a Service."""
    dry_run = dry_run_of(flags)
    errors: list[Exception] = []
    shared = _Shared(
        _pairs(flags["selector"]) if flags["selector"] else {},
        flags["port"].split(",") if flags["port"] else [],
        _pairs(flags["labels"]) if flags["labels"] else {},
    )
    for target, source in _meant(client, flags):
        try:
            _expose(client, flags, target, source or client.get(target.path), shared, dry_run)
        except (KubectlError, ApiError) as problem:
            errors.append(problem)
    raise_all(errors)
    return 0


def _expose(
    client: Client, flags: Parsed, target: Target, source: Manifest, shared: _Shared, dry_run: str
) -> None:
    manifest = _service(client, flags, target, source, shared)
    manifest = overridden(manifest, flags["overrides"], flags["override-type"])
    namespace, services = client.namespace, resource_of("services")
    made = manifest
    if dry_run != "client":
        query = write_query(client, "kubectl-expose", dry_run)
        made = client.create(services, namespace, without_nulls(manifest), query)
    report(
        client, Target(services, namespace, made["metadata"]["name"]), made, "exposed", dry_run, typed=True
    )


def _meant(client: Client, flags: Parsed) -> list[tuple[Target, Manifest | None]]:
    """What is to be exposed, from a file with the object that stands there. Raises KubectlError."""
    if flags["filename"]:
        read = file_objects(client, flags["filename"], recursive=flags["recursive"])
        return [(found.target, found.manifest) for found in read]
    if not flags.args:
        raise KubectlError(NOTHING_GIVEN)
    found = targets(client, flags.args)
    if any(not target.name for target in found):
        raise KubectlError("resource(s) were provided, but no name was specified")
    return [(target, None) for target in found]


def _service(client: Client, flags: Parsed, target: Target, source: Manifest, shared: _Shared) -> Manifest:
    _refuse_kind(target)
    shared.selector = shared.selector or _selector(target, source)
    shared.ports = ports = shared.ports or _ports(source)
    if not ports and flags["cluster-ip"] != "None":
        raise KubectlError("couldn't find port via --port flag or introspection")
    shared.labels = labels = shared.labels or source["metadata"].get("labels") or {}
    if flags["session-affinity"] not in ("", "None", "ClientIP"):
        raise KubectlError(f"unknown session affinity: {flags['session-affinity']}")
    spec: Manifest = {
        "ports": [_port(flags, source, text, index, len(ports)) for index, text in enumerate(ports)]
    }
    spec["selector"] = shared.selector
    for flag, field in (
        ("cluster-ip", "clusterIP"),
        ("type", "type"),
        ("session-affinity", "sessionAffinity"),
        ("load-balancer-ip", "loadBalancerIP"),
    ):
        if flags[flag]:
            spec[field] = flags[flag]
    if flags["external-ip"]:
        spec["externalIPs"] = [flags["external-ip"]]
    name = flags["name"] or target.name[:63]
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": metadata(name, client.namespace, dict(labels)),
        "spec": spec,
        "status": {"loadBalancer": {}},
    }


def _refuse_kind(target: Target) -> None:
    if target.resource.kind not in ("Pod", "Service", "Deployment", "ReplicaSet"):
        group = f".{target.resource.group}" if target.resource.group else ""
        raise KubectlError(f"cannot expose a {target.resource.kind}{group}")


def _selector(target: Target, source: Manifest) -> dict[str, str]:
    """The labels of the pods behind an object. Raises KubectlError where it has none that a Service takes."""
    spec = source.get("spec") or {}
    if target.resource.kind == "Pod":
        if labels := source["metadata"].get("labels"):
            return labels
        raise _no_selector("the pod has no labels and cannot be exposed")
    if target.resource.kind == "Service":
        if selector := spec.get("selector"):
            return selector
        raise _no_selector("the service has no pod selector set")
    selector = spec.get("selector") or {}
    if not selector.get("matchLabels"):
        kind = target.resource.kind.lower()
        raise _no_selector(f"invalid {kind}: no selectors, therefore cannot be exposed")
    if expressions := selector.get("matchExpressions"):
        shown = " ".join(
            f"{{Key:{each['key']} Operator:{each['operator']} Values:[{' '.join(each.get('values') or [])}]}}"
            for each in expressions
        )
        raise _no_selector(f'couldn\'t convert expressions - "[{shown}]" to map-based selector format')
    return selector["matchLabels"]


def _no_selector(why: str) -> KubectlError:
    return KubectlError(f"couldn't retrieve selectors via --selector flag or introspection: {why}")


def _ports(source: Manifest) -> list[str]:
    spec = source.get("spec") or {}
    if source.get("kind") == "Service":
        return [str(port["port"]) for port in spec.get("ports") or []]
    return [str(port["containerPort"]) for port in _container_ports(source)]


def _container_ports(source: Manifest) -> list[Manifest]:
    spec = source.get("spec") or {}
    pod = spec if source.get("kind") == "Pod" else (spec.get("template") or {}).get("spec") or {}
    return [port for container in pod.get("containers") or [] for port in container.get("ports") or []]


def _port(flags: Parsed, source: Manifest, text: str, index: int, count: int) -> Manifest:
    if not text.strip().isdigit():
        raise KubectlError(f'strconv.Atoi: parsing "{text}": invalid syntax')
    number = int(text)
    target = flags["target-port"]
    port: Manifest = {"name": f"port-{index + 1}"} if count > 1 else {}
    port["protocol"] = flags["protocol"] or _protocol(source, number)
    port["port"] = number
    port["targetPort"] = (int(target) if target.isdigit() else target) if target else number
    return port


def _protocol(source: Manifest, number: int) -> str:
    if source.get("kind") == "Service":
        known = {port["port"]: port.get("protocol", "TCP") for port in source["spec"].get("ports") or []}
    else:
        known = {port["containerPort"]: port.get("protocol", "TCP") for port in _container_ports(source)}
    return known.get(number, "TCP")


def _pairs(text: str) -> dict[str, str]:
    for part in text.split(","):
        if "=" not in part:
            raise KubectlError(f"unexpected label spec: {part}")
    return dict(part.split("=", 1) for part in text.split(","))
