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
 * @property {any} trace the one on the stage
 * @property {any} hidden id of the trace whose end is not yet seen: the histogram must not give it away
 * @property {any[]} api newest last
 * @property {{from: string, to: string}} choice
 */

const MOST_TRACES = 500;
const MOST_API = 300;

/** @returns {State} */
export const emptyState = () => ({
  connection: "connecting", ready: false, objects: new Map(), rv: 0, life: "", clock: null, mode: "iptables", flavour: "", traces: [], trace: null, hidden: null,
  api: [], choice: { from: "", to: "" },
});

/** @param {any} object */
export const keyOf = (object) => `${object.kind}/${object.metadata.namespace ?? ""}/${object.metadata.name}`;

/** @param {any} trace */
export function summaryOf(trace) {
  const { id, source, target, outcome, origin = "" } = trace;
  return { id, source, target, origin, code: outcome.code, verdict: outcome.verdict, endpoint: outcome.endpoint };
}

/** @param {State} state @param {any} message @returns {State} */
export function reduce(state, message) {
  switch (message.type) {
    case "connection": return { ...state, connection: message.state };
    case "state": return {
      ...state, ready: true, rv: message.rv, life: message.life ?? "", mode: message.mode, flavour: message.flavour ?? "",
      objects: new Map(message.objects.map((/** @type {any} */ object) => [keyOf(object), object])),
      traces: message.traces ?? [], clock: { ...message.clock, arrived: message.arrived },
      trace: message.fresh ? null : state.trace, api: message.fresh ? [] : state.api,
    };
    case "objects": {
      if (message.rv < state.rv) return state;
      const objects = new Map(state.objects);
      for (const object of message.deleted) objects.delete(keyOf(object));
      for (const object of message.changed) objects.set(keyOf(object), object);
      return { ...state, objects, rv: message.rv };
    }
    case "clock": return { ...state, mode: message.mode ?? state.mode, clock: { now: message.now, paused: message.paused, rate: message.rate, arrived: message.arrived } };
    case "trace": return { ...state, traces: [...state.traces.filter((summary) => summary.id !== message.trace.id), summaryOf(message.trace)].slice(-MOST_TRACES) };
    case "traces": {
      const fresh = new Set(message.traces.map((/** @type {any} */ summary) => summary.id));
      return { ...state, traces: [...state.traces.filter((summary) => !fresh.has(summary.id)), ...message.traces].slice(-MOST_TRACES) };
    }
    case "show": return { ...state, trace: message.trace, hidden: message.hidden ? message.trace.id : null };
    case "reveal": return { ...state, hidden: null };
    case "api": return { ...state, api: [...state.api, ...message.entries].slice(-MOST_API) };
    case "choose": return { ...state, choice: { ...state.choice, ...message.choice } };
    default: return state;
  }
}
