/** What happens to peers, as the parts of one node tell each other. */
import { EventEmitter } from "node:events";
import type { VerackError } from "../../core/errors.ts";
import type { PeerId } from "../../identity/identity.ts";
import type { Address } from "../../transport/address.ts";
import type { AccessRule } from "./node_store.ts";
import type { Peer } from "./peer.ts";
import type { PeerSession } from "./peer_session.ts";

/** A session counts from now on: its peer has introduced itself. */
export interface Introduction {
  readonly session: PeerSession;
  readonly peer: Peer;
  /** It was never proven before. */
  readonly isNew: boolean;
  /** It was lost before. */
  readonly wasLost: boolean;
  /** This node has admitted it to a closed mesh, so that others hear of it from here. */
  readonly isAdmitted: boolean;
}

/** The events, each with what its listeners get. */
export interface PeerEventMap {
  introduced: [Introduction];
  /** A session has ended; without a peer if that is off the record. */
  sessionClosed: [PeerSession, VerackError, Peer | undefined];
  /** A peer that was up is not any more. */
  down: [Peer];
  /** A peer is off the record. */
  forgotten: [Peer];
  /** What waits for a peer can never reach it, for this reason. */
  undeliverable: [PeerId, string];
  /** A peer is gone for good with its key: others may have its addresses. */
  released: [PeerId];
  /** A peer on record was denied or forgotten, and its sessions are closed. */
  expelled: [Peer];
  /** A person decided about a peer. */
  ruled: [PeerId, AccessRule];
  /** A peer asks to join that is not admitted. */
  joinRequested: [];
  /** A peer has told of all peers that it knows. */
  answered: [];
  /** An address that a person gave was dialed, in vain if there is an error. */
  dialed: [Address, VerackError | undefined];
  /** Which peers are known or connected may have changed. */
  changed: [];
}

/** Calls listeners at once, in the order in which they came. */
export class PeerEvents extends EventEmitter<PeerEventMap> {
  constructor() {
    super();
    // More parts of a node listen than the warning of a leak, which is printed, allows.
    this.setMaxListeners(0);
  }
}
