/** The nodes found on the local networks, bounded, each until its time is over. */
import { formatAddress } from "../../transport/address.ts";
import { isOnLink, type LocalNetwork } from "../../transport/local_networks.ts";
import { classifyIp } from "../../transport/scope.ts";
import {
  MAX_FOUND,
  MAX_FOUND_PER_SOURCE,
  MAX_FOUND_TTL_S,
  MIN_FOUND_PORT,
  MIN_FOUND_TTL_S,
} from "./lan_limits.ts";
import type { KnownNode } from "./lan_browser.ts";
import type { LanLink } from "./lan_links.ts";
import type { AnnouncedNode, LanNames } from "./lan_records.ts";

/** One node that was found. */
export interface FoundNode extends KnownNode {
  readonly link: LanLink;
  /** The address from which it was announced. */
  readonly source: string;
  readonly port: number;
  /** Addresses of it that are on the link. */
  readonly addresses: readonly string[];
  readonly names: LanNames | undefined;
}

/**
 * The addresses at which an announced node may be dialed: those on the link from which it was
 * announced, of a scope that is dialed at all. So an announcement leads to no host that could not
 * have sent it.
 */
export function dialableAddresses(
  { addresses, port }: Pick<AnnouncedNode, "addresses" | "port">,
  network: LocalNetwork,
): string[] {
  if (port < MIN_FOUND_PORT || port > 65_535) return [];
  return addresses.filter((ip) => {
    const scope = classifyIp(ip);
    return (scope === "private" || scope === "public") && isOnLink(ip, network);
  });
}

/** Those of one node. */
export class LanFound {
  readonly #nodes = new Map<string, FoundNode>();

  /** All that have not expired. */
  list(now: number): FoundNode[] {
    this.#expire(now);
    return [...this.#nodes.values()];
  }

  /** Those of one link. */
  *of(link: LanLink): Iterable<FoundNode> {
    for (const node of this.#nodes.values()) {
      if (node.link === link) yield node;
    }
  }

  /** Adds or renews one; absent if there is no room. `isNew`: it was not known, or has moved. */
  add(
    node: AnnouncedNode,
    addresses: readonly string[],
    { link, source, now }: {
      readonly link: LanLink;
      readonly source: string;
      readonly now: number;
    },
  ): { readonly found: FoundNode; readonly isNew: boolean } | undefined {
    const { label, names, port } = node;
    const known = this.#nodes.get(label);
    if (known === undefined && !this.#hasRoom(source, now)) return undefined;
    const seconds = Math.max(
      MIN_FOUND_TTL_S,
      Math.min(node.ttl, MAX_FOUND_TTL_S),
    );
    const ttlMs = 1_000 * seconds;
    const found: FoundNode = {
      label,
      ttlMs,
      expiresAt: now + ttlMs,
      link,
      source,
      port,
      addresses,
      names,
    };
    this.#nodes.delete(label);
    this.#nodes.set(label, found);
    return {
      found,
      isNew: known === undefined || keyOf(known) !== keyOf(found),
    };
  }

  /** It has announced that it is gone. */
  remove(label: string, source: string): void {
    if (this.#nodes.get(label)?.source === source) this.#nodes.delete(label);
  }

  /** A link was left. */
  forget(link: LanLink): void {
    for (const { label } of this.of(link)) this.#nodes.delete(label);
  }

  #hasRoom(source: string, now: number): boolean {
    this.#expire(now);
    const counts = new Map<string, number>();
    for (const node of this.#nodes.values()) {
      counts.set(node.source, (counts.get(node.source) ?? 0) + 1);
    }
    const own = counts.get(source) ?? 0;
    if (own >= MAX_FOUND_PER_SOURCE) return false;
    if (this.#nodes.size < MAX_FOUND) return true;
    // The oldest of the address with most, if that has more than the newcomer's then has.
    const most = Math.max(...counts.values());
    if (most <= own + 1) return false;
    for (const { label, source: its } of this.#nodes.values()) {
      if (counts.get(its) !== most) continue;
      return this.#nodes.delete(label);
    }
    return false;
  }

  #expire(now: number): void {
    for (const { label, expiresAt } of this.#nodes.values()) {
      if (expiresAt <= now) this.#nodes.delete(label);
    }
  }
}

function keyOf({ addresses, names, port }: FoundNode): string {
  const all = addresses.map((host) => formatAddress({ host, port }));
  return [names?.id ?? "", ...all.toSorted()].join(" ");
}
