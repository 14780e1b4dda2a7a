/**
 * Notices that the addresses of this machine have changed: a cable was plugged in, another
 * wireless network was joined, a tunnel went up. Deno has no event for it, so the interfaces
 * are read again and again. What follows is in `own_network.ts`.
 */
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import {
  addressesOf,
  type NetworkReader,
  outerNetworks,
} from "../transport/interface_addresses.ts";
import type { LocalNetwork } from "../transport/local_networks.ts";
import {
  MAX_NETWORK_SETTLE_MS,
  NETWORK_POLL_MS,
  NETWORK_SETTLE_MS,
} from "./mesh_limits.ts";

/** What has changed. */
export interface NetworkChange {
  /** Addresses that this machine has now and had not before. */
  readonly added: readonly string[];
  /** Addresses that are gone. */
  readonly removed: readonly string[];
}

/** Dependencies of a {@linkcode NetworkWatch}. */
export interface NetworkWatchOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts when the node closes. */
  readonly signal: AbortSignal;
  /** Absent where it is not permitted. */
  readonly read: NetworkReader | undefined;
  readonly onChange: (change: NetworkChange) => void;
}

/** The networks of this machine, as they were read last. */
export class NetworkWatch {
  readonly #options: NetworkWatchOptions;
  #networks: readonly LocalNetwork[] = [];
  #read: NetworkReader | undefined;
  /** A reading that differs, and since when any has; monotonic clock. */
  #unsettled: { readonly key: string; readonly since: number } | undefined;
  #cancel: (() => void) | undefined;
  /** Whether the last reading failed, which is said once. */
  #isFailing = false;

  /** Reads them once. */
  constructor(options: NetworkWatchOptions) {
    this.#options = options;
    this.#read = options.read;
    if (options.read === undefined) {
      options.log.info("network is not watched", {
        reason: "no permission to read interfaces",
      });
    }
    this.#networks = this.#readNow() ?? [];
    const { signal } = options;
    signal.addEventListener("abort", () => this.#cancel?.(), { once: true });
  }

  /** Those that other machines may be on; empty where they cannot be read. */
  get networks(): readonly LocalNetwork[] {
    return this.#networks;
  }

  /** Whether they can be read. */
  get isOn(): boolean {
    return this.#read !== undefined;
  }

  /** Begins to watch. */
  start(): void {
    if (this.isOn) this.#schedule(NETWORK_POLL_MS);
  }

  /** Reads them now: this machine may have been somewhere else meanwhile. */
  check(): void {
    if (!this.isOn || this.#options.signal.aborted) return;
    this.#cancel?.();
    this.#look();
  }

  #schedule(ms: number): void {
    this.#cancel = this.#options.clock.after(ms, () => this.#look());
  }

  /** A change counts when two readings agree: addresses come and go one by one. */
  #look(): void {
    const networks = this.#readNow();
    if (networks === undefined) {
      if (this.isOn) this.#schedule(NETWORK_POLL_MS);
      return;
    }
    const key = keyOf(networks);
    if (key === keyOf(this.#networks)) {
      this.#unsettled = undefined;
      return this.#schedule(NETWORK_POLL_MS);
    }
    const now = this.#options.clock.monotonic();
    const { since } = this.#unsettled ?? { since: now };
    const isSettled = this.#unsettled?.key === key ||
      now - since >= MAX_NETWORK_SETTLE_MS;
    if (!isSettled) {
      this.#unsettled = { key, since };
      return this.#schedule(NETWORK_SETTLE_MS);
    }
    this.#unsettled = undefined;
    const before = addressesOf(this.#networks);
    const after = addressesOf(networks);
    this.#networks = networks;
    this.#schedule(NETWORK_POLL_MS);
    this.#options.onChange({
      added: after.filter((it) => !before.includes(it)),
      removed: before.filter((it) => !after.includes(it)),
    });
  }

  /** Once it is not permitted there is none; any other error may pass, such as too many files. */
  #readNow(): LocalNetwork[] | undefined {
    if (this.#read === undefined) return undefined;
    try {
      const networks = outerNetworks(this.#read());
      this.#isFailing = false;
      return networks;
    } catch (error) {
      const isForbidden = error instanceof Deno.errors.NotCapable ||
        error instanceof Deno.errors.PermissionDenied;
      if (isForbidden) this.#read = undefined;
      if (!this.#isFailing) {
        this.#options.log.warn("network is not watched", {
          reason: messageOf(error),
          ...(!isForbidden && { again: "until it can be read" }),
        });
      }
      this.#isFailing = true;
      return undefined;
    }
  }
}

/** All addresses with their interfaces and prefixes, in any order. */
function keyOf(networks: readonly LocalNetwork[]): string {
  const counted = new Set(addressesOf(networks));
  return networks.flatMap(({ name, addresses }) =>
    addresses.filter(({ address }) => counted.has(address))
      .map(({ address, prefix }) => `${name} ${address}/${prefix}`)
  ).sort().join("\n");
}
