/**
 * At which public addresses peers see this node, as they say in `version`. One behind a router
 * cannot know otherwise. It is a peer's word and decides nothing but the order in which the
 * addresses of a peer are tried, which relayed peers may be behind the same router
 * (`dialing/near_addresses.ts`), and what the status shows.
 */
import { classifyIp } from "../../transport/scope.ts";
import type { PeerEvents } from "./peer_events.ts";
import type { PeerSession } from "./peer_session.ts";
import type { PeerTable } from "./peer_table.ts";
import type { Standing } from "./standing.ts";

/** Peers of different sources that must say the same, unless one has standing. */
const MIN_STRANGERS = 2;

/** A public address of this node. */
export interface ObservedAddress {
  readonly address: string;
  /** Connected peers that see it there. */
  readonly peers: number;
}

/** Dependencies of {@linkcode ObservedAddresses}. */
export interface ObservedAddressesOptions {
  readonly events: PeerEvents;
  readonly table: Pick<PeerTable, "get">;
  readonly standing: Pick<Standing, "has">;
}

/** What the peers of present sessions say; one address a session. */
export class ObservedAddresses {
  readonly #options: ObservedAddressesOptions;
  readonly #seen = new Map<PeerSession, string>();

  constructor(options: ObservedAddressesOptions) {
    this.#options = options;
    const { events } = options;
    events.on("introduced", ({ session }) => {
      const seen = session.seenAt;
      if (seen !== undefined && classifyIp(seen) === "public") {
        this.#seen.set(session, seen);
      }
    });
    events.on("sessionClosed", (session) => this.#seen.delete(session));
  }

  /** Whether one peer with standing says so, or some of different sources. */
  has(ip: string): boolean {
    const { standing, table } = this.#options;
    const sources = new Set<string>();
    for (const [{ remote, source }, seen] of this.#seen) {
      if (seen !== ip) continue;
      if (standing.has(table.get(remote.id))) return true;
      sources.add(source);
    }
    return sources.size >= MIN_STRANGERS;
  }

  /** Those for which {@linkcode has} is true, most peers first. */
  list(): ObservedAddress[] {
    const counts = new Map<string, number>();
    for (const ip of this.#seen.values()) {
      counts.set(ip, (counts.get(ip) ?? 0) + 1);
    }
    return [...counts].filter(([ip]) => this.has(ip))
      .map(([address, peers]) => ({ address, peers }))
      .sort((a, b) => b.peers - a.peers);
  }
}
