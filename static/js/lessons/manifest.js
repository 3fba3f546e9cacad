// @ts-check
// A lesson's manifest: shown highlighted, edited in place, applied with one click, put back as it was.

import { h } from "../core/dom.js";
import { createCodeView } from "../core/codeview.js";

/**
 * @param {HTMLElement} root  the .manifest element
 * @param {(file: string, text: string) => void} apply
 */
export async function createManifest(root, apply) {
  const file = root.dataset.file ?? "manifest.yaml";
  const area = /** @type {HTMLTextAreaElement} */ (root.querySelector("textarea"));
  const original = area.value;
  const restore = /** @type {HTMLButtonElement} */ (root.querySelector(".manifest-restore"));
  const result = /** @type {HTMLElement} */ (root.querySelector(".manifest-result"));
  const run = () => {
    result.removeAttribute("data-bad");
    result.textContent = "applying…";
    apply(file, view.text);
  };
  const holder = h("div");
  area.after(holder);
  const view = await createCodeView({
    parent: holder, text: original, label: `${file}; Escape, then Tab leaves the editor`, onApply: run, gutter: false,
    onChange: () => { restore.hidden = view.text === original; },
  });
  area.hidden = true;
  root.querySelector(".manifest-apply")?.addEventListener("click", run);
  restore.addEventListener("click", () => {
    view.setText(original);
    result.replaceChildren();
    result.removeAttribute("data-bad");
  });

  return {
    file,
    /** @param {{message?: string, error?: string, line?: number | null}[]} items */
    showResults(items) {
      const bad = items.some((item) => item.error);
      result.toggleAttribute("data-bad", bad);
      result.textContent = items.map((item) => item.error ? `${item.error}${item.line ? ` (line ${item.line})` : ""}` : item.message).join("\n");
      const errors = items.filter((item) => item.error && item.line).map((item) => ({ line: item.line ?? 1, message: item.error ?? "" }));
      view.mark(errors);
      if (errors.length) view.goTo(errors[0].line);
    },
  };
}
