"""What Deployments, ReplicaSets, StatefulSets and DaemonSets may say.

Source: k8s.io/kubernetes pkg/apis/apps/validation of 1.36.
"""

from typing import Any

from svclab.kube.selectors import from_object
from svclab.kube.status import FieldError, forbidden_field, invalid, not_supported, required
from svclab.kube.validation_meta import (
    annotations,
    int_or_percent,
    label_selector,
    labels,
    non_negative,
    object_meta,
    subdomain_name,
)
from svclab.kube.validation_pod import validate_pod_spec

Manifest = dict[str, Any]

_STATEFUL_FIELDS = (
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
)  # fmt: skip
# What the server calls an empty selector's owner; of a ReplicaSet it speaks as of a deployment.
_EMPTY_SELECTOR_OF = {"ReplicaSet": "deployment", "StatefulSet": "statefulset", "DaemonSet": "daemonset"}


def validate_deployment(deployment: Manifest) -> list[FieldError]:
    """Everything wrong with a Deployment."""
    return [*_meta(deployment), *deployment_spec(deployment["spec"])]


def deployment_spec(spec: Manifest) -> list[FieldError]:
    """The part of a Deployment that is checked on every write."""
    errors = non_negative("spec.replicas", spec.get("replicas"))
    errors += _selector_and_template(spec, "deployment")
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
    """The part of a ReplicaSet that is checked on every write."""
    return [
        *non_negative("spec.replicas", spec.get("replicas")),
        *non_negative("spec.minReadySeconds", spec.get("minReadySeconds")),
        *_selector_and_template(spec, _EMPTY_SELECTOR_OF["ReplicaSet"]),
    ]


def validate_stateful_set(stateful_set: Manifest) -> list[FieldError]:
    """Everything wrong with a StatefulSet."""
    spec = stateful_set["spec"]
    errors = _meta(stateful_set)
    if spec["podManagementPolicy"] not in ("OrderedReady", "Parallel"):
        why = "must be 'OrderedReady' or 'Parallel'"
        errors.append(invalid("spec.podManagementPolicy", spec["podManagementPolicy"], why))
    errors += _stateful_update_strategy(spec["updateStrategy"])
    errors += non_negative("spec.replicas", spec.get("replicas"))
    errors += non_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    return errors + _selector_and_template(spec, _EMPTY_SELECTOR_OF["StatefulSet"])


def validate_daemon_set(daemon_set: Manifest) -> list[FieldError]:
    """Everything wrong with a DaemonSet."""
    return [*_meta(daemon_set), *daemon_set_spec(daemon_set["spec"])]


def daemon_set_spec(spec: Manifest) -> list[FieldError]:
    """The part of a DaemonSet that is checked on every write."""
    return [
        *_selector_and_template(spec, _EMPTY_SELECTOR_OF["DaemonSet"]),
        *non_negative("spec.minReadySeconds", spec.get("minReadySeconds")),
        *_update_strategy(spec["updateStrategy"]),
        *_rolling_daemons(spec["updateStrategy"]),
        *non_negative("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit")),
    ]


def _meta(workload: Manifest) -> list[FieldError]:
    return object_meta(workload["metadata"], subdomain_name, namespaced=True)


def _selector_and_template(spec: Manifest, owner: str) -> list[FieldError]:
    selector, template = spec.get("selector"), spec["template"]
    errors: list[FieldError] = []
    if selector is None:
        errors.append(required("spec.selector"))
    else:
        errors += label_selector("spec.selector", selector)
        if not selector.get("matchLabels") and not selector.get("matchExpressions"):
            errors.append(invalid("spec.selector", selector, f"empty selector is invalid for {owner}"))
    if not errors or selector is None or not _has_bad_operator(selector):
        errors += _template(template, selector)
    return errors


def _has_bad_operator(selector: Manifest) -> bool:
    known = {"In", "NotIn", "Exists", "DoesNotExist"}
    return any(e.get("operator") not in known for e in selector.get("matchExpressions", ()))


def _template(template: Manifest, selector: Manifest | None) -> list[FieldError]:
    errors: list[FieldError] = []
    metadata, spec = template.get("metadata", {}), template["spec"]
    match = from_object(selector)
    if match is None or not match.matches(metadata.get("labels", {})):
        why = "`selector` does not match template `labels`"
        errors.append(invalid("spec.template.metadata.labels", metadata.get("labels"), why))
    errors += labels("spec.template.labels", metadata.get("labels"))
    errors += annotations("spec.template.annotations", metadata.get("annotations"))
    errors += validate_pod_spec(spec, "spec.template.spec")
    if spec.get("restartPolicy") != "Always":
        field = "spec.template.spec.restartPolicy"
        errors.append(not_supported(field, spec.get("restartPolicy", ""), ("Always",)))
    if spec.get("activeDeadlineSeconds") is not None:
        why = "activeDeadlineSeconds in ReplicaSet is not Supported"
        errors.append(forbidden_field("spec.template.spec.activeDeadlineSeconds", why))
    return errors


def _strategy(strategy: Manifest) -> list[FieldError]:
    field, type_, rolling = "spec.strategy", strategy.get("type", ""), strategy.get("rollingUpdate")
    if type_ == "Recreate":
        why = "may not be specified when strategy `type` is 'Recreate'"
        return [] if rolling is None else [forbidden_field(f"{field}.rollingUpdate", why)]
    if type_ != "RollingUpdate":
        return [not_supported(f"{field}.type", type_, ("Recreate", "RollingUpdate"))]
    unavailable, surge = rolling["maxUnavailable"], rolling["maxSurge"]
    errors = int_or_percent(f"{field}.rollingUpdate.maxUnavailable", unavailable)
    errors += int_or_percent(f"{field}.rollingUpdate.maxSurge", surge)
    if _is_none(unavailable) and _is_none(surge):
        why = "may not be 0 when `maxSurge` is 0"
        errors.append(invalid(f"{field}.rollingUpdate.maxUnavailable", unavailable, why))
    if isinstance(unavailable, str) and not errors and int(unavailable[:-1]) > 100:
        why = "must not be greater than 100%"
        errors.append(invalid(f"{field}.rollingUpdate.maxUnavailable", unavailable, why))
    return errors


def _is_none(value: int | str) -> bool:
    return value == 0 or (isinstance(value, str) and value.rstrip("%").strip("0") == "" and value != "")


def _update_strategy(strategy: Manifest) -> list[FieldError]:
    type_ = strategy.get("type", "")
    if type_ in ("OnDelete", "RollingUpdate"):
        return []
    return [not_supported("spec.updateStrategy.type", type_, ("OnDelete", "RollingUpdate"))]


def _stateful_update_strategy(strategy: Manifest) -> list[FieldError]:
    field, type_, rolling = "spec.updateStrategy", strategy.get("type", ""), strategy.get("rollingUpdate")
    if type_ not in ("OnDelete", "RollingUpdate"):
        return [invalid(field, strategy, "must be 'RollingUpdate' or 'OnDelete'")]
    if type_ == "OnDelete" and rolling is not None:
        why = "only allowed for updateStrategy 'RollingUpdate'"
        return [invalid(f"{field}.rollingUpdate", rolling, why)]
    partition = (rolling or {}).get("partition")
    return non_negative(f"{field}.rollingUpdate.partition", partition)


def _rolling_daemons(strategy: Manifest) -> list[FieldError]:
    field, rolling = "spec.updateStrategy.rollingUpdate", strategy.get("rollingUpdate")
    if strategy.get("type") != "RollingUpdate":
        return []
    if rolling is None:
        return [required(field)]
    unavailable, surge = rolling["maxUnavailable"], rolling["maxSurge"]
    errors = int_or_percent(f"{field}.maxUnavailable", unavailable) + int_or_percent(
        f"{field}.maxSurge", surge
    )
    if errors:
        return errors
    if _is_none(unavailable) and _is_none(surge):
        return [required(f"{field}.maxUnavailable", "cannot be 0 when maxSurge is 0")]
    if not _is_none(unavailable) and not _is_none(surge):
        why = "may not be set when maxUnavailable is non-zero"
        return [invalid(f"{field}.maxSurge", surge, why)]
    return [
        invalid(f"{field}.{name}", value, "must not be greater than 100%")
        for name, value in (("maxUnavailable", unavailable), ("maxSurge", surge))
        if isinstance(value, str) and int(value[:-1]) > 100
    ]


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
