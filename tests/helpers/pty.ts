/** A program on a terminal of its own, by `script` of util-linux. */

/** Whether there is such a `script`; says so once when there is none. */
export const HAS_PTY: boolean = await probe();

const WAIT_MS = 60_000;

async function probe(): Promise<boolean> {
  try {
    const { stdout } = await new Deno.Command("script", {
      args: ["--version"],
      stderr: "null",
    }).output();
    // Others, such as that of BSD, take other arguments.
    if (new TextDecoder().decode(stdout).includes("util-linux")) return true;
  } catch {
    // Not installed, or not to be run by us.
  }
  console.log("skipped: no script command of util-linux here");
  return false;
}

/** The program, what its terminal shows, and a keyboard. */
export class Pty implements AsyncDisposable {
  /** All that was written to the terminal. */
  text = "";
  readonly #child: Deno.ChildProcess;
  readonly #keyboard: WritableStreamDefaultWriter<Uint8Array>;
  readonly #read: Promise<void>;
  #ended = false;
  #wake: () => void = () => {};

  /** @param env Beside what this process has; empty values count as none. */
  constructor(
    command: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ) {
    const line = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`);
    this.#child = new Deno.Command("script", {
      args: ["--quiet", "--return", "--command", line.join(" "), "/dev/null"],
      env: { TERM: "xterm", NO_COLOR: "", ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#keyboard = this.#child.stdin.getWriter();
    this.#read = this.#collect();
  }

  /** Types `text`; `\r` is Enter, `\x03` Ctrl-C. */
  async type(text: string): Promise<void> {
    await this.#keyboard.write(new TextEncoder().encode(text));
  }

  /** The terminal takes nothing that is written to it, as after Ctrl-S in any mode. */
  pause(): void {
    this.#child.kill("SIGSTOP");
  }

  /** It goes on. */
  resume(): void {
    this.#child.kill("SIGCONT");
  }

  /** Waits until the terminal has shown something that matches. */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    const end = performance.now() + WAIT_MS;
    while (true) {
      const match = pattern.exec(this.text);
      if (match !== null) return match;
      const left = end - performance.now();
      if (this.#ended || left <= 0) {
        throw new Error(`Waited in vain for ${pattern} in:\n${this.text}`);
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, left);
      await promise;
      clearTimeout(timer);
    }
  }

  /** The exit code of the program. */
  async code(): Promise<number> {
    await this.#read;
    return (await this.#child.status).code;
  }

  /** Closes the terminal, as a window that is shut does. */
  async hangUp(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) {
      try {
        this.#child.kill("SIGKILL");
      } catch {
        // It ended meanwhile.
      }
    }
    await this.#keyboard.close().catch(() => {});
    await this.#read;
    await this.#child.status;
  }

  async #collect(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stdout) {
      this.text += decoder.decode(chunk, { stream: true });
      this.#wake();
    }
    this.#ended = true;
    this.#wake();
  }
}
