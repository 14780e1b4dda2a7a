/** Peers and sessions as plain objects, made on demand. */
import type { PeerId } from "../../core/peer_id.ts";
import type { PeerNames } from "../../identity/peer_name.ts";
import { issuerOf } from "../../identity/attestation.ts";
import { formatAddress } from "../../transport/address.ts";
import type { Direction, Trust } from "../events.ts";
import type { PeerSession } from "./peer_session.ts";
import type { NameResolver } from "./name_resolver.ts";
import type { Peer } from "./peer.ts";
import type { Standing } from "./standing.ts";

/** A peer of a node. */
export interface PeerInfo {
  /** Its identity. */
  readonly id: PeerId;
  /** The name that it advertises, or that is gossiped while it is not verified; not escaped. */
  readonly name?: string;
  /** The name that the user gave it last. */
  readonly boundName?: string;
  /** The peer that the name is bound to here, if that is another. */
  readonly nameHeldBy?: PeerId;
  /** Whether there is a session with it now. */
  readonly connected: boolean;
  /** Its addresses, best first: `host:port`. */
  readonly addresses: readonly string[];
  /**
   * `true` if others cannot dial it, as it says, or gossip about one that has not said anything:
   * it has no address, or none that answers. Else absent.
   */
  readonly unreachable?: true;
  /** Whether it has standing, see `docs/limits.md`. */
  readonly standing: boolean;
  /** How its identity was first trusted. */
  readonly trust: Trust;
  /** Whether its key ends with its process. */
  readonly ephemeral: boolean;
  /** When it first proved its key; absent if it is known by gossip only. */
  readonly firstSeen?: Date;
  /** When it last sent something; absent if it is known by gossip only. */
  readonly lastSeen?: Date;
  /** The member whose attestation admitted it to this closed node. */
  readonly admittedBy?: PeerId;
  /** The peer whose gossip introduced it, while it is not verified. */
  readonly introducedBy?: PeerId | "lan";
}

/** A session of this node. */
export interface SessionInfo {
  /** The identity at the other end. */
  readonly id: PeerId;
  /** The name that it advertises; not escaped. */
  readonly name?: string;
  /** The name that the user has given it. */
  readonly boundName?: string;
  /** Which end dialed. */
  readonly direction: Direction;
  /** The member that relays it; absent on a direct session. */
  readonly via?: PeerId;
  /** Direct sessions that its bytes go through, one after the other; 1 for a direct one. */
  readonly hops: number;
  /** The other end as reported by the socket: `host:port`; of a relayed session, that of its relay. */
  readonly remoteAddress: string;
  /** BIP14 user agent as bytes; not escaped. */
  readonly userAgent: Uint8Array;
  /** When it was opened. */
  readonly openedAt: Date;
  /** Bytes of frames that it has sent. */
  readonly bytesSent: number;
  /** Bytes of frames that it has received. */
  readonly bytesReceived: number;
  /** Messages begun on it. */
  readonly messagesSent: number;
  /** Whole messages that came on it for the first time. */
  readonly messagesReceived: number;
  /** Last measured round trip, milliseconds. */
  readonly rttMs?: number;
  /** The shortest one. */
  readonly minRttMs?: number;
}

/** The record as a plain object. */
export function peerInfo(
  peer: Peer,
  { names, standing }: {
    readonly names: NameResolver;
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
    ...(peer.isUnreachable && { unreachable: true }),
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

/** The session as a plain object. */
export function sessionInfo(
  session: PeerSession,
  names: PeerNames,
): SessionInfo {
  const { rttMs, minRttMs, remote, traffic } = session.channel;
  return {
    id: session.remote.id,
    ...names,
    direction: session.direction,
    ...(session.via !== undefined && { via: session.via }),
    hops: session.hops,
    remoteAddress: formatAddress(session.remoteAddress),
    userAgent: remote.userAgent,
    openedAt: new Date(session.openedWall),
    bytesSent: traffic.bytesSent,
    bytesReceived: traffic.bytesReceived,
    messagesSent: traffic.messagesSent,
    messagesReceived: traffic.messagesReceived,
    ...(rttMs !== undefined && { rttMs }),
    ...(minRttMs !== undefined && { minRttMs }),
  };
}
