/**
 * Two streams that a relay has joined: what comes from one is sent to the other, each direction
 * with its own end, and no faster than the other end takes it. How one stream ends, the other
 * end gets the same code.
 */
import { messageOf, VerackError } from "../../core/errors.ts";
import type { PeerId } from "../../core/peer_id.ts";
import type { PeerStream } from "../../streams/peer_stream.ts";
import {
  MAX_RELAY_BUFFER_BYTES,
  MIN_RELAY_BUFFER_BYTES,
} from "./relay_limits.ts";

/** What a pair needs of its relay. */
export interface RelayPairOptions {
  /** The monotonic clock, milliseconds. */
  readonly now: () => number;
  /** So many bytes are about to be sent on; resolves when they may be, if not at once. */
  readonly admit: (bytes: number) => Promise<void> | undefined;
}

/** Bytes of one direction, and its end. */
interface Direction {
  bytes: number;
  hasEnded: boolean;
}

/** One pair. */
export class RelayPair {
  /** The dialing end and the accepting end. */
  readonly from: PeerId;
  readonly to: PeerId;
  /** When it was joined, monotonic clock. */
  readonly since: number;
  readonly #opened: PeerStream;
  readonly #accepted: PeerStream;
  readonly #options: RelayPairOptions;
  readonly #there: Direction = { bytes: 0, hasEnded: false };
  readonly #back: Direction = { bytes: 0, hasEnded: false };
  #lastAt: number;
  #halfClosedAt: number | undefined;

  /**
   * Owns both streams from construction on.
   *
   * @param accepted The stream of the dialing end.
   * @param opened The stream to the accepting end.
   */
  constructor(
    accepted: PeerStream,
    opened: PeerStream,
    options: RelayPairOptions,
  ) {
    this.#accepted = accepted;
    this.#opened = opened;
    this.#options = options;
    this.from = accepted.peer;
    this.to = opened.peer;
    this.since = this.#lastAt = options.now();
  }

  /** Bytes that were sent on, both directions together. */
  get bytes(): number {
    return this.#there.bytes + this.#back.bytes;
  }

  /** Whether both ends have sent something. */
  get hasBegun(): boolean {
    return this.#there.bytes > 0 && this.#back.bytes > 0;
  }

  /** When a byte last came, monotonic clock. */
  get lastAt(): number {
    return this.#lastAt;
  }

  /** When the first direction ended, while the other goes on. */
  get halfClosedAt(): number | undefined {
    return this.#halfClosedAt;
  }

  /** Carries bytes until both directions have ended, or the streams have. */
  async run(): Promise<void> {
    await Promise.all([
      this.#carry(this.#accepted, this.#opened, this.#there),
      this.#carry(this.#opened, this.#accepted, this.#back),
    ]);
  }

  /** Ends both streams. */
  refuse(error: VerackError): void {
    this.#accepted.refuse(error);
    this.#opened.refuse(error);
  }

  async #carry(
    source: PeerStream,
    sink: PeerStream,
    direction: Direction,
  ): Promise<void> {
    let buffer = new Uint8Array(MIN_RELAY_BUFFER_BYTES);
    try {
      for (;;) {
        const count = await source.read(buffer);
        if (count === null) break;
        this.#lastAt = this.#options.now();
        const wait = this.#options.admit(count);
        if (wait !== undefined) await wait;
        try {
          const sent = sink.write(buffer.subarray(0, count));
          direction.bytes += count;
          await sent;
        } catch (error) {
          if (sink.signal.aborted) throw error;
          // The sink reads no more, and may still send.
          source.stopReading();
          break;
        }
        if (count === buffer.length) buffer = longer(buffer);
      }
      direction.hasEnded = true;
      this.#halfClosedAt ??= this.#options.now();
      await sink.closeWrite();
    } catch (error) {
      // Whichever of the two has ended, the other one gets its error.
      this.refuse(passedOn(error));
    }
  }
}

/**
 * The error of one end, for the other: of a reset what that end has said, or in a chain of relays
 * the first cause would be cut off.
 */
function passedOn(error: unknown): VerackError {
  if (error instanceof VerackError && typeof error.cause === "string") {
    return new VerackError(error.code, error.cause);
  }
  return error instanceof VerackError
    ? error
    : new VerackError("failed", messageOf(error), { cause: error });
}

function longer(buffer: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return buffer.length >= MAX_RELAY_BUFFER_BYTES
    ? buffer
    : new Uint8Array(Math.min(4 * buffer.length, MAX_RELAY_BUFFER_BYTES));
}
