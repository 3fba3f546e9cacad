// @ts-check
// What a lesson begins with. What is missing is added by itself; what would change the learner's work is asked for.

import { byId, h } from "../core/dom.js";

/** @typedef {{thing: string, state: "missing" | "different" | "in the way" | "switched", detail: string}} Gap */

/**
 * @param {{url: string, csrf: Record<string, string>, onBegun: () => void}} options
 */
export function createGround({ url, csrf, onBegun }) {
  const root = byId("ground");
  let busy = false;
  let again = false;
  let first = true;
  let ownUntil = 0; // changes until then come from what was just put in place
  let timer = 0;

  /** @param {"GET" | "POST"} method @returns {Promise<{begun: boolean, gaps: Gap[]}>} */
  async function ask(method) {
    const answer = await fetch(url, { method, headers: csrf, body: method === "POST" ? "{}" : undefined });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  }

  /** @param {Gap[]} gaps */
  const names = (gaps) => h("ul", {}, ...gaps.map((gap) => h("li", {}, h("strong", { text: gap.thing }), gap.detail ? `: ${gap.detail}` : gap.state === "in the way" ? ": it should not be there" : "")));
  /** @param {string} title @param {...(Node | null)} children */
  function say(title, ...children) {
    root.hidden = false;
    delete root.dataset.kind;
    root.replaceChildren(h("p.ground-title", { text: title }), ...children.filter((child) => child !== null));
  }
  const button = (/** @type {string} */ text, /** @type {() => void} */ run, primary = false) => h(`button.button.small${primary ? ".primary" : ""}`, { type: "button", text, onclick: () => { root.tabIndex = -1; root.focus({ preventScroll: true }); run(); } });

  /** @param {Gap[]} gaps @param {string} title */
  async function close(gaps, title) {
    say(title, names(gaps));
    root.setAttribute("aria-busy", "true");
    try {
      const { gaps: left } = await ask("POST");
      if (left.length) draw({ begun: false, gaps: left }, false);
      else {
        say("Put in place for this lesson; the rest of your cluster is as it was:", names(gaps.map((gap) => ({ ...gap, detail: gap.state === "in the way" ? "taken away" : "" }))), button("All right", () => { root.hidden = true; byId("lamps-summary").focus({ preventScroll: true }); }));
        root.dataset.kind = "added";
        onBegun();
      }
    } catch {
      say("This lesson's start could not be prepared.", button("Try again", check, true));
    } finally {
      root.removeAttribute("aria-busy");
      ownUntil = Date.now() + 1500;
    }
  }

  /** @param {{begun: boolean, gaps: Gap[]}} found @param {boolean} [alone] whether missing things may be added unasked */
  function draw({ begun, gaps }, alone = true) {
    const loading = first;
    first = false;
    const done = byId("lesson").hasAttribute("data-done"); // who has reached everything may clear everything away
    const missing = done ? [] : gaps.filter((gap) => gap.state === "missing");
    if (!gaps.length || (begun && !missing.length && !loading)) {
      if (!root.querySelector("button") || (gaps.length === 0 && root.dataset.kind !== "added")) root.hidden = true;
      if (!begun) onBegun();
      return undefined;
    }
    if (begun && missing.length) {
      return say("This lesson works with things that your cluster no longer has:", names(missing), button("Put them back", () => close(missing, "Putting back…"), true));
    }
    if (begun) {
      root.hidden = false;
      root.dataset.kind = "quiet";
      return root.replaceChildren(h("details", {}, h("summary", { text: "Your cluster is not as this lesson began" }), names(gaps), button("Put these back", () => close(gaps, "Putting back…"))));
    }
    const harmless = gaps.every((gap) => gap.state === "missing" || gap.state === "switched");
    if (alone && harmless) return close(gaps, "This lesson begins with these in place. Preparing them…");
    return say("Your cluster differs from where this lesson begins:", names(gaps),
      h("div.ground-actions", {}, button("Put this right", () => close(gaps, "Putting it right…"), true), h("span.hint", { text: "Only this is changed. The goals count from then on." })));
  }

  async function check() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      const found = await ask("GET");
      await draw(found);
      root.dataset.checked = "yes";
    } catch { /* the connection is lost, and the page says so; the next welcome asks again */ } finally {
      busy = false;
      if (again) {
        again = false;
        soon();
      }
    }
  }
  /** After what happens now has settled, and what was just put in place. */
  function soon() {
    clearTimeout(timer);
    timer = window.setTimeout(root.hasAttribute("aria-busy") ? soon : check, Math.max(700, ownUntil - Date.now()));
  }
  window.addEventListener("pagehide", () => clearTimeout(timer));
  return {
    check, soon,
    /** The learner goes on: what was put in place need not be told any longer. */
    settle() { if (root.dataset.kind === "added") root.hidden = true; },
  };
}
