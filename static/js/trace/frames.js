// @ts-check
// Trace -> frames: what the timeline counts as one event. Rules compared in one chain fold into one frame. Pure.

/**
 * @typedef {object} Frame
 * @property {number} index
 * @property {string} kind
 * @property {number} first index of the first step
 * @property {number} last index of the last step
 * @property {any[]} steps
 * @property {any} step the step that matters (the last)
 * @property {string} letter D S N R X or a dot
 * @property {number} flow
 * @property {string} host
 * @property {string} at anchor where the packet is after this frame
 * @property {string} from anchor where it was before
 * @property {any} packet
 * @property {any} before the packet before a NAT
 * @property {boolean} reply
 * @property {number} packetNumber counted over the trace
 * @property {number} packetInFlow counted over the flow
 * @property {number} hop counted within the packet
 * @property {string} purpose "dns", "request" or "tunnel"
 */

/** Whether a step takes what is sent to another host: over a link, or inside somebody else's connection. @param {{kind: string}} step */
export const moves = (step) => step.kind === "hop" || step.kind === "tunnel";

const RULES = new Set(["rule", "skipped", "mark"]);

/** @param {any} trace @returns {Frame[]} */
export function framesOf(trace) {
  const purposes = new Map(trace.flows.map((/** @type {any} */ flow) => [flow.number, flow.purpose]));
  /** @type {Frame[]} */
  const frames = [];
  let at = trace.source;
  let packetNumber = 0;
  /** @type {Map<number, number>} */
  const sent = new Map();
  let hop = 0;
  let reply = false;
  let packet = null;
  for (const group of groups(trace.steps)) {
    const step = group[group.length - 1];
    const from = at;
    if (step.kind === "emit") {
      packetNumber += 1;
      sent.set(step.flow, (sent.get(step.flow) ?? 0) + 1);
      hop = 0;
      reply = step.reply;
    }
    if (moves(step)) hop += 1;
    if ("reply" in step) reply = step.reply;
    if (step.packet) packet = step.packet;
    at = anchorOf(step, at);
    frames.push({
      index: frames.length, kind: RULES.has(step.kind) ? "rules" : step.kind, first: group[0].i, last: step.i, steps: group, step,
      letter: letterOf(step), flow: step.flow, host: step.host, at, from: step.kind === "emit" ? at : from,
      packet: step.packet ?? (["end", "tunnel"].includes(step.kind) ? null : packet), before: step.kind === "nat" ? step.before : null,
      reply, packetNumber, packetInFlow: sent.get(step.flow) ?? 0, hop, purpose: purposes.get(step.flow) ?? "request",
    });
  }
  return frames;
}

/** Consecutive rules of one chain walk, up to the one that matched, are one group. @param {any[]} steps */
function groups(steps) {
  /** @type {any[][]} */
  const all = [];
  for (const [i, raw] of steps.entries()) {
    const step = raw.i === undefined ? { ...raw, i } : raw;
    const group = all[all.length - 1];
    const before = group?.[group.length - 1];
    if (before && continues(before, step)) group.push(step);
    else all.push([step]);
  }
  return all;
}

/** @param {any} before @param {any} step */
function continues(before, step) {
  if (!RULES.has(before.kind) || !RULES.has(step.kind) || before.flow !== step.flow || before.host !== step.host) return false;
  if (step.kind === "mark") return true;
  if (before.kind === "mark") return false;
  if (before.kind === "rule" && before.matched) return false;
  return before.table === step.table && before.chain === step.chain && before.hook === step.hook;
}

/** @param {any} step @param {string} at */
function anchorOf(step, at) {
  const hook = step.hook ?? hookOf(step, at);
  if (step.kind === "end") return step.host;
  return step.host.startsWith("node/") && hook ? `${step.host}#${hook}` : step.host;
}

/** Steps that name no hook stand where the packet is in the gate: routing between in and out. @param {any} step @param {string} at */
function hookOf(step, at) {
  const here = at.startsWith(`${step.host}#`) ? at.split("#")[1] : "";
  if (step.kind === "route") return "ROUTING";
  if (step.kind === "hop") return "PREROUTING";
  if (step.kind === "emit") return "OUTPUT";
  if (step.kind === "deliver" || step.kind === "tunnel") return "INPUT";
  if (step.kind === "nat" && step.by === "conntrack") return /SNAT|MASQ/.test(step.action) && !step.action.startsWith("un-") ? "POSTROUTING" : "PREROUTING";
  return here || "PREROUTING";
}

/** @param {any} step */
function letterOf(step) {
  switch (step.kind) {
    case "lookup": case "query": case "answer": case "resolved": return "D";
    case "emit": return step.reply ? "R" : step.packet?.kind === "SYN" ? "S" : "·";
    case "nat": return "N";
    case "death": return "X";
    case "end": return step.code === "OK" ? "✓" : "✗";
    default: return "·";
  }
}

const BIG = { hop: new Set(["hop", "tunnel", "nat", "death", "deliver", "lookup", "resolved", "end"]) };

/**
 * The frames at which a step of this size stops.
 * @param {Frame[]} frames @param {"event" | "hop" | "packet" | "flow"} size
 * @returns {number[]}
 */
export function stops(frames, size) {
  const lastOfFlow = new Map(frames.map((frame) => [frame.flow, frame.index]));
  const keep = (/** @type {Frame} */ frame) => {
    if (frame.index === 0 || frame.index === frames.length - 1 || size === "event") return true;
    if (size === "hop") return BIG.hop.has(frame.kind);
    if (size === "packet") return ["deliver", "death", "resolved"].includes(frame.kind);
    return lastOfFlow.get(frame.flow) === frame.index;
  };
  return frames.filter(keep).map((frame) => frame.index);
}

const HELD = new Set(["nat", "death", "end"]);

/**
 * Seconds at speed 1 that the way to this frame takes: equal for events of one kind, NAT and drops are held.
 * @param {Frame} frame @param {"event" | "hop" | "packet" | "flow"} size
 */
export function duration(frame, size) {
  if (size === "event") return HELD.has(frame.kind) ? 1.6 : 0.9;
  const moving = moves(frame);
  if (size === "hop") return hopDuration(frame);
  if (size === "packet") return HELD.has(frame.kind) ? 0.9 : moving ? 0.35 : 0.03;
  return moving ? 0.12 : 0.01;
}

/**
 * A request's first packet and its answer take their time; the first question and answer of a look-up pass faster,
 * and what only repeats the same way (AAAA after A, further names of the search list, data after SYN) faster still.
 * @param {Frame} frame
 */
function paceOf(frame) {
  if (frame.purpose === "dns") return frame.packetNumber > 2 ? 0.12 : 0.4;
  return frame.packetInFlow > 2 ? 0.3 : 1;
}

/** @param {Frame} frame */
function hopDuration(frame) {
  const pace = paceOf(frame);
  if (frame.kind === "nat") return (frame.step.by === "conntrack" ? 0.7 : 1.4) * pace;
  if (HELD.has(frame.kind)) return 1.2;
  if (frame.kind === "resolved") return 0.5;
  if (moves(frame)) return 0.7 * pace;
  return frame.kind === "rules" && matched(frame) ? 0.1 * pace : 0.03 * pace;
}

/** Whether a frame of rules ended with a rule that took the packet. @param {Frame} frame */
export function matched(frame) {
  return frame.steps.some((step) => step.kind === "rule" && step.matched && step.number > 0);
}
