// @ts-check
// The goals of a lesson: dots in one line, and beneath them what was found, with the packet that shows why not.

import { byId, setText } from "../core/dom.js";

/**
 * @param {{onTrace: (trace: any) => void, onGreen: (title: string, green: number, total: number) => void}} options
 */
export function createLamps({ onTrace, onGreen }) {
  const summary = byId("lamps-summary");
  const list = byId("lamp-list");
  const next = byId("lamps-next");
  const inMap = document.querySelector('.lesson-map [aria-current="page"] .card-lamps');
  /** @type {Map<string, any>} */
  const traces = new Map();
  let last = /** @type {any[]} */ ([]);

  summary.addEventListener("click", () => {
    list.hidden = !list.hidden;
    summary.setAttribute("aria-expanded", String(!list.hidden));
    drawNext(last);
  });
  list.addEventListener("click", (/** @type {any} */ event) => {
    const button = event.target.closest(".goal-trace");
    const trace = button && traces.get(button.closest(".goal").dataset.check);
    if (trace) onTrace(trace);
  });

  /** @param {{check: string, green: boolean, found: string, trace: any}} lamp @returns {string} the title of a goal that is reached now */
  function draw(lamp) {
    const row = list.querySelector(`[data-check="${CSS.escape(lamp.check)}"]`);
    const dot = summary.querySelector(`[data-dot="${CSS.escape(lamp.check)}"]`);
    if (!row || !dot) return "";
    const now = lamp.green && !row.hasAttribute("data-green");
    row.toggleAttribute("data-green", lamp.green);
    dot.toggleAttribute("data-green", lamp.green);
    setText(row.querySelector(".goal-state"), lamp.green ? "(reached)" : "(not yet)");
    setText(row.querySelector(".goal-found"), lamp.green ? "" : lamp.found);
    if (lamp.trace) traces.set(lamp.check, lamp.trace);
    else traces.delete(lamp.check);
    row.querySelector(".goal-trace").hidden = lamp.green || !lamp.trace;
    return now ? row.querySelector(".goal-title > span")?.textContent ?? "" : "";
  }

  /** The first goal that is not reached stands in sight, with what was found; in the open list it stands anyway. @param {any[]} lamps */
  function drawNext(lamps) {
    const lamp = lamps.find((each) => !each.green);
    next.hidden = !list.hidden || !lamp;
    if (!lamp) return;
    const title = list.querySelector(`[data-check="${CSS.escape(lamp.check)}"] .goal-title > span`);
    byId("lamps-next-title").replaceChildren(...[...title?.childNodes ?? []].map((node) => node.cloneNode(true)));
    setText(byId("lamps-next-found"), lamp.found);
  }

  return {
    /** @param {any[]} lamps */
    render(lamps) {
      last = lamps;
      drawNext(lamps);
      const reached = lamps.map(draw).filter(Boolean);
      const green = lamps.filter((lamp) => lamp.green).length;
      const done = green === lamps.length;
      setText(byId("lamps-count"), done ? `All ${green} goals reached` : `${green} of ${lamps.length} goals`);
      byId("lamps").toggleAttribute("data-done", done);
      byId("lesson").toggleAttribute("data-done", done);
      if (inMap) setText(inMap, `${green}/${lamps.length}`);
      for (const title of reached) onGreen(title, green, lamps.length);
    },
  };
}
