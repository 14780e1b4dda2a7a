// @ts-check
/// <reference lib="dom" />
/** What happened, newest first. */
import { h } from "./dom.js";

/** @import { Model } from "./model.js" */

/**
 * @param {HTMLElement} element
 * @param {Model} _model
 */
export function mountTimeline(element, _model) {
  element.append(h("h2", null, "Time line"));
}
