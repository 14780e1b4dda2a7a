/**
 * SIGINT and SIGTERM: the first one starts a graceful leave, the second one ends the program at
 * once. SIGHUP, which a closed terminal sends, starts a leave too, unless the program was
 * started by `nohup` or in a similar way.
 */
import { type Clock, systemClock } from "../core/clock.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import type { LineOutput } from "./line_writer.ts";

/** A leave that takes longer is reported on the terminal. */
const PATIENCE_MS = 500;

/**
 * A second signal within this time is the same Ctrl-C: the terminal sends it to every process
 * in the foreground, and `deno task` and `npx` forward theirs.
 */
const ECHO_MS = 300;

/** The bit of SIGHUP in `SigIgn` of proc_pid_status(5). */
const SIGHUP_BIT = 1n;

/** The device number of /dev/null on Linux: major 1, minor 3. */
const LINUX_NULL_DEVICE = 0x103;

/** Options of {@linkcode SignalWatch}. */
export interface SignalWatchOptions {
  /** A terminal, on which the `^C` gets a line of its own and a slow leave is explained. */
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
    this.#on("SIGHUP", async () => {
      if (ignoresHangup ?? await isUnderNohup()) return;
      // The kernel and the shell both send it, so that a second one does not end the program.
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

  /** Handles a Ctrl-C of which the terminal makes no signal. */
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

/**
 * Whether SIGHUP is to be ignored; `undefined` if {@linkcode isUnderNohup} is to tell. Any signal
 * listener makes Deno handle SIGHUP, even where it was ignored, so this must be called before the
 * first listener is added, and before the terminal is closed.
 */
function hangupIsIgnored(): boolean | undefined {
  if (Deno.build.os === "windows" || hasTerminal()) return false;
  return ignoredByKernel();
}

/** What tells so does not change, so it is looked at when SIGHUP comes. */
async function isUnderNohup(): Promise<boolean> {
  return await stdinIsClosedByNohup() || startedByNohup();
}

/** `nohup` redirects every stream that is a terminal; that of BSD leaves stdin. */
function hasTerminal(): boolean {
  const streams = [Deno.stdout, Deno.stderr];
  if (Deno.build.os === "linux") streams.push(Deno.stdin as never);
  return streams.some((stream) => stream.isTerminal());
}

/** From the kernel, which Deno permits with `--allow-all` only. */
function ignoredByKernel(): boolean | undefined {
  try {
    const status = Deno.readTextFileSync("/proc/self/status");
    const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(status)?.[1];
    return mask === undefined
      ? undefined
      : (BigInt(`0x${mask}`) & SIGHUP_BIT) !== 0n;
  } catch {
    return undefined;
  }
}

/** GNU `nohup` replaces a terminal as stdin by /dev/null opened for writing only. */
async function stdinIsClosedByNohup(): Promise<boolean> {
  try {
    // Loaded here only, since it takes long to load.
    const { fstatSync } = await import("node:fs");
    if (fstatSync(0).rdev !== LINUX_NULL_DEVICE) return false;
  } catch {
    return false;
  }
  try {
    Deno.stdin.readSync(new Uint8Array(1));
    return false;
  } catch {
    return true;
  }
}

/** Shells set `_` to the command that they start, and `nohup` passes that on. */
function startedByNohup(): boolean {
  const { state } = Deno.permissions.querySync({ name: "env", variable: "_" });
  return state === "granted" && /(^|\/)nohup$/.test(Deno.env.get("_") ?? "");
}
