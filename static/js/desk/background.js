// @ts-check
// The note on the stage that programs of pods send by themselves: who, where to, how often, and what failed.

import { h } from "../core/dom.js";
import { hostName } from "../a11y/narrate.js";

const LATELY = 10_000; // ms

/**
 * The words of the note; "" while nothing came lately.
 * @param {any[]} background summaries with the real time at which they came @param {number} now real ms
 */
export function backgroundWords(background, now) {
  const recent = background.filter((summary) => now - summary.arrived < LATELY);
  if (!recent.length) return "";
  const roads = new Set(recent.map((summary) => `${hostName(summary.source)} \u2192 ${summary.target}`));
  const failed = recent.filter((summary) => summary.code !== "OK").length;
  const where = roads.size === 1 ? [...roads][0] : `${roads.size} roads`;
  return `Background traffic: ${where}, ${recent.length} in 10 s${failed ? `, ${failed} failed` : ""}`;
}

/** @param {HTMLElement} root @param {any[]} background @param {number} now */
export function drawBackground(root, background, now) {
  const words = backgroundWords(background, now);
  root.hidden = !words;
  if (!words) return;
  if (!root.firstChild) root.append(h("button.background-note", { type: "button", "data-open-tab": "tab-requests", title: "A pod's own program sends these. They fly past; what you send is shown as ever." }));
  const button = /** @type {HTMLElement} */ (root.firstChild);
  if (button.textContent !== words) button.textContent = words;
}
