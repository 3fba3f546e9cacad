"""The order of equals: what a real kubectl 1.33 printed for config maps, sorted by a value that many share."""

import pytest

from svclab.terminal.commands.kubectl.go_sort import go_sorted
from svclab.terminal.commands.kubectl.sorting import value_less

# `kubectl get cm --sort-by=.data.k -o name`: places in the order of names, values, places as sorted.
_THIRTY = "001011110010110110010000101001"
_THIRTY_SORTED = "21 20 28 03 27 25 23 00 08 09 18 11 17 22 01 14 05 02 10 19 15 13 24 06 12 16 26 04 07 29"


def test_more_than_a_dozen_equals_are_shuffled_as_gos_sort_shuffles_them():
    places = go_sorted(list(range(30)), lambda one, other: _THIRTY[one] < _THIRTY[other])

    assert " ".join(f"{place:02}" for place in places) == _THIRTY_SORTED


@pytest.mark.parametrize("values", [[3, 1, 2], list(range(200)), list(range(200))[::-1], [7, 5] * 60, []])
def test_what_is_sorted_is_in_order(values):
    assert go_sorted(values, lambda one, other: one < other) == sorted(values)


@pytest.mark.parametrize(
    ("left", "right", "less"),
    [
        ("a10", "a9", True),
        ("100m", "1", True),
        ("9", "10", True),
        (9, 10, True),
        (None, "x", True),
        ("x", None, False),
    ],
)
def test_quantities_are_compared_as_amounts_and_other_text_letter_by_letter(left, right, less):
    assert value_less(left, right) is less


def test_a_list_has_no_order():
    with pytest.raises(TypeError, match=r"unsortable type: \[\]interface \{\}"):
        value_less([1], [2])
