/**
 * The lines of the Bitcoin commands: results of probes (`handshake`), events of a responder
 * (`respond`) and of a crawl (`crawl`), and their summaries. Text of peers is escaped already,
 * but for events of a responder.
 */
import type {
  CrawlEvent,
  CrawlNode,
  CrawlSummary,
} from "../bitcoin/crawl_events.ts";
import type { PeerMessage } from "../bitcoin/probe_options.ts";
import type { ProbeError, ProbeResult } from "../bitcoin/probe_result.ts";
import type { ResponderEvent } from "../bitcoin/respond.ts";
import { serviceNames, servicesHex } from "../bitcoin/service_flags.ts";
import { escapeText, jsonLine } from "../core/escape.ts";
import { formatAddress } from "../transport/address.ts";
import type { VersionMessage } from "../wire/messages/version.ts";
import type { Palette } from "./terminal.ts";

const MARK_CHARS = 6;
const INDENT = " ".repeat(MARK_CHARS);
/** From here on no tenths of milliseconds are shown. */
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
  const lines = [`${marked(result, colors)}  ${timeline(result, colors)}`];
  if (result.protocolVersion !== undefined) {
    lines.push(INDENT + factsLine(result));
  }
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

/** Whether a probe succeeded, and of which node. */
function marked(
  { ok, address }: Pick<ProbeResult, "ok" | "address">,
  colors: Palette,
): string {
  const mark = (ok ? "ok" : "fail").padEnd(MARK_CHARS);
  return (ok ? colors.green(mark) : colors.red(mark)) + colors.bold(address);
}

/** Time of day. */
function clockOf(time: Date, colors: Palette): string {
  return colors.dim(time.toTimeString().slice(0, 8));
}

/** An arrow that points the way a message went. */
function arrowOf(direction: "in" | "out", colors: Palette): string {
  return direction === "out" ? colors.blue("→") : colors.cyan("←");
}

/** Milliseconds with as many digits as are significant. */
function milliseconds(value: number): string {
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
function factsLine(
  facts: Partial<
    Pick<
      ProbeResult,
      | "protocolVersion"
      | "startHeight"
      | "relay"
      | "timeOffsetSeconds"
      | "services"
      | "features"
      | "userAgent"
    >
  >,
): string {
  const { timeOffsetSeconds: clock, services = [], features = [] } = facts;
  return [
    `protocol ${facts.protocolVersion}`,
    `height ${facts.startHeight}`,
    `relay ${facts.relay ? "yes" : "no"}`,
    ...(clock === undefined ? [] : [`clock ${clock < 0 ? "" : "+"}${clock} s`]),
    `services ${services.join(",") || "none"}`,
    `features ${features.join(",") || "none"}`,
    `agent ${facts.userAgent || "none"}`,
  ].join("  ");
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

/** The line that `respond` prints. */
export function responderLine(
  event: ResponderEvent,
  time: Date,
  colors: Palette,
): string {
  const clock = clockOf(time, colors);
  if (event.type === "full") {
    const from = formatAddress(event.remote);
    return `${clock} ${colors.yellow("full")}, closed ${from}`;
  }
  const start = `${clock} #${event.id}`;
  switch (event.type) {
    case "connect": {
      const from = formatAddress(event.remote);
      return `${start} ${colors.bold("connect")} from ${from}`;
    }
    case "message":
      return messageLine(`#${event.id}`, event, time, colors);
    case "open": {
      const facts = factsLine({
        ...factsOf(event.version),
        features: event.features,
      });
      const after = `after ${milliseconds(event.atMs)} ms`;
      return `${start} ${colors.green("open")} ${after}: ${facts}`;
    }
    case "close": {
      const { error } = event;
      const why = error === undefined
        ? ""
        : `, ${error.kind}: ${error.message}`;
      const after = `after ${milliseconds(event.atMs)} ms`;
      return `${start} ${colors.red("close")} ${after}${why}`;
    }
    default:
      return event satisfies never;
  }
}

/** The object that `respond --json` prints: the event, and the time as ISO 8601. */
export function responderJson(event: ResponderEvent, time: Date): string {
  return jsonLine({
    time: time.toISOString(),
    ...event,
    ...("remote" in event && { remote: formatAddress(event.remote) }),
    ...("payload" in event && { payload: undefined }),
    ...("version" in event && {
      ...factsOf(event.version),
      version: undefined,
    }),
  });
}

/** A version as JSON can hold it, under the names that results of probes use. */
function factsOf(version: VersionMessage) {
  return {
    protocolVersion: version.version,
    services: serviceNames(version.services),
    servicesHex: servicesHex(version.services),
    userAgent: escapeText(version.userAgent),
    startHeight: version.startHeight,
    relay: version.relay,
  };
}

/** Rows of one table of the summary; the rest are added up. */
const MAX_ROWS = 10;

/** The line of an event, or `undefined` for an event without a line. */
export function crawlLine(
  event: CrawlEvent,
  colors: Palette,
): string | undefined {
  switch (event.type) {
    case "node":
      return nodeLine(event, colors);
    case "heard":
      return undefined; // The line of a node has the number of addresses that it sent.
    case "seed-failed":
      return `${
        colors.yellow("seed".padEnd(MARK_CHARS))
      }${event.seed}  ${event.message}`;
    case "summary":
      return ["", ...summaryLines(event, colors)].join("\n");
    default:
      return event satisfies never;
  }
}

function nodeLine({ result, told }: CrawlNode, colors: Palette): string {
  const { error, protocolVersion, userAgent, durationMs } = result;
  const time = colors.dim(`${milliseconds(durationMs)} ms`);
  const rest = error === undefined
    ? `told ${told}  protocol ${protocolVersion}  agent ${userAgent || "none"}`
    : error.kind;
  return `${marked(result, colors)}  ${time}  ${rest}`;
}

/** The counts; without `unvisited` of a crawl that did not come to its end. */
export function summaryLines(
  summary: Omit<CrawlSummary, "unvisited"> & { readonly unvisited?: number },
  colors: Palette,
): string[] {
  const { visited, ok, failed, unvisited, durationMs, network } = summary;
  const kinds = Object.entries(failed);
  const lost = kinds.reduce((sum, [, n]) => sum + n, 0);
  return [
    [
      `${colors.bold(`${network}:`)} ${visited} visited`,
      `${ok} ok`,
      ...(lost === 0 ? [] : [
        `${lost} failed (${kinds.map(([it, n]) => `${n} ${it}`).join(", ")})`,
      ]),
      (unvisited === undefined ? "interrupted " : `${unvisited} not visited `) +
      colors.dim(`in ${(durationMs / 1_000).toFixed(1)} s`),
    ].join(", "),
    ...table("user agents", summary.userAgents, colors),
    ...table("protocol versions", summary.protocolVersions, colors),
    ...table("services", summary.services, colors),
    ...table("networks", summary.networkTypes, colors),
    ...table("addresses heard", summary.heard, colors),
  ];
}

function table(
  title: string,
  counts: Readonly<Record<string, number>>,
  colors: Palette,
): string[] {
  const rows = Object.entries(counts).sort(([, m], [, n]) => n - m);
  if (rows.length === 0) return [];
  const shown = rows.slice(0, MAX_ROWS);
  const rest = rows.slice(MAX_ROWS);
  if (rest.length > 0) {
    const sum = rest.reduce((total, [, n]) => total + n, 0);
    shown.push([`${rest.length} others`, sum]);
  }
  const width = Math.max(...shown.map(([, n]) => `${n}`.length));
  return [
    colors.bold(title),
    ...shown.map(([name, n]) =>
      `  ${`${n}`.padStart(width)}  ${name || "none"}`
    ),
  ];
}
