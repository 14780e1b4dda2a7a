/**
 * The addresses a person gave without saying who is there (`--connect host:port`):
 * trust on first use, and a loud refusal when somebody else answers later.
 *
 * An address given with an identity is no seed: its peer is on record from the
 * start (`dialer.ts`).
 */
import type { IdentityId } from "../identity/identity.ts";
import type { Address } from "../transport/address.ts";

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

/** A seed nobody has answered yet. */
export function newSeed(address: Address): Seed {
  return {
    address,
    identity: undefined,
    dialing: false,
    failures: 0,
    nextDialAt: 0,
  };
}
