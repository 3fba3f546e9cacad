// @ts-check
// The stage as one thing: objects in, picture on top. Wires topology/ and trace/ together.

import { byId, set, setText, svg } from "./core/dom.js";
import { clusterModel } from "./topology/model.js";
import { layout } from "./topology/layout.js";
import { along, plateOf, pointOf, way } from "./topology/roads.js";
import { createScene } from "./topology/scene.js";
import { createPacketView } from "./trace/packet.js";
import { createFlights } from "./trace/flights.js";
import { createSubway, drawBands } from "./trace/subway.js";
import { still } from "./a11y/motion.js";

const SMALLEST = 0.86; // the stage shrinks so far to fit; beyond, it scrolls

const NARROW = matchMedia("(max-width: 700px)");

/** Whether a trail's number at this place would be under a box. @param {{x: number, y: number}} place @param {{x: number, y: number, w: number, h: number}} box */
const inside = (place, box) => place.x > box.x - 9 && place.x < box.x + box.w + 9 && place.y > box.y - 9 && place.y < box.y + box.h + 9;

/**
 * @param {{onPick: (host: string, element: Element | null) => void, onFrame: (index: number) => void}} options
 */
export function createStage({ onPick, onFrame }) {
  const root = byId("stage");
  const frame = byId("stage-frame");
  const scene = createScene(root, { onPick, onHover: hover, still });
  const wish = svg("path.wish");
  scene.overlay.append(wish);
  const packets = createPacketView(scene.overlay, scene.layers.trails);
  const flights = createFlights(scene.overlay);
  const subway = createSubway(byId("subway"), { onPick: onFrame });
  let model = clusterModel([]);
  let at = layout(model, { width: 900, height: 420 });
  /** @type {{picture: import("./trace/player.js").Picture, frames: any[]} | null} */
  let shown = null;
  /** @type {Set<string>} */
  let wanted = new Set(); // what the trace on the stage has to do with
  let wantsJourney = true; // of a narrow page
  let marks = { chosen: "", guessed: "", answered: "" };

  const geometry = {
    way: (/** @type {string} */ from, /** @type {string} */ to, /** @type {any} */ packet) => way(at, from, to, packet),
    along, hidden: (/** @type {{x: number, y: number}} */ place) => at.services.some((box) => inside(place, box)), point: (/** @type {string} */ anchor) => pointOf(at, anchor), bounds: () => ({ width: at.width, height: at.height }),
  };

  function redraw() {
    if (!NARROW.matches) {
      at = layout(model, { width: frame.clientWidth || 900, height: frame.clientHeight || 420 }, wanted);
      root.style.minWidth = `${Math.floor(Math.min(at.width, 760) * SMALLEST)}px`;
      root.style.minHeight = `${Math.floor(at.height * SMALLEST)}px`;
      scene.render(at);
      markMore();
    }
    drawNarrow();
    drawMarks();
    if (shown) drawPicture();
    else {
      packets.clear();
      wish.setAttribute("d", "");
      root.classList.remove("dimmed");
    }
    if (NARROW.matches) subway.keepInSight();
  }
  new ResizeObserver(redraw).observe(frame);
  frame.addEventListener("scroll", markMore);

  /** Whether the stage goes on below what is seen. */
  function markMore() {
    frame.classList.toggle("more-below", frame.scrollHeight - frame.clientHeight - frame.scrollTop > 6);
  }

  /** A stage that is larger than its frame follows the packet. @param {import("./trace/player.js").Picture} picture */
  function keepInSight(picture) {
    const place = (picture.envelope ?? picture.death) && root.querySelector(picture.death ? ".grave" : ".envelope .shape");
    if (!place || (frame.scrollHeight <= frame.clientHeight && frame.scrollWidth <= frame.clientWidth)) return;
    const box = place.getBoundingClientRect();
    const seen = frame.getBoundingClientRect();
    const beyond = (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ low, /** @type {number} */ high) => Math.min(0, from - 40 - low) + Math.max(0, to + 40 - high);
    frame.scrollBy(beyond(box.left, box.right, seen.left, seen.right), beyond(box.top, box.bottom, seen.top, seen.bottom));
  }
  NARROW.addEventListener("change", redraw);

  byId("narrow-view").addEventListener("click", (/** @type {any} */ event) => {
    if (!event.target.value) return;
    wantsJourney = event.target.value === "journey";
    redraw();
  });

  function drawNarrow() {
    const bands = byId("pods-narrow");
    const journey = Boolean(shown) && wantsJourney;
    bands.hidden = !NARROW.matches || journey;
    byId("subway").hidden = !NARROW.matches || !journey;
    byId("narrow-view").hidden = !NARROW.matches || !shown;
    for (const button of byId("narrow-view").children) set(button, { "aria-pressed": String((button.value === "journey") === wantsJourney) });
    if (!bands.hidden) drawBands(bands, model, (key) => onPick(key, null), marks.chosen);
  }

  function drawPicture() {
    if (!shown) return;
    const { picture, frames } = shown;
    if (NARROW.matches) return subway.render(frames, picture.index);
    packets.render(picture, geometry, still());
    keepInSight(picture);
    drawActive(picture);
    return drawWish(frames, picture);
  }

  /** The plate that works, the path that is lit, the rest dimmed after a death. @param {import("./trace/player.js").Picture} picture */
  function drawActive(picture) {
    const dns = picture.frame.purpose === "dns";
    const inGate = picture.activeHost.startsWith("node/") && !["hop", "tunnel", "end"].includes(picture.frame.kind);
    const [deathHost, deathHook] = (picture.death?.host ?? "#").split("#");
    for (const node of root.querySelectorAll(".node")) {
      const host = node.getAttribute("data-node");
      for (const plate of node.querySelectorAll(".plate")) {
        const own = plate.getAttribute("data-hook") ?? "";
        const active = inGate && host === picture.activeHost && plateOf(picture.activeHook) === own;
        const dead = host === deathHost && plateOf(deathHook) === own;
        plate.classList.toggle("active", active);
        plate.classList.toggle("dns", active && dns);
        plate.classList.toggle("reply", active && picture.frame.reply);
        plate.classList.toggle("verdict-dead", dead);
        setText(/** @type {Element} */ (plate.querySelector("text")), dead ? deathHook : active ? picture.activeHook : own);
      }
      node.classList.toggle("on-path", picture.path.includes(node.getAttribute("data-node") ?? ""));
    }
    for (const element of root.querySelectorAll(".pod, .client")) element.classList.toggle("on-path", picture.path.includes(element.getAttribute("data-host") ?? ""));
    root.classList.toggle("dimmed", Boolean(picture.death));
  }

  /** The Service whose address, or whose port on a node, a packet bears. @param {any} packet */
  const requestedBox = (packet) => at.services.find(({ service }) => service.clusterIP === packet.dst || service.ingress.includes(packet.dst)
    || (service.ports.some((port) => port.nodePort && port.nodePort === packet.dport) && model.nodes.some((node) => node.ip === packet.dst)));

  /** The Services whose address a sent packet bears. @param {any} sent */
  const servicesOf = (sent) => (sent.kind === "emit" ? model.services.filter((service) => service.clusterIP === sent.packet.dst || service.ingress.includes(sent.packet.dst)).map((service) => service.key) : []);

  /**
   * The requested thing: a dashed line from the sender to its Service, which at the end of a failed request stays lit.
   * @param {any[]} frames @param {import("./trace/player.js").Picture} picture
   */
  function drawWish(frames, picture) {
    const ended = picture.frame.kind === "end";
    const sent = frames.filter((candidate) => candidate.kind === "emit" && !candidate.reply && (ended || candidate.flow === picture.frame.flow));
    const first = ended ? sent.findLast((candidate) => candidate.packetInFlow === 1) : sent[0];
    const box = first && picture.index >= first.index && (!ended || picture.death) ? requestedBox(first.packet) : undefined;
    const start = box && !ended && pointOf(at, first.host);
    wish.setAttribute("d", box && start ? `M${start.x} ${start.y}Q${start.x} ${box.y + box.h + 26} ${box.x + box.w / 2} ${box.y + box.h}` : "");
    for (const element of scene.layers.services.children) element.classList.toggle("lit", Boolean(box) && element.getAttribute("data-host") === box?.service.key);
    for (const element of scene.layers.threads.children) element.classList.toggle("asked", Boolean(box) && element.getAttribute("data-service") === box?.service.key);
  }

  /** @param {string | null} key */
  function hover(key) {
    const threads = scene.layers.threads;
    const lit = key ? threads.querySelectorAll(`[data-service="${CSS.escape(key)}"], [data-pod="${CSS.escape(key)}"]`) : [];
    for (const element of threads.querySelectorAll(".lit")) element.classList.remove("lit");
    for (const element of lit) element.classList.add("lit");
    threads.classList.toggle("focusing", lit.length > 0);
  }

  function drawMarks() {
    for (const name of /** @type {("chosen" | "guessed" | "answered")[]} */ (["chosen", "guessed", "answered"])) {
      for (const element of root.querySelectorAll(`.${name}`)) if (element.getAttribute("data-host") !== marks[name]) element.classList.remove(name);
      if (marks[name]) root.querySelector(`[data-host="${CSS.escape(marks[name])}"]`)?.classList.add(name);
    }
    if (NARROW.matches) drawNarrow();
  }

  return {
    get model() { return model; },
    get layout() { return at; },
    /** @param {Iterable<any>} objects */
    setObjects(objects) {
      model = clusterModel(objects);
      redraw();
    },
    /** @param {import("./trace/player.js").Picture | null} picture @param {any[]} frames */
    show(picture, frames) {
      const was = shown?.frames;
      shown = picture ? { picture, frames } : null;
      if (was !== shown?.frames) {
        wantsJourney = true;
        wanted = new Set(frames.flatMap((each) => [each.host, ...servicesOf(each)]));
        return redraw();
      }
      return drawPicture();
    },
    /** @param {Partial<typeof marks>} next */
    mark(next) {
      marks = { ...marks, ...next };
      drawMarks();
    },
    /** @param {any[]} frames @param {boolean} failed @param {number} [delay] */
    fly(frames, failed, delay) {
      if (!still() && !NARROW.matches) flights.launch(frames, failed, geometry, delay);
    },
    root,
  };
}
