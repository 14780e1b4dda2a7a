// @ts-check
/// <reference lib="dom" />
/** Figures over time. */
import { h } from "./dom.js";

/** @import { Model } from "./model.js" */

/**
 * @param {HTMLElement} element
 * @param {Model} _model
 */
export function mountCounters(element, _model) {
  element.append(h("h2", null, "Counters"));
}
