// @ts-check
/// <reference lib="dom" />
/** The table of peers. */
import { h } from "./dom.js";

/** @import { Model } from "./model.js" */

/**
 * @param {HTMLElement} element
 * @param {Model} _model
 */
export function mountPeerTable(element, _model) {
  element.append(h("h2", null, "Peers"));
}
