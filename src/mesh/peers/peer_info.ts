/** What a node shows of its peers and sessions: plain objects, made on demand. */
import type { PeerId } from "../../identity/identity.ts";
import type { PeerNames } from "../../identity/peer_name.ts";
import { issuerOf } from "../../identity/attestation.ts";
import { formatAddress } from "../../transport/address.ts";
import type { Direction, Trust } from "../events.ts";
import type { PeerSession } from "./peer_session.ts";
import type { NameBindings } from "./name_bindings.ts";
import type { Peer } from "./peer.ts";
import type { Standing } from "./standing.ts";

/** What a node knows of a peer. */
export interface PeerInfo {
  /** Its identity. */
  readonly id: PeerId;
  /** What it calls itself, or others call it while it is unproven; not escaped. */
  readonly name?: string;
  /** What it is called here because a person said so; the name it was given last. */
  readonly boundName?: string;
  /** The peer that the name is bound to here, if that is another. */
  readonly nameHeldBy?: PeerId;
  /** Whether there is a session with it now. */
  readonly connected: boolean;
  /** Where it may be reached, best first: `host:port`. */
  readonly addresses: readonly string[];
  /** Whether bounded things are kept for it before peers that are unknown, see `docs/limits.md`. */
  readonly standing: boolean;
  /** How we came to trust that this is the peer we mean. */
  readonly trust: Trust;
  /** Its key dies with its process. */
  readonly ephemeral: boolean;
  /** When it was first proven to us; absent if it is only known from others. */
  readonly firstSeen?: Date;
  /** When it was last proven or heard; absent if it is only known from others. */
  readonly lastSeen?: Date;
  /** The member whose attestation admitted it to this closed node. */
  readonly admittedBy?: PeerId;
  /** The peer that spoke of it, while it is only known from others. */
  readonly introducedBy?: PeerId;
}

/** A session of this node. */
export interface SessionInfo {
  /** The identity at the other end. */
  readonly id: PeerId;
  /** What it calls itself; not escaped. */
  readonly name?: string;
  /** What it is called here because a person said so. */
  readonly boundName?: string;
  /** Which end dialed. */
  readonly direction: Direction;
  /** The other end as the socket sees it: `host:port`. */
  readonly remoteAddress: string;
  /** BIP14 user agent as bytes; not escaped. */
  readonly userAgent: Uint8Array;
  /** Last measured round trip, milliseconds. */
  readonly rttMs?: number;
}

/** The record as it is shown. */
export function peerInfo(
  peer: Peer,
  { names, standing }: {
    readonly names: NameBindings;
    readonly standing: Standing;
  },
): PeerInfo {
  const { introducedBy } = peer;
  const nameHeldBy = names.heldByAnother(peer);
  const admittedBy = issuerOf(peer.attestation);
  return {
    id: peer.id,
    ...names.of(peer.id),
    ...(nameHeldBy !== undefined && { nameHeldBy }),
    connected: peer.up,
    addresses: peer.addresses.list().map((a) => formatAddress(a.address)),
    standing: standing.has(peer),
    trust: peer.trust,
    ephemeral: peer.ephemeral,
    ...(peer.isVerified && {
      firstSeen: new Date(peer.firstSeen),
      lastSeen: new Date(peer.lastSeen),
    }),
    ...(admittedBy !== undefined && { admittedBy }),
    ...(introducedBy !== undefined && { introducedBy }),
  };
}

/** The session as it is shown. */
export function sessionInfo(
  session: PeerSession,
  names: PeerNames,
): SessionInfo {
  const { rttMs, remote } = session.channel;
  return {
    id: session.peer.id,
    ...names,
    direction: session.direction,
    remoteAddress: formatAddress(session.remoteAddress),
    userAgent: remote.userAgent,
    ...(rttMs !== undefined && { rttMs }),
  };
}
