/** Settings of a session, and the type of its message handlers. */
import type { Clock, Random } from "../core/clock.ts";
import type { Histogram } from "../core/histogram.ts";
import type { NodeCounters } from "../core/node_counters.ts";
import type { Connection } from "../transport/transport.ts";
import type { Frame } from "../wire/frame.ts";
import type { FrameMeter } from "./frame_meter.ts";
import type { Handshake, HandshakeOptions } from "./handshake.ts";
import type { NodeBudget } from "./node_budget.ts";

/** Settings of a session that its stream uses. */
export interface StreamSettings {
  /** The connection, which the stream closes. */
  readonly connection: Connection;
  readonly magic: Uint8Array;
  readonly clock: Clock;
  /**
   * Longest payload, bytes, that is kept on the open session. If given, longer
   * ones (in the handshake those above `MAX_HANDSHAKE_PAYLOAD_BYTES`) are skipped
   * up to `MAX_PAYLOAD_BYTES`; else they are an error. For profiles that are not strict.
   *
   * @default {MAX_PAYLOAD_BYTES}
   */
  readonly keepPayload?: number | undefined;
  /** Smallest read buffer. @default {READ_BUFFER_MIN_BYTES} */
  readonly initialReadBytes?: number | undefined;
  /** Limits what the peer may send on the open session. @default no limit */
  readonly meter?: FrameMeter | undefined;
  /** Memory shared with other sessions. @default not shared */
  readonly budget?: NodeBudget | undefined;
  /** Whether the peer has standing: others are evicted from the budget first. @default it has */
  readonly hasStanding?: (() => boolean) | undefined;
}

/**
 * Handles the messages of one command on an open session. The payload is valid
 * only during the call. Throwing a `VerackError` ends a strict session with the
 * reason that belongs to its code.
 */
export type FrameHandler = (payload: Uint8Array) => void;

/**
 * Called when the handshake of a session is complete. The next read waits for its promise, if any,
 * which must resolve at the latest when the session closes.
 */
export type OpenHandler<Session> = (session: Session) => void | Promise<void>;

/** State of the handshake, dropped when the session is open, to keep open sessions small. */
export interface SessionOpening<Session> {
  readonly onOpen: OpenHandler<Session> | undefined;
  readonly handshake: Handshake;
  readonly done: PromiseWithResolvers<void>;
  /** Ends the watch of deadline and signal. */
  unwatch: () => void;
}

/** Settings of one session. */
export interface SessionOptions extends HandshakeOptions, StreamSettings {
  /**
   * Called for every message in both directions, including the handshake and
   * frames with a fault, but not for shared frames. Payloads are valid only during
   * the call.
   */
  readonly observe?: (direction: "in" | "out", frame: Frame) => void;
  readonly random: Random;
  /** Counts for the node, if it is the session of one. */
  readonly counters?: NodeCounters | undefined;
  /** Has each round trip added. */
  readonly roundTrips?: Histogram | undefined;
  /** Deadline of the handshake; Infinity if only `signal` ends it. @default {10_000} */
  readonly handshakeTimeoutMs?: number;
  /** @default {1_000} */
  readonly heartbeatMs?: number;
  /** @default {3_000} */
  readonly deadAfterMs?: number;
  /** Aborts the handshake, not the open session. */
  readonly signal?: AbortSignal;
}
