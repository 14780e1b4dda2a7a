/**
 * Whom to dial and when: every peer on record that has no session, and every seed
 * that has not answered yet, for ever, with backoff. At most one dial a peer is
 * under way.
 *
 * One attempt is `dial.ts`, a peer's addresses are tried by `address_race.ts`; how
 * many dials there may be is `dial_budget.ts`, the waiting time `backoff.ts`.
 */
import { messageOf, VerackError } from "../errors.ts";
import { type IdentityId, shortId } from "../identity/identity.ts";
import {
  DIAL_HINT_INTERVAL_MS,
  EPHEMERAL_KEPT_MS,
  MAX_ADDRESSES_PER_PEER,
  MAX_RUMOUR_ADDRESSES_AT_ONCE,
  MAX_RUMOUR_FAILURES,
  RECONNECT_MIN_MS,
  REVIVE_SPREAD_MS,
  RUMOUR_CREDIT_REFILL_MS,
} from "../limits.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import { type Attempt, raceAddresses } from "./address_race.ts";
import { backoffDelayMs, waitAtTheDoor } from "./backoff.ts";
import type { MeshContext } from "./context.ts";
import { dialPeer, type DialTarget, WrongIdentityError } from "./dial.ts";
import { DialBudget } from "./dial_budget.ts";
import { DialTalk } from "./dial_talk.ts";
import type { LinkOwner } from "./link.ts";
import type { PeerAddress } from "./peer_addresses.ts";
import type { PeerRecord } from "./peer_table.ts";
import {
  type Futile,
  futileDials,
  itself,
  pinAddress,
  type Seed,
  seedsOf,
} from "./seeds.ts";

/** How often it is looked whether strangers are still arriving. */
const CROWD_CHECK_MS = 50;

/** Keeps a node dialing. */
export class Dialer {
  readonly #context: MeshContext;
  readonly #seeds: Seed[];
  /** What a person asked for in vain; said, not dialed. */
  readonly #futile: readonly Futile[];
  readonly #tasks = new Set<Promise<void>>();
  readonly #budget: DialBudget;
  readonly #talk: DialTalk;
  #revivedAt = -Infinity;
  #owner: LinkOwner | undefined;
  #cancelTimer: (() => void) | undefined;
  #cancelFutile: (() => void) | undefined;
  #stopped = false;

  constructor(context: MeshContext) {
    this.#context = context;
    this.#budget = new DialBudget(context.clock.monotonic());
    this.#talk = new DialTalk(context);
    const unpinned: Address[] = [];
    for (const { address, identity } of context.options.connect) {
      if (identity === undefined) unpinned.push(address);
      else if (identity !== context.identity.id) {
        pinAddress(context, identity, address);
      }
    }
    this.#seeds = seedsOf(context.table, unpinned);
    this.#futile = futileDials(context);
  }

  /** Dials under way. */
  get active(): number {
    return this.#tasks.size;
  }

  /** Begins; opened links go to `owner`. */
  start(owner: LinkOwner): void {
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
    await Promise.all(this.#tasks);
  }

  /** Starts every dial that is due, and sees to the next one. */
  kick(): void {
    const { clock, table, signal, membership } = this.#context;
    if (this.#stopped || signal.aborted || this.#owner === undefined) return;
    const now = clock.monotonic();
    const crowded = this.#context.arriving() > 0;
    let next = Infinity;
    for (const seed of this.#seeds) {
      if (seed.dialing || seed.identity !== undefined) continue;
      if (seed.nextDialAt > now) next = Math.min(next, seed.nextDialAt);
      else this.#run(undefined, () => this.#dialSeed(seed));
    }
    for (const record of table.values()) {
      if (!wantsDial(record) || membership.isDenied(record.identity)) continue;
      if (crowded && record.yieldsUntil > now) {
        next = Math.min(next, now + CROWD_CHECK_MS);
        continue;
      }
      if (record.nextDialAt > now) next = Math.min(next, record.nextDialAt);
      else if (
        !this.#run(record.introducedBy, () => this.#dialRecord(record)) &&
        isRumour(record)
      ) {
        // Whoever told of it is out of credit; the end of a dial comes by itself.
        next = Math.min(next, now + RUMOUR_CREDIT_REFILL_MS);
      }
    }
    this.#cancelTimer?.();
    this.#cancelTimer = next === Infinity
      ? undefined
      : clock.after(Math.max(1, next - now), () => this.kick());
  }

  /**
   * We woke: everything that was put off is tried within `REVIVE_SPREAD_MS`, and
   * its backoff begins anew. Peers nobody has proven to us keep to theirs.
   */
  wake(): void {
    for (const waiting of this.#waiting()) {
      // A dial that is under way, and hangs, is followed by another one soon.
      waiting.failures = Math.min(waiting.failures, 1);
    }
    this.#hurry();
  }

  /**
   * A peer that was lost is back, and so may be the network: the others are tried
   * too, but not each time if it comes and goes.
   */
  revive(): void {
    const now = this.#context.clock.monotonic();
    if (now - this.#revivedAt < DIAL_HINT_INTERVAL_MS) return;
    this.#revivedAt = now;
    this.#hurry();
  }

  #waiting(): (PeerRecord | Seed)[] {
    const { table } = this.#context;
    const records = [...table.values()].filter((record) =>
      !isRumour(record) && record.links.length === 0
    );
    const seeds = this.#seeds.filter(({ identity }) => identity === undefined);
    return [...records, ...seeds];
  }

  #hurry(): void {
    const { clock, random } = this.#context;
    const now = clock.monotonic();
    for (const waiting of this.#waiting()) {
      waiting.nextDialAt = Math.min(
        waiting.nextDialAt,
        now + random.float() * REVIVE_SPREAD_MS,
      );
    }
    this.kick();
  }

  /**
   * The peer is gone for good with its key: seeds that had become its addresses
   * take whoever answers next.
   */
  release(identity: IdentityId): void {
    const now = this.#context.clock.monotonic();
    for (const seed of this.#seeds) {
      if (seed.identity !== identity) continue;
      seed.identity = undefined;
      seed.failures = 1;
      seed.nextDialAt = now + RECONNECT_MIN_MS;
    }
  }

  // --- Peers on record -------------------------------------------------------

  /** True if nobody was there. */
  async #dialRecord(record: PeerRecord): Promise<boolean> {
    const controller = new AbortController();
    record.dialing = controller;
    const signal = AbortSignal.any([this.#context.signal, controller.signal]);
    const served = await raceAddresses(record.addresses.list(), {
      clock: this.#context.clock,
      signal,
      parallel: isRumour(record)
        ? MAX_RUMOUR_ADDRESSES_AT_ONCE
        : MAX_ADDRESSES_PER_PEER,
      attempt: (entry, attempt) => this.#tryAddress(record, entry, attempt),
    });
    record.dialing = undefined;
    const wasted = !served && !signal.aborted;
    if (wasted && record.links.length === 0) this.#backOff(record);
    return wasted;
  }

  /** True if no other address has to be tried. */
  async #tryAddress(
    record: PeerRecord,
    entry: PeerAddress,
    { signal, reached }: Attempt,
  ): Promise<boolean> {
    const { address, namedFrom } = entry;
    if (record.links.length > 0) return true;
    const target: DialTarget = {
      address,
      expected: record.identity,
      ...(record.certificate && { certificate: record.certificate }),
      ...(namedFrom && { namedFrom }),
      onReached: reached,
    };
    try {
      await this.#dial(target, signal);
      this.#talk.clear(address);
      return true;
    } catch (error) {
      const known = this.#known(error);
      if (known === undefined || settledElsewhere(known)) return true;
      if (known.code === "not-admitted") waitAtTheDoor(record);
      const lapsed = known instanceof WrongIdentityError &&
        this.#misplaced(record, entry, known.actual);
      if (entry.typed && !lapsed) {
        this.#talk.failed(address, known, record.identity);
      }
      return false;
    }
  }

  /**
   * Somebody else is at an address of this peer: the address is wrong, not the
   * peer. True if a pin lapsed with its key, which is no cause for alarm.
   */
  #misplaced(
    record: PeerRecord,
    entry: PeerAddress,
    actual: IdentityId,
  ): boolean {
    const { table, log } = this.#context;
    const address = formatAddress(entry.address);
    const seed = this.#seeds.find((s) =>
      s.identity === record.identity && formatAddress(s.address) === address
    );
    // A pin on a key that lived in memory lapses with it, so that a restarted
    // seed locks nobody out.
    const lapses = seed !== undefined && record.ephemeral;
    if (entry.typed && !lapses) return false;
    record.addresses.remove(entry.address);
    this.#context.memory.save(record);
    log.debug("address dropped", { address, actual: shortId(actual) });
    if (lapses) {
      this.release(record.identity);
      this.#talk.clear(entry.address);
    }
    const mayBeGone = record.ephemeral || !record.isProven;
    if (mayBeGone && record.addresses.size === 0) table.forget(record);
    return lapses;
  }

  #backOff(record: PeerRecord): void {
    const { clock, random, table } = this.#context;
    record.failures++;
    const now = clock.monotonic();
    record.downSince ??= now;
    const typed = record.trust === "pinned" ||
      record.addresses.list().some((entry) => entry.typed);
    // Nobody but its introducer ever saw it, or its key is gone with its process;
    // if it lives, it is told of again, or dials us.
    const gone = record.isProven
      ? record.ephemeral && now - record.downSince >= EPHEMERAL_KEPT_MS
      : record.failures >= MAX_RUMOUR_FAILURES;
    if (gone && !typed) return table.forget(record);
    record.nextDialAt = now + backoffDelayMs(record.failures, random.float());
  }

  // --- Seeds -----------------------------------------------------------------

  async #dialSeed(seed: Seed): Promise<boolean> {
    const { table, signal, clock, random, identity } = this.#context;
    let shown: IdentityId | undefined;
    seed.dialing = true;
    try {
      const target: DialTarget = {
        address: seed.address,
        onIdentity: (identity) => {
          shown = identity;
          const record = table.get(identity);
          const served = record !== undefined &&
            (record.links.length > 0 || record.dialing !== undefined);
          if (served) this.#adopt(seed, identity);
          return !served;
        },
      };
      const link = await this.#dial(target, signal);
      if (link !== undefined) this.#adopt(seed, link.peer.identity);
      this.#talk.clear(seed.address);
    } catch (error) {
      const known = this.#known(error);
      if (known === undefined) return false;
      // That we reached ourselves is believed of ourselves only, else a stranger
      // at the address could have us never try it again.
      const ourselves = known.code === "self" && shown === identity.id;
      this.#talk.failed(seed.address, ourselves ? itself(seed.address) : known);
      if (known.code === "not-admitted") waitAtTheDoor(seed);
      seed.failures++;
      seed.nextDialAt = ourselves
        ? Infinity
        : clock.monotonic() + backoffDelayMs(seed.failures, random.float());
    } finally {
      seed.dialing = false;
    }
    return false;
  }

  /** From now on the seed is an address of this peer. */
  #adopt(seed: Seed, identity: IdentityId): void {
    const { table, clock } = this.#context;
    const record = table.get(identity);
    if (record === undefined) { // Gone again already: it stays a seed.
      seed.nextDialAt = clock.monotonic() + RECONNECT_MIN_MS;
      return;
    }
    seed.identity = identity;
    seed.failures = 0;
    record.addresses.add(seed.address, "typed");
    this.#context.memory.save(record);
  }

  // --- Both ------------------------------------------------------------------

  async #dial(
    target: DialTarget,
    signal: AbortSignal,
  ): Promise<Awaited<ReturnType<typeof dialPeer>>> {
    const owner = this.#owner;
    if (owner === undefined) throw new TypeError("Dialer is not started");
    return await dialPeer(this.#context, owner, target, signal);
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

  /** Starts a dial if there is room for it; `task` says whether it was wasted. */
  #run(source: IdentityId | undefined, task: () => Promise<boolean>): boolean {
    const { clock } = this.#context;
    if (!this.#budget.begin(source, clock.monotonic())) return false;
    const tracked: Promise<void> = task().then((wasted) => {
      this.#budget.end(source, wasted);
      this.#tasks.delete(tracked);
      this.kick();
    });
    this.#tasks.add(tracked);
    return true;
  }
}

/** Whether a record is dialed at all when its time has come. */
function wantsDial(record: PeerRecord): boolean {
  return record.links.length === 0 && record.dialing === undefined &&
    record.addresses.size > 0;
}

/** Whether nobody but another peer has spoken of it. */
function isRumour(record: PeerRecord): boolean {
  return record.introducedBy !== undefined;
}

/** The pair has another session, or is about to: nothing failed. */
function settledElsewhere(error: VerackError): boolean {
  return error.code === "aborted" || error.code === "duplicate";
}
