// @ts-check
// The narrow stage: the packet's journey as a vertical line of stations.

import { h, keyed, set, setText } from "../core/dom.js";
import { destinationOf, hostName, hostWords, shortWords, sourceOf } from "../a11y/narrate.js";

const STATIONS = new Set(["lookup", "resolved", "emit", "hop", "tunnel", "nat", "deliver", "death", "end"]);

/** The stations of a trace: where the packet is sent, passes, changes, arrives or dies. @param {import("./frames.js").Frame[]} frames */
export const stations = (frames) => frames.filter((frame) => STATIONS.has(frame.kind));

/** @param {HTMLElement} root @param {{onPick: (index: number) => void}} options */
export function createSubway(root, { onPick }) {
  return {
    /** @param {import("./frames.js").Frame[]} frames @param {number} index */
    render(frames, index) {
      const all = stations(frames);
      const numbers = new Map(all.map((frame, i) => [frame, i + 1]));
      const current = all.findLast((frame) => frame.index <= index) ?? all[0];
      keyed(root, all, (frame) => `${frame.index}/${frame.flow}/${frame.kind}/${frame.host}`, (frame) => station(frame, onPick), (element, frame) => {
        const here = frame === current;
        set(element, { "aria-current": here ? "step" : null, "data-n": numbers.get(frame) });
        element.classList.toggle("future", frame.index > index);
        if (here && element.dataset.shown !== "yes") element.scrollIntoView({ block: "nearest" });
        element.dataset.shown = here ? "yes" : "no";
      });
    },
    /** The room has changed: the station where the packet is stays in sight. */
    keepInSight: () => root.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" }),
  };
}

/** @param {import("./frames.js").Frame} frame @param {(index: number) => void} onPick */
function station(frame, onPick) {
  const { step } = frame;
  const kind = frame.kind === "death" || (frame.kind === "end" && step.code !== "OK") ? ".dead" : "";
  const where = h("div.where");
  setText(where, frame.kind === "end" ? (step.code === "OK" ? "Answered" : step.code) : hostWords(step.host));
  const diff = frame.kind === "nat" ? h("div.diff", {}, ...changes(step)) : null;
  return h(`li${kind}${frame.purpose === "request" ? "" : `.${frame.purpose}`}${frame.reply ? ".reply" : ""}${step.host.startsWith("node/") ? ".band-node" : ""}`, {},
    h("button", { type: "button", onclick: () => onPick(frame.index) }, where, h("div.what", { text: `${word(frame)} ${shortWords(frame)}` }), diff));
}

/** @param {import("./frames.js").Frame} frame */
function word(frame) {
  return { emit: frame.reply ? "answers" : "sends", hop: "arrives", tunnel: "", deliver: "delivered", nat: "", end: "" }[frame.kind] ?? "";
}

/** @param {any} step */
function changes(step) {
  const parts = [];
  for (const [label, of] of /** @type {[string, (packet: any) => string][]} */ ([["from", sourceOf], ["to", destinationOf]])) {
    if (of(step.before) !== of(step.packet)) parts.push(h("div", {}, `${label} `, h("s", { text: of(step.before) }), ` ${of(step.packet)}`));
  }
  return parts;
}

/** The cluster itself, for a narrow page without a trace: bands of nodes. @param {HTMLElement} root @param {import("../topology/model.js").Model} model @param {(host: string) => void} onPick @param {string} chosen */
export function drawBands(root, model, onPick, chosen) {
  const button = (/** @type {string} */ key, /** @type {string} */ dot, /** @type {string} */ name, /** @type {string} */ detail) =>
    h(`button${key === chosen ? ".chosen" : ""}`, { type: "button", onclick: () => onPick(key), "data-host": key }, h(`span.dot${dot}`), h("span.name", { text: name }), h("span.mono", { text: detail }));
  const services = [...model.services].sort((a, b) => Number(a.system) - Number(b.system)).map((service) => button(service.key, `.service-dot.hue-${service.hue}`, service.name, service.clusterIP || service.externalName));
  const nodes = model.nodes.map((node) => h("section.band", {}, h("h3", {}, h("span", { text: node.name }), h("span.mono", { text: node.ip })),
    ...model.pods.filter((pod) => pod.node === node.name && !pod.hostNetwork).map((pod) => button(pod.host, pod.terminating ? ".dead" : pod.ready ? "" : ".waiting", pod.suffix ? `${pod.title} ${pod.suffix}` : pod.title, pod.ip || hostName(pod.reason)))));
  root.replaceChildren(
    h("section.band", {}, h("h3", { text: "outside" }), button("client/laptop", "", "laptop", "192.0.2.50"), button("client/office", "", "office", "203.0.113.5")),
    h("section.band", {}, h("h3", { text: "Services" }), ...services), ...nodes);
}
