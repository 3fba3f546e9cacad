// @ts-check
// The small card of a thing on the stage: what it is, and what can be done with it.

import { h, icon, set } from "../core/dom.js";

/** @typedef {{title: string, rows: [string, string][], actions: {label: string, icon: string, run: () => void, primary?: boolean}[]}} CardContent */

/** @param {HTMLElement} root */
export function createCard(root) {
  /** @type {Element | null} */
  let opener = null;
  const close = () => {
    if (root.hidden) return;
    root.hidden = true;
    if (root.contains(document.activeElement)) /** @type {HTMLElement | null} */ (opener)?.focus?.();
  };
  return {
    close,
    /** @param {CardContent} content @param {Element | null} from */
    open(content, from) {
      opener = from;
      root.hidden = false;
      set(root, { "aria-label": content.title });
      const box = from?.getBoundingClientRect();
      const frame = root.parentElement?.getBoundingClientRect();
      root.classList.toggle("right", Boolean(box && frame && box.x + box.width / 2 < frame.x + frame.width / 2));
      root.replaceChildren(
        h("button.button.quiet.small.icon-only.close", { type: "button", "aria-label": "Close", onclick: close }, icon("x")),
        h("h3", { text: content.title }),
        h("dl", {}, ...content.rows.filter(([, value]) => value).flatMap(([name, value]) => [h("dt", { text: name }), h("dd.mono", { text: value })])),
        h("div.actions", {}, ...content.actions.map((action) => h(`button.button.small${action.primary ? ".primary" : ""}`, { type: "button", onclick: () => { close(); action.run(); } }, icon(action.icon), action.label))));
      root.querySelector(".primary")?.focus();
    },
  };
}

/**
 * What the card of a key says.
 * @param {import("../topology/model.js").Model} model @param {string} key
 * @returns {{title: string, rows: [string, string][]} | null}
 */
export function cardOf(model, key) {
  const pod = model.pods.find((candidate) => candidate.host === key);
  if (pod) {
    const members = model.services.filter((service) => service.endpoints.some((endpoint) => endpoint.pod === pod.key));
    return { title: pod.name, rows: [["pod", `${pod.namespace} on ${pod.node}`], ["address", pod.ip], ["state", pod.ready ? "ready" : pod.reason], ["image", pod.image],
      ["labels", Object.entries(pod.labels).map(([name, value]) => `${name}=${value}`).join(" ")], ["endpoint of", members.map((service) => service.name).join(", ")]] };
  }
  const service = model.services.find((candidate) => candidate.key === key);
  if (service) {
    const ports = service.ports.map((port) => `${port.port}→${port.targetPort}${port.protocol === "TCP" ? "" : `/${port.protocol}`}${port.nodePort ? ` node port ${port.nodePort}` : ""}`);
    const by = (/** @type {string} */ state) => service.endpoints.filter((endpoint) => endpoint.state === state).map((endpoint) => endpoint.ip).join(" ");
    return { title: service.name, rows: [["Service", `${service.type} in ${service.namespace}`], ["ClusterIP", service.clusterIP], ["ports", ports.join(", ")], ["ready", by("ready") || "none"], ["not ready", by("notready")], ["ending", by("terminating")],
      ["external", service.pending ? "<pending>" : service.ingress.join(" ")], ["policy", service.policy]] };
  }
  const node = model.nodes.find((candidate) => candidate.host === key);
  if (node) return { title: node.name, rows: [["node", node.controlPlane ? "control plane" : "worker"], ["internal", node.ip], ["external", node.external], ["pods", node.podCIDR]] };
  if (key.startsWith("client/")) return { title: key.slice(7), rows: [["where", "outside the cluster"], ["address", key === "client/laptop" ? "192.0.2.50" : "203.0.113.5"]] };
  return null;
}
