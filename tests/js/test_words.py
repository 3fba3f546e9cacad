"""The transcript, the histogram and the page's state."""

import pytest

from tests.builders import curl, pod, service, slice_of, standard, world


@pytest.mark.parametrize("case", ["ok", "rejected", "dropped"])
def test_the_transcript_says_every_event_in_a_whole_sentence(js, sample, case):
    lines = js(
        "a11y/narrate.js",
        "async (m, t) => m.transcript((await import('/static/js/trace/frames.js')).framesOf(t))",
        sample(f"trace-{case}"),
    )
    assert all(line[0].isdigit() and line.rstrip()[-1] in ".>sd" for line in lines), lines
    assert not any("undefined" in line or "null" in line or "NaN" in line for line in lines)


def test_the_transcript_tells_chance_address_and_memory(js, sample):
    text = "\n".join(
        js(
            "a11y/narrate.js",
            "async (m, t) => m.transcript((await import('/static/js/trace/frames.js')).framesOf(t))",
            sample("trace-ok"),
        )
    )
    assert (
        "Destination rewritten from 10.96.123.45:80 to 10.244.2.5:80; DNAT, and remembered, on node1." in text
    )
    assert "from memory (connection tracking)" in text
    assert "drawn with chance" in text
    assert "Answered by 10.244.2.5:80, which saw the request come from 10.244.1.8." in text


def test_the_transcript_tells_why_an_ipvs_virtual_server_chose(js):
    one, debug = pod("one", "10.244.1.4", "node1"), pod("debug", "10.244.1.9", "node1", ports=())
    svc = service("web", "10.96.5.5")
    where = world(standard(one, debug, svc, slice_of(svc, (one,))), "ipvs")
    text = "\n".join(
        js(
            "a11y/narrate.js",
            "async (m, t) => m.transcript((await import('/static/js/trace/frames.js')).framesOf(t))",
            curl(where, "pod/default/debug", "10.96.5.5").as_json(),
        )
    )

    assert "On node1, ipvs table, chain VIRTUAL-SERVER 10.96.5.5:80" in text
    assert "whose turn it is is not known, drew 0 of 0 to 0" in text


def _answer(endpoint, target="http://web", code="OK"):
    return {"target": target, "code": code, "endpoint": endpoint}


def test_the_histogram_counts_answers_of_one_target_with_the_longest_streak(js):
    traces = [*(_answer(e) for e in "aabbbac"), _answer("a", "http://other"), _answer(None, code="REJECTED")]
    result = js(
        "trace/histogram.js",
        "(m, t) => { const r = m.tally(t, 'http://web'); return {...r, counts: Object.fromEntries(r.counts)}; }",
        traces,
    )
    assert result == {"counts": {"a": 3, "b": 3, "c": 1}, "total": 7, "streak": 3, "failed": 1}


def test_the_grey_band_holds_ninety_five_percent_of_fair_draws(js):
    assert js("trace/histogram.js", "(m) => m.band(300, 1 / 3)") == pytest.approx(16.0, abs=0.01)


def test_objects_are_replaced_and_removed_by_kind_namespace_and_name(js):
    pod = {"kind": "Pod", "metadata": {"namespace": "a", "name": "x"}}
    twin = {"kind": "Pod", "metadata": {"namespace": "b", "name": "x"}}
    keys = js(
        "desk/state.js",
        """(m, pod, twin) => {
          let s = m.reduce(m.emptyState(), { type: 'state', objects: [pod], rv: 1, mode: 'iptables', clock: {} });
          s = m.reduce(s, { type: 'objects', changed: [twin], deleted: [pod], rv: 2 });
          return [...s.objects.keys()];
        }""",
        pod,
        twin,
    )
    assert keys == ["Pod/b/x"]


def test_an_older_list_of_changes_never_overwrites_a_newer_state(js):
    rv = js(
        "desk/state.js",
        """(m) => {
          const s = m.reduce(m.emptyState(), { type: 'state', objects: [], rv: 9, mode: 'iptables', clock: {} });
          return m.reduce(s, { type: 'objects', changed: [], deleted: [], rv: 8 }).rv;
        }""",
    )
    assert rv == 9


def test_background_traffic_stands_apart_from_the_learners_requests(js):
    traces, background, newest = js(
        "desk/state.js",
        """(m) => {
          const trace = (id) => ({ id, source: 'pod/a/load', target: 'http://web', outcome: { code: 'OK', verdict: 'answered', endpoint: null } });
          let s = m.reduce(m.emptyState(), { type: 'state', objects: [], rv: 1, mode: 'iptables', clock: {}, traces: [{ id: 1, background: true }, { id: 2 }] });
          s = m.reduce(s, { type: 'trace', trace: trace(3), origin: 'terminal', arrived: 5 });
          s = m.reduce(s, { type: 'trace', trace: trace(4), origin: 'background', arrived: 6 });
          s = m.reduce(s, { type: 'traces', traces: [{ id: 5, background: true }, { id: 6 }], arrived: 7 });
          return [s.traces.map((each) => each.id), s.background.map((each) => each.id), m.newestOf(s)];
        }""",
    )
    assert (traces, background, newest) == ([2, 3, 6], [1, 4, 5], 6)


def test_the_note_on_the_stage_says_who_sends_in_the_background(js):
    def words(*came):
        return js("desk/background.js", "(m, came) => m.backgroundWords(came, 60_000)", list(came))

    old = {"source": "pod/a/load", "target": "http://web", "code": "OK", "arrived": 40_000}
    new = {**old, "arrived": 59_000}
    other = {**new, "target": "http://api", "code": "REJECTED"}
    assert words(old) == ""
    assert words(old, new, new) == "Background traffic: load \u2192 http://web, 2 in 10 s"
    assert words(new, other) == "Background traffic: 2 roads, 2 in 10 s, 1 failed"


def test_virtual_time_runs_at_its_rate_and_stands_while_paused(js):
    assert js(
        "core/clock.js",
        """(m) => [false, true].map(paused => m.virtualTime({ now: '2026-01-01T00:00:00Z', paused, rate: 10 }, 1000, 3000) - Date.parse('2026-01-01T00:00:00Z'))""",
    ) == [20000, 0]


@pytest.mark.parametrize(
    ("seconds", "text"), [(7, "7s"), (192, "3m12s"), (600, "10m"), (3600 * 5, "5h"), (86400 * 3, "3d")]
)
def test_ages_read_as_kubectl_prints_them(js, seconds, text):
    assert js("core/clock.js", "(m, s) => m.age(s * 1000)", seconds) == text


def test_markup_in_a_name_stays_text(js, page):
    js(
        "core/dom.js",
        "(m) => { document.body.append(m.h('p', { text: '<img src=x onerror=alert(1)>' }, '<b>x</b>')); }",
    )
    assert page.locator("body img, body b").count() == 0


def test_keyed_lists_keep_the_element_of_a_key_and_follow_the_order(js):
    result = js(
        "core/dom.js",
        """(m) => {
          const list = document.createElement('ul');
          const draw = (items) => m.keyed(list, items, (i) => i, (i) => m.h('li'), (e, i) => { e.textContent = i; });
          draw(['a', 'b', 'c']);
          const b = list.children[1];
          draw(['c', 'b', 'd']);
          return [[...list.children].map(e => e.textContent), list.children[1] === b];
        }""",
    )
    assert result == [["c", "b", "d"], True]
