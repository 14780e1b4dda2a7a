/** A stream of a multiplexer: its two directions, how it ends, and what its user has of it. */
import { type ErrorCode, messageOf, VerackError } from "../core/errors.ts";
import { type PeerId, shortId } from "../core/peer_id.ts";
import { RESET_CODE } from "../wire/messages/stream_frames.ts";
import type { PeerStream } from "./peer_stream.ts";
import { ReceiveHalf, type ReceiveOwner } from "./receive_half.ts";
import { SendHalf, type SendOwner } from "./send_half.ts";
import { readableOf, writableOf } from "./web_streams.ts";

/** The errors by which an end may refuse a stream, and the code of each in a reset. */
const REFUSALS: ReadonlyMap<ErrorCode, number> = new Map([
  ["unknown-protocol", RESET_CODE.unknownProtocol],
  ["full", RESET_CODE.full],
  ["not-connected", RESET_CODE.notConnected],
  ["not-allowed", RESET_CODE.notAllowed],
  ["timeout", RESET_CODE.timeout],
  ["session-lost", RESET_CODE.sessionLost],
]);

/** What a reset of such a code says, if its text says nothing. */
const REFUSAL_OF: ReadonlyMap<number, { code: ErrorCode; what: string }> =
  new Map([
    [RESET_CODE.unknownProtocol, {
      code: "unknown-protocol",
      what: "the peer does not handle the protocol",
    }],
    [RESET_CODE.full, {
      code: "full",
      what: "the peer has no room for it",
    }],
    [RESET_CODE.failed, {
      code: "failed",
      what: "its handler failed at the peer",
    }],
    [RESET_CODE.notConnected, {
      code: "not-connected",
      what: "the peer has no session where it was to lead",
    }],
    [RESET_CODE.notAllowed, {
      code: "not-allowed",
      what: "the peer does not allow it",
    }],
    [RESET_CODE.timeout, {
      code: "timeout",
      what: "a deadline of the peer has passed",
    }],
    [RESET_CODE.sessionLost, {
      code: "session-lost",
      what: "the session has ended where it led",
    }],
  ]);

/** What a stream needs of its multiplexer. */
export interface StreamLink {
  readonly peer: PeerId;
  /** Whether a stream without backlog may send a frame now; see `SendOwner`. */
  maySend(
    stream: MultiplexedStream,
    bytes: number,
    isFirst: boolean,
  ): boolean;
  sendData(stream: MultiplexedStream, bytes: Uint8Array): void;
  sendCredit(stream: MultiplexedStream, bytes: number): void;
  sendEnd(stream: MultiplexedStream): void;
  sendReset(stream: MultiplexedStream, code: number, text: string): void;
  /** It has something to send; `hasSent` if some of it was sent out of turn. */
  wake(stream: MultiplexedStream, hasSent: boolean): void;
  /** See `ReceiveOwner`. */
  nextWindow(stream: MultiplexedStream, window: number): number;
  heldChanged(stream: MultiplexedStream, change: number): void;
  /** See `SendOwner`. */
  maxQueueBytes(stream: MultiplexedStream): number;
  queuedChanged(change: number): void;
  /** Both directions have ended, and all was read. */
  finished(stream: MultiplexedStream): void;
}

/** What identifies a stream. */
export interface StreamHead {
  readonly id: number;
  readonly protocol: string;
  readonly metadata: Uint8Array;
  /** Whether this node has opened it. */
  readonly isOwn: boolean;
  /** Whether a relay joins it to another. */
  readonly isRelayed: boolean;
}

/** One stream. */
export class MultiplexedStream implements PeerStream, SendOwner, ReceiveOwner {
  readonly id: number;
  readonly isOwn: boolean;
  readonly isRelayed: boolean;
  readonly protocol: string;
  readonly metadata: Uint8Array;
  /** Where it waits for a turn; changed by the multiplexer only. */
  place: "idle" | "fresh" | "backlog" = "idle";
  /** Bytes that it may send in this turn. */
  deficit = 0;
  /** When its window was granted last, monotonic clock, milliseconds. */
  windowAt: number;
  /** Called once, when both directions have ended. */
  onFinished: (() => void) | undefined;
  readonly #link: StreamLink;
  readonly #in: ReceiveHalf;
  readonly #out: SendHalf;
  #error: VerackError | undefined;
  #finished = false;
  #controller: AbortController | undefined;
  #closed: PromiseWithResolvers<void> | undefined;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array> | undefined;

  constructor(link: StreamLink, head: StreamHead, credit: number, now: number) {
    this.#link = link;
    this.id = head.id;
    this.isOwn = head.isOwn;
    this.isRelayed = head.isRelayed;
    this.protocol = head.protocol;
    this.metadata = head.metadata;
    this.windowAt = now;
    this.#in = new ReceiveHalf(this);
    this.#out = new SendHalf(this, credit);
  }

  // --- For its user ------------------------------------------------------------

  get peer(): PeerId {
    return this.#link.peer;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#error !== undefined) this.#controller.abort(this.#error);
    }
    return this.#controller.signal;
  }

  get closed(): Promise<void> {
    if (this.#closed === undefined) {
      this.#closed = Promise.withResolvers();
      this.#closed.promise.catch(() => {});
      this.#settleClosed();
    }
    return this.#closed.promise;
  }

  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= readableOf(
      this,
      (listener) => this.#in.whenFailed(listener),
    );
  }

  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= writableOf(
      this,
      (listener) => this.#out.whenFailed(listener),
    );
  }

  read(buffer: Uint8Array): Promise<number | null> {
    const count = this.#in.read(buffer);
    this.#checkFinished();
    return count;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#out.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#out.close();
  }

  stopReading(): void {
    if (this.#in.stop()) {
      this.#link.sendReset(this, RESET_CODE.unread, "");
    }
    this.#settleClosed();
    this.#checkFinished();
  }

  abort(reason?: unknown): void {
    const text = reason === undefined ? "" : messageOf(reason);
    const details = text === "" ? "" : `: ${text}`;
    const message = `The stream was aborted here${details}`;
    const error = new VerackError("aborted", message, { cause: reason });
    if (this.#isOver) return this.#discard(error);
    this.#link.sendReset(this, RESET_CODE.aborted, text);
    this.fail(error, true);
  }

  refuse(error: VerackError): void {
    if (this.#isOver) return this.#discard(error);
    const code = REFUSALS.get(error.code) ?? RESET_CODE.failed;
    this.#link.sendReset(this, code, error.message);
    this.fail(error, true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopReading();
    try {
      await this.closeWrite();
    } catch {
      // It has failed, as other operations have reported.
    }
  }

  // --- For its multiplexer -----------------------------------------------------

  /** Bytes that the peer may still send. */
  get receiveCredit(): number {
    return this.#in.credit;
  }

  /** Bytes that the peer may send beyond those that were read. */
  get window(): number {
    return this.#in.window;
  }

  /** Memory of what has come and is not read. */
  get heldBytes(): number {
    return this.#in.heldBytes;
  }

  /** Whether a turn would send something. */
  get isReady(): boolean {
    return this.#out.isReady;
  }

  /** See `ReceiveHalf.receive`. */
  receive(bytes: Uint8Array): void {
    this.#in.receive(bytes);
  }

  granted(bytes: number): void {
    this.#out.granted(bytes);
  }

  takeTurn(): number {
    return this.#out.takeTurn();
  }

  /** The peer has ended its direction. */
  ended(): void {
    this.#in.end();
    this.#settleClosed();
    this.#checkFinished();
  }

  /** The peer has reset the stream. */
  reset(code: number, text: string): void {
    const from = `Stream ${this.protocol} of ${shortId(this.peer)}`;
    const details = text === "" ? "" : `: ${text}`;
    if (code === RESET_CODE.unread) {
      return this.#out.stopped(
        new VerackError("reset", `${from}: the peer reads no more${details}`),
      );
    }
    const { code: meaning, what } = REFUSAL_OF.get(code) ??
      { code: "reset", what: "the peer aborted it" };
    // A relay passes on what the peer has said, and not where it has heard it.
    const said = text === "" ? {} : { cause: text };
    this.fail(new VerackError(meaning, `${from}: ${what}${details}`, said));
  }

  /** Ends both directions; `isOwn` if this end has aborted it. */
  fail(error: VerackError, isOwn = false): void {
    // Both directions were complete, or it has failed before.
    if (this.#isOver) return this.#finish();
    this.#error = error;
    this.#out.fail(error);
    this.#in.fail(error, isOwn);
    this.#controller?.abort(error);
    this.#settleClosed();
    this.#finish();
  }

  /** Its handler has thrown; false if the stream had ended before. */
  failed(reason: unknown): boolean {
    const text = messageOf(reason);
    const message = `The handler of the stream failed: ${text}`;
    const error = new VerackError("failed", message, { cause: reason });
    if (this.#isOver) {
      this.#discard(error);
      // A peer that reads no more is no failure of what wrote to it.
      return reason !== this.#error && reason !== this.#out.error;
    }
    this.#link.sendReset(this, RESET_CODE.failed, text);
    this.fail(error, true);
    return true;
  }

  /** Others need the memory of what was not read. */
  evict(): void {
    const why = "the node has no memory for more unread bytes";
    const error = new VerackError("full", `The stream was reset: ${why}`);
    if (this.#isOver) return this.#discard(error);
    this.#link.sendReset(this, RESET_CODE.full, why);
    this.fail(error, true);
  }

  // --- For its directions ------------------------------------------------------

  maySend(bytes: number, isFirst: boolean): boolean {
    return this.place === "idle" && this.#link.maySend(this, bytes, isFirst);
  }

  sendBytes(bytes: Uint8Array): void {
    this.#link.sendData(this, bytes);
  }

  sendEnd(): void {
    this.#link.sendEnd(this);
  }

  wake(hasSent: boolean): void {
    if (this.place === "idle") this.#link.wake(this, hasSent);
  }

  get maxQueueBytes(): number {
    return this.#link.maxQueueBytes(this);
  }

  queuedChanged(change: number): void {
    if (change !== 0) this.#link.queuedChanged(change);
  }

  sendEnded(): void {
    this.#settleClosed();
    this.#checkFinished();
  }

  nextWindow(window: number): number {
    return this.#link.nextWindow(this, window);
  }

  grant(bytes: number): void {
    this.#link.sendCredit(this, bytes);
  }

  heldChanged(change: number): void {
    this.#link.heldChanged(this, change);
  }

  /** Whether nothing more comes or goes; what has come may still be unread. */
  get #isOver(): boolean {
    return this.#error !== undefined || this.#hasEnded;
  }

  /** Drops what is unread, so that its reader gets the error and no end. */
  #discard(error: VerackError): void {
    if (!this.#in.isDrained) this.#in.fail(error, true);
    this.#finish();
  }

  get #hasEnded(): boolean {
    return !this.#in.isOpen && !this.#out.isOpen;
  }

  #settleClosed(): void {
    if (this.#closed === undefined) return;
    if (this.#error !== undefined) this.#closed.reject(this.#error);
    else if (this.#hasEnded) this.#closed.resolve();
  }

  #checkFinished(): void {
    if (this.#hasEnded && this.#in.isDrained) this.#finish();
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.onFinished?.();
    this.#link.finished(this);
  }
}
