/**
 * Which peer to dial and when: every peer on record that has no session, and every
 * seed, for ever, with backoff. At most one dial a peer is under way.
 *
 * What is done then is `peer_dialer.ts` and `seed_dialer.ts`; how many dials there may
 * be is `dial_budget.ts`, the waiting time `core/backoff.ts`.
 */
import { TaskSet } from "../../core/task_set.ts";
import type { PeerId } from "../../identity/identity.ts";
import {
  DIAL_HINT_INTERVAL_MS,
  GOSSIP_CREDIT_REFILL_MS,
  GOSSIP_KEPT_MS,
  REVIVE_SPREAD_MS,
} from "../../limits.ts";
import { formatAddress } from "../../transport/address.ts";
import type { Clock, Random } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { Resolver } from "../../transport/resolve.ts";
import type { Transport } from "../../transport/transport.ts";
import type { Emit } from "../events.ts";
import type { HealthBoard } from "../health.ts";
import type { AccessRules } from "../peers/access_rules.ts";
import type { PeerEvents } from "../peers/peer_events.ts";
import type { PeerMemory } from "../peers/peer_memory.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import type { PeerTarget } from "../options.ts";
import type { Standing } from "../peers/standing.ts";
import { AddressDialer, type DialedSessionOpener } from "./address_dialer.ts";
import {
  DialBudget,
  type DialSource,
  type GossipDial,
  type KnownShare,
  OWN_CLAIMS,
} from "./dial_budget.ts";
import { DialFailureReporter } from "./dial_failure.ts";
import { giveWay, PeerDialer } from "./peer_dialer.ts";
import type { Peer } from "../peers/peer.ts";
import { SeedDialer } from "./seed_dialer.ts";
import {
  pinAddress,
  type RejectedTarget,
  rejectedTargets,
  wantsLook,
} from "./seeds.ts";

/** How often it is looked whether strangers are still arriving. */
const CROWD_CHECK_MS = 50;

/** A dial whose time has come. */
interface DueDial {
  readonly share: KnownShare;
  /** Since when, monotonic clock. */
  readonly since: number;
  readonly dial: () => Promise<unknown>;
}

/** What {@linkcode Dialer} is made of. */
export interface DialerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Aborts when the node closes. */
  readonly signal: AbortSignal;
  /** This node. */
  readonly own: PeerId;
  /** What a person gave. */
  readonly connect: readonly PeerTarget[];
  readonly transport: Transport;
  readonly resolve: Resolver | undefined;
  readonly opener: DialedSessionOpener;
  readonly table: PeerTable;
  readonly memory: PeerMemory;
  readonly rules: Pick<AccessRules, "isDenied">;
  readonly standing: Standing;
  readonly health: HealthBoard;
  /** Connections that arrive and whose peer is not proven yet. */
  readonly arriving: { readonly size: number };
  readonly events: PeerEvents;
  readonly emit: Emit;
}

/** Keeps a node dialing. */
export class Dialer {
  readonly #options: DialerOptions;
  readonly #seeds: SeedDialer;
  readonly #peers: PeerDialer;
  /** What a person asked for in vain; said, not dialed. */
  readonly #rejected: readonly RejectedTarget[];
  readonly #tasks = new TaskSet();
  readonly #budget: DialBudget;
  readonly #reporter: DialFailureReporter;
  #revivedAt = -Infinity;
  #cancelTimer: (() => void) | undefined;
  #cancelReport: (() => void) | undefined;
  #isDialing = false;

  constructor(options: DialerOptions) {
    this.#options = options;
    const { connect, events } = options;
    this.#reporter = new DialFailureReporter(options);
    this.#budget = new DialBudget();
    const addresses = new AddressDialer(options);
    const common = { ...options, addresses, reporter: this.#reporter };
    pinAddresses(options);
    const seeds = connect.filter(({ id }) => id === undefined);
    this.#seeds = new SeedDialer(common, seeds.map(({ address }) => address));
    this.#peers = new PeerDialer({
      ...common,
      seeds: this.#seeds,
      budget: this.#budget,
    });
    this.#rejected = rejectedTargets(options);
    events.on("introduced", ({ wasLost }) => wasLost && this.#revive());
    events.on("ruled", (_id, rule) => rule === "allowed" && this.#revive());
    events.on("released", (id) => this.#seeds.release(id));
    events.on("changed", () => this.#kick());
  }

  /** Begins. */
  start(): void {
    this.#isDialing = true;
    if (this.#rejected.length > 0) {
      // After this turn, so that a caller that asks for events at once misses nothing.
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
    await this.#tasks.settled();
  }

  /** Starts every dial that is due, and sees to the next one. */
  #kick(): void {
    const { arriving, clock, memory, rules, signal, table } = this.#options;
    if (!this.#isDialing || signal.aborted) return;
    const now = clock.monotonic();
    const crowded = arriving.size > 0;
    let next = Infinity;
    this.#peers.refresh();
    this.#seeds.notice(now);
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
      if (!peer.isAway) continue;
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
          const dial = () => this.#peers.dial(peer, () => {});
          due.push({ share, since: peer.dueAt, dial });
        }
      }
    }
    // By when they were due, so that those of one place in the table, such as the ones
    // that were seen last before a restart, do not come before all others at each turn.
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
   * Starts dials to where peers are only said to be, by turns among the tellers.
   * Returns when to come again; the end of a dial comes by itself.
   */
  #dialGossip(
    gossiped: readonly Peer[],
    now: number,
  ): number {
    const budget = this.#budget;
    const waiting = new Map<DialSource, Peer[]>();
    // The first that is due is the last of its list.
    for (const peer of gossiped.toReversed()) {
      for (const source of sourcesOf(peer)) {
        waiting.getOrInsertComputed(source, () => []).push(peer);
      }
    }
    let isShort = false;
    while (!budget.isExhausted(now)) {
      const source = budget.next(waiting.keys());
      if (source === undefined) break;
      const peer = waiting.get(source)?.pop();
      if (peer === undefined) waiting.delete(source);
      // Unless it was begun on the account of another source.
      else if (!peer.isDialing) {
        if (this.#runGossipDial(source, peer)) continue;
        isShort = true;
        waiting.delete(source);
      }
    }
    const source = budget.next(waiting.keys());
    if (source !== undefined && budget.isFull) {
      return budget.makeRoom(source, now);
    }
    // A source is out of credit, or all together are.
    return isShort || source !== undefined
      ? now + GOSSIP_CREDIT_REFILL_MS
      : Infinity;
  }

  /**
   * This node was suspended: everything that was put off is tried within `REVIVE_SPREAD_MS`, and
   * its backoff begins anew. Peers known by gossip only keep to theirs.
   */
  resumed(): void {
    const waiting = this.#waiting((it) => it.introducedBy === undefined);
    for (const it of waiting) it.resumed();
    this.#hurry(waiting);
  }

  /**
   * A peer that was lost is back, and so may be the network: the others are tried
   * too, but not each time if it comes and goes, nor where they only say they are.
   */
  #revive(): void {
    const now = this.#options.clock.monotonic();
    if (now - this.#revivedAt < DIAL_HINT_INTERVAL_MS) return;
    this.#revivedAt = now;
    this.#hurry(
      this.#waiting((it) => it.dialShare !== "gossip"),
    );
  }

  /** Peers without a session that are to be tried, and all seeds. */
  #waiting(
    isMeant: (peer: Peer) => boolean,
  ): Pick<Peer, "hurry" | "resumed">[] {
    const { table } = this.#options;
    const peers = [...table.values()].filter((peer) =>
      peer.sessions.length === 0 && isMeant(peer)
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

  /** Starts a dial to a peer we know or an address we were given, if there is room. */
  #run({ share, dial }: DueDial): void {
    if (!this.#budget.beginKnown(share)) return;
    this.#track(dial(), () => this.#budget.endKnown(share));
  }

  /** Starts a dial on the account of a source; false if that has no room or credit. */
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
    const dialed = this.#peers.dial(peer, () => {
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

  #track(task: Promise<unknown>, onEnd: () => void): void {
    this.#tasks.add(task.then(() => {
      onEnd();
      this.#kick();
    }));
  }
}

/** Puts the identities that a person named on record. */
function pinAddresses(options: DialerOptions): void {
  const { connect, own } = options;
  const pins = Map.groupBy(
    connect.filter(({ id }) => id !== undefined),
    ({ address }) => formatAddress(address),
  );
  for (const targets of pins.values()) {
    const [{ address } = { address: undefined }] = targets;
    const ids = targets.flatMap(({ id }) => id === own ? [] : id ?? []);
    if (address !== undefined && ids.length > 0) {
      pinAddress(options, address, ids);
    }
  }
}

/** On whose account a peer that is only said to be somewhere may be dialed. */
function sourcesOf(peer: Peer): ReadonlySet<DialSource> {
  const { introducedBy = OWN_CLAIMS, reporters } = peer;
  return new Set([introducedBy, ...reporters]);
}
