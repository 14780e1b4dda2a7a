/**
 * One session of a node with one proven peer, and what the mesh knows about it.
 * It passes what the session says on to {@linkcode PeerSessionOwner}, which decides.
 */
import type { VerackError } from "../../core/errors.ts";
import type { SharedSecret } from "../../identity/shared_secret.ts";
import type { MeshProfile, VerifiedPeer } from "../../session/mesh_profile.ts";
import type { Session, SessionHandler } from "../../session/session.ts";
import {
  PEER_ENTRY_BURST,
  PEER_ENTRY_REFILL_MS,
  PEER_REQUEST_BURST,
  PEER_REQUEST_REFILL_MS,
} from "../../limits.ts";
import type { PeerId } from "../../identity/identity.ts";
import type { Address } from "../../transport/address.ts";
import { sourceOf } from "../../transport/source.ts";
import type { Connection } from "../../transport/transport.ts";
import type { Frame } from "../../wire/frame.ts";
import type { Direction } from "../events.ts";
import { TokenBucket } from "../../core/token_bucket.ts";

/** Who is told what happens on a link; `links.ts`. */
export interface PeerSessionOwner {
  opened(link: PeerSession): void;
  frame(link: PeerSession, frame: Frame): void;
  ping(link: PeerSession, text: string | undefined): void;
  closed(link: PeerSession, error: VerackError): void;
}

/** A session of the mesh. */
export class PeerSession implements SessionHandler {
  readonly direction: Direction;
  /** The other end as the socket sees it. */
  readonly remoteAddress: Address;
  /** Where it comes from, as fair shares count it. */
  readonly source: string;
  /** What we dialed, if we did, as it was given to us. */
  readonly dialed: Address | undefined;
  /** The IP address that it led to. */
  readonly endpoint: Address | undefined;
  /** The secret we showed to get in, if we dialed. */
  readonly shown: SharedSecret | undefined;
  readonly #owner: PeerSessionOwner;
  /** Until the session is open. */
  #profile: MeshProfile | undefined;
  #peer: VerifiedPeer | undefined;
  #session: Session | undefined;
  /** The peer has sent its own entry, and the mesh counts on this session. */
  introduced = false;
  /** Stops waiting for that entry. */
  cancelIntroduction: (() => void) | undefined;
  /** A collision is being settled; nothing about the peer changes meanwhile. */
  pending = false;
  /** What the peer said of itself while the collision was being settled. */
  heldFrame: Uint8Array | undefined;
  /** Monotonic clock, milliseconds. */
  openedAt: number;
  /** Monotonic clock, milliseconds, when it was last asked for its peers. */
  askedAt = -Infinity;
  /** Whom it has said are live in an answer that goes on. */
  told: Set<PeerId> | undefined;
  /** A part of that answer was left out for want of room. */
  hasGap = false;
  /** It was said that entries of others were refused for what is in them. */
  wasWarnedOf = false;
  /** Members that it says it cannot reach. */
  missing: readonly PeerId[] = [];
  /** Peer requests it may make. */
  readonly requests: TokenBucket;
  /** Entries of others that we judge for it: judging costs more than making them up. */
  readonly judgements: TokenBucket;

  constructor(
    owner: PeerSessionOwner,
    profile: MeshProfile,
    options: {
      connection: Connection;
      dialed?: { readonly address: Address; readonly endpoint: Address };
      shown?: SharedSecret;
      now: number;
    },
  ) {
    const { connection, dialed, now } = options;
    this.#owner = owner;
    this.#profile = profile;
    this.direction = dialed === undefined ? "inbound" : "outbound";
    this.remoteAddress = connection.remoteAddress;
    this.source = sourceOf(connection.remoteAddress.host);
    this.dialed = dialed?.address;
    this.endpoint = dialed?.endpoint;
    this.shown = options.shown;
    this.openedAt = now;
    this.requests = new TokenBucket(
      PEER_REQUEST_BURST,
      PEER_REQUEST_REFILL_MS,
      now,
    );
    this.judgements = new TokenBucket(
      PEER_ENTRY_BURST,
      PEER_ENTRY_REFILL_MS,
      now,
    );
  }

  /** Who is there, proven. */
  get peer(): VerifiedPeer {
    if (this.#peer === undefined) throw new TypeError("Link is not open yet");
    return this.#peer;
  }

  get session(): Session {
    if (this.#session === undefined) {
      throw new TypeError("Link is not open yet");
    }
    return this.#session;
  }

  onOpen(session: Session): void {
    this.#session = session;
    this.#peer = this.#profile?.peer;
    this.#profile = undefined;
    this.#owner.opened(this);
  }

  onFrame(_session: Session, frame: Frame): void {
    this.#owner.frame(this, frame);
  }

  onPing(_session: Session, text: string | undefined): void {
    this.#owner.ping(this, text);
  }

  onClose(_session: Session, error: VerackError): void {
    this.#owner.closed(this, error);
  }
}
