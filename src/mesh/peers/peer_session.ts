/** One session of a node with one verified peer, and its state in the mesh. */
import type { PeerId } from "../../core/peer_id.ts";
import type { SharedSecret } from "../../identity/shared_secret.ts";
import type { VerifiedPeer } from "../../session/mesh_profile.ts";
import type { Session } from "../../session/session.ts";
import type { Address } from "../../transport/address.ts";
import { ipFromBytes } from "../../transport/ip.ts";
import { sourceOf } from "../../transport/scope.ts";
import { UNSPECIFIED_ADDRESS } from "../../wire/messages/version.ts";
import type { Direction } from "../events.ts";

/** The way of a session through a member that joins both ends. */
export interface RelayedPath {
  /** The relay. */
  readonly via: PeerId;
  /** Direct sessions that its bytes go through, one after the other; at least 2. */
  readonly hops: number;
}

/** A session of the mesh. */
export class PeerSession {
  /** Its frames, handshake and liveness. */
  readonly channel: Session;
  /** The other end, whose key is verified. */
  readonly remote: VerifiedPeer;
  readonly direction: Direction;
  /** The relay; absent on a direct session. */
  readonly via: PeerId | undefined;
  /** Direct sessions that its bytes go through, one after the other; 1 for a direct one. */
  readonly hops: number;
  /** The other end as reported by the socket; of a relayed session, that of its relay. */
  readonly remoteAddress: Address;
  /** This end. */
  readonly localAddress: Address;
  /** Its source for fair shares. */
  readonly source: string;
  /**
   * The address that was dialed, if it was, as it was configured or gossiped. None on a relayed
   * session, which verifies no address.
   */
  readonly dialed: Address | undefined;
  /** The IP address of `dialed`. */
  readonly endpoint: Address | undefined;
  /** The secret that was shown to the listener. */
  readonly shown: SharedSecret | undefined;
  /** Whether the peer has sent its own entry, so that the session is established. */
  introduced = false;
  /** Ends the wait for that entry. */
  cancelIntroduction: (() => void) | undefined;
  /** Whether a collision is being settled; nothing about the peer changes meanwhile. */
  pending = false;
  /** The `peers` that came while the collision was being settled. */
  heldFrame: Uint8Array | undefined;
  /** Monotonic clock, milliseconds. */
  readonly openedAt: number;
  /** The same by the wall clock, for display. */
  readonly openedWall: number;

  constructor(
    session: Session,
    remote: VerifiedPeer,
    options: {
      direction: Direction;
      dialed?: { readonly address: Address; readonly endpoint: Address };
      relayed?: RelayedPath;
      shown?: SharedSecret;
      now: number;
      wall: number;
    },
  ) {
    const { dialed, now, relayed, wall } = options;
    const { connection } = session;
    this.channel = session;
    this.remote = remote;
    this.direction = options.direction;
    this.via = relayed?.via;
    this.hops = relayed?.hops ?? 1;
    this.remoteAddress = connection.remoteAddress;
    this.localAddress = connection.localAddress;
    this.source = sourceOf(connection.remoteAddress.host);
    this.dialed = dialed?.address;
    this.endpoint = dialed?.endpoint;
    this.shown = options.shown;
    this.openedAt = now;
    this.openedWall = wall;
  }

  /** The IP address at which the peer says that it sees this node; through a relay it sees none. */
  get seenAt(): string | undefined {
    const { addrRecv } = this.channel.remote;
    return this.via !== undefined || addrRecv === UNSPECIFIED_ADDRESS
      ? undefined
      : ipFromBytes(addrRecv.ip);
  }
}
