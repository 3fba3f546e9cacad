"""Where pods may run: tolerations and taints, affinities, spread constraints.

Source: k8s.io/kubernetes pkg/apis/core/validation of 1.36 (ValidateTolerations, validateAffinity,
validateTopologySpreadConstraints).
"""

from typing import Any

from svclab.kube.selectors import key_problems, value_problems
from svclab.kube.status import FieldError, duplicate, forbidden_field, invalid, not_supported, required
from svclab.kube.validation_meta import label_name, label_selector, subdomain_name, wrong

Manifest = dict[str, Any]

_TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_ACTIONS = ("DoNotSchedule", "ScheduleAnyway")
_INCLUSIONS = ("Honor", "Ignore")
_REQUIRED, _PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)


def validate_tolerations(field: str, tolerations: list[Manifest]) -> list[FieldError]:
    """The tolerations of a pod."""
    errors = []
    for index, toleration in enumerate(tolerations):
        errors += _toleration(f"{field}[{index}]", toleration)
    return errors


def _toleration(field: str, toleration: Manifest) -> list[FieldError]:
    errors: list[FieldError] = []
    key, operator = toleration.get("key", ""), toleration.get("operator", "")
    if key:
        errors += wrong(f"{field}.key", key, key_problems(key))
    elif operator != "Exists":
        why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        errors.append(invalid(f"{field}.operator", operator, why))
    effect = toleration.get("effect", "")
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        why = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        errors.append(invalid(f"{field}.effect", effect, why))
    errors += _toleration_operator(field, operator, toleration.get("value", ""))
    if effect and effect not in _TAINT_EFFECTS:
        errors.append(not_supported(f"{field}.effect", effect, _TAINT_EFFECTS))
    return errors


def _toleration_operator(field: str, operator: str, value: str) -> list[FieldError]:
    if operator in ("", "Equal"):
        problems = value_problems(value)
        return [invalid(f"{field}.operator", value, ";".join(problems))] if problems else []
    if operator == "Exists":
        why = "value must be empty when `operator` is 'Exists'"
        return [invalid(f"{field}.operator", value, why)] if value else []
    known = ("Equal", "Exists", "Lt", "Gt") if operator in ("Lt", "Gt") else ("Equal", "Exists")
    return [not_supported(f"{field}.operator", operator, known)]


def validate_taint(field: str, taint: Manifest) -> list[FieldError]:
    """A node's taint."""
    key, value, effect = taint.get("key", ""), taint.get("value", ""), taint.get("effect", "")
    errors = wrong(f"{field}.key", key, key_problems(key))
    if problems := value_problems(value):
        errors.append(invalid(f"{field}.value", value, ";".join(problems)))
    if not effect:
        return [*errors, required(f"{field}.effect")]
    if effect not in _TAINT_EFFECTS:
        errors.append(not_supported(f"{field}.effect", effect, _TAINT_EFFECTS))
    return errors


def validate_affinity(field: str, affinity: Manifest) -> list[FieldError]:
    """Affinity to nodes, to pods and against pods."""
    errors: list[FieldError] = []
    if "nodeAffinity" in affinity:
        errors += _node_affinity(f"{field}.nodeAffinity", affinity["nodeAffinity"])
    for name in ("podAffinity", "podAntiAffinity"):
        if name in affinity:
            errors += _pod_affinity(f"{field}.{name}", affinity[name])
    return errors


def _node_affinity(field: str, affinity: Manifest) -> list[FieldError]:
    errors: list[FieldError] = []
    if _REQUIRED in affinity:
        terms, inner = affinity[_REQUIRED].get("nodeSelectorTerms", []), f"{field}.{_REQUIRED}"
        if not terms:
            why = "must have at least one node selector term"
            errors.append(required(f"{inner}.nodeSelectorTerms", why))
        for index, term in enumerate(terms):
            errors += _node_term(f"{inner}.nodeSelectorTerms[{index}]", term, check_values=True)
    for index, term in enumerate(affinity.get(_PREFERRED, ())):
        inner = f"{field}.{_PREFERRED}[{index}]"
        errors += _weight(inner, term)
        errors += _node_term(f"{inner}.preference", term.get("preference", {}), check_values=False)
    return errors


def _weight(field: str, term: Manifest) -> list[FieldError]:
    weight = term.get("weight", 0)
    return [] if 1 <= weight <= 100 else [invalid(f"{field}.weight", weight, "must be in the range 1-100")]


def _node_term(field: str, term: Manifest, *, check_values: bool) -> list[FieldError]:
    errors = []
    for index, requirement in enumerate(term.get("matchExpressions", ())):
        inner = f"{field}.matchExpressions[{index}]"
        errors += _node_requirement(inner, requirement, check_values=check_values)
    for index, requirement in enumerate(term.get("matchFields", ())):
        errors += _node_field_requirement(f"{field}.matchFields[{index}]", requirement)
    return errors


def _node_requirement(field: str, requirement: Manifest, *, check_values: bool) -> list[FieldError]:
    operator, values = requirement.get("operator", ""), requirement.get("values", [])
    key = requirement.get("key", "")
    errors: list[FieldError] = []
    if operator in ("In", "NotIn"):
        if not values:
            errors.append(required(f"{field}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(forbidden_field(f"{field}.values", why))
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            why = "must be specified single value when `operator` is 'Lt' or 'Gt'"
            errors.append(required(f"{field}.values", why))
    else:
        errors.append(invalid(f"{field}.operator", operator, "not a valid selector operator"))
    errors += wrong(f"{field}.key", key, key_problems(key))
    for index, value in enumerate(values if check_values else ()):
        errors += wrong(f"{field}.values[{index}]", value, value_problems(value))
    return errors


def _node_field_requirement(field: str, requirement: Manifest) -> list[FieldError]:
    operator, values = requirement.get("operator", ""), requirement.get("values", [])
    errors: list[FieldError] = []
    if operator not in ("In", "NotIn"):
        errors.append(invalid(f"{field}.operator", operator, "not a valid selector operator"))
    elif len(values) != 1:
        why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        errors.append(required(f"{field}.values", why))
    key = requirement.get("key", "")
    if key != "metadata.name":
        return [*errors, invalid(f"{field}.key", key, "not a valid field selector key")]
    for index, value in enumerate(values):
        errors += wrong(f"{field}.values[{index}]", value, subdomain_name(value))
    return errors


def _pod_affinity(field: str, affinity: Manifest) -> list[FieldError]:
    errors = []
    for index, term in enumerate(affinity.get(_REQUIRED, ())):
        errors += _pod_term(f"{field}.{_REQUIRED}[{index}]", term)
    for index, weighted in enumerate(affinity.get(_PREFERRED, ())):
        inner = f"{field}.{_PREFERRED}[{index}]"
        errors += _weight(inner, weighted)
        errors += _pod_term(f"{inner}.podAffinityTerm", weighted.get("podAffinityTerm", {}))
    return errors


def _pod_term(field: str, term: Manifest) -> list[FieldError]:
    errors = label_selector(f"{field}.labelSelector", term.get("labelSelector"))
    errors += label_selector(f"{field}.namespaceSelector", term.get("namespaceSelector"))
    for name in term.get("namespaces", ()):
        errors += wrong(f"{field}.namespace", name, label_name(name))
    for name in ("matchLabelKeys", "mismatchLabelKeys"):
        errors += _label_keys(f"{field}.{name}", term.get(name, []), term.get("labelSelector"))
    key = term.get("topologyKey", "")
    if not key:
        errors.append(required(f"{field}.topologyKey", "can not be empty"))
    return errors + wrong(f"{field}.topologyKey", key, key_problems(key))


def _label_keys(field: str, keys: list[str], selector: Manifest | None) -> list[FieldError]:
    if not keys:
        return []
    if selector is None:
        return [forbidden_field(field, "must not be specified when labelSelector is not set")]
    errors = []
    for index, key in enumerate(keys):
        errors += wrong(f"{field}[{index}]", key, key_problems(key))
    return errors


def validate_spread_constraints(field: str, constraints: list[Manifest]) -> list[FieldError]:
    """How a pod's siblings are spread over nodes and zones."""
    errors = []
    for index, constraint in enumerate(constraints):
        errors += _spread_constraint(f"{field}[{index}]", constraint, constraints[index + 1 :])
    return errors


def _spread_constraint(field: str, constraint: Manifest, others: list[Manifest]) -> list[FieldError]:
    errors: list[FieldError] = []
    skew, key = constraint.get("maxSkew", 0), constraint.get("topologyKey", "")
    action = constraint.get("whenUnsatisfiable", "")
    if skew <= 0:
        errors.append(invalid(f"{field}.maxSkew", skew, "must be greater than zero"))
    if not key:
        errors.append(required(f"{field}.topologyKey", "can not be empty"))
    if action not in _ACTIONS:
        errors.append(not_supported(f"{field}.whenUnsatisfiable", action, _ACTIONS))
    if any((o.get("topologyKey", ""), o.get("whenUnsatisfiable", "")) == (key, action) for o in others):
        pair = f"{{{key}, {action}}}"
        errors.append(duplicate(f"{field}.{{topologyKey, whenUnsatisfiable}}", pair))
    errors += _min_domains(f"{field}.minDomains", constraint.get("minDomains"), action)
    for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
        if (policy := constraint.get(name)) is not None and policy not in _INCLUSIONS:
            errors.append(not_supported(f"{field}.{name}", policy, _INCLUSIONS))
    selector = constraint.get("labelSelector")
    errors += _label_keys(f"{field}.matchLabelKeys", constraint.get("matchLabelKeys", []), selector)
    return errors + label_selector(f"{field}.labelSelector", selector)


def _min_domains(field: str, count: int | None, action: str) -> list[FieldError]:
    if count is None:
        return []
    errors = [invalid(field, count, "must be greater than zero")] if count <= 0 else []
    if action != "DoNotSchedule":
        why = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
        errors.append(invalid(field, count, why))
    return errors


def validate_gates(field: str, names: list[str]) -> list[FieldError]:
    """What a pod waits for before it is scheduled."""
    errors = []
    for index, name in enumerate(names):
        errors += wrong(f"{field}[{index}]", name, key_problems(name))
        if name in names[:index]:
            errors.append(duplicate(f"{field}[{index}]", name))
    return errors
