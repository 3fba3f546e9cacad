// @ts-check
// Making elements without ever parsing text as HTML, and updating lists of them by key.

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Record<string, any>} Attributes */

/**
 * @param {Element} element
 * @param {Attributes} attributes `on…` adds a listener; `null`, `undefined` and `false` remove
 */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on") && typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (name === "text") setText(element, value);
    else if (name === "dataset") Object.assign(/** @type {HTMLElement} */ (element).dataset, value);
    else if (value === null || value === undefined || value === false) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value === true ? "" : value)) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  return element;
}

/** @param {Element} element @param {any} value */
export function setText(element, value) {
  const text = String(value ?? "");
  if (element.textContent !== text) element.textContent = text;
}

/**
 * An HTML element.
 * @param {string} tag  "div.class.other"
 * @param {Attributes} [attributes]
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {any}
 */
export function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  set(element, attributes);
  for (const child of children) if (child !== null && child !== undefined && child !== false) element.append(child);
  return element;
}

/**
 * An SVG element.
 * @param {string} tag
 * @param {Attributes} [attributes]
 * @param {...(Node | null | undefined | false)} children
 * @returns {any}
 */
export function svg(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElementNS(SVG, name);
  if (classes.length) element.setAttribute("class", classes.join(" "));
  set(element, attributes);
  for (const child of children) if (child) element.append(child);
  return element;
}

/**
 * An icon out of the vendored sprite, whose address the page states in <html data-icons>.
 * @param {string} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const use = svg("use", { href: `${document.documentElement.dataset.icons ?? ""}#${name}` });
  return svg("svg.icon", { "aria-hidden": "true", focusable: "false" }, use);
}

/**
 * Makes the children of `parent` mirror `items`: same order, same element for the same key.
 * @template T
 * @param {Element} parent
 * @param {T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => Element} create
 * @param {(element: any, item: T) => void} update
 * @param {(element: Element) => void} [leave] told to take the element away itself (after an animation)
 */
export function keyed(parent, items, keyOf, create, update, leave = (element) => element.remove()) {
  /** @type {Map<string, Element>} */
  const old = new Map();
  for (const child of parent.children) {
    const key = /** @type {any} */ (child).svclabKey;
    if (key !== undefined && !child.hasAttribute("data-leaving")) old.set(key, child);
  }
  /** @type {Element | null} */
  let previous = null;
  for (const item of items) {
    const key = keyOf(item);
    let element = old.get(key);
    if (element) old.delete(key);
    else {
      element = create(item);
      /** @type {any} */ (element).svclabKey = key;
    }
    update(element, item);
    const wanted = previous ? previous.nextElementSibling : parent.firstElementChild;
    if (element.parentElement !== parent) parent.insertBefore(element, wanted);
    else if (element !== wanted && !isBefore(element, wanted)) parent.insertBefore(element, wanted);
    previous = element;
  }
  for (const element of old.values()) {
    element.setAttribute("data-leaving", "");
    leave(element);
  }
}

/** Whether only leaving elements stand between `wanted` and `element`. */
function isBefore(/** @type {Element} */ element, /** @type {Element | null} */ wanted) {
  let at = wanted;
  while (at && at !== element && at.hasAttribute("data-leaving")) at = at.nextElementSibling;
  return at === element;
}

/** @param {string} id @returns {any} */
export const byId = (id) => document.getElementById(id);
