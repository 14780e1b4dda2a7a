/**
 * Announces this node on the local networks and finds others there. What is found is a rumour:
 * it is dialed like a gossiped peer, in a budget of its own, and proves its key like any other.
 * Which announcements lead to a dial is decided here; records are in `lan_records.ts`.
 */
import type { Clock, Random } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { NodeCounters } from "../../core/node_counters.ts";
import { type PeerId, shortId } from "../../core/peer_id.ts";
import { TokenBucket } from "../../core/token_bucket.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import { classifyIp } from "../../transport/scope.ts";
import { familyOf, type LocalNetwork } from "../../transport/local_networks.ts";
import type { DnsPacket, MulticastDns } from "../../transport/multicast_dns.ts";
import type { Emit } from "../events.ts";
import type { HealthBoard } from "../health.ts";
import {
  COLLISION_GRACE_MIN_MS,
  COLLISION_GRACE_PER_PEER_MS,
} from "../mesh_limits.ts";
import type { AccessRules } from "../peers/access_rules.ts";
import type { PeerEvents } from "../peers/peer_events.ts";
import { LAN } from "../peers/peer_record.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import { LanAnnouncer } from "./lan_announcer.ts";
import { LanBrowser } from "./lan_browser.ts";
import { dialableAddresses, type FoundNode, LanFound } from "./lan_found.ts";
import { FOUND_EVENTS, NETWORKS_POLL_MS } from "./lan_limits.ts";
import { type LanLink, LanLinks } from "./lan_links.ts";
import { type AnnouncedNode, type LanNode, nodesIn } from "./lan_records.ts";

const NO_ATTESTATION = new Uint8Array(0);

/** Random bytes of a label. */
const LABEL_BYTES = 8;

/** The key of its health fact. */
const NO_MULTICAST = "no-multicast";

/** Dependencies of {@linkcode LanDiscovery}. */
export interface LanDiscoveryOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counters: NodeCounters;
  readonly dns: MulticastDns;
  /** This node, its network, and whether its peers must prove a secret. */
  readonly own: PeerId;
  readonly network: string;
  readonly networkKey: Uint8Array | undefined;
  /** Addresses on which it listens; none if it does not. */
  readonly listening: readonly Address[];
  readonly table: PeerTable;
  readonly rules: Pick<AccessRules, "ignoresGossipAbout">;
  readonly membership: {
    readonly credentials: { readonly closed: boolean };
    acceptsGossipAbout(id: PeerId, attestation: Uint8Array): boolean;
  };
  readonly health: HealthBoard;
  readonly events: PeerEvents;
  readonly emit: Emit;
}

/** Discovery on the local networks, see `NodeStatus.discovery`. */
interface LanStatus {
  readonly announced: boolean;
  readonly open: boolean;
  readonly networks: readonly string[];
  readonly found: readonly { readonly address: string; readonly id?: PeerId }[];
}

/** Discovery of one node. */
export class LanDiscovery {
  readonly #options: LanDiscoveryOptions;
  readonly #label: string;
  readonly #found = new LanFound();
  readonly #links: LanLinks;
  readonly #announcer: LanAnnouncer;
  readonly #browser: LanBrowser;
  readonly #announced = new TokenBucket(FOUND_EVENTS);
  #nextPollAt = -Infinity;
  #isRunning = false;

  constructor(options: LanDiscoveryOptions) {
    this.#options = options;
    const { random } = options;
    this.#label = random.bytes(LABEL_BYTES).toHex();
    this.#announcer = new LanAnnouncer({
      ...options,
      describe: ({ network }) => this.#describe(network),
    });
    this.#browser = new LanBrowser({
      ...options,
      known: (link) => this.#found.of(link),
    });
    this.#links = new LanLinks({
      ...options,
      onJoined: (link) => {
        this.#announcer.joined(link);
        this.#browser.joined(link);
      },
      onLeaving: (link) => {
        this.#announcer.leaving(link);
        this.#browser.leaving(link);
        this.#found.forget(link);
      },
      onPacket: (link, packet, from) => this.#read(link, packet, from),
    });
  }

  /** Begins; what is wrong is reported later, when the events of the node are read. */
  start(): void {
    this.#isRunning = true;
    this.#nextPollAt = this.#options.clock.monotonic() + NETWORKS_POLL_MS;
    this.#links.update();
  }

  /** Looks at times for networks that have come or gone. */
  tick(now: number): void {
    if (!this.#isRunning || now < this.#nextPollAt) return;
    this.#nextPollAt = now + NETWORKS_POLL_MS;
    this.#links.update();
    this.#report();
  }

  /** Says that this node is gone, unless `silently`, and ends. */
  async close({ silently = false } = {}): Promise<void> {
    this.#isRunning = false;
    if (silently) this.#announcer.silence();
    await this.#links.close();
  }

  /** The present state. */
  get status(): LanStatus {
    const found = this.#found.list(this.#options.clock.monotonic());
    return {
      announced: this.#links.networks.some((it) =>
        this.#describe(it) !== undefined
      ),
      open: this.#isOpen,
      networks: [
        ...new Set(this.#links.links.map(({ network }) => network.name)),
      ],
      found: found.flatMap(({ addresses: [host], names, port }) =>
        host === undefined ? [] : [{
          address: formatAddress({ host, port }),
          ...(names !== undefined && { id: names.id }),
        }]
      ),
    };
  }

  /** Whether its names are announced: in a closed mesh and with a secret they are not. */
  get #isOpen(): boolean {
    const { membership, networkKey } = this.#options;
    return networkKey === undefined && !membership.credentials.closed;
  }

  /** What is announced on a network. */
  #describe(network: LocalNetwork): LanNode | undefined {
    const { listening, network: name, own: id } = this.#options;
    const [first] = listening;
    if (first === undefined) return undefined;
    const reached = network.addresses.map(({ address }) => address)
      .filter((ip) => isListening(ip, listening));
    if (reached.length === 0) return undefined;
    return {
      label: this.#label,
      port: first.port,
      addresses: reached,
      names: this.#isOpen ? { network: name, id } : undefined,
    };
  }

  #read(link: LanLink, packet: DnsPacket, from: Address): void {
    if (packet.isQuery) return this.#announcer.query(link, packet);
    const { nodes, dropped } = nodesIn(packet);
    this.#options.counters.lanNodesDropped += dropped;
    for (const node of nodes) {
      if (node.label !== this.#label) this.#learn(link, node, from.host);
    }
  }

  /** A node is announced. */
  #learn(link: LanLink, node: AnnouncedNode, source: string): void {
    if (node.ttl === 0) return this.#found.remove(node.label, source);
    // Those of other meshes are none of ours, and are neither kept nor counted.
    if (!this.#concerns(node)) return;
    const { clock, counters } = this.#options;
    const addresses = dialableAddresses(node, link.network);
    const added = addresses.length === 0
      ? undefined
      : this.#found.add(node, addresses, {
        link,
        source,
        now: clock.monotonic(),
      });
    if (added === undefined) {
      counters.lanNodesDropped++;
      return;
    }
    this.#browser.found(link);
    const { found, isNew } = added;
    if (isNew) counters.lanNodesFound++;
    this.#pass(found, isNew);
  }

  /** Whether a node may be of this mesh, by what it announces. */
  #concerns({ names }: AnnouncedNode): boolean {
    const { membership, network, networkKey, own, rules } = this.#options;
    // Members of a closed mesh, or with a secret, do not tell their names.
    if (names === undefined) return !this.#isOpen;
    return networkKey === undefined && names.network === network &&
      names.id !== own &&
      !rules.ignoresGossipAbout(names.id) &&
      membership.acceptsGossipAbout(names.id, NO_ATTESTATION);
  }

  /** Passes a node on to be dialed. */
  #pass(
    { addresses, names, port, source, ttlMs }: FoundNode,
    isNew: boolean,
  ): void {
    const { emit, events, clock, log } = this.#options;
    const targets = addresses.map((host) => ({ host, port }));
    const [first] = targets;
    if (first === undefined) return;
    const isUp = names !== undefined && this.#introduce(names.id, targets);
    if (names === undefined) {
      for (const address of targets) {
        events.emit("found", address, source, ttlMs);
      }
    }
    if (!isNew || isUp || !this.#announced.take(clock.monotonic())) return;
    const address = formatAddress(first);
    const id = names?.id;
    log.info("found", {
      address,
      ...(id !== undefined && { id: shortId(id) }),
    });
    emit({ type: "found", address, ...(id !== undefined && { id }) });
  }

  /** Puts a peer into the table by its id, if it is not connected. True if it is. */
  #introduce(id: PeerId, targets: readonly Address[]): boolean {
    const { counters, events, own, table } = this.#options;
    if (table.get(id)?.up) return true;
    const peer = table.introduce(id, LAN);
    if (peer === undefined) {
      counters.lanNodesDropped++;
      return false;
    }
    // Each address counts as if a peer there had named it: never nearer ones.
    for (const target of targets) peer.gossipedAt([target], target);
    // Both ends find each other at the same time: the one with the smaller id dials first.
    const graceMs = COLLISION_GRACE_MIN_MS +
      COLLISION_GRACE_PER_PEER_MS * table.size;
    peer.hurryByGossip(own < id ? undefined : graceMs);
    events.emit("changed");
    return false;
  }

  #report(): void {
    const { health } = this.#options;
    const { fault } = this.#links;
    if (fault === undefined) return health.end(NO_MULTICAST);
    health.raise(NO_MULTICAST, {
      code: "no-multicast",
      message: fault,
      isReported: true,
    });
  }
}

/** Whether a node that listens on these addresses is reached at an address of this machine. */
function isListening(ip: string, listening: readonly Address[]): boolean {
  const scope = classifyIp(ip);
  if (scope !== "private" && scope !== "public") return false;
  return listening.some(({ host }) =>
    host === ip || host === "::" ||
    (host === "0.0.0.0" && familyOf(ip) === 4)
  );
}
