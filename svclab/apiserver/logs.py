"""GET pods/NAME/log: what a container has printed, as far as the simulation knows it.

The lines are a pure function of the pod: its images' greetings. Whoever simulates traffic may add request
lines through `lines_of`.
"""

from typing import Any

from svclab.apiserver.messages import ApiRequest, ApiResponse
from svclab.apiserver.reads import find
from svclab.apiserver.routing import Target
from svclab.cluster.store import ClusterHandle
from svclab.kube.status import bad_request

Manifest = dict[str, Any]


def answer(cluster: ClusterHandle, request: ApiRequest, target: Target, _: list[str]) -> ApiResponse:
    """The log of one container. Raises Refusal (400) when it is not clear which, or it has not started."""
    pod = find(cluster, target)
    name = container_of(pod, request.parameter("container"))
    check_started(pod, name, previous=request.flag("previous"))
    text = "".join(f"{line}\n" for line in pod_log(pod, name))
    return ApiResponse.text(200, text)


def container_of(pod: Manifest, asked: str) -> str:
    """The container that is meant. Raises Refusal (400)."""
    names = [container["name"] for container in pod["spec"].get("containers", ())]
    others = [
        c["name"] for part in ("initContainers", "ephemeralContainers") for c in pod["spec"].get(part, ())
    ]
    name = pod["metadata"]["name"]
    if asked:
        if asked not in (*names, *others):
            raise bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    if len(names) > 1 or others:
        choices = " ".join((*names, *others))
        raise bad_request(f"a container name must be specified for pod {name}, choose one of: [{choices}]")
    return names[0]


def check_started(pod: Manifest, container: str, *, previous: bool) -> None:
    """A container that waits has no log yet; one that never ended has no previous one. Raises Refusal
    (400)."""
    statuses = pod.get("status", {}).get("containerStatuses", ())
    status = next((found for found in statuses if found["name"] == container), {})
    name = pod["metadata"]["name"]
    if previous and not status.get("lastState"):
        raise bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
    if waiting := status.get("state", {}).get("waiting"):
        reason = waiting.get("reason", "ContainerCreating")
        words = "trying and failing to pull image" if "Image" in reason or "Pull" in reason else reason
        raise bad_request(f'container "{container}" in pod "{name}" is waiting to start: {words}')
    if not pod["spec"].get("nodeName"):
        raise bad_request(f"pod {name} does not have a host assigned")


def pod_log(pod: Manifest, container: str) -> list[str]:
    """What the image of a container prints when it starts."""
    spec = next((c for c in pod["spec"].get("containers", ()) if c["name"] == container), {})
    image = spec.get("image", "").rpartition("/")[2].partition(":")[0]
    if image != "nginx":
        return []
    if spec.get("command"):
        return []
    return [
        "/docker-entrypoint.sh: /docker-entrypoint.d/ is not empty, will attempt to perform configuration",
        "/docker-entrypoint.sh: Configuration complete; ready for start up",
    ]
