// @ts-check
// Many requests at once: small dots that fly along their road without stopping, at most 24 at a time.

import { svg } from "../core/dom.js";
import { moves } from "./frames.js";

const MOST = 24;

/** The corner points of a whole request, there and back, out of its frames. @param {import("./frames.js").Frame[]} frames @param {import("./packet.js").Geometry} geometry */
export function roadOf(frames, geometry) {
  const request = frames.filter((frame) => moves(frame) && frame.purpose !== "dns");
  const hops = request.length ? request : frames.filter(moves);
  const numbers = [...new Set(hops.map((hop) => hop.packetNumber))].slice(0, 2);
  return hops.filter((hop) => numbers.includes(hop.packetNumber)).flatMap((hop) => geometry.way(hop.from, hop.at, hop.packet));
}

/** @param {Element} overlay */
export function createFlights(overlay) {
  const group = svg("g.flights");
  overlay.append(group);
  return {
    /** @param {import("./frames.js").Frame[]} frames @param {boolean} failed @param {import("./packet.js").Geometry} geometry @param {number} [delay] ms */
    launch(frames, failed, geometry, delay = 0) {
      if (group.childElementCount >= MOST) return;
      const points = roadOf(frames, geometry);
      if (points.length < 2) return;
      const dot = svg(`circle.flight${failed ? ".dead" : ""}`, { r: 5 });
      group.append(dot);
      const lengths = points.map((point, i) => (i ? Math.hypot(point.x - points[i - 1].x, point.y - points[i - 1].y) : 0));
      const total = lengths.reduce((sum, length) => sum + length, 0) || 1;
      let done = 0;
      const keyframes = points.map((point, i) => {
        done += lengths[i];
        return { transform: `translate(${point.x}px, ${point.y}px)`, offset: Math.min(1, done / total), opacity: 1 };
      });
      keyframes[0].opacity = 0;
      const flight = dot.animate(keyframes, { duration: 700 + total * 0.6, delay, easing: "linear", fill: "both" });
      flight.onfinish = () => dot.remove();
    },
    clear: () => group.replaceChildren(),
  };
}
