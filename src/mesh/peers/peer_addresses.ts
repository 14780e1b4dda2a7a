/**
 * Where one peer may be reached, and how well we know it. What was proven is
 * never pushed out by what was only said. Whether an address may be dialed at
 * all is judged when it is dialed (`dialer.ts`).
 */
import { MAX_ADDRESSES_PER_PEER } from "../../limits.ts";
import {
  MAX_ADVERTISED_ADDRESSES,
  MAX_VERIFIED_ADDRESSES,
} from "../mesh_limits.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import { classifyIp, mayDial, type Scope } from "../../transport/scope.ts";
import { AS_SEEN_HOST } from "../../wire/messages/peers.ts";

/**
 * How an address came to us, best first: it answered as that peer; a person gave
 * it to us; the peer itself named it; another did.
 */
export const ADDRESS_RANK = {
  verified: 0,
  configured: 1,
  advertised: 2,
  gossiped: 3,
} as const;

/** The name of a rank. */
export type AddressRank = keyof typeof ADDRESS_RANK;

/** How many of each there may be; what is left over is for the others. */
const ROOM: Readonly<Record<AddressRank, number>> = {
  verified: MAX_VERIFIED_ADDRESSES,
  configured: MAX_ADDRESSES_PER_PEER,
  advertised: MAX_ADVERTISED_ADDRESSES,
  gossiped: MAX_ADDRESSES_PER_PEER,
};

/** One address of one peer. */
export interface PeerAddress {
  readonly address: Address;
  readonly rank: AddressRank;
  /** A person gave it to us, whatever else we learned: it is never dropped. */
  readonly configured: boolean;
  /**
   * How far away the one that named it is: addresses that are closer to us than
   * that are not dialed. Absent when a person or our own dial named it.
   */
  readonly namedFrom?: Scope;
}

/** Whether an address is more than a claim: the peer answered there, or a person gave it. */
export function isVerified({ rank, configured }: PeerAddress): boolean {
  return configured || rank === "verified";
}

/** The addresses of one peer, at most `MAX_ADDRESSES_PER_PEER`, best first. */
export class PeerAddresses {
  readonly #entries = new Map<string, PeerAddress>();

  /** Best first; equal ranks newest first. */
  list(): PeerAddress[] {
    return [...this.#entries.values()].reverse().sort((a, b) =>
      ADDRESS_RANK[a.rank] - ADDRESS_RANK[b.rank]
    );
  }

  /** How many there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** Whether a person gave one of them. */
  get hasConfigured(): boolean {
    for (const { configured } of this.#entries.values()) {
      if (configured) return true;
    }
    return false;
  }

  /** Whether the peer has answered at one of them, or a person gave one. */
  get hasVerified(): boolean {
    for (const entry of this.#entries.values()) {
      if (isVerified(entry)) return true;
    }
    return false;
  }

  /** Drops those that were only said, by the peer or by others; false if there were none. */
  dropUnverified(): boolean {
    const before = this.size;
    for (const [key, entry] of this.#entries) {
      if (!isVerified(entry)) this.#entries.delete(key);
    }
    return this.size < before;
  }

  /**
   * Adds an address or raises its rank; never lowers it. When there is no room,
   * the worst goes; false if that is the new one.
   */
  add(address: Address, rank: AddressRank, namedFrom?: Scope): boolean {
    const key = formatAddress(address);
    const old = this.#entries.get(key);
    const configured = rank === "configured" || (old?.configured ?? false);
    if (old !== undefined && ADDRESS_RANK[old.rank] < ADDRESS_RANK[rank]) {
      // Others' word makes nothing newer than it is.
      if (rank === "gossiped") return true;
      this.#entries.delete(key);
      // What answered first and was configured by a person after is both.
      this.#entries.set(
        key,
        configured ? { address, rank: old.rank, configured } : old,
      );
      return true;
    }
    // The nearest that named it counts: one far away cannot take it from us.
    const nearest = old?.rank === rank && old.namedFrom !== undefined &&
        namedFrom !== undefined && mayDial(old.namedFrom, namedFrom)
      ? old.namedFrom
      : namedFrom;
    this.#entries.delete(key);
    this.#entries.set(
      key,
      nearest === undefined || configured
        ? { address, rank, configured }
        : { address, rank, configured, namedFrom: nearest },
    );
    this.#forgetFormer(rank);
    if (this.#entries.size <= MAX_ADDRESSES_PER_PEER) return true;
    const worst = this.list().findLast((entry) => !entry.configured);
    const dropped = worst === undefined ? key : formatAddress(worst.address);
    this.#entries.delete(dropped);
    return dropped !== key;
  }

  /**
   * Adds what a peer at `from` names: its own addresses if `rank` is `claimed`, else
   * those of another.
   */
  addNamed(
    named: readonly Address[],
    rank: "advertised" | "gossiped",
    from: Address,
  ): void {
    const namedFrom = classifyIp(from.host);
    for (const { host, port } of named) {
      const asSeen = host === AS_SEEN_HOST;
      // "The address you see me at" makes sense in a peer's own entry only.
      if (asSeen && rank === "gossiped") continue;
      this.add({ host: asSeen ? from.host : host, port }, rank, namedFrom);
    }
  }

  /** What others may be told: where it answered last, then what is newest. */
  told(): Address[] {
    const known = [...this.#entries.values()].reverse()
      .filter(({ rank }) => rank !== "gossiped");
    const last = known.find(({ rank }) => rank === "verified");
    const rest = known.filter((entry) => entry !== last);
    return [...(last ? [last] : []), ...rest].map(({ address }) => address);
  }

  /** The address belongs to another peer now. */
  remove(address: Address): void {
    this.#entries.delete(formatAddress(address));
  }

  /** Whether the address is one of them. */
  get(address: Address): PeerAddress | undefined {
    return this.#entries.get(formatAddress(address));
  }

  /** A peer that moves leaves addresses behind, which must not keep the new ones out. */
  #forgetFormer(rank: AddressRank): void {
    const room = ROOM[rank];
    const same = [...this.#entries].filter(([, entry]) =>
      entry.rank === rank && !entry.configured
    );
    for (const [key] of same.slice(0, Math.max(0, same.length - room))) {
      this.#entries.delete(key);
    }
  }
}
