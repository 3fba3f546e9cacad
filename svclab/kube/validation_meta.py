"""What every object's metadata must keep to: names, labels, annotations, owners; and the rules for single
words.

Source: apimachinery pkg/api/validation and pkg/util/validation, checked against recorded answers of 1.36.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from svclab.kube.selectors import key_problems, value_problems
from svclab.kube.status import FieldError, forbidden_field, invalid, not_supported, required, too_long

Manifest = dict[str, Any]
Rule = Callable[[str], list[str]]  # a word -> what is wrong with it

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_LABEL_SHAPE = re.compile(_LABEL)
_SUBDOMAIN_SHAPE = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
    "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    f"'{_LABEL}')"
)
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    f"'{_LABEL}(\\.{_LABEL})*')"
)
_CONFIG_KEY_RULE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
    "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_PERCENT_RULE = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex "
    "used for validation is '[0-9]+%')"
)
ANNOTATIONS_LIMIT_BYTES = 256 * 1024


def label_name(word: str) -> list[str]:
    """Problems of an RFC 1123 label, e.g. a Service's or a container's name."""
    problems = ["must be no more than 63 characters"] if len(word.encode()) > 63 else []
    if not _LABEL_SHAPE.fullmatch(word):
        problems.append("must not contain dots" if _SUBDOMAIN_SHAPE.fullmatch(word) else _LABEL_RULE)
    return problems


def subdomain_name(word: str) -> list[str]:
    """Problems of an RFC 1123 subdomain, e.g. a Pod's name."""
    problems = ["must be no more than 253 characters"] if len(word.encode()) > 253 else []
    if not _SUBDOMAIN_SHAPE.fullmatch(word):
        problems.append(_SUBDOMAIN_RULE)
    return problems


def path_segment_name(word: str) -> list[str]:
    """Problems of a name that only has to stand in a URL."""
    if word in (".", ".."):
        return [f"may not be '{word}'"]
    return [f"may not contain '{bad}'" for bad in ("/", "%") if bad in word]


def generated_prefix(rule: Rule) -> Rule:
    """The same rule for metadata.generateName, which may end in a hyphen."""
    return lambda word: rule(word[:-1] + "a" if word.endswith("-") and len(word) > 1 else word)


def port_name(word: str) -> list[str]:
    """Problems of a port's name (IANA service name) in containers and targetPort."""
    problems = []
    if len(word) > 15:
        problems.append("must be no more than 15 characters")
    if not re.fullmatch(r"[-a-z0-9]+", word):
        problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search(r"[a-z]", word):
        problems.append("must contain at least one letter (a-z)")
    if "--" in word:
        problems.append("must not contain consecutive hyphens")
    if word[:1] == "-" or word[-1:] == "-":
        problems.append("must not begin or end with a hyphen")
    return problems


def config_key(word: str) -> list[str]:
    """Problems of a key in a ConfigMap or Secret."""
    problems = ["must be no more than 253 characters"] if len(word.encode()) > 253 else []
    if not re.fullmatch(r"[-._a-zA-Z0-9]+", word):
        problems.append(_CONFIG_KEY_RULE)
    if word in (".", ".."):
        problems.append(f"must not be '{word}'")
    elif word.startswith(".."):
        problems.append("must not start with '..'")
    return problems


def wrong(field: str, word: str, problems: Iterable[str]) -> list[FieldError]:
    """Each problem of a word as an error of its field."""
    return [invalid(field, word, problem) for problem in problems]


def port_number(field: str, number: int) -> list[FieldError]:
    """A port must be between 1 and 65535."""
    return [] if 1 <= number <= 65535 else [invalid(field, number, "must be between 1 and 65535, inclusive")]


def port_or_name(field: str, port: int | str) -> list[FieldError]:
    """A port by number or by name."""
    return port_number(field, port) if isinstance(port, int) else wrong(field, port, port_name(port))


def non_negative(field: str, number: int | None) -> list[FieldError]:
    """A count must not be below 0; None is no count."""
    if number is None or number >= 0:
        return []
    return [invalid(field, number, "must be greater than or equal to 0")]


def int_or_percent(field: str, value: int | str) -> list[FieldError]:
    """`2` or `25%`."""
    if isinstance(value, int):
        return non_negative(field, value)
    return [] if re.fullmatch(r"[0-9]+%", value) else [invalid(field, value, _PERCENT_RULE)]


def choice(field: str, value: str | None, allowed: Iterable[str], *, needed: bool = True) -> list[FieldError]:
    """One word of a closed list; an absent one is an error only if it is needed."""
    if not value:
        return [required(field)] if needed else []
    allowed = list(allowed)
    return [] if value in allowed else [not_supported(field, value, allowed)]


def labels(field: str, given: Mapping[str, str] | None) -> list[FieldError]:
    """Keys and values of a label map."""
    errors = []
    for key, value in (given or {}).items():
        errors += wrong(field, key, key_problems(key))
        errors += wrong(field, value, value_problems(value))
    return errors


def annotations(field: str, given: Mapping[str, str] | None) -> list[FieldError]:
    """Keys of annotations, in lower case as the server looks at them, and their size together."""
    errors = []
    for key in given or {}:
        errors += wrong(field, key, key_problems(key.lower()))
    if (
        sum(len(key.encode()) + len(value.encode()) for key, value in (given or {}).items())
        > ANNOTATIONS_LIMIT_BYTES
    ):
        errors.append(too_long(field, ANNOTATIONS_LIMIT_BYTES))
    return errors


def label_selector(field: str, selector: Manifest | None) -> list[FieldError]:
    """matchLabels and matchExpressions."""
    if selector is None:
        return []
    errors = labels(f"{field}.matchLabels", selector.get("matchLabels"))
    for index, expression in enumerate(selector.get("matchExpressions") or ()):
        errors += _label_requirement(f"{field}.matchExpressions[{index}]", expression)
    return errors


def _label_requirement(field: str, expression: Manifest) -> list[FieldError]:
    operator, values = expression.get("operator", ""), expression.get("values") or []
    errors: list[FieldError] = []
    if operator in ("In", "NotIn"):
        if not values:
            errors.append(required(f"{field}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(forbidden_field(f"{field}.values", why))
    else:
        errors.append(invalid(f"{field}.operator", operator, "not a valid selector operator"))
    key = expression.get("key", "")
    errors += wrong(f"{field}.key", key, key_problems(key))
    for index, value in enumerate(values):
        errors += wrong(f"{field}.values[{index}]", value, value_problems(value))
    return errors


def object_meta(
    metadata: Manifest, rule: Rule, *, namespaced: bool, field: str = "metadata"
) -> list[FieldError]:
    """Everything about a new object's metadata; `rule` is the kind's for names."""
    return [
        *any_object_meta(metadata, rule, namespaced=namespaced, field=field),
        *_standard_finalizers(metadata, field),
    ]


def any_object_meta(
    metadata: Manifest, rule: Rule, *, namespaced: bool, field: str = "metadata"
) -> list[FieldError]:
    """What the machinery asks of every kind's metadata."""
    errors: list[FieldError] = []
    if prefix := metadata.get("generateName"):
        errors += wrong(f"{field}.generateName", prefix, generated_prefix(rule)(prefix))
    name = metadata.get("name", "")
    errors += (
        wrong(f"{field}.name", name, rule(name))
        if name
        else [required(f"{field}.name", "name or generateName is required")]
    )
    namespace = metadata.get("namespace", "")
    if namespaced:
        errors += (
            wrong(f"{field}.namespace", namespace, label_name(namespace))
            if namespace
            else [required(f"{field}.namespace")]
        )
    elif namespace:
        errors.append(forbidden_field(f"{field}.namespace", "not allowed on this type"))
    return errors + _common(metadata, field) + _finalizers(metadata, field)


def object_meta_update(new: Manifest, old: Manifest, field: str = "metadata") -> list[FieldError]:
    """What a kind checks of changed metadata: labels and the rest again, and that identity stays."""
    return [*any_object_meta_update(new, old, field), *_standard_finalizers(new, field)]


def any_object_meta_update(new: Manifest, old: Manifest, field: str = "metadata") -> list[FieldError]:
    """What the machinery checks of every kind's changed metadata."""
    errors: list[FieldError] = []
    if old.get("deletionTimestamp"):
        errors += _no_new_finalizers(new, old, field)
    for name in ("name", "namespace", "uid"):
        if new.get(name) != old.get(name):
            errors.append(invalid(f"{field}.{name}", new.get(name, ""), "field is immutable"))
    return errors + _common(new, field)


def _no_new_finalizers(new: Manifest, old: Manifest, field: str) -> list[FieldError]:
    added = sorted(set(new.get("finalizers") or ()) - set(old.get("finalizers") or ()))
    if not added:
        return []
    shown = ", ".join(f'"{name}"' for name in added)
    why = "no new finalizers can be added if the object is being deleted, found new finalizers"
    return [forbidden_field(f"{field}.finalizers", f"{why} []string{{{shown}}}")]


def _common(metadata: Manifest, field: str) -> list[FieldError]:
    errors = labels(f"{field}.labels", metadata.get("labels"))
    errors += annotations(f"{field}.annotations", metadata.get("annotations"))
    return errors + _owners(f"{field}.ownerReferences", metadata.get("ownerReferences") or [])


def _owners(field: str, owners: list[Manifest]) -> list[FieldError]:
    errors, controller = [], ""
    for index, owner in enumerate(owners):
        errors += _owner(f"{field}[{index}]", owner)
        if not owner.get("controller"):
            continue
        name = f"{owner.get('kind', '')}/{owner.get('name', '')}"
        if controller:
            why = (
                'Only one reference can have Controller set to true. Found "true" in references for '
                f"{controller} and {name}"
            )
            errors.append(invalid(field, name, why))
        else:
            controller = name
    return errors


def _owner(field: str, owner: Manifest) -> list[FieldError]:
    words = {"apiVersion": "version", "kind": "kind", "name": "name", "uid": "uid"}
    errors = [
        invalid(f"{field}.{key}", owner.get(key, ""), f"{word} must not be empty")
        for key, word in words.items()
        if not owner.get(key)
    ]
    if (owner.get("apiVersion"), owner.get("kind")) == ("v1", "Event"):
        errors.append(invalid(field, owner, "/v1, Kind=Event is disallowed from being an owner"))
    return errors


def _finalizers(metadata: Manifest, field: str) -> list[FieldError]:
    errors, field = [], f"{field}.finalizers"
    finalizers = metadata.get("finalizers") or []
    for finalizer in finalizers:
        errors += wrong(field, finalizer, key_problems(finalizer))
    if {"orphan", "foregroundDeletion"} <= set(finalizers):
        why = "finalizer orphan and foregroundDeletion cannot be both set"
        errors.append(invalid(field, finalizers, why))
    return errors


def _standard_finalizers(metadata: Manifest, field: str) -> list[FieldError]:
    errors = []
    for index, finalizer in enumerate(metadata.get("finalizers") or ()):
        errors += standard_finalizer(f"{field}.finalizers[{index}]", finalizer)
    return errors


def standard_finalizer(field: str, finalizer: str) -> list[FieldError]:
    """A finalizer without a domain must be one of Kubernetes' own."""
    if "/" in finalizer or finalizer in ("kubernetes", "orphan", "foregroundDeletion"):
        return []
    why = "name is neither a standard finalizer name nor is it fully qualified"
    return [invalid(field, finalizer, why)]
