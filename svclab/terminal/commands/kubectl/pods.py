"""How commands find their way into pods: which pod is meant, which container, and what runs there."""

from typing import Any

from svclab.kube.meta import condition
from svclab.kube.selectors import format_labels, format_object
from svclab.terminal.commands.kubectl.builder import Target, resource_of, targets
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError
from svclab.terminal.commands.kubectl.go_sort import go_sorted
from svclab.terminal.places import Location

Manifest = dict[str, Any]

_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


def pod_of(client: Client, name: str, *, among: bool = False, purpose: str = "cannot attach to") -> Manifest:
    """The pod behind `web`, `pod/web`, `deployment/web` or `svc/web`.

    `among` tells which one was taken when there are several, as `logs` does; `purpose` begins the message
    when the object has no pods of its own. Raises ApiError, KubectlError.
    """
    target = (
        targets(client, [name])[0] if "/" in name else Target(resource_of("pods"), client.namespace, name)
    )
    owner = client.get(target.path)
    if target.resource.kind == "Pod":
        return owner
    found = pods_behind(client, target, owner, purpose)
    if not found:
        raise KubectlError("timed out waiting for the condition")
    chosen = found[0]
    if among and len(found) > 1:
        client.note(f"Found {len(found)} pods, using pod/{chosen['metadata']['name']}")
    return client.get(Target(resource_of("pods"), target.namespace, chosen["metadata"]["name"]).path)


def pods_behind(
    client: Client, target: Target, owner: Manifest, purpose: str = "cannot attach to"
) -> list[Manifest]:
    """The pods that a workload or Service selects, running and ready ones first. Raises KubectlError."""
    spec, resource = owner.get("spec") or {}, target.resource
    kind = f"*{resource.version}.{resource.kind}"
    if resource.kind == "Service":
        if not spec.get("selector"):
            problem = f"invalid service '{target.name}': Service is defined without a selector"
            raise KubectlError(f"{purpose} {kind}: {problem}")
        selector = format_labels(spec["selector"])
    elif spec.get("selector"):
        selector = format_object(spec["selector"])
    else:
        raise KubectlError(f"{purpose} {kind}: selector for {kind} not implemented")
    items = client.list(resource_of("pods"), target.namespace, labelSelector=selector)
    return go_sorted(items, lambda one, other: _rank(one) < _rank(other))


def _rank(pod: Manifest) -> tuple[Any, ...]:
    """What makes one pod better than another: the least comes first. Source: kubectl pkg/util/podutils."""
    status, spec = pod.get("status") or {}, pod.get("spec") or {}
    phases = {"Running": 0, "Unknown": 1, "Pending": 2}
    ready = condition(pod, "Ready")
    is_ready = ready is not None and ready.get("status") == "True"
    restarts = [found.get("restartCount", 0) for found in status.get("containerStatuses") or []]
    return (
        not spec.get("nodeName"),
        phases.get(status.get("phase", ""), 0),
        not is_ready,
        (ready or {}).get("lastTransitionTime", "") if is_ready else "",
        -max(restarts, default=0),
        pod["metadata"].get("creationTimestamp", ""),
    )


def container_of(client: Client, pod: Manifest, asked: str, *, quiet: bool = False) -> Manifest:
    """The container that is meant: the one asked for, the pod's default or its first.

    Raises KubectlError or ApiError with the words of kubectl or the server.
    """
    spec, name = pod["spec"], pod["metadata"]["name"]
    containers = spec.get("containers") or []
    others = [*(spec.get("initContainers") or []), *(spec.get("ephemeralContainers") or [])]
    if asked:
        found = find_container(pod, asked)
        if found is None:
            raise bad_request(f"container {asked} is not valid for pod {name}")
        return found
    default = (pod["metadata"].get("annotations") or {}).get(_DEFAULT_CONTAINER)
    chosen = next((c for c in containers if c["name"] == default), containers[0])
    if len(containers) + len(others) > 1 and not default and not quiet:
        names = ", ".join([c["name"] for c in containers] + [_suffixed(c, spec) for c in others])
        client.note(f'Defaulted container "{chosen["name"]}" out of: {names}')
    return chosen


def find_container(pod: Manifest, name: str) -> Manifest | None:
    """The container of this name, an init or ephemeral one too."""
    kinds = ("containers", "initContainers", "ephemeralContainers")
    return next((c for kind in kinds for c in pod["spec"].get(kind) or [] if c["name"] == name), None)


def _suffixed(container: Manifest, spec: Manifest) -> str:
    kind = "init" if container in (spec.get("initContainers") or []) else "ephem"
    return f"{container['name']} ({kind})"


def bad_request(message: str) -> ApiError:
    """A refusal that the node would give."""
    return ApiError({"status": "Failure", "reason": "BadRequest", "message": message, "code": 400})


def require_running(pod: Manifest, container: Manifest) -> None:
    """Nothing can run in a pod that has ended, or in a container that has not begun.

    Raises KubectlError, ApiError.
    """
    phase = (pod.get("status") or {}).get("phase", "")
    if phase in ("Succeeded", "Failed"):
        raise KubectlError(f"cannot exec into a container in a completed pod; current phase is {phase}")
    name = pod["metadata"]["name"]
    if not pod["spec"].get("nodeName"):
        raise bad_request(f"pod {name} does not have a host assigned")
    status = status_of(pod, container["name"])
    if status is None or (status.get("state") or {}).get("running") is None:
        raise KubectlError(
            "Internal error occurred: unable to upgrade connection: container not found "
            f'("{container["name"]}")'
        )


def status_of(pod: Manifest, container: str) -> Manifest | None:
    """The status of a container, of an ephemeral one too; None before the node has written it."""
    status = pod.get("status") or {}
    listed = ("containerStatuses", "ephemeralContainerStatuses")
    return next((s for part in listed for s in status.get(part) or () if s.get("name") == container), None)


def place_of(pod: Manifest, container: Manifest) -> Location:
    """Where a command runs that is executed in a container."""
    metadata = pod["metadata"]
    return Location(
        "pod",
        metadata.get("namespace", "default"),
        metadata["name"],
        container["name"],
        container.get("image", ""),
    )


def ended(client: Client, code: int) -> int:
    """What kubectl says about a command's exit code, and gives on."""
    if code:
        client.note(f"command terminated with exit code {code}")
    return code
