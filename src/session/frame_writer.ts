/**
 * The writer of a connection: what one turn of the event loop queues leaves in one
 * write. `session.ts` decides when to close on a peer that does not read.
 */
import type { Clock } from "../core/clock.ts";
import { FRAME_HEADER_BYTES, WRITE_BLOCK_BYTES } from "../limits.ts";
import { WAITED_WRITE_MS } from "./session_limits.ts";
import type { Connection } from "../transport/transport.ts";
import type { QueueBudget, QueueMember } from "./node_budget.ts";
import { WriteQueue } from "./write_queue.ts";
import type { SharedFrame } from "./shared_frame.ts";

/** Settings of a {@linkcode FrameWriter}. */
export interface FrameWriterOptions {
  readonly connection: Connection;
  readonly magic: Uint8Array;
  readonly clock: Clock;
  /** Shared with other connections. */
  readonly queues?: QueueBudget;
  /** See `SessionOptions.hasStanding`. */
  readonly hasStanding?: () => boolean;
  /** Closes the connection, whose queue is evicted for others. */
  readonly onEvict: () => void;
  /** Called at most once, when writing fails; nothing is written after that. */
  readonly onError: (error: unknown) => void;
}

/** Queues frames and writes them in order. */
export class FrameWriter implements QueueMember {
  /** Whether checksums are computed; false writes zeros (`nochecksum`). */
  checksums = true;
  readonly onEvict: () => void;
  // Copied one by one, so that the rest of `options` can be collected.
  readonly #connection: Connection;
  readonly #magic: Uint8Array;
  readonly #clock: Clock;
  readonly #queues: QueueBudget | undefined;
  readonly #hasStanding: () => boolean;
  readonly #onError: (error: unknown) => void;
  readonly #queue = new WriteQueue();
  #pumping = false;
  #closed = false;
  #onLastWritten: (() => void) | undefined;
  #lastProgress: number;
  #lastAccepted = -Infinity;
  #waiters: (() => void)[] = [];
  /** Bytes that the shared budget knows of. */
  #accounted = 0;

  constructor(options: FrameWriterOptions) {
    this.onEvict = options.onEvict;
    this.#connection = options.connection;
    this.#magic = options.magic;
    this.#clock = options.clock;
    this.#queues = options.queues;
    this.#hasStanding = options.hasStanding ?? (() => true);
    this.#onError = options.onError;
    this.#lastProgress = options.clock.monotonic();
    this.#queues?.join(this);
  }

  /** Bytes queued or being written. */
  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  get hasStanding(): boolean {
    return this.#hasStanding();
  }

  /**
   * Whether a frame with `payloadBytes` fits into the queue and into the shared
   * budget, which evicts long queues for it, perhaps this one.
   */
  fits(payloadBytes: number): boolean {
    if (!this.#queue.fits(payloadBytes)) return false;
    this.#queues?.makeRoom(FRAME_HEADER_BYTES + payloadBytes, this);
    return !this.#closed;
  }

  /** When the last write began or made progress; monotonic clock, milliseconds. */
  get lastWritten(): number {
    return this.#lastProgress;
  }

  /**
   * When bytes that had to wait were last accepted, for which the peer's TCP made
   * room; monotonic clock, milliseconds. An immediate write proves nothing.
   */
  get lastAccepted(): number {
    return this.#lastAccepted;
  }

  /** Milliseconds since the last write made progress, while data waits. */
  stalledMs(now: number): number {
    return this.#pumping ? now - this.#lastProgress : 0;
  }

  /** Keeps a pause of this process from counting as a stall. */
  compensate(pausedMs: number): void {
    this.#lastProgress += pausedMs;
    this.#lastAccepted += pausedMs;
  }

  /** Queues a frame; `payload` is copied. */
  push(command: string, payload: Uint8Array): void {
    this.#queue.pushFrame(this.#magic, command, payload, this.checksums);
    this.#account();
    this.#start();
  }

  /** Queues a frame that many sessions share. */
  pushShared(frame: SharedFrame): void {
    this.#queue.pushEncoded(frame.encoded(this.checksums));
    this.#account();
    this.#start();
  }

  /** Resolves when at most `bytes` wait, or the writer is closed. */
  async drained(bytes: number): Promise<void> {
    while (!this.#closed && this.#queue.bytes > bytes) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  /** Drops the queue. The caller closes the connection. */
  close(): void {
    this.#closed = true;
    this.#queue.clear();
    this.#queues?.change(-this.#accounted);
    this.#accounted = 0;
    this.#queues?.detach(this);
    this.#wake();
  }

  /**
   * {@linkcode close} with one last frame; `done` is called when it is written or
   * cannot be. It is not written behind a large frame, whose memory may be why the
   * session closes.
   */
  closeWith(command: string, payload: Uint8Array, done: () => void): void {
    this.close();
    if (this.#queue.bytes > WRITE_BLOCK_BYTES) return done();
    this.#queue.pushFrame(this.#magic, command, payload, this.checksums);
    this.#onLastWritten = done;
    if (this.#pumping) return;
    this.#pumping = true;
    queueMicrotask(() => this.#pump());
  }

  /** Writes after the current turn, so that one turn makes one write. */
  #start(): void {
    if (this.#pumping || this.#closed) return;
    this.#pumping = true;
    this.#lastProgress = this.#clock.monotonic();
    queueMicrotask(() => this.#pump());
  }

  async #pump(): Promise<void> {
    try {
      for (
        let bytes = this.#queue.take();
        bytes !== undefined;
        bytes = this.#queue.take()
      ) {
        let rest = bytes;
        while (rest.length > 0) {
          const begunAt = this.#lastProgress;
          const count = await this.#connection.write(rest);
          const now = this.#lastProgress = this.#clock.monotonic();
          if (now - begunAt >= WAITED_WRITE_MS) this.#lastAccepted = now;
          rest = rest.subarray(count);
        }
        this.#queue.wrote();
        this.#account();
        if (this.#waiters.length > 0) this.#wake();
      }
    } catch (error) {
      if (!this.#closed) this.#onError(error);
    } finally {
      this.#pumping = false;
      this.#onLastWritten?.();
    }
  }

  #account(): void {
    if (this.#closed) return;
    const { bytes } = this.#queue;
    this.#queues?.change(bytes - this.#accounted);
    this.#accounted = bytes;
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}
