/**
 * This node's place in the network: the addresses that it advertises to a peer, which addresses
 * are near, and what follows when the machine has other addresses: the own entry is sent again,
 * sessions from an address that is gone end, and all that is away is dialed at once.
 */
import type { Clock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { TokenBucket } from "../core/token_bucket.ts";
import { PROBE_TIMEOUT_MS } from "../session/session_limits.ts";
import type { Address } from "../transport/address.ts";
import {
  addressesOf,
  type NetworkReader,
  reachableAddresses,
} from "../transport/interface_addresses.ts";
import { isEveryHost } from "../transport/listen_all.ts";
import type { Scope } from "../transport/scope.ts";
import { AS_SEEN_HOST } from "../wire/messages/peers.ts";
import type { Site } from "./dialing/address_order.ts";
import type { Emit } from "./events.ts";
import {
  NETWORK_CHANGE_BURST,
  NETWORK_CHANGE_REFILL_MS,
} from "./mesh_limits.ts";
import { type NetworkChange, NetworkWatch } from "./network_watch.ts";
import {
  type ObservedAddress,
  ObservedAddresses,
  type ObservedAddressesOptions,
} from "./peers/observed_addresses.ts";
import type { PeerSession } from "./peers/peer_session.ts";

/** Dependencies of {@linkcode OwnNetwork}. */
export interface OwnNetworkOptions extends ObservedAddressesOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts when the node closes. */
  readonly signal: AbortSignal;
  /** Reads the networks of this machine; absent where it is not permitted. */
  readonly networks: NetworkReader | undefined;
  /** What is configured to be advertised; empty: where it listens. */
  readonly advertise: readonly Address[];
  /** Where it listens; empty if it does not. */
  readonly listens: readonly Address[];
  readonly emit: Emit;
}

/** What depends on the addresses of this machine. */
export interface NetworkFollowers {
  readonly ownEntry: { changed(): void };
  readonly sessions: { all(): readonly PeerSession[] };
}

/** The network of one node. */
export class OwnNetwork implements Site {
  readonly #options: OwnNetworkOptions;
  readonly #watch: NetworkWatch;
  readonly #observed: ObservedAddresses;
  readonly #budget = new TokenBucket({
    burst: NETWORK_CHANGE_BURST,
    refillMs: NETWORK_CHANGE_REFILL_MS,
  });
  #cancel: (() => void) | undefined;
  #changes = 0;
  /** Addresses that are gone, and have not been acted upon. */
  readonly #removed: string[] = [];
  #followers: NetworkFollowers | undefined;

  constructor(options: OwnNetworkOptions) {
    this.#options = options;
    const { signal } = options;
    this.#observed = new ObservedAddresses(options);
    signal.addEventListener("abort", () => this.#cancel?.(), { once: true });
    this.#watch = new NetworkWatch({
      ...options,
      read: options.networks,
      onChange: (change) => this.#onChange(change),
    });
  }

  /** Begins to watch. */
  start(followers: NetworkFollowers): void {
    this.#followers = followers;
    this.#watch.start();
  }

  /** This machine was suspended: it may be in another network now. */
  resumed(): void {
    this.#watch.check();
  }

  get networks(): Site["networks"] {
    return this.#watch.networks;
  }

  isSeenAt(ip: string): boolean {
    return this.#observed.has(ip);
  }

  /**
   * The addresses for the own entry that a peer in `scope` is sent, best first: at which it sees
   * this node, then those that others near it may reach. Empty if this node does not listen.
   */
  addressesFor(scope: Scope): readonly Address[] {
    const { advertise, listens } = this.#options;
    if (advertise.length > 0) return advertise;
    const [first] = listens;
    if (first === undefined) return [];
    const asSeen = { host: AS_SEEN_HOST, port: first.port };
    // One address is the one that peers see, unless a router is between.
    if (listens.length === 1 && !isEveryHost(first.host)) return [asSeen];
    return [asSeen, ...reachableAddresses(listens, this.networks, scope)];
  }

  /** For its operator. */
  get status(): {
    readonly watched: boolean;
    readonly interfaces: readonly string[];
    readonly seenAs: readonly ObservedAddress[];
    readonly changes: number;
  } {
    return {
      watched: this.#watch.isOn,
      interfaces: addressesOf(this.networks),
      seenAs: this.#observed.list(),
      changes: this.#changes,
    };
  }

  #onChange({ added, removed }: NetworkChange): void {
    const { emit, log } = this.#options;
    this.#changes++;
    log.info("network changed", {
      added: added.join(" "),
      removed: removed.join(" "),
    });
    emit({ type: "network", added, removed });
    const hosts = new Set(addressesOf(this.networks));
    const { ownEntry, sessions } = this.#followers!;
    ownEntry.changed();
    for (const session of sessions.all()) {
      const { host } = session.localAddress;
      if (removed.includes(host) && !hosts.has(host)) {
        void endUnlessAlive(session);
      } else session.channel.check();
    }
    this.#removed.push(...removed);
    this.#follow();
  }

  /** Has everything dialed that is away, not at each of many changes. */
  #follow(): void {
    const { clock, events, signal } = this.#options;
    if (this.#cancel !== undefined || signal.aborted) return;
    if (this.#budget.take(clock.monotonic())) {
      events.emit("networkChanged", this.#removed.splice(0));
      return;
    }
    this.#cancel = clock.after(NETWORK_CHANGE_REFILL_MS, () => {
      this.#cancel = undefined;
      this.#follow();
    });
  }
}

/** An address may come back before a connection from it is lost, so that is probed first. */
async function endUnlessAlive({ channel, localAddress }: PeerSession) {
  if (await channel.probe(PROBE_TIMEOUT_MS)) return;
  channel.close(
    new VerackError(
      "dead",
      `Peer does not answer, and ${localAddress.host}, from which it was reached, is no address of this machine any more`,
    ),
  );
}
