/** One file that comes in: bytes into a part, and their hash. */
import { writeAll } from "../../core/write_all.ts";
import { FileFault, writeFault } from "./file_fault.ts";
import type { FileFrames } from "./file_frames.ts";
import type { ChunkBuffers, FileHash } from "./file_hash.ts";
import type { Entry } from "./file_messages.ts";
import type { FileParts, PartLease } from "./file_parts.ts";
import { SMALL_FILE_BYTES } from "./files_limits.ts";

/** Where it comes to, and what there is of it. */
export interface IncomingFileOptions {
  readonly entry: Entry;
  readonly lease: PartLease;
  readonly parts: FileParts;
  readonly buffers: ChunkBuffers;
  /** Bytes that are there. */
  readonly offset: number;
  /** The hash of those. */
  readonly hash: FileHash;
}

/** A file that is being received. While one chunk is written the next is read. */
export class IncomingFile {
  readonly #entry: Entry;
  readonly #lease: PartLease;
  readonly #parts: FileParts;
  readonly #hash: FileHash;
  readonly #offset: number;
  #buffer: Uint8Array<ArrayBuffer>;
  #other: Uint8Array<ArrayBuffer>;
  #filled = 0;
  #received: number;
  #writing: Promise<void> = Promise.resolve();
  #file: Deno.FsFile | undefined;
  /** A small file: all of it is in the buffer, and written when it is complete. */
  readonly #isSmall: boolean;

  constructor(options: IncomingFileOptions) {
    const { buffers, entry, offset } = options;
    this.#entry = entry;
    this.#lease = options.lease;
    this.#parts = options.parts;
    this.#hash = options.hash;
    this.#offset = this.#received = offset;
    this.#isSmall = offset === 0 && entry.size <= SMALL_FILE_BYTES;
    // One of its own, as the next file comes while this one is written.
    this.#buffer = this.#isSmall ? new Uint8Array(entry.size) : buffers.first;
    this.#other = buffers.second;
  }

  /** Bytes that have come, those of earlier streams included. */
  get received(): number {
    return this.#received;
  }

  /** Bytes that were there before. */
  get resumedAt(): number {
    return this.#offset;
  }

  /** Opens the part, unless nothing is written before all has come. */
  async open(): Promise<void> {
    if (this.#isSmall) return;
    this.#file = await this.#parts.open(this.#lease, this.#offset);
  }

  /**
   * Reads `length` bytes of data.
   *
   * @param isDropped Whether they are not written.
   * @throws {FileFault} when they cannot be written, once all of them were read.
   */
  async receive(
    frames: FileFrames,
    length: number,
    isDropped: boolean,
  ): Promise<void> {
    let fault: FileFault | undefined;
    for (let left = length; left > 0;) {
      const room = this.#buffer.length - this.#filled;
      const count = Math.min(left, room);
      await frames.data(
        this.#buffer.subarray(this.#filled, this.#filled + count),
      );
      left -= count;
      this.#filled += count;
      this.#received += count;
      if (isDropped || fault !== undefined) {
        this.#filled = 0;
      } else if (this.#filled === this.#buffer.length && !this.#isSmall) {
        await this.#flush().catch((error) => fault = writeFault(error));
      }
    }
    if (fault !== undefined) throw fault;
  }

  /**
   * Writes what was received, and checks it.
   *
   * @throws {FileFault} `wrong-size`, `wrong-hash`, or of the write.
   */
  async verify(hash: Uint8Array): Promise<void> {
    if (this.#isSmall) {
      this.#hash.update(this.#buffer.subarray(0, this.#filled));
    } else {
      await this.#flush();
      await this.#writing;
    }
    if (this.#received < this.#entry.size) {
      throw new FileFault(
        "wrong-size",
        `Only ${this.#received} of the ${this.#entry.size} bytes came that were announced`,
      );
    }
    if (!this.#hash.is(hash)) {
      throw new FileFault(
        "wrong-hash",
        "The SHA-256 of what came is not that of what was sent",
      );
    }
  }

  /** Puts it on disk, with its time. */
  async finish(executable: boolean): Promise<void> {
    const file = this.#file ??= await this.#parts.open(this.#lease, 0);
    if (this.#isSmall) await writeAll(file, this.#buffer);
    const { mtime } = this.#entry;
    // Before it has its name, so that it is found with its time from the first moment.
    await file.utime(new Date(mtime), new Date(mtime)).catch(() => {});
    if (executable && this.#entry.executable) await makeExecutable(this.#lease);
    await file.sync();
    this.#close();
  }

  /** Keeps what came, to be resumed. */
  async keep(): Promise<void> {
    if (this.#file === undefined) return;
    await this.#flush().catch(() => {});
    await this.#writing.catch(() => {});
    this.#close();
  }

  /** Removes what came. */
  async drop(): Promise<void> {
    await this.#writing.catch(() => {});
    this.#close();
    await this.#parts.remove(this.#lease).catch(() => {});
  }

  /** Hashes the chunk while the one before it is written, then has it written. */
  async #flush(): Promise<void> {
    const chunk = this.#buffer.subarray(0, this.#filled);
    this.#hash.update(chunk);
    await this.#writing;
    this.#writing = writeAll(this.#file!, chunk);
    // It may fail before it is awaited.
    this.#writing.catch(() => {});
    [this.#buffer, this.#other] = [this.#other, this.#buffer];
    this.#filled = 0;
  }

  #close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}

/** Makes it executable for those that may read it. */
async function makeExecutable({ path }: PartLease): Promise<void> {
  if (Deno.build.os === "windows") return;
  const { mode } = await Deno.stat(path);
  if (mode === null) return;
  await Deno.chmod(path, (mode & 0o777) | ((mode & 0o444) >> 2));
}
