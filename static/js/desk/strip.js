// @ts-check
// The strip beneath the stage: what a press would do, the caption of the packet under way, and how it ended.

import { h, set, setText } from "../core/dom.js";
import { hostName } from "../a11y/narrate.js";

/** @param {HTMLElement} root holds the hint, which gives way to captions */
export function createStrip(root) {
  const tag = h("span.tag");
  const text = h("span.caption");
  const words = h("code.client-words");
  const lines = h("span.lines", {}, text, words);
  return {
    /** @param {{tone: string, tag: string, text: string, words?: string} | null} caption `words`: what the client prints */
    show(caption) {
      if (!caption) {
        tag.remove();
        lines.remove();
        return;
      }
      if (!tag.isConnected) root.append(tag, lines);
      set(tag, { class: `tag ${caption.tone}`, text: caption.tag });
      setText(text, caption.text);
      set(words, { hidden: !caption.words, text: caption.words ?? "", title: caption.words ?? "" });
    },
  };
}

/** Who answered and whom it saw; of a look-up, what CoreDNS said. @param {any} trace @param {string | null} server */
export function answerWords(trace, server) {
  if (server) return `${hostName(server)} answered. It saw the request come from ${trace.outcome.source_seen}.`;
  const found = trace.steps.findLast((/** @type {any} */ step) => step.kind === "answer" && step.records.length);
  return found ? found.records.map((/** @type {any[]} */ record) => `${record[2]} ${record[3]}`).join(", ") : trace.outcome.words.trim();
}
