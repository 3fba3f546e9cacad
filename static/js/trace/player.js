// @ts-check
// (frames, t) -> picture, and the clock that moves t. Play, pause, back and scrub only change t.

import { duration, moves, stops } from "./frames.js";

/** @typedef {import("./frames.js").Frame} Frame */
/**
 * @typedef {object} Picture
 * @property {number} index the frame that is reached
 * @property {Frame} frame
 * @property {Frame | null} next the frame under way, if t is between two
 * @property {number} progress 0..1 towards next
 * @property {{from: string, to: string, progress: number, packet: any, carrier: string, struck: any, action: string, reply: boolean, purpose: string,
 *   dead: boolean, visible: boolean, number: number} | null} envelope `carrier`: who has the bytes, inside a tunnel; there is no packet then
 * @property {{from: string, to: string, entered: string, number: number, reply: boolean, purpose: string, packet: any}[]} trail
 *   `entered`: the plate at which the packet came into the gate that it leaves with this hop, or ""
 * @property {string} activeHost
 * @property {string} activeHook
 * @property {{host: string, code: string, where: string, words: string} | null} death
 * @property {string[]} path hosts that the trace has passed so far
 */

/**
 * The picture at time t; t counts frames: 3.5 is half way from frame 3 to frame 4.
 * @param {Frame[]} frames @param {number} t
 * @returns {Picture}
 */
export function picture(frames, t) {
  const clamped = Math.max(0, Math.min(frames.length - 1, t));
  const index = Math.floor(clamped + 1e-9);
  const progress = clamped - index < 1e-9 ? 0 : clamped - index;
  const frame = frames[index];
  const next = progress > 0 ? frames[index + 1] : null;
  const end = frame.kind === "end";
  const death = frames.slice(0, index + 1).reverse().find((candidate) => candidate.kind === "death") ?? null;
  const showDeath = death && (end || death.flow === frame.flow) && !reborn(frames, death, index);
  const [activeHost, activeHook = ""] = (next && !moves(next) ? next.at : frame.at).split("#");
  return {
    index, frame, next, progress, activeHost, activeHook,
    envelope: envelopeAt(frame, next, progress),
    trail: trailAt(frames, index),
    death: showDeath ? { host: death.at, code: death.step.code, where: death.step.where, words: end ? frame.step.words : "" } : null,
    path: [...new Set(frames.slice(0, index + 1).filter((candidate) => candidate.flow === (end ? lastFlow(frames) : frame.flow)).map((candidate) => candidate.host))],
  };
}

/** Whether another packet was sent after a death: then the death is history. @param {Frame[]} frames @param {Frame} death @param {number} index */
function reborn(frames, death, index) {
  return frames.slice(death.index + 1, index + 1).some((frame) => frame.kind === "emit" && !frame.reply);
}

/** @param {Frame} frame @param {Frame | null} next @param {number} progress */
function envelopeAt(frame, next, progress) {
  const travelling = next && moves(next) ? next : null;
  const shown = travelling ?? frame;
  const packet = travelling ? travelling.packet : frame.packet;
  const carrier = shown.kind === "tunnel" ? shown.step.carrier : "";
  if (!(packet || carrier) || frame.kind === "end" || frame.kind === "resolved" || frame.kind === "lookup") return null;
  const from = travelling ? travelling.from : frame.at;
  const step = next && !travelling && next.kind !== "emit" ? next : null;
  return {
    from, to: travelling ? travelling.at : step?.at ?? frame.at, progress: travelling || step ? progress : 1, packet, carrier,
    struck: frame.kind === "nat" && !travelling ? frame.before : null,
    action: frame.kind === "nat" && !travelling ? frame.step.action : "",
    reply: shown.reply, purpose: shown.purpose, dead: frame.kind === "death", visible: true, number: shown.packetNumber,
  };
}

/**
 * Hops to draw as a numbered line: those of the packet and of the one it answers; at the end, the request's first pair.
 * @param {Frame[]} frames @param {number} index
 */
function trailAt(frames, index) {
  const frame = frames[index];
  const flow = frame.kind === "end" ? lastFlow(frames) : frame.flow;
  const hops = frames.slice(0, index + 1).filter((candidate) => candidate.kind === "tunnel" || (candidate.kind === "hop" && candidate.flow === flow));
  const numbers = [...new Set(hops.map((hop) => hop.packetNumber))];
  const round = frame.kind === "end" ? numbers.slice(0, 2) : roundOf(frame);
  return hops.filter((hop) => hop.kind === "tunnel" || round.includes(hop.packetNumber)).map((hop, i, all) => ({
    from: hop.from, to: hop.at, entered: enteredAt(all[i - 1], hop), number: i + 1, reply: hop.reply, purpose: hop.purpose, packet: hop.packet,
  }));
}

/** @param {Frame | undefined} before @param {Frame} hop */
function enteredAt(before, hop) {
  const same = before && before.packetNumber === hop.packetNumber && before.at.split("#")[0] === hop.from.split("#")[0];
  return same && before.at !== hop.from ? before.at : "";
}

/** @param {Frame[]} frames */
function lastFlow(frames) {
  for (let i = frames.length - 1; i >= 0; i -= 1) if (moves(frames[i])) return frames[i].flow;
  return frames[frames.length - 1].flow;
}

/** The packet on its way, and if it is an answer the packet it answers. @param {Frame} frame */
function roundOf(frame) {
  return frame.reply ? [frame.packetNumber - 1, frame.packetNumber] : [frame.packetNumber];
}

/**
 * @typedef {{playing: boolean, t: number, speed: number, size: "event" | "hop" | "packet" | "flow", frames: Frame[]}} PlayerState
 */

/**
 * Moves t. `still` says that nothing may glide (reduced motion): then t only takes whole values.
 * @param {{onChange: (state: PlayerState) => void, still: () => boolean, schedule?: (callback: (now: number) => void) => any,
 *   onEnd?: () => void}} options
 */
export function createPlayer({ onChange, still, schedule = requestAnimationFrame, onEnd }) {
  /** @type {PlayerState} */
  const state = { playing: false, t: 0, speed: 1, size: "hop", frames: [] };
  let before = 0;
  let run = 0;
  let goal = Infinity;

  const last = () => state.frames.length - 1;
  const tell = () => onChange(state);

  function tick(/** @type {number} */ now, /** @type {number} */ token) {
    if (!state.playing || token !== run) return;
    let left = before ? Math.min(0.1, (now - before) / 1000) * state.speed : 0;
    before = now;
    while (left > 0 && state.t < last()) {
      const index = Math.floor(state.t + 1e-9);
      const seconds = duration(state.frames[index + 1], state.size);
      const step = Math.min(left / seconds, index + 1 - state.t);
      state.t += step;
      left -= step * seconds;
    }
    const finish = Math.min(goal, last());
    if (state.t >= finish - 1e-9) {
      state.t = finish;
      state.playing = false;
      tell();
      if (finish === last()) onEnd?.();
      return;
    }
    tell();
    schedule((next) => tick(next, token));
  }

  const player = {
    state,
    /** @param {Frame[]} frames @param {{play?: boolean}} [options] */
    load(frames, { play = true } = {}) {
      state.frames = frames;
      state.t = 0;
      state.playing = false;
      tell();
      if (play && !still()) player.play();
    },
    play(until = Infinity) {
      if (!state.frames.length) return;
      if (state.t >= last()) state.t = 0;
      goal = until;
      state.playing = true;
      before = 0;
      run += 1;
      const token = run;
      tell();
      schedule((now) => tick(now, token));
    },
    pause() {
      state.playing = false;
      tell();
    },
    toggle() {
      if (state.playing) player.pause();
      else player.play();
    },
    /** @param {number} t */
    seek(t) {
      state.t = Math.max(0, Math.min(last(), t));
      tell();
    },
    /** One step of the chosen (or given) size; glides there unless still. @param {1 | -1} direction @param {PlayerState["size"]} [size] */
    step(direction, size = state.size) {
      const places = stops(state.frames, size);
      state.playing = false;
      const target = direction > 0 ? places.find((place) => place > state.t + 1e-6) : places.findLast((place) => place < state.t - 1e-6);
      if (target === undefined) return tell();
      if (direction > 0 && !still() && target - state.t <= 60) return player.play(target);
      return player.seek(target);
    },
    /** To the next frame (after t) for which `wanted` holds. @param {(frame: Frame) => boolean} wanted */
    next(wanted) {
      const found = state.frames.find((frame) => frame.index > state.t + 1e-6 && wanted(frame));
      state.playing = false;
      if (found) player.seek(found.index);
    },
    first: () => { state.playing = false; player.seek(0); },
    last: () => { state.playing = false; player.seek(last()); },
    /** @param {number} speed */
    setSpeed(speed) { state.speed = speed; tell(); },
    /** @param {PlayerState["size"]} size */
    setSize(size) { state.size = size; tell(); },
  };
  return player;
}
