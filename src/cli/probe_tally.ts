/** What all probes of a run found out together, in constant memory. */
import type { ProbeResult } from "../bitcoin/probe_result.ts";
import { milliseconds } from "./probe_lines.ts";
import type { Palette } from "./terminal.ts";

/** Different user agents that are counted one by one; anybody can make up more. */
const MAX_AGENTS = 1_000;
/** User agents that are shown. */
const SHOWN_AGENTS = 5;

/** Counts results. */
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
