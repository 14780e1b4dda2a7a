/** Events about peers, for the parts of one node. */
import { EventEmitter } from "node:events";
import type { VerackError } from "../../core/errors.ts";
import type { PeerId } from "../../core/peer_id.ts";
import type { Address } from "../../transport/address.ts";
import type { AccessRule } from "./node_store.ts";
import type { Peer } from "./peer.ts";
import type { PeerSession } from "./peer_session.ts";

/** A session is established: its peer has sent its own entry. */
export interface Introduction {
  readonly session: PeerSession;
  readonly peer: Peer;
  /** Whether others reported a session with it, while this node had none. */
  readonly wasReported: boolean;
  /** Whether it was lost before. */
  readonly wasLost: boolean;
  /** Whether this node has admitted it to a closed mesh now, and announces it to others. */
  readonly isAdmitted: boolean;
}

/** The events, each with the arguments of its listeners. */
export interface PeerEventMap {
  introduced: [Introduction];
  /** A peer has sent its own entry again, with other addresses, flags or name. */
  updated: [Peer];
  /** A member says that it sees a peer, which has a session, at another IP address than before. */
  placed: [Peer];
  /** A session has ended; without a peer if that is off the record. */
  sessionClosed: [PeerSession, VerackError, Peer | undefined];
  /** A peer that was up is not any more. */
  down: [Peer];
  /** A peer is off the record. */
  forgotten: [Peer];
  /** Messages that wait for a peer can never reach it, for this reason. */
  undeliverable: [PeerId, string];
  /** A peer is gone for good with its key: others may have its addresses. */
  released: [PeerId];
  /** A peer on record was denied or forgotten, and its sessions are closed. */
  expelled: [Peer];
  /** A peer was allowed, denied or forgotten. */
  ruled: [PeerId, AccessRule];
  /** A peer that is not admitted requests to join. */
  joinRequested: [];
  /** A peer has sent a complete list. */
  answered: [];
  /** Whether others can dial this node has changed. */
  reach: [];
  /** A configured address was dialed, without success if there is an error. */
  dialed: [Address, VerackError | undefined];
  /**
   * A node of unknown identity is announced at an address of the local network, from a host
   * there, for so many milliseconds.
   */
  found: [address: Address, source: string, ttlMs: number];
  /** This machine has other addresses: these are gone. */
  networkChanged: [readonly string[]];
  /** Which peers are known or connected may have changed. */
  changed: [];
}

/** Calls listeners at once, in the order in which they came. */
export class PeerEvents extends EventEmitter<PeerEventMap> {
  constructor() {
    super();
    // The parts of a node are more than the limit above which a warning of a leak is printed.
    this.setMaxListeners(0);
  }
}
