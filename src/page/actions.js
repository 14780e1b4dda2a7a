// @ts-check
/// <reference lib="dom" />
/** What a signed-in user can have the node do. */
import { h } from "./dom.js";

/** @import { Model } from "./model.js" */

/**
 * @param {HTMLElement} element
 * @param {Model} _model
 */
export function mountActions(element, _model) {
  element.append(h("h2", null, "Actions"));
}
