/** The files that were announced on one stream and are not settled, and what there is of them. */
import type { BoundedMap } from "../../core/bounded_map.ts";
import { VerackError } from "../../core/errors.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { chunkBuffers, type FileHash, hashOf } from "./file_hash.ts";
import type { Entry, ReceiverMessage } from "./file_messages.ts";
import type { FileParts, PartLease } from "./file_parts.ts";
import { FILE_WINDOW } from "./files_limits.ts";
import type { ReceiveFolder } from "./receive_folder.ts";
import type { TransferReport } from "./transfer_report.ts";

/** Where files are received. */
export interface Destination {
  readonly folder: ReceiveFolder;
  readonly parts: FileParts;
  /** See `ReceiveFilesOptions`. */
  readonly executable: boolean;
}

/** A transfer as the receiving end has it, from one stream to the next. */
export interface IncomingTransfer {
  readonly peer: PeerId;
  readonly report: TransferReport;
  /** The last results, which a lost session may not have delivered. */
  readonly results: BoundedMap<number, ReceiverMessage>;
}

/** What there is of a file that is announced. */
export interface FoundFile {
  readonly lease: PartLease;
  /** See `ReceiveFolder.look`. */
  readonly number: number;
  /** Path of a file that may be the same, until it is compared. */
  candidate: string | undefined;
  /** What there is of it, and the hash of that. */
  readonly offset: number;
  readonly hash: FileHash | undefined;
}

/** A file that was announced and is not settled. */
interface Announced {
  readonly entry: Entry;
  /** Nothing until it was looked for. */
  found: FoundFile | undefined;
}

/** What is announced ahead. */
export class AnnouncedFiles {
  readonly #to: Destination;
  readonly #transfer: IncomingTransfer;
  readonly #signal: AbortSignal;
  readonly #files = new Map<number, Announced>();
  readonly #paths = new Map<string, number>();
  /** One part is hashed after the other, to bound memory. */
  #hashing: Promise<unknown> = Promise.resolve();
  #bytes = 0;

  constructor(
    to: Destination,
    transfer: IncomingTransfer,
    signal: AbortSignal,
  ) {
    this.#to = to;
    this.#transfer = transfer;
    this.#signal = signal;
  }

  get size(): number {
    return this.#files.size;
  }

  /** Bytes that the sending end may be hashing before it sends again. */
  get hashingBytes(): number {
    let bytes = 0;
    for (const { entry, found } of this.#files.values()) {
      if (found === undefined) continue;
      bytes += found.candidate === undefined ? found.offset : entry.size;
    }
    return bytes;
  }

  /**
   * Adds a file; false if another of that path is among them.
   *
   * @throws {VerackError} `malformed` when it is more than was offered, or than an honest end
   * announces ahead.
   */
  add(entry: Entry): boolean {
    const { index, path, size } = entry;
    const { report } = this.#transfer;
    const { files, total } = report.facts;
    const count = report.done + report.failed + this.#files.size;
    const bytes = report.doneBytes + this.#bytes + size;
    if (count >= files || bytes > total) {
      throw malformed(
        `more comes than the ${files} files of ${total} bytes that were offered`,
      );
    }
    if (this.#files.has(index)) throw malformed("a file comes twice");
    if (this.#files.size >= FILE_WINDOW) {
      throw malformed(`more than ${FILE_WINDOW} files are announced ahead`);
    }
    const isNew = !this.#paths.has(path);
    this.#files.set(index, { entry, found: undefined });
    this.#paths.set(path, (this.#paths.get(path) ?? 0) + 1);
    this.#bytes += size;
    return isNew;
  }

  /** Looks for what there is of a file. */
  async look(entry: Entry): Promise<FoundFile> {
    const { folder, parts } = this.#to;
    await folder.ensureParents(entry.path, false);
    // Before looking: another transfer that has it may be about to put it in its place.
    const lease = await parts.take(this.#transfer.peer, entry, this.#signal);
    try {
      const { candidate, number } = await folder.look(entry);
      const { bytes, hash } = candidate === undefined
        ? await this.#hashHeld(lease, entry.size)
        : { bytes: 0, hash: undefined };
      const found = { lease, number, candidate, offset: bytes, hash };
      this.#files.get(entry.index)!.found = found;
      return found;
    } catch (error) {
      lease.release();
      throw error;
    }
  }

  async #hashHeld(
    lease: PartLease,
    size: number,
  ): Promise<{ readonly bytes: number; readonly hash: FileHash | undefined }> {
    const held = await this.#to.parts.held(lease, size);
    if (held === 0) return { bytes: 0, hash: undefined };
    const hashing = this.#hashing.then(async () => {
      using file = await Deno.open(lease.path);
      // Buffers of its own, as data of other files comes meanwhile.
      return await hashOf(file, held, chunkBuffers(), this.#signal);
    });
    this.#hashing = hashing.catch(() => {});
    return await hashing;
  }

  /** The one of that number, if it was answered; `type` is the message that is about it. */
  find(
    index: number,
    type: string,
  ): { readonly entry: Entry; readonly found: FoundFile } {
    const announced = this.#files.get(index);
    if (announced?.found === undefined) throw outOfTurn(type);
    return { entry: announced.entry, found: announced.found };
  }

  /** Its result is known. */
  settle(index: number): void {
    const announced = this.#files.get(index);
    if (announced === undefined) return;
    const { entry: { path, size }, found } = announced;
    this.#files.delete(index);
    const ofPath = (this.#paths.get(path) ?? 1) - 1;
    if (ofPath === 0) this.#paths.delete(path);
    else this.#paths.set(path, ofPath);
    this.#bytes -= size;
    found?.lease.release();
  }

  /** The stream has ended: other transfers may have the parts. */
  release(): void {
    for (const { found } of this.#files.values()) found?.lease.release();
  }
}

/** The sending end sent something that makes no sense. */
export function malformed(reason: string): VerackError {
  return new VerackError("malformed", `Cannot receive files: ${reason}`);
}

/** The sending end sent a message that may not come now. */
export function outOfTurn(type: string): VerackError {
  return malformed(`the sending end sent "${type}" out of turn`);
}
