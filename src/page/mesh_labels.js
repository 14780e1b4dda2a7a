// @ts-check
/** Words of the picture of the mesh: the names beside its nodes, as many as have room, and its legend. */
import { h, setProps, svg, updateList } from "./dom.js";
import { MAX_NAMED, MAX_TWO_LINES, ownRadius, placeLabels } from "./layout.js";
import { labelOf, RTT_BANDS } from "./mesh_view.js";
import { shortId } from "./shown_text.js";

/** @import { LabelPlace, Layout, Size } from "./layout.js" */
/** @import { MeshView } from "./mesh_view.js" */

/** Where nothing can be measured. */
const CHAR_WIDTH = 7.5;
const MONO_FONT =
  '11px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace';
const LINE_HEIGHT = 14;

/** The key of this node's own label. */
const OWN = "own";

export class MeshLabels {
  element = svg("g", { class: "labels", "aria-hidden": "true" });
  /** @type {Map<string, SVGTextElement>} */
  #texts = new Map();

  clear() {
    this.element.replaceChildren();
    this.#texts.clear();
  }

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
      // It makes room for that of a peer that is pointed at.
      must: [...emphasised].every((id) => id === undefined),
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
      width: Math.max(
        ...it.lines.map((line, index) =>
          widthOf(line, { bold: it.must && it.id !== OWN, mono: index > 0 })
        ),
      ),
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

/** Widths of lines, by font and text; emptied when it is full. @type {Map<string, number>} */
const widths = new Map();
const MAX_WIDTHS = 2_000;

/** @type {CanvasRenderingContext2D | null | undefined} */
let canvas;

/**
 * The width of a line in the fonts of `mesh.css`, in pixels.
 *
 * @param {string} text
 * @param {{ bold: boolean, mono: boolean }} look
 */
function widthOf(text, { bold, mono }) {
  const { fontFamily } = getComputedStyle(document.body);
  const font = mono ? MONO_FONT : `${bold ? 600 : 400} 12px ${fontFamily}`;
  const key = `${font} ${text}`;
  const known = widths.get(key);
  if (known !== undefined) return known;
  canvas ??= document.createElement("canvas").getContext("2d");
  if (canvas === null) return text.length * CHAR_WIDTH;
  canvas.font = font;
  // And the outline that keeps the lines of the picture off it.
  const width = canvas.measureText(text).width + 2;
  if (widths.size >= MAX_WIDTHS) widths.clear();
  widths.set(key, width);
  return width;
}

/** The legend: open where there is room. */
export function meshLegend() {
  const [fast, middle, slow] = RTT_BANDS;
  return h(
    "ul",
    { class: "legend", "aria-label": "Legend" },
    line({ "data-band": 0 }, `< ${fast} ms`),
    line({ "data-band": 1 }, `< ${middle}`),
    line({ "data-band": 2 }, `< ${slow}`),
    line({ "data-band": 3 }, `≥ ${slow}`),
    line({ class: "links-missing" }, "missing"),
    line({ "data-band": 0, "data-relayed": true }, "relayed"),
    h(
      "li",
      null,
      svg(
        "svg",
        { viewBox: "0 0 12 12", class: "key-dot", "aria-hidden": "true" },
        svg(
          "g",
          { class: "node", "data-state": "away" },
          svg("circle", { class: "dot", cx: 6, cy: 6, r: 4.5 }),
        ),
      ),
      "away",
    ),
  );
}

/** @param {import("./dom.js").Props} props @param {string} text */
function line(props, text) {
  return h(
    "li",
    null,
    svg(
      "svg",
      { viewBox: "0 0 22 8", class: "key-line", "aria-hidden": "true" },
      svg("line", {
        class: "link",
        "stroke-width": 2.5,
        x1: 0,
        y1: 4,
        x2: 22,
        y2: 4,
        ...props,
      }),
    ),
    text,
  );
}
