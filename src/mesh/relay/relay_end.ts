/**
 * A node as an end of relayed sessions: dials peers through members that relay, and accepts what
 * they bring. What it relays itself is in `relay_server.ts`.
 */
import type { PeerId } from "../../core/peer_id.ts";
import { RelayDialer, type RelayDialerOptions } from "./relay_dialer.ts";
import {
  RelayedArrivals,
  type RelayedArrivalsOptions,
} from "./relayed_arrivals.ts";
import {
  RelayedSessions,
  type RelayedSessionsOptions,
} from "./relayed_sessions.ts";

/** Dependencies of {@linkcode RelayEnd}. */
export interface RelayEndOptions
  extends
    RelayedSessionsOptions,
    Omit<RelayedArrivalsOptions, "relayed" | "streams">,
    Omit<RelayDialerOptions, "relayed" | "streams"> {
  readonly streaming:
    & RelayedArrivalsOptions["streams"]
    & RelayDialerOptions["streams"];
}

/** The relayed sessions of one node. */
export class RelayEnd {
  readonly sessions: RelayedSessions;
  readonly arrivals: RelayedArrivals;
  readonly dialer: RelayDialer;

  constructor(options: RelayEndOptions) {
    const relayed = this.sessions = new RelayedSessions(options);
    const parts = { ...options, streams: options.streaming, relayed };
    this.arrivals = new RelayedArrivals(parts);
    this.dialer = new RelayDialer(parts);
  }

  /** Why a peer could not be reached through a relay either; absent if none was tried in vain. */
  reasonFor(id: PeerId): string | undefined {
    return this.dialer.reasonFor(id);
  }
}
