// @ts-check
/** Figures as text: short, with a unit, and of a width that does not jump. */

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** As the command line has it: `512 B`, `2.1 MB`, `38 GB`. @param {number | undefined} value */
export function bytes(value) {
  if (value === undefined) return "–";
  let unit = 0;
  let shown = value;
  while (
    shown >= (unit === 0 ? 1_000 : 999.5) && unit < BYTE_UNITS.length - 1
  ) {
    shown /= 1_000;
    unit++;
  }
  const digits = unit > 0 && shown < 9.95 ? 1 : 0;
  return `${shown.toFixed(digits)} ${BYTE_UNITS[unit]}`;
}

/** A count with thousands apart. @param {number | undefined} value */
export function count(value) {
  return value === undefined ? "–" : Math.round(value).toLocaleString("en-US");
}

/** A rate a second, without a unit. @param {number | undefined} value */
export function rate(value) {
  if (value === undefined) return "–";
  if (value === 0) return "0";
  if (value < 0.095) return "< 0.1";
  if (value < 9.95) return value.toFixed(1);
  return count(value);
}

/** @param {number | undefined} ms */
export function milliseconds(ms) {
  if (ms === undefined) return "–";
  if (ms < 0.995) return `${ms.toFixed(2)} ms`;
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  return ms < 9_999.5 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1_000)} s`;
}

/** A length of time in its two largest units. @param {number | undefined} ms */
export function duration(ms) {
  if (ms === undefined || !Number.isFinite(ms)) return "–";
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const parts = /** @type {const} */ ([
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ]);
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return "0 s";
  return parts.slice(first, first + 2)
    .filter(([value], index) => index === 0 || value > 0)
    .map(([value, unit]) => `${value} ${unit}`).join(" ");
}

/** The local time of day. @param {Date | number | string} time */
export function clock(time) {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? "–" : date.toTimeString().slice(0, 8);
}

/** The local day, as `2026-11-30`. @param {Date | number | string} time */
export function day(time) {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "–";
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${
    two(date.getDate())
  }`;
}

/**
 * A time of day, with the day if that is another; empty without a time.
 *
 * @param {Date | number | string | undefined} time
 * @param {number} [now]
 */
export function moment(time, now = Date.now()) {
  if (time === undefined) return "";
  return day(time) === day(now) ? clock(time) : `${day(time)} ${clock(time)}`;
}

/**
 * A number of things.
 *
 * @param {number} number
 * @param {string} noun
 */
export function things(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}
