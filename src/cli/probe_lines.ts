/**
 * How the results of probes look to people: what happened on a line, who it was
 * on another. What programs read is the result's own JSON. All text of peers in
 * a result is escaped already.
 */
import type { PeerMessage } from "../bitcoin/probe_options.ts";
import type { ProbeError, ProbeResult } from "../bitcoin/probe_result.ts";
import type { Palette } from "./terminal.ts";

const MARK_CHARS = 6;
const INDENT = " ".repeat(MARK_CHARS);
/** From here on tenths of milliseconds say nothing. */
const WHOLE_MS = 100;

/**
 * Two lines: the messages in both directions with the milliseconds between them,
 * and what the peer said of itself or what went wrong.
 */
export function resultLines(result: ProbeResult, colors: Palette): string {
  const mark = result.ok
    ? colors.green("ok".padEnd(MARK_CHARS))
    : colors.red("fail".padEnd(MARK_CHARS));
  const lines = [
    `${mark}${colors.bold(result.address)}  ${timeline(result, colors)}`,
  ];
  if (result.protocolVersion !== undefined) lines.push(INDENT + facts(result));
  if (result.error !== undefined) {
    lines.push(INDENT + colors.yellow(result.error.message));
  }
  return lines.join("\n");
}

/** A message of a session that stayed open, or of a responder's connection. */
export function messageLine(
  who: string,
  message: PeerMessage,
  time: Date,
  colors: Palette,
): string {
  const { direction, command, bytes, dropped } = message;
  const arrow = arrowOf(direction, colors);
  const size = bytes === 0 ? "" : colors.dim(`  ${bytes} bytes`);
  const note = dropped === undefined
    ? ""
    : colors.yellow(`  ignored: ${dropped}`);
  return `${clockOf(time, colors)} ${who} ${arrow} ${command}${size}${note}`;
}

/** How a session that stayed open ended. */
export function endedLine(
  who: string,
  error: ProbeError,
  time: Date,
  colors: Palette,
): string {
  return `${clockOf(time, colors)} ${who} ${
    colors.yellow(error.kind)
  }: ${error.message}`;
}

/** Time of day. */
export function clockOf(time: Date, colors: Palette): string {
  return colors.dim(time.toTimeString().slice(0, 8));
}

/** An arrow that points the way a message went. */
export function arrowOf(direction: "in" | "out", colors: Palette): string {
  return direction === "out" ? colors.blue("→") : colors.cyan("←");
}

/** Milliseconds with as many digits as mean something. */
export function milliseconds(value: number): string {
  return value.toFixed(value < WHOLE_MS ? 1 : 0);
}

function timeline(result: ProbeResult, colors: Palette): string {
  const { events, durationMs, error } = result;
  let at = 0;
  let text = "connect";
  for (const { direction, command, atMs } of events) {
    const gap = colors.dim(milliseconds(atMs - at));
    text += ` ${gap} ${arrowOf(direction, colors)} ${command}`;
    at = atMs;
  }
  return error === undefined
    ? `${text}  ${colors.dim(`(${milliseconds(durationMs)} ms)`)}`
    : `${text} ${colors.dim(milliseconds(durationMs - at))} ${
      colors.red(error.kind)
    }`;
}

/** The user agent is last, so that no text of the peer's can pose as ours. */
function facts(result: ProbeResult): string {
  return [
    `protocol ${result.protocolVersion}`,
    `height ${result.startHeight}`,
    `relay ${result.relay ? "yes" : "no"}`,
    `clock ${signed(result.timeOffsetSeconds ?? 0)} s`,
    `services ${list(result.services)}`,
    `features ${list(result.features)}`,
    `agent ${result.userAgent === "" ? "none" : result.userAgent}`,
  ].join("  ");
}

function signed(seconds: number): string {
  return `${seconds < 0 ? "" : "+"}${seconds}`;
}

function list(names: readonly string[] = []): string {
  return names.length === 0 ? "none" : names.join(",");
}
