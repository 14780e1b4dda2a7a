// @ts-check
/** What the tiles of counters show, and the lines in them; nothing of it is drawn here. */
import { bytes, count, milliseconds, rate } from "./format.js";
import { levels, rates } from "./history.js";

/** @import { Figures, Point, Sample } from "./history.js" */

/**
 * @typedef {object} Series
 * @property {string} label
 * @property {keyof Figures} key
 * @property {(history: readonly Sample[], key: keyof Figures) => Point[]} points
 */

/**
 * @typedef {object} Tile
 * @property {string} name
 * @property {string} title
 * @property {string} [unit] After the value.
 * @property {(value: number | undefined) => string} format
 * @property {(value: number | undefined) => string} [total] Of counters.
 * @property {readonly Series[]} series
 */

/** @type {readonly Tile[]} */
export const TILES = [
  {
    name: "peers",
    title: "Peers connected",
    format: count,
    series: [{ label: "", key: "peers", points: levels }],
  },
  {
    name: "rtt",
    title: "Round trip",
    format: milliseconds,
    series: [
      { label: "median", key: "rttMedianMs", points: levels },
      { label: "max", key: "rttMaxMs", points: levels },
    ],
  },
  {
    name: "messages",
    title: "Messages",
    unit: "/s",
    format: rate,
    total: count,
    series: [
      { label: "in", key: "messagesReceived", points: rates },
      { label: "out", key: "messagesSent", points: rates },
    ],
  },
  {
    name: "bytes",
    title: "Bytes",
    unit: "/s",
    format: bytes,
    total: bytes,
    series: [
      { label: "in", key: "bytesReceived", points: rates },
      { label: "out", key: "bytesSent", points: rates },
    ],
  },
  {
    name: "waiting",
    title: "Messages waiting",
    format: count,
    series: [{ label: "", key: "waiting", points: levels }],
  },
];

/** Lengths of time that a tile shows, minutes. */
const WINDOWS = [1, 2, 5, 10];

/**
 * The time that is shown: the shortest of a few that has all samples.
 *
 * @param {readonly Sample[]} history
 * @returns {{ from: number, to: number, minutes: number }}
 */
export function windowOf(history) {
  const to = history.at(-1)?.time ?? 0;
  const age = to - (history[0]?.time ?? to);
  const minutes = WINDOWS.find((it) => age <= it * 60_000) ??
    WINDOWS.at(-1) ?? 1;
  return { from: to - minutes * 60_000, to, minutes };
}

/**
 * The top of the scale: the next 1, 2 or 5 times a power of ten.
 *
 * @param {readonly Point[][]} lines
 */
export function scaleTop(lines) {
  let most = 0;
  for (const { value } of lines.flat()) most = Math.max(most, value ?? 0);
  if (most <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [1, 2, 5, 10].find((it) => it * power >= most) ?? 10;
  return step * power;
}

/**
 * The line as the `d` of a path, in a box of `width` × `height`: broken where a value is
 * unknown; the largest of the points that share a column.
 *
 * @param {readonly Point[]} points
 * @param {{ width: number, height: number, from: number, to: number, top: number }} box
 */
export function linePath(points, { width, height, from, to, top }) {
  let path = "";
  let isOpen = false;
  let column = -1;
  let most = 0;
  const put = () => {
    if (column < 0) return;
    const y = height - Math.min(1, most / top) * height;
    path += `${isOpen ? "L" : "M"}${column} ${y.toFixed(1)}`;
    isOpen = true;
  };
  for (const { time, value } of points) {
    if (time < from) continue;
    if (value === undefined) {
      put();
      column = -1;
      isOpen = false;
      continue;
    }
    const x = Math.round((time - from) / (to - from) * width);
    if (x !== column) {
      put();
      column = x;
      most = value;
    } else {
      most = Math.max(most, value);
    }
  }
  put();
  return path;
}

/**
 * The last known value up to a time.
 *
 * @param {readonly Point[]} points
 * @param {number} time
 */
export function valueAt(points, time) {
  return points.findLast((it) => it.time <= time)?.value;
}
