/**
 * A child process as tests want it: its output line by line, waiting for a line
 * that fits, its end, and never left behind. The command line under test is
 * {@linkcode verack}.
 */
import { linesOf } from "../../src/cli/lines.ts";

const MAIN = new URL("../../src/cli/main.ts", import.meta.url).href;
export const ENV_PERMISSION: string =
  "--allow-env=VERACK_LOG,VERACK_TLS_ENGINE,DENO_TLS_CA_STORE,DENO_CERT,NODE_EXTRA_CA_CERTS";
/** Longer than a busy machine takes to start Deno several times. */
const WAIT_MS = 60_000;

/** Options of {@linkcode Child}. */
export interface ChildOptions {
  /** Piped to it; left out, its stdin is empty. `"open"` stays open until the end. */
  readonly stdin?: string | "open";
  readonly env?: Readonly<Record<string, string>>;
}

/** Options of {@linkcode verack}. */
export interface VerackOptions extends ChildOptions {
  /** Beside those for the network and the environment. */
  readonly permissions?: readonly string[];
  /** What is run. @default the command line */
  readonly module?: string;
  /** Words before the command, such as `ip netns exec NAME`; must become it, not start it. */
  readonly launcher?: readonly string[];
}

/** One child process. */
export class Child implements AsyncDisposable {
  /** Lines of its standard output so far. */
  readonly out: string[] = [];
  /** Lines of its standard error so far. */
  readonly err: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array> | undefined;
  readonly #read: Promise<unknown>;
  #ended = false;
  #wake: (() => void)[] = [];

  constructor(
    command: string | URL,
    args: readonly string[],
    options: ChildOptions = {},
  ) {
    const { stdin, env } = options;
    this.#child = new Deno.Command(command, {
      args: [...args],
      env: { NO_COLOR: "1", ...env },
      stdin: stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#read = Promise.all([
      this.#collect(this.#child.stdout, this.out),
      this.#collect(this.#child.stderr, this.err),
    ]).then(() => {
      this.#ended = true;
      this.#notify();
    });
    if (stdin !== undefined) this.#stdin = this.#child.stdin.getWriter();
    if (stdin !== undefined && stdin !== "open") {
      // It may end without having read all of it.
      this.#stdin?.write(new TextEncoder().encode(stdin))
        .then(() => this.#stdin?.close()).catch(() => {});
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The first line of its standard output that fits, which may have come before. */
  line(fits: (line: string) => boolean): Promise<string> {
    return this.#find(this.out, fits);
  }

  /** As {@linkcode line}, of its standard error. */
  talk(fits: (line: string) => boolean): Promise<string> {
    return this.#find(this.err, fits);
  }

  /** Writes to its stdin, which must have been left open. */
  async write(text: string): Promise<void> {
    await this.#stdin?.write(new TextEncoder().encode(text));
  }

  /** Its exit code, all output read. */
  async code(): Promise<number> {
    await this.#read;
    return (await this.#child.status).code;
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Closes its stdin, or kills it, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stdin?.close().catch(() => {});
    if (!this.#ended) {
      try {
        this.#child.kill("SIGKILL");
      } catch {
        // It ended meanwhile.
      }
    }
    await this.#read;
    await this.#child.status;
  }

  async #collect(
    stream: ReadableStream<Uint8Array>,
    lines: string[],
  ): Promise<void> {
    for await (const line of linesOf(stream)) {
      lines.push(line);
      this.#notify();
    }
  }

  async #find(
    lines: readonly string[],
    fits: (line: string) => boolean,
  ): Promise<string> {
    const end = performance.now() + WAIT_MS;
    for (let at = 0;; at++) {
      while (at >= lines.length) {
        if (this.#ended || performance.now() > end) {
          throw new Error(
            `Waited in vain for a line of output:\n${
              [...this.out, ...this.err].join("\n")
            }`,
          );
        }
        await this.#more(end - performance.now());
      }
      const line = lines[at]!;
      if (fits(line)) return line;
    }
  }

  async #more(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake.push(resolve);
    const timer = setTimeout(resolve, timeoutMs);
    await promise;
    clearTimeout(timer);
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}

/** The words that run a module with these permissions, from what is cached. */
export function program(
  module: string,
  permissions: readonly string[],
  args: readonly string[] = [],
): string[] {
  return [
    ...[Deno.execPath(), "run", "--quiet", "--no-prompt", "--cached-only"],
    ...permissions,
    ...[module, ...args],
  ];
}

/** The words that run the command line, with the permissions its documentation asks for. */
export function verackProgram(
  args: readonly string[],
  permissions: readonly string[] = [],
): string[] {
  return program(MAIN, ["--allow-net", ENV_PERMISSION, ...permissions], args);
}

/** The command line. */
export function verack(
  args: readonly string[],
  options: VerackOptions = {},
): Child {
  const { permissions = [], launcher = [], module = MAIN } = options;
  const own = ["--allow-net", ENV_PERMISSION, ...permissions];
  const [first = "", ...words] = [...launcher, ...program(module, own, args)];
  return new Child(first, words, options);
}
