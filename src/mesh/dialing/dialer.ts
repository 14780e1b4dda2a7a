/**
 * Which peer to dial and when: every peer on record that has no direct session, and every
 * seed, for ever, with backoff. At most one dial a peer is under way.
 *
 * Dials are made by `peer_dialer.ts` and `seed_dialer.ts`; their number is limited by
 * `dial_budget.ts`, and their delay is in `core/backoff.ts`.
 */
import { VerackError } from "../../core/errors.ts";
import { TaskSet } from "../../core/task_set.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { DIAL_HINT_INTERVAL_MS, GOSSIP_KEPT_MS } from "../mesh_limits.ts";
import {
  GOSSIP_CREDIT_REFILL_MS,
  MIN_DIALS,
  REVIVE_SPREAD_MS,
} from "./dialing_limits.ts";
import type { Clock, Random } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { Resolver } from "../../transport/resolve.ts";
import type { ServiceResolver } from "../../transport/service_records.ts";
import type { Transport } from "../../transport/transport.ts";
import type { Emit } from "../events.ts";
import type { HealthBoard } from "../health.ts";
import type { AccessRules } from "../peers/access_rules.ts";
import type { PeerEvents } from "../peers/peer_events.ts";
import type { NodeHistograms } from "../../core/histogram.ts";
import type { NodeCounters } from "../../core/node_counters.ts";
import type { PeerMemory } from "../peers/peer_memory.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import type { PeerTarget } from "../peer_target.ts";
import type { SeenPlaces } from "../peers/seen_places.ts";
import type { Standing } from "../peers/standing.ts";
import type { Site } from "./address_order.ts";
import { AddressDialer, type DialedSessionOpener } from "./address_dialer.ts";
import {
  DialBudget,
  type DialSource,
  type GossipDial,
  isFrom,
  type KnownShare,
  sourcesOf,
} from "./dial_budget.ts";
import { DialFailureReporter } from "./dial_failure.ts";
import { FoundDialer, type FoundDialerOptions } from "./found_dialer.ts";
import { DialWindow } from "./dial_window.ts";
import { giveWay, PeerDialer } from "./peer_dialer.ts";
import type { Peer } from "../peers/peer.ts";
import { SeedDialer } from "./seed_dialer.ts";
import {
  pinAddresses,
  type RejectedTarget,
  rejectedTargets,
  wantsLook,
} from "./seeds.ts";

/** How often it is checked whether strangers are still arriving. */
const CROWD_CHECK_MS = 50;

/** A dial that is due. */
interface DueDial {
  readonly share: KnownShare;
  /** Since when, monotonic clock. */
  readonly since: number;
  readonly dial: () => Promise<unknown>;
}

/** Dependencies of {@linkcode Dialer}. */
export interface DialerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: NodeCounters;
  readonly histograms: NodeHistograms;
  readonly log: Log;
  /** Aborts when the node closes. */
  readonly signal: AbortSignal;
  /** This node. */
  readonly own: PeerId;
  /** Configured addresses. */
  readonly connect: readonly PeerTarget[];
  readonly transport: Transport;
  readonly resolve: Resolver | undefined;
  readonly resolveService: ServiceResolver | undefined;
  readonly opener: DialedSessionOpener;
  readonly table: PeerTable;
  readonly memory: PeerMemory;
  readonly rules: Pick<AccessRules, "isDenied" | "ignoresGossipAbout">;
  readonly standing: Standing;
  readonly membership: FoundDialerOptions["membership"];
  readonly health: HealthBoard;
  /** Inbound connections with a peer that is not verified yet. */
  readonly arriving: { readonly size: number };
  readonly site: Site;
  readonly places: SeenPlaces;
  readonly events: PeerEvents;
  readonly emit: Emit;
}

/** Keeps a node dialing. */
export class Dialer {
  /** Dials single addresses. */
  readonly addresses: AddressDialer;
  readonly #options: DialerOptions;
  readonly #seeds: SeedDialer;
  readonly #peers: PeerDialer;
  readonly #found: FoundDialer;
  /** Configured targets that cannot be dialed, and are only reported. */
  readonly #rejected: readonly RejectedTarget[];
  readonly #tasks = new TaskSet();
  readonly #window: DialWindow;
  readonly #budget: DialBudget;
  readonly #reporter: DialFailureReporter;
  #revivedAt = -Infinity;
  #cancelTimer: (() => void) | undefined;
  #cancelReport: (() => void) | undefined;
  #isDialing = false;
  /** Whether dials wait for others to end, as far as is known. */
  #isHeldUp = false;

  constructor(options: DialerOptions) {
    this.#options = options;
    const { clock, connect, events } = options;
    this.#reporter = new DialFailureReporter(options);
    this.#window = new DialWindow({
      clock,
      isUsed: () => this.#isDialing && this.#budget.size >= MIN_DIALS,
      onGrown: () => this.#isHeldUp && this.#kick(),
      onStarved: (ms) => this.#budget.compensate(ms),
    });
    this.#budget = new DialBudget(this.#window);
    this.addresses = new AddressDialer(options);
    const { addresses } = this;
    const common = { ...options, addresses, reporter: this.#reporter };
    pinAddresses(options);
    const seeds = connect.filter(({ id }) => id === undefined);
    this.#seeds = new SeedDialer(common, seeds.map(({ address }) => address));
    this.#peers = new PeerDialer({
      ...common,
      seeds: this.#seeds,
      budget: this.#budget,
    });
    this.#found = new FoundDialer({ ...common, budget: this.#budget });
    this.#rejected = rejectedTargets(options);
    events.on("introduced", ({ peer, session, wasLost }) => {
      // A relayed one says nothing about the way to others, but where the peer may be dialed.
      if (session.via !== undefined) this.#look(peer);
      else if (wasLost) this.#revive();
    });
    events.on("ruled", (_id, rule) => {
      if (rule !== "allowed") return;
      this.#revive();
      this.#kick();
    });
    events.on("networkChanged", (removed) => this.#networkChanged(removed));
    events.on("released", (id) => this.#seeds.release(id));
    events.on("updated", (peer) => this.#look(peer));
    events.on("placed", (peer) => this.#look(peer));
    events.on("changed", () => this.#look());
  }

  /** Begins. */
  start(): void {
    this.#isDialing = true;
    if (this.#rejected.length > 0) {
      // After this turn of the event loop, so that a caller that listens for events at once
      // misses nothing.
      this.#cancelReport = this.#options.clock.after(0, () => {
        for (const { address, error, expected } of this.#rejected) {
          this.#reporter.failed(address, error, expected);
        }
      });
    }
    this.#kick();
  }

  /** Resolves when no dial is under way any more; the node's signal ends them. */
  async close(): Promise<void> {
    this.#isDialing = false;
    this.#cancelTimer?.();
    this.#cancelReport?.();
    this.#window.stop();
    await Promise.all([this.#tasks.settled(), this.#found.close()]);
  }

  /** There may be new addresses, of this peer also near ones. */
  #look(peer?: Peer): void {
    this.#peers.refresh(peer);
    this.#kick();
  }

  /** Starts every dial that is due, and schedules the next one. */
  #kick(): void {
    const { arriving, clock, memory, rules, signal, table } = this.#options;
    if (!this.#isDialing || signal.aborted) return;
    const now = clock.monotonic();
    const crowded = arriving.size > 0;
    let next = Infinity;
    this.#seeds.notice(now);
    this.#isHeldUp = false;
    const due: DueDial[] = [];
    for (const seed of this.#seeds.seeds) {
      if (!wantsLook(seed)) continue;
      const since = seed.schedule.dueAt;
      if (since > now) next = Math.min(next, since);
      else {
        const dial = () => this.#seeds.dial(seed);
        due.push({ share: "standing", since, dial });
      }
    }
    const gossiped: Peer[] = [];
    for (const peer of table.values()) {
      if (!peer.lacksDirect) continue;
      if (peer.isForgettable(now)) {
        table.forget(peer);
        continue;
      }
      if (peer.expireClaims(now)) memory.save(peer);
      if (peer.addresses.size === 0) {
        if (!peer.isKnown) next = Math.min(next, now + GOSSIP_KEPT_MS);
        continue;
      }
      if (rules.isDenied(peer.id)) continue;
      if (crowded && peer.yields(now)) {
        next = Math.min(next, now + CROWD_CHECK_MS);
      } else if (peer.dueAt > now) {
        next = Math.min(next, peer.dueAt);
      } else {
        const share = peer.dialShare;
        if (share === "gossip") gossiped.push(peer);
        else {
          const dial = () => this.#dial(peer, () => {});
          due.push({ share, since: peer.dueAt, dial });
        }
      }
    }
    // In the order in which they were due, so that the order of the table does not matter.
    due.sort((a, b) => a.since - b.since);
    for (const it of due) this.#run(it);
    gossiped.sort((a, b) => a.dueAt - b.dueAt);
    if (gossiped.length > 0) {
      next = Math.min(next, this.#dialGossip(gossiped, now));
    }
    this.#cancelTimer?.();
    this.#cancelTimer = next === Infinity
      ? undefined
      : clock.after(Math.max(1, next - now), () => this.#kick());
  }

  /**
   * Starts dials to gossiped addresses, by turns among the sources. Returns when to check
   * again; the end of a dial causes a check anyway.
   */
  #dialGossip(
    gossiped: readonly Peer[],
    now: number,
  ): number {
    const budget = this.#budget;
    const waiting = new Set(gossiped.flatMap((peer) => sourcesOf(peer)));
    let isShort = false;
    while (!budget.isExhausted(now)) {
      const source = budget.next(waiting);
      if (source === undefined) break;
      // The first that is due, unless it was begun for another source.
      const peer = gossiped.find((it) => !it.isDialing && isFrom(it, source));
      if (peer === undefined) waiting.delete(source);
      else if (!this.#runGossipDial(source, peer)) {
        isShort = true;
        waiting.delete(source);
      }
    }
    const source = budget.next(waiting);
    this.#isHeldUp ||= isShort || budget.isFull;
    if (source !== undefined && budget.isFull) {
      return budget.makeRoom(source, now);
    }
    // A source is out of credit, or all together are.
    return isShort || source !== undefined
      ? now + GOSSIP_CREDIT_REFILL_MS
      : Infinity;
  }

  /**
   * This node was suspended: everything is dialed within `REVIVE_SPREAD_MS`, and backoff
   * restarts, except for peers known by gossip only.
   */
  resumed(): void {
    const waiting = this.#waiting((it) => it.introducedBy === undefined);
    for (const it of waiting) it.resumed();
    this.#hurry(waiting);
  }

  /**
   * This machine has other addresses: all is dialed as after a pause, also what a dial from an
   * address that is gone would hang at.
   */
  #networkChanged(removed: readonly string[]): void {
    if (removed.length > 0) {
      const error = new VerackError("aborted", "The network has changed");
      for (const peer of this.#options.table.values()) {
        if (peer.dialShare !== "gossip") peer.stopDialing(error);
      }
      this.#seeds.stop(error);
    }
    this.resumed();
  }

  /**
   * A lost peer is back, and so may be the network: the others are dialed too, but not each
   * time if it comes and goes, nor at addresses that are only advertised.
   */
  #revive(): void {
    const now = this.#options.clock.monotonic();
    if (now - this.#revivedAt < DIAL_HINT_INTERVAL_MS) return;
    this.#revivedAt = now;
    this.#hurry(
      this.#waiting((it) => it.dialShare !== "gossip" && !it.isUnreachable),
    );
  }

  /** Peers without a direct session that may be dialed, and all seeds. */
  #waiting(
    isMeant: (peer: Peer) => boolean,
  ): Pick<Peer, "hurry" | "resumed">[] {
    const { table } = this.#options;
    const peers = [...table.values()].filter((peer) =>
      !peer.hasDirect && isMeant(peer)
    );
    return [
      ...peers,
      ...this.#seeds.seeds.filter(wantsLook).map(({ schedule }) => schedule),
    ];
  }

  #hurry(waiting: readonly Pick<Peer, "hurry">[]): void {
    const { clock, random } = this.#options;
    const now = clock.monotonic();
    for (const it of waiting) {
      it.hurry(now + random.float() * REVIVE_SPREAD_MS);
    }
    this.#kick();
  }

  /** Starts a dial to a known peer or a configured address, if the budget permits. */
  #run({ share, dial }: DueDial): void {
    if (!this.#budget.beginKnown(share)) {
      this.#isHeldUp = true;
      return;
    }
    this.#track(dial(), () => {
      this.#budget.endKnown(share);
      // A seed may have led to a peer that is being dialed at another address.
      this.#peers.refresh();
    });
  }

  /** Starts a dial for a source; false if its budget does not permit it. */
  #runGossipDial(
    source: DialSource,
    peer: Peer,
  ): boolean {
    const { clock } = this.#options;
    const now = clock.monotonic();
    if (!this.#budget.begin(source, now)) return false;
    const dial: GossipDial = {
      source,
      progressAt: now,
      giveWay: () => giveWay(peer),
    };
    this.#budget.track(dial);
    const dialed = this.#dial(peer, () => {
      dial.progressAt = clock.monotonic();
    });
    let wasted = true;
    this.#track(
      dialed.then((result) => {
        wasted = result;
      }),
      () => {
        this.#budget.untrack(dial);
        this.#budget.end(source, wasted);
      },
    );
    return true;
  }

  /** As {@linkcode PeerDialer.dial}. */
  async #dial(peer: Peer, onReached: () => void): Promise<boolean> {
    const begunAt = this.#options.clock.monotonic();
    const wasted = await this.#peers.dial(peer, onReached);
    if (peer.hasDirect) this.#window.succeeded(begunAt);
    return wasted;
  }

  #track(task: Promise<unknown>, onEnd: () => void): void {
    this.#window.watch();
    this.#tasks.add(task.then(() => {
      onEnd();
      this.#kick();
    }));
  }
}
