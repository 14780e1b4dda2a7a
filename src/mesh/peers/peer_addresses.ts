/**
 * The addresses of one peer, and how well each is known. A verified one is never displaced by
 * one that is only advertised or gossiped. Whether an address may be dialed is checked when it
 * is dialed (`address_dialer.ts`).
 */
import {
  MAX_ADDRESSES_PER_PEER,
  MAX_ADVERTISED_ADDRESSES,
  MAX_VERIFIED_ADDRESSES,
} from "../mesh_limits.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import { isIpv4, isIpv6 } from "../../transport/ip.ts";
import { classifyIp, mayDial, type Scope } from "../../transport/scope.ts";
import { AS_SEEN_HOST } from "../../wire/messages/peers.ts";

/**
 * The origin of an address, best first: the peer has answered there; it was configured; the
 * peer advertises it; another peer gossiped it.
 */
export const ADDRESS_RANK = {
  verified: 0,
  configured: 1,
  advertised: 2,
  gossiped: 3,
} as const;

/** The name of an origin. */
export type AddressRank = keyof typeof ADDRESS_RANK;

/** The most of each; the rest is for the others. */
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
  /** Whether it was configured: then it is never dropped. */
  readonly configured: boolean;
  /**
   * The scope of the peer that sent it: nearer addresses are not dialed. Absent for configured
   * addresses and those from a dial.
   */
  readonly namedFrom?: Scope;
}

/** Whether the peer has answered at an address, or it was configured. */
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

  /** Whether one of them was configured. */
  get hasConfigured(): boolean {
    for (const { configured } of this.#entries.values()) {
      if (configured) return true;
    }
    return false;
  }

  /** Whether the peer has answered at one of them, or one was configured. */
  get hasVerified(): boolean {
    for (const entry of this.#entries.values()) {
      if (isVerified(entry)) return true;
    }
    return false;
  }

  /** Drops those that were only advertised or gossiped; false if there were none. */
  dropUnverified(): boolean {
    const before = this.size;
    for (const [key, entry] of this.#entries) {
      if (!isVerified(entry)) this.#entries.delete(key);
    }
    return this.size < before;
  }

  /**
   * Adds an address or raises its rank; never lowers it. When there is no room, the worst is
   * dropped; false if that is the new one.
   */
  add(address: Address, rank: AddressRank, namedFrom?: Scope): boolean {
    const key = formatAddress(address);
    const old = this.#entries.get(key);
    const configured = rank === "configured" || (old?.configured ?? false);
    if (old !== undefined && ADDRESS_RANK[old.rank] < ADDRESS_RANK[rank]) {
      // Gossip does not make an address newer.
      if (rank === "gossiped") return true;
      this.#entries.delete(key);
      // An address that has answered and is configured later is both.
      this.#entries.set(
        key,
        configured ? { address, rank: old.rank, configured } : old,
      );
      return true;
    }
    // The nearest sender counts, so that a farther one cannot prevent dials.
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
   * Adds addresses from a peer at `from`, the best first: its own addresses if `rank` is
   * `advertised`, else those of another.
   */
  addNamed(
    named: readonly Address[],
    rank: "advertised" | "gossiped",
    from: Address,
  ): void {
    const namedFrom = classifyIp(from.host);
    // The newest is tried first.
    for (const { host, port } of named.toReversed()) {
      const asSeen = host === AS_SEEN_HOST;
      // "The address you see me at" makes sense in a peer's own entry only.
      if (asSeen && rank === "gossiped") continue;
      this.add({ host: asSeen ? from.host : host, port }, rank, namedFrom);
    }
  }

  /**
   * The peer's own addresses are these from now on: others that it only advertised are dropped.
   * With none, it does not listen: then also those at which it answered before.
   */
  replaceAdvertised(named: readonly Address[], from: Address): void {
    const kept = new Set(
      named.map(({ host, port }) =>
        formatAddress({ host: host === AS_SEEN_HOST ? from.host : host, port })
      ),
    );
    for (const [key, { rank, configured }] of this.#entries) {
      const isDropped = rank === "advertised"
        ? !kept.has(key)
        : rank === "verified" && named.length === 0;
      if (isDropped && !configured) this.#entries.delete(key);
    }
    this.addNamed(named, "advertised", from);
  }

  /**
   * The addresses for gossip: those that answered last, then the newest. None that is nearer than
   * the peer that named it: receivers near this node would dial it on this node's word.
   */
  forGossip(): Address[] {
    const known = [...this.#entries.values()].reverse()
      .filter((entry) => entry.rank !== "gossiped" && !isTooNear(entry));
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

  /** Former addresses of a peer that moves must not displace the new ones. */
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

/** Whether the peer that named an IP address may not have this node dial it. */
function isTooNear({ address: { host }, namedFrom }: PeerAddress): boolean {
  return namedFrom !== undefined && (isIpv4(host) || isIpv6(host)) &&
    !mayDial(namedFrom, classifyIp(host));
}
