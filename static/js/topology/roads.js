// @ts-check
// The roads between the places of a layout: along the wires that are drawn, there as back. Pure.

/** @typedef {import("./layout.js").Layout} Layout */
/** @typedef {import("./layout.js").NodeBox} NodeBox */
/** @typedef {import("./layout.js").Point} Point */

/** Hooks that share another's plate in the gate. */
const SHARED = /** @type {Record<string, string>} */ ({ INPUT: "FORWARD", OUTPUT: "PREROUTING" });

/**
 * The place of a host, or of a hook's plate in a node's gate ("node/node1#FORWARD").
 * @param {Layout} at @param {string} anchor
 * @returns {Point | null}
 */
export function pointOf(at, anchor) {
  const [host, hook] = anchor.split("#");
  if (host === "router") return at.router;
  if (host.startsWith("client/")) {
    const client = at.clients.find((candidate) => candidate.host === host);
    return client ? { x: client.x + client.w, y: client.y + client.h / 2 } : null;
  }
  if (host.startsWith("node/")) {
    const node = at.nodes.find((candidate) => candidate.node.host === host);
    if (!node) return null;
    if (hook === "nic") return node.nic;
    const plate = node.gate.plates.find((candidate) => candidate.hook === plateOf(hook)) ?? node.gate.plates[0];
    return { x: laneOf(node), y: plate.y + plate.h / 2 };
  }
  for (const node of at.nodes) {
    const box = node.pods.find((candidate) => candidate.pod.host === host);
    if (box) return { x: box.x < node.trunk.x ? box.x + box.w : box.x, y: box.y + box.h / 2 };
  }
  const stacked = stackOf(at, host);
  return stacked;
}

/** The plate at which a hook is shown. @param {string} hook */
export const plateOf = (hook) => SHARED[hook] ?? hook;

/** Beside the gate, so that a packet at a plate hides no rule's name. @param {NodeBox} node */
const laneOf = (node) => node.gate.x - 20;

/** A pod that is only counted stands where the stack stands. @param {Layout} at @param {string} host */
function stackOf(at, host) {
  const node = at.nodes.find((candidate) => candidate.stacked.includes(host));
  return node?.moreBox ? { x: node.moreBox.x, y: node.moreBox.y + node.moreBox.h / 2 } : null;
}

/** @param {Layout} at @param {string} host */
export function nodeOfHost(at, host) {
  return at.nodes.find((node) => node.node.host === host || node.pods.some((box) => box.pod.host === host) || node.stacked.includes(host));
}

/**
 * The road between two neighbouring places, as corner points; along the wires that are drawn.
 * @param {Layout} at @param {string} from @param {string} to @param {{src?: string, dst?: string} | null} [packet]
 * @returns {Point[]}
 */
export function way(at, from, to, packet = null) {
  const [a, b] = [from, to].map((anchor) => anchor.split("/")[0]);
  if (a !== "router" && b !== "router" && (a === "client") !== (b === "client")) {
    return [...way(at, from, "router", packet), ...way(at, "router", to, packet)];
  }
  const start = pointOf(at, from);
  const end = pointOf(at, to);
  if (!start || !end) return [start ?? end].filter((point) => point !== null);
  return [...legs(at, from, start), ...between(at, from, to, packet), ...legs(at, to, end).reverse()];
}

/** From a host's place to the point where it joins the network outside itself. @param {Layout} at @param {string} anchor @param {Point} place */
function legs(at, anchor, place) {
  if (anchor.startsWith("client/")) return [place, { x: at.router.x, y: place.y }];
  if (!anchor.startsWith("pod/")) return [place];
  const node = nodeOfHost(at, anchor);
  return node ? [place, { x: node.trunk.x, y: place.y }] : [place];
}

/** @param {Layout} at @param {string} from @param {string} to @param {{src?: string, dst?: string} | null} packet @returns {Point[]} */
function between(at, from, to, packet) {
  const a = nodeOfHost(at, from.split("#")[0]);
  const b = nodeOfHost(at, to.split("#")[0]);
  const balancer = at.balancers.find((box) => box.ip && (box.ip === packet?.dst || box.ip === packet?.src));
  const turn = balancer && { x: at.router.x, y: balancer.y + balancer.h / 2 };
  const detour = [...(turn ? [turn, { x: balancer.x + balancer.w, y: turn.y }, turn] : []), { x: at.router.x, y: at.wire.y }];
  if (a && b && a === b) return from.startsWith("pod/") || to.startsWith("pod/") ? below(a, from.startsWith("pod/")) : [];
  if (a && b) return [...above(at, a), ...above(at, b).reverse()];
  if (a && to === "router") return [...above(at, a), ...[...detour].reverse()];
  if (from === "router" && b) return [...detour, ...above(at, b).reverse()];
  return [];
}

/** From a gate's lane up to the wire between the nodes. @param {Layout} at @param {NodeBox} node */
const above = (at, node) => [
  { x: laneOf(node), y: node.gate.y - 5 }, { x: node.nic.x, y: node.gate.y - 5 }, { x: node.nic.x, y: at.wire.y },
];

/** Between a gate's lane and the trunk to the pods. @param {NodeBox} node @param {boolean} upwards */
function below(node, upwards) {
  const y = node.gate.y + node.gate.h + 9;
  const points = [{ x: node.trunk.x, y }, { x: laneOf(node), y }];
  return upwards ? points : points.reverse();
}

/** Total length of a road in pixels. @param {Point[]} points */
export function lengthOf(points) {
  return points.slice(1).reduce((sum, point, i) => sum + Math.hypot(point.x - points[i].x, point.y - points[i].y), 0);
}

/** The place after the part `progress` (0..1) of a road. @param {Point[]} points @param {number} progress @returns {Point} */
export function along(points, progress) {
  if (points.length === 1 || progress <= 0) return points[0];
  let left = lengthOf(points) * Math.min(1, progress);
  for (let i = 1; i < points.length; i += 1) {
    const [a, b] = [points[i - 1], points[i]];
    const length = Math.hypot(b.x - a.x, b.y - a.y);
    if (left <= length && length > 0) return { x: a.x + ((b.x - a.x) * left) / length, y: a.y + ((b.y - a.y) * left) / length };
    left -= length;
  }
  return points[points.length - 1];
}
