/**
 * Dials addresses of nodes that were found on the local network and tell no identity, as members
 * of a closed mesh or one with a secret: each address once, then with backoff for as long as it
 * is announced. An identity that is shown there must be acceptable before it is dialed for proof.
 * A few dials at once, in the budget of gossip, by turns among the hosts that announce; once
 * there was a session, `peer_dialer.ts` has the peer.
 */
import { backoffMs } from "../../core/backoff.ts";
import { BoundedMap } from "../../core/bounded_map.ts";
import type { Clock, Random } from "../../core/clock.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { TaskSet } from "../../core/task_set.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import type { AccessRules } from "../peers/access_rules.ts";
import { DialSchedule } from "../peers/dial_schedule.ts";
import type { PeerEvents } from "../peers/peer_events.ts";
import { LAN } from "../peers/peer_record.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import type { AddressDialer } from "./address_dialer.ts";
import type { DialBudget, GossipDial } from "./dial_budget.ts";
import {
  FOUND_RETRY,
  GOSSIP_CREDIT_REFILL_MS,
  MAX_FOUND_DIALS,
  MAX_FOUND_TARGETS,
} from "./dialing_limits.ts";

const NO_ATTESTATION = new Uint8Array(0);

/** One address. */
interface Target {
  readonly address: Address;
  /** The host that announces it. */
  source: string;
  /** Until when that counts; monotonic clock. */
  until: number;
  dialing: AbortController | undefined;
  /** The identity that it has shown. */
  shown: PeerId | undefined;
  readonly schedule: DialSchedule;
}

/** Dependencies of {@linkcode FoundDialer}. */
export interface FoundDialerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Aborts when the node closes. */
  readonly signal: AbortSignal;
  /** This node. */
  readonly own: PeerId;
  readonly table: PeerTable;
  readonly events: PeerEvents;
  readonly addresses: Pick<AddressDialer, "dial">;
  readonly budget: DialBudget;
  readonly rules: Pick<AccessRules, "ignoresGossipAbout">;
  readonly membership: {
    /** Whether an entry about a peer is processed. */
    acceptsGossipAbout(id: PeerId, attestation: Uint8Array): boolean;
  };
}

/** Such dials of one node. */
export class FoundDialer {
  readonly #options: FoundDialerOptions;
  /** Also those that are not announced any more, so that their backoff lasts. */
  readonly #targets = new BoundedMap<string, Target>(
    MAX_FOUND_TARGETS,
    ({ dialing }) => dialing === undefined,
  );
  readonly #tasks = new TaskSet();
  #cancel: (() => void) | undefined;

  constructor(options: FoundDialerOptions) {
    this.#options = options;
    options.events.on("found", (address, source, ttlMs) => {
      this.#found(address, source, ttlMs);
    });
  }

  /** Resolves when no dial is under way any more; the node's signal ends them. */
  async close(): Promise<void> {
    this.#cancel?.();
    await this.#tasks.settled();
  }

  #found(address: Address, source: string, ttlMs: number): void {
    const target = this.#targets.ensure(formatAddress(address), () => ({
      address,
      source,
      until: 0,
      dialing: undefined,
      shown: undefined,
      schedule: new DialSchedule(),
    }));
    target.source = source;
    target.until = this.#options.clock.monotonic() + ttlMs;
    this.#dialDue();
  }

  /** Starts the dials that are due, and schedules the next check. */
  #dialDue(): void {
    const { budget, clock, signal } = this.#options;
    if (signal.aborted) return;
    const now = clock.monotonic();
    const wanted = [...this.#targets.values()].filter((it) =>
      it.until > now && it.dialing === undefined && !this.#isMet(it)
    );
    const due = wanted.filter(({ schedule }) => schedule.dueAt <= now);
    let next = Math.min(
      ...wanted.map(({ schedule }) => schedule.dueAt).filter((at) => at > now),
    );
    while (due.length > 0 && this.#tasks.size < MAX_FOUND_DIALS) {
      const target = this.#nextOf(due);
      due.splice(due.indexOf(target), 1);
      if (!budget.begin(LAN, now)) {
        next = Math.min(
          next,
          budget.isFull ? budget.makeRoom(LAN, now) : Infinity,
        );
        next = Math.min(next, now + GOSSIP_CREDIT_REFILL_MS);
        break;
      }
      this.#tasks.add(this.#dial(target));
    }
    this.#cancel?.();
    this.#cancel = next === Infinity
      ? undefined
      : clock.after(Math.max(1, next - now), () => this.#dialDue());
  }

  /** The one that has waited longest of the host with the fewest dials under way. */
  #nextOf(due: readonly Target[]): Target {
    const active = (source: string) =>
      [...this.#targets.values()].filter((it) =>
        it.source === source && it.dialing !== undefined
      ).length;
    return due.toSorted((a, b) =>
      active(a.source) - active(b.source) || a.schedule.dueAt - b.schedule.dueAt
    )[0]!;
  }

  /** Whether the peer there is connected, or its own dials are up to `peer_dialer.ts`. */
  #isMet({ address, shown }: Target): boolean {
    const { own, table } = this.#options;
    if (shown === own) return true;
    if (shown !== undefined && table.get(shown)?.isVerified) return true;
    return table.connected().some(({ sessions }) =>
      sessions.some(({ endpoint }) =>
        endpoint?.host === address.host && endpoint.port === address.port
      )
    );
  }

  async #dial(target: Target): Promise<void> {
    const { addresses, budget, clock, random, signal } = this.#options;
    const { address, schedule } = target;
    const stop = new AbortController();
    target.dialing = stop;
    const dial: GossipDial = {
      source: LAN,
      progressAt: clock.monotonic(),
      giveWay: () => stop.abort(),
    };
    budget.track(dial);
    let wasted = true;
    try {
      const session = await addresses.dial({
        address,
        endpoint: address,
        onIdentity: (id) => {
          target.shown = id;
          wasted = false;
          return this.#isWelcome(id);
        },
        onReached: () => {
          dial.progressAt = clock.monotonic();
        },
      }, AbortSignal.any([signal, stop.signal]));
      if (session !== undefined) schedule.succeeded(clock.monotonic());
      else schedule.failed();
    } catch {
      // Whatever is there, and says so to any passer-by, is no fault to report.
      schedule.failed();
    }
    target.dialing = undefined;
    if (schedule.failures > 0) {
      const delayMs = backoffMs(schedule.failures, FOUND_RETRY);
      const jitterMs = random.float() * FOUND_RETRY.minMs;
      schedule.postpone(clock.monotonic() + delayMs + jitterMs);
    }
    budget.untrack(dial);
    budget.end(LAN, wasted);
    // After this task has ended.
    clock.after(0, () => this.#dialDue());
  }

  /** Whether a node that shows this identity is dialed for its proof. */
  #isWelcome(id: PeerId): boolean {
    const { membership, own, rules, table } = this.#options;
    if (id === own || rules.ignoresGossipAbout(id)) return false;
    if (!membership.acceptsGossipAbout(id, NO_ATTESTATION)) return false;
    const peer = table.get(id);
    return peer === undefined || peer.isAway;
  }
}
