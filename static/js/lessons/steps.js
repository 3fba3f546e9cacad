// @ts-check
// A lesson's steps, one at a time; where the learner is stays in the address, so that reload comes back to it.

import { byId, setText } from "../core/dom.js";

/** @param {HTMLElement} root */
export function createSteps(root) {
  const steps = /** @type {HTMLElement[]} */ ([...root.querySelectorAll(".step")]);
  const back = byId("step-back");
  const next = byId("step-next");
  const onward = byId("lesson-onward");
  const intro = /** @type {HTMLElement} */ (root.querySelector(".lesson-intro"));
  const named = () => steps.findIndex((step) => `#${step.id}` === location.hash);
  let current = 0;

  function show(/** @type {number} */ index, moved = true) {
    current = Math.max(0, Math.min(steps.length - 1, index));
    steps.forEach((step, i) => { step.hidden = i !== current; });
    intro.hidden = current > 0;
    back.disabled = current === 0;
    next.hidden = current === steps.length - 1;
    if (onward) onward.hidden = current < steps.length - 1;
    setText(byId("step-place"), `Step ${current + 1} of ${steps.length}`);
    if (!moved) return;
    history.replaceState(null, "", `#${steps[current].id}`);
    const title = /** @type {HTMLElement} */ (steps[current].querySelector("h2"));
    title.tabIndex = -1;
    title.focus({ preventScroll: true });
    const pane = root.closest(".pane");
    if (!pane) return;
    const lamps = /** @type {HTMLElement} */ (root.querySelector(".lamps")).offsetHeight;
    const above = steps[current].getBoundingClientRect().top - pane.getBoundingClientRect().top;
    pane.scrollTo({ top: current ? pane.scrollTop + above - lamps - 14 : 0 });
  }
  back.addEventListener("click", () => show(current - 1));
  next.addEventListener("click", () => show(current + 1));
  window.addEventListener("hashchange", () => { if (named() >= 0) show(named()); });
  show(Math.max(0, named()), false);
}
