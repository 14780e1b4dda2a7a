/**
 * SIGINT and SIGTERM: the first asks to leave politely, the second ends the
 * program at once.
 */
import { EXIT, type ExitCode } from "./exit.ts";

/** Listens until disposed of. */
export class SignalWatch implements Disposable {
  readonly #controller = new AbortController();
  readonly #handlers: [Deno.Signal, () => void][] = [];
  #code: ExitCode | undefined;

  constructor() {
    this.#on("SIGINT", EXIT.interrupted);
    // Windows has no SIGTERM to listen to.
    if (Deno.build.os !== "windows") this.#on("SIGTERM", EXIT.terminated);
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
    for (const [name, handler] of this.#handlers) {
      Deno.removeSignalListener(name, handler);
    }
    this.#handlers.length = 0;
  }

  #on(name: Deno.Signal, code: ExitCode): void {
    const handler = () => {
      if (this.#code !== undefined) Deno.exit(code);
      this.#code = code;
      this.#controller.abort();
    };
    Deno.addSignalListener(name, handler);
    this.#handlers.push([name, handler]);
  }
}
