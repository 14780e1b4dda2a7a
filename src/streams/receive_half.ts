/**
 * The receiving direction of a stream: what has come and is not read, and the credit that is
 * granted as it is read. Bytes that a read waits for go straight into its buffer.
 */
import { VerackError } from "../core/errors.ts";
import { ByteQueue } from "./byte_queue.ts";
import { CREDIT_SHARE, MIN_STREAM_WINDOW_BYTES } from "./streams_limits.ts";

/** What a {@linkcode ReceiveHalf} reports to its stream. */
export interface ReceiveOwner {
  /** The size of the window from now on, bytes; called when half of it was read. */
  nextWindow(window: number): number;
  /** Grants the peer so many bytes more. */
  grant(bytes: number): void;
  /** The memory of unread bytes grew or shrank. */
  heldChanged(change: number): void;
}

/** A read that waits for bytes. */
interface PendingRead {
  readonly buffer: Uint8Array;
  filled: number;
  readonly settled: PromiseWithResolvers<number | null>;
}

/** Reads one stream. */
export class ReceiveHalf {
  readonly #owner: ReceiveOwner;
  #queue: ByteQueue | undefined;
  #pending: PendingRead | undefined;
  #state: "open" | "ended" | "stopped" = "open";
  #error: VerackError | undefined;
  #window = MIN_STREAM_WINDOW_BYTES;
  /** Bytes that the peer may still send. */
  #credit = MIN_STREAM_WINDOW_BYTES;
  /** Bytes that were read and are not granted again. */
  #ungranted = 0;
  #onFailed: ((error: VerackError) => void) | undefined;

  constructor(owner: ReceiveOwner) {
    this.#owner = owner;
  }

  /** Whether the peer may send more. */
  get isOpen(): boolean {
    return this.#state === "open" && this.#error === undefined;
  }

  /** Whether all that came was read, or is not to be read. */
  get isDrained(): boolean {
    return this.#queue === undefined || this.#queue.length === 0;
  }

  /** Bytes that the peer may still send. */
  get credit(): number {
    return this.#state === "ended" ? 0 : this.#credit;
  }

  /** Size of the window. */
  get window(): number {
    return this.#window;
  }

  /** Memory of unread bytes. */
  get heldBytes(): number {
    return this.#queue?.heldBytes ?? 0;
  }

  /** Calls `listener` with the error once reads reject. */
  whenFailed(listener: (error: VerackError) => void): void {
    if (this.#error === undefined) this.#onFailed = listener;
    else listener(this.#error);
  }

  /** See `PeerStream.read`. */
  read(buffer: Uint8Array): Promise<number | null> {
    if (!(buffer instanceof Uint8Array) || buffer.length === 0) {
      return mayBeIgnored(
        new TypeError(
          "Cannot read: buffer must be a Uint8Array of at least one byte",
        ),
      );
    }
    if (this.#pending !== undefined) {
      return mayBeIgnored(new TypeError("Cannot read: another read waits"));
    }
    const queue = this.#queue;
    if (queue !== undefined && queue.length > 0) {
      const before = queue.heldBytes;
      const count = queue.take(buffer);
      this.#changed(before);
      this.#consumed(count);
      return Promise.resolve(count);
    }
    if (this.#error !== undefined) return mayBeIgnored(this.#error);
    if (this.#state !== "open") return Promise.resolve(null);
    const settled = Promise.withResolvers<number | null>();
    this.#pending = { buffer, filled: 0, settled };
    return settled.promise;
  }

  /** Bytes have come; `protocol` if there was no credit for them, or after the end. */
  receive(bytes: Uint8Array): void {
    const { length } = bytes;
    if (this.#state === "ended") {
      throw new VerackError(
        "protocol",
        "Cannot accept data: the stream has ended in that direction",
      );
    }
    if (length > this.#credit) {
      throw new VerackError(
        "flood",
        `Cannot accept data: ${length} bytes, must be at most the ${this.#credit} that were granted`,
      );
    }
    this.#credit -= length;
    if (this.#state === "stopped") return;
    const pending = this.#pending;
    if (pending === undefined) return this.#keep(bytes);
    const { buffer, filled } = pending;
    if (buffer.length <= filled) {
      // Full, or transferred to a worker or shrunk by its user, which must not harm the session.
      if (filled === 0) {
        this.#rejectPending(
          new TypeError(
            "Cannot read: buffer was detached while the read waited",
          ),
        );
      }
      return this.#keep(bytes);
    }
    const count = Math.min(buffer.length - filled, length);
    buffer.set(count === length ? bytes : bytes.subarray(0, count), filled);
    // After the frames of this turn, more of which may fit.
    if (filled === 0) queueMicrotask(() => this.#settle());
    pending.filled += count;
    if (count < length) this.#keep(bytes.subarray(count));
  }

  /** The peer has ended its direction; `protocol` if it has before. */
  end(): void {
    if (this.#state === "ended") {
      throw new VerackError(
        "protocol",
        "Cannot accept end: the stream has ended in that direction",
      );
    }
    if (this.#state !== "open") return;
    this.#state = "ended";
    this.#settleEmpty();
  }

  /** Drops what comes from now on; false if nothing more is to come. */
  stop(): boolean {
    const wasOpen = this.isOpen;
    if (this.#state === "open") this.#state = "stopped";
    this.drop();
    this.#settleEmpty();
    return wasOpen;
  }

  /** Drops what was not read. */
  drop(): void {
    const queue = this.#queue;
    if (queue === undefined) return;
    const before = queue.heldBytes;
    queue.clear();
    this.#changed(before);
  }

  /**
   * The stream has failed. A direction that is complete can still be read, unless `isOwn`: then
   * this end has aborted it.
   */
  fail(error: VerackError, isOwn: boolean): void {
    if (this.#state === "ended" && !isOwn) return;
    this.#error ??= error;
    this.drop();
    const pending = this.#pending;
    if (pending === undefined || pending.filled === 0) {
      this.#rejectPending(error);
    }
    this.#onFailed?.(this.#error);
  }

  #rejectPending(error: unknown): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    pending.settled.promise.catch(() => {});
    pending.settled.reject(error);
  }

  #keep(bytes: Uint8Array): void {
    const queue = this.#queue ??= new ByteQueue();
    const before = queue.heldBytes;
    queue.push(bytes);
    this.#changed(before);
  }

  #settle(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    this.#consumed(pending.filled);
    pending.settled.resolve(pending.filled);
  }

  /** Nothing more comes for a read that waits. */
  #settleEmpty(): void {
    const pending = this.#pending;
    if (pending === undefined || pending.filled > 0) return;
    this.#pending = undefined;
    pending.settled.resolve(null);
  }

  #changed(before: number): void {
    const change = this.heldBytes - before;
    if (change !== 0) this.#owner.heldChanged(change);
  }

  #consumed(count: number): void {
    this.#ungranted += count;
    // A peer that has ended needs no credit.
    if (!this.isOpen || this.#ungranted < CREDIT_SHARE * this.#window) return;
    const window = this.#owner.nextWindow(this.#window);
    const bytes = this.#ungranted + window - this.#window;
    this.#window = window;
    if (bytes <= 0) return;
    this.#ungranted = 0;
    this.#credit += bytes;
    this.#owner.grant(bytes);
  }
}

/** A rejection that does not end the process when it is not observed. */
export function mayBeIgnored(error: unknown): Promise<never> {
  const rejected = Promise.reject(error);
  rejected.catch(() => {});
  return rejected;
}
