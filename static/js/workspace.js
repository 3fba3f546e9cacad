// @ts-check
// The workspace: store, socket and panels of the sandbox and of every lesson page.
// A lesson page imports `workspace` for runCommand, applyManifest, openManifest, showTrace and onMessage.

import { byId, h, setText } from "./core/dom.js";
import { createStore } from "./core/store.js";
import { openSocket } from "./core/socket.js";
import { timeOfDay, virtualTime } from "./core/clock.js";
import { createStage } from "./stage.js";
import { framesOf, stops } from "./trace/frames.js";
import { createPlayer, picture } from "./trace/player.js";
import { createScrubber } from "./trace/scrubber.js";
import { createInspector } from "./trace/inspector.js";
import { createEventList, createRequestList, createTranscript, drawApiLog } from "./trace/events.js";
import { createHistogram } from "./trace/histogram.js";
import { createNarrator, sentence, shortWords } from "./a11y/narrate.js";
import { caption } from "./a11y/caption.js";
import { setMotion, still } from "./a11y/motion.js";
import { emptyState, newestOf, reduce } from "./desk/state.js";
import { drawBackground } from "./desk/background.js";
import { isNarrow, openPart, openTab, wireTabs } from "./desk/tabs.js";
import { createSendForm, targetText } from "./desk/send.js";
import { createCard, cardOf } from "./desk/card.js";
import { endpointsOf, ownerOf, podAt, serverOf } from "./desk/owners.js";
import { answerWords, createStrip } from "./desk/strip.js";
import { wireKeys, wireStageKeys } from "./desk/keys.js";
import { editFile } from "./desk/editfile.js";
import { createEditor } from "./desk/yaml.js";
import { createTerminals } from "./terminal/terminal.js";
import { wireSplitters } from "./desk/split.js";
import { wireBar } from "./desk/bar.js";

const page = JSON.parse(byId("page").textContent);
const store = createStore(reduce, emptyState());
/** @type {Set<(message: any) => void>} */
const hearers = new Set();
/** @type {Map<string, {watch: boolean}>} */
const asked = new Map();
/** @type {any[]} */
let queue = [];
let frames = /** @type {import("./trace/frames.js").Frame[]} */ ([]);
let requests = 0;
let welcomed = false;
let captioned = /** @type {any} */ (null);
let spoken = /** @type {any} */ (null);
let replaying = /** @type {number[]} */ ([]);
const SENDER = /^(pod|client|node)\//; // what can open a connection
const BETWEEN_REPLAYS = 900; // ms
const MOST_QUEUED = 24;

const toast = (/** @type {string} */ text, kind = "") => {
  const element = h(`div.toast${kind ? `.${kind}` : ""}`, { text });
  byId("toasts").append(element);
  setTimeout(() => element.remove(), kind === "error" ? 9000 : 5000);
};

const narrator = createNarrator(byId("narrator"));
const card = createCard(byId("card"));
const strip = createStrip(byId("verdict"));
const stage = createStage({ onPick: pick, onFrame: (index) => { player.pause(); player.seek(index); } });
const nameOf = (/** @type {string} */ ip) => ownerOf(stage.model, ip);
const inspector = createInspector({ why: byId("pane-why"), header: byId("pane-header"), rules: byId("pane-rules"), conntrack: byId("pane-conntrack"), dns: byId("pane-dns") }, { nameOf });
const seek = (/** @type {number} */ index) => { player.pause(); player.seek(index); };
const events = createEventList(byId("pane-events"), { onPick: seek });
const transcript = createTranscript(byId("pane-transcript"), { onPick: seek });
const requestList = createRequestList(byId("pane-requests"), { onPick: (id) => showTrace(id) });
const histogram = createHistogram(byId("histogram"), { onMore: (count) => sendMany(count), podOf: (endpoint) => podAt(stage.model, endpoint) });
const player = createPlayer({ onChange: drawPlayer, still, onEnd: replayNext });
const scrubber = createScrubber(player, { label: (frame) => shortWords(frame) });
const form = createSendForm({ onSend: (request) => send(request) });
const socket = openSocket("/ws/lab/", { onMessage: receive, onState: (state) => store.dispatch({ type: "connection", state }), known: () => ({ life: store.state.life, rv: store.state.rv, trace: newestOf(store.state) }) });
const bar = wireBar({ send: (message) => socket.send(message), toast, setMotion, renew });
/** @type {Promise<Awaited<ReturnType<typeof createTerminals>>>} */
const terminals = createTerminals({ send: (message) => socket.send(message), onReplay: replay, onLeave: () => byId("player-play").focus(), onEdit: editFile });
const editor = createEditor({ send: (message) => socket.send(message), post: postManifest, files: page.files ?? [] });

wireTabs();
wireSplitters();
wireKeys(player, { terminal: () => terminals.then((all) => all.focus()), filter: () => events.focus(), leave: letGo });
wireStageKeys(stage.root, { from: (host) => { if (SENDER.test(host)) choose({ from: host, to: "" }); }, to: (host) => deliver(host) });
byId("stage-frame").addEventListener("click", (/** @type {any} */ event) => { if (!event.target.closest("[data-host], .card-float, button")) letGo(); });
byId("narrow-tabs").addEventListener("click", (/** @type {any} */ event) => { const button = event.target.closest("button"); if (button) openPart(button.value); });
document.addEventListener("svclab:part", (/** @type {any} */ event) => { if (event.detail === "terminal") terminals.then((all) => all.fit()); });
document.addEventListener("click", (event) => { const link = /** @type {Element} */ (event.target).closest("[data-open-tab]"); if (link) openTab(link.getAttribute("data-open-tab") ?? ""); });

/** A manifest too large for a websocket message. @param {string} text */
async function postManifest(text) {
  try {
    const answer = await fetch(page.apply, { method: "POST", body: text, headers: { "X-CSRFToken": page.csrf, "Content-Type": "application/yaml" } });
    return (await answer.json()).results;
  } catch {
    return [{ error: "The manifest could not be sent. Is the connection there?" }];
  }
}

/** A new secret for the learner's own kubectl. */
async function renew() {
  try {
    return (await fetch(page.renew, { method: "POST", headers: { "X-CSRFToken": page.csrf } })).ok;
  } catch {
    return false;
  }
}

/** @param {any} message */
function receive(message) {
  if (message.clock) message.clock.arrived = Date.now();
  message.arrived = Date.now();
  if (message.type === "trace" && [...store.state.traces, ...store.state.background].some((summary) => summary.id === message.trace.id)) return;
  store.dispatch(message);
  if (message.type === "trace") traceCame(message);
  else if (message.type === "trace.full") load(message.trace, true);
  else if (message.type === "applied") editor.then((yaml) => yaml.showResults(message.name, message.results));
  else if (message.type === "peeked") stage.fly(framesOf(message.trace), message.trace.outcome.code !== "OK");
  else if (message.type === "error") toast(message.message, "error");
  else if (message.type === "notice") toast(message.message);
  else if (message.type === "state" && message.fresh) reset();
  else if (message.type.startsWith("term.")) terminals.then((all) => all.receive(message));
  if (message.type === "welcome" && welcomed) terminals.then((all) => all.restart());
  if (message.type === "welcome") welcomed = true;
  for (const hear of hearers) hear(message);
}

/** A new cluster: nothing of the old one's packets stays on the page. */
function reset() {
  queue = [];
  frames = [];
  replaying = [];
  terminals.then((all) => all.forget());
  player.load([]);
  stage.show(null, []);
  stage.mark({ chosen: "", guessed: "", answered: "" });
  choose({ from: "", to: "" });
  captioned = null;
  strip.show(null);
  document.documentElement.classList.remove("at-end");
}

/** A trace was recorded: watched if the learner asked for it here, otherwise flown past unless nothing else plays; of background traffic always flown past. @param {any} message */
function traceCame(message) {
  const { trace } = message;
  if (message.origin === "background") return stage.fly(framesOf(trace), trace.outcome.code !== "OK");
  const own = asked.get(message.request ?? "");
  if (message.request) asked.delete(message.request);
  message.watch = own ? own.watch : !player.state.playing && message.origin !== "many";
  if (message.watch) {
    replaying = [];
    return load(trace, true);
  }
  queue.push(trace);
  queue = queue.slice(-MOST_QUEUED);
  return stage.fly(framesOf(trace), trace.outcome.code !== "OK", (queue.length % 12) * 90);
}

/** @param {any} trace @param {boolean} play */
function load(trace, play) {
  frames = framesOf(trace);
  terminals.then((all) => all.shown(trace.id ?? 0));
  store.dispatch({ type: "show", trace, hidden: play });
  stage.mark({ answered: "" });
  player.load(frames, { play });
}

/** Several traces one after another. @param {number[]} ids */
function replay(ids) {
  showTrace(ids[0]);
  replaying = ids.slice(1);
}

/** A trace has played to its end: the next one of a replay, unless the learner did something meanwhile. */
function replayNext() {
  const { trace } = store.state;
  if (replaying.length) setTimeout(() => { if (replaying.length && store.state.trace === trace && !player.state.playing) replay(replaying); }, BETWEEN_REPLAYS);
}

/** @param {number} id */
function showTrace(id) {
  replaying = [];
  socket.send({ type: "trace.get", id });
  if (isNarrow()) openPart("stage");
}

/** @param {import("./trace/player.js").PlayerState} state */
function drawPlayer(state) {
  scrubber.render(state);
  if (!state.frames.length) return;
  const now = picture(state.frames, state.t);
  const { trace } = store.state;
  stage.show(now, state.frames);
  inspector.render(state.frames, now.index, trace);
  events.render(state.frames, now.index, trace);
  transcript.render(state.frames, now.index);
  narrate(state, now);
  if (now.frame !== captioned) drawCaption(now.index, trace);
  captioned = now.frame;
  if (now.frame.kind === "end" && store.state.hidden === trace.id) {
    store.dispatch({ type: "reveal" });
    watched(trace);
  }
}

/** @param {import("./trace/player.js").PlayerState} state @param {import("./trace/player.js").Picture} now */
function narrate(state, now) {
  if (now.frame === spoken || now.progress > 0) return;
  const summary = state.playing && !stops(state.frames, "packet").includes(now.index);
  if (summary) return;
  spoken = now.frame;
  narrator.say(sentence(now.frame));
}

/** The words beneath the stage. @param {number} index @param {any} trace */
function drawCaption(index, trace) {
  const said = caption(frames, index, nameOf);
  const ended = frames[index].kind === "end";
  document.documentElement.classList.toggle("at-end", ended);
  if (!ended) return strip.show(said);
  return strip.show(said.tone === "ok" ? { ...said, text: answerWords(trace, serverOf(stage.model, trace) ?? trace.outcome.endpoint) } : { ...said, words: trace.outcome.words.trim() });
}

/** The end of a trace is seen, however the learner came there. @param {any} trace */
function watched(trace) {
  const pod = serverOf(stage.model, trace);
  stage.mark({ answered: pod ?? "" });
  for (const hear of hearers) hear({ type: "watched", trace, pod });
}

/** @param {{source: string, target: string, protocol?: string}} request @param {{watch?: boolean, count?: number}} [options] */
function send(request, { watch = true, count = 1 } = {}) {
  for (let i = 0; i < count; i += 1) {
    requests += 1;
    const id = `q${requests}`;
    asked.set(id, { watch });
    socket.send({ type: "send", ...request, request: id });
  }
  choose({ from: "", to: "" });
  if (isNarrow() && watch) openPart("stage");
}

/** More of the last request. @param {number} count */
function sendMany(count) {
  const last = store.state.traces.at(-1);
  if (!last) return;
  const { source, target } = store.state.trace ?? last;
  if (count === 1) send({ source, target });
  else {
    player.last();
    socket.send({ type: "send.many", source, target, protocol: "TCP", count });
  }
}

/** A thing of the stage was pressed: to be looked at, or, once a sender is chosen, to be the receiver. @param {string} host @param {Element | null} element */
function pick(host, element) {
  const { choice } = store.state;
  if (choice.from && choice.from !== host) return deliver(host);
  const sender = SENDER.test(host);
  const content = cardOf(stage.model, host);
  const met = frames.find((frame) => frame.host === host && frame.kind === "rules");
  const actions = [];
  if (met) actions.push({ label: "See its rules", icon: "list", primary: true, run: () => { openPart("inspect"); openTab("tab-rules"); seek(met.index); byId("tab-rules").focus(); } });
  if (sender) actions.push({ label: "Send from here", icon: "send", primary: !met, run: () => choose({ from: host, to: "" }) });
  if (!sender || host.startsWith("pod/")) actions.push({ label: "Send to here", icon: "chevron-right", primary: !sender, run: () => deliver(host) });
  if (host.startsWith("pod/")) actions.push({ label: "Remove pod", icon: "trash-2", run: () => removePod(host) });
  if (content) card.open({ ...content, actions }, element);
  return undefined;
}

/** Escape, or a press beside everything: nothing is looked at or chosen any more. */
function letGo() {
  card.close();
  if (store.state.choice.from) choose({ from: "", to: "" });
}

/** @param {{from: string, to: string}} choice */
function choose(choice) {
  store.dispatch({ type: "choose", choice });
  stage.mark({ chosen: choice.from });
  const name = choice.from.split("/").at(-1);
  form.choose(choice, choice.from ? `From ${name}: now tap a receiver. Escape lets go.` : "Tap anything on the stage to look at it, and to send from it or to it.");
}

/** The receiver is known: from the chosen sender, or the form's. @param {string} host */
function deliver(host) {
  const source = store.state.choice.from || form.source;
  const target = targetText(stage.model, host, source);
  card.close();
  if (!source || !target) return;
  form.choose({ from: source, to: target }, "");
  const service = stage.model.services.find((candidate) => candidate.key === host);
  send({ source, target, protocol: service?.ports[0]?.protocol === "UDP" ? "UDP" : "TCP" });
}

/** @param {string} host */
function removePod(host) {
  const [, namespace, name] = host.split("/");
  socket.send({ type: "delete", kind: "Pod", namespace, name });
}

store.subscribe((state, before) => {
  if (state.objects !== before.objects) {
    stage.setObjects(state.objects.values());
    form.render(stage.model);
    document.documentElement.classList.toggle("has-cluster", state.ready);
  }
  if (state.connection !== before.connection || state.clock !== before.clock || state.mode !== before.mode) bar.render(state);
  if (state.traces !== before.traces || state.background !== before.background || state.objects !== before.objects || state.trace !== before.trace || state.hidden !== before.hidden) {
    requestList.render(state.traces, state.background, state.hidden, state.trace?.id);
    drawBackground(byId("background"), state.background, Date.now());
    const target = state.trace?.target ?? state.traces.at(-1)?.target ?? "";
    histogram.render(state.traces.filter((summary) => summary.id !== state.hidden), target, endpointsOf(stage.model, target, state));
  }
  if (state.api !== before.api) drawApiLog(state.api);
});
drawApiLog([]);
choose({ from: "", to: "" });
requestList.render([]);
scrubber.render(player.state);
setInterval(() => {
  const { clock } = store.state;
  if (clock) setText(byId("clock"), timeOfDay(virtualTime(clock, clock.arrived, Date.now())));
  drawBackground(byId("background"), store.state.background, Date.now());
}, 500);

export const workspace = {
  store, stage, player, toast, openTab, openPart, page,
  send, showTrace, removePod,
  /** Shows a trace that is at hand. @param {any} trace */
  showRecorded(trace) {
    load(trace, true);
    if (isNarrow()) openPart("stage");
  },
  /** Runs a command line in the visible terminal. @param {string} line @param {{stay?: boolean}} [options] `stay`: a narrow page does not turn to the terminal */
  async runCommand(line, { stay = false } = {}) {
    if (isNarrow() && !stay) openPart("terminal");
    return (await terminals).run(line);
  },
  /** Where the visible terminal's next command runs: laptop, pod/NS/NAME or node/NAME. */
  async location() { return (await terminals).location; },
  /** Ctrl-C in the visible terminal. */
  async interrupt() { (await terminals).interrupt(); },
  /** Puts a manifest into the editor. @param {string} name @param {string} text */
  async openManifest(name, text) {
    (await editor).open(name, text);
    openTab("tab-yaml");
  },
  /** Applies a manifest without showing the editor; the answer comes as an `applied` message. @param {string} name @param {string} text */
  applyManifest(name, text) { socket.send({ type: "apply", yaml: text, name }); },
  /** Sends any message of the protocol. @param {any} message */
  tell(message) { socket.send(message); },
  /** Every message of the server, and {type: "watched"} when a trace was seen to its end. @param {(message: any) => void} hear */
  onMessage(hear) {
    hearers.add(hear);
    return () => hearers.delete(hear);
  },
};
