/** What a forward reports. */
import type { ErrorCode } from "../../core/errors.ts";

/** What happens to a forward. Texts of peers in it are not escaped. */
export type ForwardEvent =
  /** Connections are accepted at `address`, here or, in reverse, at the peer. */
  | { readonly type: "listening"; readonly address: string }
  /** A connection was accepted, and the peer, or in reverse this node, has connected. */
  | {
    readonly type: "opened";
    /** Counts connections, from 1. */
    readonly connection: number;
    /** Its other end at the listener. */
    readonly from: string;
  }
  /** A connection has ended: by both ends, or for a `reason`. */
  | {
    readonly type: "closed";
    readonly connection: number;
    readonly from: string;
    readonly sentBytes: number;
    readonly receivedBytes: number;
    readonly durationMs: number;
    readonly reason?: string;
  }
  /** A connection was accepted and closed at once, as there is none to the target. */
  | {
    readonly type: "refused";
    readonly from: string;
    readonly code: ErrorCode;
    readonly reason: string;
  }
  /** There is no session with the peer; in reverse the peer does not listen. */
  | { readonly type: "lost"; readonly reason: string }
  /** There is a session again. */
  | { readonly type: "back" }
  /** This many of the oldest events were dropped, as they were not taken. */
  | { readonly type: "overflow"; readonly dropped: number };
