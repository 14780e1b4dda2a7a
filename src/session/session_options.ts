/** What a session is made with. */
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
  /** Owned by the session from here on. */
  readonly connection: Connection;
  readonly role: Role;
  readonly magic: Uint8Array;
  readonly profile: HandshakeProfile;
  /** The version to send, with a fresh nonce. */
  readonly local: VersionMessage;
  readonly isOwnNonce?: (nonce: bigint) => boolean;
  /** The handshake is complete; registers the handlers of what may come from now on. */
  readonly onOpen?: (session: Session) => void;
  /**
   * Sees every message in both directions as it comes or is queued, also before
   * the session is open, and frames with a fault, which have no handler. Shared
   * frames are left out. Payloads are valid only during the call.
   */
  readonly observe?: (direction: "in" | "out", frame: Frame) => void;
  /** See {@linkcode FrameStreamOptions.keepPayload}; for profiles that are not strict. */
  readonly keepPayload?: number;
  /** See {@linkcode FrameStreamOptions.initialReadBytes}. */
  readonly initialReadBytes?: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Limits what the peer may say once the session is open. @default no limit */
  readonly meter?: FrameMeter;
  /** Memory shared with other sessions. @default none is */
  readonly budget?: NodeBudget;
  /** Deadline for the whole handshake; Infinity for none but the signal. @default {10_000} */
  readonly handshakeTimeoutMs?: number;
  /** @default {1_000} */
  readonly heartbeatMs?: number;
  /** @default {3_000} */
  readonly deadAfterMs?: number;
  /** Aborts the handshake; an open session is ended by its methods instead. */
  readonly signal?: AbortSignal;
}
