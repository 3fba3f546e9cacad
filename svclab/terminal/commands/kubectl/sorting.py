"""`--sort-by`: which of two objects comes first by one of their fields.

Source: kubectl pkg/cmd/get/sorter.go.
"""

from typing import Any

from svclab.kube import jsonpath, quantity
from svclab.kube.jsonpath import JsonPathError
from svclab.terminal.commands.kubectl.errors import KubectlError
from svclab.terminal.commands.kubectl.go_sort import go_sorted

Manifest = dict[str, Any]


class Unsortable(Exception):
    """A field holds values that have no order; kubectl's logger gives the message."""


def sorted_by(objects: list[Manifest], sort_by: str, what: str) -> list[int]:
    """The places of `objects` in the order of a field of theirs, e.g. `.metadata.creationTimestamp`.

    `what` is the Go type that is sorted. Raises Unsortable, and KubectlError for a bad path, or one that
    no object has.
    """
    try:
        path = jsonpath.relaxed(sort_by)
        found = [jsonpath.find(sort_by, manifest) for manifest in objects]
    except JsonPathError as problem:
        raise KubectlError(str(problem)) from None
    if objects and not any(found):
        raise KubectlError(f'couldn\'t find any field with path "{path}" in the list of objects')

    def less(one: int, other: int) -> bool:
        if not found[one] or not found[other]:
            return not found[one]
        try:
            return value_less(found[one][0], found[other][0])
        except TypeError as problem:
            raise Unsortable(
                f"Field {path} in {what} is an unsortable type: interface, err: {problem}"
            ) from None

    return go_sorted(list(range(len(objects))), less)


def value_less(left: Any, right: Any) -> bool:
    """Whether a field's value comes before another's. Raises TypeError in kubectl's words."""
    if left is None or right is None:
        return left is None and right is not None
    if isinstance(left, str):
        if not isinstance(right, str):
            raise TypeError("unsortable type: string")
        try:
            return quantity.parse(left).amount < quantity.parse(right).amount
        except quantity.QuantityError:
            return left < right
    if isinstance(left, bool) or not isinstance(left, int | float):
        kinds = {bool: "bool", dict: "map[string]interface {}", list: "[]interface {}"}
        raise TypeError(f"unsortable type: {kinds.get(type(left), 'interface')}")
    return left < right
