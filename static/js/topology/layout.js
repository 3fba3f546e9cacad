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
 * @typedef {Point & {text: string, title: string}} Note what is not drawn, in words
 * @typedef {{width: number, height: number, wire: {y: number, x1: number, x2: number}, router: Point, outside: Box, clients: ClientBox[],
 *   balancers: BalancerBox[], nodes: NodeBox[], services: ServiceBox[], notes: Record<"services" | "pods" | "balancers", Note>}} Layout
 */

/** The plates of a gate, top to bottom. */
const PLATES = ["PREROUTING", "ROUTING", "FORWARD", "POSTROUTING"];
const MOST_PODS = 12;
const MOST_ROWS = 6;
const ONE_COLUMN = 3;
const PLATE = 12;
const GAP = 10;
const EDGE = 18; // between a node's border and its pods, where threads come down
const POD = { h: 37, gap: 7 };
const SERVICE = { h: 35, gap: 7, rows: 3 };
const CLIENT = { h: 46, gap: 10 };
const MOST_BALANCERS = 3;

const CLIENTS = [
  { host: "client/laptop", name: "laptop", ip: "192.0.2.50" },
  { host: "client/office", name: "office", ip: "203.0.113.5" },
];

/**
 * @param {Model} model
 * @param {{width: number, height: number}} size  the stage's own size; the answer's may be larger if it does not fit
 * @param {Set<string>} [wanted]  hosts and Services that must not be among those only counted
 * @returns {Layout}
 */
export function layout(model, size, wanted = new Set()) {
  const width = Math.max(760, size.width);
  const wireY = 26;
  const left = Math.round(Math.min(210, Math.max(184, width * 0.18)));
  const boxes = nodeWidths(model, width - left - GAP);
  const visible = model.nodes.map((node, i) => visiblePods(podsOn(model, node), Math.min(MOST_PODS, MOST_ROWS * podColumns(boxes[i], MOST_PODS)), wanted));
  const columns = model.nodes.map((node, i) => podColumns(boxes[i], visible[i].pods.length + (visible[i].more ? 1 : 0)));
  const rows = Math.max(2, ...visible.map(({ pods, more }, i) => Math.ceil((pods.length + (more ? 1 : 0)) / columns[i])));
  const { lines, left: rest } = serviceRows(model.services, width - left - 2 * GAP, wanted);
  const top = wireY + 22;
  const gateY = top + 36; // room for a node's name, and beneath it the trail to the gate's lane
  const gateH = PLATES.length * (PLATE + 2) - 2;
  const podsH = rows * (POD.h + POD.gap) - POD.gap;
  const bandH = Math.max(1, lines.length) * (SERVICE.h + SERVICE.gap) - SERVICE.gap;
  const { clients, balancers, more } = outsideBoxes(model.services, top + 58, left - 64, wanted);
  const needed = Math.max(gateY + gateH + 17 + bandH + 26 + podsH + 20, (balancers.at(-1)?.y ?? 0) + CLIENT.h + 24);
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
  const waiting = model.pods.filter((pod) => !pod.node).map((pod) => pod.name);
  return {
    width, height, router, clients, balancers, nodes, services,
    notes: {
      services: { x: width - 2 * GAP, y: bandY + bandH + 15, text: rest.length ? `+ ${rest.length} more Services` : "", title: listed(rest.map((pill) => pill.service.name)) },
      pods: { x: left + 4, y: 15, text: waiting.length ? `${waiting.length} ${waiting.length === 1 ? "pod waits" : "pods wait"} for a node` : "", title: listed(waiting) },
      balancers: { x: 12, y: (balancers[0]?.y ?? 0) - 7, text: balancers.length ? `load balancers${more ? `, ${more} more` : ""}` : "", title: "" },
    },
    wire: { y: wireY, x1: router.x, x2: nodes.length ? nodes[nodes.length - 1].nic.x : router.x },
    outside: { x: 0, y: 0, w: left - 12, h: bottom },
  };
}

/** @param {string[]} names */
const listed = (names) => `${names.slice(0, 20).join(", ")}${names.length > 20 ? ", …" : ""}`;

/** What stands outside the cluster, from the top. @param {Service[]} services @param {number} top @param {number} w @param {Set<string>} wanted */
function outsideBoxes(services, top, w, wanted) {
  const box = (/** @type {number} */ y) => ({ x: 10, y, w, h: CLIENT.h });
  const each = CLIENT.h + CLIENT.gap;
  const clients = CLIENTS.map((client, i) => ({ ...client, ...box(top + i * each) }));
  const all = wantedFirst(services.filter((service) => service.type === "LoadBalancer"), MOST_BALANCERS, (service) => wanted.has(service.key));
  const balancers = all.slice(0, MOST_BALANCERS).map((service, i) => ({ service, ip: service.ingress[0] ?? "", ...box(top + CLIENTS.length * each + 20 + i * (CLIENT.h + 6)) }));
  return { clients, balancers, more: all.length - balancers.length };
}

/** The same things in the same order, but what is wanted and would fall behind the first `most` comes first. @template T @param {T[]} things @param {number} most @param {(thing: T) => boolean} wanted @returns {T[]} */
function wantedFirst(things, most, wanted) {
  const late = things.slice(most).filter(wanted);
  return late.length ? [...late, ...things.filter((thing) => !late.includes(thing))] : things;
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

/** What stands on a node by itself; the rest is a counted stack. @param {Pod[]} pods @param {number} most @param {Set<string>} wanted */
function visiblePods(pods, most, wanted) {
  if (pods.length <= most) return { pods, more: 0, stacked: [] };
  const ordered = wantedFirst(pods, most - 1, (pod) => wanted.has(pod.host));
  return { pods: ordered.slice(0, most - 1), more: pods.length - most + 1, stacked: ordered.slice(most - 1).map((pod) => pod.host) };
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

/** @typedef {{service: Service, label: string, detail: string, w: number}} Pill */

/**
 * Services over as many rows as they need, user's first; what finds no room in three rows is only counted, but never what is wanted.
 * @param {Service[]} services @param {number} room @param {Set<string>} wanted
 */
function serviceRows(services, room, wanted) {
  const pills = [...services].sort((a, b) => Number(a.system) - Number(b.system)).map((service) => {
    const twin = services.some((other) => other !== service && other.name === service.name);
    const full = twin ? `${service.name}.${service.namespace}` : service.name;
    const label = full.length > 26 ? `${full.slice(0, 25)}…` : full;
    const detail = serviceDetail(service).slice(0, 32);
    return { service, label, detail, w: Math.max(112, Math.ceil(Math.max(textWidth(label, 6.9), textWidth(detail, 6.15)) + 30)) };
  });
  const isWanted = (/** @type {Pill} */ pill) => wanted.has(pill.service.key);
  const rows = inRows(pills, room);
  return rows.left.some(isWanted) ? inRows([...pills.filter(isWanted), ...pills.filter((pill) => !isWanted(pill))], room) : rows;
}

/** @param {Pill[]} pills @param {number} room */
function inRows(pills, room) {
  const total = pills.reduce((sum, pill) => sum + pill.w + 14, 0);
  const count = Math.min(SERVICE.rows, Math.max(1, Math.ceil(total / room)));
  /** @type {Pill[][]} */
  const lines = Array.from({ length: count }, () => []);
  const used = lines.map(() => 0);
  /** @type {Pill[]} */
  const left = [];
  for (const pill of pills) {
    const row = used.indexOf(Math.min(...used));
    if (used[row] + pill.w > room) left.push(pill);
    else {
      lines[row].push(pill);
      used[row] += pill.w + 14;
    }
  }
  return { lines, left };
}

/**
 * @param {Pill[][]} lines
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
