/**
 * Initiators of others as contestants: `interop/peers/burst.mjs`, run by Node,
 * where `interop/install.ts` has installed them.
 */
import { fileURLToPath } from "node:url";
import { linesOf } from "../../src/cli/lines.ts";
import { INTEROP } from "../interop/place.ts";

const BURST = new URL("../interop/peers/burst.mjs", import.meta.url);

/** Packages whose initiators are measured. */
const OTHERS = ["bcoin", "bitcore-p2p"];

/** Those packages, and where they are; none, and a note, where they are missing. */
export async function installedOthers(
  note: (text: string) => void,
): Promise<{ name: string; folder: string }[]> {
  try {
    const folder = await INTEROP.folder();
    if (await INTEROP.isInstalled(folder)) {
      return OTHERS.map((name) => ({ name, folder }));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
  }
  note(`${OTHERS.join(" and ")} are not measured, as they are not installed`);
  return [];
}

/** A process that does handshakes by the initiator of a package. */
export class Other implements AsyncDisposable {
  readonly name: string;
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncIterator<string>;

  constructor(folder: string, name: string) {
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
