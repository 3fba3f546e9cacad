// @ts-check
// The goals of a lesson: dots in one line, and beneath them what was found, with the packet that shows why not.

import { byId, setText } from "../core/dom.js";

/**
 * @param {{onTrace: (trace: any) => void, onDone: () => void}} options
 */
export function createLamps({ onTrace, onDone }) {
  const summary = byId("lamps-summary");
  const list = byId("lamp-list");
  /** @type {Map<string, any>} */
  const traces = new Map();
  let done = false;

  summary.addEventListener("click", () => {
    list.hidden = !list.hidden;
    summary.setAttribute("aria-expanded", String(!list.hidden));
  });
  list.addEventListener("click", (/** @type {any} */ event) => {
    const button = event.target.closest(".lamp-trace");
    const trace = button && traces.get(button.closest(".lamp").dataset.check);
    if (trace) onTrace(trace);
  });

  /** @param {{check: string, green: boolean, found: string, trace: any}} lamp */
  function draw(lamp) {
    const row = list.querySelector(`[data-check="${CSS.escape(lamp.check)}"]`);
    const dot = summary.querySelector(`[data-dot="${CSS.escape(lamp.check)}"]`);
    if (!row || !dot) return;
    row.toggleAttribute("data-green", lamp.green);
    dot.toggleAttribute("data-green", lamp.green);
    setText(row.querySelector(".lamp-state"), lamp.green ? "(reached)" : "(not yet)");
    setText(row.querySelector(".lamp-found"), lamp.green ? "" : lamp.found);
    if (lamp.trace) traces.set(lamp.check, lamp.trace);
    else traces.delete(lamp.check);
    row.querySelector(".lamp-trace").hidden = lamp.green || !lamp.trace;
  }

  return {
    /** @param {any[]} lamps */
    render(lamps) {
      for (const lamp of lamps) draw(lamp);
      const green = lamps.filter((lamp) => lamp.green).length;
      setText(byId("lamps-count"), `${green} of ${lamps.length} goals`);
      if (green === lamps.length && !done) {
        done = true;
        onDone();
      }
    },
  };
}
