// @ts-check
// The borders between the panels: dragged, or moved with arrow keys; double click puts them back. Kept in the browser.

import { byId, h, set } from "../core/dom.js";

/**
 * @typedef {{name: string, label: string, upright: boolean, least: number, most: number,
 *   place: (desk: DOMRect, parts: Record<string, DOMRect>) => {x: number, y: number, length: number},
 *   size: (desk: DOMRect, at: {x: number, y: number}) => number}} Border
 */

/** @type {Border[]} */
const BORDERS = [
  { name: "left", label: "Width of the left panel", upright: true, least: 260, most: 620,
    place: (desk, { left }) => ({ x: left.right, y: desk.top, length: left.height }), size: (desk, at) => at.x - desk.left },
  { name: "bottom", label: "Height of terminal and inspector", upright: false, least: 110, most: 620,
    place: (desk, { terminal }) => ({ x: desk.left, y: terminal.top, length: desk.width }), size: (desk, at) => desk.bottom - at.y },
  { name: "inspector", label: "Width of the inspector", upright: true, least: 300, most: 900,
    place: (desk, { inspector }) => ({ x: inspector.left, y: inspector.top, length: inspector.height }), size: (desk, at) => desk.right - at.x },
];

export function wireSplitters() {
  const desk = byId("main");
  const parts = () => Object.fromEntries(["left", "terminal", "inspector"].map((name) => [name, byId(name === "left" ? name : `${name}-panel`).getBoundingClientRect()]));
  const stored = read();

  /** @type {HTMLElement[]} */
  const handles = [];
  for (const border of BORDERS) {
    const handle = h(`div.splitter.${border.upright ? "upright" : "level"}`, { role: "separator", tabindex: "0", "aria-label": border.label, "aria-orientation": border.upright ? "vertical" : "horizontal" });
    desk.append(handle);
    if (stored[border.name]) apply(border, stored[border.name]);
    handle.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      handle.setPointerCapture(event.pointerId);
      handle.classList.add("dragging");
    });
    handle.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      if (handle.classList.contains("dragging")) apply(border, border.size(desk.getBoundingClientRect(), event));
    });
    handle.addEventListener("pointerup", () => { handle.classList.remove("dragging"); save(); });
    handle.addEventListener("dblclick", () => { desk.style.removeProperty(`--${border.name}`); delete stored[border.name]; save(); place(); });
    handle.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      const by = { ArrowLeft: -24, ArrowUp: -24, ArrowRight: 24, ArrowDown: 24 }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      const { x, y } = border.place(desk.getBoundingClientRect(), parts());
      apply(border, border.size(desk.getBoundingClientRect(), { x: x + by, y: y + by }));
      save();
    });
    handles.push(handle);
  }

  /** @param {Border} border @param {number} size */
  function apply(border, size) {
    stored[border.name] = Math.round(Math.max(border.least, Math.min(border.most, size)));
    desk.style.setProperty(`--${border.name}`, `${stored[border.name]}px`);
    place();
  }
  function place() {
    const frame = desk.getBoundingClientRect();
    const now = parts();
    BORDERS.forEach((border, i) => {
      const at = border.place(frame, now);
      const handle = handles[i];
      if (!handle) return;
      set(handle, { "aria-valuenow": stored[border.name] ?? Math.round(border.size(frame, at)) });
      handle.style.left = `${at.x - frame.left - (border.upright ? 5 : 0)}px`;
      handle.style.top = `${at.y - frame.top - (border.upright ? 0 : 5)}px`;
      handle.style[border.upright ? "height" : "width"] = `${at.length}px`;
    });
  }
  function save() {
    try {
      localStorage.setItem("svclab.borders", JSON.stringify(stored));
    } catch { /* a private window keeps them for this page only */ }
  }
  new ResizeObserver(place).observe(desk);
  place();
}

/** @returns {Record<string, number>} */
function read() {
  try {
    return JSON.parse(localStorage.getItem("svclab.borders") ?? "{}");
  } catch {
    return {};
  }
}
