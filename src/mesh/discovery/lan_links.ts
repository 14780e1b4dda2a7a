/**
 * The local networks that a node takes part in: joined and left as interfaces come and go. What
 * comes from elsewhere, or too often, is dropped before it is parsed.
 */
import { messageOf, VerackError } from "../../core/errors.ts";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { NodeCounters } from "../../core/node_counters.ts";
import { TaskSet } from "../../core/task_set.ts";
import { TokenBucket, TokenBuckets } from "../../core/token_bucket.ts";
import type { Address } from "../../transport/address.ts";
import {
  familyOf,
  isOnLink,
  type LocalNetwork,
} from "../../transport/local_networks.ts";
import { classifyIp } from "../../transport/scope.ts";
import type {
  DnsPacket,
  MulticastDns,
  MulticastLink,
  MulticastReceiver,
} from "../../transport/multicast_dns.ts";
import {
  JOIN_RETRY_MS,
  LAN_PACKETS,
  LAN_PACKETS_PER_SOURCE,
  MAX_LAN_SOURCES,
  MAX_NETWORKS,
} from "./lan_limits.ts";

/** The port of multicast DNS; a packet from another one is a one-shot query (RFC 6762 §6.7). */
const MULTICAST_PORT = 5353;

/** One network and family. */
export interface LanLink {
  readonly network: LocalNetwork;
  readonly send: (packet: DnsPacket) => void;
}

/** Gets what happens on the links. */
export interface LanListener {
  readonly onJoined: (link: LanLink) => void;
  /** The link is left; packets can still be sent. */
  readonly onLeaving: (link: LanLink) => void;
  readonly onPacket: (link: LanLink, packet: DnsPacket, from: Address) => void;
}

/** Dependencies of {@linkcode LanLinks}. */
export interface LanLinksOptions extends LanListener {
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: NodeCounters;
  readonly dns: MulticastDns;
}

/** A link that is joined, or is being joined, or could not be. */
interface Joined {
  readonly network: LocalNetwork;
  link: LanLink | undefined;
  socket: MulticastLink | undefined;
  isGone: boolean;
  /** When it is tried again, if it could not be joined; monotonic clock. */
  retryAt: number;
}

/** The links of one node. */
export class LanLinks {
  readonly #options: LanLinksOptions;
  readonly #joined = new Map<string, Joined>();
  readonly #tasks = new TaskSet();
  #fault: VerackError | undefined;

  constructor(options: LanLinksOptions) {
    this.#options = options;
  }

  /** Those that are joined. */
  get links(): LanLink[] {
    return [...this.#joined.values()].flatMap(({ link }) => link ?? []);
  }

  /** The networks of these, and of those that are being joined. */
  get networks(): LocalNetwork[] {
    return [...this.#joined.values()]
      .filter(({ retryAt }) => retryAt === Infinity)
      .map(({ network }) => network);
  }

  /** Why there is none, once joining was tried. */
  get fault(): string | undefined {
    if (this.links.length > 0 || this.#tasks.size > 0) return undefined;
    return this.#fault?.message ??
      "Cannot join multicast DNS: no network interface is up but loopback, must be one";
  }

  /** Joins new networks, and leaves those that are gone or have other addresses now. */
  update(): void {
    const present = new Map(
      this.#options.dns.networks().filter(isDialed).slice(0, MAX_NETWORKS)
        .flatMap((network) =>
          familiesOf(network).map((family) =>
            [keyOf(network, family), { network, family }] as const
          )
        ),
    );
    const now = this.#options.clock.monotonic();
    for (const [key, joined] of this.#joined) {
      if (present.has(key) && now < joined.retryAt) continue;
      this.#joined.delete(key);
      this.#tasks.add(this.#leave(joined));
    }
    for (const [key, { network, family }] of present) {
      if (this.#joined.has(key)) continue;
      const joined: Joined = {
        network,
        link: undefined,
        socket: undefined,
        isGone: false,
        retryAt: Infinity,
      };
      this.#joined.set(key, joined);
      this.#tasks.add(this.#join(joined, network, family));
    }
  }

  /** Leaves all. */
  async close(): Promise<void> {
    const all = [...this.#joined.values()];
    this.#joined.clear();
    await Promise.all(all.map((it) => this.#leave(it)));
    await this.#tasks.settled();
  }

  async #join(
    joined: Joined,
    network: LocalNetwork,
    family: 4 | 6,
  ): Promise<void> {
    const { clock, counters, dns, log } = this.#options;
    const link: LanLink = {
      network,
      send: (packet) => {
        counters.lanPacketsSent++;
        joined.socket?.send(packet);
      },
    };
    try {
      const receiver = this.#receiver(joined, link);
      const socket = await dns.join(network, family, receiver);
      if (joined.isGone) return await socket.close();
      joined.socket = socket;
      joined.link = link;
      this.#options.onJoined(link);
    } catch (error) {
      if (!(error instanceof VerackError)) throw error;
      this.#fault = error;
      joined.retryAt = clock.monotonic() + JOIN_RETRY_MS;
      log.debug("network not joined", { reason: messageOf(error) });
    }
  }

  async #leave(joined: Joined): Promise<void> {
    joined.isGone = true;
    const { link, socket } = joined;
    if (link === undefined) return;
    this.#options.onLeaving(link);
    joined.link = undefined;
    await socket?.close();
  }

  #receiver(joined: Joined, link: LanLink): MulticastReceiver {
    const { clock, counters } = this.#options;
    const all = new TokenBucket(LAN_PACKETS);
    const bySource = new TokenBuckets(LAN_PACKETS_PER_SOURCE, MAX_LAN_SOURCES);
    const isWanted = ({ host, port }: Address) => {
      if (port !== MULTICAST_PORT || !isOnLink(host, link.network)) {
        return false;
      }
      const now = clock.monotonic();
      // First that of the source, so that one source does not use up what all have.
      return bySource.of(host).take(now) && all.take(now);
    };
    return {
      accepts: (from) => {
        if (isWanted(from)) return true;
        counters.lanPacketsDropped++;
        return false;
      },
      malformed: () => {
        counters.lanPacketsDropped++;
      },
      packet: (packet, from) => {
        if (joined.isGone) return;
        counters.lanPacketsReceived++;
        this.#options.onPacket(link, packet, from);
      },
    };
  }
}

/** Whether any node may be dialed there: not if it has link-local addresses alone. */
function isDialed({ addresses }: LocalNetwork): boolean {
  return addresses.some(({ address }) => {
    const scope = classifyIp(address);
    return scope === "private" || scope === "public";
  });
}

/** The families of its addresses: a node may have one of them alone. */
function familiesOf({ addresses }: LocalNetwork): readonly (4 | 6)[] {
  const families = new Set(addresses.map(({ address }) => familyOf(address)));
  return ([4, 6] as const).filter((it) => families.has(it));
}

function keyOf({ name, addresses }: LocalNetwork, family: 4 | 6): string {
  const all = addresses.map(({ address, prefix }) => `${address}/${prefix}`);
  return [name, family, ...all.sort()].join(" ");
}
