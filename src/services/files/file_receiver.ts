/**
 * The receiving end of one stream of a transfer. One loop reads; what is complete is synced and
 * put in its place beside it.
 */
import { VerackError } from "../../core/errors.ts";
import { escapeText } from "../../core/escape.ts";
import { TaskSet } from "../../core/task_set.ts";
import {
  AnnouncedFiles,
  type Destination,
  type FoundFile,
  type IncomingTransfer,
  malformed,
  outOfTurn,
} from "./announced_files.ts";
import {
  decodeSenderMessage,
  type FileHeader,
  fromStart,
} from "./file_codec.ts";
import { FileFault, writeFault } from "./file_fault.ts";
import type { FileFrames } from "./file_frames.ts";
import { type ChunkBuffers, FileHash, hashOf } from "./file_hash.ts";
import type {
  Entry,
  FileError,
  ReceiverMessage,
  SenderMessage,
} from "./file_messages.ts";
import { pathFault, shownPath } from "./file_path.ts";
import { MAX_FILES_FINISHING, MAX_FILES_LOOKED_FOR } from "./files_limits.ts";
import { IncomingFile } from "./incoming_file.ts";
import type { ReportedFile } from "./transfer_report.ts";

type Begin = Extract<SenderMessage, { type: "begin" }>;

/** Receives what is left of a transfer on a stream. */
export class FileReceiver {
  readonly #to: Destination;
  readonly #transfer: IncomingTransfer;
  readonly #frames: FileFrames;
  readonly #signal: AbortSignal;
  readonly #buffers: ChunkBuffers;
  readonly #announced: AnnouncedFiles;
  readonly #looking = new TaskSet();
  readonly #finishing = new TaskSet();
  #answered: Promise<void> = Promise.resolve();

  /** @param signal Aborts when the stream ends in any way but by both ends. */
  constructor(
    to: Destination,
    transfer: IncomingTransfer,
    frames: FileFrames,
    buffers: ChunkBuffers,
    signal: AbortSignal,
  ) {
    this.#to = to;
    this.#transfer = transfer;
    this.#frames = frames;
    this.#buffers = buffers;
    this.#signal = signal;
    this.#announced = new AnnouncedFiles(to, transfer, signal);
  }

  /** See {@linkcode AnnouncedFiles.hashingBytes}. */
  get hashingBytes(): number {
    return this.#announced.hashingBytes;
  }

  /**
   * Resolves when the sending end has ended the transfer.
   *
   * @throws {VerackError} `malformed`, and what the stream throws.
   */
  async run(): Promise<void> {
    try {
      for (let header; (header = await this.#frames.header()) !== null;) {
        await this.#handle(header);
      }
      await this.#looking.settled();
      await this.#finishing.settled();
      if (this.#announced.size > 0) {
        throw new VerackError(
          "reset",
          "Cannot receive files: the sending end ended the stream",
        );
      }
    } finally {
      await this.#looking.settled();
      await this.#finishing.settled();
      this.#announced.release();
    }
  }

  async #handle(header: FileHeader): Promise<void> {
    const message = decodeSenderMessage(
      header.type,
      await this.#frames.payload(header),
    );
    switch (message.type) {
      case "offer":
        throw outOfTurn(message.type);
      case "entry":
        return await this.#announce(message);
      case "begin":
        return await this.#receive(message);
      case "hash":
        return await this.#compare(message.index, message.hash);
      case "skip":
        return await this.#skip(message.index, message.error);
    }
  }

  // --- Announcement ------------------------------------------------------------

  async #announce(entry: Entry): Promise<void> {
    const known = this.#transfer.results.get(entry.index);
    if (known !== undefined) return await this.#frames.send(known);
    const isNew = this.#announced.add(entry);
    while (this.#looking.size >= MAX_FILES_LOOKED_FOR) {
      await this.#looking.next();
    }
    const before = this.#answered;
    const turn = Promise.withResolvers<void>();
    this.#answered = turn.promise;
    // It fails with the stream alone; that end also ends the reading loop.
    this.#looking.add(
      this.#look(entry, isNew, before).catch(() => {}).finally(turn.resolve),
    );
  }

  /** @param before Resolves when the file before it was answered: they are sent in that order. */
  async #look(
    entry: Entry,
    isNew: boolean,
    before: Promise<void>,
  ): Promise<void> {
    const { index, path } = entry;
    try {
      const fault = pathFault(path) ??
        (isNew ? undefined : "it is offered twice");
      if (fault !== undefined) throw badName(fault);
      if (entry.kind === "folder") {
        await this.#to.folder.makeFolder(path);
        return await this.#succeed(entry, path, false);
      }
      const { candidate, hash, offset } = await this.#announced.look(entry);
      await before;
      await this.#frames.send(
        candidate !== undefined
          ? { type: "compare", index }
          : hash === undefined
          ? fromStart(index)
          : { type: "from", index, offset, hash: hash.digest() },
      );
    } catch (error) {
      if (this.#signal.aborted) throw error;
      await this.#fail(entry, writeFault(error));
    }
  }

  // --- A file ------------------------------------------------------------------

  async #receive({ index, offset, type }: Begin): Promise<void> {
    const { entry, found } = this.#announced.find(index, type);
    const { candidate, lease } = found;
    const isKnownOffset = offset === 0 || offset === found.offset;
    if (candidate !== undefined || !isKnownOffset) throw outOfTurn(type);
    await this.#transfer.report.begin(reported(entry), offset);
    const file = new IncomingFile({
      entry,
      lease,
      parts: this.#to.parts,
      buffers: this.#buffers,
      offset,
      hash: offset > 0 && found.hash !== undefined
        ? found.hash
        : new FileHash(),
    });
    let isGivenUp = false;
    /** Reports it at once; what the sending end has sent meanwhile is dropped. */
    const giveUp = async (error: unknown) => {
      isGivenUp = true;
      await file.drop();
      await this.#fail(entry, writeFault(error));
    };
    try {
      await file.open().catch(giveUp);
      for (;;) {
        const header = await this.#frames.header();
        if (header === null) throw malformed("the stream ends within a file");
        if (header.type === "data") {
          const left = entry.size - file.received - header.length;
          if (left < 0) {
            if (!isGivenUp) await giveUp(tooLong(entry.size));
            throw malformed("a file is longer than it was announced");
          }
          await file.receive(this.#frames, header.length, isGivenUp)
            .catch((error) => {
              if (!(error instanceof FileFault)) throw error;
              return giveUp(error);
            });
          if (!isGivenUp) {
            await this.#transfer.report.progress(
              reported(entry),
              file.received,
            );
          }
          continue;
        }
        const message = decodeSenderMessage(
          header.type,
          await this.#frames.payload(header),
        );
        if (message.type !== "hash" && message.type !== "skip") {
          throw outOfTurn(message.type);
        }
        if (message.index !== index) throw outOfTurn(message.type);
        if (isGivenUp) return;
        if (message.type === "skip") {
          await file.drop();
          return await this.#fail(entry, message.error);
        }
        await this.#complete(entry, found, file, message.hash);
        return;
      }
    } catch (error) {
      await file.keep();
      throw error;
    }
  }

  /** All has come: verifies it, and puts it in its place beside the next file. */
  async #complete(
    entry: Entry,
    { lease, number }: FoundFile,
    file: IncomingFile,
    hash: Uint8Array,
  ): Promise<void> {
    const { executable, folder } = this.#to;
    try {
      await file.verify(hash);
    } catch (error) {
      await file.drop();
      return await this.#fail(entry, writeFault(error));
    }
    while (this.#finishing.size >= MAX_FILES_FINISHING) {
      await this.#finishing.next();
    }
    const finish = async () => {
      let path: string;
      try {
        await file.finish(executable);
        path = await folder.place(lease.path, entry.path, number);
      } catch (error) {
        await file.drop();
        return await this.#fail(entry, writeFault(error));
      }
      await this.#succeed(entry, path, false, file.resumedAt);
    };
    // It fails with the stream alone; that end also ends the reading loop.
    this.#finishing.add(finish().catch(() => {}));
  }

  /** The hash of a file has come that may be there already. */
  async #compare(index: number, hash: Uint8Array): Promise<void> {
    const { entry, found } = this.#announced.find(index, "hash");
    const { candidate } = found;
    if (candidate === undefined) throw outOfTurn("hash");
    if (await this.#isThere(candidate, entry.size, hash)) {
      return await this.#succeed(entry, candidate, true, entry.size);
    }
    found.candidate = undefined;
    await this.#frames.send(fromStart(index));
  }

  async #isThere(
    path: string,
    size: number,
    wanted: Uint8Array,
  ): Promise<boolean> {
    try {
      using file = await Deno.open(this.#to.folder.placeOf(path));
      const { bytes, hash } = await hashOf(
        file,
        size,
        this.#buffers,
        this.#signal,
      );
      return bytes === size && hash.is(wanted);
    } catch (error) {
      if (this.#signal.aborted) throw error;
      return false;
    }
  }

  async #skip(index: number, error: FileError): Promise<void> {
    const { entry, found } = this.#announced.find(index, "skip");
    await this.#to.parts.remove(found.lease).catch(() => {});
    await this.#fail(entry, error);
  }

  // --- Results -----------------------------------------------------------------

  async #succeed(
    entry: Entry,
    path: string,
    held: boolean,
    resumedAt = 0,
  ): Promise<void> {
    const { index } = entry;
    const result = { type: "done", index, held, path } as const;
    this.#settle(entry, result);
    await this.#transfer.report.succeed(reported(entry), path, resumedAt);
    await this.#frames.send(result);
  }

  async #fail(entry: Entry, { code, message }: FileError): Promise<void> {
    const { index } = entry;
    const error = { code, message: escapeText(message) };
    const result = { type: "failed", index, error } as const;
    this.#settle(entry, result);
    await this.#transfer.report.fail(reported(entry), error);
    await this.#frames.send(result);
  }

  #settle({ index }: Entry, result: ReceiverMessage): void {
    this.#transfer.results.set(index, result);
    this.#announced.settle(index);
  }
}

function reported({ index, path, size }: Entry): ReportedFile {
  return { index, path: shownPath(path), size };
}

function badName(fault: string): FileFault {
  return new FileFault(
    "bad-name",
    `The receiving end does not take the path: ${fault}`,
  );
}

function tooLong(size: number): FileFault {
  return new FileFault(
    "wrong-size",
    `More than the ${size} bytes came that were announced`,
  );
}
