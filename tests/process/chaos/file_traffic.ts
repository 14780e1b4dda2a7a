/**
 * What the application of `talker.ts` does with files: sends some to peers and takes what they
 * send. A file is named by the hash of its bytes, so that each can be checked by itself.
 */
import { VerackError } from "../../../src/core/errors.ts";
import type { Node } from "../../../src/mesh/node.ts";
import { receiveFiles, sendFile } from "../../../src/services/mod.ts";
import type { Told } from "./ledger.ts";

/** Folder of received files below the data directory. */
export const RECEIVED_FOLDER = "received";

const SIZES = [0, 1_000, 200_000, 3_000_000];

/** Files on their way at once. */
const MAX_OPEN = 4;

/** A peer that is away for so long is given up. */
const TIMEOUT_MS = 20_000;

/** Files of one node. */
export class FileTraffic {
  readonly #node: Node;
  readonly #data: string;
  readonly #tell: (told: Told) => void;
  #open = 0;

  /** Receives files from now on, below its data directory. */
  constructor(node: Node, data: string, tell: (told: Told) => void) {
    this.#node = node;
    this.#data = data;
    this.#tell = tell;
    void this.#receive();
  }

  /** Files that have been begun and have not ended. */
  get open(): number {
    return this.#open;
  }

  /** Sends a file, unless some are on their way. */
  begin(to: string, number: number): void {
    if (this.#open >= MAX_OPEN) return;
    void this.#send(to, SIZES[number % SIZES.length]!);
  }

  async #receive(): Promise<void> {
    const dir = `${this.#data}/${RECEIVED_FOLDER}`;
    // An error ends the process, and with it the test.
    for await (
      const _ of receiveFiles(this.#node, { dir, accept: () => true })
    );
  }

  async #send(to: string, size: number): Promise<void> {
    this.#open++;
    const bytes = new Uint8Array(size + 16);
    for (let at = 0; at < bytes.length; at += 65_536) {
      crypto.getRandomValues(bytes.subarray(at, at + 65_536));
    }
    const name = await hashOf(bytes);
    const path = `${this.#data}/${name}`;
    await Deno.writeFile(path, bytes);
    this.#tell({ type: "begun", what: "file", key: name });
    let outcome = "broken off";
    try {
      const options = { timeoutMs: TIMEOUT_MS };
      for await (const event of sendFile(this.#node, to, path, options)) {
        if (event.type === "end") {
          outcome = event.done === 1 ? "ok" : event.error?.code ?? "failed";
        }
      }
    } catch (error) {
      outcome = error instanceof VerackError ? error.code : String(error);
    }
    this.#open--;
    this.#tell({ type: "ended", what: "file", key: name, outcome });
    if (outcome === "ok") this.#tell({ type: "sent-file", to, name });
  }
}

/** Received files whose bytes are not those that they are named by, and those that are not there. */
export async function fileFaults(
  data: string,
  expected: readonly string[],
): Promise<string[]> {
  const dir = `${data}/${RECEIVED_FOLDER}`;
  const faults: string[] = [];
  const found = new Set<string>();
  for (const { name, isFile } of Deno.readDirSync(dir)) {
    if (!isFile) continue;
    const hash = await hashOf(Deno.readFileSync(`${dir}/${name}`));
    if (hash !== name) faults.push(`${dir}/${name} has other bytes`);
    found.add(name);
  }
  for (const name of expected) {
    if (!found.has(name)) faults.push(`${dir}/${name} was sent and is missing`);
  }
  return faults;
}

async function hashOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", bytes);
  return new Uint8Array(hash).toHex();
}
