// @ts-check
/** The figures of the node over the last ten minutes, as small multiples. */
import { h, setProps, setText, svg } from "./dom.js";
import {
  linePath,
  scaleTop,
  TILES,
  valueAt,
  windowOf,
} from "./counter_tiles.js";
import { clock } from "./format.js";

/** @import { Model } from "./model.js" */
/** @import { Tile } from "./counter_tiles.js" */

const HEIGHT = 44;

/** @param {HTMLElement} element @param {Model} model */
export function mountCounters(element, model) {
  /** A time that is pointed at, as a part of the window; all tiles show it. @type {number | undefined} */
  let pointed;
  const tiles = TILES.map((tile) => new CounterTile(tile));
  const list = h("div", { class: "tiles" }, tiles.map((it) => it.element));
  element.append(h("h2", { class: "visually-hidden" }, "Counters"), list);
  const update = () => {
    if (model.status === undefined) return;
    for (const tile of tiles) tile.update(model, pointed);
  };
  list.addEventListener("pointermove", ({ target, clientX, pointerType }) => {
    const plot = target instanceof Element ? target.closest(".plot") : null;
    if (plot === null || pointerType !== "mouse") {
      pointed = undefined;
    } else {
      const { left, width } = plot.getBoundingClientRect();
      pointed = Math.max(0, Math.min(1, (clientX - left) / width));
    }
    update();
  });
  list.addEventListener("pointerleave", () => {
    pointed = undefined;
    update();
  });
  model.addEventListener("change", update);
}

class CounterTile {
  #tile;
  #when = h("span", { class: "muted figure" });
  #top = h("span", { class: "scale figure", "aria-hidden": "true" });
  #cursor = svg("line", { class: "cursor", y1: 0, y2: HEIGHT });
  #svg = svg("svg", {
    class: "plot",
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  });
  #series;
  /** Of the plot; measured when it changes, as to ask for it costs a layout. */
  #width = 200;

  /** @param {Tile} tile */
  constructor(tile) {
    this.#tile = tile;
    this.#series = tile.series.map((series, index) => ({
      ...series,
      value: h("span", { class: "value figure" }),
      total: h("span", { class: "total figure" }),
      path: svg("path", { class: `line line-${index}` }),
    }));
    this.#svg.append(
      this.#cursor,
      ...this.#series.map(({ path }) => path).reverse(),
    );
    const plot = h("div", { class: "plot-frame" }, this.#svg, this.#top);
    new ResizeObserver(([entry]) => {
      const width = entry?.contentRect.width ?? 0;
      if (width > 0) this.#width = Math.round(width);
    }).observe(plot);
    this.element = h(
      "figure",
      { class: "tile", "data-tile": tile.name },
      h("figcaption", null, h("h3", null, tile.title), this.#when),
      h(
        "div",
        { class: "values" },
        this.#series.map(({ label, value, total }, index) =>
          h(
            "p",
            null,
            value,
            label !== "" && h("span", { class: `key key-${index}` }, label),
            " ",
            tile.total !== undefined && total,
          )
        ),
      ),
      plot,
    );
  }

  /** @param {Model} model @param {number | undefined} pointed */
  update({ history }, pointed) {
    const { format, unit = "", total } = this.#tile;
    const width = this.#width;
    const { from, to, minutes } = windowOf(history);
    const lines = this.#series.map(({ points, key }) => points(history, key));
    const top = scaleTop(lines);
    const time = pointed === undefined ? to : from + pointed * (to - from);
    const box = { width, height: HEIGHT - 2, from, to, top };
    setProps(this.#svg, { viewBox: `0 -1 ${width} ${HEIGHT}` });
    setText(this.#top, format(top) + unit);
    setText(this.#when, pointed === undefined ? `${minutes} min` : clock(time));
    setProps(this.#cursor, {
      x1: (pointed ?? -1) * width,
      x2: (pointed ?? -1) * width,
    });
    this.#series.forEach(({ key, value, total: sum, path }, index) => {
      const points = lines[index] ?? [];
      setText(value, format(valueAt(points, time)) + unit);
      setProps(path, { d: linePath(points, box) });
      const exact = history.at(-1)?.figures[key];
      setProps(value, { "data-figure": key, "data-value": exact });
      if (total !== undefined) {
        setText(sum, total(exact));
        setProps(sum, { title: `${exact} since the node started` });
      }
    });
  }
}
