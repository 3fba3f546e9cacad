// @ts-check
// A lesson's sentences that come after the page: `code` and *emphasis* as elements, never as HTML.

import { h } from "../core/dom.js";

/** @param {string} text @returns {(Node | string)[]} */
export function inlineWords(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*|\*[^*\s][^*]*\*)/).filter(Boolean).map((part) => {
    if (/^`.+`$/.test(part)) return h("code", { text: part.slice(1, -1) });
    if (/^\*\*.+\*\*$/.test(part)) return h("strong", { text: part.slice(2, -2) });
    if (/^\*.+\*$/.test(part)) return h("em", { text: part.slice(1, -1) });
    return part;
  });
}
