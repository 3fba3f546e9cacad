"""Every recorded connection ends in our engine as it ended in the kernel."""

from collections import Counter

import pytest

from tests.recordings.cases import recording
from tests.recordings.packets import (
    answer,
    chi_square_p,
    fabric_with_our_rules,
    fabric_with_recorded_rules,
    is_sticky,
    possible,
    rows,
    sources_seen,
)

ROWS = rows()
SIGNIFICANCE = 0.001 / len(ROWS)  # Bonferroni


FABRICS = {"recorded rules": fabric_with_recorded_rules, "our rules": fabric_with_our_rules}


@pytest.mark.parametrize("rules", FABRICS)
@pytest.mark.parametrize(("name", "number"), ROWS)
def test_the_same_answers_from_the_same_endpoints_that_see_the_same_sources(name, number, rules):
    row = recording(name)["packets"][number]

    found = possible(FABRICS[rules](name), row)

    assert sum(outcome.probability for outcome in found) == 1
    ours = {answer(outcome) for outcome in found}
    if is_sticky(name, row) and len(ours) > 1:
        assert len(row["answers"]) == 1
        assert set(row["answers"]) < ours
    else:
        assert set(row["answers"]) == ours
    seen = sources_seen(found)
    assert {endpoint: seen[endpoint] for endpoint in row["seen_source"]} == {
        endpoint: set(sources) for endpoint, sources in row["seen_source"].items()
    }


@pytest.mark.parametrize(("name", "number"), ROWS)
def test_the_recorded_counts_fit_the_computed_probabilities(name, number):
    row = recording(name)["packets"][number]
    found = possible(fabric_with_recorded_rules(name), row)
    if is_sticky(name, row):
        assert len(row["answers"]) == 1
        return
    tries = sum(row["answers"].values())
    chances: Counter[str] = Counter()
    for outcome in found:
        chances[answer(outcome)] += float(outcome.probability)

    p = chi_square_p(
        [row["answers"].get(end, 0) for end in chances], [tries * chance for chance in chances.values()]
    )

    assert p > SIGNIFICANCE


def test_the_chi_square_tail_has_its_tabulated_values():
    assert chi_square_p([65, 35], [50, 50]) == pytest.approx(0.0026998, rel=1e-4)
    assert chi_square_p([10, 10, 10], [10, 10, 10]) == 1.0
    assert chi_square_p([30, 10, 20], [20, 20, 20]) == pytest.approx(0.0067379, rel=1e-4)
