// @ts-check
/// <reference lib="dom" />
/**
 * Builds elements. Text is set as text, attributes as attributes, and what could become markup,
 * script or style is refused, so that a text of the network stays a text wherever it is put.
 */
export { shownText } from "./shown_text.js";

/** @typedef {string | number | Node | null | undefined | false} Child */
/** @typedef {Record<string, unknown> & { on?: Record<string, (event: any) => void> }} Props */

const SVG = "http://www.w3.org/2000/svg";

/** Attributes that are code, style or another document. */
const REFUSED = /^(on|style$|src|.*action$)/i;

/**
 * An HTML element.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Props | null} [props] Attributes; `on` has listeners, `false` leaves one out.
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props, ...children) {
  return build(document.createElement(tag), props, children);
}

/**
 * An SVG element.
 *
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Props | null} [props]
 * @param {...(Child | Child[])} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(tag, props, ...children) {
  const element = /** @type {SVGElementTagNameMap[K]} */ (
    document.createElementNS(SVG, tag)
  );
  return build(element, props, children);
}

/**
 * A button that submits no form.
 *
 * @param {Child | Child[]} label
 * @param {(event: MouseEvent) => void} onClick
 * @param {Props} [props]
 */
export function button(label, onClick, props) {
  const element = h("button", { type: "button", ...props }, label);
  element.addEventListener("click", onClick);
  return element;
}

/** A line to type names and codes into, which are no words of a language. @param {Props} [props] */
export function textInput(props) {
  return h("input", {
    type: "text",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    ...props,
  });
}

/**
 * @template {Element} E
 * @param {E} element
 * @param {Props | null | undefined} props
 * @param {(Child | Child[])[]} children
 * @returns {E}
 */
function build(element, props, children) {
  setProps(element, props ?? {});
  append(element, children);
  return element;
}

/**
 * Sets attributes: `true` is an empty one, `false` and `undefined` remove it.
 *
 * @param {Element | undefined} element
 * @param {Props} props
 */
export function setProps(element, props) {
  if (element === undefined) return;
  for (const [name, value] of Object.entries(props)) {
    if (name === "on") {
      for (const [type, listener] of Object.entries(props.on ?? {})) {
        element.addEventListener(type, listener);
      }
      continue;
    }
    if (REFUSED.test(name)) {
      throw new TypeError(`Cannot set attribute "${name}": it may be code`);
    }
    if (value === false || value === undefined || value === null) {
      element.removeAttribute(name);
      continue;
    }
    const text = value === true ? "" : String(value);
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

/** @param {Node} parent @param {(Child | Child[])[]} children */
export function append(parent, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    parent.appendChild(
      child instanceof Node ? child : document.createTextNode(String(child)),
    );
  }
}

/**
 * Replaces the text of an element, if it is another.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Puts elements into the order of `items`, keeping those that are there: one an item, by its
 * key.
 *
 * @template T
 * @template {Element} E
 * @param {Element} parent
 * @param {Map<string, E>} elements Those that are there, by key; changed with them.
 * @param {Iterable<T>} items
 * @param {{ key: (item: T) => string, make: (item: T) => E, update?: (element: E, item: T) => void }} how
 */
export function updateList(parent, elements, items, { key, make, update }) {
  const named = Array.from(items, (item) => ({ name: key(item), item }));
  const kept = new Set(named.map(({ name }) => name));
  // First, so that the others need not move: one that moves loses the focus.
  for (const [name, element] of elements) {
    if (kept.has(name)) continue;
    element.remove();
    elements.delete(name);
  }
  let next = parent.firstElementChild;
  for (const { name, item } of named) {
    let element = elements.get(name);
    if (element === undefined) {
      element = make(item);
      elements.set(name, element);
    }
    update?.(element, item);
    if (element === next) next = next.nextElementSibling;
    else parent.insertBefore(element, next);
  }
}
