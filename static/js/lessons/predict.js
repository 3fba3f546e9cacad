// @ts-check
// The question before the first run. The answer is kept; right or wrong, the reason is shown after the commitment.

import { h } from "../core/dom.js";

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
      radio.checked = Number(radio.value) === choice;
      radio.disabled = true;
      radio.closest("label")?.toggleAttribute("data-truth", Number(radio.value) === answer);
    }
    /** @type {HTMLElement} */ (form.querySelector('button[type="submit"]')).hidden = true;
    note.hidden = false;
    note.replaceChildren(h("strong", { text: choice === answer ? "So it is. " : "Not quite. " }), because);
  }
  if (given) reveal(given);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const choice = radios.find((radio) => radio.checked);
    if (choice) reveal(await commit(form.dataset.predictStep ?? "", Number(choice.value)));
  });
}
