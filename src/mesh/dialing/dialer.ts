/**
 * Which peer to dial and when: every peer on record that has no session, and every
 * seed, for ever, with backoff. At most one dial a peer is under way.
 *
 * What is done then is `peer_dialer.ts` and `seed_dialer.ts`; how many dials there may
 * be is `dial_budget.ts`, the waiting time `core/backoff.ts`.
 */
import { messageOf, VerackError } from "../../core/errors.ts";
import { TaskSet } from "../../core/task_set.ts";
import type { PeerId } from "../../identity/identity.ts";
import {
  DIAL_HINT_INTERVAL_MS,
  REVIVE_SPREAD_MS,
  RUMOUR_CREDIT_REFILL_MS,
  RUMOUR_KEPT_MS,
} from "../../limits.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import type { MeshContext } from "../context.ts";
import {
  DialBudget,
  type GossipDial,
  type KnownShare,
  OWN_CLAIMS,
} from "./dial_budget.ts";
import { DialFailureReporter } from "./dial_failure_reporter.ts";
import type { PeerSessionOwner } from "../peers/peer_session.ts";
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

/** Keeps a node dialing. */
export class Dialer {
  readonly #context: MeshContext;
  readonly #seeds: SeedDialer;
  readonly #peers: PeerDialer;
  /** What a person asked for in vain; said, not dialed. */
  readonly #futile: readonly RejectedTarget[];
  readonly #tasks = new TaskSet();
  readonly #budget: DialBudget;
  readonly #talk: DialFailureReporter;
  #revivedAt = -Infinity;
  #owner: PeerSessionOwner | undefined;
  #cancelTimer: (() => void) | undefined;
  #cancelFutile: (() => void) | undefined;
  #stopped = false;

  constructor(context: MeshContext) {
    this.#context = context;
    this.#budget = new DialBudget();
    this.#talk = new DialFailureReporter(context);
    const known = (error: unknown) => this.#known(error);
    this.#seeds = new SeedDialer(
      context,
      pinAddresses(context),
      this.#talk,
      known,
    );
    this.#peers = new PeerDialer(
      context,
      this.#seeds,
      this.#talk,
      this.#budget,
      known,
    );
    this.#futile = rejectedTargets(context);
  }

  /** Dials under way. */
  get active(): number {
    return this.#tasks.size;
  }

  /** Begins; opened links go to `owner`. */
  start(owner: PeerSessionOwner): void {
    this.#owner = owner;
    if (this.#futile.length > 0) {
      // After this turn, so that who asks for events at once misses nothing.
      this.#cancelFutile = this.#context.clock.after(0, () => {
        for (const { address, error, expected } of this.#futile) {
          this.#talk.failed(address, error, expected);
        }
      });
    }
    this.kick();
  }

  /** Resolves when no dial is under way any more; the node's signal ends them. */
  async close(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#cancelFutile?.();
    await this.#tasks.settled();
  }

  /** Starts every dial that is due, and sees to the next one. */
  kick(): void {
    const { clock, table, signal, membership, memory } = this.#context;
    const owner = this.#owner;
    if (this.#stopped || signal.aborted || owner === undefined) return;
    const now = clock.monotonic();
    const crowded = this.#context.arriving() > 0;
    let next = Infinity;
    this.#peers.refresh();
    this.#seeds.notice(now);
    const due: DueDial[] = [];
    for (const seed of this.#seeds.seeds) {
      if (!wantsLook(seed)) continue;
      const since = seed.schedule.dueAt;
      if (since > now) next = Math.min(next, since);
      else {
        const dial = () => this.#seeds.dial(seed, owner);
        due.push({ share: "standing", since, dial });
      }
    }
    const rumours: Peer[] = [];
    for (const record of table.values()) {
      if (!record.isAway) continue;
      if (record.isForgettable(now)) {
        table.forget(record);
        continue;
      }
      if (record.expireClaims(now)) memory.save(record);
      if (record.addresses.size === 0) {
        if (!record.isKnown) next = Math.min(next, now + RUMOUR_KEPT_MS);
        continue;
      }
      if (membership.isDenied(record.id)) continue;
      if (crowded && record.yields(now)) {
        next = Math.min(next, now + CROWD_CHECK_MS);
      } else if (record.dueAt > now) {
        next = Math.min(next, record.dueAt);
      } else {
        const share = record.dialShare;
        if (share === "gossip") rumours.push(record);
        else {
          const dial = () => this.#peers.dial(record, owner, () => {});
          due.push({ share, since: record.dueAt, dial });
        }
      }
    }
    // By when they were due, so that those of one place in the table, such as the ones
    // that were seen last before a restart, do not come before all others at each turn.
    due.sort((a, b) => a.since - b.since);
    for (const it of due) this.#run(it);
    rumours.sort((a, b) => a.dueAt - b.dueAt);
    if (rumours.length > 0) {
      next = Math.min(next, this.#dialRumours(rumours, owner, now));
    }
    this.#cancelTimer?.();
    this.#cancelTimer = next === Infinity
      ? undefined
      : clock.after(Math.max(1, next - now), () => this.kick());
  }

  /**
   * Starts dials to where peers are only said to be, by turns among the tellers.
   *
   * @returns When to come again, monotonic clock; the end of a dial comes by itself.
   */
  #dialRumours(
    rumours: readonly Peer[],
    owner: PeerSessionOwner,
    now: number,
  ): number {
    const budget = this.#budget;
    const waiting = new Map<PeerId, Peer[]>();
    // The first that is due is the last of its list.
    for (const record of rumours.toReversed()) {
      for (const source of sourcesOf(record)) {
        waiting.getOrInsertComputed(source, () => []).push(record);
      }
    }
    let isShort = false;
    while (!budget.isExhausted(now)) {
      const source = budget.next(waiting.keys());
      if (source === undefined) break;
      const record = waiting.get(source)?.pop();
      if (record === undefined) waiting.delete(source);
      // Unless it was begun on the account of another source.
      else if (!record.isDialing) {
        if (this.#runRumour(source, record, owner)) continue;
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
      ? now + RUMOUR_CREDIT_REFILL_MS
      : Infinity;
  }

  /**
   * We woke: everything that was put off is tried within `REVIVE_SPREAD_MS`, and
   * its backoff begins anew. Peers nobody has proven to us keep to theirs.
   */
  wake(): void {
    const waiting = this.#waiting((it) => it.introducedBy === undefined);
    for (const it of waiting) it.resumed();
    this.#hurry(waiting);
  }

  /**
   * A peer that was lost is back, and so may be the network: the others are tried
   * too, but not each time if it comes and goes, nor where they only say they are.
   */
  revive(): void {
    const now = this.#context.clock.monotonic();
    if (now - this.#revivedAt < DIAL_HINT_INTERVAL_MS) return;
    this.#revivedAt = now;
    this.#hurry(
      this.#waiting((it) => it.dialShare !== "gossip"),
    );
  }

  /** Peers without a session that are to be tried, and all seeds. */
  #waiting(
    isMeant: (record: Peer) => boolean,
  ): Pick<Peer, "hurry" | "resumed">[] {
    const { table } = this.#context;
    const records = [...table.values()].filter((record) =>
      record.sessions.length === 0 && isMeant(record)
    );
    return [
      ...records,
      ...this.#seeds.seeds.filter(wantsLook).map(({ schedule }) => schedule),
    ];
  }

  #hurry(waiting: readonly Pick<Peer, "hurry">[]): void {
    const { clock, random } = this.#context;
    const now = clock.monotonic();
    for (const it of waiting) {
      it.hurry(now + random.float() * REVIVE_SPREAD_MS);
    }
    this.kick();
  }

  /** The peer is gone for good with its key: others may have its addresses. */
  release(id: PeerId): void {
    this.#seeds.release(id);
  }

  /** The error as one of ours; `undefined` if it is the node closing. */
  #known(error: unknown): VerackError | undefined {
    if (this.#context.signal.aborted) return undefined;
    if (error instanceof VerackError) return error;
    this.#context.log.error("dialing failed", { error: messageOf(error) });
    return new VerackError("closed", `Cannot dial: ${messageOf(error)}`, {
      cause: error,
    });
  }

  /** Starts a dial to a peer we know or an address we were given, if there is room. */
  #run({ share, dial }: DueDial): void {
    if (!this.#budget.beginKnown(share)) return;
    this.#track(dial(), () => this.#budget.endKnown(share));
  }

  /** Starts a dial on the account of a source; false if that has no room or credit. */
  #runRumour(
    source: PeerId,
    record: Peer,
    owner: PeerSessionOwner,
  ): boolean {
    const { clock } = this.#context;
    const now = clock.monotonic();
    if (!this.#budget.begin(source, now)) return false;
    const dial: GossipDial = {
      source,
      progressAt: now,
      giveWay: () => giveWay(record),
    };
    this.#budget.track(dial);
    const dialed = this.#peers.dial(record, owner, () => {
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
      this.kick();
    }));
  }
}

/** Puts the identities that a person named on record; what is left are seeds. */
function pinAddresses(context: MeshContext): Address[] {
  const { connect } = context.options;
  const pins = Map.groupBy(
    connect.filter(({ id }) => id !== undefined),
    ({ address }) => formatAddress(address),
  );
  for (const targets of pins.values()) {
    const [{ address } = { address: undefined }] = targets;
    const identities = targets.flatMap(({ id }) =>
      id === undefined || id === context.identity.id ? [] : id
    );
    if (address !== undefined && identities.length > 0) {
      pinAddress(context, address, identities);
    }
  }
  return connect.flatMap(({ address, id }) => id === undefined ? address : []);
}

/** On whose account a peer that is only said to be somewhere may be dialed. */
function sourcesOf(record: Peer): ReadonlySet<PeerId> {
  const { introducedBy = OWN_CLAIMS, reporters } = record;
  return new Set([introducedBy, ...reporters]);
}
