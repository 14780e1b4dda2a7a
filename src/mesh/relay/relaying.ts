/**
 * The wing `relay/` of one node: what it relays for pairs of other members, and its own sessions
 * through members that relay, as the dialing and as the accepting end.
 */
import type { PeerId } from "../../core/peer_id.ts";
import { RelayDialer, type RelayDialerOptions } from "./relay_dialer.ts";
import {
  RelayServer,
  type RelayServerOptions,
  type RelayUse,
} from "./relay_server.ts";
import {
  RelayedArrivals,
  type RelayedArrivalsOptions,
} from "./relayed_arrivals.ts";
import {
  RelayedSessions,
  type RelayedSessionsOptions,
} from "./relayed_sessions.ts";

/** Dependencies of {@linkcode Relaying}. */
export interface RelayingOptions
  extends
    RelayedSessionsOptions,
    Omit<RelayServerOptions, "settings" | "streams">,
    Omit<RelayedArrivalsOptions, "relayed" | "rules" | "streams">,
    Omit<RelayDialerOptions, "relayed" | "rules" | "streams"> {
  /** Absent: this node relays for no others. */
  readonly relay: RelayServerOptions["settings"];
  readonly rules:
    & RelayServerOptions["rules"]
    & RelayedArrivalsOptions["rules"];
  readonly streams:
    & RelayServerOptions["streams"]
    & RelayDialerOptions["streams"];
}

/** The relaying of one node, and of its own sessions by others. */
export class Relaying {
  readonly server: RelayServer;
  readonly sessions: RelayedSessions;
  readonly arrivals: RelayedArrivals;
  readonly dialer: RelayDialer;

  constructor(options: RelayingOptions) {
    this.server = new RelayServer({ ...options, settings: options.relay });
    const relayed = this.sessions = new RelayedSessions(options);
    this.arrivals = new RelayedArrivals({ ...options, relayed });
    this.dialer = new RelayDialer({ ...options, relayed });
  }

  /** What this node relays for others, and the most; absent if it does not relay. */
  get use(): RelayUse | undefined {
    return this.server.use;
  }

  /** Why a peer could not be reached through a relay either; absent if none was tried in vain. */
  reasonFor(id: PeerId): string | undefined {
    if (!this.sessions.isPossible) {
      return "TLS cannot be run over a stream at this node";
    }
    return this.dialer.reasonFor(id);
  }

  /** To be called several times a second. */
  tick(now: number): void {
    this.dialer.tick();
    this.server.tick(now);
  }
}
