// @ts-check
// The trace in plain sentences: the transcript, the live region and the event list say the same words. Pure.

/** "node1" of "node/node1", "backend-app-7d4b8f9c8d-abcde" of a pod's host name. @param {string} host */
export function hostName(host) {
  const parts = host.split("#")[0].split("/");
  return parts[parts.length - 1];
}

/** "pod frontend-app-…", "node1", "the router", "laptop". @param {string} host */
export function hostWords(host) {
  if (host.startsWith("pod/")) return `pod ${hostName(host)}`;
  return host === "router" ? "the router" : hostName(host);
}

const portOf = (/** @type {string} */ ip, /** @type {number} */ port) => (port ? `${ip}:${port}` : ip);
export const sourceOf = (/** @type {any} */ packet) => portOf(packet.src, packet.sport);
export const destinationOf = (/** @type {any} */ packet) => portOf(packet.dst, packet.dport);

const KINDS = /** @type {Record<string, string>} */ ({
  SYN: "a SYN (please connect)", "SYN-ACK": "a SYN-ACK (connection accepted)", ACK: "an ACK", DATA: "data", FIN: "a FIN (goodbye)",
  RST: "a RST (nobody listens here)", DATAGRAM: "a datagram", "PORT-UNREACHABLE": "ICMP port unreachable", INIT: "an INIT",
  "ECHO-REQUEST": "an echo request", "ECHO-REPLY": "an echo reply",
});

/** A chain's friendly name, out of the comments in the rules around it: "service-demo/backend-service:http". @param {string} text */
export function commentOf(text) {
  return text.match(/--comment "([^"]*)"/)?.[1] ?? text.match(/--comment (\S+)/)?.[1] ?? "";
}

/** @param {any} packet */
const kindWords = (packet) => (packet.protocol === "UDP" && packet.kind === "DATAGRAM" ? "a UDP datagram" : KINDS[packet.kind] ?? packet.kind);

/** @type {Record<string, (frame: import("../trace/frames.js").Frame) => string>} */
const SENTENCES = {
  lookup: ({ step }) => {
    const first = step.candidates[0]?.replace(/\.$/, "") ?? step.typed;
    const more = step.candidates.length - 1;
    return `${capital(hostWords(step.host))} needs an address for “${step.typed}”. Its resolver will first try ${first}${more > 0 ? `, with ${more} more name${more > 1 ? "s" : ""} to fall back on` : ""}.`;
  },
  query: ({ step }) => `Question ${step.type} ${step.name.replace(/\.$/, "")} to the name server ${step.server}.`,
  answer: ({ step }) => {
    if (step.rcode !== "NOERROR") return `The name server answers ${step.rcode}: ${step.rcode === "NXDOMAIN" ? "there is no such name" : "no answer of use"}.`;
    const data = step.records.filter((/** @type {any[]} */ record) => record[2] === step.type).map((/** @type {any[]} */ record) => record[3]);
    return data.length ? `The name server answers: ${data.join(", ")}.` : `The name server answers: the name exists, but it has no ${step.type} record.`;
  },
  resolved: ({ step }) => (step.address
    ? `“${step.typed}” is ${step.address}, after ${count(step.queries, "question")}.`
    : `“${step.typed}” could not be resolved: ${step.code}, after ${count(step.queries, "question")}.`),
  emit: ({ step }) => `${capital(hostWords(step.host))} ${step.reply ? "answers with" : "sends"} ${kindWords(step.packet)} from ${sourceOf(step.packet)} to ${destinationOf(step.packet)}.`,
  hop: ({ step, reply }) => `The ${reply ? "answer" : "packet"} arrives at ${hostWords(step.host)}${step.interface ? ` on ${step.interface}` : ""}, coming from ${hostWords(step.source)}.`,
  tunnel: ({ step }) => step.why,
  rules: (frame) => rulesSentence(frame),
  nat: ({ step }) => natSentence(step),
  conntrack: ({ step }) => (step.state === "NEW"
    ? `${capital(hostWords(step.host))} has not seen this flow before: connection tracking calls it NEW.`
    : `${capital(hostWords(step.host))} knows this flow: ${step.state}${step.note ? ` (${step.note})` : ""}.`),
  route: ({ step }) => (step.local
    ? `Routing on ${hostName(step.host)}: the destination is this host itself.`
    : `Routing on ${hostName(step.host)}: out by ${step.interface}${step.next_hop ? ` towards ${step.next_hop}` : ""}${step.why ? ` (${step.why})` : ""}.`),
  deliver: ({ step }) => `${capital(hostWords(step.host))} delivers the ${step.reply ? "answer" : "packet"} to ${step.listener || "the program that waits for it"}.`,
  death: ({ step }) => `The packet dies at ${step.where || hostWords(step.host)}: ${step.code}. ${step.why}`,
  end: ({ step }) => {
    const words = step.words ? ` The client prints: ${step.words.trim()}` : "";
    if (step.code === "OK") return `Answered by ${step.endpoint}, which saw the request come from ${step.source_seen}.${words}`;
    return `It ends with ${step.code} (${step.verdict}).${words}`;
  },
};

/** @param {string} text */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
/** @param {number} n @param {string} thing */
const count = (n, thing) => `${n} ${thing}${n === 1 ? "" : "s"}`;

/** @param {any} step */
function natSentence(step) {
  const { before, packet } = step;
  const changes = [];
  if (destinationOf(before) !== destinationOf(packet)) changes.push(`Destination rewritten from ${destinationOf(before)} to ${destinationOf(packet)}`);
  if (sourceOf(before) !== sourceOf(packet)) changes.push(`${changes.length ? "source" : "Source"} rewritten from ${sourceOf(before)} to ${sourceOf(packet)}`);
  const who = step.by === "conntrack" ? "from memory (connection tracking)" : "and remembered";
  return `${changes.join(", ") || "Header kept"}; ${step.action}, ${who}, on ${hostName(step.host)}.`;
}

/** @param {import("../trace/frames.js").Frame} frame */
function rulesSentence(frame) {
  const rules = frame.steps.filter((step) => step.kind !== "mark");
  const marks = frame.steps.filter((step) => step.kind === "mark");
  const last = rules[rules.length - 1];
  if (!last) return `The packet's mark becomes 0x${marks[0].after.toString(16)}.`;
  const where = `On ${hostName(last.host)}, ${last.table} table, chain ${last.chain}`;
  const missed = rules.reduce((sum, step) => sum + (step.kind === "skipped" ? step.count : step.matched ? 0 : 1), 0);
  const misses = missed ? `${count(missed, "rule")} did not match` : "";
  if (last.kind === "rule" && last.matched && last.number === 0) return `${where}: ${[misses, last.target === "RETURN" ? "back to the calling chain" : `the chain's end: ${targetWords(last)}`].filter(Boolean).join("; ")}.`;
  if (last.kind === "rule" && last.matched) {
    const among = last.table === "ipvs" || /^ip6? /.test(last.table);
    const chance = last.probability && typeof last.draw === "number" ? `, drawn with chance ${last.probability.toFixed(2)} (${among ? last.draw : last.draw.toFixed(2)})` : "";
    const mark = marks.length ? ` The packet is marked 0x${marks[marks.length - 1].after.toString(16)}.` : "";
    return `${where}: ${[misses, `rule ${last.number} took it${chance}: ${targetWords(last)}${last.table === "ipvs" ? `, ${last.why}` : ""}`].filter(Boolean).join("; ")}.${mark}`;
  }
  return `${where}: ${misses || "no rule"}, back to where it came from.`;
}

/** @param {any} rule */
export function targetWords(rule) {
  const target = rule.target ?? "";
  const comment = commentOf(rule.text);
  if (target.startsWith("KUBE-SEP-")) return `go to endpoint ${comment.split("->")[1]?.trim() ?? target}`;
  if (/^KUBE-(SVC|SVL|EXT|FW)-/.test(target)) return `go to ${target}${comment ? ` (${comment})` : ""}`;
  if (target === "DNAT") return `rewrite the destination to ${rule.text.match(/--to-destination (\S+)/)?.[1] ?? "an endpoint"}`;
  if (target === "KUBE-MARK-MASQ") return "mark it for masquerading";
  if (target === "MASQUERADE") return "give it this node's own address as source";
  if (target === "ACCEPT") return "accept it";
  if (target === "DROP") return "drop it silently";
  if (target === "REJECT") return "refuse it with an ICMP answer";
  if (target === "RETURN") return "return to the calling chain";
  return target ? `go to ${target}` : "";
}

/** @param {import("../trace/frames.js").Frame} frame */
export function sentence(frame) {
  return (SENTENCES[frame.kind] ?? (() => frame.kind))(frame);
}

/** The whole trace, one numbered sentence a frame. @param {import("../trace/frames.js").Frame[]} frames */
export function transcript(frames) {
  return frames.map((frame) => `${frame.index + 1}. ${sentence(frame)}`);
}

/** A few words for a list: "DNAT → 10.244.2.5:80". @param {import("../trace/frames.js").Frame} frame */
export function shortWords(frame) {
  const { step } = frame;
  switch (frame.kind) {
    case "lookup": return `look up ${step.typed}`;
    case "query": return `${step.type} ${step.name.replace(/\.$/, "")}`;
    case "answer": return `${step.rcode} ${step.records.filter((/** @type {any[]} */ r) => r[2] === step.type).map((/** @type {any[]} */ r) => r[3]).join(", ") || `no ${step.type}`}`;
    case "resolved": return step.address ? `= ${step.address}` : step.code;
    case "emit": return `${step.packet.kind} → ${destinationOf(step.packet)}`;
    case "hop": return `from ${hostName(step.source)}`;
    case "tunnel": return `${step.carrier}, from ${hostName(step.source)}`;
    case "rules": return step.kind === "rule" && step.matched ? `${step.chain} → ${step.target || step.text}` : `${step.chain ?? "mark"}: no match`;
    case "nat": return `${step.action} → ${destinationOf(step.before) !== destinationOf(step.packet) ? destinationOf(step.packet) : sourceOf(step.packet)}`;
    case "conntrack": return step.state;
    case "route": return step.local ? "this host" : `out by ${step.interface}`;
    case "deliver": return `to ${step.listener || "the client"}`;
    case "death": return step.code;
    case "end": return step.code === "OK" ? `answered by ${step.endpoint}` : `${step.code}, ${step.verdict}`;
    default: return frame.kind;
  }
}

/** Tells the live region, but not more often than a listener can follow. @param {HTMLElement} region */
export function createNarrator(region) {
  let timer = 0;
  return {
    /** @param {string} text */
    say(text) {
      clearTimeout(timer);
      timer = window.setTimeout(() => { region.textContent = text; }, 150);
    },
  };
}
