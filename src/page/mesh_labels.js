// @ts-check
/// <reference lib="dom" />
/** The names beside the nodes of the picture of the mesh: as many as have room. */
import { setProps, svg, updateList } from "./dom.js";
import { MAX_NAMED, MAX_TWO_LINES, ownRadius, placeLabels } from "./layout.js";
import { labelOf } from "./mesh_view.js";
import { shortId } from "./shown_text.js";

/** @import { LabelPlace, Layout, Size } from "./layout.js" */
/** @import { MeshView } from "./mesh_view.js" */

const CHAR_WIDTH = 6.7;
const LINE_HEIGHT = 14;

/** The key of this node's own label. */
const OWN = "own";

export class MeshLabels {
  element = svg("g", { class: "labels", "aria-hidden": "true" });
  /** @type {Map<string, SVGTextElement>} */
  #texts = new Map();

  /**
   * @param {MeshView} view
   * @param {Layout} layout
   * @param {object} more
   * @param {{ id: string, name?: string }} more.own
   * @param {ReadonlySet<string | undefined>} more.emphasised Peers that must have theirs.
   * @param {Size} more.size
   */
  draw({ peers }, { places, radius, centre }, { own, emphasised, size }) {
    const isSmall = peers.length <= MAX_TWO_LINES;
    /** @param {{ id: string, label: string }} peer */
    const linesOf = ({ id, label }) =>
      label === ""
        ? [shortId(id)]
        : isSmall
        ? [label, shortId(id)]
        : [`${label} ${shortId(id)}`];
    const ownLabel = {
      id: OWN,
      lines: [labelOf(own) || shortId(own.id), "this node"],
      ...centre,
      angle: Math.PI / 2,
      must: true,
      outwards: false,
      radius: ownRadius(radius) + 4,
    };
    const wished = peers.flatMap(({ id, label, change }) => {
      const place = places.get(id);
      const must = emphasised.has(id);
      const isWished = must || peers.length <= MAX_NAMED ||
        change !== undefined;
      if (place === undefined || !isWished) return [];
      const lines = linesOf({ id, label });
      return [{ id, lines, ...place, must, outwards: !isSmall, radius }];
    });
    const wishes = [ownLabel, ...wished].map((it) => ({
      ...it,
      width: Math.max(...it.lines.map(widthOf)),
      height: it.lines.length * LINE_HEIGHT,
    }));
    const nodes = [...places.values(), centre];
    const found = placeLabels(wishes, nodes, radius, size);
    const states = new Map(peers.map(({ id, state }) => [id, state]));
    updateList(
      this.element,
      this.#texts,
      wishes.filter(({ id }) => found.has(id)),
      {
        key: ({ id, lines }) => `${id} ${lines.join(" ")}`,
        make: ({ lines }) =>
          svg(
            "text",
            null,
            lines.map((line, index) =>
              svg("tspan", { class: index > 0 && "second" }, line)
            ),
          ),
        update: (text, { id, lines, must }) => {
          const place = /** @type {LabelPlace} */ (found.get(id));
          setProps(text, {
            "text-anchor": place.anchor,
            "data-state": states.get(id),
            "data-must": must && id !== OWN,
          });
          lines.forEach((_, index) => {
            const up = (lines.length - 1) / 2 - index;
            setProps(text.children[index], {
              x: place.x.toFixed(1),
              y: (place.y - up * LINE_HEIGHT + 4).toFixed(1),
            });
          });
        },
      },
    );
  }
}

/** About the width of a text; wide characters count twice. @param {string} text */
function widthOf(text) {
  const wide = [...text].filter((it) => it > "\u02ff").length;
  return (text.length + wide) * CHAR_WIDTH;
}
