// @ts-check
// Draws a picture of the player into the stage's overlay: envelope, header lines, numbered trail, death.

import { keyed, set, setText, svg } from "../core/dom.js";

/**
 * @typedef {{way: (from: string, to: string, packet: any) => {x: number, y: number}[],
 *   hidden: (point: {x: number, y: number}) => boolean,
 *   along: (points: {x: number, y: number}[], progress: number) => {x: number, y: number},
 *   point: (anchor: string) => {x: number, y: number} | null,
 *   bounds: () => {width: number, height: number}}} Geometry
 */

const ease = (/** @type {number} */ p) => (p < 0.5 ? 2 * p * p : 1 - (2 - 2 * p) ** 2 / 2);

/** @param {any} packet @param {"src" | "dst"} end */
export function endOf(packet, end) {
  if (packet.protocol === "ICMP") return packet[end];
  const port = packet[end === "src" ? "sport" : "dport"];
  return `${packet[end]}:${port}`;
}

/** Where along the road a number may stand, the wished place first. */
const PLACES = [0.38, 0.3, 0.46, 0.22, 0.54, 0.14, 0.7, 0.8];
const NUMBER = 19; // pixels that a number takes, its rim included

/** @param {Element} overlay @param {Element} under where trails run: beneath Services, which are no place on the way */
export function createPacketView(overlay, under) {
  const trail = svg("g.trail");
  const silence = svg("g.silence", { visibility: "hidden" }, svg("path"), svg("circle", { r: 10 }), svg("path.hands", { d: "M0-6V0L4 2" }));
  const grave = svg("g.grave", { visibility: "hidden" },
    svg("circle", { r: 15 }), svg("path", { d: "M-6-6L6 6M6-6L-6 6" }),
    svg("g.tag", {}, svg("rect", { rx: 6, height: 22, y: -11 }), svg("text", { y: 4, x: 10 })));
  const envelope = envelopeMark();
  under.append(trail);
  overlay.append(silence, grave, envelope);

  /** @param {import("./player.js").Picture} picture @param {Geometry} geometry @param {boolean} still */
  function render(picture, geometry, still) {
    drawTrail(trail, picture, geometry);
    drawEnvelope(envelope, picture, geometry, still);
    drawGrave(grave, silence, picture, geometry);
  }
  function clear() {
    trail.replaceChildren();
    for (const part of [envelope, grave, silence]) set(part, { visibility: "hidden" });
  }
  return { render, clear };
}

function envelopeMark() {
  const line = (/** @type {number} */ y) => svg("g.line", { transform: `translate(0 ${y})` }, svg("text.key"), svg("text.old"), svg("text.new"));
  return svg("g.envelope", { visibility: "hidden" },
    svg("g.shape", {}, svg("circle.halo", { r: 19 }), svg("rect.second", { x: -15, y: -11, width: 30, height: 22, rx: 5 }), svg("rect.paper", { x: -12, y: -8.5, width: 24, height: 17, rx: 3.5 }), svg("path.flap", { d: "M-11-7L0 2L11-7" }), svg("circle.round", { r: 10 }), svg("text.letter", { y: 3.6, "text-anchor": "middle" })),
    svg("g.label", {}, svg("rect.card", { rx: 7 }), line(0), line(0), line(0), svg("g.action", {}, svg("rect", { rx: 7, height: 15, y: -8 }), svg("text", { x: 7, y: 3 }))));
}

/** @param {Element} trail @param {import("./player.js").Picture} picture @param {Geometry} geometry */
function drawTrail(trail, picture, geometry) {
  const hops = picture.trail.map((hop) => ({ ...hop, points: geometry.way(hop.from, hop.to, hop.packet) })).filter((hop) => hop.points.length > 1);
  /** @type {{x: number, y: number}[]} */
  const taken = [];
  keyed(trail, hops, (hop) => `${hop.number}`, () => svg("g.hop", {}, svg("path"), svg("circle", { r: 8 }), svg("text", { "text-anchor": "middle", y: 3.4 })), (element, hop) => {
    const [path, dot, text] = element.children;
    const shift = hop.reply ? 3.5 : -3.5;
    const entered = hop.entered ? geometry.point(hop.entered) : null; // down the gate's lane to where it leaves
    set(path, { d: rounded([...(entered ? [entered] : []), ...hop.points].map((point) => moved(point, shift))) });
    const places = PLACES.map((part) => moved(geometry.along(hop.points, hop.reply ? 1 - part : part), shift));
    const free = places.filter((place) => !geometry.hidden(place));
    const middle = free.find((place) => taken.every((other) => Math.hypot(place.x - other.x, place.y - other.y) > NUMBER)) ?? free[0] ?? places[0];
    taken.push(middle);
    set(dot, { cx: middle.x, cy: middle.y });
    set(text, { x: middle.x, y: middle.y + 3.4, text: hop.number });
    set(element, { class: `hop ${hop.purpose}${hop.reply ? " reply" : ""}` });
  });
}

/** @param {{x: number, y: number}} point @param {number} shift there and back run side by side */
const moved = (point, shift) => ({ x: point.x + shift, y: point.y + shift });

/** A path with rounded corners through the points. @param {{x: number, y: number}[]} points */
export function rounded(points) {
  const parts = [`M${points[0].x} ${points[0].y}`];
  for (let i = 1; i < points.length; i += 1) {
    const [before, here, after] = [points[i - 1], points[i], points[i + 1]];
    if (!after) parts.push(`L${here.x} ${here.y}`);
    else {
      const a = towards(here, before, 8);
      const b = towards(here, after, 8);
      parts.push(`L${a.x} ${a.y}Q${here.x} ${here.y} ${b.x} ${b.y}`);
    }
  }
  return parts.join("");
}

/** @param {{x: number, y: number}} from @param {{x: number, y: number}} to @param {number} most */
function towards(from, to, most) {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const part = Math.min(most, length / 2) / length;
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
}

/** @param {Element} mark @param {import("./player.js").Picture} picture @param {Geometry} geometry @param {boolean} still */
function drawEnvelope(mark, picture, geometry, still) {
  const { envelope } = picture;
  const points = envelope ? geometry.way(envelope.from, envelope.to, envelope.packet) : [];
  set(mark, { visibility: points.length ? "visible" : "hidden" });
  if (!envelope || !points.length) return;
  const at = geometry.along(points, still ? 1 : ease(envelope.progress));
  set(mark, {
    transform: `translate(${at.x.toFixed(1)} ${at.y.toFixed(1)})`,
    class: `envelope ${envelope.purpose}${envelope.reply ? " reply" : ""}${envelope.dead ? " dead" : ""} ${envelope.packet?.protocol === "UDP" ? "udp" : "tcp"}`,
  });
  drawLabel(mark, envelope, at, geometry.bounds());
}

/** The two header lines; at a NAT the old value struck through and the new one beneath. @param {Element} mark @param {any} envelope @param {{x: number, y: number}} at @param {{width: number, height: number}} bounds */
function drawLabel(mark, envelope, at, bounds) {
  const label = /** @type {Element} */ (mark.querySelector(".label"));
  const { packet, struck, carrier } = envelope;
  const rows = carrier ? [{ key: "with", text: carrier, old: false, fresh: false }] : [];
  for (const [key, end] of /** @type {["from" | "to", "src" | "dst"][]} */ (packet ? [["from", "src"], ["to", "dst"]] : [])) {
    const now = endOf(packet, end);
    const old = struck ? endOf(struck, end) : now;
    if (old !== now) rows.push({ key, text: old, old: true }, { key: "", text: now, fresh: true });
    else rows.push({ key, text: now });
  }
  const width = Math.max(...rows.map((row) => row.text.length)) * 6.35 + 50;
  const shown = rows.slice(0, 4);
  const height = shown.length * 15 + 9;
  const atGate = envelope.to.includes("#") && at.x - 24 - width > 4;
  const right = !atGate && at.x + 24 + width < bounds.width - 4;
  const x = right ? 22 : -22 - width;
  const wished = atGate ? -8 : -height / 2; // at a gate beneath the node's name
  const y = Math.min(Math.max(wished, 4 - at.y), bounds.height - 4 - at.y - height);
  set(label, { transform: `translate(${x} ${y})` });
  set(/** @type {Element} */ (label.querySelector(".card")), { width, height });
  const action = /** @type {Element} */ (label.querySelector(".action"));
  const chip = envelope.action.length * 6.3 + 14;
  set(action, { visibility: envelope.action ? "inherit" : "hidden", transform: `translate(${width - chip - 6} -3)` });
  set(action.children[0], { width: chip });
  setText(action.children[1], envelope.action);
  const lines = [...label.querySelectorAll(".line")];
  while (lines.length < shown.length) {
    const extra = svg("g.line", {}, svg("text.key"), svg("text.old"), svg("text.new"));
    lines.at(-1)?.after(extra);
    lines.push(extra);
  }
  lines.forEach((line, i) => {
    const row = shown[i];
    set(line, { visibility: row ? "inherit" : "hidden", transform: `translate(0 ${i * 15 + 15.5})`, class: `line${row?.fresh ? " fresh" : ""}` });
    if (!row) return;
    const [key, old, now] = line.children;
    set(key, { x: 9, text: row.key });
    set(old, { x: 40, text: row.old ? row.text : "" });
    set(now, { x: 40, text: row.old ? "" : row.text });
  });
  setText(/** @type {Element} */ (mark.querySelector(".letter")), packet?.protocol === "UDP" ? "?" : "");
}

/** @param {Element} grave @param {Element} silence @param {import("./player.js").Picture} picture @param {Geometry} geometry */
function drawGrave(grave, silence, picture, geometry) {
  const { death } = picture;
  const at = death ? geometry.point(death.host) : null;
  set(grave, { visibility: at ? "visible" : "hidden" });
  const quiet = death && at && ["DROPPED", "UNROUTED", "ASYMMETRIC", "DNS-TIMEOUT"].includes(death.code) && picture.frame.kind === "end";
  set(silence, { visibility: quiet ? "visible" : "hidden" });
  if (!death || !at) return;
  set(grave, { transform: `translate(${at.x} ${at.y})` });
  const tag = /** @type {Element} */ (grave.querySelector(".tag"));
  const width = death.code.length * 7.2 + 20;
  set(tag, { transform: `translate(${at.x - 22 - width > 4 ? -20 - width : 20} 0)` });
  set(tag.children[0], { width });
  setText(tag.children[1], death.code);
  if (!quiet) return;
  const points = geometry.way(death.host, picture.frame.host, null);
  set(silence.children[0], { d: points.length > 1 ? rounded(points.map((point) => ({ x: point.x + 4, y: point.y + 4 }))) : "" });
  const middle = geometry.along(points, 0.5);
  for (const part of [silence.children[1], silence.children[2]]) set(part, { transform: `translate(${middle.x + 4} ${middle.y + 4})` });
}
