// @ts-check
// The player bar: buttons, the timeline with a tick for every event, speed and step size.

import { byId, h, keyed, set, setText } from "../core/dom.js";

const KINDS = /** @type {Record<string, string>} */ ({ D: "DNS", S: "SYN", N: "NAT", R: "reply", X: "death", "✓": "answered", "✗": "failed" });

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
  return {
    /** @param {import("./player.js").PlayerState} state */
    render(state) {
      const { frames, t, playing } = state;
      const index = Math.floor(t + 1e-9);
      if (frames !== shown) {
        shown = frames;
        set(range, { max: Math.max(0, frames.length - 1) });
        drawTicks(ticks, frames);
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

/** Ticks of the frames that mean something to the eye; the rest are only resting places. @param {Element} root @param {import("./frames.js").Frame[]} frames */
function drawTicks(root, frames) {
  const last = Math.max(1, frames.length - 1);
  const marked = frames.filter((frame) => frame.letter !== "·");
  let before = -1;
  const items = marked.map((frame) => {
    const at = frame.index / last;
    const lettered = at - before > 0.022 || "NX✓✗".includes(frame.letter);
    if (lettered) before = at;
    return { frame, at, lettered };
  });
  keyed(root, items, (item) => `${item.frame.index}${item.frame.letter}`, () => h("span.tick", { "aria-hidden": "true" }), (element, { frame, at, lettered }) => {
    element.style.left = `${at * 100}%`;
    element.dataset.kind = frame.letter === "D" ? "dns" : frame.letter === "R" ? "reply" : frame.letter === "N" ? "nat" : "✓S".includes(frame.letter) ? "ok" : "dead";
    setText(element, lettered ? frame.letter : "");
    element.title = KINDS[frame.letter] ?? "";
  });
}
