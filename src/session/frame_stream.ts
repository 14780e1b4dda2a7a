/**
 * Frames on a connection: the read loop, the writer, and three ways to close (at
 * once, after the queue is sent, after one last frame).
 */
import type { Clock } from "../core/clock.ts";
import {
  LARGE_FRAME_RETRY_MS,
  STRANGERS_TURN_FRAMES,
} from "./session_limits.ts";
import { messageOf, VerackError } from "../core/errors.ts";
import {
  FLUSH_TIMEOUT_MS,
  MAX_HANDSHAKE_PAYLOAD_BYTES,
  MAX_PAYLOAD_BYTES,
  READ_BUFFER_MAX_BYTES,
  READ_BUFFER_MIN_BYTES,
} from "../limits.ts";
import type { Connection } from "../transport/transport.ts";
import type { Frame } from "../wire/frame.ts";
import { FrameDecoder } from "../wire/frame_decoder.ts";
import type { Progress } from "./heartbeat.ts";
import type { FrameMeter } from "./frame_meter.ts";
import type { FrameHolder, NodeBudget } from "./node_budget.ts";
import { FrameWriter } from "./frame_writer.ts";

/** Read buffer while everything is dropped. */
const DISCARD_BYTES = 4_096;

/** Settings of a {@linkcode FrameStream}. */
export interface FrameStreamOptions {
  /** The stream closes it. */
  readonly connection: Connection;
  readonly magic: Uint8Array;
  readonly clock: Clock;
  /**
   * Longest payload, bytes, that is kept on the open session. If given, longer
   * ones (in the handshake those above `MAX_HANDSHAKE_PAYLOAD_BYTES`) are skipped
   * up to `MAX_PAYLOAD_BYTES`; else they are an error.
   *
   * @default {MAX_PAYLOAD_BYTES}
   */
  readonly keepPayload?: number;
  /** Smallest read buffer. @default {READ_BUFFER_MIN_BYTES} */
  readonly initialReadBytes?: number;
  /** Limits what is read on the open session. */
  readonly meter?: FrameMeter;
  /** Memory shared with other sessions. */
  readonly budget?: NodeBudget;
  /** See `SessionOptions.hasStanding`. */
  readonly hasStanding?: () => boolean;
  /** Called for each frame; its payload is valid only during the call. */
  readonly onFrame: (frame: Frame) => void;
  /** Called when the bytes break a rule, or when `onFrame` throws. */
  readonly onFault: (error: VerackError) => void;
  /** Other sessions need the memory of this one, which has to close. */
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
  // Copied one by one, so that the rest of `options` can be collected.
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #maxPayload: number;
  readonly #meter: FrameMeter | undefined;
  readonly #budget: NodeBudget | undefined;
  readonly #onFrame: FrameStreamOptions["onFrame"];
  readonly #onFault: FrameStreamOptions["onFault"];
  readonly #onEvict: FrameStreamOptions["onEvict"];
  readonly #onEnd: FrameStreamOptions["onEnd"];
  readonly #onClose: FrameStreamOptions["onClose"];
  readonly #decoder: FrameDecoder;
  #state: "open" | "draining" | "discarding" | "closed" = "open";
  #endError: VerackError | undefined;
  #cancelDrain: (() => void) | undefined;
  readonly #released = Promise.withResolvers<void>();
  #lastReceived: number;
  /** When the incomplete frame was begun; monotonic clock, milliseconds. */
  #frameSince: number;
  /** The session is open, so that frames count for the meter. */
  #metered = false;
  /** Ends a wait of the read loop. */
  #resume: (() => void) | undefined;

  constructor(options: FrameStreamOptions) {
    this.#connection = options.connection;
    this.#clock = options.clock;
    this.#maxPayload = options.keepPayload ?? MAX_PAYLOAD_BYTES;
    this.#meter = options.meter;
    this.#budget = options.budget;
    this.#onFrame = options.onFrame;
    this.#onFault = options.onFault;
    this.#onEvict = options.onEvict;
    this.#onEnd = options.onEnd;
    this.#onClose = options.onClose;
    this.#decoder = new FrameDecoder({
      magic: options.magic,
      maxPayload: MAX_HANDSHAKE_PAYLOAD_BYTES,
      initialBytes: options.initialReadBytes ?? READ_BUFFER_MIN_BYTES,
      skipPayload: options.keepPayload === undefined ? 0 : MAX_PAYLOAD_BYTES,
    });
    this.writer = new FrameWriter({
      ...options,
      ...(options.budget && { queues: options.budget.queues }),
      onEvict: () => this.#onEvict("queue"),
      onError: (error) => this.#failIo(error),
    });
    this.#lastReceived = this.#frameSince = options.clock.monotonic();
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
    this.#onEvict("frame");
  }

  /** Starts the read loop. */
  start(): void {
    this.#read();
  }

  /** The session is open: payloads may be larger, and checksums may be off. */
  open(options: { checksums: boolean }): void {
    this.#metered = true;
    this.#decoder.maxPayload = this.#maxPayload;
    this.#decoder.verifyChecksum = options.checksums;
    this.writer.checksums = options.checksums;
  }

  /** Milliseconds since the incomplete frame was begun, if there is one. */
  incompleteMs(now: number): number {
    return this.#decoder.buffered > 0 ? now - this.#frameSince : 0;
  }

  /** Keeps a pause of this process from counting as silence or as a stall. */
  compensate(pausedMs: number): void {
    this.#lastReceived += pausedMs;
    this.#frameSince += pausedMs;
    // While reading waits, the silence is our own doing.
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
    this.#cancelDrain = this.#clock.after(
      FLUSH_TIMEOUT_MS,
      () => this.close(error),
    );
  }

  /** Closes now. Idempotent. */
  close(error: VerackError): void {
    if (this.#state === "closed") return;
    this.#connection.close();
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
      this.#connection.close();
      this.#released.resolve();
    };
    const cancel = this.#clock.after(FLUSH_TIMEOUT_MS, release);
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
    this.#budget?.frames.hold(this, 0, 0);
    this.#resume?.();
    this.#onClose(error);
  }

  async #read(): Promise<void> {
    try {
      while (this.#state !== "closed") {
        const discards = this.#state === "discarding";
        if (!discards && !this.#hasRoom()) {
          await this.#waitForRoom();
          continue;
        }
        const count = await this.#connection.read(
          discards ? new Uint8Array(DISCARD_BYTES) : this.#decoder.space(),
        );
        if (count === null) {
          return this.close(this.#endError ?? this.#onEnd());
        }
        if (discards) continue;
        this.#lastReceived = this.#clock.monotonic();
        if (this.#decoder.buffered === 0) this.#frameSince = this.#lastReceived;
        this.#decoder.commit(count);
        if (this.#consume()) await this.#takeTurns();
        const stallMs = this.#stallMs();
        if (stallMs > 0) await this.#stall(stallMs);
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
      const share = this.#meter?.share;
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
    const share = this.#metered ? this.#meter?.share?.meter : undefined;
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
          this.#meter?.count(command, payload.length);
        if (counts && share !== undefined) {
          share.count(payload.length);
          left--;
        }
        this.#onFrame(frame);
        if (left <= 0 && (isTurn || !share?.isFree)) return true;
        frame = this.#decoder.next();
      }
    } catch (error) {
      if (!(error instanceof VerackError)) throw error;
      this.#onFault(error);
    }
    return false;
  }

  /** Milliseconds to pause reading, because the peer sends too much. */
  #stallMs(): number {
    const meter = this.#meter;
    if (meter === undefined || this.#state !== "open") return 0;
    try {
      return meter.stallMs(this.#clock.monotonic());
    } catch (error) {
      if (!(error instanceof VerackError)) throw error;
      this.#onFault(error);
      return 0;
    }
  }

  /** Pauses reading, so that TCP slows the peer down. */
  async #stall(stallMs: number): Promise<void> {
    await this.#wait(stallMs);
    // The silence was our own doing.
    this.#lastReceived = this.#clock.monotonic();
  }

  /** Reserves memory for the next read from the shared budget; false if there is none. */
  #hasRoom(): boolean {
    const budget = this.#budget;
    if (budget === undefined) return true;
    // For the whole frame at once: frames with partial reservations could block
    // one another for ever.
    const bytes = this.#decoder.pledgedBytes - READ_BUFFER_MAX_BYTES;
    return budget.frames.hold(
      this,
      Math.max(0, bytes),
      this.#clock.monotonic(),
    );
  }

  async #waitForRoom(): Promise<void> {
    await this.#wait(LARGE_FRAME_RETRY_MS);
    this.#heard();
  }

  #heard(): void {
    this.#lastReceived = this.#frameSince = this.#clock.monotonic();
  }

  /** Waits for the delay, or until the stream is closed. */
  async #wait(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(delayMs, resolve);
      this.#resume = () => {
        cancel();
        resolve();
      };
    });
    this.#resume = undefined;
  }

  #failIo(error: unknown): void {
    if (this.#endError !== undefined) return this.close(this.#endError);
    this.close(
      error instanceof VerackError
        ? error
        : new VerackError("closed", `Session failed: ${messageOf(error)}`, {
          cause: error,
        }),
    );
  }
}
