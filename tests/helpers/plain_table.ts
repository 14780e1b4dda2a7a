/** Peers without the node around them. */
import { systemClock, systemRandom } from "../../src/core/clock.ts";
import type { VerifiedCertificate } from "../../src/identity/certificate.ts";
import { logger } from "../../src/core/log.ts";
import type { PeerId } from "../../src/core/peer_id.ts";
import { resolveOptions } from "../../src/mesh/options.ts";
import { AccessRules } from "../../src/mesh/peers/access_rules.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import { PeerEvents } from "../../src/mesh/peers/peer_events.ts";
import { PeerMemory } from "../../src/mesh/peers/peer_memory.ts";
import { Standing } from "../../src/mesh/peers/standing.ts";
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

/** A table, and the events that it and parts around it emit. */
export type PlainTable = PeerTable & { readonly events: PeerEvents };

/** By default no peer has standing but those named in `friends`, and none is awaited. */
export function plainTable(
  { friends = new Set(), isAwaited = () => false, hasStanding, ...options }:
    & Partial<TableOptions>
    & {
      friends?: ReadonlySet<string>;
      hasStanding?: (peer: Peer) => boolean;
      isAwaited?: (id: PeerId) => boolean;
    } = {},
): PlainTable {
  const events = new PeerEvents();
  const table = new PeerTable({
    ...plainEnvironment(
      hasStanding ?? ((it) => it.earnedStanding || friends.has(it.id)),
    ),
    queues: { isAwaited },
    events,
    ...options,
  });
  return Object.assign(table, { events });
}

/** What persons decided at a node that has no store. */
export function plainRules(): AccessRules {
  return new AccessRules(new MemoryStore());
}

/** Keeps what is in a table in a store. */
export function plainMemory(
  table: PlainTable,
  store = new MemoryStore(),
  own = "f".repeat(64) as PeerId,
): PeerMemory {
  return new PeerMemory({
    ...resolveOptions({ store }),
    log: logger("mesh"),
    own,
    standing: new Standing(plainRules()),
    events: table.events,
    table,
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
