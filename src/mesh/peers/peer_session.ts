/** One session of a node with one verified peer, and its state in the mesh. */
import type { SharedSecret } from "../../identity/shared_secret.ts";
import type { VerifiedPeer } from "../../session/mesh_profile.ts";
import type { Session } from "../../session/session.ts";
import type { Address } from "../../transport/address.ts";
import { sourceOf } from "../../transport/scope.ts";
import type { Direction } from "../events.ts";

/** A session of the mesh. */
export class PeerSession {
  /** Its frames, handshake and liveness. */
  readonly channel: Session;
  /** The other end, whose key is verified. */
  readonly remote: VerifiedPeer;
  readonly direction: Direction;
  /** The other end as reported by the socket. */
  readonly remoteAddress: Address;
  /** Its source for fair shares. */
  readonly source: string;
  /** The address that was dialed, if it was, as it was configured or gossiped. */
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
      dialed?: { readonly address: Address; readonly endpoint: Address };
      shown?: SharedSecret;
      now: number;
      wall: number;
    },
  ) {
    const { dialed, now, wall } = options;
    const { connection } = session;
    this.channel = session;
    this.remote = remote;
    this.direction = dialed === undefined ? "inbound" : "outbound";
    this.remoteAddress = connection.remoteAddress;
    this.source = sourceOf(connection.remoteAddress.host);
    this.dialed = dialed?.address;
    this.endpoint = dialed?.endpoint;
    this.shown = options.shown;
    this.openedAt = now;
    this.openedWall = wall;
  }
}
