// @ts-check
// Single keys of the page; they can be switched off (WCAG 2.1.4), and fields and the terminal keep theirs.

import { byId } from "../core/dom.js";
import { openPart, openTab } from "./tabs.js";

const SPEEDS = [0.25, 0.5, 1, 2, 4];
const TABS = ["tab-why", "tab-header", "tab-rules", "tab-conntrack", "tab-dns"];

/** @param {any} player @param {{terminal: () => void, filter: () => void, leave: () => void}} places */
export function wireKeys(player, places) {
  const faster = (/** @type {number} */ by) => {
    const at = SPEEDS.indexOf(player.state.speed);
    player.setSpeed(SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, at + by))]);
  };
  /** @type {Record<string, (event: KeyboardEvent) => void>} */
  const keys = {
    " ": () => player.toggle(),
    ArrowLeft: (event) => player.step(-1, event.shiftKey ? "hop" : undefined),
    ArrowRight: (event) => player.step(1, event.shiftKey ? "hop" : undefined),
    Home: () => player.first(),
    End: () => player.last(),
    n: () => player.next((/** @type {any} */ frame) => frame.kind === "nat"),
    x: () => player.next((/** @type {any} */ frame) => frame.kind === "death"),
    "[": () => faster(-1),
    "]": () => faster(1),
    t: () => { openPart("terminal"); places.terminal(); },
    m: () => { openPart("story"); openTab("tab-map"); byId("tab-map").focus(); },
    i: () => { openPart("inspect"); byId("inspector-panel").querySelector('[aria-selected="true"]').focus(); },
    "/": () => { openPart("inspect"); openTab("tab-events"); places.filter(); },
    "?": () => byId("help-dialog").showModal(),
  };
  for (const [i, tab] of TABS.entries()) keys[String(i + 1)] = () => openTab(tab);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey && event.shiftKey && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      event.preventDefault();
      player.step(event.key === "ArrowLeft" ? -1 : 1);
      return;
    }
    if (event.key === "Escape" && !(/** @type {Element} */ (event.target)).closest(".xterm, .cm-editor, dialog")) places.leave();
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || !byId("shortcuts").checked) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.closest("input:not([type=range]), textarea, select, .xterm, .cm-editor, dialog")) return;
    if (event.key === " " && target.closest("button, summary, a, [role=button]")) return;
    if (target.closest('[role="tab"]') && /^(Arrow|Home|End)/.test(event.key)) return;
    if (target.matches("input[type=range]") && /^(Arrow|Home|End)/.test(event.key) && !event.shiftKey) return;
    const action = keys[event.key] ?? keys[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action(event);
  });
}

/**
 * Keys on the stage: arrows move to the neighbour in that direction; S starts a packet here, D delivers it here.
 * @param {SVGSVGElement} stage @param {{from: (host: string) => void, to: (host: string) => void}} actions
 */
export function wireStageKeys(stage, actions) {
  stage.addEventListener("keydown", (event) => {
    const here = /** @type {Element} */ (event.target).closest("[data-host]");
    if (!here) return;
    const key = event.key.toLowerCase();
    const host = here.getAttribute("data-host") ?? "";
    if (key === "s" && !event.ctrlKey && !event.metaKey) actions.from(host);
    else if (key === "d" && !event.ctrlKey && !event.metaKey) actions.to(host);
    else if (/^arrow/.test(key) && !event.shiftKey) neighbour(stage, here, key.slice(5))?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/** @param {SVGSVGElement} stage @param {Element} here @param {string} direction @returns {any} */
function neighbour(stage, here, direction) {
  const centre = (/** @type {Element} */ element) => {
    const box = element.getBoundingClientRect();
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  };
  const from = centre(here);
  const ahead = { right: [1, 0], left: [-1, 0], down: [0, 1], up: [0, -1] }[direction] ?? [0, 0];
  let best = null;
  let least = Infinity;
  for (const element of stage.querySelectorAll("[data-host]")) {
    if (element === here) continue;
    const to = centre(element);
    const forward = (to.x - from.x) * ahead[0] + (to.y - from.y) * ahead[1];
    const aside = Math.abs((to.x - from.x) * ahead[1]) + Math.abs((to.y - from.y) * ahead[0]);
    if (forward > 4 && forward + 2.5 * aside < least) [best, least] = [element, forward + 2.5 * aside];
  }
  return best;
}
