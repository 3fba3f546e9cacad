// @ts-check
// The cluster's virtual time between two messages from the server.

/** @typedef {{now: string, paused: boolean, rate: number}} ClusterClock */

/**
 * Virtual milliseconds at real time `real` (ms), for a clock message that arrived at real time `arrived`.
 * @param {ClusterClock} clock
 * @param {number} arrived
 * @param {number} real
 */
export function virtualTime(clock, arrived, real) {
  const base = Date.parse(clock.now);
  return clock.paused ? base : base + (real - arrived) * clock.rate;
}

/** "12:04:09" of virtual milliseconds, in UTC. @param {number} milliseconds */
export function timeOfDay(milliseconds) {
  return new Date(milliseconds).toISOString().slice(11, 19);
}

/** An age as kubectl prints it: 7s, 3m12s, 5h, 2d. @param {number} milliseconds */
export function age(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 ? `${minutes}m${seconds % 60}s` : `${minutes}m`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}
