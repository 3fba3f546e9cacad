// @ts-check
// All state in one place: messages go in, a reducer makes the next state, listeners hear of it once per frame.

/**
 * @template S
 * @param {(state: S, message: any) => S} reduce
 * @param {S} initial
 */
export function createStore(reduce, initial) {
  let state = initial;
  /** @type {Set<(state: S, before: S) => void>} */
  const listeners = new Set();
  let told = state;
  let waiting = false;

  function tell() {
    waiting = false;
    const before = told;
    told = state;
    for (const listener of [...listeners]) listener(state, before);
  }

  return {
    get state() { return state; },
    /** @param {any} message */
    dispatch(message) {
      const next = reduce(state, message);
      if (next === state) return;
      state = next;
      if (!waiting) {
        waiting = true;
        queueMicrotask(tell);
      }
    },
    /** @param {(state: S, before: S) => void} listener */
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
