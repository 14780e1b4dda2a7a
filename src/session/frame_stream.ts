/**
 * Frames on a connection: the read loop, the writer, and three ways to close (at
 * once, after the queue is sent, after one last frame).
 */
import {
  FLUSH_TIMEOUT_MS,
  LARGE_FRAME_RETRY_MS,
  STRANGERS_TURN_FRAMES,
} from "./session_limits.ts";
import { messageOf, VerackError } from "../core/errors.ts";
import type { SessionTraffic } from "../core/node_counters.ts";
import {
  MAX_HANDSHAKE_PAYLOAD_BYTES,
  MAX_PAYLOAD_BYTES,
  READ_BUFFER_MAX_BYTES,
  READ_BUFFER_MIN_BYTES,
} from "../wire/wire_limits.ts";
import type { Frame } from "../wire/frame.ts";
import { FrameDecoder } from "../wire/frame_decoder.ts";
import type { Progress } from "./heartbeat.ts";
import type { FrameHolder } from "./node_budget.ts";
import { FrameWriter } from "./frame_writer.ts";
import type { StreamSettings } from "./session_options.ts";

/** Read buffer while everything is dropped. */
const DISCARD_BYTES = 4_096;

/** Settings of a {@linkcode FrameStream}. */
export interface FrameStreamOptions extends StreamSettings {
  readonly traffic: SessionTraffic;
  /** Called for each frame; its payload is valid only during the call. */
  readonly onFrame: (frame: Frame) => void;
  /** Called when the bytes break a rule, or when `onFrame` throws. */
  readonly onFault: (error: VerackError) => void;
  /** Called when other sessions need the memory of this one, which then must close. */
  readonly onEvict: (what: "queue" | "frame") => void;
  /** The error to close with when the peer ends the connection first. */
  readonly onEnd: () => VerackError;
  /** Called once, when the stream closes for any reason. */
  readonly onClose: (error: VerackError) => void;
}

/** Reads and writes the frames of one connection. */
export class FrameStream implements FrameHolder {
  /** Queues frames and writes them. */
  readonly writer: FrameWriter;
  readonly #options: FrameStreamOptions;
  readonly #decoder: FrameDecoder;
  #state: "open" | "draining" | "discarding" | "closed" = "open";
  #endError: VerackError | undefined;
  #cancelDrain: (() => void) | undefined;
  readonly #released = Promise.withResolvers<void>();
  #lastReceived: number;
  /** When the incomplete frame was begun; monotonic clock, milliseconds. */
  #frameSince: number;
  /** Whether the session is open, so that frames count for the meter. */
  #metered = false;
  /** The next read comes after it. */
  #before: Promise<void> | undefined;
  /** What the shared budget counts for this stream, bytes. */
  #heldBytes = 0;
  /** Ends a wait of the read loop. */
  #resume: (() => void) | undefined;

  constructor(options: FrameStreamOptions) {
    const { connection, magic, clock, keepPayload, hasStanding } = options;
    this.#options = options;
    this.#decoder = new FrameDecoder({
      magic,
      maxPayload: MAX_HANDSHAKE_PAYLOAD_BYTES,
      initialBytes: options.initialReadBytes ?? READ_BUFFER_MIN_BYTES,
      skipPayload: keepPayload === undefined ? 0 : MAX_PAYLOAD_BYTES,
    });
    this.writer = new FrameWriter({
      connection,
      magic,
      clock,
      hasStanding,
      traffic: options.traffic,
      queues: options.budget?.queues,
      onEvict: () => options.onEvict("queue"),
      onError: (error) => this.#failIo(error),
    });
    this.#lastReceived = this.#frameSince = clock.monotonic();
  }

  /** Whether it neither drains nor is closed. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Size of the read buffer, bytes. */
  get readBufferBytes(): number {
    return this.#decoder.capacity;
  }

  /** When bytes were last received and sent. */
  get progress(): Progress {
    const { lastAccepted, lastWritten } = this.writer;
    return { lastReceived: this.#lastReceived, lastAccepted, lastWritten };
  }

  /** Milliseconds without progress in either direction; see `LivenessState`. */
  silentMs(now: number): number {
    return now - Math.max(this.#lastReceived, this.writer.lastAccepted);
  }

  get hasStanding(): boolean {
    return this.writer.hasStanding;
  }

  /** The frame budget evicts it. */
  onEvict(): void {
    this.#options.onEvict("frame");
  }

  /** Starts the read loop. */
  start(): void {
    this.#read();
  }

  /** The session is open: payloads may be larger, and checksums may be off. */
  open(options: { checksums: boolean }): void {
    this.#metered = true;
    this.#decoder.maxPayload = this.#options.keepPayload ?? MAX_PAYLOAD_BYTES;
    this.#decoder.verifyChecksum = options.checksums;
    this.writer.checksums = options.checksums;
  }

  /** Has the next read wait for a promise, which settles at the latest when this is closed. */
  readAfter(before: Promise<void> | void): void {
    if (before !== undefined) this.#before = before;
  }

  /** Milliseconds since the incomplete frame was begun, if there is one. */
  incompleteMs(now: number): number {
    return this.#decoder.buffered > 0 ? now - this.#frameSince : 0;
  }

  /** Keeps a pause of this process from counting as silence or as a stall. */
  compensate(pausedMs: number): void {
    this.#lastReceived += pausedMs;
    this.#frameSince += pausedMs;
    // While reading waits, the silence is not the peer's.
    if (this.#resume !== undefined) this.#heard();
    this.writer.compensate(pausedMs);
  }

  /**
   * Sends the queue, then closes when the peer has closed its end, at the latest
   * after `FLUSH_TIMEOUT_MS`. With `discard`, used after a refusal or a fault, it
   * drops what it reads; it must read, since closing with unread bytes resets the
   * connection and may destroy the reason on its way to the peer.
   */
  drain(error: VerackError, options: { discard: boolean }): void {
    if (this.#state === "closed") return;
    this.#state = options.discard ? "discarding" : "draining";
    this.#endError = error;
    this.#cancelDrain?.();
    this.#cancelDrain = this.#options.clock.after(
      FLUSH_TIMEOUT_MS,
      () => this.close(error),
    );
  }

  /** Closes now. Idempotent. */
  close(error: VerackError): void {
    if (this.#state === "closed") return;
    this.#options.connection.close();
    this.writer.close();
    this.#end(error);
    this.#released.resolve();
  }

  /**
   * Closes now, and keeps the connection only to write one last frame in place of
   * the queue, at most for `FLUSH_TIMEOUT_MS`. Idempotent.
   */
  closeWith(error: VerackError, command: string, payload: Uint8Array): void {
    if (this.#state === "closed") return;
    const release = () => {
      cancel();
      this.#options.connection.close();
      this.#released.resolve();
    };
    const cancel = this.#options.clock.after(FLUSH_TIMEOUT_MS, release);
    this.writer.closeWith(command, payload, release);
    this.#end(error);
  }

  /** Resolves when the connection is closed, which {@linkcode closeWith} delays. */
  get released(): Promise<void> {
    return this.#released.promise;
  }

  #end(error: VerackError): void {
    this.#state = "closed";
    this.#cancelDrain?.();
    this.#options.budget?.frames.hold(this, 0, 0);
    this.#resume?.();
    this.#options.onClose(error);
  }

  async #read(): Promise<void> {
    const { connection, clock } = this.#options;
    try {
      while (this.#state !== "closed") {
        const discards = this.#state === "discarding";
        if (!discards && !this.#hasRoom()) {
          await this.#wait(LARGE_FRAME_RETRY_MS);
          this.#heard();
          continue;
        }
        const count = await connection.read(
          discards ? new Uint8Array(DISCARD_BYTES) : this.#decoder.space(),
        );
        if (count === null) {
          return this.close(this.#endError ?? this.#options.onEnd());
        }
        this.#options.traffic.read(count);
        if (discards) continue;
        this.#lastReceived = clock.monotonic();
        if (this.#decoder.buffered === 0) this.#frameSince = this.#lastReceived;
        this.#decoder.commit(count);
        if (this.#consume()) {
          await this.#takeTurns();
          // The silence was not the peer's.
          this.#lastReceived = clock.monotonic();
        }
        if (this.#before !== undefined) {
          await this.#before;
          this.#before = undefined;
          this.#lastReceived = clock.monotonic();
        }
        const stallMs = this.#stallMs();
        if (stallMs === 0) continue;
        await this.#wait(stallMs);
        this.#lastReceived = clock.monotonic();
      }
    } catch (error) {
      this.#failIo(error);
    } finally {
      this.#decoder.release();
    }
  }

  /** Handles the frames that are left in the buffer, a turn at a time. */
  async #takeTurns(): Promise<void> {
    for (let isMore = true; isMore;) {
      const share = this.#options.meter?.share;
      if (share === undefined) isMore = this.#consume();
      else {
        const { meter, source } = share;
        const { done, cancel } = meter.wait(source, () => this.#consume(true));
        this.#resume = cancel;
        isMore = await done;
        this.#resume = undefined;
      }
    }
  }

  /** Handles complete frames, with `isTurn` those of one turn; true if some are left for a turn. */
  #consume(isTurn = false): boolean {
    const share = this.#metered ? this.#options.meter?.share?.meter : undefined;
    if (!isTurn && share?.isFree === false) return true;
    let left = STRANGERS_TURN_FRAMES;
    try {
      let frame = this.#decoder.next();
      while (
        frame !== undefined &&
        (this.#state === "open" || this.#state === "draining")
      ) {
        this.#frameSince = this.#lastReceived;
        const { command, payload } = frame;
        const counts = this.#metered &&
          this.#options.meter?.count(command, payload.length);
        if (counts && share !== undefined) {
          share.count(payload.length);
          left--;
        }
        this.#options.onFrame(frame);
        if (left <= 0 && (isTurn || !share?.isFree)) return true;
        frame = this.#decoder.next();
      }
    } catch (error) {
      this.#fault(error);
    }
    return false;
  }

  #fault(error: unknown): void {
    if (!(error instanceof VerackError)) throw error;
    this.#options.onFault(error);
  }

  /** Milliseconds to pause reading, so that TCP slows down a peer that sends too much. */
  #stallMs(): number {
    const { meter } = this.#options;
    if (meter === undefined || this.#state !== "open") return 0;
    try {
      return meter.stallMs(this.#lastReceived);
    } catch (error) {
      this.#fault(error);
      return 0;
    }
  }

  /** Reserves memory for the next read from the shared budget; false if there is none. */
  #hasRoom(): boolean {
    const budget = this.#options.budget;
    if (budget === undefined) return true;
    // For the whole frame at once: frames with partial reservations could block
    // one another for ever.
    const pledged = this.#decoder.pledgedBytes - READ_BUFFER_MAX_BYTES;
    const bytes = Math.max(0, pledged);
    if (bytes === this.#heldBytes) return true;
    const now = this.#options.clock.monotonic();
    const fits = budget.frames.hold(this, bytes, now);
    if (fits) this.#heldBytes = bytes;
    return fits;
  }

  #heard(): void {
    this.#lastReceived = this.#frameSince = this.#options.clock.monotonic();
  }

  /** Waits for the delay, or until the stream is closed. */
  async #wait(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(delayMs, resolve);
      this.#resume = () => {
        cancel();
        resolve();
      };
    });
    this.#resume = undefined;
  }

  #failIo(cause: unknown): void {
    if (this.#endError !== undefined) this.close(this.#endError);
    else if (cause instanceof VerackError) this.close(cause);
    else {
      const message = `Session failed: ${messageOf(cause)}`;
      this.close(new VerackError("closed", message, { cause }));
    }
  }
}
