// @ts-check
// The player bar: buttons, the timeline with its phases and marks, speed and step size.

import { byId, h, keyed, set, setText } from "../core/dom.js";

const TONES = /** @type {Record<string, string>} */ ({ D: "dns", S: "ok", N: "nat", R: "reply", X: "dead", "✓": "ok", "✗": "dead" });
const PHASES = /** @type {Record<string, string>} */ ({ dns: "name", request: "request", tunnel: "tunnel" });
const LETTER = 11; // pixels that a letter takes

/** @param {any} player @param {{label: (frame: any) => string}} options */
export function createScrubber(player, { label }) {
  const range = byId("player-range");
  const ticks = byId("player-ticks");
  const step = byId("player-step");
  const play = byId("player-play");

  for (const [id, action] of Object.entries({
    "player-first": () => player.first(), "player-back": () => player.step(-1), "player-play": () => player.toggle(),
    "player-forward": () => player.step(1), "player-last": () => player.last(),
    "player-nat": () => player.next((/** @type {any} */ frame) => frame.kind === "nat"),
  })) byId(id)?.addEventListener("click", action);
  range.addEventListener("input", () => {
    const wanted = Number(range.value); // before the pause draws the old place again
    player.pause();
    player.seek(wanted);
  });
  byId("player-size")?.addEventListener("click", (/** @type {any} */ event) => event.target.value && player.setSize(event.target.value));
  byId("player-speed")?.addEventListener("change", (/** @type {any} */ event) => player.setSpeed(Number(event.target.value)));

  let shown = /** @type {any} */ (null);
  const drawTicks = () => {
    if (!shown) return;
    drawPhases(byId("player-phases"), shown);
    drawMarks(ticks, shown, { label, seek: (/** @type {number} */ index) => { player.pause(); player.seek(index); } });
  };
  new ResizeObserver(drawTicks).observe(ticks);
  return {
    /** @param {import("./player.js").PlayerState} state */
    render(state) {
      const { frames, t, playing } = state;
      const index = Math.floor(t + 1e-9);
      if (frames !== shown) {
        shown = frames;
        set(range, { max: Math.max(0, frames.length - 1) });
        drawTicks();
      }
      document.documentElement.classList.toggle("has-trace", frames.length > 0);
      range.value = String(t);
      set(range, { disabled: frames.length === 0, "aria-valuetext": frames.length ? `event ${index + 1} of ${frames.length}: ${label(frames[index])}` : "no trace yet" });
      ticks.style.setProperty("--done", frames.length > 1 ? String(t / (frames.length - 1)) : "0");
      setText(step, frames.length ? `${index + 1} / ${frames.length}` : "–");
      play.dataset.state = playing ? "playing" : "paused";
      set(play, { "aria-label": playing ? "Pause" : "Play" });
      for (const id of ["player-first", "player-back", "player-play", "player-forward", "player-last", "player-nat"]) set(byId(id), { disabled: frames.length === 0 });
      for (const button of byId("player-size").children) set(button, { "aria-pressed": button.value === state.size ? "true" : "false" });
      const speed = byId("player-speed");
      if (speed.value !== String(state.speed)) speed.value = String(state.speed);
    },
  };
}

/** Which stretches of the timeline are the look-up of a name, and which the request. @param {Element} root @param {import("./frames.js").Frame[]} frames */
function drawPhases(root, frames) {
  const last = Math.max(1, frames.length - 1);
  const starts = frames.filter((frame, i) => !i || frame.purpose !== frames[i - 1].purpose);
  const phases = starts.map((frame, i) => ({ purpose: frame.purpose, from: frame.index, to: starts[i + 1]?.index ?? last }));
  keyed(root, phases, (phase) => `${phase.from}`, () => h("span.phase"), (element, { purpose, from, to }) => {
    element.style.left = `${(from / last) * 100}%`;
    element.style.width = `${((to - from) / last) * 100}%`;
    element.dataset.purpose = purpose;
    setText(element, PHASES[purpose] ?? purpose);
  });
}

/**
 * Marks of the frames that mean something to the eye; the rest are only resting places. Letters that would collide give way:
 * an exchange, a death and the end keep theirs.
 * @param {Element} root @param {import("./frames.js").Frame[]} frames @param {{label: (frame: any) => string, seek: (index: number) => void}} options
 */
function drawMarks(root, frames, { label, seek }) {
  const last = Math.max(1, frames.length - 1);
  const width = root.clientWidth || 600;
  const marked = frames.filter((frame) => frame.letter !== "·").map((frame) => ({ frame, at: frame.index / last, letter: "" }));
  for (const wanted of ["✓✗X", "N", "R"]) {
    for (const mark of marked.filter(({ frame }) => wanted.includes(frame.letter))) {
      if (marked.every((other) => !other.letter || Math.abs(other.at - mark.at) * width >= LETTER)) mark.letter = mark.frame.letter;
    }
  }
  keyed(root, marked, ({ frame }) => `${frame.index}${frame.letter}`, () => h("span.tick", { "aria-hidden": "true" }), (element, { frame, at, letter }) => {
    element.style.left = `${at * 100}%`;
    element.dataset.kind = TONES[frame.letter];
    element.title = label(frame);
    element.onclick = () => seek(frame.index);
    setText(element, letter);
  });
}
