// @ts-check
// The trace as lists: events (filterable), transcript (printable), and all requests so far.

import { byId, h, icon, keyed, set, setText } from "../core/dom.js";
import { hostName, sentence, shortWords } from "../a11y/narrate.js";

/** @param {HTMLElement} pane @param {{onPick: (index: number) => void}} options */
export function createEventList(pane, { onPick }) {
  const filter = h("input", { type: "search", placeholder: "filter: node, kind, word", "aria-label": "Filter the events", id: "event-filter" });
  const flows = h("select", { "aria-label": "Flow" });
  const list = h("ol.event-list");
  pane.append(h("div.events-head", {}, filter, flows), list);
  /** @type {import("./frames.js").Frame[]} */
  let frames = [];
  let current = -1;
  filter.addEventListener("input", draw);
  flows.addEventListener("change", draw);

  function draw() {
    const words = filter.value.trim().toLowerCase();
    const shown = frames.filter((frame) => (!flows.value || String(frame.flow) === flows.value) && (!words || textOf(frame).includes(words)));
    list.replaceChildren(...shown.map((frame) => h("li", { "data-index": frame.index }, h("button", { type: "button", onclick: () => onPick(frame.index) },
      h("span.n", { text: frame.index + 1 }), h("span.k", { text: frame.letter, "data-kind": frame.letter }), h("span.host", { text: hostName(frame.host) }), h("span.what", { text: shortWords(frame) })))));
    mark();
  }
  function mark() {
    for (const item of list.children) {
      const here = Number(item.dataset.index) === current;
      item.setAttribute("aria-current", String(here));
      if (here && !pane.hidden) item.scrollIntoView({ block: "nearest" });
    }
  }
  return {
    /** @param {import("./frames.js").Frame[]} next @param {number} index @param {any} trace */
    render(next, index, trace) {
      if (next !== frames) {
        frames = next;
        flows.replaceChildren(h("option", { value: "", text: "all flows" }), ...(trace?.flows ?? []).map((/** @type {any} */ flow) => h("option", { value: flow.number, text: `${flow.number}: ${flow.label}` })));
        current = index;
        draw();
      } else if (index !== current) {
        current = index;
        mark();
      }
    },
    focus: () => filter.focus(),
  };
}

/** @param {import("./frames.js").Frame} frame */
const textOf = (frame) => `${frame.host} ${frame.kind} ${shortWords(frame)} ${frame.step.chain ?? ""}`.toLowerCase();

/** @param {HTMLElement} pane @param {{onPick: (index: number) => void}} options */
export function createTranscript(pane, { onPick }) {
  /** @type {any} */
  let shown = null;
  return {
    /** @param {import("./frames.js").Frame[]} frames @param {number} index */
    render(frames, index) {
      if (frames !== shown) {
        shown = frames;
        const print = h("button.button.small", { type: "button", onclick: () => window.print() }, icon("printer"), "Print");
        const list = h("ol", {}, ...frames.map((frame) => h("li", { "data-index": frame.index, text: sentence(frame), onclick: () => onPick(frame.index) })));
        pane.replaceChildren(h("div.transcript-head", {}, print), list);
      }
      for (const item of pane.querySelectorAll("li")) {
        const here = Number(item.dataset.index) === index;
        item.setAttribute("aria-current", String(here));
        if (here && !pane.hidden) item.scrollIntoView({ block: "nearest" });
      }
    },
  };
}

const MOST_REQUESTS = 200;
const MOST_BACKGROUND = 20;

/** @param {HTMLElement} pane @param {{onPick: (id: number) => void}} options */
export function createRequestList(pane, { onPick }) {
  const nothing = h("p.nothing", { text: "No request was sent yet." });
  const list = h("ul.request-list");
  pane.append(nothing, list);
  const row = (/** @type {any} */ trace) => h("li", {}, h("button", { type: "button", onclick: () => onPick(trace.id) }, h("span.tag"), h("span.path"), h("span.who")));
  return {
    /** @param {any[]} traces @param {any[]} [background] of which the latest are shown too @param {any} [hidden] id of the one whose end is not yet seen @param {any} [current] id of the one on the stage */
    render(traces, background = [], hidden = null, current = null) {
      const all = [...traces.slice(-MOST_REQUESTS), ...background.slice(-MOST_BACKGROUND)].sort((one, other) => other.id - one.id);
      nothing.hidden = all.length > 0;
      keyed(list, all, (trace) => String(trace.id), row, (element, trace) => {
        const [tag, path, who] = element.firstElementChild.children;
        const good = trace.code === "OK";
        const known = trace.id !== hidden;
        set(element, { "aria-current": trace.id === current ? "true" : null });
        set(tag, { class: `tag ${!known ? "" : good ? "ok" : "dead"}`, text: !known ? "under way" : good ? "✓ OK" : `✗ ${trace.code}` });
        setText(path, `${hostName(trace.source)} → ${trace.target}`);
        setText(who, `${trace.background ? "background " : ""}${known ? trace.endpoint ?? "" : ""}`);
      });
    },
  };
}

/** The API log: what kubectl and the page really asked. @param {any[]} entries */
export function drawApiLog(entries) {
  const pane = byId("pane-api");
  if (!entries.length) return pane.replaceChildren(h("p.nothing", { text: "Requests to the Kubernetes API appear here: from the terminal, the editor and your own kubectl." }));
  return pane.replaceChildren(h("ol.api-list", {}, ...[...entries].reverse().map((entry) => h("li", {},
    h("span.when", { text: (entry.time ?? "").slice(11, 19) }), h("span.verb", { text: entry.verb }), h("span.path", { text: entry.path }), h(`span${entry.status >= 400 ? ".bad" : ""}`, { text: entry.status })))));
}
