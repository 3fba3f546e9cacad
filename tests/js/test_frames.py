"""Trace -> frames -> picture: pure functions of (trace, t)."""

from itertools import pairwise

import pytest

CASES = ["ok", "rejected", "dropped"]


@pytest.mark.parametrize("case", CASES)
def test_every_step_of_a_trace_belongs_to_exactly_one_frame(js, sample, case):
    trace = sample(f"trace-{case}")
    spans = js("trace/frames.js", "(m, t) => m.framesOf(t).map(f => [f.first, f.last])", trace)
    covered = [i for first, last in spans for i in range(first, last + 1)]
    assert covered == list(range(len(trace["steps"])))


def test_rules_of_one_chain_up_to_the_one_that_takes_the_packet_are_one_frame(js, sample):
    trace = sample("trace-ok")
    chains = js(
        "trace/frames.js",
        "(m, t) => m.framesOf(t).filter(f => f.kind === 'rules')"
        ".map(f => [...new Set(f.steps.filter(s => s.kind === 'rule').map(s => s.chain))].length)",
        trace,
    )
    assert chains
    assert set(chains) == {1}
    endings = js(
        "trace/frames.js",
        "(m, t) => m.framesOf(t).filter(f => f.kind === 'rules')"
        ".map(f => f.steps.slice(0, -1).some(s => s.kind === 'rule' && s.matched))",
        trace,
    )
    assert not any(endings)


def test_a_packet_stands_at_the_plate_of_the_hook_that_looks_at_it(js, sample):
    at = js(
        "trace/frames.js",
        "(m, t) => m.framesOf(t).filter(f => f.kind === 'rules').map(f => [f.at, f.steps[0].host, f.steps[0].hook])",
        sample("trace-ok"),
    )
    assert all(anchor == f"{host}#{hook}" for anchor, host, hook in at)


def test_flow_steps_stop_once_a_flow_and_event_steps_at_every_frame(js, sample):
    trace = sample("trace-ok")
    counts = js(
        "trace/frames.js",
        "(m, t) => { const f = m.framesOf(t); return ['event', 'hop', 'packet', 'flow'].map(s => m.stops(f, s).length).concat(f.length); }",
        trace,
    )
    event, hop, packet, flow, frames = counts
    assert event == frames
    assert event > hop > packet > flow
    assert flow == len({step["flow"] for step in trace["steps"]}) + 1


def test_nat_and_death_are_held_longer_than_other_events(js, sample):
    seconds = js(
        "trace/frames.js",
        "(m, t) => m.framesOf(t).map(f => [f.kind, m.duration(f, 'event')])",
        sample("trace-dropped"),
    )
    assert {time for kind, time in seconds if kind in ("nat", "death", "end")} == {1.6}
    assert {time for kind, time in seconds if kind not in ("nat", "death", "end")} == {0.9}


PICTURE = """async (m, t, at) => {
  const { framesOf } = await import('/static/js/trace/frames.js');
  const frames = framesOf(t);
  return m.picture(frames, at < 0 ? frames.length - 1 : at);
}"""


@pytest.mark.parametrize("case", CASES)
def test_the_picture_is_a_function_of_trace_and_time(js, sample, case):
    there_and_back = js(
        "trace/player.js",
        """async (m, t) => {
          const { framesOf } = await import('/static/js/trace/frames.js');
          const frames = framesOf(t);
          const all = frames.map((_, i) => JSON.stringify(m.picture(frames, i)));
          return all.every((text, i) => text === JSON.stringify(m.picture(frames, i)));
        }""",
        sample(f"trace-{case}"),
    )
    assert there_and_back


def test_at_a_nat_the_old_header_is_struck_out_and_the_new_one_carried(js, sample):
    trace = sample("trace-ok")
    index = js(
        "trace/frames.js",
        "(m, t) => m.framesOf(t).find(f => f.kind === 'nat' && f.purpose === 'request').index",
        trace,
    )
    envelope = js("trace/player.js", PICTURE, trace, index)["envelope"]
    assert envelope["struck"]["dst"] == "10.96.123.45"
    assert envelope["packet"]["dst"] == "10.244.2.5"
    after = js("trace/player.js", PICTURE, trace, index + 1)["envelope"]
    assert after["struck"] is None


def test_half_way_between_two_frames_the_packet_is_on_its_way(js, sample):
    trace = sample("trace-ok")
    index = js("trace/frames.js", "(m, t) => m.framesOf(t).find(f => f.kind === 'hop').index", trace)
    envelope = js("trace/player.js", PICTURE, trace, index - 0.5)["envelope"]
    assert envelope["progress"] == pytest.approx(0.5)
    assert envelope["from"] != envelope["to"]


def test_the_last_picture_tells_the_story_there_and_back_in_numbers(js, sample):
    picture = js("trace/player.js", PICTURE, sample("trace-ok"), -1)
    assert [hop["number"] for hop in picture["trail"]] == [1, 2, 3, 4, 5, 6]
    assert [hop["reply"] for hop in picture["trail"]] == [False, False, False, True, True, True]
    assert picture["envelope"] is None


def test_a_death_is_shown_where_it_happened_with_its_code(js, sample):
    picture = js("trace/player.js", PICTURE, sample("trace-dropped"), -1)
    assert picture["death"]["code"] == "DROPPED"
    assert picture["death"]["host"] == "node/node1#FORWARD"
    assert js("trace/player.js", PICTURE, sample("trace-ok"), -1)["death"] is None


PLAYER = """async (m, t, script) => {
  const { framesOf } = await import('/static/js/trace/frames.js');
  const frames = framesOf(t);
  let now = 0;
  let waiting = [];
  const p = m.createPlayer({ onChange: () => {}, still: () => false, schedule: (call) => waiting.push(call) });
  const run = (seconds) => { for (let i = 0; i < seconds * 20; i += 1) { now += 50; const calls = waiting; waiting = []; for (const call of calls) call(now); } };
  return new Function('p', 'frames', 'run', 'return (' + script + ')')(p, frames, run);
}"""


def test_playing_takes_equal_time_for_equal_events_and_ends_at_the_end(js, sample):
    result = js(
        "trace/player.js",
        PLAYER,
        sample("trace-ok"),
        "(() => { p.load(frames, { play: false }); p.setSize('event'); p.play(); run(2); const early = p.state.t; run(1000);"
        " return [early, p.state.t, p.state.playing, frames.length - 1]; })()",
    )
    early, end, playing, last = result
    assert early == pytest.approx(2 / 0.9, abs=0.15)
    assert (end, playing) == (last, False)


def test_back_is_as_easy_as_forward(js, sample):
    places = js(
        "trace/player.js",
        PLAYER,
        sample("trace-ok"),
        "(() => { p.load(frames, { play: false }); p.setSize('packet'); const seen = [];"
        " for (let i = 0; i < 4; i += 1) { p.step(1); run(60); seen.push(p.state.t); }"
        " const back = []; for (let i = 0; i < 4; i += 1) { back.push(p.state.t); p.step(-1); } return [seen, back]; })()",
    )
    assert places[0] == list(reversed(places[1]))


def test_speed_changes_how_fast_time_runs_but_not_the_way(js, sample):
    slow, fast = (
        js(
            "trace/player.js",
            PLAYER,
            sample("trace-ok"),
            f"(() => {{ p.load(frames, {{ play: false }}); p.setSpeed({speed}); p.play(); run(1); return p.state.t; }})()",
        )
        for speed in (0.5, 2)
    )
    assert fast > slow > 0


def test_the_way_there_stays_in_sight_while_the_answer_sets_out(js, sample):
    trace = sample("trace-ok")
    index = js(
        "trace/frames.js", "(m, t) => m.framesOf(t).find(f => f.kind === 'emit' && f.reply).index", trace
    )
    picture = js("trace/player.js", PICTURE, trace, index)
    assert picture["trail"]
    assert not any(hop["reply"] for hop in picture["trail"])


def test_a_newcomer_sees_the_requests_own_nat_within_eight_seconds(js, sample):
    reached = js(
        "trace/frames.js",
        "(m, t) => { let s = 0; for (const f of m.framesOf(t)) { s += m.duration(f, 'hop');"
        " if (f.kind === 'nat' && f.purpose === 'request') return [s, m.duration(f, 'hop')]; } }",
        sample("trace-ok"),
    )
    assert reached[0] < 8
    assert reached[1] >= 1.4


def test_a_trail_through_a_gate_has_no_gap_between_the_plates(js, sample):
    trail = js("trace/player.js", PICTURE, sample("trace-ok"), -1)["trail"]
    gates = [
        (before["to"], hop)
        for before, hop in pairwise(trail)
        if before["to"] != hop["from"] and before["reply"] == hop["reply"]
    ]
    assert gates
    assert all(hop["entered"] == plate for plate, hop in gates)
