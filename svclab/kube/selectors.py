"""Label selectors and field selectors, in the text form of requests and in the object form of manifests.

Source: apimachinery pkg/labels and pkg/fields; error texts as the API server gives them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from svclab.kube.status import go_quote

Manifest = dict[str, Any]
Labels = Mapping[str, str]


class SelectorError(ValueError):
    """A selector that cannot be read; the message is the API server's, without its prefix."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on a label: operator is =, !=, in, notin, exists, !, gt or lt."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Labels) -> bool:
        """Whether labels meet it. `!=` and `notin` are also met by objects without the key."""
        value = labels.get(self.key)
        if self.operator in ("=", "in"):
            return value in self.values if value is not None else False
        if self.operator in ("!=", "notin"):
            return value is None or value not in self.values
        if self.operator == "exists":
            return value is not None
        if self.operator == "!":
            return value is None
        return value is not None and _compares(value, self.operator, self.values[0])

    def __str__(self) -> str:
        if self.operator in ("=", "!="):
            return f"{self.key}{self.operator}{self.values[0]}"
        if self.operator in ("in", "notin"):
            return f"{self.key} {self.operator} ({','.join(sorted(self.values))})"
        if self.operator in ("gt", "lt"):
            return f"{self.key}{'>' if self.operator == 'gt' else '<'}{self.values[0]}"
        return f"!{self.key}" if self.operator == "!" else self.key


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All requirements must hold; none at all selects everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Labels | None) -> bool:
        """Whether an object with these labels is selected."""
        return all(requirement.matches(labels or {}) for requirement in self.requirements)

    def __call__(self, manifest: Manifest) -> bool:
        return self.matches(manifest["metadata"].get("labels"))

    def __str__(self) -> str:
        return ",".join(str(requirement) for requirement in self.requirements)


def label_selector(text: str) -> LabelSelector:
    """The selector written in `labelSelector=` or after `-l`.

    Raises SelectorError with the words of the server ("unable to parse requirement: ...").
    """
    return LabelSelector(tuple(sorted(_Parser(text).parse(), key=lambda requirement: requirement.key)))


def from_object(selector: Manifest | None) -> LabelSelector | None:
    """The selector of a manifest's matchLabels and matchExpressions; None for none, selects nothing."""
    if selector is None:
        return None
    requirements = [Requirement(k, "=", (v,)) for k, v in (selector.get("matchLabels") or {}).items()]
    operators = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
    for expression in selector.get("matchExpressions") or []:
        values = tuple(expression.get("values") or ())
        requirements.append(Requirement(expression["key"], operators[expression["operator"]], values))
    return LabelSelector(tuple(sorted(requirements, key=lambda requirement: requirement.key)))


def from_labels(labels: Labels | None) -> LabelSelector:
    """The selector of a plain map, as in a Service's spec.selector."""
    return LabelSelector(tuple(Requirement(k, "=", (v,)) for k, v in sorted((labels or {}).items())))


def format_object(selector: Manifest | None) -> str:
    """A manifest's selector in text, as tables and `describe` print it; `<none>` when it is empty."""
    found = from_object(selector)
    return str(found) if found is not None and found.requirements else "<none>"


def format_labels(labels: Labels | None) -> str:
    """Labels as `a=b,c=d`, sorted; `<none>` without any."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or "<none>"


def _compares(value: str, operator: str, bound: str) -> bool:
    if not re.fullmatch(r"-?\d+", value):
        return False
    return int(value) > int(bound) if operator == "gt" else int(value) < int(bound)


_TOKEN = re.compile(r"\s*(==|!=|=|!|\(|\)|,|<|>|[^\s=!(),<>]+)")
_SYMBOLS = {"==", "!=", "=", "!", "(", ")", ",", "<", ">"}


class _Parser:
    """Reads one selector, token by token, as apimachinery's labels.Parser does."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._at = 0

    def parse(self) -> list[Requirement]:
        requirements: list[Requirement] = []
        while (found := self._peek()) and found not in _SYMBOLS - {"!"}:
            requirements.append(self._requirement())
            if not (found := self._next()):
                return requirements
            if found != ",":
                raise SelectorError(f"found '{found}', expected: ',' or 'end of string'")
            if not self._peek() or self._peek() in _SYMBOLS - {"!"}:
                raise SelectorError(f"found '{self._peek()}', expected: identifier after ','")
        if found:
            raise SelectorError(f"found '{found}', expected: !, identifier, or 'end of string'")
        return requirements

    def _requirement(self) -> Requirement:
        absent = self._peek() == "!"
        if absent:
            self._next()
        key = self._next()
        if not key or key in _SYMBOLS:
            raise self._broken(f"found '{key}', expected: identifier")
        if problems := key_problems(key):
            # The server has no path to name here.
            raise self._broken(f"<nil>: Invalid value: {go_quote(key)}: {'; '.join(problems)}")
        if self._peek() in ("", ","):
            return Requirement(key, "!" if absent else "exists")
        if absent:
            return Requirement(key, "!")
        return self._valued(key)

    def _valued(self, key: str) -> Requirement:
        operator = self._next()
        if operator in ("in", "notin"):
            return Requirement(key, operator, self._checked(key, sorted(set(self._set()))))
        if operator in ("=", "==", "!="):
            values = self._checked(key, [self._exact()])
            return Requirement(key, "!=" if operator == "!=" else "=", values)
        if operator in ("<", ">"):
            return Requirement(key, "gt" if operator == ">" else "lt", self._number(key))
        raise self._broken(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")

    def _exact(self) -> str:
        if self._peek() in ("", ","):
            return ""
        value = self._next()
        if value in _SYMBOLS:
            raise self._broken(f"found '{value}', expected: identifier")
        return value

    def _number(self, key: str) -> tuple[str, ...]:
        value = self._exact()
        errors = []
        if not re.fullmatch(r"[-+]?\d+", value):
            rule = "for 'Gt', 'Lt' operators, the value must be an integer"
            errors.append(f"values[0]: Invalid value: {go_quote(value)}: {rule}")
        return self._checked(key, [value], errors)

    def _set(self) -> list[str]:
        if (found := self._next()) != "(":
            raise self._broken(f"found '{found}' expected: '('")
        found = self._peek()
        if found == ")":
            self._next()
            return [""]
        if not found or found in _SYMBOLS - {","}:
            raise self._broken(f"found '{found}', expected: ',', ')' or identifier")
        values = [""] if found == "," else [self._next()]
        while (found := self._next()) == ",":
            values.append("" if self._peek() in (")", ",") else self._member())
        if found != ")":
            raise self._broken(f"found '{found}', expected: ',' or ')'")
        return values

    def _member(self) -> str:
        value = self._next()
        if not value or value in _SYMBOLS:
            raise self._broken(f"found '{value}', expected: ',', or identifier")
        return value

    def _checked(self, key: str, values: list[str], errors: Sequence[str] = ()) -> tuple[str, ...]:
        """The values of a requirement; all that is wrong with them is told at once."""
        wrong = [
            *errors,
            *(
                f"values[{index}][{key}]: Invalid value: {go_quote(value)}: {'; '.join(problems)}"
                for index, value in enumerate(values)
                if (problems := value_problems(value))
            ),
        ]
        if wrong:
            raise self._broken(wrong[0] if len(wrong) == 1 else f"[{', '.join(wrong)}]")
        return tuple(values)

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    @staticmethod
    def _broken(message: str) -> SelectorError:
        return SelectorError(f"unable to parse requirement: {message}")


_NAME_SHAPE = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_VALUE_SHAPE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_PREFIX_SHAPE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_NAME_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used "
    "for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_PREFIX_RULE = (
    "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for "
    "validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def key_problems(key: str) -> list[str]:
    """What is wrong with a label key, in the server's words; [] when nothing is."""
    prefix, slash, name = key.rpartition("/")
    problems = []
    if prefix.count("/"):
        return [
            f"a valid label key {_NAME_RULE} with an optional DNS subdomain prefix and '/' "
            "(e.g. 'example.com/MyName')"
        ]
    if slash and not prefix:
        problems.append("prefix part must be non-empty")
    elif slash:
        if len(prefix.encode()) > 253:
            problems.append("prefix part must be no more than 253 bytes")
        if not _PREFIX_SHAPE.fullmatch(prefix):
            problems.append(_PREFIX_RULE)
    if not name:
        problems.append("name part must be non-empty")
    elif len(name.encode()) > 63:
        problems.append("name part must be no more than 63 bytes")
    if not _NAME_SHAPE.fullmatch(name):
        problems.append(f"name part {_NAME_RULE}")
    return problems


def value_problems(value: str) -> list[str]:
    """What is wrong with a label value, in the server's words; [] when nothing is."""
    problems = ["must be no more than 63 bytes"] if len(value.encode()) > 63 else []
    return problems if _VALUE_SHAPE.fullmatch(value) else [*problems, _VALUE_RULE]


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """Conditions on an object's fields: (path, negated, value) triples that must all hold."""

    terms: tuple[tuple[str, bool, str], ...] = ()

    def __call__(self, manifest: Manifest) -> bool:
        return all((field_value(manifest, path) == value) != negated for path, negated, value in self.terms)


SELECTABLE_FIELDS: Mapping[str, frozenset[str]] = {
    "Pod": frozenset({
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
        "spec.hostNetwork", "status.phase", "status.podIP", "status.podIPs", "status.nominatedNodeName",
    }),
    "Event": frozenset({
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
        "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
        "reportingComponent", "source", "type",
    }),
    "Service": frozenset({"spec.clusterIP", "spec.type"}),
    "Node": frozenset({"spec.unschedulable"}),
    "Namespace": frozenset({"status.phase"}),
    "Secret": frozenset({"type"}),
    "ReplicaSet": frozenset({"status.replicas"}),
}  # fmt: skip


def field_selector(text: str, kind: str) -> FieldSelector:
    """The selector written in `fieldSelector=` for objects of a kind.

    Raises SelectorError: a term without operator, or a field that the server cannot select by.
    """
    terms = tuple(_field_term(part, text) for part in sorted(_split_fields(text)) if part)
    known = SELECTABLE_FIELDS.get(kind, frozenset()) | {"metadata.name", "metadata.namespace"}
    for path, _, _ in terms:
        if path not in known:
            raise SelectorError(_unsupported(kind, path))
    return FieldSelector(terms)


def _unsupported(kind: str, path: str) -> str:
    if kind in SELECTABLE_FIELDS:
        return f"field label not supported: {path}"
    return f'"{path}" is not a known field selector: only "metadata.name", "metadata.namespace"'


def field_value(manifest: Manifest, path: str) -> str:
    """The text that a field selector compares: "" for a missing field."""
    if path == "source":
        return (manifest.get("source") or {}).get("component") or manifest.get("reportingComponent") or ""
    value: Any = manifest
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if path == "status.podIPs":
        return ",".join(entry.get("ip", "") for entry in value or [])
    if isinstance(value, bool):
        return str(value).lower()
    if value is None and path in ("spec.unschedulable", "spec.hostNetwork"):
        return "false"
    return "" if value is None else str(value)


def _split_fields(text: str) -> list[str]:
    return re.split(r"(?<!\\),", text)


def _field_term(part: str, text: str) -> tuple[str, bool, str]:
    shape = re.fullmatch(r"(.*?)(==|!=|=)(.*)", part, re.DOTALL)
    if shape is None:
        raise SelectorError(f"invalid selector: '{text}'; can't understand '{part}'")
    return shape.group(1), shape.group(2) == "!=", _unescaped(shape.group(3))


def _unescaped(value: str) -> str:
    """A value without the backslashes that a field selector wants before `\\`, `,` and `=`."""
    if bare := re.search(r"[,=]", re.sub(r"\\.", "", value)):
        # The server prints the character's number.
        raise SelectorError(f"invalid field selector: unescaped character in value: {ord(bare[0])}")
    if bad := re.search(r"(?<!\\)(?:\\\\)*(\\(?:[^\\,=]|$))", value):
        raise SelectorError(f"invalid field selector: invalid escape sequence: {bad[1]}")
    return re.sub(r"\\([\\,=])", r"\1", value)
