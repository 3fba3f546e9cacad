// @ts-check
// The bar's controls: connection, the cluster's clock, proxy mode, reset, theme, motion, help.

import { byId, set, setText } from "../core/dom.js";

const modes = () => /** @type {NodeListOf<HTMLSelectElement>} */ (document.querySelectorAll(".proxy-mode"));

/** @param {{send: (message: any) => void, toast: (text: string) => void, setMotion: (choice: any) => void, renew: () => Promise<boolean>}} options */
export function wireBar({ send, toast, setMotion, renew }) {
  let paused = false;
  for (const group of document.querySelectorAll(".clock-rate")) group.addEventListener("click", (/** @type {any} */ event) => {
    const value = event.target.closest("button")?.value;
    if (value === "pause") send({ type: "clock", action: paused ? "resume" : "pause" });
    else if (value === "step") send({ type: "clock", action: "step", value: 1 });
    else if (value) send({ type: "clock", action: "rate", value: Number(value) });
  });
  for (const select of modes()) select.addEventListener("change", (/** @type {any} */ event) => {
    send({ type: "mode", mode: event.target.value });
    if (event.target.value === "ipvs") toast("The ipvs mode follows kube-proxy's documented design. It is the one mode that was not compared with a recording.");
  });
  wireTwice(byId("reset"), "Press again: all in it goes", () => {
    send({ type: "reset" });
    byId("menu").open = false;
    toast("A fresh cluster is on its way.");
  });
  wireTwice(byId("kubeconfig-renew"), "Press again: the old one ends", async () => {
    const done = await renew();
    byId("menu").open = false;
    toast(done ? "The old kubeconfig opens nothing any more. Download the new one." : "That could not be done. Is the connection there?");
  });
  byId("kubeconfig").addEventListener("click", () => toast("Saved as svclab.kubeconfig. In its folder: KUBECONFIG=svclab.kubeconfig kubectl get nodes"));
  byId("help").addEventListener("click", () => byId("help-dialog").showModal());
  byId("theme").addEventListener("click", (/** @type {any} */ event) => {
    const choice = event.target.closest("button")?.value;
    if (!choice) return;
    document.dispatchEvent(new CustomEvent("svclab:theme", { detail: choice }));
    showTheme();
  });
  const motion = byId("motion");
  motion.value = kept("motion") ?? "system";
  const move = () => setMotion(motion.value === "system" ? null : motion.value);
  move();
  motion.addEventListener("change", () => { keep("motion", motion.value); move(); });
  const shortcuts = byId("shortcuts");
  shortcuts.checked = kept("shortcuts") !== "off";
  shortcuts.addEventListener("change", () => keep("shortcuts", shortcuts.checked ? "on" : "off"));
  document.addEventListener("click", (event) => {
    if (!byId("menu").contains(/** @type {Node} */ (event.target))) byId("menu").open = false;
  });
  byId("menu").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape") return;
    byId("menu").open = false;
    byId("menu").querySelector("summary").focus();
  });
  showTheme();

  return {
    /** @param {import("./state.js").State} state */
    render(state) {
      const connection = byId("connection");
      connection.dataset.state = state.connection;
      setText(connection.querySelector(".words"), { connecting: "connecting", live: "live", lost: "connection lost, trying again", gone: "this cluster is gone: reload the page" }[state.connection]);
      for (const select of modes()) if (select.value !== state.mode) select.value = state.mode;
      if (!state.clock) return;
      paused = state.clock.paused;
      byId("clock").dataset.paused = String(paused);
      for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll(".clock-rate > button"))) {
        const on = button.value === "pause" ? paused : !paused && Number(button.value) === state.clock.rate;
        if (button.value !== "step") set(button, { "aria-pressed": String(on) });
      }
    },
  };
}

/** A choice of the menu, kept in the browser. @param {string} name */
function kept(name) {
  try {
    return localStorage.getItem(`svclab.${name}`);
  } catch {
    return null;
  }
}

/** @param {string} name @param {string} value */
function keep(name, value) {
  try {
    localStorage.setItem(`svclab.${name}`, value);
  } catch { /* a private window: for this page only */ }
}

const THINK_AGAIN = 4000; // ms

/** A button whose work cannot be undone asks once more, in its own words. @param {HTMLElement} button @param {string} question @param {() => void} act */
function wireTwice(button, question, act) {
  const words = /** @type {HTMLElement} */ (button.querySelector("span"));
  const text = words.textContent ?? "";
  let asked = 0;
  button.addEventListener("click", () => {
    clearTimeout(asked);
    const sure = words.textContent === question;
    setText(words, sure ? text : question);
    button.classList.toggle("asking", !sure);
    if (sure) return act();
    asked = setTimeout(() => {
      setText(words, text);
      button.classList.remove("asking");
    }, THINK_AGAIN);
    return undefined;
  });
}

function showTheme() {
  const choice = document.documentElement.dataset.themeChoice ?? "system";
  for (const button of byId("theme").children) set(button, { "aria-pressed": String(button.value === choice) });
}
