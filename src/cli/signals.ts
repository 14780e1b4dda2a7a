/**
 * SIGINT and SIGTERM: the first asks to leave politely, the second ends the
 * program at once. SIGHUP, which a closed terminal sends, asks too, unless the
 * program was started to outlive it (`hangup.ts`).
 */
import { type Clock, systemClock } from "../core/clock.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { hangupIsIgnored } from "./hangup.ts";
import type { LineOutput } from "./line_writer.ts";

/** Leaving that takes longer is worth a word to whoever waits for it. */
const PATIENCE_MS = 500;

/**
 * What comes again within this is the same Ctrl-C: the terminal sends it to every
 * process in the foreground, and `deno task` and `npx` pass theirs on to us.
 */
const ECHO_MS = 300;

/** Options of {@linkcode SignalWatch}. */
export interface SignalWatchOptions {
  /**
   * Where somebody watches: the `^C` that the terminal shows gets a line of its
   * own there, and leaving that takes its time is explained.
   */
  readonly talk?: LineOutput | undefined;
  /** @default {systemClock} */
  readonly clock?: Clock;
}

/** Listens until disposed of. */
export class SignalWatch implements Disposable {
  readonly #controller = new AbortController();
  readonly #handlers: [Deno.Signal, () => void][] = [];
  readonly #talk: LineOutput | undefined;
  readonly #clock: Clock;
  #cancelTalk: () => void = () => {};
  #code: ExitCode | undefined;
  #firstAt = 0;

  constructor(options: SignalWatchOptions = {}) {
    this.#talk = options.talk;
    this.#clock = options.clock ?? systemClock;
    const ignoresHangup = hangupIsIgnored();
    this.#on("SIGINT", () => this.#onSignal("SIGINT", EXIT.interrupted));
    // Windows has no such signals to listen to.
    if (Deno.build.os === "windows") return;
    this.#on("SIGTERM", () => this.#onSignal("SIGTERM", EXIT.terminated));
    this.#on("SIGHUP", () => {
      if (ignoresHangup) return;
      // The kernel and the shell both send it: a second one shows no impatience.
      if (this.#code === undefined) this.#onSignal("SIGHUP", EXIT.hungUp);
    });
  }

  /** Aborts at the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The exit code that belongs to the signal that came. */
  get code(): ExitCode | undefined {
    return this.#code;
  }

  [Symbol.dispose](): void {
    this.#cancelTalk();
    for (const [name, handler] of this.#handlers) {
      Deno.removeSignalListener(name, handler);
    }
    this.#handlers.length = 0;
  }

  /** Ctrl-C was typed where the terminal makes no signal of it. */
  interrupt(): void {
    this.#onSignal("", EXIT.interrupted);
  }

  #on(name: Deno.Signal, handler: () => void): void {
    Deno.addSignalListener(name, handler);
    this.#handlers.push([name, handler]);
  }

  #onSignal(name: Deno.Signal | "", code: ExitCode): void {
    const now = this.#clock.monotonic();
    if (this.#code !== undefined) {
      if (now - this.#firstAt < ECHO_MS) return;
      Deno.exit(code);
    }
    this.#code = code;
    this.#firstAt = now;
    this.#explain(name);
    this.#controller.abort();
  }

  #explain(name: Deno.Signal | ""): void {
    const talk = this.#talk;
    if (talk === undefined) return;
    // Where the terminal has shown ^C.
    if (name === "SIGINT") talk.line("");
    this.#cancelTalk = this.#clock.after(PATIENCE_MS, () => {
      talk.line("verack: leaving; Ctrl-C again ends at once");
    });
  }
}
