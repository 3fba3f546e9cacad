// @ts-check
// A lesson's steps, one at a time; where the learner is stays in the address, so that reload comes back to it.

import { byId, setText } from "../core/dom.js";

/** @param {HTMLElement} root @param {() => void} onShow */
export function createSteps(root, onShow) {
  const steps = /** @type {HTMLElement[]} */ ([...root.querySelectorAll(".step")]);
  const back = byId("step-back");
  const next = byId("step-next");
  const intro = /** @type {HTMLElement} */ (root.querySelector(".lesson-intro"));
  let current = Math.max(0, steps.findIndex((step) => `#${step.id}` === location.hash));

  function show(/** @type {number} */ index, moved = true) {
    current = Math.max(0, Math.min(steps.length - 1, index));
    steps.forEach((step, i) => { step.hidden = i !== current; });
    intro.hidden = current > 0;
    back.disabled = current === 0;
    next.hidden = current === steps.length - 1;
    setText(byId("step-place"), `Step ${current + 1} of ${steps.length}`);
    if (!moved) return;
    history.replaceState(null, "", `#${steps[current].id}`);
    const title = /** @type {HTMLElement} */ (steps[current].querySelector("h2"));
    title.tabIndex = -1;
    title.focus({ preventScroll: true });
    root.closest(".pane")?.scrollTo({ top: current ? steps[current].offsetTop - 72 : 0 });
    onShow();
  }
  back.addEventListener("click", () => show(current - 1));
  next.addEventListener("click", () => show(current + 1));
  byId("step-nav").hidden = steps.length < 2;
  show(current, false);
}
