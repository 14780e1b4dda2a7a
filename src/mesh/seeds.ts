/**
 * The addresses a person gave. Without saying who is there (`--connect host:port`)
 * each is a seed: trust on first use, and a loud refusal when somebody else answers
 * later. With an identity it is none: its peer is in the table from the start.
 */
import { VerackError } from "../errors.ts";
import { type IdentityId, shortId } from "../identity/identity.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import type { MeshContext } from "./context.ts";
import type { PeerTable } from "./peer_table.ts";

/** One such address. */
export interface Seed {
  readonly address: Address;
  /** Who answered there first; only this identity will do from then on. */
  identity: IdentityId | undefined;
  dialing: boolean;
  failures: number;
  /** Monotonic clock, milliseconds; not dialed before. */
  nextDialAt: number;
}

/**
 * The addresses given now, and those of earlier runs with who answered there: a
 * restart does not make it the first use again. An address that is pinned to an
 * identity, now or on record, is none.
 */
export function seedsOf(
  table: PeerTable,
  addresses: readonly Address[],
): Seed[] {
  const records = [...table.values()];
  const onRecord = records.filter(({ trust }) => trust !== "pinned")
    .flatMap(({ identity, addresses }) =>
      addresses.list().filter((entry) => entry.typed)
        .map(({ address }) => newSeed(address, identity))
    );
  const added = addresses.filter((address) =>
    !records.some((record) => record.addresses.get(address)?.typed)
  );
  return [...onRecord, ...added.map((address) => newSeed(address))];
}

/** A person says who is at an address, whoever was there before. */
export function pinAddress(
  { table, memory }: Pick<MeshContext, "table" | "memory">,
  identity: IdentityId,
  address: Address,
): void {
  for (const other of table.values()) {
    if (other.identity === identity || !other.addresses.get(address)) continue;
    other.addresses.remove(address);
    memory.save(other);
  }
  const record = table.ensure(identity);
  if (record === undefined) return;
  record.trust = "pinned";
  record.addresses.add(address, "typed");
  memory.save(record);
}

/** An address that a person gave and that is not dialed. */
export interface Futile {
  readonly address: Address;
  readonly error: VerackError;
  /** Who should be there, if it is not ourselves. */
  readonly expected?: IdentityId;
}

/** Of the addresses given now, those of ourselves and of whoever is denied. */
export function futileDials(
  { options, identity, table, membership }: Pick<
    MeshContext,
    "identity" | "membership" | "options" | "table"
  >,
): Futile[] {
  return options.connect.flatMap(({ address, identity: named }) => {
    if (named === identity.id) return [{ address, error: itself(address) }];
    const expected = named ??
      [...table.values()].find((record) => record.addresses.get(address)?.typed)
        ?.identity;
    return expected !== undefined && membership.isDenied(expected)
      ? [{ address, error: denied(address, expected), expected }]
      : [];
  });
}

/** That an address is our own. */
export function itself(address: Address): VerackError {
  const reason = `Cannot dial ${
    formatAddress(address)
  }: it is this node itself`;
  return new VerackError("self", reason);
}

function denied(address: Address, identity: IdentityId): VerackError {
  return new VerackError(
    "denied",
    `Cannot dial ${formatAddress(address)}: ${
      shortId(identity)
    } is denied here, must be allowed first (verack allow ${identity})`,
  );
}

function newSeed(address: Address, identity?: IdentityId): Seed {
  return {
    address,
    identity,
    dialing: false,
    failures: 0,
    nextDialAt: 0,
  };
}
