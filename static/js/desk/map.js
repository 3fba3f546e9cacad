// @ts-check
// The sandbox's map: the lessons with their progress, asked for when it is first looked at.

import { byId, h } from "../core/dom.js";

/** @param {string} address */
export function wireMap(address) {
  document.addEventListener("svclab:tab", async (/** @type {any} */ event) => {
    if (event.detail !== "tab-map") return;
    const answer = await fetch(address).catch(() => null);
    if (!answer?.ok) return; // the link to the lesson map stays
    const { lessons } = await answer.json();
    byId("pane-map").replaceChildren(h("ol.lesson-map", {}, ...lessons.map(entry)));
  });
}

/** @param {{number: number, title: string, url: string, green: number, total: number}} lesson */
const entry = ({ number, title, url, green, total }) => h("li", {},
  h("a", { href: url, text: `${number} · ${title}` }), h("span.card-lamps", { text: `${green}/${total}`, "aria-label": `${green} of ${total} goals reached` }));
