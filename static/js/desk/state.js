// @ts-check
// The page's state, and what each message of the server does to it. Pure.

/**
 * @typedef {object} State
 * @property {"connecting" | "live" | "lost" | "gone"} connection
 * @property {boolean} ready whether the cluster's objects have come
 * @property {Map<string, any>} objects by kind/namespace/name
 * @property {number} rv
 * @property {string} life the cluster between two resets
 * @property {{now: string, paused: boolean, rate: number, arrived: number} | null} clock
 * @property {string} mode
 * @property {string} flavour
 * @property {any[]} traces summaries, newest last
 * @property {any[]} background likewise, of what programs of pods send by themselves, with the real time at which they came
 * @property {any} trace the one on the stage
 * @property {any} hidden id of the trace whose end is not yet seen: the histogram must not give it away
 * @property {any[]} api newest last
 * @property {{from: string, to: string}} choice
 */

const MOST_TRACES = 500;
const MOST_BACKGROUND = 200;
const MOST_API = 300;

/** @returns {State} */
export const emptyState = () => ({
  connection: "connecting", ready: false, objects: new Map(), rv: 0, life: "", clock: null, mode: "iptables", flavour: "", traces: [], background: [], trace: null, hidden: null,
  api: [], choice: { from: "", to: "" },
});

/** @param {any} object */
export const keyOf = (object) => `${object.kind}/${object.metadata.namespace ?? ""}/${object.metadata.name}`;

/** @param {any} trace */
export function summaryOf(trace) {
  const { id, source, target, outcome, origin = "" } = trace;
  return { id, source, target, origin, code: outcome.code, verdict: outcome.verdict, endpoint: outcome.endpoint };
}

/** The state with more requests; the learner's own, and apart from them what runs in the background. @param {State} state @param {any[]} summaries @param {number} arrived real ms */
function withRequests(state, summaries, arrived) {
  const fresh = new Set(summaries.map((summary) => summary.id));
  const kept = (/** @type {any[]} */ list) => list.filter((summary) => !fresh.has(summary.id));
  const background = summaries.filter((summary) => summary.background).map((summary) => ({ ...summary, arrived }));
  return {
    ...state,
    traces: [...kept(state.traces), ...summaries.filter((summary) => !summary.background)].slice(-MOST_TRACES),
    background: background.length ? [...kept(state.background), ...background].slice(-MOST_BACKGROUND) : state.background,
  };
}

/** Id of the newest request of all. @param {State} state */
export const newestOf = (state) => Math.max(0, state.traces.at(-1)?.id ?? 0, state.background.at(-1)?.id ?? 0);

/** @param {State} state @param {any} message @returns {State} */
export function reduce(state, message) {
  switch (message.type) {
    case "connection": return { ...state, connection: message.state };
    case "state": return withRequests({
      ...state, ready: true, rv: message.rv, life: message.life ?? "", mode: message.mode, flavour: message.flavour ?? "",
      objects: new Map(message.objects.map((/** @type {any} */ object) => [keyOf(object), object])),
      traces: [], background: [], clock: { ...message.clock, arrived: message.arrived },
      trace: message.fresh ? null : state.trace, api: message.fresh ? [] : state.api,
    }, message.traces ?? [], 0);
    case "objects": {
      if (message.rv < state.rv) return state;
      const objects = new Map(state.objects);
      for (const object of message.deleted) objects.delete(keyOf(object));
      for (const object of message.changed) objects.set(keyOf(object), object);
      return { ...state, objects, rv: message.rv };
    }
    case "clock": return { ...state, mode: message.mode ?? state.mode, clock: { now: message.now, paused: message.paused, rate: message.rate, arrived: message.arrived } };
    case "trace": return withRequests(state, [{ ...summaryOf(message.trace), background: message.origin === "background" }], message.arrived);
    case "traces": return withRequests(state, message.traces, message.arrived);
    case "show": return { ...state, trace: message.trace, hidden: message.hidden ? message.trace.id : null };
    case "reveal": return { ...state, hidden: null };
    case "api": return { ...state, api: [...state.api, ...message.entries].slice(-MOST_API) };
    case "choose": return { ...state, choice: { ...state.choice, ...message.choice } };
    default: return state;
  }
}
