"""`kubectl port-forward`: a port of the laptop that leads straight to one pod, past the Service."""

import re
from dataclasses import dataclass
from typing import Any

from svclab.terminal.commands.kubectl.builder import Target, resource_of, targets
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.errors import KubectlError, UsageError
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.pods import pods_behind
from svclab.terminal.commands.kubectl.verbs import verb

Manifest = dict[str, Any]

_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Forward:
    """Where a port of the laptop leads: a port of one pod. `session.listeners` has them by port."""

    namespace: str
    pod: str
    port: int


@verb(
    "port-forward",
    flags=(
        Flag("address", "strings", default=["localhost"], help="addresses to listen on"),
        Flag("pod-running-timeout", "duration", default=60.0, help="how long to wait for the pod"),
    ),
    usage="port-forward TYPE/NAME [options] [LOCAL_PORT:]REMOTE_PORT [...[LOCAL_PORT_N:]REMOTE_PORT_N]",
    summary="Forward one or more local ports to a pod",
    examples=("kubectl port-forward svc/web 8080:80 &",),
)
def port_forward(client: Client, flags: Parsed) -> int:
    """Forward ports until the command is ended, or the pod is gone."""
    if len(flags.args) < 2:
        raise UsageError("TYPE/NAME and list of ports are required for port-forward", "port-forward")
    name = flags.args[0]
    target = (
        targets(client, [name])[0] if "/" in name else Target(resource_of("pods"), client.namespace, name)
    )
    owner = client.get(target.path)
    pod = owner if target.resource.kind == "Pod" else _pod_behind(client, target, owner)
    if (pod.get("status") or {}).get("phase") != "Running":
        phase = (pod.get("status") or {}).get("phase", "")
        raise KubectlError(f"unable to forward port because pod is not running. Current status={phase}")
    forwards = [_forward(target, owner, pod, text) for text in flags.args[1:]]
    if any(forward.port == 0 for _, forward in forwards):
        raise KubectlError("remote port must be > 0")
    return _listen(client, target, pod, forwards)


def _pod_behind(client: Client, target: Target, owner: Manifest) -> Manifest:
    found = pods_behind(client, target, owner)
    running = [pod for pod in found if (pod.get("status") or {}).get("phase") == "Running"]
    if not running:
        raise KubectlError("timed out waiting for the condition")
    return running[0]


def _forward(target: Target, owner: Manifest, pod: Manifest, text: str) -> tuple[int, Forward]:
    local, colon, remote = text.partition(":")
    remote = remote if colon else local
    if target.resource.kind == "Service":
        number, service_port = _target_port(owner, pod, remote, target)
    else:
        number = service_port = _pod_port(pod, remote)
    port = service_port if not colon else int(local) if local.isdigit() else 0
    given = local if colon else str(port)
    if given and not (given.isdigit() and int(given) <= _LAST_PORT):
        problem = "value out of range" if given.isdigit() else "invalid syntax"
        raise KubectlError(
            f"error parsing local port '{given}': strconv.ParseUint: parsing \"{given}\": {problem}"
        )
    metadata = pod["metadata"]
    return port or 40000 + number % 10000, Forward(metadata.get("namespace", ""), metadata["name"], number)


def _target_port(service: Manifest, pod: Manifest, remote: str, target: Target) -> tuple[int, int]:
    """The pod's port behind a Service's port, and the Service's own number."""
    for port in service["spec"].get("ports") or []:
        if str(port["port"]) == remote or port.get("name") == remote:
            if service["spec"].get("clusterIP") == "None":
                return port["port"], port["port"]
            wanted = port.get("targetPort", port["port"])
            return _pod_port(pod, str(wanted)), port["port"]
    if remote.isdigit():
        raise KubectlError(f"Service {target.name} does not have a service port {remote}")
    raise KubectlError(f"Service '{target.name}' does not have a named port '{remote}'")


def _pod_port(pod: Manifest, text: str) -> int:
    if re.fullmatch(r"\d+", text):
        return int(text)
    for container in pod["spec"].get("containers") or []:
        for port in container.get("ports") or []:
            if port.get("name") == text:
                return port["containerPort"]
    raise KubectlError(f"Pod '{pod['metadata']['name']}' does not have a named port '{text}'")


def _listen(client: Client, target: Target, pod: Manifest, forwards: list[tuple[int, Forward]]) -> int:
    listeners = client.context.session.listeners
    for local, _ in forwards:
        if local in listeners:
            client.note(
                f"Unable to listen on port {local}: Listeners failed to create with the following "
                "errors: [unable to "
                f"create listener: Error listen tcp4 127.0.0.1:{local}: bind: address already in use]"
            )
            raise KubectlError(
                f"unable to listen on any of the requested ports: [{{{local} {forwards[0][1].port}}}]"
            )
    try:
        for local, forward in forwards:
            listeners[local] = forward
            client.print(f"Forwarding from 127.0.0.1:{local} -> {forward.port}")
            client.print(f"Forwarding from [::1]:{local} -> {forward.port}")
        while _is_there(client, pod):
            client.context.sleep(1)
        raise KubectlError("lost connection to pod")
    finally:
        for local, _ in forwards:
            listeners.pop(local, None)


def _is_there(client: Client, pod: Manifest) -> bool:
    """Whether the stream to the pod still stands; no request is made for that."""
    metadata = pod["metadata"]
    found = client.context.cluster.snapshot().get("Pod", metadata.get("namespace", ""), metadata["name"])
    return found is not None and found["metadata"].get("uid") == metadata.get("uid")
