/** Peers without the node around them. */
import { systemClock, systemRandom } from "../../src/core/clock.ts";
import type { VerifiedCertificate } from "../../src/identity/certificate.ts";
import type { StoredPeer } from "../../src/mesh/peers/node_store.ts";
import type { Peer, PeerEnvironment } from "../../src/mesh/peers/peer.ts";
import {
  PeerTable,
  type TableOptions,
} from "../../src/mesh/peers/peer_table.ts";

/** Of a peer that is nowhere else; by default no peer has standing. */
export function plainEnvironment(
  hasStanding: (peer: Peer) => boolean = () => false,
): PeerEnvironment {
  return {
    clock: systemClock,
    random: systemRandom,
    standing: { has: hasStanding, isTrusted: hasStanding },
  };
}

/** By default no peer has standing but those named in `friends`, and none is awaited. */
export function plainTable(
  { friends = new Set(), hasStanding, ...options }:
    & Partial<TableOptions>
    & {
      friends?: ReadonlySet<string>;
      hasStanding?: (peer: Peer) => boolean;
    } = {},
): PeerTable {
  return new PeerTable({
    ...plainEnvironment(
      hasStanding ?? ((it) => it.earnedStanding || friends.has(it.id)),
    ),
    isAwaited: () => false,
    ...options,
  });
}

/** The peer, which was on record with these facts. */
export function recalled(
  peer: Peer,
  { certificate = peer.certificate, ...facts }:
    & Partial<Omit<StoredPeer, "certificate">>
    & { readonly certificate?: VerifiedCertificate | undefined },
): Peer {
  const { id, trust, ephemeral, name, source, attestation } = peer;
  const { earnedStanding, upForLong, firstSeen, lastSeen } = peer;
  const known = certificate ??
    { der: new Uint8Array(0) } as VerifiedCertificate;
  peer.restored({
    id,
    certificate: known.der,
    trust,
    ephemeral,
    name,
    source,
    attestation,
    earnedStanding,
    upForLong,
    firstSeen,
    lastSeen,
    addresses: [],
    ...facts,
  }, known);
  return peer;
}
