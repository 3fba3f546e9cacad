"""When a lamp turns green: pure functions over objects, traces and predictions, never over what was typed.

Source of the kinds: curriculum 0.2. A check answers with what was looked at, and when it fails with where the
packet died and the next question to ask, never with the solution.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import dropwhile, pairwise, takewhile
from typing import Any

from svclab.kube.snapshot import Manifest, Snapshot


class CheckError(ValueError):
    """A check that cannot be evaluated as written."""


@dataclass(frozen=True, slots=True)
class Result:
    """One lamp: green or not, what was found in one sentence, and (of a failed probe) its trace."""

    green: bool
    found: str
    trace: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a check may look at. `probe(source, target, via, times)` sends simulated connections that leave
    no mark on the learner's cluster, and gives their traces as JSON. `kept` has the uids that objects had
    when the lesson began, by `identity`. `shaken(namespace)` is what a copy of the cluster shows after
    that namespace has lost all its pods and its Deployments have been updated."""

    snapshot: Snapshot
    traces: tuple[Mapping[str, Any], ...]
    predictions: Mapping[str, int]
    probe: Callable[[str, str, str | None, int], list[Mapping[str, Any]]]
    kept: Mapping[str, str] = field(default_factory=dict)
    shaken: "Callable[[str], Evidence] | None" = None


def evaluate(kind: str, what: Mapping[str, Any], evidence: Evidence) -> Result:
    """The state of one check. Raises CheckError if `what` is not of the kind's shape."""
    return KINDS[kind](what, evidence)


def validate(kind: str, what: Any) -> None:
    """Raises CheckError for keys that the kind does not know or lacks."""
    known, needed = SHAPES[kind]
    if not isinstance(what, dict):
        raise CheckError(f"{kind} expects a mapping")
    for key in what:
        if key not in known:
            raise CheckError(f"{kind} does not know {key!r}")
    for key in needed:
        if key not in what:
            raise CheckError(f"{kind} needs {key!r}")


_PROBE = {"from", "to", "via", "times", "code", "backends", "source", "words"}

SHAPES: dict[str, tuple[set[str], set[str]]] = {
    "object": (
        {"kind", "namespace", "name", "selector", "where", "some", "count", "absent"},
        {"kind"},
    ),
    "slices": ({"service", "selector"}, {"service", "selector"}),
    "probe": (_PROBE, {"from", "to", "code"}),
    "shake": ({"namespace", *_PROBE}, {"namespace", "from", "to", "code"}),
    "path": ({"from", "to", "via", "passes", "avoids"}, {"from", "to"}),
    "seen": (
        {
            *("from", "target", "code", "endpoint", "step"),
            *("times", "distinct", "same_twice", "answered_before", "after"),
        },
        set(),
    ),
    "predict": ({"step"}, {"step"}),
    "keep": ({"kind", "namespace", "name"}, {"kind", "name"}),
}


def value_at(manifest: Any, path: str) -> Any:
    """The value at a dotted path with [n] for list items and ["key"] for keys with dots; None if absent."""
    for name, index, quoted in re.findall(r'([^.\[\]]+)|\[(\d+)\]|\["([^"]+)"\]', path):
        if index:
            there = isinstance(manifest, list) and len(manifest) > int(index)
            manifest = manifest[int(index)] if there else None
        else:
            manifest = manifest.get(quoted or name) if isinstance(manifest, dict) else None
        if manifest is None:
            return None
    return manifest


def fits(value: Any, wanted: Any) -> bool:
    """Equality, or one of {in: [...]}, {matches: regex}, {min: n}, {max: n}, {exists: bool}."""
    match wanted:
        case {"in": list() as options}:
            return value in options
        case {"matches": str() as pattern}:
            return isinstance(value, str) and re.search(pattern, value) is not None
        case {"min": least}:
            return isinstance(value, int) and value >= least
        case {"max": most}:
            return isinstance(value, int) and value <= most
        case {"exists": bool() as there}:
            return (value is not None) is there
        case _:
            return value == wanted


def selects(selector: str, labels: Mapping[str, str] | None) -> bool:
    """Whether labels satisfy "a=b,c=d" (equality only: all that lessons need)."""
    pairs = [part.split("=", 1) for part in selector.split(",")]
    return all((labels or {}).get(key) == value for key, value in pairs)


def _objects(what: Mapping[str, Any], snapshot: Snapshot) -> list[Manifest]:
    found = snapshot.list(what["kind"], what.get("namespace"))
    if "name" in what:
        found = [item for item in found if item["metadata"]["name"] == what["name"]]
    if "selector" in what:
        found = [item for item in found if selects(what["selector"], item["metadata"].get("labels"))]
    return found


def _label(what: Mapping[str, Any]) -> str:
    name = what.get("name") or (f"with {what['selector']}" if "selector" in what else "")
    place = f" in {what['namespace']}" if "namespace" in what else ""
    return f"{what['kind']} {name}".strip() + place


def check_object(what: Mapping[str, Any], evidence: Evidence) -> Result:
    """An object exists (or is absent), in the number asked for, and its fields have the values asked for.

    Of several, all must have them; with `some`, one is enough.
    """
    found = _objects(what, evidence.snapshot)
    if what.get("absent"):
        return Result(not found, f"Found {len(found)}: {_label(what)}.")
    if not found:
        return Result(False, f"There is no {_label(what)} yet.")
    if "count" in what and not fits(len(found), what["count"]):
        return Result(False, f"Found {len(found)}: {_label(what)}.")
    misfits = [misfit for item in found if (misfit := _misfit(item, what))]
    if misfits and not (what.get("some") and len(misfits) < len(found)):
        return Result(False, f"No such {_label(what)} yet." if what.get("some") else misfits[0])
    return Result(True, f"Found {_label(what)}.")


def _misfit(item: Manifest, what: Mapping[str, Any]) -> str:
    """The first field that has another value than asked for, in words; "" if there is none."""
    for path, wanted in what.get("where", {}).items():
        value = value_at(item, path)
        if not fits(value, wanted):
            shown = value if value is not None else "0" if _counts(path, wanted) else "not set"
            return f"{what['kind']} {item['metadata']['name']}: {path} is {shown}."
    return ""


def _counts(path: str, wanted: Any) -> bool:
    """Whether the API leaves a 0 out here: `status.readyReplicas` of a Deployment without ready pods."""
    return path.startswith("status.") and (isinstance(wanted, int) or "min" in (wanted or ()))


def ready_addresses(snapshot: Snapshot, namespace: str, service: str) -> set[str]:
    """Addresses of the ready endpoints in a Service's EndpointSlices."""
    addresses: set[str] = set()
    for item in snapshot.list("EndpointSlice", namespace):
        if item["metadata"].get("labels", {}).get("kubernetes.io/service-name") != service:
            continue
        for endpoint in item.get("endpoints") or []:
            if endpoint.get("conditions", {}).get("ready", True) is not False:
                addresses.update(endpoint["addresses"])
    return addresses


def check_slices(what: Mapping[str, Any], evidence: Evidence) -> Result:
    """The Service's ready endpoints are exactly the pods that the selector names (and there are some)."""
    namespace, service = what["service"].split("/")
    pods = [
        pod
        for pod in evidence.snapshot.list("Pod", namespace)
        if selects(what["selector"], pod["metadata"].get("labels"))
    ]
    found_service = evidence.snapshot.get("Service", namespace, service)
    if found_service is None:
        return Result(False, f"There is no Service {service} in {namespace} yet.")
    if not found_service["spec"].get("selector"):
        return Result(False, f"{service} has no selector: nobody keeps its endpoints up to date.")
    wanted = {pod["status"]["podIP"] for pod in pods if pod.get("status", {}).get("podIP")}
    found = ready_addresses(evidence.snapshot, namespace, service)
    if found and found == wanted:
        return Result(True, f"{service} has {len(found)} ready endpoints: exactly those pods.")
    if not found:
        return Result(False, f"{service} has no ready endpoint.")
    return Result(False, f"{service} has {sorted(found)}, the pods are {sorted(wanted)}.")


def sources(place: str, snapshot: Snapshot) -> list[str]:
    """The hosts that "pod NS/selector", "pod NS/NAME", "node NAME" or "client NAME" stands for."""
    kind, _, rest = place.partition(" ")
    if kind != "pod":
        return [f"{kind}/{rest}"]
    namespace, _, which = rest.partition("/")
    pods = snapshot.list("Pod", namespace)
    if "=" in which:
        pods = [pod for pod in pods if selects(which, pod["metadata"].get("labels"))]
    else:
        pods = [pod for pod in pods if pod["metadata"]["name"] == which]
    running = [pod for pod in pods if pod.get("status", {}).get("phase") == "Running"]
    return [f"pod/{namespace}/{pod['metadata']['name']}" for pod in running]


def target_of(text: str, snapshot: Snapshot) -> str | None:
    """A probe's target with {Kind/ns/name:path} replaced by that object's field; None while it is not set.

    Instead of the name, @label=value takes the first object with that label.
    """
    missing = False

    def replace(match: re.Match[str]) -> str:
        nonlocal missing
        kind, namespace, name, path = match.groups()
        which = {"selector": name[1:]} if name.startswith("@") else {"name": name}
        found = _objects({"kind": kind, "namespace": namespace, **which}, snapshot)
        value = value_at(found[0], path) if found else None
        missing = missing or value is None
        return str(value)

    target = re.sub(r"\{(\w+)/([^/}]*)/([^:}]+):([^}]+)\}", replace, text)
    return None if missing else target


def _probes(what: Mapping[str, Any], evidence: Evidence) -> list[Mapping[str, Any]] | str:
    target = target_of(what["to"], evidence.snapshot)
    if target is None:
        return "There is no address to probe yet."
    hosts = sources(what["from"], evidence.snapshot)
    if not hosts:
        return f"There is no running {what['from']} to probe from."
    return evidence.probe(hosts[0], target, what.get("via"), what.get("times", 1))


def check_probe(what: Mapping[str, Any], evidence: Evidence) -> Result:
    """Simulated connections end with the code asked for, at enough backends, seen from the right source."""
    traces = _probes(what, evidence)
    if isinstance(traces, str):
        return Result(False, traces)
    for trace in traces:
        end = trace["outcome"]
        if end["code"] != what["code"]:
            deaths = [step for step in trace["steps"] if step["kind"] == "death"]
            where = f" at {deaths[-1]['host']}, {deaths[-1]['where']}" if deaths else ""
            return Result(False, f"{trace['target']} from {trace['source']}: {end['code']}{where}.", trace)
        if "source" in what and end["source_seen"] != what["source"]:
            return Result(False, f"The server saw {end['source_seen']} as the client's address.", trace)
        if "words" in what and what["words"] not in (end["words"] or ""):
            return Result(False, f"{end['endpoint']} answered {end['words']}.", trace)
    backends = {trace["outcome"]["endpoint"] for trace in traces}
    if len(backends) < what.get("backends", 1) and what["code"] == "OK":
        return Result(False, f"{len(traces)} connections reached only {len(backends)} endpoint(s).")
    return Result(True, f"{len(traces)} of {len(traces)} connections: {what['code']}.")


def check_shake(what: Mapping[str, Any], evidence: Evidence) -> Result:
    """The probe succeeds also in a copy of the cluster whose pods have all been replaced by an update."""
    if evidence.shaken is None:
        raise CheckError("a copy cannot be shaken again")
    result = check_probe(what, evidence.shaken(what["namespace"]))
    if result.green:
        return Result(True, "It held in a copy of your cluster, with every pod replaced.")
    return Result(
        False, f"In a copy of your cluster we replaced every pod by an update. Then: {result.found}"
    )


def passes(trace: Mapping[str, Any], place: str) -> bool:
    """Whether a trace has a chain (by prefix), a NAT action, a host, or a destination "dst ADDRESS"."""
    kind, _, what = place.partition(" ")
    for step in trace["steps"]:
        match kind:
            case "chain" if step["kind"] == "rule" and step["chain"].startswith(what):
                return True
            case "nat" if step["kind"] == "nat" and step["action"] == what:
                return True
            case "host" if step["host"] == what:
                return True
            case "dst" if step["packet"] and step["packet"]["dst"] == what:
                return True
    return False


def check_path(what: Mapping[str, Any], evidence: Evidence) -> Result:
    """A probe's trace passes all places of `passes` and none of `avoids`."""
    traces = _probes(what, evidence)
    if isinstance(traces, str):
        return Result(False, traces)
    trace = traces[0]
    for place in what.get("passes", ()):
        if not passes(trace, place):
            return Result(False, f"The packet did not pass {place}.", trace)
    for place in what.get("avoids", ()):
        target = target_of(place, evidence.snapshot) or place
        if passes(trace, target):
            return Result(False, f"The packet passed {target}.", trace)
    return Result(True, "The packet took that path.")


def check_seen(what: Mapping[str, Any], evidence: Evidence) -> Result:
    """The learner's own log has so many flows of this kind: from, target, endpoint (regex), code, a step.

    `endpoint` may name an object's field, as a probe's target does. `answered_before`: of a target that had
    answered an earlier request of hers; `after`: later than a flow of that kind.
    """
    if "endpoint" in what:
        what = {**what, "endpoint": target_of(what["endpoint"], evidence.snapshot) or "nobody"}
    traces = evidence.traces
    if "after" in what:
        traces = tuple(dropwhile(lambda trace: not _is_like(trace, what["after"]), traces))
    found = [trace for trace in traces if _is_like(trace, what)]
    if what.get("answered_before"):
        found = [trace for trace in found if _answered_before(trace, evidence.traces)]
    least = what.get("times", 1)
    if len(found) < least:
        return Result(False, f"Seen {len(found)} of {least} so far." if found else _nearest(what, evidence))
    endpoints = [trace["outcome"]["endpoint"] for trace in found]
    if len(set(endpoints)) < what.get("distinct", 1):
        return Result(False, f"Seen {len(found)}, but only {len(set(endpoints))} different endpoint(s).")
    if what.get("same_twice") and not any(a == b for a, b in pairwise(endpoints)):
        return Result(False, "No endpoint has been drawn twice in a row yet.")
    return Result(True, f"Seen {len(found)} time(s) in your own traffic.")


def _answered_before(trace: Mapping[str, Any], traces: Iterable[Mapping[str, Any]]) -> bool:
    earlier = takewhile(lambda other: other is not trace, traces)
    return any(other["target"] == trace["target"] and other["outcome"]["code"] == "OK" for other in earlier)


def _nearest(what: Mapping[str, Any], evidence: Evidence) -> str:
    """What to say of the learner's own traffic when none of it is what the check waits for."""
    place = {key: what[key] for key in ("from", "target") if key in what}
    near = [trace for trace in evidence.traces if _is_like(trace, place)]
    if not near:
        return "No such request among yours yet."
    last, code = near[-1], near[-1]["outcome"]["code"]
    name = last["source"].rpartition("/")[2]
    return f"Not seen yet. Your latest, from {name} to {last['target']}, ended with {code}."


def _is_like(trace: Mapping[str, Any], what: Mapping[str, Any]) -> bool:
    if "from" in what and not re.search(what["from"], trace["source"]):
        return False
    if "target" in what and not re.search(what["target"], trace["target"]):
        return False
    if "endpoint" in what and not re.search(what["endpoint"], trace["outcome"]["endpoint"] or ""):
        return False
    if "code" in what and trace["outcome"]["code"] not in _listed(what["code"]):
        return False
    return "step" not in what or any(_step_fits(step, what["step"]) for step in trace["steps"])


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else [value]


def _step_fits(step: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(fits(value_at(step, path), value) for path, value in wanted.items())


def check_predict(what: Mapping[str, Any], evidence: Evidence) -> Result:
    """The learner committed to an answer. Right or wrong costs nothing."""
    given = what["step"] in evidence.predictions
    return Result(given, "You said what you expect." if given else "Say what you expect first.")


def identity(what: Mapping[str, Any]) -> str:
    """The object that a `keep` check names, as "Kind/namespace/name"."""
    return f"{what['kind']}/{what.get('namespace', '')}/{what['name']}"


def uids(kept: Iterable[Mapping[str, Any]], snapshot: Snapshot) -> dict[str, str]:
    """The uids at this moment of the objects that `keep` checks name, by identity."""
    return {identity(what): item["metadata"]["uid"] for what in kept for item in _objects(what, snapshot)}


def check_keep(what: Mapping[str, Any], evidence: Evidence) -> Result:
    """The object is the very one that was there when the lesson began."""
    now = uids([what], evidence.snapshot).get(identity(what))
    if now is None:
        return Result(False, f"There is no {_label(what)} any more.")
    if now != evidence.kept.get(identity(what)):
        other = f"{_label(what)} is not the one this lesson began with: it was deleted and made again."
        return Result(False, f'{other} "Begin afresh" gives you a new start.')
    return Result(True, f"{_label(what)} is the one this lesson began with.")


KINDS: dict[str, Callable[[Mapping[str, Any], Evidence], Result]] = {
    "object": check_object,
    "slices": check_slices,
    "probe": check_probe,
    "shake": check_shake,
    "path": check_path,
    "seen": check_seen,
    "predict": check_predict,
    "keep": check_keep,
}
