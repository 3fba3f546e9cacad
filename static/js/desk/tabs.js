// @ts-check
// Tab lists: one pane at a time, arrow keys within the list.

import { byId } from "../core/dom.js";

/** @param {ParentNode} [root] */
export function wireTabs(root = document) {
  for (const list of root.querySelectorAll('[role="tablist"][data-tabs]')) {
    list.addEventListener("click", (event) => {
      const tab = /** @type {Element} */ (event.target).closest('[role="tab"]');
      if (tab) openTab(tab.id);
    });
    list.addEventListener("keydown", (event) => moveFocus(list, /** @type {KeyboardEvent} */ (event)));
  }
}

/** @param {string} id */
export function openTab(id) {
  const tab = byId(id);
  const list = tab?.closest('[role="tablist"]');
  if (!tab || !list) return;
  for (const other of list.querySelectorAll('[role="tab"]')) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", String(chosen));
    other.setAttribute("tabindex", chosen ? "0" : "-1");
    const pane = byId(other.getAttribute("aria-controls") ?? "");
    if (pane) pane.hidden = !chosen;
  }
  tab.scrollIntoView({ block: "nearest", inline: "nearest" });
  byId(tab.getAttribute("aria-controls") ?? "")?.querySelector('[aria-current="true"], .current')?.scrollIntoView({ block: "nearest" });
  document.dispatchEvent(new CustomEvent("svclab:tab", { detail: id }));
}

/** @param {Element} list @param {KeyboardEvent} event */
function moveFocus(list, event) {
  const tabs = /** @type {HTMLElement[]} */ ([...list.querySelectorAll('[role="tab"]')]);
  const at = tabs.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  const tab = tabs[(to + tabs.length) % tabs.length];
  tab.focus();
  openTab(tab.id);
}

/** The parts of a narrow page, by the bottom tabs. @param {string} name */
export function openPart(name) {
  byId("main").dataset.tab = name;
  for (const button of byId("narrow-tabs").children) button.setAttribute("aria-pressed", String(button.value === name));
  document.dispatchEvent(new CustomEvent("svclab:part", { detail: name }));
}

export const isNarrow = () => matchMedia("(max-width: 700px)").matches;
