/** One session of a node with one verified peer, and what the mesh knows about it. */
import type { SharedSecret } from "../../identity/shared_secret.ts";
import type { VerifiedPeer } from "../../session/mesh_profile.ts";
import type { Session } from "../../session/session.ts";
import { PEER_REQUEST_BURST, PEER_REQUEST_REFILL_MS } from "../../limits.ts";
import { PEER_ENTRY_BURST, PEER_ENTRY_REFILL_MS } from "../mesh_limits.ts";
import type { PeerId } from "../../identity/identity.ts";
import type { Address } from "../../transport/address.ts";
import { sourceOf } from "../../transport/scope.ts";
import type { Direction } from "../events.ts";
import { TokenBucket } from "../../core/token_bucket.ts";

/** A session of the mesh. */
export class PeerSession {
  /** Its frames, handshake and liveness. */
  readonly channel: Session;
  /** The other end, whose key is verified. */
  readonly peer: VerifiedPeer;
  readonly direction: Direction;
  /** The other end as the socket sees it. */
  readonly remoteAddress: Address;
  /** Its source, as fair shares count it. */
  readonly source: string;
  /** The address that was dialed, if it was, as it was given. */
  readonly dialed: Address | undefined;
  /** The IP address of `dialed`. */
  readonly endpoint: Address | undefined;
  /** The secret that was shown to the listener. */
  readonly shown: SharedSecret | undefined;
  /** The peer has sent its own entry, and the mesh counts on this session. */
  introduced = false;
  /** Stops waiting for that entry. */
  cancelIntroduction: (() => void) | undefined;
  /** A collision is being settled; nothing about the peer changes meanwhile. */
  pending = false;
  /** The `peers` that came while the collision was being settled. */
  heldFrame: Uint8Array | undefined;
  /** Monotonic clock, milliseconds. */
  readonly openedAt: number;
  /** Monotonic clock, milliseconds, when it was last asked for its peers. */
  askedAt = -Infinity;
  /** Peers that it has reported live in an answer that goes on. */
  told: Set<PeerId> | undefined;
  /** A part of that answer was left out for want of room. */
  hasGap = false;
  /** A warning about entries that it sent was logged. */
  wasWarnedOf = false;
  /** Members that it reports as unreachable. */
  missing: readonly PeerId[] = [];
  /** Peer requests it may make. */
  readonly requests = new TokenBucket({
    burst: PEER_REQUEST_BURST,
    refillMs: PEER_REQUEST_REFILL_MS,
  });
  /** Entries of others that are verified for it, which costs more than making them up. */
  readonly judgements = new TokenBucket({
    burst: PEER_ENTRY_BURST,
    refillMs: PEER_ENTRY_REFILL_MS,
  });

  constructor(
    session: Session,
    peer: VerifiedPeer,
    options: {
      dialed?: { readonly address: Address; readonly endpoint: Address };
      shown?: SharedSecret;
      now: number;
    },
  ) {
    const { dialed, now } = options;
    const { connection } = session;
    this.channel = session;
    this.peer = peer;
    this.direction = dialed === undefined ? "inbound" : "outbound";
    this.remoteAddress = connection.remoteAddress;
    this.source = sourceOf(connection.remoteAddress.host);
    this.dialed = dialed?.address;
    this.endpoint = dialed?.endpoint;
    this.shown = options.shown;
    this.openedAt = now;
  }
}
