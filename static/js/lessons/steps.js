// @ts-check
// A lesson's steps, one at a time; where the learner is stays in the address, so that reload and the browser's own
// Back come to it.

import { byId, setText } from "../core/dom.js";

/** @param {HTMLElement} root @param {{onMove: (last: boolean) => void}} options `onMove` hears whether the step shown is the last */
export function createSteps(root, { onMove }) {
  const steps = /** @type {HTMLElement[]} */ ([...root.querySelectorAll(".step")]);
  const back = byId("step-back");
  const next = byId("step-next");
  const onward = byId("lesson-onward");
  const intro = /** @type {HTMLElement} */ (root.querySelector(".lesson-intro"));
  const named = () => Math.max(0, steps.findIndex((step) => `#${step.id}` === location.hash));
  let current = 0;

  function show(/** @type {number} */ index) {
    current = Math.max(0, Math.min(steps.length - 1, index));
    steps.forEach((step, i) => { step.hidden = i !== current; });
    intro.hidden = current > 0;
    back.disabled = current === 0;
    next.hidden = current === steps.length - 1;
    if (onward) onward.hidden = current < steps.length - 1;
    setText(byId("step-place"), `Step ${current + 1} of ${steps.length}`);
    onMove(current === steps.length - 1);
  }
  function move(/** @type {number} */ index) {
    show(index);
    const title = /** @type {HTMLElement} */ (steps[current].querySelector("h2"));
    title.tabIndex = -1;
    title.focus({ preventScroll: true });
    const pane = root.closest(".pane");
    if (!pane) return;
    const lamps = /** @type {HTMLElement} */ (root.querySelector(".lamps")).offsetHeight;
    const above = steps[current].getBoundingClientRect().top - pane.getBoundingClientRect().top;
    pane.scrollTo({ top: current ? pane.scrollTop + above - lamps - 14 : 0 });
  }
  function go(/** @type {number} */ index) {
    move(index);
    history.pushState(null, "", `#${steps[current].id}`);
  }
  back.addEventListener("click", () => go(current - 1));
  next.addEventListener("click", () => go(current + 1));
  window.addEventListener("popstate", () => { if (named() !== current) move(named()); });
  show(named());
}
