/** `verack ping`: round trips to a peer, through a running node, in the manner of ping(8). */
import type { PingAnswer } from "../control/answers.ts";
import { sleep, systemClock } from "../core/clock.ts";
import { escapeText, jsonLine } from "../core/escape.ts";
import { peerLabel } from "../identity/peer_name.ts";
import { CLIENT_FLAGS, withNode } from "./client_flags.ts";
import { type Command, command } from "./command.ts";
import { EXIT } from "./exit.ts";
import { SignalWatch } from "./signal_watch.ts";
import { OUTPUT_FLAGS, type Terminal } from "./terminal.ts";

const FLAGS = {
  ...CLIENT_FLAGS,
  count: {
    type: "integer",
    short: "c",
    min: 1,
    help: "End after so many pings (default: at Ctrl-C)",
  },
  interval: {
    type: "seconds",
    short: "i",
    min: 0.01,
    max: 86_400,
    default: 1,
    help: "Ping this often",
  },
  ...OUTPUT_FLAGS,
} as const;

/** The figures of all pings. */
export interface PingSummary {
  readonly sent: number;
  readonly answered: number;
  /** Milliseconds; absent if none was answered. */
  readonly minMs?: number;
  readonly avgMs?: number;
  readonly maxMs?: number;
  /** The mean deviation from the average, as ping(8) computes it. */
  readonly mdevMs?: number;
}

/** The command. */
export const pingCommand: Command = command({
  description: [
    "Each ping goes from the node to the peer and back, over their session, and waits a " +
    "second at most. A peer that is away is not dialed for it. The exit code is 1 if " +
    "none was answered.",
  ],
  positionals: [
    {
      name: "NAME",
      help: "A name, an id, or its first 8 digits or more",
      completes: "peer",
    },
  ],
  flags: FLAGS,
  examples: [
    ["verack ping bob", "How far bob is, until Ctrl-C"],
    ["verack ping bob --count 1 --json", "Once, for scripts"],
  ],
  async action({ flags, positionals: [to = ""], terminal, outputLost }) {
    const { count = Infinity, interval, json } = flags;
    using signals = new SignalWatch();
    const ends = AbortSignal.any([signals.signal, outputLost]);
    const tally = new PingTally();
    let last: PingAnswer | undefined;
    const show = json ? showJson : showText;
    const pinging = withNode(flags, async (node) => {
      while (!ends.aborted) {
        const begun = systemClock.monotonic();
        const answer = await untilAborted(node.ping(to), ends);
        if (answer === undefined) break;
        last = answer;
        tally.add(answer.rttMs);
        show(answer, tally.sent, terminal);
        await terminal.stdout.ready(ends);
        if (tally.sent >= count) break;
        const leftMs = interval * 1_000 - (systemClock.monotonic() - begun);
        await sleep(systemClock, Math.max(0, leftMs), ends).catch(() => {});
      }
    });
    // What was measured is shown also where the node ends meanwhile.
    const [ended] = await Promise.allSettled([pinging]);
    const { summary } = tally;
    if (last !== undefined) showSummary(summary, last, json, terminal);
    if (ended.status === "rejected") throw ended.reason;
    return summary.answered === 0 && summary.sent > 0
      ? EXIT.failure
      : signals.code ?? EXIT.success;
  },
});

/** The result, or `undefined` if the signal aborts before. */
function untilAborted<T>(
  result: Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<T | undefined>();
  const end = () => resolve(undefined);
  signal.addEventListener("abort", end, { once: true });
  result.then(resolve, reject).finally(() =>
    signal.removeEventListener("abort", end)
  );
  return promise;
}

/** Counts pings. */
export class PingTally {
  #sent = 0;
  #answered = 0;
  #min = Infinity;
  #max = -Infinity;
  #average = 0;
  /** Sum of the squares of the deviations from the average (Welford's method). */
  #squares = 0;

  /** Pings so far. */
  get sent(): number {
    return this.#sent;
  }

  /** @param rttMs The round trip; `undefined` if it was not answered. */
  add(rttMs: number | undefined): void {
    this.#sent++;
    if (rttMs === undefined) return;
    this.#answered++;
    this.#min = Math.min(this.#min, rttMs);
    this.#max = Math.max(this.#max, rttMs);
    const before = rttMs - this.#average;
    this.#average += before / this.#answered;
    this.#squares += before * (rttMs - this.#average);
  }

  /** The figures of all pings so far. */
  get summary(): PingSummary {
    const [sent, answered] = [this.#sent, this.#answered];
    if (answered === 0) return { sent, answered };
    return {
      sent,
      answered,
      minMs: this.#min,
      avgMs: this.#average,
      maxMs: this.#max,
      mdevMs: Math.sqrt(this.#squares / answered),
    };
  }
}

function labelOf({ id, name, boundName }: PingAnswer): string {
  return peerLabel(id, name, boundName);
}

/** Why there is no round trip. */
function lossOf({ connected }: PingAnswer): "timeout" | "not-connected" {
  return connected ? "timeout" : "not-connected";
}

function showJson(answer: PingAnswer, seq: number, { stdout }: Terminal): void {
  const time = new Date(systemClock.now()).toISOString();
  const { connected: _, rttMs, ...peer } = answer;
  const outcome = rttMs === undefined ? { reason: lossOf(answer) } : { rttMs };
  const type = rttMs === undefined ? "lost" : "reply";
  stdout.line(jsonLine({ time, type, seq, ...peer, ...outcome }));
}

function showText(
  answer: PingAnswer,
  seq: number,
  { stdout, out }: Terminal,
): void {
  const { address, rttMs, via, viaName } = answer;
  const at = via !== undefined
    ? ` relayed via ${peerLabel(via, viaName)}`
    : address === undefined
    ? ""
    : ` at ${escapeText(address, { max: 300 })}`;
  const outcome = rttMs !== undefined
    ? out.green(`${roundTripText(rttMs)} ms`)
    : lossOf(answer) === "timeout"
    ? out.red("no answer")
    : out.yellow("not connected");
  stdout.line(`${seq}  ${labelOf(answer)}${at}  ${outcome}`);
}

function showSummary(
  summary: PingSummary,
  last: PingAnswer,
  json: boolean,
  { stdout, out }: Terminal,
): void {
  if (json) {
    const time = new Date(systemClock.now()).toISOString();
    return stdout.line(jsonLine({ time, type: "summary", ...summary }));
  }
  const { sent, answered, minMs, avgMs, maxMs, mdevMs } = summary;
  const lost = Math.round(100 * (sent - answered) / sent);
  stdout.line(
    out.dim(
      `${labelOf(last)}: ${sent} sent, ${answered} answered, ${lost}% lost`,
    ),
  );
  if (minMs === undefined) return;
  const figures = [minMs, avgMs, maxMs, mdevMs].map((ms) =>
    roundTripText(ms ?? 0)
  );
  stdout.line(
    out.dim(`round trip min/avg/max/mdev ${figures.join("/")} ms`),
  );
}

/** Milliseconds with three digits that count, such as `0.412`, `12.3` and `140`. */
export function roundTripText(ms: number): string {
  return ms.toFixed(ms < 1 ? 3 : ms < 10 ? 2 : ms < 100 ? 1 : 0);
}
