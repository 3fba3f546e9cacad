// @ts-check
// Braces: beside each command line that sent packets stands what it sent. A press replays it on the stage;
// while the stage shows a request, the line that caused it is lit.

import { byId, h } from "../core/dom.js";

const COMMAND_BEGINS = 697; // the OSC sequence with a command's number, which the server writes where it begins
const MOST = 200;

/** @typedef {{id: number, dns: number, sent: Record<string, number>}} Flow */
/**
 * @typedef {object} Brace
 * @property {any} entry the terminal
 * @property {any} marker of the command's first row
 * @property {string} line
 * @property {number[]} ids of the traces
 * @property {Flow[]} flows
 * @property {any} decoration
 * @property {any} light
 */

/** What the requests sent, by kind: "DNS 2 · TCP 1". @param {Flow[]} flows */
export function sentText(flows) {
  /** @type {Map<string, number>} */
  const sums = new Map();
  const add = (/** @type {string} */ kind, /** @type {number} */ count) => count && sums.set(kind, (sums.get(kind) ?? 0) + count);
  for (const flow of flows) add("DNS", flow.dns ?? 0);
  for (const flow of flows) for (const [kind, count] of Object.entries(flow.sent ?? {})) add(kind, count);
  return [...sums].map(([kind, count]) => `${kind} ${count}`).join(" · ");
}

/** @param {{onReplay: (ids: number[]) => void}} options */
export function createBraces({ onReplay }) {
  const head = byId("brace");
  /** @type {Brace[]} */
  let braces = [];
  /** @type {Brace | null} */
  let chosen = null;
  let shown = 0; // id of the trace on the stage

  /** The row where a command's line starts and how many rows it has, wrapped or not. @param {Brace} brace */
  function rowsOf(brace) {
    const buffer = brace.entry.terminal.buffer.normal;
    let rows = 1;
    while (buffer.getLine(brace.marker.line + rows)?.isWrapped) rows += 1;
    const used = buffer.getLine(brace.marker.line + rows - 1)?.translateToString(true).length ?? 0;
    return { rows, used };
  }

  /** Draws the brace after the line's text, or short at the right edge where the line leaves no room. @param {Brace} brace */
  function place(brace) {
    brace.decoration?.dispose();
    brace.decoration = null;
    if (brace.marker.isDisposed) return;
    const { terminal } = brace.entry;
    const { rows, used } = rowsOf(brace);
    const whole = `{ ${sentText(brace.flows)} }`;
    const fits = used + 2 + whole.length < terminal.cols;
    const text = fits ? whole : `{${brace.ids.length}}`;
    const row = rows === 1 ? brace.marker : terminal.registerMarker(brace.marker.line + rows - 1 - terminal.buffer.normal.baseY - terminal.buffer.normal.cursorY);
    brace.decoration = terminal.registerDecoration({ marker: row, width: text.length, layer: "top", x: fits ? used + 2 : terminal.cols - text.length });
    brace.decoration?.onRender((/** @type {HTMLElement} */ element) => dress(brace, element, text));
    if (row !== brace.marker) brace.decoration?.onDispose(() => row.dispose());
  }

  /** @param {Brace} brace @param {HTMLElement} element @param {string} text */
  function dress(brace, element, text) {
    element.classList.add("line-brace");
    element.classList.toggle("lit", brace.ids.includes(shown));
    element.classList.toggle("chosen", brace === chosen);
    if (element.dataset.brace) return;
    element.dataset.brace = brace.ids.join(" ");
    element.setAttribute("aria-hidden", "true"); // the head's brace says the same to a screen reader
    element.title = `Replay what “${brace.line}” sent`;
    element.textContent = text;
    element.addEventListener("mousedown", (event) => event.stopPropagation());
    element.addEventListener("click", () => { choose(brace); onReplay(brace.ids); });
  }

  /** @param {Brace} brace */
  function light(brace) {
    const lit = brace.ids.includes(shown) && !brace.marker.isDisposed;
    if (lit && !brace.light) {
      const { terminal } = brace.entry;
      brace.light = terminal.registerDecoration({ marker: brace.marker, width: terminal.cols, height: rowsOf(brace).rows, layer: "bottom" });
      brace.light?.onRender((/** @type {HTMLElement} */ element) => element.classList.add("line-lit"));
    } else if (!lit && brace.light) {
      brace.light.dispose();
      brace.light = null;
    }
    const element = brace.decoration?.element;
    if (element) dress(brace, element, element.textContent ?? "");
  }

  /** The head's brace: of the latest command, or of the one that was chosen. @param {Brace | null} brace */
  function choose(brace) {
    chosen = brace;
    for (const each of braces) if (each.decoration?.element) each.decoration.element.classList.toggle("chosen", each === brace);
    if (!brace) return head.replaceChildren();
    const button = h("button", { type: "button", title: `Replay what “${brace.line}” sent`, onclick: () => onReplay(brace.ids) }, `{ ${sentText(brace.flows)} }`);
    button.classList.toggle("lit", brace.ids.includes(shown));
    return head.replaceChildren(button);
  }

  return {
    /** Listens for the places where commands begin. @param {any} entry */
    watch(entry) {
      entry.begun = new Map();
      entry.terminal.parser.registerOscHandler(COMMAND_BEGINS, (/** @type {string} */ number) => {
        const buffer = entry.terminal.buffer.active;
        let up = 1;
        while (buffer.getLine(buffer.baseY + buffer.cursorY - up)?.isWrapped) up += 1;
        entry.begun.set(Number(number), entry.terminal.registerMarker(-up));
        return true;
      });
      entry.terminal.onResize(() => { for (const brace of braces) if (brace.entry === entry) { place(brace); if (brace.light) { brace.light.dispose(); brace.light = null; } light(brace); } });
    },
    /** A command has ended. @param {any} entry @param {{command: number, flows: Flow[], line: string}} message */
    done(entry, { command, flows, line }) {
      const marker = entry.begun.get(command);
      for (const number of [...entry.begun.keys()]) if (number <= command) entry.begun.delete(number);
      if (!flows.length) {
        marker?.dispose();
        return choose(null);
      }
      const brace = { entry, marker: marker ?? { isDisposed: true }, line, flows, ids: flows.map((flow) => flow.id), decoration: null, light: null };
      braces.push(brace);
      while (braces.length > MOST) forget(braces[0]);
      place(brace);
      light(brace);
      return choose(brace);
    },
    /** The stage shows this trace; 0 is none. @param {number} id */
    show(id) {
      if (id === shown) return;
      shown = id;
      for (const brace of braces) light(brace);
      choose(chosen);
    },
    /** The brace above (-1) or below (1) the chosen one comes into sight. @param {any} entry @param {1 | -1} direction */
    move(entry, direction) {
      const own = braces.filter((brace) => brace.entry === entry && !brace.marker.isDisposed);
      const at = chosen ? own.indexOf(chosen) : -1;
      const next = own[at < 0 ? own.length - 1 : at + direction];
      if (!next) return;
      choose(next);
      const { terminal } = entry;
      const { viewportY } = terminal.buffer.active;
      if (next.marker.line < viewportY || next.marker.line >= viewportY + terminal.rows) terminal.scrollToLine(Math.max(0, next.marker.line - 1));
    },
    /** Replays the chosen brace. */
    replay() { if (chosen) onReplay(chosen.ids); },
    /** A terminal is closed. @param {any} entry */
    leave(entry) {
      for (const brace of braces.filter((each) => each.entry === entry)) forget(brace);
    },
    /** A new cluster: its traces are others. */
    clear() {
      for (const brace of [...braces]) forget(brace);
      choose(null);
    },
  };

  /** @param {Brace} brace */
  function forget(brace) {
    braces = braces.filter((each) => each !== brace);
    brace.decoration?.dispose();
    brace.light?.dispose();
    if (!brace.marker.isDisposed) brace.marker.dispose();
    if (brace === chosen) choose(null);
  }
}
