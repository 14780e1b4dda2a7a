// @ts-check
/** A QR code as a picture, from the path that the node made of it. */
import { svg } from "./dom.js";

/** Light modules around it (ISO/IEC 18004: four). */
const QUIET = 4;

/** Moves and lines with whole numbers, no more. */
const PATH = /^[MmHhVvZz0-9 ,-]{1,60000}$/;

/**
 * The picture; `undefined` if the node has made none.
 *
 * @param {unknown} qr
 * @param {string} label For a screen reader.
 */
export function qrPicture(qr, label) {
  if (typeof qr !== "object" || qr === null) return undefined;
  const { size, path } = /** @type {{ size?: unknown, path?: unknown }} */ (qr);
  if (typeof size !== "number" || typeof path !== "string") return undefined;
  if (!(size >= 21 && size <= 177) || !PATH.test(path)) return undefined;
  const whole = size + 2 * QUIET;
  return svg(
    "svg",
    {
      class: "qr",
      viewBox: `${-QUIET} ${-QUIET} ${whole} ${whole}`,
      role: "img",
      "aria-label": label,
      "shape-rendering": "crispEdges",
    },
    svg("rect", {
      x: -QUIET,
      y: -QUIET,
      width: whole,
      height: whole,
      fill: "#fff",
    }),
    svg("path", { d: path, fill: "#000" }),
  );
}
