/** How much more memory the process held at most than when it began. */

const SAMPLE_MS = 10;
const SETTLE_MS = 500;

/** Samples resident memory; needs `--expose-gc` to start from a settled figure. */
export class Peak {
  readonly #before: number;
  readonly #timer: ReturnType<typeof setInterval>;
  #most = 0;

  private constructor(before: number) {
    this.#before = before;
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  static async start(): Promise<Peak> {
    const { gc } = globalThis as { gc?: () => void };
    gc?.();
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    gc?.();
    return new Peak(Deno.memoryUsage().rss);
  }

  /** Bytes above the beginning. */
  stop(): number {
    this.#sample();
    clearInterval(this.#timer);
    return this.#most - this.#before;
  }

  #sample(): void {
    this.#most = Math.max(this.#most, Deno.memoryUsage().rss);
  }
}
