// @ts-check
// A lesson's commands: one click runs a line in the terminal. A line that needs another place, or a variable that is
// not set yet, says so and offers the way; a line that goes on until it is stopped gets a stop button.

import { h } from "../core/dom.js";
import { inlineWords } from "./words.js";

const WATCHES = /\s(-w|--watch|-f|--follow)(\s|$)(?!.*\.ya?ml)/;
const PLACES = /** @type {Record<string, string>} */ ({ laptop: "on the laptop", pod: "inside the pod", node: "on the node" });
const LONGEST = 4000; // characters of output beneath a command
const COLUMNS = /^\S.*\S {2,}\S/m; // what is printed in columns must not be folded

/** The variables that a line sets, and those that it uses. @param {string} line */
export function variables(line) {
  const sets = [...line.matchAll(/(?:^|;\s*)([A-Z_][A-Z0-9_]*)=/g)].map((match) => match[1]);
  const uses = [...line.matchAll(/\$\{?([A-Z_][A-Z0-9_]*)/g)].map((match) => match[1]);
  return { sets, uses: uses.filter((name) => !sets.includes(name)) };
}

/**
 * @param {HTMLElement} root
 * @param {{run: (line: string) => Promise<{status: number, flows: any[], output: string, location: string}>, location: () => Promise<string>,
 *   interrupt: () => void, before: () => Promise<void>, looked: () => Promise<void>, onTrace: (id: number) => void, say: (text: string) => void,
 *   question: (element: Element) => {text: string, ask: () => void, skip: () => void} | null}} terminal
 */
export function createCommands(root, terminal) {
  const items = /** @type {HTMLElement[]} */ ([...root.querySelectorAll(".command")]);
  const lineOf = (/** @type {HTMLElement} */ item) => item.dataset.run ?? "";
  /** @type {Set<string>} */
  const known = new Set();
  /** @type {HTMLElement | null} */
  let running = null;
  let last = Promise.resolve();

  /** @param {HTMLElement} item */
  const part = (item) => ({
    button: /** @type {HTMLElement} */ (item.querySelector(".command-run")),
    why: /** @type {HTMLElement} */ (item.querySelector(".command-why")),
    after: /** @type {HTMLElement} */ (item.querySelector(".command-after")),
  });
  const earlier = (/** @type {HTMLElement} */ item) => items.slice(0, items.indexOf(item)).reverse();

  /** @param {HTMLElement} item @param {string} state "" | "waiting" | "running" */
  function mark(item, state) {
    const { button } = part(item);
    item.dataset.state = state;
    button.setAttribute("aria-label", `${state === "running" ? "Stop" : "Run"} ${lineOf(item)}`);
    /** @type {HTMLElement} */ (button.firstElementChild).textContent = state === "running" ? "■" : "▶";
  }

  /** One after another, each seen by the goals before the next may change it again; what watches for ever is stopped by the next. @param {HTMLElement} item */
  function start(item) {
    if (running && WATCHES.test(lineOf(running))) terminal.interrupt();
    mark(item, "waiting");
    last = last.then(() => perform(item)).then(terminal.looked).catch(() => mark(item, ""));
    return last;
  }
  /** @param {HTMLElement} item */
  async function perform(item) {
    const { why, after } = part(item);
    why.hidden = true;
    await terminal.before();
    running = item;
    mark(item, "running");
    try {
      const done = await terminal.run(lineOf(item));
      for (const name of variables(lineOf(item)).sets) known.add(name);
      item.dataset.ran = done.status === 0 ? "well" : "badly";
      showAfter(after, done);
      terminal.say(done.status === 0 ? "The command has ended." : `The command has ended with exit code ${done.status}.`);
    } finally {
      running = null;
      mark(item, "");
    }
  }
  /** @param {HTMLElement} after @param {{output: string, flows: any[]}} done */
  function showAfter(after, { output, flows }) {
    const text = output.trimEnd();
    const count = flows.length === 1 ? "its request" : `its ${flows.length} requests`;
    after.hidden = !text && !flows.length;
    after.replaceChildren(...[
      text ? h(`pre.command-output${COLUMNS.test(text) ? ".in-columns" : ""}`, { tabindex: "0", "aria-label": "What it printed", text: text.length > LONGEST ? `${text.slice(0, LONGEST)}\n…` : text }) : null,
      flows.length ? h("button.button.small", { type: "button", text: `Watch ${count}`, onclick: () => terminal.onTrace(flows[0].id ?? flows[0]) }) : null,
    ].filter((node) => node !== null));
  }

  /** Why a line cannot run as it is, and what would make it possible. @param {HTMLElement} item @param {string} location */
  function obstacle(item, location) {
    const here = location.split("/")[0];
    const needed = item.dataset.place ?? "laptop";
    const name = location.split("/").at(-1);
    if (lineOf(item) === "exit" && here === "laptop") return { text: "You are on the laptop already: there is nothing to leave.", first: null };
    if (here !== needed) {
      const leave = here !== "laptop";
      const way = needed === "laptop" ? null : earlier(item).find((other) => other.dataset.enters === needed) ?? null;
      const text = `This runs ${PLACES[needed]}, and the terminal is ${leave ? `on ${name}` : "on the laptop"}.`;
      return { text, first: { leave, items: way ? [way] : [] }, label: leave ? (way ? "Go there, then run" : "Leave, then run") : "Go in, then run" };
    }
    const unset = variables(lineOf(item)).uses.filter((variable) => !known.has(variable));
    const setters = unset.map((variable) => earlier(item).find((other) => variables(lineOf(other)).sets.includes(variable))).filter((other) => other !== undefined);
    if (setters.length) return { text: `\`$${unset[0]}\` is not set in this terminal.`, first: { leave: false, items: setters }, label: "Set it, then run" };
    return null;
  }

  /** Before the first run the learner says what she expects, or says that she will not. @param {HTMLElement} item @param {NonNullable<ReturnType<typeof terminal.question>>} question */
  function remind(item, question) {
    const { why, button } = part(item);
    why.hidden = false;
    why.replaceChildren(h("span", { text: question.text }),
      h("button.button.small", { type: "button", text: "To the question", onclick: () => { why.hidden = true; question.ask(); } }),
      h("button.button.small.quiet", { type: "button", text: "Run it now", onclick: () => { why.hidden = true; question.skip(); button.focus(); button.click(); } }));
  }

  /** @param {HTMLElement} item @param {NonNullable<ReturnType<typeof obstacle>>} found */
  function explain(item, { text, first, label }) {
    const { why } = part(item);
    why.hidden = false;
    why.replaceChildren(h("span", {}, ...inlineWords(text)));
    if (!first) return;
    why.append(h("button.button.small", { type: "button", text: label, onclick: async () => {
      why.hidden = true;
      part(item).button.focus();
      if (first.leave) await terminal.run("exit");
      for (const other of first.items) await start(other);
      await start(item);
    } }));
  }

  root.addEventListener("click", async (/** @type {any} */ event) => {
    const button = event.target.closest(".command-run");
    if (!button) return;
    const item = button.closest(".command");
    if (item === running) {
      terminal.interrupt();
      return;
    }
    if (item.dataset.state === "waiting") return;
    const question = terminal.question(item);
    if (question) {
      remind(item, question);
      return;
    }
    const found = running ? null : obstacle(item, await terminal.location());
    if (found && part(item).why.hidden) explain(item, found);
    else start(item);
  });

  return {
    /** The terminal has a new shell: nothing is set in it. */
    forget() { known.clear(); },
    /** The connection is new: what ran or waited on the old one ends here. */
    drop() {
      for (const item of items) if (item.dataset.state) mark(item, "");
      running = null;
      last = Promise.resolve();
    },
  };
}
