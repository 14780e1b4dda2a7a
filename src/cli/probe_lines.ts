/**
 * The results of probes as text: the messages on one line, the peer's own data on another, and
 * a summary of all. Text of peers is escaped already when it gets here.
 */
import type { PeerMessage } from "../bitcoin/probe_options.ts";
import type { ProbeError, ProbeResult } from "../bitcoin/probe_result.ts";
import type { Palette } from "./terminal.ts";

const MARK_CHARS = 6;
const INDENT = " ".repeat(MARK_CHARS);
/** From here on tenths of milliseconds mean nothing. */
const WHOLE_MS = 100;
/** Different user agents that are counted one by one; peers can make up any number. */
const MAX_AGENTS = 1_000;
/** User agents that are shown. */
const SHOWN_AGENTS = 5;

/**
 * Two lines: the messages in both directions with the milliseconds between them, and the
 * peer's `version` or the error.
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
  peer: string,
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
  return `${clockOf(time, colors)} ${peer} ${arrow} ${command}${size}${note}`;
}

/** How a session that stayed open ended. */
export function endedLine(
  peer: string,
  error: ProbeError,
  time: Date,
  colors: Palette,
): string {
  return `${clockOf(time, colors)} ${peer} ${
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

/** The user agent comes last, so that its text cannot imitate the other facts. */
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

/** Counts results, in constant memory. */
export class ProbeTally {
  readonly #failures = new Map<string, number>();
  readonly #agents = new Map<string, number>();
  #done = 0;
  #ok = 0;
  #fastestMs = Infinity;
  #slowestMs = 0;
  #sumMs = 0;

  /** Results so far. */
  get done(): number {
    return this.#done;
  }

  /** Complete handshakes so far. */
  get ok(): number {
    return this.#ok;
  }

  add(result: ProbeResult): void {
    const { ok, error, durationMs, userAgent } = result;
    this.#done++;
    if (!ok) return count(this.#failures, error?.kind ?? "failed");
    this.#ok++;
    this.#sumMs += durationMs;
    this.#fastestMs = Math.min(this.#fastestMs, durationMs);
    this.#slowestMs = Math.max(this.#slowestMs, durationMs);
    const agent = userAgent === undefined || userAgent === ""
      ? "no user agent"
      : userAgent;
    if (this.#agents.has(agent) || this.#agents.size < MAX_AGENTS) {
      count(this.#agents, agent);
    }
  }

  /** The summary: a line of counts, one of times, and the commonest user agents. */
  lines(elapsedMs: number, colors: Palette): string[] {
    const failed = this.#done - this.#ok;
    const kinds = ranked(this.#failures).map(([kind, n]) => `${n} ${kind}`);
    const lines = [
      [
        colors.bold(`${this.#done} ${this.#done === 1 ? "node" : "nodes"}:`),
        `${this.#ok} ok${failed === 0 ? "" : ","}`,
        ...(failed === 0 ? [] : [`${failed} failed (${kinds.join(", ")})`]),
        colors.dim(`in ${(elapsedMs / 1_000).toFixed(1)} s`),
      ].join(" "),
    ];
    if (this.#ok > 1) {
      lines.push(
        `handshakes: fastest ${milliseconds(this.#fastestMs)}, mean ${
          milliseconds(this.#sumMs / this.#ok)
        }, slowest ${milliseconds(this.#slowestMs)} ms`,
      );
      lines.push(...this.#agentLines());
    }
    return lines;
  }

  #agentLines(): string[] {
    const all = ranked(this.#agents);
    const shown = all.slice(0, SHOWN_AGENTS);
    const rest = this.#ok - shown.reduce((sum, [, n]) => sum + n, 0);
    const width = `${this.#ok}`.length;
    return [
      ...shown.map(([agent, n]) => `${`${n}`.padStart(width)} × ${agent}`),
      ...(rest === 0 ? [] : [`${`${rest}`.padStart(width)} × other`]),
    ];
  }
}

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}

function ranked(map: ReadonlyMap<string, number>): [string, number][] {
  return [...map].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}
