/**
 * The sending end of one stream of a transfer. One loop writes: it announces files, some ahead,
 * and sends what the receiving end requests, in the order of the requests. The other loop
 * reads the answers.
 */
import { VerackError } from "../../core/errors.ts";
import { escapeText } from "../../core/escape.ts";
import type { PeerStream } from "../../streams/peer_stream.ts";
import {
  decodeReceiverMessage,
  FILE_HEADER_BYTES,
  putDataHeader,
} from "./file_codec.ts";
import { FileFault } from "./file_fault.ts";
import { FileFrames } from "./file_frames.ts";
import { FileHash, hashOf, readChunks } from "./file_hash.ts";
import type { FileError, ReceiverMessage } from "./file_messages.ts";
import { DeclinedError, type OutgoingTransfer } from "./outgoing_transfer.ts";
import {
  FILE_WINDOW,
  MAX_FILES_READ_AHEAD,
  MAX_OFFERED_PATHS,
  SMALL_FILE_BYTES,
} from "./files_limits.ts";
import type { ReportedFile } from "./transfer_report.ts";
import {
  changed,
  checkSource,
  openSource,
  readingFault,
  smallFileMessages,
} from "./outgoing_file.ts";

/** What the receiving end requests. */
type Wanted = Extract<ReceiverMessage, { type: "from" | "compare" }>;

/** How far a file is that was announced on this stream. */
type Step = "announced" | "wanted" | "sending" | "sent" | "compared";

/** Sends what is left of a transfer on a stream. */
export class FileSender {
  readonly #transfer: OutgoingTransfer;
  readonly #stream: PeerStream;
  readonly #frames: FileFrames;
  readonly #steps = new Map<number, Step>();
  readonly #wanted: Wanted[] = [];
  /** All messages of small files that are requested next. */
  readonly #readAhead = new Map<number, Promise<Uint8Array<ArrayBuffer>>>();
  readonly #ended = new AbortController();
  /** The next file to announce. */
  #next = 0;
  #woken: PromiseWithResolvers<void> | undefined;

  constructor(transfer: OutgoingTransfer, stream: PeerStream) {
    this.#transfer = transfer;
    this.#stream = stream;
    this.#frames = new FileFrames(stream);
  }

  /**
   * Resolves when every file is done or has failed.
   *
   * @throws {DeclinedError} when the receiving end declines.
   * @throws {VerackError} `malformed`, and what the stream throws.
   */
  async run(): Promise<void> {
    await this.#offer();
    const reading = this.#read();
    const writing = this.#write();
    try {
      await Promise.all([reading, writing]);
    } catch (error) {
      this.#ended.abort(error);
      this.#stream.abort(error);
      this.#wake();
      await Promise.allSettled([reading, writing]);
      throw error;
    }
  }

  async #offer(): Promise<void> {
    const { files, report } = this.#transfer;
    const { transfer, total } = report.facts;
    const paths = files.slice(0, MAX_OFFERED_PATHS).map(({ path }) => path);
    const { done, failed, doneBytes } = report;
    await this.#frames.send({
      type: "offer",
      transfer,
      files: files.length,
      bytes: total,
      done,
      failed,
      doneBytes,
      paths,
    });
    const answer = await this.#message();
    if (answer?.type === "decline") throw new DeclinedError(answer.error);
    if (answer?.type !== "accept") throw senseless(answer);
  }

  /** Announces, and sends what is requested, until all is settled. */
  async #write(): Promise<void> {
    for (;;) {
      await this.#announce();
      this.#lookAhead();
      const wanted = this.#wanted.shift();
      if (wanted !== undefined) {
        if (wanted.type === "from") await this.#send(wanted);
        else await this.#compare(wanted.index);
      } else if (this.#isDone) {
        return await this.#stream.closeWrite();
      } else {
        this.#ended.signal.throwIfAborted();
        this.#woken = Promise.withResolvers();
        await this.#woken.promise;
      }
    }
  }

  get #isDone(): boolean {
    return this.#steps.size === 0 && this.#nextIndex() === undefined;
  }

  #nextIndex(): number | undefined {
    const { files, settled } = this.#transfer;
    while (this.#next < files.length && settled[this.#next]) this.#next++;
    return this.#next < files.length ? this.#next : undefined;
  }

  async #announce(): Promise<void> {
    while (this.#steps.size < FILE_WINDOW) {
      const index = this.#nextIndex();
      if (index === undefined) return;
      this.#next++;
      const { source: _, fault: __, ...facts } = this.#transfer.files[index]!;
      this.#steps.set(index, "announced");
      await this.#frames.send({ type: "entry", index, ...facts });
    }
  }

  async #send(wanted: Extract<Wanted, { type: "from" }>): Promise<void> {
    const { index } = wanted;
    const small = this.#readAhead.get(index);
    this.#readAhead.delete(index);
    if (this.#steps.get(index) !== "wanted") return;
    this.#steps.set(index, "sending");
    const file = this.#reported(index);
    let error: FileError | undefined;
    try {
      error = small === undefined
        ? await this.#sendFile(wanted, file)
        : await this.#sendSmall(small, file);
    } catch (fault) {
      if (!(fault instanceof FileFault)) throw fault;
      error = fault;
    }
    if (error === undefined) return;
    this.#sent(index);
    await this.#frames.send({ type: "skip", index, error });
  }

  /** Before the last message of a file goes out, as the answer may come at once. */
  #sent(index: number): void {
    this.#transfer.hashed.add(index);
    // Unless the receiving end has given it up.
    if (this.#steps.has(index)) this.#steps.set(index, "sent");
  }

  /** Reads the small files that are requested next, several at once. */
  #lookAhead(): void {
    for (const { index, type, ...from } of this.#wanted) {
      if (this.#readAhead.size >= MAX_FILES_READ_AHEAD) return;
      const local = this.#transfer.files[index]!;
      const isWhole = type === "from" && "offset" in from && from.offset === 0;
      if (!isWhole || local.size > SMALL_FILE_BYTES) return;
      if (this.#readAhead.has(index)) continue;
      const reading = smallFileMessages(index, local);
      // It may fail before it is awaited.
      reading.catch(() => {});
      this.#readAhead.set(index, reading);
    }
  }

  async #sendSmall(
    reading: Promise<Uint8Array<ArrayBuffer>>,
    file: ReportedFile,
  ): Promise<undefined> {
    const messages = await reading;
    const { report } = this.#transfer;
    await report.begin(file, 0);
    this.#begun(file.index, 0);
    this.#sent(file.index);
    await this.#frames.sendBytes(messages);
    await this.#progress(file, file.size);
  }

  /** Returns an error when the receiving end has given the file up. */
  async #sendFile(
    { index, offset, hash: held }: Extract<Wanted, { type: "from" }>,
    file: ReportedFile,
  ): Promise<FileError | undefined> {
    const { buffers, report } = this.#transfer;
    using source = await openSource(this.#transfer.files[index]!);
    const before = offset > 0
      ? await readingFault(
        hashOf(source, offset, buffers, this.#ended.signal),
      )
      : undefined;
    const isSame = before !== undefined && before.bytes === offset &&
      before.hash.is(held);
    const start = isSame ? offset : 0;
    const hash = isSame ? before.hash : new FileHash();
    if (before !== undefined && !isSame) {
      await readingFault(source.seek(0, Deno.SeekMode.Start));
    }
    // Before it goes out, as the answer may come at once.
    await report.begin(file, start);
    await this.#frames.send({ type: "begin", index, offset: start });
    this.#begun(index, start);
    let sent = start;
    const reader = {
      read: (into: Uint8Array) => readingFault(source.read(into)),
    };
    const take = async (buffer: Uint8Array<ArrayBuffer>, bytes: number) => {
      putDataHeader(buffer, bytes);
      const message = buffer.subarray(0, FILE_HEADER_BYTES + bytes);
      hash.update(message.subarray(FILE_HEADER_BYTES));
      await this.#frames.sendBytes(message);
      sent += bytes;
      await this.#progress(file, sent);
      return this.#steps.has(index);
    };
    await readChunks(
      reader,
      file.size - start,
      buffers,
      take,
      FILE_HEADER_BYTES,
    );
    if (!this.#steps.has(index)) {
      return { code: "unreadable", message: "The file was given up" };
    }
    await checkSource(source, this.#transfer.files[index]!);
    if (sent < file.size) throw changed();
    this.#sent(index);
    await this.#frames.send({ type: "hash", index, hash: hash.digest() });
    return undefined;
  }

  /** Reports how far a file is, unless its result has come meanwhile. */
  #progress(file: ReportedFile, bytes: number): Promise<void> | undefined {
    if (!this.#steps.has(file.index)) return undefined;
    return this.#transfer.report.progress(file, bytes);
  }

  async #compare(index: number): Promise<void> {
    const { buffers } = this.#transfer;
    try {
      using source = await openSource(this.#transfer.files[index]!);
      const { size } = this.#reported(index);
      const { bytes, hash } = await readingFault(
        hashOf(source, size, buffers, this.#ended.signal),
      );
      await checkSource(source, this.#transfer.files[index]!);
      if (bytes < size) throw changed();
      this.#transfer.hashed.add(index);
      this.#steps.set(index, "compared");
      await this.#frames.send({ type: "hash", index, hash: hash.digest() });
    } catch (error) {
      if (!(error instanceof FileFault)) throw error;
      this.#sent(index);
      await this.#frames.send({ type: "skip", index, error });
    }
  }

  /** Reads answers until the receiving end has ended its direction. */
  async #read(): Promise<void> {
    for (let message; (message = await this.#message()) !== undefined;) {
      await this.#handle(message);
      this.#wake();
    }
    if (!this.#isDone) {
      throw new VerackError(
        "reset",
        "Cannot send files: the receiving end ended the stream",
      );
    }
  }

  async #message(): Promise<ReceiverMessage | undefined> {
    const header = await this.#frames.header();
    if (header === null) return undefined;
    return decodeReceiverMessage(
      header.type,
      await this.#frames.payload(header),
    );
  }

  async #handle(message: ReceiverMessage): Promise<void> {
    if (!("index" in message)) throw senseless(message);
    const { index } = message;
    const step = this.#steps.get(index);
    if (step === undefined) throw senseless(message);
    const file = this.#reported(index);
    switch (message.type) {
      case "from":
        if (step !== "announced" && step !== "compared") {
          throw senseless(message);
        }
        if (message.offset > file.size) throw senseless(message);
        return this.#want(message);
      case "compare":
        if (step !== "announced") throw senseless(message);
        return this.#want(message);
      case "done": {
        const { begunAt, files, hashed } = this.#transfer;
        const isFolder = files[index]?.kind === "folder";
        // It may be hashed on an earlier stream, of which the answer was lost.
        if (!isFolder && !hashed.has(index)) throw senseless(message);
        const offset = begunAt.get(index) ?? 0;
        this.#settle(index);
        const path = escapeText(message.path);
        const saved = message.path === file.path ? file.path : path;
        return void await this.#transfer.report.succeed(
          file,
          saved,
          message.held ? file.size : offset,
        );
      }
      case "failed": {
        this.#settle(index);
        const { code, message: text } = message.error;
        return void await this.#transfer.report.fail(file, {
          code,
          message: escapeText(text),
        });
      }
    }
  }

  #want(wanted: Wanted): void {
    this.#steps.set(wanted.index, "wanted");
    this.#wanted.push(wanted);
  }

  #settle(index: number): void {
    this.#steps.delete(index);
    this.#transfer.settled[index] = true;
    this.#transfer.begunAt.delete(index);
    this.#transfer.resumedAt.delete(index);
    this.#transfer.advances++;
  }

  #begun(index: number, offset: number): void {
    const { begunAt, resumedAt } = this.#transfer;
    // Unless the receiving end has given it up.
    if (this.#steps.has(index)) begunAt.set(index, offset);
    if (offset <= (resumedAt.get(index) ?? 0)) return;
    resumedAt.set(index, offset);
    this.#transfer.advances++;
  }

  #reported(index: number): ReportedFile {
    const { path, size } = this.#transfer.files[index]!;
    return { index, path, size };
  }

  #wake(): void {
    this.#woken?.resolve();
    this.#woken = undefined;
  }
}

function senseless(message: ReceiverMessage | undefined): VerackError {
  return new VerackError(
    "malformed",
    `Cannot send files: the receiving end sent ${
      message === undefined ? "no answer" : `"${message.type}" out of turn`
    }`,
  );
}
