// @ts-check
// The trace in plain words for somebody who sees it for the first time: one caption for each stretch of the way. Pure.

import { capital, commentOf, destinationOf, hostWords, sourceOf } from "./narrate.js";

/** @typedef {import("../trace/frames.js").Frame} Frame */
/** @typedef {{tone: "dns" | "request" | "reply" | "dead" | "ok", tag: string, text: string}} Caption */

/** What begins a new caption; rules, routes and memories in between leave the one before. */
const TELLING = new Set(["lookup", "query", "answer", "resolved", "emit", "hop", "tunnel", "nat", "deliver", "death", "end"]);

/**
 * The caption of a frame. `nameOf` knows what an address belongs to ("Service web"), or answers "".
 * @param {Frame[]} frames @param {number} index @param {(address: string) => string} [nameOf]
 * @returns {Caption}
 */
export function caption(frames, index, nameOf = () => "") {
  const frame = frames.slice(0, index + 1).findLast((candidate) => TELLING.has(candidate.kind)) ?? frames[index];
  if (frame.kind === "end") return { tone: frame.step.code === "OK" ? "ok" : "dead", tag: frame.step.code === "OK" ? "✓ answered" : `✗ ${frame.step.code}`, text: ending(frames, nameOf) };
  if (frame.kind === "death") return { tone: "dead", tag: `✗ ${frame.step.code}`, text: deathWords(frames, frame, nameOf) };
  if (frame.purpose === "dns") return { tone: "dns", tag: "name", text: dnsWords(frames, frame) };
  return { tone: frame.reply ? "reply" : "request", tag: frame.reply ? "answer" : "request", text: requestWords(frames, frame, nameOf) };
}

/** A host at the beginning of a sentence; a machine's name keeps its small letter. @param {string} host */
const subject = (host) => (host.startsWith("pod/") || host === "router" ? capital(hostWords(host)) : hostWords(host));
/** @param {string} name */
const plainName = (name) => name.replace(/\.$/, "");
/** @param {Frame[]} frames @param {Frame} frame @param {string} kind @returns {any} */
const latest = (frames, frame, kind) => frames.slice(0, frame.index + 1).findLast((candidate) => candidate.kind === kind)?.step;

/** @param {Frame[]} frames @param {Frame} frame */
function dnsWords(frames, frame) {
  const { step } = frame;
  const lookup = latest(frames, frame, "lookup");
  const asking = lookup?.host ?? step.host;
  const query = latest(frames, frame, "query");
  const asked = query ? `${query.type === "AAAA" ? "the IPv6 address of" : "the address of"} ${plainName(query.name)}` : "an address";
  switch (frame.kind) {
    case "lookup": return `${subject(asking)} knows only a name, “${step.typed}”. It has to ask for its address first.`;
    case "answer": {
      if (step.rcode === "NXDOMAIN") return `The name server knows no ${plainName(step.name)} (NXDOMAIN).`;
      if (step.rcode !== "NOERROR") return `The name server could not find out: ${step.rcode}.`;
      const found = step.records.filter((/** @type {any[]} */ record) => record[2] === step.type).map((/** @type {any[]} */ record) => record[3]);
      return found.length ? `The name server answers: ${found.join(", ")}.` : `The name server answers: the name exists, but has no ${step.type === "AAAA" ? "IPv6 address" : `${step.type} record`}.`;
    }
    case "resolved": return step.address ? `“${step.typed}” is ${step.address}. Now the request itself can be sent.` : `“${step.typed}” has no address: there is nowhere to send the request.`;
    case "nat": if (!frame.reply) return natWords(frames, frame, "the name server's Service"); break;
    default:
  }
  return frame.reply ? `The name server's answer travels back to ${hostWords(asking)}.` : `${subject(asking)} asks the name server for ${asked}.`;
}

/** @param {Frame[]} frames @param {Frame} frame @param {(address: string) => string} nameOf */
function requestWords(frames, frame, nameOf) {
  const { step } = frame;
  const host = subject(step.host);
  const known = frame.packetInFlow > 2;
  const node = step.host.startsWith("node/");
  const thing = !frame.reply ? "packet" : refuses(frame.packet) ? "refusal" : "answer";
  switch (frame.kind) {
    case "tunnel": return step.why;
    case "nat": return natWords(frames, frame);
    case "deliver": return frame.reply ? `${host} has the ${thing}.` : `${host} takes it in.`;
    case "emit": {
      if (step.packet.kind === "RST") return `${host} refuses at once: nothing listens on that port.`;
      if (thing === "refusal") return `${host} sends word back: refused (ICMP).`;
      if (frame.reply) return known ? `${host} answers.` : `${host} says yes; its answer goes back the same way.`;
      const owner = nameOf(step.packet.dst);
      if (known) return "The connection stands: now the request itself is sent over it.";
      return `${host} ${step.packet.protocol === "TCP" ? "asks for a connection to" : "sends to"} ${destinationOf(step.packet)}${owner ? `, the address of ${owner}` : ""}.`;
    }
    default:
  }
  if (!node) return `The ${thing} ${step.host === "router" ? "passes" : "reaches"} ${hostWords(step.host)}.`;
  if (frame.reply) return `The ${thing} passes ${hostWords(step.host)}.`;
  return known ? `${host} knows this connection by now: no rule has to choose again.` : `${host} compares the packet with its rules, one after another.`;
}

/** @param {any} packet */
const refuses = (packet) => packet?.kind === "RST" || (packet?.protocol === "ICMP" && !/^ECHO/.test(packet.kind));

/** What an address was exchanged for, and why. @param {Frame[]} frames @param {Frame} frame @param {string} [asked] */
function natWords(frames, frame, asked = "the one asked for") {
  const { before, packet, by } = frame.step;
  const host = subject(frame.step.host);
  const to = destinationOf(before) !== destinationOf(packet);
  const change = to ? `${destinationOf(before)} becomes ${destinationOf(packet)}` : `${sourceOf(before)} becomes ${sourceOf(packet)}`;
  if (frame.reply) return to ? `${host} puts the first sender's address back: ${change}.` : `${host} puts the address back that was asked: ${change}.`;
  if (by === "conntrack") return `${host} remembers, and makes the same exchange again: ${change}.`;
  if (!to) return `${host} writes its own address over the sender's, so that the answer must come back to it: ${change}.`;
  const choice = by === "ipvs" ? "picks a pod and writes" : drawn(frames, frame) ? "draws a pod by lot and writes" : "writes";
  return `${host} ${choice} ${choice === "writes" ? "a new address" : "its address"} over ${asked}: ${change}.`;
}

/** Whether chance took part in the rules that led to a NAT. @param {Frame[]} frames @param {Frame} nat */
function drawn(frames, nat) {
  const start = frames.slice(0, nat.index).findLastIndex((frame) => frame.host !== nat.host || frame.packetNumber !== nat.packetNumber);
  return frames.slice(start + 1, nat.index).some((frame) => frame.steps.some((step) => typeof step.draw === "number"));
}

/** The rule that decided a packet's fate. @param {Frame[]} frames @param {Frame} death */
function verdictRule(frames, death) {
  const before = frames.slice(0, death.index).findLast((frame) => frame.kind === "rules" && frame.host === death.host && frame.packetNumber === death.packetNumber);
  return before?.steps.findLast((step) => step.kind === "rule" && step.matched);
}

/** Why it died there, in one or two sentences. @param {Frame[]} frames @param {Frame} death @param {(address: string) => string} nameOf */
function deathWords(frames, death, nameOf) {
  const { step } = death;
  const host = subject(step.host);
  const comment = commentOf(verdictRule(frames, death)?.text ?? "");
  const because = comment && !step.where.startsWith("ipvs") ? `: ${comment}` : "";
  const reason = step.why.replace(/\.$/, "");
  const why = capital(reason);
  const owner = nameOf(death.packet?.dst ?? "").startsWith("Service ") ? nameOf(death.packet.dst) : "";
  switch (step.code) {
    case "REJECTED":
      if (!because && owner) return `A rule of ${hostWords(step.host)} refuses it: nothing stands behind port ${death.packet.dport} of ${owner}. The sender is told at once.`;
      return because ? `A rule of ${hostWords(step.host)} refuses it${because}. The sender is told at once.` : `${why}. The sender is told at once.`;
    case "DROPPED": return because ? `A rule of ${hostWords(step.host)} throws it away without a word${because}. The sender waits in vain.` : `${host} throws it away without a word: ${reason}. The sender waits in vain.`;
    case "RESET": return `It arrived at ${hostWords(step.host)}, but ${reason.replace(/ here$/, "")}. The sender is told at once.`;
    case "UNROUTED":
      if (owner) return `${unserved(frames, death, nameOf)} The sender waits in vain.`;
      return `It comes to nothing at ${hostWords(step.host)}: ${reason}. The sender waits in vain.`;
    case "ASYMMETRIC": return `The answer came by another way than the request: ${reason}.`;
    default: return `${why}.`;
  }
}

/** A Service's address that led nowhere: no machine has it, only the nodes' rules know it. @param {Frame[]} frames @param {Frame} death @param {(address: string) => string} nameOf */
function unserved(frames, death, nameOf) {
  const { dst, dport } = death.packet;
  const met = frames.some((frame) => frame.packetNumber === death.packetNumber && frame.kind === "rules");
  return `${dst} is the address of ${nameOf(dst)}, which no machine has. ${met ? `No rule on the way wanted port ${dport}` : "Only the nodes' rules know it, and the packet met none of them"}.`;
}

/** How the request ended. @param {Frame[]} frames @param {(address: string) => string} [nameOf] */
export function ending(frames, nameOf = () => "") {
  const { step } = frames[frames.length - 1];
  if (step.code === "OK") return "";
  const death = frames.findLast((frame) => frame.kind === "death");
  const resolved = frames.findLast((frame) => frame.kind === "resolved");
  const failedName = resolved && !resolved.step.address ? resolved.step : null;
  if (failedName && step.code !== "DNS-TIMEOUT") {
    const why = step.code === "NXDOMAIN" ? "No name that was tried exists" : step.code === "NODATA" ? "The name exists, but has no address" : "The name server could not find out";
    return `${why}: there was nowhere to send the request.`;
  }
  if (step.code === "DNS-TIMEOUT") return `No name server answered, so there was nowhere to send the request.${death ? ` ${deathWords(frames, death, nameOf)}` : ""}`;
  return death ? deathWords(frames, death, nameOf) : `It ends with ${step.code}.`;
}
