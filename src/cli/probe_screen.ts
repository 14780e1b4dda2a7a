/**
 * The output of `handshake`: results for people or for programs, the progress of long runs, and
 * the summary.
 */
import type { PeerMessage, ProbeAllOptions } from "../bitcoin/probe_options.ts";
import type { ProbeResult } from "../bitcoin/probe_result.ts";
import { systemClock } from "../core/clock.ts";
import { jsonLine } from "../core/escape.ts";
import { COMMAND } from "../wire/commands.ts";
import {
  endedLine,
  messageLine,
  ProbeTally,
  resultLines,
} from "./bitcoin_lines.ts";
import { Progress } from "./progress.ts";
import type { Palette, Terminal } from "./terminal.ts";

/** Options of {@linkcode ProbeScreen}. */
export interface ProbeScreenOptions {
  readonly terminal: Terminal;
  /** One object a line instead of text. */
  readonly json: boolean;
  /** How many probes were begun, once that is shown. */
  readonly begun: () => number | undefined;
}

/** The shown state of a session that stays. */
interface StayingSession {
  /** The peer's version, then its verack, and our verack: then it is open. */
  version: boolean;
  verackIn: boolean;
  verackOut: boolean;
  /** Whether its result is on the screen. */
  shown: boolean;
  /** Lines for below it. */
  readonly waiting: string[];
}

/** Lines that wait for the result they follow: messages in the same segment as `verack`. */
const MAX_WAITING = 1_000;

/** Shows results and counts them. */
export class ProbeScreen implements Disposable {
  readonly tally = new ProbeTally();
  readonly #terminal: Terminal;
  readonly #json: boolean;
  readonly #progress: Progress;
  readonly #started = systemClock.monotonic();
  /** By address, when sessions stay. */
  readonly #sessions = new Map<string, StayingSession>();

  constructor({ terminal, json, begun }: ProbeScreenOptions) {
    this.#terminal = terminal;
    this.#json = json;
    const { tally } = this;
    this.#progress = new Progress({
      text: () => {
        const count = begun();
        if (count === undefined) return undefined;
        const left = count - tally.done;
        return `${tally.done} done, ${tally.ok} ok, ${left} under way`;
      },
      enabled: Deno.stderr.isTerminal(),
      put: (text) => terminal.stderr.put(text),
      clock: systemClock,
    });
  }

  /** A notice on stderr. */
  talk(text: string): void {
    this.#progress.aside(() =>
      this.#terminal.stderr.line(`verack handshake: ${text}`)
    );
  }

  /** A probe is over. */
  result(result: ProbeResult): void {
    const { ended, address, ok } = result;
    const stayed = this.#sessions.get(address)?.shown === true;
    this.#sessions.delete(address);
    // A session that stayed was shown when it opened.
    if (!ok || !stayed) return this.#show(result);
    if (ended === undefined) return;
    this.#line(
      this.#json
        ? jsonLine({ address, ended })
        : endedLine(address, ended, now(), this.#terminal.out),
    );
  }

  /** Options of `probeAll` for sessions that stay open. */
  stayOptions(): Pick<ProbeAllOptions, "stay" | "onOpen" | "onMessage"> {
    return {
      stay: true,
      onOpen: (result) => {
        this.#show(result);
        const session = this.#session(result.address);
        session.shown = true;
        for (const line of session.waiting.splice(0)) this.#line(line);
      },
      onMessage: (message, address) => this.#message(message, address),
    };
  }

  /**
   * Writes the summary below the results, or to stderr with `--json`. `faults` is the number of
   * addresses that could not be probed.
   */
  summary(faults: number): void {
    const { stdout, stderr, out, err } = this.#terminal;
    const elapsed = systemClock.monotonic() - this.#started;
    this.#progress[Symbol.dispose]();
    const lines = (colors: Palette) => [
      ...this.tally.lines(elapsed, colors),
      ...(faults === 0
        ? []
        : [colors.yellow(`${faults} could not be tried, see above`)]),
    ];
    if (!this.#json) stdout.line(["", ...lines(out)].join("\n"));
    else if (Deno.stderr.isTerminal()) stderr.line(lines(err).join("\n"));
  }

  [Symbol.dispose](): void {
    this.#progress[Symbol.dispose]();
  }

  #show(result: ProbeResult): void {
    this.tally.add(result);
    this.#line(
      this.#json ? jsonLine(result) : resultLines(result, this.#terminal.out),
    );
  }

  #session(address: string): StayingSession {
    let session = this.#sessions.get(address);
    if (session === undefined) {
      session = {
        version: false,
        verackIn: false,
        verackOut: false,
        shown: false,
        waiting: [],
      };
      this.#sessions.set(address, session);
    }
    return session;
  }

  #message(message: PeerMessage, address: string): void {
    const session = this.#session(address);
    const { direction, command, bytes, atMs, dropped } = message;
    if (!session.verackIn || !session.verackOut) {
      // Up to here the result has the message.
      if (dropped !== undefined) return;
      if (command === COMMAND.verack && direction === "out") {
        session.verackOut = true;
      } else if (command === COMMAND.verack) {
        session.verackIn = session.version; // Before it, a verack is ignored.
      } else if (command === COMMAND.version && direction === "in") {
        session.version = true;
      }
      return;
    }
    const line = this.#json
      ? jsonLine({ address, direction, command, bytes, atMs, dropped })
      : messageLine(address, message, now(), this.#terminal.out);
    if (session.shown) this.#line(line);
    else if (session.waiting.length < MAX_WAITING) session.waiting.push(line);
  }

  #line(text: string): void {
    this.#progress.aside(() => this.#terminal.stdout.line(text));
  }
}

function now(): Date {
  return new Date(systemClock.now());
}
