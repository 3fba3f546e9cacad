// @ts-check
// The question before the first run. The answer is kept; right or wrong, the reason is shown after the commitment.

import { h } from "../core/dom.js";
import { inlineWords } from "./words.js";

/**
 * @param {HTMLFormElement} form
 * @param {{choice: number, answer: number, because: string} | null} given  what was committed before, if anything
 * @param {(step: string, choice: number) => Promise<{choice: number, answer: number, because: string}>} commit
 */
export function createPrediction(form, given, commit) {
  const radios = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll('input[type="radio"]')]);
  const note = /** @type {HTMLElement} */ (form.querySelector(".predict-because"));

  /** @param {{choice: number, answer: number, because: string}} truth */
  function reveal({ choice, answer, because }) {
    for (const radio of radios) {
      const value = Number(radio.value);
      const label = radio.closest("label");
      radio.checked = value === choice;
      radio.disabled = true;
      label?.toggleAttribute("data-truth", value === answer);
      if (value === choice || value === answer) label?.append(h("span.predict-mark", { text: value === answer ? (value === choice ? "✓ as you said" : "✓ so it is") : "you said" }));
    }
    /** @type {HTMLElement} */ (form.querySelector('button[type="submit"]')).hidden = true;
    form.toggleAttribute("data-given", true);
    form.closest(".step")?.querySelector(".correction")?.toggleAttribute("open", true);
    note.hidden = false;
    note.replaceChildren(h("strong", { text: choice === answer ? "So it is. " : "Not quite. " }), ...inlineWords(because));
  }
  if (given) reveal(given);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const choice = radios.find((radio) => radio.checked);
    if (!choice) return;
    try {
      reveal(await commit(form.dataset.predictStep ?? "", Number(choice.value)));
      note.tabIndex = -1;
      note.focus({ preventScroll: true });
    } catch {
      note.hidden = false;
      note.textContent = "Your answer could not be sent. Is the connection there? Try once more.";
    }
  });
}
