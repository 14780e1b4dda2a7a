/** A byte stream between this node and one peer, inside their session, as its user has it. */
import type { VerackError } from "../core/errors.ts";
import type { PeerId } from "../core/peer_id.ts";

/**
 * A byte stream to or from one peer. Each direction ends by itself: by `closeWrite` or by closing
 * `writable`. {@linkcode read} and {@linkcode write} are quicker than the Web Streams, which are
 * made when they are first asked for; use one of the two kinds for each direction.
 *
 * Disposing of it ends the own direction and stops the other.
 */
export interface PeerStream extends AsyncDisposable {
  /** The other end, whose key is verified. */
  readonly peer: PeerId;
  /** The name under which the other end handles it. */
  readonly protocol: string;
  /** What the opener sent with the protocol's name, at most 1,024 bytes. */
  readonly metadata: Uint8Array;
  /** Aborts with the error when the stream ends in any way but by both ends. */
  readonly signal: AbortSignal;
  /** Bytes of the peer. Cancelling it is {@linkcode stopReading}. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Bytes to the peer. Aborting it, or a chunk that is no bytes, aborts the stream. */
  readonly writable: WritableStream<Uint8Array>;
  /**
   * Resolves when both directions have ended, whether or not all that came was read; rejects as
   * {@linkcode read} does. May be ignored.
   */
  readonly closed: Promise<void>;
  /**
   * Reads into `buffer`; resolves with the number of bytes, or null when the peer has ended its
   * direction.
   *
   * @throws {VerackError} `unknown-protocol`, `full`, `failed`, `reset`, `session-lost`, `aborted`,
   * or with what the peer refused it.
   */
  read(buffer: Uint8Array): Promise<number | null>;
  /**
   * Writes all of `bytes`, which may be changed afterwards. Resolves when more may be written.
   *
   * @throws {VerackError} as {@linkcode read}.
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the own direction, after what was written. */
  closeWrite(): Promise<void>;
  /** Reads no more, and makes the peer send no more; the own direction goes on. */
  stopReading(): void;
  /** Ends both directions at once. The peer's operations reject with `reset` and the reason's message. */
  abort(reason?: unknown): void;
  /**
   * Ends both directions at once, as {@linkcode abort} does; the peer's operations reject with
   * the code and the message of `error` if the code is `full`, `unknown-protocol`,
   * `not-connected`, `not-allowed`, `timeout` or `session-lost`, else with `failed`.
   */
  refuse(error: VerackError): void;
}

/** Options of `Node.open`. */
export interface OpenOptions {
  /** Sent with the protocol's name: at most 1,024 bytes. @default none */
  readonly metadata?: Uint8Array | string;
  /** Aborts the stream, at any time of its life. */
  readonly signal?: AbortSignal;
}

/**
 * Options of the streams that a relay joins, which the library does not offer: together they
 * take one turn among those of the node's own, and their windows and queues stay small.
 */
export interface RelayedOptions {
  readonly isRelayed?: true;
}

/**
 * Handles the streams that peers open for one protocol. When it returns, or its promise resolves,
 * the stream is disposed of; when it throws, the peer gets `failed` with the error's message.
 */
export type StreamHandler = (stream: PeerStream) => void | Promise<void>;

/** Options of `Node.handle`. */
export interface HandleOptions {
  /**
   * Streams of the protocol that are handled at the same time. One peer may have at most as many
   * as it leaves to others, and all peers without standing together half, of which each leaves as
   * many to the others; more get `full`.
   *
   * @default {4_096}
   */
  readonly maxStreams?: number;
}
