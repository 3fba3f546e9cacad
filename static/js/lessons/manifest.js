// @ts-check
// A lesson's manifest: shown highlighted, edited in place, applied with one click, put back as it was.

import { h } from "../core/dom.js";
import { createCodeView } from "../core/codeview.js";

/**
 * @param {HTMLElement} root  the .manifest element
 * @param {{apply: (file: string, text: string) => void, save: (file: string, text: string) => Promise<any>,
 *   question: () => {text: string, ask: () => void, skip: () => void} | null}} options
 */
export async function createManifest(root, { apply, save, question }) {
  const file = root.dataset.file ?? "manifest.yaml";
  const area = /** @type {HTMLTextAreaElement} */ (root.querySelector("textarea"));
  const original = area.value;
  const restore = /** @type {HTMLButtonElement} */ (root.querySelector(".manifest-restore"));
  const result = /** @type {HTMLElement} */ (root.querySelector(".manifest-result"));
  let saved = original;
  const keep = async () => {
    if (view.text === saved) return;
    saved = view.text;
    await save(file, saved);
  };
  const run = async () => {
    result.removeAttribute("data-bad");
    const open = question();
    if (open) return remind(open);
    result.textContent = "applying…";
    await keep();
    return apply(file, view.text);
  };
  /** Before the first run the learner says what she expects, or says that she will not. @param {NonNullable<ReturnType<typeof question>>} open */
  const remind = (open) => result.replaceChildren(h("p.manifest-question", {}, open.text,
    h("button.button.small", { type: "button", text: "To the question", onclick: () => { result.replaceChildren(); open.ask(); } }),
    h("button.button.small.quiet", { type: "button", text: "Apply it now", onclick: () => { open.skip(); run(); /** @type {HTMLElement} */ (root.querySelector(".manifest-apply")).focus(); } })));
  const holder = h("div");
  area.after(holder);
  const view = await createCodeView({
    parent: holder, text: original, label: `${file}; Escape, then Tab leaves the editor`, onApply: run,
    onChange: () => { restore.hidden = view.text === original; },
  });
  area.hidden = true;
  root.querySelector(".manifest-apply")?.addEventListener("click", run);
  restore.addEventListener("click", () => {
    view.setText(original);
    result.replaceChildren();
    result.removeAttribute("data-bad");
    /** @type {HTMLElement} */ (root.querySelector(".manifest-apply")).focus();
  });

  return {
    file,
    /** Writes the text among the learner's files if it was edited, so that commands find what she sees. */
    keep,
    /** @param {{message?: string, error?: string, line?: number | null}[]} items */
    showResults(items) {
      const errors = items.filter((item) => item.error);
      result.toggleAttribute("data-bad", errors.length > 0);
      result.replaceChildren(...items.map((item) => h("p", {}, item.error ?? item.message ?? "",
        item.line ? h("button.button.small", { type: "button", text: `line ${item.line}`, onclick: () => view.goTo(item.line ?? 1) }) : null)));
      view.mark(errors.filter((item) => item.line).map((item) => ({ line: item.line ?? 1, message: item.error ?? "" })));
    },
  };
}
