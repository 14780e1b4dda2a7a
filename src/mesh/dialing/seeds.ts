/**
 * Configured addresses. Without an identity (`--connect host:port`) each is a seed: trust on
 * first use, and a refusal with an alarm when another identity answers later. With an identity
 * it is none: its peer is in the table from the start. An IP address is bound to the one
 * identity that answered there. A name may lead to several members, which may change: see
 * `seed_dialer.ts`.
 */
import { VerackError } from "../../core/errors.ts";
import { type PeerId, shortId } from "../../core/peer_id.ts";
import { MAX_PEERS } from "../mesh_limits.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import { isIpv4, isIpv6 } from "../../transport/ip.ts";
import type { AccessRules } from "../peers/access_rules.ts";
import type { PeerMemory } from "../peers/peer_memory.ts";
import type { PeerTarget } from "../peer_target.ts";
import { DialSchedule } from "../peers/dial_schedule.ts";
import { itself } from "./dial_failure.ts";
import type { PeerTable } from "../peers/peer_table.ts";

/** One such address. */
export interface Seed {
  readonly address: Address;
  /** Whether it is a name. */
  readonly isName: boolean;
  /** Members that answered there, latest last. */
  readonly identities: Set<PeerId>;
  /** The last one that is gone for good with its key. */
  former: PeerId | undefined;
  /** Hosts that were this node itself, and until when they are skipped; monotonic clock. */
  readonly ownHosts: Map<string, number>;
  /** The last attempt led to a member that is up. */
  found: boolean;
  /** The attempt under way. */
  attempt: AbortController | undefined;
  readonly schedule: DialSchedule;
}

/** The store of configured addresses. */
export interface SeedRecords {
  readonly table: PeerTable;
  readonly memory: Pick<PeerMemory, "save">;
}

/**
 * The addresses configured now, and those of earlier runs with the identities that answered
 * there: a restart does not make it the first use again. An address that is pinned to an
 * identity, now or on record, is none.
 */
export function seedsOf(
  table: PeerTable,
  addresses: readonly Address[],
): Seed[] {
  const peers = [...table.values()];
  const seeds = new Map<string, Seed>();
  const seedAt = (address: Address) =>
    seeds.getOrInsertComputed(formatAddress(address), () => newSeed(address));
  for (const { trust, id, addresses } of peers) {
    if (trust === "pinned") continue;
    for (const { address, configured } of addresses.list()) {
      if (configured) seedAt(address).identities.add(id);
    }
  }
  for (const address of addresses) {
    if (!peers.some((peer) => peer.addresses.get(address)?.configured)) {
      seedAt(address);
    }
  }
  return [...seeds.values()];
}

/** Whether a seed is dialed at all when its time has come. */
export function wantsLook(seed: Seed): boolean {
  return seed.attempt === undefined &&
    (seed.isName || seed.identities.size === 0);
}

/**
 * Sets the configured identities at an address, in the place of former ones; a name may have
 * several.
 */
export function pinAddress(
  { table, memory }: SeedRecords,
  address: Address,
  identities: readonly PeerId[],
): void {
  for (const other of table.values()) {
    if (identities.includes(other.id)) continue;
    if (!other.addresses.get(address)) continue;
    other.movedFrom(address);
    memory.save(other);
  }
  for (const id of identities) {
    const peer = table.ensure(id, { hasStanding: true });
    // Reported by `rejectedTargets`.
    if (peer === undefined) continue;
    peer.pinned(address);
    memory.save(peer);
  }
}

/** Puts configured identities on record. */
export function pinAddresses(
  options: SeedRecords & {
    readonly connect: readonly PeerTarget[];
    /** This node. */
    readonly own: PeerId;
  },
): void {
  const { connect, own } = options;
  const pins = Map.groupBy(
    connect.filter(({ id }) => id !== undefined),
    ({ address }) => formatAddress(address),
  );
  for (const targets of pins.values()) {
    const [{ address } = { address: undefined }] = targets;
    const ids = targets.flatMap(({ id }) => id === own ? [] : id ?? []);
    if (address !== undefined && ids.length > 0) {
      pinAddress(options, address, ids);
    }
  }
}

/** A configured address that is not dialed. */
export interface RejectedTarget {
  readonly address: Address;
  readonly error: VerackError;
  /** The identity that should be there, if it is not this node. */
  readonly expected?: PeerId;
}

/**
 * Of the addresses configured now, those of this node, of denied peers, and of peers for which
 * there is no room on record.
 */
export function rejectedTargets(
  { connect, own, table, rules }: {
    readonly connect: readonly PeerTarget[];
    readonly own: PeerId;
    readonly table: PeerTable;
    readonly rules: Pick<AccessRules, "isDenied">;
  },
): RejectedTarget[] {
  return connect.flatMap(({ address, id: named }) => {
    if (named === own) return [{ address, error: itself(address) }];
    if (named !== undefined && table.get(named) === undefined) {
      return [{ address, error: full(address), expected: named }];
    }
    // Whether all members of a name are denied is found out there.
    const expected = named ??
      (isName(address)
        ? undefined
        : [...table.values()].find((peer) =>
          peer.addresses.get(address)?.configured
        )?.id);
    return expected !== undefined && rules.isDenied(expected)
      ? [{ address, error: denied(address, expected), expected }]
      : [];
  });
}

function denied(address: Address, id: PeerId): VerackError {
  return new VerackError(
    "denied",
    `Cannot dial ${formatAddress(address)}: ${
      shortId(id)
    } is denied here, must be allowed first`,
  );
}

function full(address: Address): VerackError {
  return new VerackError(
    "full",
    `Cannot dial ${
      formatAddress(address)
    }: ${MAX_PEERS} peers are on record and none of them may give way, must be fewer (verack forget ID)`,
  );
}

function newSeed(address: Address): Seed {
  return {
    address,
    isName: isName(address),
    identities: new Set(),
    former: undefined,
    ownHosts: new Map(),
    found: false,
    attempt: undefined,
    schedule: new DialSchedule(),
  };
}

function isName({ host }: Address): boolean {
  return !isIpv4(host) && !isIpv6(host);
}
