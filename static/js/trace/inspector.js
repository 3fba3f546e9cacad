// @ts-check
// The inspector of the selected event: header before and after, rules with misses, memory, names, why.

import { h } from "../core/dom.js";
import { moves } from "./frames.js";
import { caption } from "../a11y/caption.js";
import { capital, hostName, sentence, targetWords, commentOf } from "../a11y/narrate.js";

const FIELDS = [["protocol", "protocol"], ["src", "from address"], ["sport", "from port"], ["dst", "to address"], ["dport", "to port"], ["kind", "kind"], ["ttl", "TTL"]];

/**
 * @param {Record<string, HTMLElement>} panes header, rules, conntrack, dns, why
 * @param {{nameOf: (address: string) => string}} options what an address belongs to
 */
export function createInspector(panes, { nameOf }) {
  let shown = "";
  return {
    /** @param {import("./frames.js").Frame[]} frames @param {number} index @param {any} trace */
    render(frames, index, trace) {
      const key = `${trace?.id}/${trace?.seed}/${index}`;
      if (key === shown) return;
      shown = key;
      const frame = frames[index];
      if (!frame) return;
      panes.header.replaceChildren(...headerPane(frames, frame));
      panes.rules.replaceChildren(...rulesPane(frames, frame));
      panes.rules.querySelector(".current")?.scrollIntoView({ block: "nearest" });
      panes.conntrack.replaceChildren(...conntrackPane(frames, frame));
      panes.dns.replaceChildren(...dnsPane(frames, frame, trace));
      panes.why.replaceChildren(...whyPane(frames, frame, trace, caption(frames, index, nameOf).text));
    },
  };
}

const BYPASS = "No Service was on this way: port-forward chose one pod when it began, and stays with it. It shows whether the pod answers, not whether the Service does.";

/** @param {string} text */
const nothing = (text) => h("p.nothing", { text });

/** @param {import("./frames.js").Frame[]} frames @param {import("./frames.js").Frame} frame */
function headerPane(frames, frame) {
  const lead = h("p.lead", { text: sentence(frame) });
  const after = frame.packet;
  if (!after) return [lead];
  const before = frame.before ?? previousPacket(frames, frame) ?? after;
  const rows = FIELDS.map(([field, label]) => {
    const changed = String(before[field] ?? "") !== String(after[field] ?? "");
    return h(`tr${changed ? ".changed" : ""}`, {}, h("th", { scope: "row", text: label }),
      h("td", {}, changed ? h("s", { text: before[field] ?? "–" }) : h("span", { text: before[field] ?? "–" })),
      h("td", {}, h("span", { text: after[field] ?? "–" }), changed && frame.kind === "nat" ? h("span.tag.warn", { text: frame.step.action }) : null));
  });
  const about = after.about ? h("p.note", { text: `It is about the packet ${after.about.src}:${after.about.sport} → ${after.about.dst}:${after.about.dport}.` }) : null;
  return [lead, h("table.header-table", {}, h("thead", {}, h("tr", {}, h("td"), h("th", { scope: "col", text: "before" }), h("th", { scope: "col", text: "after" }))), h("tbody", {}, ...rows)), about, frame.kind === "nat" ? h("details.why", {}, h("summary", { text: "Why does it change?" }), ...natReason(frames, frame)) : null].filter(Boolean);
}

/** @param {import("./frames.js").Frame[]} frames @param {import("./frames.js").Frame} frame */
function previousPacket(frames, frame) {
  const before = frames[frame.index - 1];
  return before && before.flow === frame.flow && before.packetNumber === frame.packetNumber ? before.packet : null;
}

/** By which rules an address is exchanged: the draw, where chance had a part, and the rule that wrote it. @param {import("./frames.js").Frame[]} frames @param {import("./frames.js").Frame} frame */
function natReason(frames, frame) {
  if (frame.step.by === "conntrack") return [h("p", { text: `No rule is asked. ${hostName(frame.host)} remembers this connection and puts the addresses the way the other side expects them.` })];
  const steps = frames.slice(0, frame.index).filter((before) => before.kind === "rules" && before.host === frame.host && before.packetNumber === frame.packetNumber).flatMap((before) => before.steps);
  const drawn = steps.filter((step) => typeof step.draw === "number");
  const rule = steps.findLast((step) => step.kind === "rule" && step.matched);
  return [...new Set([...drawn, rule])].filter(Boolean).map(ruleRow);
}

/** Every rule of this visit to this host, up to the event. @param {import("./frames.js").Frame[]} frames @param {import("./frames.js").Frame} frame */
function rulesPane(frames, frame) {
  let start = frame.index;
  while (start > 0 && !moves(frames[start]) && frames[start].kind !== "emit") start -= 1;
  let end = frame.index;
  while (end + 1 < frames.length && !moves(frames[end + 1]) && !["emit", "end"].includes(frames[end + 1].kind)) end += 1;
  const visit = frames.slice(start, end + 1).filter((candidate) => candidate.kind === "rules" || candidate.kind === "nat");
  if (!visit.some((candidate) => candidate.kind === "rules")) {
    const known = frames.slice(start, end + 1).find((candidate) => candidate.kind === "conntrack" && candidate.step.state !== "NEW");
    return [nothing(known ? `No nat rule is asked on ${hostName(frame.host)}: the connection is known, and conntrack does what the first packet's rules decided.` : "No rules are compared here. Step on to a node's gate.")];
  }
  return [h("p.lead", { text: `The rules of ${hostName(visit[0].host)} that this packet meets, in order.` }), ...visit.map((group) => ruleGroup(group, group.index === frame.index, group.index > frame.index))];
}

/** @param {import("./frames.js").Frame} group @param {boolean} current @param {boolean} later */
function ruleGroup(group, current, later) {
  if (group.kind === "nat") return h(`div.rule-nat${current ? ".current" : ""}${later ? ".later" : ""}`, {}, h("span.tag.warn", { text: group.step.action }), h("span", { text: sentence(group) }));
  const rules = group.steps.filter((step) => step.kind === "rule" || step.kind === "skipped");
  const first = rules[0] ?? group.step;
  const misses = rules.filter((step) => step.kind === "skipped" || !step.matched);
  const hit = rules.find((step) => step.kind === "rule" && step.matched);
  const missed = misses.reduce((sum, step) => sum + (step.kind === "skipped" ? step.count : 1), 0);
  return h(`section.chain${current ? ".current" : ""}${later ? ".later" : ""}`, {},
    h("h4", {}, h("span.table-name", { text: first.table ?? "" }), ...breadcrumbs(first)),
    missed ? h("details.misses", { open: current && missed <= 6 }, h("summary", { text: `${missed} rule${missed === 1 ? "" : "s"} did not match` }), ...misses.map(ruleRow)) : null,
    hit ? (hit.number ? ruleRow(hit) : chainEnd(hit)) : h("p.note", { text: "Nothing matched here: back to the calling chain." }));
}

/** What a chain does with a packet that none of its rules took. @param {any} step */
function chainEnd(step) {
  return h("p.note", { text: step.target === "RETURN" ? "Back to the calling chain." : `At the chain's end: ${targetWords(step)}.` });
}

/** @param {any} step */
function breadcrumbs(step) {
  const path = step.path ?? [step.chain];
  return path.flatMap((/** @type {string} */ chain, /** @type {number} */ i) => [i ? h("span.crumb-gap", { text: "›", "aria-hidden": "true" }) : null, h("span.crumb", { text: chain })]).filter(Boolean);
}

/** iptables draws a number below 1 for each rule, nftables one of n choices; ipvs says its own reason. @param {any} step */
function drawWords(step) {
  if (/^ip6? /.test(step.table)) return `drew ${step.draw}, of 0 to ${Math.round(1 / step.probability) - 1}`;
  return `${step.draw.toFixed(2)} ${step.matched ? "<" : "≥"} ${step.probability.toFixed(2)} → ${step.matched ? "take it" : "next"}`;
}

/** @param {any} step */
export function ruleRow(step) {
  if (step.kind === "skipped") return h("div.rule.miss", {}, h("span.number", { text: `${step.first}–${step.first + step.count - 1}` }), h("div", {}, h("p.gloss", { text: `${step.count} rules skipped by index: ${step.why}` })));
  const reason = step.table === "ipvs" ? `: ${step.why}` : "";
  const gloss = step.matched ? capital(targetWords(step)) + reason : capital(step.why || "does not match");
  const chance = step.matched && step.table !== "ipvs" && typeof step.probability === "number" && typeof step.draw === "number" ? h("span.tag", { text: drawWords(step) }) : null;
  const origin = step.origin ? h("span.origin", { text: `from ${step.origin.kind} ${step.origin.name}${step.origin.field ? `, ${step.origin.field}` : ""}` }) : null;
  return h(`div.rule.${step.matched ? "hit" : "miss"}`, {}, h("span.number", { text: step.number || "end" }),
    h("div", {}, h("p.gloss", {}, gloss, " ", chance), h("code.text", { text: step.text }), origin));
}

/** @param {import("./frames.js").Frame[]} frames @param {import("./frames.js").Frame} frame */
function conntrackPane(frames, frame) {
  const seen = frames.slice(0, frame.index + 1).filter((candidate) => candidate.kind === "conntrack");
  if (!seen.length) return [nothing("No node has met this flow yet, so none remembers it.")];
  const byEntry = new Map(seen.map((candidate) => [`${candidate.host} ${tupleText(candidate.step.original)}`, candidate]));
  const replyTuple = (/** @type {import("./frames.js").Frame} */ entry) => {
    const nat = frames.slice(entry.index, frame.index + 1).findLast((after) => after.kind === "nat" && after.host === entry.host && after.packetNumber === entry.packetNumber);
    if (!nat || entry.step.state !== "NEW") return entry.step.reply_tuple; // of a new one the rules have still to write the answer's addresses
    const { protocol, src, sport, dst, dport } = nat.packet;
    return { protocol, src: dst, sport: dport, dst: src, dport: sport };
  };
  return [h("p.lead", { text: "What the nodes remember of these connections. Each node has its own memory." }),
    ...[...byEntry.values()].reverse().slice(0, 6).map((candidate) => h(`section.card${candidate.host === frame.host ? ".current" : ""}`, {},
      h("h4", {}, h("span", { text: hostName(candidate.host) }), h(`span.tag${candidate.step.state === "NEW" ? ".warn" : ".ok"}`, { text: candidate.step.state })),
      h("dl.tuples", {}, h("dt", { text: "original" }), h("dd.mono", { text: tupleText(candidate.step.original) }), h("dt", { text: "reply" }), h("dd.mono", { text: tupleText(replyTuple(candidate)) })),
      h("p.note", { text: `${candidate.step.note || ""}${candidate.packetNumber ? ` · seen with packet ${candidate.packetNumber} of this request` : ""}` })))];
}

/** @param {any} tuple */
const tupleText = (tuple) => (tuple ? `${tuple.protocol} ${tuple.src}:${tuple.sport} → ${tuple.dst}:${tuple.dport}` : "–");

/** @param {import("./frames.js").Frame[]} frames @param {import("./frames.js").Frame} frame @param {any} trace */
function dnsPane(frames, frame, trace) {
  const lookup = frames.find((candidate) => candidate.kind === "lookup");
  if (!lookup) return [nothing(`No name was looked up: ${trace.target} is an address already.`)];
  const rungs = lookup.step.candidates.map((/** @type {string} */ name, /** @type {number} */ i) => {
    const asked = frames.filter((candidate) => candidate.kind === "answer" && candidate.step.name === name && candidate.index <= frame.index);
    const current = frame.step.name === name;
    return h(`li${current ? ".current" : ""}${asked.length ? "" : ".unasked"}`, { value: i + 1 }, h("span.mono", { text: name.replace(/\.$/, "") }),
      ...asked.map((candidate) => h(`span.tag.${candidate.step.rcode === "NOERROR" && candidate.step.records.length ? "ok" : "dns"}`, { text: `${candidate.step.type} ${candidate.step.rcode === "NOERROR" ? candidate.step.records.map((/** @type {any[]} */ r) => r[3]).join(" ") || "no record" : candidate.step.rcode}` })));
  });
  const resolved = frames.find((candidate) => candidate.kind === "resolved" && candidate.index <= frame.index);
  return [h("p.lead", { text: `“${lookup.step.typed}” climbs the search list (${lookup.step.resolver}).` }), h("ol.rungs", {}, ...rungs), resolved ? h("p.note", { text: sentence(resolved) }) : null].filter(Boolean);
}

/** @type {Record<string, string>} */
const ASK = {
  REJECTED: "Which pods does the Service's selector find, and are they ready?",
  RESET: "On which port does the program listen, and what is the Service's targetPort?",
  DROPPED: "Is there an endpoint on the node that the packet reached, and which policy applies?",
  UNROUTED: "Does any Service own this address and port?",
  UNREACHABLE: "Which routes does the sender have?",
  ASYMMETRIC: "Which way does the answer go, and who would have to undo the NAT?",
  DENIED: "Which rule in the sender's own OUTPUT chain refuses it?",
  NXDOMAIN: "Is the Service in the namespace that you asked, and spelled like that?",
  NODATA: "Does the name have an address of the kind that was asked?",
  SERVFAIL: "Is CoreDNS healthy, and can it reach what it asks?",
  "DNS-TIMEOUT": "Does kube-dns have endpoints, and can packets reach them?",
};

/** Codes that a client cannot tell apart. */
const TWINS = [["REJECTED", "RESET"], ["DROPPED", "UNROUTED", "ASYMMETRIC"], ["NXDOMAIN", "NODATA", "SERVFAIL", "DNS-TIMEOUT"]];

/** @param {import("./frames.js").Frame[]} frames @param {import("./frames.js").Frame} frame @param {any} trace @param {string} plain the frame in plain words */
function whyPane(frames, frame, trace, plain) {
  const { outcome } = trace;
  const failed = (frame.kind === "end" || frame.kind === "death") && outcome.code !== "OK";
  const parts = [h("p.lead", { text: failed ? plain : sentence(frame) })];
  const rule = frame.kind === "rules" ? frame.steps.findLast((step) => step.kind === "rule" && step.matched) : null;
  if (rule?.origin) parts.push(h("p", { text: `kube-proxy wrote this rule because of ${rule.origin.kind} ${rule.origin.name}${rule.origin.field ? `, field ${rule.origin.field}` : ""}.` }));
  if (rule && commentOf(rule.text)) parts.push(h("p.note", { text: `The rule's own comment: ${commentOf(rule.text)}` }));
  if (frame.kind === "nat") parts.push(...natReason(frames, frame));
  if (failed) parts.push(graveCard(frames, frame, outcome));
  if (frame.kind === "end" && outcome.code === "OK") parts.push(h("section.card.answer-card", {}, h("h4", {}, h("span.tag.ok", { text: "✓ answered" }), h("span.mono", { text: outcome.endpoint ?? "" })), h("p", { text: `The server saw the request come from ${outcome.source_seen ?? "?"}.` }), outcome.words ? h("pre.words", { text: outcome.words.trim() }) : null));
  if (frame.kind === "end" && frames.some((candidate) => candidate.kind === "tunnel")) parts.push(h("p", { text: BYPASS }));
  parts.push(h("p.note", { text: `Proxy mode ${trace.mode}${trace.mode === "ipvs" ? " (by its documents, not checked against a recording)" : ""} · seed ${trace.seed}: the same seed gives the same trace.` }));
  return parts;
}

/** Where a request died, what its client prints, what looks the same, and what to ask next. @param {import("./frames.js").Frame[]} frames @param {import("./frames.js").Frame} frame @param {any} outcome */
function graveCard(frames, frame, outcome) {
  const death = frames.findLast((candidate) => candidate.kind === "death" && candidate.index <= frame.index);
  const twins = TWINS.find((group) => group.includes(outcome.code))?.filter((code) => code !== outcome.code) ?? [];
  return h("section.card.grave-card", {},
    h("h4", {}, h("span.tag.dead", { text: `✗ ${outcome.code}` }), h("span", { text: death ? `at ${hostName(death.host)}${death.step.where && death.step.where !== hostName(death.host) ? `, ${death.step.where}` : ""}` : "" })),
    ASK[outcome.code] ? h("p.ask", { text: `Ask next: ${ASK[outcome.code]}` }) : null,
    outcome.words ? h("p.note", { text: "The client prints:" }) : null,
    outcome.words ? h("pre.words", { text: outcome.words.trim() }) : null,
    twins.length ? h("p.note", { text: `It would print the same for ${twins.join(", ")}.` }) : null);
}
