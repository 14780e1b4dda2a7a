/**
 * The writer of a connection: frames queued in one turn of the event loop are sent in one
 * write. `session.ts` decides when to close because a peer does not read.
 */
import type { Clock } from "../core/clock.ts";
import type { SessionTraffic } from "../core/node_counters.ts";
import { WRITE_BLOCK_BYTES } from "../transport/transport_limits.ts";
import { COMMAND } from "../wire/commands.ts";
import { FRAME_HEADER_BYTES } from "../wire/wire_limits.ts";
import { ArrivalCheck } from "./liveness.ts";
import { WAITED_WRITE_MS, WRITE_TIMEOUT_MS } from "./session_limits.ts";
import type { Connection } from "../transport/transport.ts";
import type { QueueBudget, QueueMember } from "./node_budget.ts";
import { WriteQueue } from "./write_queue.ts";
import type { SharedFrame } from "../wire/frame.ts";

/**
 * Microtasks until a turn with frames of streams counts as over: what awaits the open to write
 * data, or the data to end the stream, takes about three, and a handler that answers and returns
 * about eight. Each costs 50 ns, and a write 15 µs.
 */
const TURN_MICROTASKS = 12;

/** Settings of a {@linkcode FrameWriter}. */
export interface FrameWriterOptions {
  readonly connection: Connection;
  readonly magic: Uint8Array;
  readonly clock: Clock;
  readonly traffic: SessionTraffic;
  /** Shared with other connections. */
  readonly queues?: QueueBudget | undefined;
  /** See `SessionOptions.hasStanding`. */
  readonly hasStanding?: (() => boolean) | undefined;
  /** Closes the connection, whose queue is evicted for others. */
  readonly onEvict: () => void;
  /** Called at most once, when writing fails; nothing is written after that. */
  readonly onError: (error: unknown) => void;
}

/** Queues frames and writes them in order. */
export class FrameWriter implements QueueMember {
  /** Whether checksums are computed; false writes zeros (`nochecksum`). */
  checksums = true;
  readonly #options: FrameWriterOptions;
  readonly #queue: WriteQueue;
  #pumping = false;
  #isGathering = false;
  #closed = false;
  #onLastWritten: (() => void) | undefined;
  #lastProgress: number;
  #lastAccepted = -Infinity;
  /** Made when it is needed first. */
  #arrivals: ArrivalCheck | undefined;
  readonly #waiters: (() => void)[] = [];
  /** Bytes that the shared budget counts. */
  #accounted = 0;

  constructor(options: FrameWriterOptions) {
    this.#options = options;
    this.#queue = new WriteQueue(options.magic);
    this.#lastProgress = options.clock.monotonic();
    options.queues?.join(this);
  }

  /** Bytes queued or being written. */
  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  get hasStanding(): boolean {
    return this.#options.hasStanding?.() ?? true;
  }

  onEvict(): void {
    this.#options.onEvict();
  }

  /**
   * Whether a frame with `payloadBytes` fits into the queue and into the shared
   * budget, which evicts long queues for it, perhaps this one.
   */
  fits(payloadBytes: number): boolean {
    if (!this.#queue.fits(payloadBytes)) return false;
    this.#options.queues?.makeRoom(FRAME_HEADER_BYTES + payloadBytes, this);
    return !this.#closed;
  }

  /** When the last write began or made progress; monotonic clock, milliseconds. */
  get lastWritten(): number {
    return this.#lastProgress;
  }

  /**
   * When bytes that had to wait were last accepted, for which the peer's TCP made
   * room; monotonic clock, milliseconds. An immediate write is no evidence.
   */
  get lastAccepted(): number {
    return this.#lastAccepted;
  }

  /**
   * Whether data has waited for `WRITE_TIMEOUT_MS` without progress, though this process had
   * turns enough to notice any.
   */
  isStalled(now: number): boolean {
    const stalledMs = this.#pumping ? now - this.#lastProgress : 0;
    if (2 * stalledMs < WRITE_TIMEOUT_MS) return false;
    this.#arrivals ??= new ArrivalCheck(this.#options.clock);
    return this.#arrivals.isDone(this.#lastProgress) &&
      stalledMs >= WRITE_TIMEOUT_MS;
  }

  /** Keeps a pause of this process from counting as a stall. */
  compensate(pausedMs: number): void {
    this.#lastProgress += pausedMs;
    this.#lastAccepted += pausedMs;
  }

  /** Queues a frame; `payload` is copied, and `rest`, which continues it. */
  push(command: string, payload: Uint8Array, rest?: Uint8Array): true {
    if (
      !this.#pumping && (command === COMMAND.data || command === COMMAND.open)
    ) {
      this.#isGathering = true;
    }
    this.#queue.pushFrame(command, payload, this.checksums, rest);
    this.#queued();
    return true;
  }

  /** Queues frames; see {@linkcode WriteQueue.pushFrames}. */
  pushFrames(frames: Uint8Array): true {
    this.#queue.pushFrames(frames, this.checksums);
    this.#queued();
    return true;
  }

  /** Queues a frame that many sessions share. */
  pushShared(frame: SharedFrame): true {
    this.#queue.pushEncoded(frame.encoded(this.checksums));
    this.#queued();
    return true;
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
    this.#arrivals?.stop();
    this.#queue.clear();
    this.#options.queues?.change(-this.#accounted);
    this.#accounted = 0;
    this.#options.queues?.detach(this);
    this.#wake();
  }

  /**
   * {@linkcode close} with one last frame; `done` is called when it is written or
   * cannot be. It is not written behind a large frame, whose memory may be why the
   * session closes, or of which only a part is left.
   */
  closeWith(command: string, payload: Uint8Array, done: () => void): void {
    this.close();
    const { bytes, isWithinFrame } = this.#queue;
    if (bytes > WRITE_BLOCK_BYTES || isWithinFrame) return done();
    this.#queue.pushFrame(command, payload, this.checksums);
    this.#onLastWritten = done;
    this.#start();
  }

  #queued(): void {
    this.#account();
    if (this.#pumping || this.#closed) return;
    this.#lastProgress = this.#options.clock.monotonic();
    this.#start();
  }

  #start(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.#pump();
  }

  async #pump(): Promise<void> {
    const { connection, clock, traffic } = this.#options;
    try {
      // After the current turn, so that one turn makes one write.
      await undefined;
      for (let i = 1; this.#isGathering && i < TURN_MICROTASKS; i++) {
        await undefined;
      }
      this.#isGathering = false;
      for (
        let rest = this.#queue.take();
        rest !== undefined;
        rest = this.#queue.take()
      ) {
        for (;;) {
          const begunAt = this.#lastProgress;
          const count: number = await connection.write(rest);
          const now = this.#lastProgress = clock.monotonic();
          traffic.wrote(count);
          if (now - begunAt >= WAITED_WRITE_MS) this.#lastAccepted = now;
          if (count === rest.length) break;
          rest = rest.subarray(count);
        }
        this.#queue.wrote();
        this.#account();
        this.#wake();
      }
    } catch (error) {
      if (!this.#closed) this.#options.onError(error);
    } finally {
      this.#pumping = false;
      this.#onLastWritten?.();
    }
  }

  #account(): void {
    if (this.#closed) return;
    const { bytes } = this.#queue;
    this.#options.queues?.change(bytes - this.#accounted);
    this.#accounted = bytes;
  }

  #wake(): void {
    if (this.#waiters.length === 0) return;
    for (const wake of this.#waiters.splice(0)) wake();
  }
}
