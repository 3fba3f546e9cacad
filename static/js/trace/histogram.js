// @ts-check
// Who answered, of the requests to one target: bars with the expected value and a 95 % band.

import { h, keyed, set, setText } from "../core/dom.js";
import { hostName } from "../a11y/narrate.js";

const LYING = 3; // more bars than that stand upright, side by side
const COUNTED = 12; // and of more than that the numbers find no room
const ENOUGH = 10; // answers, before anything can be said about chance

/**
 * Counts by answering endpoint. `chosen` are requests to the same target from any source.
 * @param {any[]} traces summaries @param {string} target
 */
export function tally(traces, target) {
  const answered = traces.filter((trace) => trace.target === target && trace.code === "OK" && trace.endpoint);
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const trace of answered) counts.set(trace.endpoint, (counts.get(trace.endpoint) ?? 0) + 1);
  let streak = 0;
  let run = 0;
  answered.forEach((trace, i) => {
    run = i && answered[i - 1].endpoint === trace.endpoint ? run + 1 : 1;
    streak = Math.max(streak, run);
  });
  const failed = traces.filter((trace) => trace.target === target && trace.code !== "OK").length;
  return { counts, total: answered.length, streak, failed };
}

/** Half the width of the band that holds 95 % of n draws with chance p (normal approximation). @param {number} n @param {number} p */
export const band = (n, p) => 1.96 * Math.sqrt(n * p * (1 - p));

/**
 * @param {HTMLElement} root
 * @param {{onMore: (count: number) => void, podOf: (endpoint: string) => string | null}} options
 */
export function createHistogram(root, { onMore, podOf }) {
  const note = h("span.note");
  const title = h("div.title", {}, h("h3", { text: "Who answered" }), note);
  const bars = h("div.bars");
  const streaks = h("span.streak");
  const legend = h("div.legend", {}, h("span", {}, h("i.expected-mark"), "fair share"), h("span", {}, h("i.band-mark"), "95 of 100 runs"));
  const more = h("div.more", {}, ...[1, 10, 100].map((count) => h("button.button.small", { type: "button", text: `+${count}`, "aria-label": `Send ${count} more`, onclick: () => onMore(count) })));
  root.append(title, bars, legend, more);
  return {
    /** @param {any[]} traces @param {string} target @param {string[]} endpoints all that could answer */
    render(traces, target, endpoints) {
      const { counts, total, streak, failed } = tally(traces, target);
      const all = [...new Set([...endpoints, ...counts.keys()])].sort();
      root.hidden = !target || (counts.size < 2 && !(counts.size === 1 && endpoints.length > 1));
      if (root.hidden) return;
      const share = endpoints.length || all.length;
      const expected = total / share;
      const half = band(total, 1 / share);
      const most = Math.max(1, expected + half, ...counts.values()) * 1.05;
      bars.classList.toggle("many", all.length > LYING);
      bars.classList.toggle("uncounted", all.length > COUNTED);
      root.classList.toggle("judged", total >= ENOUGH);
      keyed(bars, all, (endpoint) => endpoint, barCell, (element, endpoint) => updateBar(element, endpoint, counts.get(endpoint) ?? 0, { total, expected, half, most }, podOf(endpoint)));
      streaks.textContent = ` · longest streak ${streak}`;
      note.replaceChildren(`${total} answer${total === 1 ? "" : "s"}${failed ? `, ${failed} failed` : ""}`, streaks);
    },
  };
}

const barCell = () => h("div.bar-cell", {}, h("div.track", { "aria-hidden": "true" }, h("span.band"), h("span.fill"), h("span.expected")),
  h("div.who", {}, h("span.name"), h("span.count"), h("span.share")));

/** @param {HTMLElement} cell @param {string} endpoint @param {number} count @param {{total: number, expected: number, half: number, most: number}} scale @param {string | null} pod */
function updateBar(cell, endpoint, count, { total, expected, half, most }, pod) {
  const percent = (/** @type {number} */ value) => `${Math.max(0, Math.min(100, (value / most) * 100))}%`;
  const [track, who] = /** @type {HTMLElement[]} */ ([...cell.children]);
  const low = Math.max(0, expected - half);
  const places = { count, low, band: expected + half - low, expected };
  for (const [name, value] of Object.entries(places)) track.style.setProperty(`--${name}`, percent(value));
  const name = pod ? hostName(pod).split("-").at(-1) : endpoint.replace(/:\d+$/, "");
  const texts = [name, String(count), `· ${total ? Math.round((100 * count) / total) : 0}%`];
  texts.forEach((text, i) => setText(who.children[i], text));
  set(cell, { title: `${pod ? hostName(pod) : endpoint}: ${count} of ${total}; expected ${expected.toFixed(1)} ± ${half.toFixed(1)}` });
}
