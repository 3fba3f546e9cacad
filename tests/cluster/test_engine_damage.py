"""Files that somebody damaged: the engine reads them or refuses them in one line, and never falls over."""

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from svclab.cluster.enginedns import dns_text
from svclab.cluster.enginetrace import trace_text
from svclab.cluster.importing import BadFile, manifests
from svclab.cluster.management.commands.engine import rules_text
from svclab.kube.snapshot import Snapshot
from tests.recordings.cases import recording

NAMES = ("lb-local", "session-affinity", "headless-externalname", "external-ips")
JUNK: list[Any] = [
    None,
    3,
    -1,
    1.5,
    99999999,
    True,
    "x",
    "",
    "10.0.0.1",
    "::1",
    [],
    [None],
    ["a"],
    {},
    {"a": 1},
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of everything inside a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in items for place in ((value, key), *places(item))]


@st.composite
def damaged(draw):
    """The objects of a recording with one to three things deleted or replaced, and its recording."""
    found = recording(draw(st.sampled_from(NAMES)))
    objects = copy.deepcopy(found["objects"])
    for _ in range(draw(st.integers(1, 3))):
        inside = places(objects[draw(st.integers(0, len(objects) - 1))])
        if not inside:
            continue
        container, key = inside[draw(st.integers(0, len(inside) - 1))]
        if draw(st.booleans()):
            del container[key]
        else:
            container[key] = copy.deepcopy(draw(st.sampled_from(JUNK)))
    return objects, found


@settings(max_examples=80, deadline=None)
@given(damaged())
def test_a_damaged_file_is_read_or_refused_in_one_line(cluster):
    objects, found = cluster
    requests = [*found["packets"][:4], {"from": "pod default/probe-node1", "to": "http://name"}]
    questions = [{"name": row["name"], "type": row["type"]} for row in found["dns"][:10]]
    refusals = []

    try:
        snapshot = Snapshot.of(manifests([{"kind": "List", "items": objects}]))
    except BadFile as refused:
        refusals.append(str(refused))
    else:
        for act in (
            *(
                lambda mode=mode: rules_text(snapshot, "node1", mode)
                for mode in ("iptables", "nftables", "ipvs")
            ),
            lambda: trace_text(snapshot, json.dumps(requests), events=True, seed="damage"),
            lambda: dns_text(snapshot, None, json.dumps(questions)),
            lambda: dns_text(snapshot, "default/probe-node1", '["name"]'),
        ):
            try:
                assert act()
            except BadFile as refused:
                refusals.append(str(refused))

    assert all(refusal and "\n" not in refusal for refusal in refusals)
