// @ts-check
/** What the lines and dots of the picture of the mesh mean. */
import { h, svg } from "./dom.js";
import { RTT_BANDS } from "./mesh_view.js";

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

/**
 * @param {import("./dom.js").Props} props
 * @param {string} text
 */
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
