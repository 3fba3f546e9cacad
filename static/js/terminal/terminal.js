// @ts-check
// Terminals of the page: xterm.js in front, the server's shell behind, bytes in and out over the page's websocket.

import { byId, h } from "../core/dom.js";
import { createBraces } from "./braces.js";
import { countColumns } from "./widths.js";

const CHIPS = ["kubectl get pods -A -o wide", "kubectl get svc -A", "kubectl get endpointslices -A", "kubectl describe svc ", "curl -s ", "dig +search "];
const MOST = 8;
const TOGETHER = 40; // ms

const DARK = {
  background: "#14141b", foreground: "#e6e4ef", cursor: "#ff9457", cursorAccent: "#14141b", selectionBackground: "#3d3c66", scrollbarSliderBackground: "#ffffff22", scrollbarSliderHoverBackground: "#ffffff44",
  black: "#2c2c38", red: "#ff8188", green: "#5fd79a", yellow: "#f2bd55", blue: "#86b4ff", magenta: "#cf9bff", cyan: "#4fcbc4", white: "#e6e4ef",
  brightBlack: "#8a8899", brightRed: "#ff9ea3", brightGreen: "#8be6b6", brightYellow: "#f7d188", brightBlue: "#aecbff", brightMagenta: "#dfbcff", brightCyan: "#84e0da", brightWhite: "#ffffff",
};
const LIGHT = {
  background: "#fcfbf9", foreground: "#1f1d26", cursor: "#c84a12", cursorAccent: "#fcfbf9", selectionBackground: "#d9d7f5", scrollbarSliderBackground: "#0000001c", scrollbarSliderHoverBackground: "#00000033",
  black: "#1f1d26", red: "#b3202e", green: "#16794a", yellow: "#8a5a00", blue: "#2a66c4", magenta: "#7b3fb8", cyan: "#0a7377", white: "#6f6c7a",
  brightBlack: "#55525f", brightRed: "#c8323f", brightGreen: "#1d8a56", brightYellow: "#9a6700", brightBlue: "#3a74d0", brightMagenta: "#8b4fc8", brightCyan: "#0f8085", brightWhite: "#1f1d26",
};
const theme = () => (document.documentElement.dataset.theme === "dark" ? DARK : LIGHT);

/** What is typed or pasted, cut so that each message stays below 64 KiB. @param {string} data @returns {string[]} */
export function pieces(data) {
  if (JSON.stringify(data).length <= 20_000) return [data];
  const middle = data.length >> 1;
  const cut = /[\ud800-\udbff]/.test(data[middle - 1]) ? middle + 1 : middle;
  return [...pieces(data.slice(0, cut)), ...pieces(data.slice(cut))];
}

/**
 * @param {{send: (message: any) => void, onReplay: (ids: number[]) => void, onLeave: () => void,
 *   onEdit: (name: string, text: string) => Promise<string | null>}} options
 */
export async function createTerminals({ send, onReplay, onLeave, onEdit }) {
  const [{ Terminal }, { FitAddon }, { WebLinksAddon }] = await Promise.all([
    import("../../vendor/xterm-6.0.0/xterm.mjs"), import("../../vendor/xterm-addon-fit-0.11.0/addon-fit.mjs"), import("../../vendor/xterm-addon-web-links-0.12.0/addon-web-links.mjs"),
  ]);
  await document.fonts?.load('13px "JetBrains Mono"').catch(() => null);
  const root = byId("terminals");
  const tabs = byId("terminal-tabs");
  const braces = createBraces({ onReplay });
  /** @type {Map<string, any>} */
  const open = new Map();
  let current = "";
  let number = 0;
  /** Command lines that the page runs, by id. @type {Map<string, {session: string, done: (result: any) => void}>} */
  const running = new Map();

  function create() {
    if (open.size >= MOST) return null;
    number += 1;
    const id = `t${number}`;
    const element = h("div", { id: `terminal-${id}`, role: "tabpanel", "aria-label": `Terminal ${number}` });
    root.append(element);
    const terminal = new Terminal({ fontFamily: '"JetBrains Mono", monospace', fontSize: 12.5, lineHeight: 1.3, cursorBlink: false, scrollback: 5000, theme: theme(), screenReaderMode: false, minimumContrastRatio: 4.5, allowProposedApi: true });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    terminal.loadAddon(new WebLinksAddon());
    countColumns(terminal);
    terminal.open(element);
    const entry = { id, element, terminal, fit, title: `Terminal ${number}`, alive: false, ended: false, escaped: 0, typed: "", timer: 0, sent: 0, location: "laptop", marks: new Map() };
    open.set(id, entry);
    braces.watch(entry);
    terminal.onData((/** @type {string} */ data) => type(entry, data));
    terminal.onResize(({ rows, cols }) => { if (entry.alive) send({ type: "term.resize", session: id, rows, cols }); });
    terminal.attachCustomKeyEventHandler((/** @type {KeyboardEvent} */ event) => keyFor(entry, event));
    show(id);
    start(entry);
    return entry;
  }
  /** @param {any} entry */
  function start(entry) {
    entry.ended = false;
    if (entry.element.offsetParent) entry.fit.fit();
    send({ type: "term.open", session: entry.id, rows: entry.terminal.rows, cols: entry.terminal.cols });
  }
  /** Keys go at once, but fast ones together; what is larger than a message goes in pieces. @param {any} entry @param {string} data */
  function type(entry, data) {
    if (entry.ended) {
      start(entry);
      if (data === "\r") return; // Enter only asks for the new shell
    }
    entry.typed += data;
    if (entry.timer) return;
    const since = performance.now() - entry.sent;
    if (since >= TOGETHER) sendTyped(entry);
    else entry.timer = setTimeout(() => sendTyped(entry), TOGETHER - since);
  }
  /** @param {any} entry */
  function sendTyped(entry) {
    entry.timer = 0;
    entry.sent = performance.now();
    const data = entry.typed;
    entry.typed = "";
    for (const piece of pieces(data)) send({ type: "term.input", session: entry.id, data: piece });
  }
  /** @param {any} entry @param {KeyboardEvent} event */
  function keyFor(entry, event) {
    if (event.ctrlKey && event.shiftKey && /^Arrow(Left|Right)$/.test(event.key)) return false;
    if (event.ctrlKey && event.shiftKey && /^(ArrowUp|ArrowDown|Enter)$/.test(event.key)) {
      if (event.type === "keydown") event.key === "Enter" ? braces.replay() : braces.move(entry, event.key === "ArrowUp" ? -1 : 1);
      event.preventDefault();
      return false;
    }
    if (event.type === "keydown" && event.key === "Escape") {
      const twice = event.timeStamp - entry.escaped < 600;
      entry.escaped = event.timeStamp;
      if (twice) {
        type(entry, "\x07"); // so that the first Escape does not wait for a key that comes after
        entry.terminal.blur();
        onLeave();
        return false;
      }
    }
    return true;
  }
  /** @param {string} id */
  function show(id) {
    current = id;
    for (const entry of open.values()) entry.element.hidden = entry.id !== id;
    drawTabs();
    const entry = open.get(id);
    if (entry?.element.offsetParent) entry.fit.fit();
  }
  /** @param {string} id */
  function close(id) {
    const entry = open.get(id);
    if (!entry) return;
    send({ type: "term.close", session: id });
    abandon(id);
    braces.leave(entry);
    entry.terminal.dispose();
    entry.element.remove();
    open.delete(id);
    const left = [...open.keys()].at(-1);
    if (left) show(left);
    else create();
  }
  function drawTabs() {
    tabs.replaceChildren(...[...open.values()].flatMap((entry) => [
      h("button", { type: "button", role: "tab", "aria-selected": String(entry.id === current), "aria-controls": entry.element.id, text: entry.title, onclick: () => { show(entry.id); entry.terminal.focus(); } }),
      ...(open.size > 1 ? [h("button.terminal-close", { type: "button", "aria-label": `Close ${entry.title}`, text: "×", onclick: () => close(entry.id) })] : []),
    ]));
  }
  byId("terminal-new").addEventListener("click", () => create()?.terminal.focus());
  byId("chips").replaceChildren(...CHIPS.map((text) => h("button.button", { type: "button", text: text.trim().split(" ").slice(0, 3).join(" "), onclick: () => { const entry = open.get(current); if (entry) { type(entry, text); entry.terminal.focus(); } } })));
  const refit = new ResizeObserver(() => { const entry = open.get(current); if (entry?.element.offsetParent && entry.element.clientWidth > 60) entry.fit.fit(); });
  refit.observe(root);
  new MutationObserver(() => { for (const entry of open.values()) entry.terminal.options.theme = theme(); }).observe(document.documentElement, { attributeFilter: ["data-theme"] });

  /** What a command printed: the lines after its own, up to the prompt. @param {any} entry @param {string} id */
  function written(entry, id) {
    const mark = entry.marks.get(id);
    entry.marks.delete(id);
    const buffer = entry.terminal.buffer.active;
    const lines = [];
    for (let y = mark?.line ?? -1; y >= 0 && y < buffer.baseY + buffer.cursorY; y += 1) {
      const row = buffer.getLine(y);
      const text = row?.translateToString(!buffer.getLine(y + 1)?.isWrapped) ?? "";
      if (row?.isWrapped && lines.length) lines[lines.length - 1] += text;
      else lines.push(text);
    }
    mark?.dispose();
    return lines.slice(1).join("\n");
  }
  /** Lines whose shell is gone will not be answered any more. @param {string} session */
  function abandon(session) {
    for (const [id, line] of running) {
      if (line.session !== session) continue;
      running.delete(id);
      open.get(session)?.marks.delete(id);
      line.done({ status: 129, flows: [], output: "", location: "laptop" }); // as after SIGHUP
    }
  }
  create();

  return {
    /** @param {any} message */
    receive(message) {
      const entry = open.get(message.session);
      if (message.type === "term.opened" && entry) {
        entry.alive = true;
        entry.location = "laptop";
        if (message.title) entry.title = message.title;
        drawTabs();
      }
      if (message.type === "term.output" && entry) entry.terminal.write(message.data);
      if (message.type === "term.done") {
        entry?.terminal.write("", () => braces.done(entry, message));
        if (entry) entry.location = message.location ?? "laptop";
        const line = running.get(message.id);
        running.delete(message.id);
        if (line) entry?.terminal.write("", () => line.done({ ...message, output: written(entry, message.id) }));
      }
      if (message.type === "term.edit") {
        onEdit(message.name, message.text).then((text) => {
          send({ type: "term.edited", session: message.session, id: message.id, text });
          open.get(message.session)?.terminal.focus();
        });
      }
      if (message.type === "term.closed" && entry) {
        entry.alive = false;
        entry.ended = true;
        entry.terminal.write(`\r\n[${message.reason ?? "the session ended"}; any key begins a new one]\r\n`);
        abandon(entry.id);
      }
    },
    /** After a lost connection every terminal gets a new shell. */
    restart() {
      for (const entry of open.values()) {
        abandon(entry.id);
        entry.terminal.write("\r\n[the connection was lost; this is a new shell]\r\n");
        start(entry);
      }
    },
    /** Runs a command line in the visible terminal, as if typed. @param {string} line @returns {Promise<{status: number, flows: any[], output: string, location: string}>} `output` is what it printed; it may be cut at the screen's memory */
    run(line) {
      const entry = open.get(current) ?? create();
      if (!entry) return Promise.resolve({ status: 1, flows: [], output: "", location: "laptop" });
      if (entry.ended) start(entry);
      const id = `r${Date.now()}-${Math.floor(Math.random() * 1e6)}`;
      entry.marks.set(id, entry.terminal.registerMarker(0));
      send({ type: "term.run", session: entry.id, line, id });
      return new Promise((done) => running.set(id, { session: entry.id, done }));
    },
    /** Ctrl-C in the visible terminal. */
    interrupt() { const entry = open.get(current); if (entry) type(entry, "\x03"); },
    /** Where the next command of the visible terminal runs: laptop, pod/NS/NAME or node/NAME. */
    get location() { return open.get(current)?.location ?? "laptop"; },
    /** The stage shows this trace: the line that caused it is lit. @param {number} id */
    shown: (id) => braces.show(id),
    /** A new cluster: what was sent in the old one cannot be replayed. */
    forget: () => braces.clear(),
    focus: () => open.get(current)?.terminal.focus(),
    fit: () => { const entry = open.get(current); if (entry?.element.offsetParent) entry.fit.fit(); },
  };
}
