/**
 * A connection seen as frames: the read loop, the writer, and the three ways to
 * end (at once, after what is queued has left, after a refusal). What frames mean
 * is left to `session.ts`.
 */
import type { Clock } from "../core/clock.ts";
import { LARGE_FRAME_RETRY_MS } from "../budget_limits.ts";
import { messageOf, VerackError } from "../core/errors.ts";
import {
  FLUSH_TIMEOUT_MS,
  MAX_HANDSHAKE_PAYLOAD_BYTES,
  MAX_PAYLOAD_BYTES,
  READ_BUFFER_MAX_BYTES,
  READ_BUFFER_MIN_BYTES,
} from "../limits.ts";
import type { Connection } from "../transport/transport.ts";
import { type Frame, FrameDecoder } from "../wire/frame.ts";
import type { Progress } from "./heartbeat.ts";
import type { FrameMeter } from "./frame_meter.ts";
import type { FrameHolder, NodeBudget } from "./node_budget.ts";
import type { SharedFrame } from "./shared_frame.ts";
import { FrameWriter } from "./frame_writer.ts";

/** Buffer for what is read and dropped. */
const DISCARD_BYTES = 4_096;

/** Who handles the frames of a {@linkcode FrameStream}. */
export interface FrameStreamOptions {
  /** Owned by the channel from here on. */
  readonly connection: Connection;
  readonly magic: Uint8Array;
  readonly clock: Clock;
  /**
   * Longest payload that is kept once the session is open, bytes. If given,
   * longer ones are skipped up to `MAX_PAYLOAD_BYTES`, and before the session is
   * open those above `MAX_HANDSHAKE_PAYLOAD_BYTES`; else they are an error.
   *
   * @default {MAX_PAYLOAD_BYTES}
   */
  readonly keepPayload?: number;
  /** Size of the read buffer while little comes. @default {READ_BUFFER_MIN_BYTES} */
  readonly initialReadBytes?: number;
  /** Limits what is read once the session is open. */
  readonly meter?: FrameMeter;
  /** Memory shared with other channels. */
  readonly budget?: NodeBudget;
  /** A frame came; its payload is valid only during the call. */
  readonly onFrame: (frame: Frame) => void;
  /** The bytes, or `onFrame` by throwing, broke a rule. */
  readonly onFault: (error: VerackError) => void;
  /** Other channels need the memory that this one holds, which is to be closed. */
  readonly onEvict: (what: "queue" | "frame") => void;
  /** The stream ended without one of our own ends; the error to close with. */
  readonly onEnd: () => VerackError;
  /** Closed, for whatever reason; called once. */
  readonly onClose: (error: VerackError) => void;
}

/** Frames in and out of one connection. */
export class FrameStream implements FrameHolder {
  // One by one: who makes a channel may hand in more, which is not to stay.
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
  readonly #writer: FrameWriter;
  #state: "open" | "draining" | "discarding" | "closed" = "open";
  #endError: VerackError | undefined;
  #cancelDrain: (() => void) | undefined;
  readonly #released = Promise.withResolvers<void>();
  #lastReceived: number;
  /** Monotonic clock, milliseconds, when the frame that is coming was begun, or later. */
  #frameSince: number;
  /** The session is open, and what is said is metered. */
  #metered = false;
  /** Ends a wait of the reading side. */
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
    this.#writer = new FrameWriter({
      ...options,
      ...(options.budget && { queues: options.budget.queues }),
      onEvict: () => this.#onEvict("queue"),
      onError: (error) => this.#failIo(error),
    });
    this.#lastReceived = this.#frameSince = options.clock.monotonic();
  }

  /** Whether nothing has ended it yet. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Bytes that wait to be written. */
  get queuedBytes(): number {
    return this.#writer.queuedBytes;
  }

  /** Size of the read buffer, bytes. */
  get readBufferBytes(): number {
    return this.#decoder.capacity;
  }

  /** When bytes last went either way. */
  get progress(): Progress {
    const { lastAccepted, lastWritten } = this.#writer;
    return { lastReceived: this.#lastReceived, lastAccepted, lastWritten };
  }

  /** For how long nothing went either way, milliseconds; see `LivenessState`. */
  silentMs(now: number): number {
    return now - Math.max(this.#lastReceived, this.#writer.lastAccepted);
  }

  /** Others need the room that its frame takes. */
  onEvict(): void {
    this.#onEvict("frame");
  }

  /** Starts to read; `onFrame` is called from then on. */
  start(): void {
    this.#read();
  }

  /** The session is open: larger payloads, and perhaps no checksums any more. */
  open(options: { checksums: boolean }): void {
    this.#metered = true;
    this.#decoder.maxPayload = this.#maxPayload;
    this.#decoder.verifyChecksum = options.checksums;
    this.#writer.checksums = options.checksums;
  }

  /** Whether a frame with `payloadBytes` fits into the queue. */
  fits(payloadBytes: number): boolean {
    return this.#writer.fits(payloadBytes);
  }

  /** Queues a frame; `payload` is copied. */
  push(command: string, payload: Uint8Array): void {
    this.#writer.push(command, payload);
  }

  /** Queues a frame that many sessions share. */
  pushShared(frame: SharedFrame): void {
    this.#writer.pushShared(frame);
  }

  /** Resolves when at most `bytes` wait to be written, or the channel is closed. */
  drained(bytes: number): Promise<void> {
    return this.#writer.drained(bytes);
  }

  /** How long nothing could be written though something waits, milliseconds. */
  stalledMs(now: number): number {
    return this.#writer.stalledMs(now);
  }

  /** For how long a frame has been coming that is not complete, milliseconds. */
  incompleteMs(now: number): number {
    return this.#decoder.buffered > 0 ? now - this.#frameSince : 0;
  }

  /** A pause of our own process counts neither as silence nor as a stall. */
  compensate(pausedMs: number): void {
    this.#lastReceived += pausedMs;
    this.#frameSince += pausedMs;
    this.#writer.compensate(pausedMs);
  }

  /**
   * Sends what is queued and closes when the peer has closed its end, at the
   * latest after `FLUSH_TIMEOUT_MS`. Frames that still come are handed over, or
   * with `discard` dropped: after a refusal or a fault nothing more is believed,
   * but closing with bytes unread would reset the connection and destroy the
   * reason that is on its way.
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

  /** Closes at once. Idempotent. */
  close(error: VerackError): void {
    if (this.#state === "closed") return;
    this.#connection.close();
    this.#writer.close();
    this.#end(error);
    this.#released.resolve();
  }

  /**
   * Closes at once for everybody but the connection: it gets one last frame, in
   * place of what is queued, and goes when that is written, at the latest after
   * `FLUSH_TIMEOUT_MS`. What still comes meanwhile is dropped. Idempotent.
   */
  closeWith(error: VerackError, command: string, payload: Uint8Array): void {
    if (this.#state === "closed") return;
    const release = () => {
      cancel();
      this.#connection.close();
      this.#released.resolve();
    };
    const cancel = this.#clock.after(FLUSH_TIMEOUT_MS, release);
    this.#writer.closeWith(command, payload, release);
    this.#end(error);
  }

  /** Resolves when the connection itself is closed, which {@linkcode closeWith} puts off. */
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
        this.#consume();
        const stallMs = this.#stallMs();
        if (stallMs > 0) await this.#stall(stallMs);
      }
    } catch (error) {
      this.#failIo(error);
    } finally {
      this.#decoder.release();
    }
  }

  #consume(): void {
    try {
      let frame = this.#decoder.next();
      while (
        frame !== undefined &&
        (this.#state === "open" || this.#state === "draining")
      ) {
        this.#frameSince = this.#lastReceived;
        if (this.#metered) {
          this.#meter?.count(frame.command, frame.payload.length);
        }
        this.#onFrame(frame);
        frame = this.#decoder.next();
      }
    } catch (error) {
      if (!(error instanceof VerackError)) throw error;
      this.#onFault(error);
    }
  }

  /** How long not to read, because the peer says too much. */
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

  /** Reads nothing for a while; the peer notices, as its writes take longer. */
  async #stall(stallMs: number): Promise<void> {
    await this.#wait(stallMs);
    // That we did not hear it was our doing.
    this.#lastReceived = this.#clock.monotonic();
  }

  /** Takes the memory for the next read from what is shared; false if there is none. */
  #hasRoom(): boolean {
    const budget = this.#budget;
    if (budget === undefined) return true;
    // All of a frame at once: else many that are begun could keep each other from
    // being complete.
    const bytes = this.#decoder.pledgedBytes - READ_BUFFER_MAX_BYTES;
    return budget.frames.hold(
      this,
      Math.max(0, bytes),
      this.#clock.monotonic(),
    );
  }

  async #waitForRoom(): Promise<void> {
    await this.#wait(LARGE_FRAME_RETRY_MS);
    this.#lastReceived = this.#frameSince = this.#clock.monotonic();
  }

  /** Waits a while, or until the channel is closed. */
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
