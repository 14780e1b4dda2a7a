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
  FOUND_CHECK_MS,
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
  /** The number of the last dial of each host that announces, of all. */
  readonly #lastDials = new BoundedMap<string, number>(MAX_FOUND_TARGETS);
  #dials = 0;
  #cancel: (() => void) | undefined;
  #nextCheckAt = Infinity;

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
    const now = this.#options.clock.monotonic();
    target.source = source;
    target.until = now + ttlMs;
    // Soon, so that a flood of announcements does not cause a check each.
    this.#checkAt(Math.max(target.schedule.dueAt, now + FOUND_CHECK_MS));
  }

  /** Checks for dials that are due then, or earlier if that was planned. */
  #checkAt(at: number): void {
    if (at >= this.#nextCheckAt || this.#options.signal.aborted) return;
    this.#nextCheckAt = at;
    this.#cancel?.();
    const { clock } = this.#options;
    this.#cancel = clock.after(Math.max(1, at - clock.monotonic()), () => {
      this.#nextCheckAt = Infinity;
      this.#dialDue();
    });
  }

  /** Starts the dials that are due, and schedules the next check. */
  #dialDue(): void {
    const { budget, clock, signal } = this.#options;
    // The end of a dial causes another check.
    if (signal.aborted || this.#tasks.size >= MAX_FOUND_DIALS) return;
    const now = clock.monotonic();
    const due = this.#waiting(now).filter(({ schedule: { dueAt } }) => {
      if (dueAt > now) this.#checkAt(dueAt);
      return dueAt <= now;
    });
    const active = new Map<string, number>();
    for (const { dialing, source } of this.#targets.values()) {
      if (dialing === undefined) continue;
      active.set(source, (active.get(source) ?? 0) + 1);
    }
    const turnOf = ({ source }: Target) => active.get(source) ?? 0;
    while (due.length > 0 && this.#tasks.size < MAX_FOUND_DIALS) {
      // Of the host with the fewest dials under way, and among those with the oldest last dial.
      const next = due.reduce((a, b) =>
        (turnOf(a) - turnOf(b) || this.#lastDialOf(a) - this.#lastDialOf(b) ||
            a.schedule.dueAt - b.schedule.dueAt) <= 0
          ? a
          : b
      );
      if (!budget.begin(LAN, now)) {
        if (budget.isFull) this.#checkAt(budget.makeRoom(LAN, now));
        return this.#checkAt(now + GOSSIP_CREDIT_REFILL_MS);
      }
      due.splice(due.indexOf(next), 1);
      active.set(next.source, turnOf(next) + 1);
      this.#lastDials.set(next.source, ++this.#dials);
      this.#tasks.add(this.#dial(next));
    }
  }

  #lastDialOf({ source }: Target): number {
    return this.#lastDials.get(source) ?? 0;
  }

  /** Those that are announced, and have no session or dial. */
  #waiting(now: number): Target[] {
    const { own, table } = this.#options;
    const connected = new Set(
      table.connected().flatMap(({ sessions }) =>
        sessions.flatMap(({ endpoint }) =>
          endpoint === undefined ? [] : formatAddress(endpoint)
        )
      ),
    );
    return [...this.#targets].flatMap(([address, target]) => {
      const { dialing, shown, until } = target;
      if (until <= now || dialing !== undefined) return [];
      // Once its peer is verified, further dials are up to `peer_dialer.ts`.
      const isMet = connected.has(address) || shown === own ||
        (shown !== undefined && table.get(shown)?.isVerified === true);
      return isMet ? [] : [target];
    });
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
    this.#checkAt(clock.monotonic());
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
