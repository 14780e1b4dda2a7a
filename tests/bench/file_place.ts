/** Where the benchmark has its files: a temporary folder that is removed at the end. */
import { join } from "node:path";

const CHUNK_BYTES = 1_048_576;

/** A folder with the files that are sent, and one for each receiver. */
export class FilePlace implements AsyncDisposable {
  /** Bytes of the file that is sent. */
  readonly bytes: number;
  #folder: Promise<string> | undefined;
  readonly #sources = new Map<number, Promise<string>>();
  #copies = 0;

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  /** A file of so many bytes, which is the same whenever it is asked for. */
  source(bytes: number): Promise<string> {
    const known = this.#sources.get(bytes);
    if (known !== undefined) return known;
    const made = this.#make(bytes);
    this.#sources.set(bytes, made);
    return made;
  }

  /** A new empty folder, which should be removed when it is no longer needed. */
  async receiver(): Promise<AsyncDisposable & { readonly path: string }> {
    const path = join(await this.#open(), `copy-${++this.#copies}`);
    await Deno.mkdir(path);
    return {
      path,
      [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#folder === undefined) return;
    await Deno.remove(await this.#folder, { recursive: true });
  }

  #open(): Promise<string> {
    return this.#folder ??= Deno.makeTempDir({ prefix: "verack-bench-files-" });
  }

  /** Flushed, so that writing it to the disk does not disturb what is measured. */
  async #make(bytes: number): Promise<string> {
    const path = join(await this.#open(), `source-${bytes}`);
    using file = await Deno.open(path, { write: true, createNew: true });
    const chunk = new Uint8Array(CHUNK_BYTES);
    for (let at = 0; at < CHUNK_BYTES; at += CHUNK_BYTES / 16) {
      crypto.getRandomValues(chunk.subarray(at, at + CHUNK_BYTES / 16));
    }
    for (let left = bytes; left > 0;) {
      left -= await file.write(chunk.subarray(0, Math.min(left, CHUNK_BYTES)));
    }
    await file.sync();
    return path;
  }
}
