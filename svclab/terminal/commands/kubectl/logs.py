"""`kubectl logs`: what containers have printed."""

import json
import re
from typing import Any

from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.builder import resource_of, targets
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError, UsageError, raise_all
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.pods import container_of, pod_of, pods_behind, status_of
from svclab.terminal.commands.kubectl.verbs import verb

Manifest = dict[str, Any]

_USAGE = (
    "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\n"
    "POD or TYPE/NAME is a required argument for the logs command"
)
_TAIL_WITH_SELECTOR = 10
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)")
_FLAGS = (
    verbs.SELECTOR,
    Flag("container", short="c", help="the container whose log is shown"),
    Flag("all-containers", "bool", help="the logs of all containers"),
    Flag("all-pods", "bool", help="the logs of all pods of a workload"),
    Flag("follow", "bool", short="f", help="go on as the log grows"),
    Flag("previous", "bool", short="p", help="the log of the container's previous instance"),
    Flag("tail", "int", default=-1, help="only so many lines from the end"),
    Flag("since", "duration", help="only what is younger"),
    Flag("since-time", help="only what is younger than this time"),
    Flag("timestamps", "bool", help="each line with its time"),
    Flag("prefix", "bool", help="each line with its pod and container"),
    Flag("limit-bytes", "int", help="only so many bytes"),
    Flag("ignore-errors", "bool", help="go on when one log cannot be read"),
    Flag("max-log-requests", "int", default=5, help="how many logs to follow at once"),
    Flag("pod-running-timeout", "duration", default=20.0),
    Flag("insecure-skip-tls-verify-backend", "bool"),
)


@verb(
    "logs",
    flags=_FLAGS,
    usage="logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER] [options]",
    summary="Print the logs for a container in a pod",
)
def logs(client: Client, flags: Parsed) -> int:
    """Print logs."""
    _check(flags)
    if flags["selector"]:
        if flags.args:
            raise UsageError("only a selector (-l) or a POD name is allowed", "logs")
        pods = client.list(resource_of("pods"), client.namespace, labelSelector=flags["selector"])
        if not pods:
            client.note(f"No resources found in {client.namespace} namespace.")
            return 0
    elif 1 <= len(flags.args) <= 2:
        pods = _pods(client, flags, flags.args[0])
    else:
        raise UsageError(_USAGE, "logs")
    asked = flags["container"] or (flags.args[1] if len(flags.args) == 2 else "")
    errors: list[Exception] = []
    for pod, container in _sources(client, flags, pods, asked):
        try:
            _print(client, flags, pod, container)
        except ApiError as refusal:
            if not flags["ignore-errors"]:
                errors.append(refusal)
    raise_all(errors)
    return 0


def _check(flags: Parsed) -> None:
    """Raises KubectlError for flags that do not go together or are out of range."""
    if flags["tail"] < -1:
        raise KubectlError("--tail must be greater than or equal to -1")
    if flags["limit-bytes"] < 0:
        raise KubectlError("--limit-bytes must be greater than 0")
    if flags["since-time"] and not _TIME.fullmatch(flags["since-time"]):
        text = flags["since-time"]
        year = text if not re.match(r"\d{4}", text) else text[4:]
        wanted = "2006" if year == text else "-"
        raise KubectlError(
            f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse "{year}" as "{wanted}"'
        )
    if flags["since-time"] and flags["since"]:
        raise KubectlError("at most one of `sinceTime` or `sinceSeconds` may be specified")
    if flags["all-containers"] and flags["container"]:
        raise KubectlError(
            f"--all-containers=true should not be specified with container name {flags['container']}"
        )


def _pods(client: Client, flags: Parsed, name: str) -> list[Manifest]:
    """The pod that is meant, or with --all-pods every one of a workload."""
    if flags["all-pods"] and "/" in name:
        target = targets(client, [name])[0]
        if target.resource.kind != "Pod":
            found = pods_behind(client, target, client.get(target.path), "cannot get the logs from")
            return sorted(found, key=lambda pod: pod["metadata"]["name"])
    try:
        return [pod_of(client, name, among=True, purpose="cannot get the logs from")]
    except ApiError as refusal:
        if refusal.reason != "NotFound":
            raise
        raise KubectlError(
            f'error from server (NotFound): {refusal.message} in namespace "{client.namespace}"'
        ) from None


def _sources(client: Client, flags: Parsed, pods: list[Manifest], asked: str) -> list[tuple[Manifest, str]]:
    found = []
    for pod in pods:
        if flags["all-containers"]:
            spec = pod["spec"]
            containers = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
            found += [(pod, container["name"]) for container in containers]
        elif asked:
            _require_container(pod, asked)
            found.append((pod, asked))
        else:
            found.append((pod, container_of(client, pod, "")["name"]))
    if flags["follow"] and len(found) > flags["max-log-requests"]:
        raise KubectlError(
            f"you are attempting to follow {len(found)} log streams, but maximum allowed concurrency is "
            f"{flags['max-log-requests']}, use --max-log-requests to increase the limit"
        )
    return found


def _require_container(pod: Manifest, name: str) -> None:
    spec = pod["spec"]
    parts = ("initContainers", "containers", "ephemeralContainers")
    if not any(container["name"] == name for part in parts for container in spec.get(part) or []):
        raise KubectlError(f"container {name} is not valid for pod {pod['metadata']['name']}")


def _print(client: Client, flags: Parsed, pod: Manifest, container: str) -> None:
    metadata = pod["metadata"]
    path = resource_of("pods").path(metadata.get("namespace", ""), metadata["name"], "log")
    shown = _fetch(client, path, _query(flags, container))
    prefix = f"[pod/{metadata['name']}/{container}] " if flags["prefix"] or flags["all-pods"] else ""
    _write(client, shown, prefix)
    if not flags["follow"]:
        return
    # A followed log is read again as time passes: what is new comes after what was there.
    whole = _fetch(client, path, [("container", container)])
    pod_path = resource_of("pods").path(metadata.get("namespace", ""), metadata["name"])
    while _may_grow(client.find(pod_path), container):
        client.context.sleep(1)
        grown = _fetch(client, path, [("container", container)])
        if len(grown) > len(whole) and grown.startswith(whole):
            _write(client, grown[len(whole) :], prefix)
        whole = grown


def _may_grow(pod: Manifest | None, container: str) -> bool:
    """Whether a container can still print: its pod is there, and it has not ended for good."""
    if pod is None or (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return False
    status = status_of(pod, container)
    return status is None or "terminated" not in (status.get("state") or {})


def _query(flags: Parsed, container: str) -> list[tuple[str, str]]:
    tail = flags["tail"]
    if tail < 0 and flags["selector"] and not flags.has("tail"):
        tail = _TAIL_WITH_SELECTOR
    query = [("container", container)]
    if flags["previous"]:
        query.append(("previous", "true"))
    if flags["timestamps"]:
        query.append(("timestamps", "true"))
    if tail >= 0:
        query.append(("tailLines", str(tail)))
    if flags["since"]:
        query.append(("sinceSeconds", str(round(flags["since"]))))
    if flags["since-time"]:
        query.append(("sinceTime", flags["since-time"]))
    if flags["limit-bytes"]:
        query.append(("limitBytes", str(flags["limit-bytes"])))
    return query


def _fetch(client: Client, path: str, query: list[tuple[str, str]]) -> str:
    response = client.ask("GET", path, query=query)
    if response.status >= 400:
        raise ApiError(json.loads(response.body))
    return response.body.decode(errors="replace")


def _write(client: Client, text: str, prefix: str) -> None:
    if prefix:
        text = "".join(prefix + line for line in text.splitlines(keepends=True))
    client.context.stdout.write(text)
