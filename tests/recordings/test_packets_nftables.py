"""The same connections in nftables mode, walked through the recorded tables and through ours.

The recorded answers are those of iptables mode. Two documented differences are expected: node ports do not
answer on 127.0.0.1, and source ranges are checked before it is asked whether there are endpoints.
"""

import pytest

from tests.recordings.cases import recording
from tests.recordings.packets import (
    answer,
    fabric_with_our_nftables,
    fabric_with_recorded_nftables,
    is_sticky,
    possible,
    refused_ranges,
    rows,
    sources_seen,
)

FABRICS = {"recorded table": fabric_with_recorded_nftables, "our table": fabric_with_our_nftables}


def expected(name, row):
    """Who answers in nftables mode, and the sources seen."""
    if row["to"].startswith("127."):
        return {"refused"}, {}
    if refused_ranges(name, row):
        return {"timeout"}, {}
    return set(row["answers"]), {endpoint: set(seen) for endpoint, seen in row["seen_source"].items()}


@pytest.mark.parametrize("rules", FABRICS)
@pytest.mark.parametrize(("name", "number"), rows())
def test_nftables_mode_answers_as_iptables_mode_does_but_for_the_documented_differences(name, number, rules):
    row = recording(name)["packets"][number]
    answers, seen = expected(name, row)

    found = possible(FABRICS[rules](name), row)

    assert sum(outcome.probability for outcome in found) == 1
    ours = {answer(outcome) for outcome in found}
    if is_sticky(name, row) and len(ours) > 1:
        assert len(answers) == 1
        assert answers < ours
    else:
        assert answers == ours
    sources = sources_seen(found)
    assert {endpoint: sources[endpoint] for endpoint in seen} == seen
