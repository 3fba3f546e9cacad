// @ts-check
// Sending a request: the form, and the two gestures (a sender, then a receiver).

import { byId, h, set, setText } from "../core/dom.js";

/**
 * What may send: pods and outside clients, by groups.
 * @param {import("../topology/model.js").Model} model
 */
export function sendersOf(model) {
  const pods = model.pods.filter((pod) => pod.ip && pod.phase === "Running");
  const own = pods.filter((pod) => !pod.system).map((pod) => ({ value: pod.host, label: pod.name, group: pod.namespace }));
  const system = pods.filter((pod) => pod.system).map((pod) => ({ value: pod.host, label: pod.name, group: pod.namespace }));
  const outside = ["laptop", "office"].map((name) => ({ value: `client/${name}`, label: name, group: "outside the cluster" }));
  const nodes = model.nodes.map((node) => ({ value: node.host, label: node.name, group: "nodes" }));
  return [...own, ...outside, ...nodes, ...system];
}

/**
 * What the chosen thing is called by a client that stands at `from`: a Service's name inside, an address outside.
 * @param {import("../topology/model.js").Model} model @param {string} key @param {string} from
 */
export function targetText(model, key, from) {
  const service = model.services.find((candidate) => candidate.key === key);
  if (service) return serviceTarget(model, service, from);
  const pod = model.pods.find((candidate) => candidate.host === key);
  if (pod) return `${pod.ip}:${portOfPod(model, pod)}`;
  const node = model.nodes.find((candidate) => candidate.host === key);
  if (node) return `${from.startsWith("client/") && node.external ? node.external : node.ip}:${nodePort(model) ?? 22}`;
  return { "client/laptop": "192.0.2.50:80", "client/office": "203.0.113.5:80" }[key] ?? "";
}

/** @param {import("../topology/model.js").Model} model @param {any} service @param {string} from */
function serviceTarget(model, service, from) {
  const port = service.ports[0]?.port ?? 80;
  const suffix = port === 80 ? "" : `:${port}`;
  if (!from.startsWith("pod/")) {
    if (service.ingress[0]) return `${service.ingress[0]}${port === 80 ? ":80" : suffix}`;
    const open = service.ports.find((/** @type {any} */ candidate) => candidate.nodePort)?.nodePort;
    const node = model.nodes.find((candidate) => !candidate.controlPlane) ?? model.nodes[0];
    if (open && node) return `${from.startsWith("client/") && node.external ? node.external : node.ip}:${open}`;
    return `${service.clusterIP}:${port}`;
  }
  const same = from.split("/")[1] === service.namespace;
  return `http://${service.name}${same ? "" : `.${service.namespace}`}${suffix}`;
}

/** @param {import("../topology/model.js").Model} model @param {any} pod */
function portOfPod(model, pod) {
  const service = model.services.find((candidate) => candidate.endpoints.some((endpoint) => endpoint.pod === pod.key));
  const target = Number(service?.ports[0]?.targetPort);
  return Number.isInteger(target) && target > 0 ? target : service?.ports[0]?.port ?? 80;
}

/** @param {import("../topology/model.js").Model} model */
const nodePort = (model) => model.services.flatMap((service) => service.ports).find((port) => port.nodePort)?.nodePort;

/** @param {{onSend: (request: {source: string, target: string, protocol: string}) => void}} options */
export function createSendForm({ onSend }) {
  const form = byId("send");
  const from = byId("send-from");
  const to = byId("send-to");
  const hint = byId("send-hint");
  let optionsShown = "";
  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    const target = to.value.trim();
    if (from.value && target) onSend({ source: from.value, target, protocol: byId("send-protocol").value });
  });
  return {
    /** @param {import("../topology/model.js").Model} model */
    render(model) {
      const senders = sendersOf(model);
      const text = JSON.stringify([senders, model.services.map((service) => service.key)]);
      if (text === optionsShown) return;
      optionsShown = text;
      const chosen = from.value;
      const groups = [...new Set(senders.map((sender) => sender.group))];
      from.replaceChildren(...groups.map((group) => h("optgroup", { label: group }, ...senders.filter((sender) => sender.group === group).map((sender) => h("option", { value: sender.value, text: sender.label })))));
      if (senders.some((sender) => sender.value === chosen)) from.value = chosen;
      const targets = model.services.filter((service) => service.clusterIP !== "").map((service) => targetText(model, service.key, from.value));
      byId("send-targets").replaceChildren(...[...new Set(targets)].map((value) => h("option", { value })));
    },
    /** Shows what the gestures have chosen. @param {{from: string, to: string}} choice @param {string} words */
    choose(choice, words) {
      if (choice.from) from.value = choice.from;
      if (choice.to) to.value = choice.to;
      setText(hint, words);
      set(hint, { class: `send-hint${choice.from && !choice.to ? " armed" : ""}` });
    },
    get source() { return from.value; },
    focusTarget() { to.focus(); },
  };
}
