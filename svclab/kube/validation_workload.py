"""What Deployments, ReplicaSets, StatefulSets and DaemonSets may say.

Source: k8s.io/kubernetes pkg/apis/apps/validation of 1.36.
"""

import re
from typing import Any

from svclab.kube.selectors import from_object
from svclab.kube.status import FieldError, forbidden_field, invalid, not_supported, required
from svclab.kube.validation_claim import claim_spec
from svclab.kube.validation_meta import (
    choice,
    int_or_percent,
    label_name,
    label_selector,
    non_negative,
    object_meta,
    subdomain_name,
    wrong,
)
from svclab.kube.validation_pod import validate_template

Manifest = dict[str, Any]

_STATEFUL_FIELDS = (
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
)  # fmt: skip
_STRATEGIES = ("Recreate", "RollingUpdate")


def validate_deployment(deployment: Manifest) -> list[FieldError]:
    """Everything wrong with a Deployment."""
    return [*_meta(deployment), *deployment_spec(deployment["spec"])]


def deployment_spec(spec: Manifest) -> list[FieldError]:
    """The part of a Deployment that is checked on every write."""
    errors = non_negative("spec.replicas", spec.get("replicas"))
    errors += _selector_and_template(spec, "deployment", "invalid label selector", "ReplicaSet")
    errors += _strategy(spec["strategy"])
    errors += non_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    errors += non_negative("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))
    deadline = spec.get("progressDeadlineSeconds")
    errors += non_negative("spec.progressDeadlineSeconds", deadline)
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        why = "must be greater than minReadySeconds"
        errors.append(invalid("spec.progressDeadlineSeconds", deadline, why))
    return errors


def validate_replica_set(replica_set: Manifest) -> list[FieldError]:
    """Everything wrong with a ReplicaSet."""
    return [*_meta(replica_set), *replica_set_spec(replica_set["spec"])]


def replica_set_spec(spec: Manifest) -> list[FieldError]:
    """The part of a ReplicaSet that is checked on every write; the server takes it for a Deployment's."""
    return [
        *non_negative("spec.replicas", spec.get("replicas")),
        *non_negative("spec.minReadySeconds", spec.get("minReadySeconds")),
        *_selector_and_template(spec, "deployment", "invalid label selector", "ReplicaSet"),
    ]


def validate_stateful_set(stateful_set: Manifest) -> list[FieldError]:
    """Everything wrong with a StatefulSet, whose name is part of its pods' host names."""
    errors = object_meta(stateful_set["metadata"], label_name, namespaced=True)
    return errors + _stateful_set_spec(stateful_set["spec"], _claims(stateful_set["spec"]))


def stateful_set_change(new: Manifest, old: Manifest) -> list[FieldError]:
    """The part that is checked on every write; claims that were wrong already may stay so."""
    claims = [] if _claims(old["spec"]) else _claims(new["spec"])
    return _stateful_set_spec(new["spec"], claims)


def _claims(spec: Manifest) -> list[FieldError]:
    return [
        error
        for index, claim in enumerate(spec.get("volumeClaimTemplates", ()))
        for error in claim_spec(f"spec.volumeClaimTemplates[{index}].spec", claim["spec"])
    ]


def _stateful_set_spec(spec: Manifest, claims: list[FieldError]) -> list[FieldError]:
    errors: list[FieldError] = []
    if spec["podManagementPolicy"] not in ("OrderedReady", "Parallel"):
        why = "must be 'OrderedReady' or 'Parallel'"
        errors.append(invalid("spec.podManagementPolicy", spec["podManagementPolicy"], why))
    errors += _stateful_update_strategy(spec["updateStrategy"])
    for name, policy in spec.get("persistentVolumeClaimRetentionPolicy", {}).items():
        field = f"spec.persistentVolumeClaimRetentionPolicy.{name}"
        errors += choice(field, policy, ("Retain", "Delete"), needed=False)
    errors += claims
    errors += non_negative("spec.replicas", spec.get("replicas"))
    errors += non_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    errors += non_negative("spec.ordinals.start", spec.get("ordinals", {}).get("start"))
    if name := spec.get("serviceName"):
        errors += wrong("spec.serviceName", name, subdomain_name(name))
    return errors + _selector_and_template(spec, "statefulset", "", "StatefulSet")


def validate_daemon_set(daemon_set: Manifest) -> list[FieldError]:
    """Everything wrong with a DaemonSet."""
    return [*_meta(daemon_set), *daemon_set_spec(daemon_set["spec"])]


def daemon_set_spec(spec: Manifest) -> list[FieldError]:
    """The part of a DaemonSet that is checked on every write."""
    selector, template = spec.get("selector"), spec["template"]
    errors = label_selector("spec.selector", selector)
    if not errors:
        errors += _labels_selected(template, selector)
    errors += _not_empty(selector, "daemonset")
    errors += validate_template("spec.template", template, template["spec"])
    errors += _always_running(template["spec"], "DaemonSet")
    errors += non_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    errors += _daemon_update_strategy(spec["updateStrategy"])
    return errors + non_negative("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))


def _meta(workload: Manifest) -> list[FieldError]:
    return object_meta(workload["metadata"], subdomain_name, namespaced=True)


def _selector_and_template(spec: Manifest, owner: str, unreadable: str, kind: str) -> list[FieldError]:
    selector, template = spec.get("selector"), spec["template"]
    bad = label_selector("spec.selector", selector)
    errors = [*bad, *_not_empty(selector, owner)]
    if bad:
        errors.append(invalid("spec.selector", selector, unreadable))
        return errors if kind != "StatefulSet" else [*errors, *_always_running(template["spec"], kind)]
    if selector is None:
        errors.append(required("spec.selector"))
    if selector is None or selector.get("matchLabels") or selector.get("matchExpressions"):
        errors += _labels_selected(template, selector)
    claims = [claim["metadata"].get("name", "") for claim in spec.get("volumeClaimTemplates", ())]
    errors += validate_template("spec.template", template, _with_claims(template["spec"], claims))
    return errors + _always_running(template["spec"], kind)


def _not_empty(selector: Manifest | None, owner: str) -> list[FieldError]:
    if selector is None or selector.get("matchLabels") or selector.get("matchExpressions"):
        return []
    return [invalid("spec.selector", selector, f"empty selector is invalid for {owner}")]


def _labels_selected(template: Manifest, selector: Manifest | None) -> list[FieldError]:
    labels = template.get("metadata", {}).get("labels")
    match = from_object(selector)
    if match is not None and match.matches(labels or {}):
        return []
    why = "`selector` does not match template `labels`"
    return [invalid("spec.template.metadata.labels", labels, why)]


def _with_claims(spec: Manifest, claims: list[str]) -> Manifest:
    """A StatefulSet's pods get volumes of their own, which win over the template's of the same name."""
    if not claims:
        return spec
    own = [volume for volume in spec.get("volumes", ()) if volume.get("name") not in claims]
    mounted = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in dict.fromkeys(claims)]
    return {**spec, "volumes": [*own, *mounted]}


def _always_running(spec: Manifest, kind: str) -> list[FieldError]:
    errors, field = [], "spec.template.spec"
    if spec.get("restartPolicy") != "Always":
        errors.append(not_supported(f"{field}.restartPolicy", spec.get("restartPolicy", ""), ("Always",)))
    if spec.get("activeDeadlineSeconds") is not None:
        why = f"activeDeadlineSeconds in {kind} is not Supported"
        errors.append(forbidden_field(f"{field}.activeDeadlineSeconds", why))
    return errors


def _strategy(strategy: Manifest) -> list[FieldError]:
    field, type_, rolling = "spec.strategy", strategy.get("type", ""), strategy.get("rollingUpdate")
    if type_ == "Recreate":
        why = "may not be specified when strategy `type` is 'Recreate'"
        return [] if rolling is None else [forbidden_field(f"{field}.rollingUpdate", why)]
    if type_ != "RollingUpdate":
        return [not_supported(field, _go_strategy(strategy, ("MaxUnavailable", "MaxSurge")), _STRATEGIES)]
    unavailable, surge = rolling["maxUnavailable"], rolling["maxSurge"]
    field = f"{field}.rollingUpdate"
    errors = int_or_percent(f"{field}.maxUnavailable", unavailable)
    errors += int_or_percent(f"{field}.maxSurge", surge)
    if _count(unavailable) == 0 and _count(surge) == 0:
        errors.append(invalid(f"{field}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0"))
    return errors + _not_more_than_all(f"{field}.maxUnavailable", unavailable)


def _go_strategy(strategy: Manifest, names: tuple[str, ...]) -> Manifest:
    """The server's own type, as it prints it."""
    rolling = strategy.get("rollingUpdate")
    shown = None if rolling is None else _go_fields(rolling, names)
    return {"Type": strategy.get("type", ""), "RollingUpdate": shown}


def _go_fields(rolling: Manifest, names: tuple[str, ...]) -> Manifest:
    zeros = {"MaxUnavailable": 0, "MaxSurge": 0, "Partition": 0}
    return {name: rolling.get(name[0].lower() + name[1:], zeros[name]) for name in names}


def _count(value: int | str) -> int:
    """The number in `3`, `3%` or `"3"`; 0 where there is none."""
    if isinstance(value, int):
        return value
    return int(value.removesuffix("%")) if re.fullmatch(r"[0-9]+%|[-+]?[0-9]+", value) else 0


def _not_more_than_all(field: str, value: int | str) -> list[FieldError]:
    percent = isinstance(value, str) and re.fullmatch(r"[0-9]+%", value)
    return [invalid(field, value, "must not be greater than 100%")] if percent and _count(value) > 100 else []


def _stateful_update_strategy(strategy: Manifest) -> list[FieldError]:
    field, type_, rolling = "spec.updateStrategy", strategy.get("type", ""), strategy.get("rollingUpdate")
    if type_ not in ("OnDelete", "RollingUpdate"):
        shown = {"Type": type_, "RollingUpdate": _go_partition(rolling)}
        return [invalid(field, shown, "must be 'RollingUpdate' or 'OnDelete'")]
    field = f"{field}.rollingUpdate"
    if type_ == "OnDelete":
        why = "only allowed for updateStrategy 'RollingUpdate'"
        return [] if rolling is None else [invalid(field, _go_partition(rolling), why)]
    return non_negative(f"{field}.partition", (rolling or {}).get("partition"))


def _go_partition(rolling: Manifest | None) -> Manifest | None:
    if rolling is None:
        return None
    return {"Partition": rolling.get("partition", 0), "MaxUnavailable": None}


def _daemon_update_strategy(strategy: Manifest) -> list[FieldError]:
    field, type_, rolling = "spec.updateStrategy", strategy.get("type", ""), strategy.get("rollingUpdate")
    if type_ == "OnDelete":
        return []
    if type_ != "RollingUpdate":
        shown = _go_strategy(strategy, ("MaxUnavailable", "MaxSurge"))
        return [not_supported(field, shown, ("RollingUpdate", "OnDelete"))]
    unavailable, surge = rolling["maxUnavailable"], rolling["maxSurge"]
    both = (
        (f"{field}.rollingUpdate.maxUnavailable", unavailable),
        (f"{field}.rollingUpdate.maxSurge", surge),
    )
    errors = [error for place, value in both for error in int_or_percent(place, value)]
    errors += [error for place, value in both for error in _not_more_than_all(place, value)]
    if _count(unavailable) and _count(surge):
        errors.append(invalid(both[1][0], surge, "may not be set when maxUnavailable is non-zero"))
    elif not _count(unavailable) and not _count(surge):
        errors.append(required(both[0][0], "cannot be 0 when maxSurge is 0"))
    return errors


def selector_kept(new: Manifest, old: Manifest) -> list[FieldError]:
    """A selector stays what it was at birth."""
    if new["spec"].get("selector") == old["spec"].get("selector"):
        return []
    return [invalid("spec.selector", new["spec"].get("selector"), "field is immutable")]


def stateful_set_kept(new: Manifest, old: Manifest) -> list[FieldError]:
    """Of a StatefulSet only some fields may change."""
    kept = [{k: v for k, v in m["spec"].items() if k not in _STATEFUL_FIELDS} for m in (new, old)]
    if kept[0] == kept[1]:
        return []
    names = ", ".join(f"'{name}'" for name in _STATEFUL_FIELDS[:-1]) + f" and '{_STATEFUL_FIELDS[-1]}'"
    why = f"updates to statefulset spec for fields other than {names} are forbidden"
    return [forbidden_field("spec", why)]
