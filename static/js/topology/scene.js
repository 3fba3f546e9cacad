// @ts-check
// Layout -> SVG: keyed elements that are updated, never rebuilt, with enter and leave animations.

import { keyed, set, setText, svg } from "../core/dom.js";

/** @typedef {import("./layout.js").Layout} Layout */

const MOST_THREADS = 60; // more than that are faint until they are asked for
const FONTS = /** @type {Record<string, string>} */ ({ name: '600 12px "Inter", system-ui, sans-serif', small: '400 10.5px "JetBrains Mono", monospace' });
const pen = document.createElement("canvas").getContext("2d");

/** A text, shortened until it fits so many pixels. @param {string} text @param {number} room @param {"name" | "small"} [font] */
function fit(text, room, font = "name") {
  if (!pen) return text;
  pen.font = FONTS[font];
  if (pen.measureText(text).width <= room) return text;
  let most = text.length - 1;
  while (most > 1 && pen.measureText(`${text.slice(0, most)}…`).width > room) most -= 1;
  return `${text.slice(0, most)}…`;
}

/**
 * @param {SVGSVGElement} root
 * @param {{onPick: (host: string, element: Element) => void, onHover: (key: string | null) => void, still: () => boolean}} options
 */
export function createScene(root, { onPick, onHover, still }) {
  const layers = Object.fromEntries(["ground", "wires", "nodes", "threads", "trails", "nics", "services", "pods", "clients", "notes", "overlay"].map((name) => {
    const group = svg(`g.layer-${name}`);
    root.append(group);
    return [name, group];
  }));
  const wire = svg("path.wire");
  const router = routerMark();
  layers.wires.append(wire, router);

  /** Pops in a new element, unless nothing may move. @param {Element} element */
  function enter(element) {
    if (!still()) element.animate([{ opacity: 0 }, { opacity: 1 }], { duration: 380, easing: "ease-out" });
    return element;
  }
  /** @param {Element} element */
  function leave(element) {
    if (still()) return element.remove();
    const body = element.querySelector(".body") ?? element;
    body.animate([{ opacity: 1, transform: "scale(1)" }, { opacity: 0, transform: "scale(0.8)" }], { duration: 420, easing: "ease-in", fill: "forwards" });
    setTimeout(() => element.remove(), 430);
  }

  /** What a press, Enter or a pointer over an element mean. @param {Element} element @param {string} host */
  function interactive(element, host) {
    set(element, {
      tabindex: "0", role: "button", "data-host": host,
      onclick: () => onPick(host, element),
      onpointerenter: () => onHover(host), onpointerleave: () => onHover(null),
      onfocus: () => onHover(host), onblur: () => onHover(null),
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        onPick(host, element);
      },
    });
    return element;
  }

  /** @param {Layout} at */
  function render(at) {
    set(root, { viewBox: `0 0 ${at.width} ${at.height}` });
    drawWires(at, wire, router);
    drawGround(layers.ground, at);
    drawNotes(layers.notes, at);
    keyed(layers.clients, at.clients, (box) => box.host, (box) => interactive(clientMark(), box.host), updateClient);
    keyed(layers.services, at.services, (box) => box.service.key, (box) => enter(interactive(serviceMark(), box.service.key)), updateService, leave);
    keyed(layers.ground.querySelector(".balancers"), at.balancers, (box) => box.service.key, (box) => enter(interactive(balancerMark(), box.service.key)), updateBalancer, leave);
    keyed(layers.nodes, at.nodes, (box) => box.node.host, (box) => enter(nodeMark(box, (element) => interactive(element, box.node.host))), updateNode, leave);
    keyed(layers.nics, at.nodes, (box) => box.node.host, () => enter(nicMark()), updateNic);
    const threads = at.services.flatMap((box) => box.threads.map((thread) => ({ ...thread, service: box.service })));
    keyed(layers.threads, threads, (thread) => `${thread.service.key}>${thread.pod}`, () => enter(svg("g", {}, svg("path.thread"), svg("circle.knot", { r: 3.2 }))), updateThread, leave);
    layers.threads.classList.toggle("crowded", threads.length > MOST_THREADS);
    const pods = at.nodes.flatMap((node) => node.pods.map((box) => ({ ...box, trunk: node.trunk.x })));
    keyed(layers.pods, pods, (box) => box.pod.uid || box.pod.key, (box) => enter(interactive(podMark(), box.pod.host)), updatePod, leave);
  }

  return { render, overlay: layers.overlay, layers };
}

function routerMark() {
  return svg("g.router", {},
    svg("circle", { r: 15 }),
    svg("path", { d: "M-8-3h16M4-7l4 4-4 4M8 4h-16M-4 0l-4 4 4 4" }),
    svg("text.caption", { y: 29, "text-anchor": "middle", text: "router" }));
}

/** The wires outside the nodes. @param {Layout} at @param {Element} wire @param {Element} router */
function drawWires(at, wire, router) {
  const parts = [`M${at.router.x} ${at.router.y}V${at.wire.y}H${at.wire.x2}`];
  for (const node of at.nodes) parts.push(`M${node.nic.x} ${at.wire.y}V${node.nic.y}`);
  for (const box of [...at.clients, ...at.balancers]) parts.push(`M${box.x + box.w} ${box.y + box.h / 2}H${at.router.x}V${at.router.y}`);
  set(wire, { d: parts.join("") });
  set(router, { transform: `translate(${at.router.x} ${at.router.y})` });
}

/** The wires within a node: NIC, through the gate, bridge, pods. @param {import("./layout.js").NodeBox} node */
function nodeWires(node) {
  const parts = [`M${node.nic.x} ${node.nic.y}V${node.gate.y + node.gate.h}`];
  const boxes = [...node.pods, ...(node.moreBox ? [node.moreBox] : [])];
  if (boxes.length) parts.push(`M${node.nic.x} ${node.gate.y + node.gate.h}v9H${node.trunk.x}V${node.trunk.y2}`);
  for (const box of boxes) parts.push(`M${node.trunk.x} ${box.y + box.h / 2}H${box.x < node.trunk.x ? box.x + box.w : box.x}`);
  return parts.join("");
}

/** @param {Element} ground @param {Layout} at */
function drawGround(ground, at) {
  if (!ground.firstElementChild) ground.append(svg("g.outside", {}, svg("line"), svg("text.zone", { x: 12, y: 30, text: "outside" })), svg("g.balancers"));
  set(/** @type {Element} */ (ground.querySelector(".outside line")), { x1: at.outside.w, x2: at.outside.w, y1: at.wire.y + 16, y2: at.outside.h });
}

/** What is not drawn, in words. @param {Element} root @param {Layout} at */
function drawNotes(root, at) {
  keyed(root, Object.entries(at.notes).filter(([, note]) => note.text), ([name]) => name, ([name]) => svg(`text.zone.note-${name}`, { "text-anchor": name === "services" ? "end" : "start" }, svg("title"), svg("tspan")), (element, [, note]) => {
    set(element, { x: note.x, y: note.y });
    setText(element.children[0], note.title);
    setText(element.children[1], note.text);
  });
}

function clientMark() {
  return svg("g.client", {}, svg("g.body", {},
    svg("rect.card", { rx: 9 }), svg("path.glyph"), svg("text.name", { x: 34, y: 19 }), svg("text.address", { x: 34, y: 34 })));
}

/** @param {SVGGElement} element @param {any} box */
function updateClient(element, box) {
  place(element, box);
  const [rect, glyph, name, address] = /** @type {Element[]} */ ([...bodyOf(element).children]);
  set(rect, { width: box.w, height: box.h });
  set(glyph, { d: box.name === "office" ? "M12 36V13h13v23M16 18h1M20 18h1M16 23h1M20 23h1M16 28h1M20 28h1" : "M11 16h16v11H11zM8 31h22" });
  setText(name, box.name);
  setText(address, box.ip);
  set(element, { "aria-label": `${box.name}, ${box.ip}, outside the cluster` });
}

function balancerMark() {
  return svg("g.balancer", {}, svg("g.body", {}, svg("rect.card", { rx: 9 }), svg("path.glyph", { d: "M8 23h7M15 23L24 14M15 23h10M15 23L24 32M21 13.5h3.5V17M22.5 20.5L25 23l-2.5 2.5M21 32.5h3.5V29" }), svg("text.name", { x: 32, y: 19 }), svg("text.address", { x: 32, y: 34 })), svg("title"));
}

/** @param {SVGGElement} element @param {any} box */
function updateBalancer(element, box) {
  place(element, box);
  const [rect, , name, address] = /** @type {Element[]} */ ([...bodyOf(element).children]);
  set(rect, { width: box.w, height: box.h });
  setText(name, fit(box.service.name, box.w - 38));
  setText(address, box.ip || "<pending>");
  setText(/** @type {Element} */ (element.lastElementChild), `load balancer of Service ${box.service.name}`);
  set(element, { "aria-label": `load balancer of ${box.service.name}, ${box.ip || "address pending"}`, class: `balancer${box.ip ? "" : " pending"}` });
}

function serviceMark() {
  return svg("g.service", {}, svg("g.body", {}, svg("rect.outline", { rx: 17 }), svg("text.name", { y: 15, "text-anchor": "middle" }), svg("text.address", { y: 28, "text-anchor": "middle" }),
    svg("g.badge", {}, svg("rect", { rx: 7, width: 44, height: 14, x: -22, y: -7 }), svg("text", { "text-anchor": "middle", y: 3.2, text: "0 ready" }))), svg("title"));
}

/** @param {SVGGElement} element @param {import("./layout.js").ServiceBox} box */
function updateService(element, box) {
  place(element, box);
  const [rect, name, address, badge] = /** @type {Element[]} */ ([...bodyOf(element).children]);
  const { service } = box;
  const ready = service.endpoints.filter((endpoint) => endpoint.state === "ready").length;
  set(rect, { width: box.w, height: box.h });
  set(name, { x: box.w / 2, text: fit(box.label, box.w - 22) });
  set(address, { x: box.w / 2, text: box.detail });
  const empty = ready === 0 && !service.externalName;
  set(badge, { transform: `translate(${box.w - 26} -2.5)`, visibility: empty ? "visible" : "hidden" });
  setText(/** @type {Element} */ (element.lastElementChild), `Service ${service.name} in ${service.namespace}`);
  set(element, {
    class: `service hue-${service.hue}${service.system ? " system" : ""}${empty ? " empty" : ""}`,
    "aria-label": `Service ${service.name} in ${service.namespace}, ${service.type}, ${box.detail}, ${ready} ready endpoint${ready === 1 ? "" : "s"}`,
  });
}

/** @param {SVGGElement} element @param {any} thread */
function updateThread(element, thread) {
  const [path, knot] = /** @type {Element[]} */ ([...element.children]);
  const { from, to } = thread;
  set(path, { d: threadPath(from, to, thread.side) });
  set(knot, { cx: to.x, cy: to.y });
  set(element, { class: `hue-${thread.service.hue} ${thread.state}${element.classList.contains("asked") ? " asked" : ""}`, "data-service": thread.service.key, "data-pod": thread.pod });
}

/** Down to a pod's top, or down the node's edge and into the pod's side. @param {{x: number, y: number}} from @param {{x: number, y: number}} to @param {string} side */
function threadPath(from, to, side) {
  if (side === "top") {
    const bend = Math.max(14, (to.y - from.y) * 0.55);
    return `M${from.x} ${from.y}C${from.x} ${from.y + bend} ${to.x} ${to.y - bend} ${to.x} ${to.y}`;
  }
  const edge = to.x + (side === "left" ? -9 : 9);
  const turn = Math.max(from.y + 20, to.y - 58);
  const middle = (from.y + turn) / 2;
  return `M${from.x} ${from.y}C${from.x} ${middle + 6} ${edge} ${middle - 6} ${edge} ${turn}V${to.y - 8}Q${edge} ${to.y} ${to.x} ${to.y}`;
}

/** @param {import("./layout.js").NodeBox} box @param {(element: Element) => Element} interactive */
function nodeMark(box, interactive) {
  const gate = interactive(svg("g.gate", {},
    svg("rect.gate-back", { rx: 7 }),
    ...box.gate.plates.map((plate) => svg("g.plate", { "data-hook": plate.hook }, svg("rect", { rx: 3 }), svg("text", { "text-anchor": "middle" })))));
  const pressed = { onclick: (/** @type {Event} */ event) => { event.stopPropagation(); gate.dispatchEvent(new MouseEvent("click", { bubbles: true })); } }; // for the pointer; keys have the gate
  return svg("g.node", {}, svg("rect.box", { rx: 14, ...pressed }), svg("path.wire"), svg("text.title", pressed), svg("text.subtitle", {}),
    svg("g.bridge", {}, svg("rect", { rx: 7, height: 14, width: 44, x: -22, y: -7 }), svg("text", { "text-anchor": "middle", y: 3.5, text: "cni0" })),
    gate, svg("g.stack", {}, svg("rect", { rx: 8 }), svg("rect", { rx: 8 }), svg("text", { "text-anchor": "middle" })));
}

/** @param {SVGGElement} element @param {import("./layout.js").NodeBox} box */
function updateNode(element, box) {
  const [rect, wires, title, subtitle, bridge, gate, stack] = /** @type {Element[]} */ ([...element.children]);
  const { node } = box;
  set(element, { class: `node${node.ready ? "" : " unready"}`, "data-node": node.host });
  set(rect, { x: box.x, y: box.y, width: box.w, height: box.h });
  set(wires, { d: nodeWires(box) });
  set(title, { x: box.x + 14, y: box.y + 24, text: node.name });
  set(subtitle, { x: box.x + box.w - 14, y: box.y + 24, "text-anchor": "end", text: box.w > 230 ? node.podCIDR : "" });
  set(bridge, { transform: `translate(${box.bridge.x} ${box.bridge.y})`, visibility: box.pods.length && box.trunk.x === box.nic.x ? "visible" : "hidden" });
  set(gate, { "aria-label": `Rule gate of ${node.name}: PREROUTING, routing, FORWARD, POSTROUTING` });
  set(gate.children[0], { x: box.gate.x - 5, y: box.gate.y - 5, width: box.gate.w + 10, height: box.gate.h + 10 });
  box.gate.plates.forEach((plate, i) => {
    const [back, text] = gate.children[i + 1].children;
    set(back, { x: plate.x, y: plate.y, width: plate.w, height: plate.h });
    set(text, { x: plate.x + plate.w / 2, y: plate.y + 9.1 });
    if (!text.textContent) setText(text, plate.hook);
  });
  drawStack(stack, box);
}

/** A node's address, in a layer of its own: trails run beneath it. */
function nicMark() {
  return svg("g.nic", {}, svg("rect", { rx: 9, height: 18 }), svg("text", { "text-anchor": "middle", y: 13 }));
}

/** @param {SVGGElement} element @param {import("./layout.js").NodeBox} box */
function updateNic(element, box) {
  const [pill, text] = element.children;
  const width = box.node.ip.length * 6.4 + 22;
  set(element, { transform: `translate(${box.nic.x} ${box.nic.y - 9})` });
  set(pill, { width, x: -width / 2 });
  setText(text, box.node.ip);
}

/** @param {Element} stack @param {import("./layout.js").NodeBox} box */
function drawStack(stack, box) {
  set(stack, { hidden: box.more === 0, visibility: box.more ? "visible" : "hidden" });
  if (!box.moreBox) return;
  const [under, over, text] = /** @type {Element[]} */ ([...stack.children]);
  set(under, { x: box.moreBox.x + 4, y: box.moreBox.y + 4, width: box.moreBox.w - 4, height: box.moreBox.h - 2 });
  set(over, { x: box.moreBox.x, y: box.moreBox.y, width: box.moreBox.w - 4, height: box.moreBox.h - 2 });
  set(text, { x: box.moreBox.x + box.moreBox.w / 2, y: box.moreBox.y + box.moreBox.h / 2 + 4, text: `+ ${box.more} more pods` });
}

function podMark() {
  return svg("g.pod", {}, svg("g.body", {}, svg("rect.card", { rx: 8 }), svg("rect.lamp", { width: 4, rx: 2, x: 6, y: 7 }),
    svg("text.name", { x: 17, y: 15.5 }), svg("text.address", { x: 17, y: 29 }), svg("text.suffix", { y: 15.5, "text-anchor": "end" }), svg("text.suffix", { y: 29, "text-anchor": "end" })), svg("title"));
}

/** @param {SVGGElement} element @param {any} box */
function updatePod(element, box) {
  place(element, box);
  const [card, lamp, name, address, suffix, spaceName] = /** @type {Element[]} */ ([...bodyOf(element).children]);
  const { pod } = box;
  const state = pod.terminating ? "terminating" : pod.ready ? "ready" : pod.phase === "Succeeded" ? "done" : pod.phase === "Running" ? "notready" : "pending";
  const room = box.w - 24;
  const tail = pod.suffix && room > 90 ? pod.suffix : "";
  set(card, { width: box.w, height: box.h });
  set(lamp, { height: box.h - 14 });
  setText(name, fit(pod.title, room - (tail ? tail.length * 6.1 + 6 : 0)));
  set(suffix, { x: box.w - 8, text: tail });
  set(spaceName, { x: box.w - 8, text: room > 190 && state === "ready" ? fit(pod.namespace, room - 100, "small") : "" });
  setText(/** @type {Element} */ (element.lastElementChild), `pod ${pod.name} in ${pod.namespace}`);
  setText(address, state === "ready" ? pod.ip : [pod.ip, shortReason(pod, room)].filter(Boolean).join(" "));
  set(element, {
    class: `pod ${state}${pod.system ? " system" : ""}`,
    "aria-label": `pod ${pod.name} in ${pod.namespace} on ${pod.node}, ${pod.ip || "no address yet"}, ${state === "ready" ? "ready" : pod.reason}`,
  });
}

/** @param {any} pod @param {number} room */
function shortReason(pod, room) {
  const reason = pod.terminating ? "ending" : pod.phase === "Running" ? "not ready" : pod.reason;
  return pod.ip && room < 128 ? "" : reason;
}

/** The part of a mark that animations scale. @param {Element} element */
const bodyOf = (element) => /** @type {Element} */ (element.firstElementChild);

/** @param {SVGGElement} element @param {{x: number, y: number}} box */
function place(element, box) {
  element.style.transform = `translate(${Math.round(box.x)}px, ${Math.round(box.y)}px)`;
}
