/** SHA-256 of files as they pass: reading goes on while a chunk is hashed and handed over. */
import { createHash, type Hash } from "node:crypto";
import { FILE_HEADER_BYTES, HASH_BYTES } from "./file_codec.ts";
import { FILE_CHUNK_BYTES } from "./files_limits.ts";

/** Two buffers that are read into and worked on by turns. */
export interface ChunkBuffers {
  readonly first: Uint8Array<ArrayBuffer>;
  readonly second: Uint8Array<ArrayBuffer>;
}

/** A SHA-256 that grows. */
export class FileHash {
  readonly #hash: Hash;

  /** The hash of nothing. */
  constructor(hash: Hash = createHash("sha256")) {
    this.#hash = hash;
  }

  /** Adds bytes. */
  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  /** The hash so far; more may be added afterwards. */
  digest(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#hash.copy().digest());
  }

  /** Whether the hash so far is this one. */
  is(hash: Uint8Array): boolean {
    const own = this.digest();
    return hash.length === HASH_BYTES && own.every((it, i) => it === hash[i]);
  }
}

/** What reads a file in order; a `Deno.FsFile` does. */
export interface ChunkSource {
  read(buffer: Uint8Array): Promise<number | null>;
}

/**
 * Reads `length` bytes, or up to the end, by chunks. `take` gets each in one of the two buffers,
 * and has it until its promise resolves; the next chunk is read meanwhile. It returns false to
 * end early.
 *
 * @param offset Bytes at the beginning of each buffer that are left alone.
 * @returns How many bytes were taken.
 */
export async function readChunks(
  file: ChunkSource,
  length: number,
  { first, second }: ChunkBuffers,
  take: (
    buffer: Uint8Array<ArrayBuffer>,
    bytes: number,
  ) => boolean | Promise<boolean>,
  offset = 0,
): Promise<number> {
  let taken = 0;
  let buffer = first;
  let other = second;
  const read = (into: Uint8Array<ArrayBuffer>, left: number) =>
    left <= 0
      ? Promise.resolve(null)
      : file.read(into.subarray(offset, Math.min(into.length, offset + left)));
  let next = read(buffer, length);
  for (;;) {
    const bytes = await next;
    if (bytes === null) return taken;
    taken += bytes;
    next = read(other, length - taken);
    // It may fail before it is awaited below.
    next.catch(() => {});
    let goesOn: boolean;
    try {
      goesOn = await take(buffer, bytes);
    } catch (error) {
      await next.catch(() => null);
      throw error;
    }
    if (!goesOn) {
      await next.catch(() => null);
      return taken;
    }
    [buffer, other] = [other, buffer];
  }
}

/** The hash of the first `length` bytes, or of all there are; how many those were. */
export async function hashOf(
  file: ChunkSource,
  length: number,
  buffers: ChunkBuffers,
  signal: AbortSignal,
): Promise<{ readonly hash: FileHash; readonly bytes: number }> {
  const hash = new FileHash();
  const bytes = await readChunks(file, length, buffers, (buffer, bytes) => {
    signal.throwIfAborted();
    hash.update(buffer.subarray(0, bytes));
    return true;
  });
  return { hash, bytes };
}

/** Buffers for one transfer, each with room for a chunk and its header. */
export function chunkBuffers(): ChunkBuffers {
  const make = () => new Uint8Array(FILE_HEADER_BYTES + FILE_CHUNK_BYTES);
  return { first: make(), second: make() };
}
