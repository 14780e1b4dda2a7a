/** One session of a node with one verified peer, and what the mesh knows about it. */
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
