// @ts-check
/// <reference lib="dom" />
/** The mesh as a picture. */
import { h } from "./dom.js";

/** @import { Model } from "./model.js" */

/**
 * @param {HTMLElement} element
 * @param {Model} _model
 */
export function mountMeshPicture(element, _model) {
  element.append(h("h2", null, "Mesh"));
}
