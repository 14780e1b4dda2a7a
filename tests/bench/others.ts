/**
 * Initiators of others as contestants: `interop/peers/burst.mjs`, run by Node,
 * where `interop/install.ts` has installed them.
 */
import { fileURLToPath } from "node:url";
import { linesOf } from "../../src/cli/lines.ts";
import { INTEROP } from "../interop/place.ts";

const BURST = new URL("../interop/peers/burst.mjs", import.meta.url);

/** Packages whose initiators are measured. */
export const OTHERS = ["bcoin", "bitcore-p2p"] as const;

/** A process that does handshakes by the initiator of a package. */
export class Other implements AsyncDisposable {
  readonly name: string;
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncIterator<string>;

  private constructor(folder: string, name: string) {
    this.name = name;
    this.#child = new Deno.Command("node", {
      args: [fileURLToPath(BURST), folder, name],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#lines = linesOf(this.#child.stdout);
  }

  /** All of {@linkcode OTHERS}; none, and a word about it, where they are missing. */
  static async start(): Promise<Other[]> {
    try {
      const folder = await INTEROP.folder();
      if (await INTEROP.isInstalled(folder)) {
        return OTHERS.map((name) => new Other(folder, name));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotCapable)) throw error;
    }
    console.error(
      `${OTHERS.join(" and ")} are not measured, install them first: ` +
        INTEROP.command,
    );
    return [];
  }

  /** Handshakes a second. */
  async rate(
    port: number,
    count: number,
    concurrency: number,
  ): Promise<number> {
    const request = JSON.stringify([port, count, concurrency]) + "\n";
    await this.#writer.write(new TextEncoder().encode(request));
    const line = await this.#lines.next();
    if (!line.done) return Number(line.value);
    throw new Error(`Cannot measure: ${this.name} ended`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close().catch(() => {});
    while (!(await this.#lines.next()).done);
    await this.#child.status;
  }
}
