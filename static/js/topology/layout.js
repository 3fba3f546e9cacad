// @ts-check
// What the stage shows -> where it stands, in pixels of the stage. Pure: same model and size, same picture.
// The physical things (wire, gates, pods) keep fixed places; Services float across the nodes, as they are no machine.

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./model.js").Service} Service */
/** @typedef {import("./model.js").Pod} Pod */
/** @typedef {{x: number, y: number}} Point */
/** @typedef {{x: number, y: number, w: number, h: number}} Box */
/**
 * @typedef {Box & {pod: Pod, side: string}} PodBox
 * @typedef {Box & {node: import("./model.js").Node, nic: Point, gate: Box & {plates: (Box & {hook: string})[]},
 *   trunk: {x: number, y1: number, y2: number}, bridge: Point, pods: PodBox[], more: number, moreBox: Box | null, stacked: string[]}} NodeBox
 * @typedef {{pod: string, state: string, from: Point, to: Point, side: string}} Thread
 * @typedef {Box & {service: Service, label: string, detail: string, threads: Thread[]}} ServiceBox
 * @typedef {{host: string, name: string, ip: string} & Box} ClientBox
 * @typedef {Box & {service: Service, ip: string}} BalancerBox
 * @typedef {{width: number, height: number, wire: {y: number, x1: number, x2: number}, router: Point, outside: Box,
 *   clients: ClientBox[], balancers: BalancerBox[], nodes: NodeBox[], services: ServiceBox[], hiddenServices: number}} Layout
 */

export const HOOKS = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];
/** The plates of a gate, top to bottom; INPUT and OUTPUT share the place of FORWARD and PREROUTING. */
const PLATES = ["PREROUTING", "ROUTING", "FORWARD", "POSTROUTING"];
const SHARED = /** @type {Record<string, string>} */ ({ INPUT: "FORWARD", OUTPUT: "PREROUTING" });
const MOST_PODS = 12;
const MOST_ROWS = 6;
const ONE_COLUMN = 3;
const PLATE = 12;
const GAP = 10;
const EDGE = 18; // between a node's border and its pods, where threads come down
const POD = { h: 37, gap: 7 };
const SERVICE = { h: 35, gap: 7, rows: 3 };

const CLIENTS = [
  { host: "client/laptop", name: "laptop", ip: "192.0.2.50" },
  { host: "client/office", name: "office", ip: "203.0.113.5" },
];

/**
 * @param {Model} model
 * @param {{width: number, height: number}} size  the stage's own size; the answer's may be larger if it does not fit
 * @returns {Layout}
 */
export function layout(model, size) {
  const width = Math.max(760, size.width);
  const wireY = 26;
  const left = Math.round(Math.min(210, Math.max(176, width * 0.18)));
  const boxes = nodeWidths(model, width - left - GAP);
  const visible = model.nodes.map((node, i) => visiblePods(podsOn(model, node), Math.min(MOST_PODS, MOST_ROWS * podColumns(boxes[i], MOST_PODS))));
  const columns = model.nodes.map((node, i) => podColumns(boxes[i], visible[i].pods.length + (visible[i].more ? 1 : 0)));
  const rows = Math.max(2, ...visible.map(({ pods, more }, i) => Math.ceil((pods.length + (more ? 1 : 0)) / columns[i])));
  const { lines, hidden } = serviceRows(model.services, width - left - 2 * GAP);
  const top = wireY + 22;
  const gateY = top + 36; // room for a node's name, and beneath it the trail to the gate's lane
  const gateH = PLATES.length * (PLATE + 2) - 2;
  const podsH = rows * (POD.h + POD.gap) - POD.gap;
  const bandH = Math.max(1, lines.length) * (SERVICE.h + SERVICE.gap) - SERVICE.gap;
  const needed = gateY + gateH + 17 + bandH + 26 + podsH + 20;
  const height = Math.max(size.height, needed);
  const slack = Math.min(height - needed, 110);
  const bandY = gateY + gateH + 17 + slack * 0.35;
  const podsY = bandY + bandH + 26 + slack * 0.5;
  const bottom = Math.min(height - 8, podsY + podsH + 12 + slack * 0.15);

  let x = left;
  const nodes = model.nodes.map((node, i) => {
    const box = { x, y: top, w: boxes[i], h: bottom - top };
    x += boxes[i] + GAP;
    return nodeBox(node, box, visible[i], columns[i], gateY, podsY);
  });
  const services = placeServices(lines, nodes, { x: left + GAP, w: width - left - 3 * GAP }, bandY);
  const router = { x: left - 44, y: wireY + 26 };
  const clients = CLIENTS.map((client, i) => ({ ...client, x: 10, y: top + 62 + i * 62, w: left - 64, h: 46 }));
  const balancers = model.services.filter((service) => service.type === "LoadBalancer").slice(0, 3).map((service, i) => ({
    service, ip: service.ingress[0] ?? "", x: 10, y: clients[1].y + 78 + i * 52, w: left - 26, h: 44,
  }));
  return {
    width, height, router, clients, balancers, nodes, services, hiddenServices: hidden,
    wire: { y: wireY, x1: router.x, x2: nodes.length ? nodes[nodes.length - 1].nic.x : router.x },
    outside: { x: 0, y: 0, w: left - 12, h: bottom },
  };
}

/** The pods that are machines of their own; those in their node's network are part of the node. @param {Model} model @param {import("./model.js").Node} node */
const podsOn = (model, node) => model.pods.filter((pod) => pod.node === node.name && !pod.hostNetwork);

/** A control plane without pods needs less room. @param {Model} model @param {number} room */
function nodeWidths(model, room) {
  const weights = model.nodes.map((node) => {
    return node.controlPlane && podsOn(model, node).length === 0 ? 0.62 : 1;
  });
  const sum = weights.reduce((a, b) => a + b, 0) || 1;
  const usable = room - GAP * Math.max(0, weights.length - 1);
  return weights.map((weight) => Math.floor((usable * weight) / sum));
}

/** One column of wide cards while the pods fit into it, else as many as the node has room for. @param {number} width @param {number} count */
function podColumns(width, count) {
  return count <= ONE_COLUMN ? 1 : Math.max(1, Math.floor((width - 40) / 108));
}

/** What stands on a node by itself; the rest is a counted stack. @param {Pod[]} pods @param {number} most */
function visiblePods(pods, most) {
  if (pods.length <= most) return { pods, more: 0, stacked: [] };
  return { pods: pods.slice(0, most - 1), more: pods.length - most + 1, stacked: pods.slice(most - 1).map((pod) => pod.host) };
}

/**
 * @param {import("./model.js").Node} node @param {Box} box @param {{pods: Pod[], more: number, stacked: string[]}} visible
 * @param {number} columns @param {number} gateY @param {number} podsY
 * @returns {NodeBox}
 */
function nodeBox(node, box, visible, columns, gateY, podsY) {
  const centre = Math.round(box.x + box.w / 2);
  const gateW = Math.min(124, box.w - 24);
  const gate = {
    x: centre - gateW / 2, y: gateY, w: gateW, h: PLATES.length * (PLATE + 2) - 2,
    plates: PLATES.map((hook, i) => ({ hook, x: centre - gateW / 2, y: gateY + i * (PLATE + 2), w: gateW, h: PLATE })),
  };
  const gutter = 20;
  const perSide = columns === 1 ? 1 : columns / 2;
  const inner = box.w - 2 * EDGE - (columns > 1 ? gutter : 0);
  const w = Math.min(156, (inner - POD.gap * Math.max(0, Math.ceil(perSide) - 1) * 2) / columns);
  const trunkX = columns === 1 ? box.x + 16 : centre;
  const slot = (/** @type {number} */ i) => {
    const column = i % columns;
    const row = Math.floor(i / columns);
    const y = podsY + row * (POD.h + POD.gap);
    if (columns === 1) return { x: trunkX + 14, y, w: box.w - 30 - EDGE, h: POD.h };
    const leftSide = Math.ceil(columns / 2);
    const x = column < leftSide
      ? centre - gutter / 2 - (leftSide - column) * w - (leftSide - 1 - column) * POD.gap
      : centre + gutter / 2 + (column - leftSide) * (w + POD.gap);
    return { x, y, w, h: POD.h };
  };
  const pods = visible.pods.map((pod, i) => ({ ...slot(i), pod, ...dock(i, columns) }));
  const moreBox = visible.more ? slot(visible.pods.length) : null;
  const last = Math.max(podsY - 12, ...pods.map((pod) => pod.y + POD.h / 2), moreBox ? moreBox.y + POD.h / 2 : 0);
  return {
    ...box, node, gate, pods, more: visible.more, moreBox, stacked: visible.stacked,
    nic: { x: centre, y: box.y },
    trunk: { x: trunkX, y1: box.y, y2: last },
    bridge: { x: trunkX, y: podsY - 13 },
  };
}

/** Where a pod's threads end: on its top in the first row, else on the side that looks to the node's border. @param {number} i @param {number} columns */
function dock(i, columns) {
  const column = i % columns;
  if (i < columns || (columns > 2 && column > 0 && column < columns - 1)) return { side: "top" };
  return { side: columns > 1 && column === 0 ? "left" : "right" };
}

const textWidth = (/** @type {string} */ text, /** @type {number} */ each) => text.length * each;

/** The pill's second line: where the Service can be reached. @param {Service} service */
export function serviceDetail(service) {
  const ports = service.ports.map((port) => `${port.port}${port.protocol === "TCP" ? "" : `/${port.protocol}`}`);
  const list = [...new Set(ports)].slice(0, 2).join(",");
  if (service.externalName) return `→ ${service.externalName}`;
  if (service.clusterIP === "None") return `headless :${list}`;
  const node = service.ports.find((port) => port.nodePort)?.nodePort;
  return `${service.clusterIP}:${list}${node ? `  ⌁${node}` : ""}`;
}

/**
 * Services over as many rows as they need, user's first; beyond three rows they are only counted.
 * @param {Service[]} services @param {number} room
 */
function serviceRows(services, room) {
  const pills = [...services].sort((a, b) => Number(a.system) - Number(b.system)).map((service) => {
    const label = service.name.length > 26 ? `${service.name.slice(0, 25)}…` : service.name;
    const detail = serviceDetail(service).slice(0, 32);
    return { service, label, detail, w: Math.max(112, Math.ceil(Math.max(textWidth(label, 6.9), textWidth(detail, 6.15)) + 30)) };
  });
  const total = pills.reduce((sum, pill) => sum + pill.w + 14, 0);
  const wanted = Math.min(SERVICE.rows, Math.max(1, Math.ceil(total / room)));
  /** @type {(typeof pills)[]} */
  const lines = Array.from({ length: wanted }, () => []);
  const used = lines.map(() => 0);
  let hidden = 0;
  for (const pill of pills) {
    const row = used.indexOf(Math.min(...used));
    if (used[row] + pill.w > room) hidden += 1;
    else {
      lines[row].push(pill);
      used[row] += pill.w + 14;
    }
  }
  return { lines, hidden };
}

/**
 * @param {{service: Service, label: string, detail: string, w: number}[][]} lines
 * @param {NodeBox[]} nodes @param {{x: number, w: number}} room @param {number} y
 * @returns {ServiceBox[]}
 */
function placeServices(lines, nodes, room, y) {
  const podBoxes = new Map(nodes.flatMap((node) => node.pods.map((box) => [box.pod.key, box])));
  return lines.flatMap((line, row) => {
    const wanted = line.map((pill) => ({ pill, centre: meanX(pill.service, podBoxes, nodes, room) }));
    wanted.sort((a, b) => a.centre - b.centre || a.pill.service.key.localeCompare(b.pill.service.key));
    const xs = spread(wanted.map(({ pill, centre }) => ({ x: centre - pill.w / 2, w: pill.w })), room, 14);
    return wanted.map(({ pill }, i) => {
      const box = { x: Math.round(xs[i]), y: y + row * (SERVICE.h + SERVICE.gap), w: pill.w, h: SERVICE.h };
      return { ...box, service: pill.service, label: pill.label, detail: pill.detail, threads: threads(pill.service, box, podBoxes) };
    });
  });
}

/** @param {Service} service @param {Map<string, PodBox>} podBoxes @param {NodeBox[]} nodes @param {{x: number, w: number}} room */
function meanX(service, podBoxes, nodes, room) {
  const xs = service.endpoints.flatMap((endpoint) => {
    const box = endpoint.pod ? podBoxes.get(endpoint.pod) : undefined;
    if (box) return [box.x + box.w / 2];
    const node = nodes.find((candidate) => candidate.node.name === endpoint.node || candidate.node.ip === endpoint.ip);
    return node ? [node.x + node.w / 2] : [];
  });
  if (!xs.length) return room.x + room.w / 2;
  return xs.reduce((sum, x) => sum + x, 0) / xs.length;
}

/**
 * Moves boxes apart so that none overlap and all stay in the room, each as near its wish as that allows.
 * @param {{x: number, w: number}[]} boxes in order of x @param {{x: number, w: number}} room @param {number} gap
 */
export function spread(boxes, room, gap) {
  const xs = boxes.map((box) => box.x);
  for (let i = 0; i < xs.length; i += 1) {
    const least = i ? xs[i - 1] + boxes[i - 1].w + gap : room.x;
    xs[i] = Math.max(xs[i], least);
  }
  let most = room.x + room.w;
  for (let i = xs.length - 1; i >= 0; i -= 1) {
    xs[i] = Math.min(xs[i], most - boxes[i].w);
    most = xs[i] - gap;
  }
  return xs;
}

/** @param {Service} service @param {Box} box @param {Map<string, PodBox>} podBoxes @returns {Thread[]} */
function threads(service, box, podBoxes) {
  const ends = service.endpoints.flatMap((endpoint) => {
    const pod = endpoint.pod ? podBoxes.get(endpoint.pod) : undefined;
    return pod ? [{ endpoint, pod }] : [];
  }).sort((a, b) => a.pod.x - b.pod.x || a.pod.y - b.pod.y);
  return ends.map(({ endpoint, pod }, i) => ({
    pod: pod.pod.key,
    state: endpoint.state,
    from: { x: box.x + box.w * ((i + 1) / (ends.length + 1)), y: box.y + box.h },
    side: pod.side,
    to: pod.side === "top" ? { x: pod.x + pod.w - 14 - 9 * (service.hue % 3), y: pod.y }
      : { x: pod.side === "left" ? pod.x : pod.x + pod.w, y: pod.y + 11 + 9 * (service.hue % 3) },
  }));
}

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
  const detour = balancer ? [{ x: at.router.x, y: balancer.y + 8 }, { x: at.router.x, y: at.wire.y }] : [{ x: at.router.x, y: at.wire.y }];
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
