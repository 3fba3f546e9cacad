// @ts-check
// What `vi`, `nano` and `kubectl edit` open: a text in a dialog, saved or left as it was.

import { h } from "../core/dom.js";
import { createCodeView } from "../core/codeview.js";

/**
 * @param {string} name @param {string} text
 * @returns {Promise<string | null>} the new text; null when it was closed without saving
 */
export async function editFile(name, text) {
  const holder = h("div.edit-text");
  const save = h("button.button.primary", { type: "button", text: "Save and close" });
  const close = h("button.button", { type: "button", text: "Close without saving" });
  const dialog = h("dialog.edit-file", { "aria-label": `Edit ${name}` }, h("h2.mono", { text: name }), holder, h("div.edit-actions", {}, close, save));
  document.body.append(dialog);
  dialog.showModal();
  const view = await createCodeView({ parent: holder, text, label: `${name}; Control and Enter saves, Escape closes`, onApply: () => save.click() });
  view.goTo(1);
  const hint = h("p.edit-hint", { role: "status" });
  dialog.querySelector(".edit-actions")?.prepend(hint);
  return new Promise((resolve) => {
    let saved = /** @type {string | null} */ (null);
    save.addEventListener("click", () => {
      saved = view.text;
      dialog.close();
    });
    close.addEventListener("click", () => dialog.close());
    // Whoever is used to vi presses Escape after typing: what was typed must not be lost by that.
    dialog.addEventListener("cancel", (event) => {
      if (view.text === text || hint.textContent) return;
      event.preventDefault();
      hint.textContent = "Not saved yet. Escape again closes without saving.";
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(saved);
    });
  });
}
