// @ts-check
// The bar's controls: connection, the cluster's clock, proxy mode, reset, theme, motion, help.

import { byId, set, setText } from "../core/dom.js";

/** @param {{send: (message: any) => void, toast: (text: string) => void, setMotion: (choice: any) => void}} options */
export function wireBar({ send, toast, setMotion }) {
  let paused = false;
  byId("clock-rate").addEventListener("click", (/** @type {any} */ event) => {
    const value = event.target.closest("button")?.value;
    if (value === "pause") send({ type: "clock", action: paused ? "resume" : "pause" });
    else if (value === "step") send({ type: "clock", action: "step", value: 1 });
    else if (value) send({ type: "clock", action: "rate", value: Number(value) });
  });
  byId("proxy-mode").addEventListener("change", (/** @type {any} */ event) => {
    send({ type: "mode", mode: event.target.value });
    if (event.target.value === "ipvs") toast("The ipvs mode follows kube-proxy's documented design. It is the one mode that was not compared with a recording.");
  });
  byId("reset").addEventListener("click", () => {
    send({ type: "reset" });
    byId("menu").open = false;
    toast("A fresh cluster is on its way.");
  });
  byId("help").addEventListener("click", () => byId("help-dialog").showModal());
  byId("theme").addEventListener("click", (/** @type {any} */ event) => {
    const choice = event.target.closest("button")?.value;
    if (!choice) return;
    document.dispatchEvent(new CustomEvent("svclab:theme", { detail: choice }));
    showTheme();
  });
  byId("motion").addEventListener("change", (/** @type {any} */ event) => setMotion(event.target.value === "system" ? null : event.target.value));
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
      if (byId("proxy-mode").value !== state.mode) byId("proxy-mode").value = state.mode;
      if (!state.clock) return;
      paused = state.clock.paused;
      byId("clock").dataset.paused = String(paused);
      for (const button of byId("clock-rate").children) {
        const on = button.value === "pause" ? paused : !paused && Number(button.value) === state.clock.rate;
        if (button.value !== "step") set(button, { "aria-pressed": String(on) });
      }
    },
  };
}

function showTheme() {
  const choice = document.documentElement.dataset.themeChoice ?? "system";
  for (const button of byId("theme").children) set(button, { "aria-pressed": String(button.value === choice) });
}
