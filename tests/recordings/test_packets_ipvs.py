"""The same connections in ipvs mode, walked through what our kube-proxy makes of the recorded objects.

There is no recording of ipvs mode. The recorded answers are those of iptables mode, and every difference is
one of those that kube-proxy's source and documents describe:

  loopback        node ports do not answer on 127.0.0.1: ipvs cannot serve there
  source ranges   they are checked before it is asked whether there are endpoints: silence, not a refusal
  local only      with policy Local everybody gets the node's own endpoints, pods and the node itself too
  nothing dropped with policy Local and no endpoint of its own a node falls back to all that the Service uses
                  from outside; if there are none, the virtual server refuses
"""

from collections import Counter

import pytest

from tests.recordings.cases import recording
from tests.recordings.packets import (
    answer,
    fabric_with_our_ipvs,
    has_local_policy,
    is_sticky,
    node_of_endpoint,
    possible,
    refused_ranges,
    rows,
    sources_seen,
)

DIFFERENCES = ("loopback", "source ranges", "local only", "nothing dropped")


def difference(name, row, recorded, ours):
    """Which documented difference explains that `ours` is not what was recorded; None if none does."""
    if row["to"].startswith("127."):
        return "loopback" if ours == {"refused"} else None
    if refused_ranges(name, row):
        return "source ranges" if (recorded, ours) == ({"refused"}, {"timeout"}) else None
    if not has_local_policy(name, row):
        return None
    if recorded == {"timeout"}:
        return "nothing dropped"
    nodes = {node_of_endpoint(name, endpoint) for endpoint in ours}
    on_them = {endpoint for endpoint in recorded if node_of_endpoint(name, endpoint) in nodes}
    return "local only" if len(nodes) == 1 and ours == on_them else None


def compare(name, row):
    """What we find for a row, its answers, and None or the kind of difference from the recording."""
    found = possible(fabric_with_our_ipvs(name), row)
    recorded, ours = set(row["answers"]), {answer(outcome) for outcome in found}
    if ours == recorded or (is_sticky(name, row) and recorded < ours):
        return found, ours, None
    return found, ours, difference(name, row, recorded, ours) or "unexplained"


@pytest.mark.parametrize(("name", "number"), rows())
def test_ipvs_mode_answers_as_iptables_mode_does_but_for_the_documented_differences(name, number):
    row = recording(name)["packets"][number]

    found, ours, kind = compare(name, row)

    assert sum(outcome.probability for outcome in found) == 1
    assert kind is None or kind in DIFFERENCES, (row["answers"], ours)
    recorded, seen = row["seen_source"], sources_seen(found)
    assert {end: seen[end] for end in recorded if end in seen} == {
        end: set(sources) for end, sources in recorded.items() if end in seen
    }
    assert kind is not None or set(recorded) <= set(seen)


def test_every_documented_difference_occurs_in_the_recordings():
    kinds = Counter(compare(name, recording(name)["packets"][number])[2] for name, number in rows())

    assert set(kinds) == {None, *DIFFERENCES}
    assert kinds[None] > kinds.total() * 0.9
