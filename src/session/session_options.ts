/** Settings of a session, and the type of its message handlers. */
import type { Clock, Random } from "../core/clock.ts";
import type { Connection } from "../transport/transport.ts";
import type { Frame } from "../wire/frame.ts";
import type { VersionMessage } from "../wire/messages/version.ts";
import type { FrameMeter } from "./frame_meter.ts";
import type { HandshakeProfile, Role } from "./handshake.ts";
import type { NodeBudget } from "./node_budget.ts";
import type { Session } from "./session.ts";

/**
 * Handles the messages of one command on an open session. The payload is valid
 * only during the call. Throwing a `VerackError` ends a strict session with the
 * reason that belongs to its code.
 */
export type FrameHandler = (payload: Uint8Array) => void;

/** Settings of one session. */
export interface SessionOptions {
  /** The session closes it. */
  readonly connection: Connection;
  readonly role: Role;
  readonly magic: Uint8Array;
  readonly profile: HandshakeProfile;
  /** The version to send, with a fresh nonce. */
  readonly local: VersionMessage;
  readonly isOwnNonce?: (nonce: bigint) => boolean;
  /** Called when the handshake is complete, before anything more is read: registers handlers. */
  readonly onOpen?: (session: Session) => void;
  /**
   * Called for every message in both directions, including the handshake and
   * frames with a fault, but not for shared frames. Payloads are valid only during
   * the call.
   */
  readonly observe?: (direction: "in" | "out", frame: Frame) => void;
  /** See {@linkcode FrameStreamOptions.keepPayload}; for profiles that are not strict. */
  readonly keepPayload?: number;
  /** See {@linkcode FrameStreamOptions.initialReadBytes}. */
  readonly initialReadBytes?: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Limits what the peer may send on the open session. @default no limit */
  readonly meter?: FrameMeter;
  /** Memory shared with other sessions. @default not shared */
  readonly budget?: NodeBudget;
  /** Whether the peer has standing: others are evicted from the budget first. @default it has */
  readonly hasStanding?: () => boolean;
  /** Deadline of the handshake; Infinity if only `signal` ends it. @default {10_000} */
  readonly handshakeTimeoutMs?: number;
  /** @default {1_000} */
  readonly heartbeatMs?: number;
  /** @default {3_000} */
  readonly deadAfterMs?: number;
  /** Aborts the handshake, not the open session. */
  readonly signal?: AbortSignal;
}
