"""The captions beneath the stage: the trace in plain words, for somebody who sees it for the first time."""

import pytest

from tests.builders import curl, pod, service, slice_of, standard, world

CAPTIONS = """async (m, trace, names) => {
  const { framesOf } = await import('/static/js/trace/frames.js');
  const frames = framesOf(trace);
  const said = frames.map((frame) => m.caption(frames, frame.index, (address) => names[address] ?? ''));
  return said.filter((one, i) => !i || one.text !== said[i - 1].text).map((one) => [one.tone, one.text]);
}"""


def _told(js, trace, **names):
    return js("a11y/caption.js", CAPTIONS, trace, {"10.96.123.45": "Service backend-service", **names})


def test_a_request_by_name_is_told_as_a_story_of_name_request_and_answer(js, sample):
    told = _told(js, sample("trace-ok"))
    backend = "pod backend-app-7d4b8f9c8d-fghij"
    request = [text for tone, text in told if tone in ("request", "reply")]
    assert [tone for i, (tone, _) in enumerate(told) if not i or tone != told[i - 1][0]] == [
        "dns",
        "request",
        "reply",
        "request",
        "reply",
        "ok",
    ]
    assert told[0][1].endswith("knows only a name, “backend-service”. It has to ask for its address first.")
    assert request[:6] == [
        "Pod frontend-app-6b5c7d8e9f-uvwxy asks for a connection to 10.96.123.45:80, "
        "the address of Service backend-service.",
        "node1 compares the packet with its rules, one after another.",
        "node1 draws a pod by lot and writes its address over the one asked for: "
        "10.96.123.45:80 becomes 10.244.2.5:80.",
        "node2 compares the packet with its rules, one after another.",
        f"The packet reaches {backend}.",
        "Pod backend-app-7d4b8f9c8d-fghij takes it in.",
    ]
    assert (
        "node1 puts the address back that was asked: 10.244.2.5:80 becomes 10.96.123.45:80." in request[6:12]
    )
    assert "The connection stands: now the request itself is sent over it." in request


@pytest.mark.parametrize(
    ("case", "words"),
    [("rejected", "refuses it: "), ("dropped", "throws it away without a word: ")],
)
def test_a_death_is_told_with_the_rules_own_reason(js, sample, case, words):
    tone, text = _told(js, sample(f"trace-{case}"))[-1]
    assert tone == "dead"
    assert words in text
    assert "endpoint" in text
    assert ".." not in text


def test_a_port_that_no_service_has_is_told_from_an_address_that_nobody_has(js):
    one, debug = pod("one", "10.244.1.4", "node1"), pod("debug", "10.244.1.9", "node1", ports=())
    svc = service("web", "10.96.5.5")
    where = world(standard(one, debug, svc, slice_of(svc, (one,))))
    trace = curl(where, "pod/default/debug", "10.96.5.5:81").as_json()

    known = _told(js, trace, **{"10.96.5.5": "Service web"})[-1][1]
    unknown = _told(js, trace)[-1][1]

    assert known == (
        "10.96.5.5 is the address of Service web, which no machine has. No rule on the way wanted port 81. "
        "The sender waits in vain."
    )
    assert "Service" not in unknown


def test_where_no_rule_gives_a_reason_the_service_does(js):
    debug = pod("debug", "10.244.1.9", "node1", ports=())
    svc = service("web", "10.96.5.5")
    where = world(standard(debug, svc), "nftables")
    trace = curl(where, "pod/default/debug", "10.96.5.5").as_json()

    told = _told(js, trace, **{"10.96.5.5": "Service web"})[-1][1]

    assert told == (
        "A rule of node1 refuses it: nothing stands behind port 80 of Service web. The sender is told at once."
    )
