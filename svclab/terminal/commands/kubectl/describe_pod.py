"""`kubectl describe` of pods and pod templates: containers, probes, environment, volumes, tolerations."""

from collections.abc import Callable
from math import ceil
from typing import Any
from urllib.parse import quote

from svclab.kube.meta import age
from svclab.kube.printing_network import join_host_port
from svclab.kube.quantity import canonical, parse
from svclab.kube.selectors import format_object
from svclab.terminal.commands.kubectl.describe_volumes import write_volumes
from svclab.terminal.commands.kubectl.describe_writer import Description, rfc1123

Manifest = dict[str, Any]
Resolve = Callable[[str], str]


def write_pod(out: Description, pod: Manifest, events: list[Manifest] | None) -> None:
    """Everything about a pod."""
    spec, status, metadata = pod.get("spec") or {}, pod.get("status") or {}, pod["metadata"]
    out.head(pod)
    if spec.get("priority") is not None:
        out.field("Priority", spec["priority"])
    for title, key in (
        ("Priority Class Name", "priorityClassName"),
        ("Runtime Class Name", "runtimeClassName"),
        ("Service Account", "serviceAccountName"),
    ):
        if spec.get(key):
            out.field(title, spec[key])
    node = spec.get("nodeName")
    out.field("Node", f"{node}/{status.get('hostIP', '')}" if node else "<none>")
    if status.get("startTime"):
        out.field("Start Time", rfc1123(status["startTime"]))
    out.labels(metadata.get("labels"))
    out.annotations(metadata.get("annotations"))
    _write_status(out, pod)
    out.field("IP", status.get("podIP", ""))
    _write_ips(out, status.get("podIPs") or [])
    out.controller(pod)
    if status.get("nominatedNodeName"):
        out.field("NominatedNodeName", status["nominatedNodeName"])
    if spec.get("resources") is not None:
        out.line("Resources:")
        _write_resources(out, spec["resources"], 1)
    resolve = _field_of(pod)
    if spec.get("initContainers"):
        statuses = status.get("initContainerStatuses")
        write_containers(out, "Init Containers", spec["initContainers"], statuses, resolve)
    write_containers(
        out, "Containers", spec.get("containers") or [], status.get("containerStatuses"), resolve
    )
    if spec.get("ephemeralContainers"):
        statuses = status.get("ephemeralContainerStatuses")
        write_containers(out, "Ephemeral Containers", spec["ephemeralContainers"], statuses, resolve)
    _write_gates(out, pod)
    _write_conditions(out, status.get("conditions") or [])
    write_volumes(out, spec.get("volumes") or [])
    out.field("QoS Class", status.get("qosClass") or "BestEffort")
    out.labels(spec.get("nodeSelector"), "Node-Selectors")
    write_tolerations(out, spec.get("tolerations") or [])
    write_spread(out, spec.get("topologySpreadConstraints") or [])
    out.events(events)


def _write_status(out: Description, pod: Manifest) -> None:
    status, metadata = pod.get("status") or {}, pod["metadata"]
    if metadata.get("deletionTimestamp") and status.get("phase") not in ("Failed", "Succeeded"):
        out.field("Status", f"Terminating (lasts {age(metadata['deletionTimestamp'], out.now)})")
        out.field("Termination Grace Period", f"{metadata.get('deletionGracePeriodSeconds', 0)}s")
    else:
        out.field("Status", status.get("phase", ""))
    if status.get("reason"):
        out.field("Reason", status["reason"])
    if status.get("message"):
        out.field("Message", status["message"])
    _write_seccomp(out, pod.get("spec") or {}, 0, 0)


def _write_seccomp(out: Description, owner: Manifest, level: int, local_level: int) -> None:
    """The profile that the security context of a pod or a container names."""
    profile = (owner.get("securityContext") or {}).get("seccompProfile")
    if profile:
        out.field("SeccompProfile", profile.get("type", ""), level)
        if profile.get("type") == "Localhost":
            out.field("LocalhostProfile", profile.get("localhostProfile", ""), local_level)


def _write_ips(out: Description, ips: list[Manifest]) -> None:
    if not ips:
        out.field("IPs", "<none>")
        return
    out.line("IPs:")
    for entry in ips:
        out.field("IP", entry.get("ip", ""), 1)


def _field_of(pod: Manifest) -> Resolve:
    """What a fieldRef of this pod gives, as far as kubectl looks it up itself."""

    def resolve(path: str) -> str:
        metadata = pod["metadata"]
        found = {f"metadata.{name}": metadata.get(name, "") for name in ("name", "namespace", "uid")}
        return found.get(path, "")

    return resolve


def write_containers(
    out: Description,
    title: str,
    containers: list[Manifest],
    statuses: list[Manifest] | None = None,
    resolve: Resolve | None = None,
    space: str = "",
) -> None:
    """A list of containers; `space` is the indentation inside a pod template."""
    out.line(f"{space}{title}:" if containers else f"{space}{title}: <none>")
    known = {status.get("name"): status for status in statuses or []}
    for container in containers:
        out.line(f"{' ' if space else ''}{container['name']}:", 1)
        status = known.get(container["name"])
        _write_basics(out, container, status)
        for heading, key in (("Command", "command"), ("Args", "args")):
            if container.get(key):
                out.line(f"{heading}:", 2)
                for part in "\n".join(container[key]).split("\n"):
                    out.line(part, 3)
        if status is not None:
            _write_state(out, "State", status.get("state") or {})
            if (status.get("lastState") or {}).get("terminated"):
                _write_state(out, "Last State", status["lastState"])
            out.field("Ready", str(bool(status.get("ready"))), 2)
            out.field("Restart Count", status.get("restartCount", 0), 2)
        _write_resources(out, container.get("resources") or {}, 2)
        _write_probes(out, container)
        _write_environment(out, container, resolve)
        _write_mounts(out, container)


def _write_basics(out: Description, container: Manifest, status: Manifest | None) -> None:
    if status is not None:
        out.field("Container ID", status.get("containerID", ""), 2)
    out.field("Image", container.get("image", ""), 2)
    if status is not None:
        out.field("Image ID", status.get("imageID", ""), 2)
    ports = container.get("ports") or []
    for title, key in (("Port", "containerPort"), ("Host Port", "hostPort")):
        cells = [f"{port.get(key, 0)}/{port.get('protocol', 'TCP')}" for port in ports]
        out.field(f"{title}s" if len(cells) > 1 else title, ", ".join(cells) or "<none>", 2)
    _write_seccomp(out, container, 2, 3)


def _write_state(out: Description, title: str, state: Manifest) -> None:
    running, waiting, terminated = state.get("running"), state.get("waiting"), state.get("terminated")
    if running is not None:
        out.field(title, "Running", 2)
        out.field("Started", rfc1123(running.get("startedAt")), 3)
    elif terminated is not None:
        out.field(title, "Terminated", 2)
        for name in ("reason", "message"):
            if terminated.get(name):
                out.field(name.capitalize(), terminated[name], 3)
        out.field("Exit Code", terminated.get("exitCode", 0), 3)
        if terminated.get("signal"):
            out.field("Signal", terminated["signal"], 3)
        out.field("Started", rfc1123(terminated.get("startedAt")), 3)
        out.field("Finished", rfc1123(terminated.get("finishedAt")), 3)
    else:
        out.field(title, "Waiting", 2)
        if waiting and waiting.get("reason"):
            out.field("Reason", waiting["reason"], 3)


def _write_resources(out: Description, resources: Manifest, level: int) -> None:
    for title in ("limits", "requests"):
        amounts = resources.get(title) or {}
        if amounts:
            out.line(f"{title.capitalize()}:", level)
        for name in sorted(amounts):
            out.field(name, canonical(amounts[name]), level + 1)


def _write_probes(out: Description, container: Manifest) -> None:
    for title in ("liveness", "readiness", "startup"):
        probe = container.get(f"{title}Probe")
        if probe:
            out.field(title.capitalize(), probe_words(probe), 2)


def probe_words(probe: Manifest) -> str:
    """`http-get http://:80/ delay=5s timeout=1s period=10s #success=1 #failure=3`."""
    numbers = (
        f"delay={probe.get('initialDelaySeconds', 0)}s timeout={probe.get('timeoutSeconds', 0)}s "
        f"period={probe.get('periodSeconds', 0)}s #success={probe.get('successThreshold', 0)} "
        f"#failure={probe.get('failureThreshold', 0)}"
    )
    if http := probe.get("httpGet"):
        scheme = http.get("scheme", "HTTP").lower()
        path = quote(http.get("path", ""), safe="/$&+,:;=@~")
        return (
            f"http-get {scheme}://{join_host_port(http.get('host', ''), http.get('port', 0))}{path} {numbers}"
        )
    if tcp := probe.get("tcpSocket"):
        return f"tcp-socket {tcp.get('host', '')}:{tcp.get('port')} {numbers}"
    if grpc := probe.get("grpc"):
        return f"grpc <pod>:{grpc.get('port')} {grpc.get('service', '')} {numbers}"
    if command := probe.get("exec"):
        return f"exec [{' '.join(command.get('command') or [])}] {numbers}"
    return f"unknown {numbers}"


def _write_environment(out: Description, container: Manifest, resolve: Resolve | None) -> None:
    sources = container.get("envFrom") or []
    if sources:
        out.line("Environment Variables from:", 2)
    for source in sources:
        kind = "ConfigMap" if "configMapRef" in source else "Secret"
        reference = source.get("configMapRef") or source.get("secretRef") or {}
        prefix = f" with prefix '{source['prefix']}'" if source.get("prefix") else ""
        optional = str(bool(reference.get("optional"))).lower()
        out.line(f"{reference.get('name', '')}\t{kind}{prefix}\tOptional: {optional}", 3)
    variables = container.get("env") or []
    out.line("Environment:" if variables else "Environment:\t<none>", 2)
    for variable in variables:
        out.line(f"{variable['name']}:\t{_variable(variable, container, resolve)}", 3)


def _variable(variable: Manifest, container: Manifest, resolve: Resolve | None) -> str:
    origin = variable.get("valueFrom")
    if not origin:
        return variable.get("value", "").replace("\n", "\n      \t")
    if reference := origin.get("fieldRef"):
        path = reference.get("fieldPath", "")
        value = resolve(path) if resolve else ""
        return f"{value} ({reference.get('apiVersion', 'v1')}:{path})"
    if reference := origin.get("resourceFieldRef"):
        resource = reference.get("resource", "")
        limits, _, name = resource.partition(".")
        amount = ((container.get("resources") or {}).get(limits) or {}).get(name, "0")
        divisor = parse(reference.get("divisor") or "1").amount or 1
        value = ceil(parse(amount).amount / divisor)
        unlimited = not value and resource in ("limits.cpu", "limits.memory")
        return f"{'node allocatable' if unlimited else value} ({resource})"
    kind, joint = ("secret", "in") if "secretKeyRef" in origin else ("config map", "of")
    reference = origin.get("secretKeyRef") or origin.get("configMapKeyRef") or {}
    optional = str(bool(reference.get("optional"))).lower()
    return (
        f"<set to the key '{reference.get('key', '')}' {joint} {kind} '{reference.get('name', '')}'>\t"
        f"Optional: {optional}"
    )


def _write_mounts(out: Description, container: Manifest) -> None:
    mounts = sorted(container.get("volumeMounts") or [], key=lambda mount: mount["mountPath"])
    out.line("Mounts:" if mounts else "Mounts:\t<none>", 2)
    for mount in mounts:
        words = ["ro" if mount.get("readOnly") else "rw"]
        if mount.get("subPath"):
            words.append(f'path="{mount["subPath"]}"')
        out.line(f"{mount['mountPath']} from {mount['name']} ({','.join(words)})", 3)
    devices = sorted(container.get("volumeDevices") or [], key=lambda device: device["devicePath"])
    if devices:
        out.line("Devices:" if mounts else "Devices:\t<none>", 2)  # kubectl asks for mounts here, too
    for device in devices:
        out.line(f"{device['devicePath']} from {device['name']}", 3)


def _write_gates(out: Description, pod: Manifest) -> None:
    gates = (pod.get("spec") or {}).get("readinessGates") or []
    if not gates:
        return
    known = {c["type"]: c.get("status") for c in (pod.get("status") or {}).get("conditions") or []}
    out.line("Readiness Gates:\n  Type\tStatus")
    for gate in gates:
        out.line(f"{gate['conditionType']} \t{known.get(gate['conditionType']) or '<none>'} ", 1)


def _write_conditions(out: Description, conditions: list[Manifest]) -> None:
    if not conditions:
        return
    out.line("Conditions:\n  Type\tStatus")
    for condition in conditions:
        out.line(f"{condition['type']} \t{condition['status']} ", 1)


def write_tolerations(out: Description, tolerations: list[Manifest], title: str = "Tolerations") -> None:
    """One toleration on each line."""
    ordered = sorted(tolerations, key=lambda toleration: toleration.get("key", ""))
    lines = [_toleration(toleration) for toleration in ordered] or ["<none>"]
    out.line(f"{title}:\t" + "\n\t".join(lines))


def _toleration(toleration: Manifest) -> str:
    words = toleration.get("key", "")
    words += f"={toleration['value']}" if toleration.get("value") else ""
    words += f":{toleration['effect']}" if toleration.get("effect") else ""
    if toleration.get("operator") == "Exists" and not toleration.get("value"):
        words += " op=Exists" if words else "op=Exists"
    if toleration.get("tolerationSeconds") is not None:
        words += f" for {toleration['tolerationSeconds']}s"
    return words


def write_spread(out: Description, constraints: list[Manifest], space: str = "") -> None:
    """Topology spread constraints, when there are any."""
    for index, constraint in enumerate(sorted(constraints, key=lambda c: c.get("topologyKey", ""))):
        words = (
            f"{constraint.get('topologyKey')}:{constraint.get('whenUnsatisfiable')} when max skew "
            f"{constraint.get('maxSkew')} is exceeded"
        )
        if constraint.get("labelSelector"):
            words += f" for selector {format_object(constraint['labelSelector'])}"
        out.line(f"{space}Topology Spread Constraints:\t{words}" if not index else f"{space}\t{words}")


def write_template(out: Description, template: Manifest) -> None:
    """A controller's pod template."""
    spec, metadata = template.get("spec") or {}, template.get("metadata") or {}
    out.line("Pod Template:")
    out.labels(metadata.get("labels"), "  Labels")
    if metadata.get("annotations"):
        out.annotations(metadata["annotations"], "  Annotations")
    if spec.get("serviceAccountName"):
        out.field("  Service Account", spec["serviceAccountName"])
    if spec.get("initContainers"):
        write_containers(out, "Init Containers", spec["initContainers"], space="  ")
    write_containers(out, "Containers", spec.get("containers") or [], space="  ")
    write_volumes(out, spec.get("volumes") or [], "  ")
    write_spread(out, spec.get("topologySpreadConstraints") or [], "  ")
    if spec.get("priorityClassName"):
        out.field("  Priority Class Name", spec["priorityClassName"])
    out.labels(spec.get("nodeSelector"), "  Node-Selectors")
    write_tolerations(out, spec.get("tolerations") or [], "  Tolerations")
