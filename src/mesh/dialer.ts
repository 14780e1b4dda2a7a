/**
 * Whom to dial and when: every peer on record that has no session, and every seed
 * that has not answered yet, for ever, with backoff. At most one dial a peer is
 * under way, and `MAX_CONCURRENT_DIALS` in all; peers we only heard of have
 * `MAX_RUMOUR_DIALS` of their own.
 *
 * One attempt is `dial.ts`; the waiting time is `backoff.ts`.
 */
import { type ErrorCode, messageOf, VerackError } from "../errors.ts";
import { type IdentityId, shortId } from "../identity/identity.ts";
import {
  MAX_CONCURRENT_DIALS,
  MAX_RUMOUR_DIALS,
  MAX_RUMOUR_FAILURES,
  RECONNECT_MIN_MS,
  REVIVE_SPREAD_MS,
} from "../limits.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import { backoffDelayMs } from "./backoff.ts";
import type { MeshContext } from "./context.ts";
import { dialPeer, type DialTarget, WrongIdentityError } from "./dial.ts";
import type { LinkOwner } from "./link.ts";
import type { PeerAddress } from "./peer_addresses.ts";
import type { PeerRecord } from "./peer_table.ts";
import { pinAddress, type Seed, seedsOf } from "./seeds.ts";

/** Refusals by us or by the peer, as against mere failures to reach it. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "alpn",
  "bad-certificate",
  "bad-invite",
  "bad-secret",
  "denied",
  "not-admitted",
  "bad-checksum",
  "bad-command",
  "bad-magic",
  "bad-proof",
  "demo-identity",
  "identity-in-use",
  "malformed",
  "obsolete",
  "oversize",
  "protocol",
  "rejected",
  "self",
  "tls",
  "unsafe",
  "wrong-certificate",
  "wrong-identity",
]);

/** How often it is looked whether strangers are still arriving. */
const CROWD_CHECK_MS = 50;

/** Keeps a node dialing. */
export class Dialer {
  readonly #context: MeshContext;
  readonly #seeds: Seed[];
  /** Addresses at which a person told us to find ourselves: said, never dialed. */
  readonly #own: Address[] = [];
  readonly #tasks = new Set<Promise<void>>();
  /** Those of `#tasks` that dial peers we only heard of. */
  #rumours = 0;
  /** What was said last about an address a person gave, so as to say it once. */
  readonly #said = new Map<string, string>();
  #owner: LinkOwner | undefined;
  #cancelTimer: (() => void) | undefined;
  #cancelOwn: (() => void) | undefined;
  #stopped = false;

  constructor(context: MeshContext) {
    this.#context = context;
    const unpinned: Address[] = [];
    for (const { address, identity } of context.options.connect) {
      if (identity === undefined) unpinned.push(address);
      else if (identity === context.identity.id) this.#own.push(address);
      else pinAddress(context, identity, address);
    }
    this.#seeds = seedsOf(context.table, unpinned);
  }

  /** Dials under way. */
  get active(): number {
    return this.#tasks.size;
  }

  /** Begins; opened links go to `owner`. */
  start(owner: LinkOwner): void {
    this.#owner = owner;
    if (this.#own.length > 0) {
      // After this turn, so that who asks for events at once misses nothing.
      this.#cancelOwn = this.#context.clock.after(0, () => {
        for (const address of this.#own) this.#say(address, itself(address));
      });
    }
    this.kick();
  }

  /** Resolves when no dial is under way any more; the node's signal ends them. */
  async close(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#cancelOwn?.();
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
      else if (this.#hasRoom(false)) this.#run(this.#dialSeed(seed));
    }
    for (const record of table.values()) {
      if (!wantsDial(record) || membership.isDenied(record.identity)) continue;
      if (crowded && record.yieldsUntil > now) {
        next = Math.min(next, now + CROWD_CHECK_MS);
        continue;
      }
      if (record.nextDialAt > now) next = Math.min(next, record.nextDialAt);
      else if (this.#hasRoom(isRumour(record))) {
        this.#run(this.#dialRecord(record), isRumour(record));
      }
    }
    this.#cancelTimer?.();
    this.#cancelTimer = next === Infinity
      ? undefined
      : clock.after(Math.max(1, next - now), () => this.kick());
  }

  /**
   * Everything that was put off is tried within `REVIVE_SPREAD_MS`: we woke, or
   * the network did. Peers nobody has proven to us keep to their backoff.
   */
  revive(): void {
    const { clock, random, table } = this.#context;
    const now = clock.monotonic();
    const records = [...table.values()].filter((record) =>
      !isRumour(record) && record.links.length === 0
    );
    const seeds = this.#seeds.filter(({ identity }) => identity === undefined);
    for (const waiting of [...records, ...seeds]) {
      // A dial that is under way, and hangs, is followed by another one soon.
      waiting.failures = Math.min(waiting.failures, 1);
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

  async #dialRecord(record: PeerRecord): Promise<void> {
    const controller = new AbortController();
    record.dialing = controller;
    const signal = AbortSignal.any([this.#context.signal, controller.signal]);
    let failed = false;
    try {
      for (const entry of record.addresses.list()) {
        if (record.links.length > 0 || signal.aborted) break;
        failed = !await this.#tryAddress(record, entry, signal);
        if (!failed) break;
      }
    } finally {
      record.dialing = undefined;
    }
    if (failed && record.links.length === 0) this.#backOff(record);
  }

  async #tryAddress(
    record: PeerRecord,
    entry: PeerAddress,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { address, namedFrom } = entry;
    const target: DialTarget = {
      address,
      expected: record.identity,
      ...(record.certificate && { certificate: record.certificate }),
      ...(namedFrom && { namedFrom }),
    };
    try {
      await this.#dial(target, signal);
      this.#said.delete(formatAddress(address));
      return true;
    } catch (error) {
      const known = this.#known(error);
      if (known === undefined || settledElsewhere(known)) return true;
      const lapsed = known instanceof WrongIdentityError &&
        this.#misplaced(record, entry, known.actual);
      if (entry.typed && !lapsed) this.#say(address, known, record.identity);
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
      this.#said.delete(address);
    }
    if (record.ephemeral && record.addresses.size === 0) table.forget(record);
    return lapses;
  }

  #backOff(record: PeerRecord): void {
    const { clock, random, table } = this.#context;
    record.failures++;
    const typed = record.addresses.list().some((entry) => entry.typed);
    if (!record.isProven && !typed && record.failures >= MAX_RUMOUR_FAILURES) {
      // Nobody but its introducer ever saw it; if it lives, it is told of again.
      return table.forget(record);
    }
    const delay = backoffDelayMs(record.failures, random.float());
    record.nextDialAt = clock.monotonic() + delay;
  }

  // --- Seeds -----------------------------------------------------------------

  async #dialSeed(seed: Seed): Promise<void> {
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
      this.#said.delete(formatAddress(seed.address));
    } catch (error) {
      const known = this.#known(error);
      if (known === undefined) return;
      // That we reached ourselves is believed of ourselves only, else a stranger
      // at the address could have us never try it again.
      const ourselves = known.code === "self" && shown === identity.id;
      this.#say(seed.address, ourselves ? itself(seed.address) : known);
      seed.failures++;
      seed.nextDialAt = ourselves
        ? Infinity
        : clock.monotonic() + backoffDelayMs(seed.failures, random.float());
    } finally {
      seed.dialing = false;
    }
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

  /** Reports on an address a person gave: once for each thing that is wrong with it. */
  #say(address: Address, error: VerackError, expected?: IdentityId): void {
    const shown = formatAddress(address);
    const actual = error instanceof WrongIdentityError
      ? error.actual
      : undefined;
    const wanted = error instanceof WrongIdentityError
      ? error.expected
      : expected;
    const what = `${error.code} ${actual ?? ""}`;
    const { message: reason } = error;
    this.#context.log.debug("dial failed", { address: shown, reason });
    if (this.#said.get(shown) === what) return;
    this.#said.set(shown, what);
    this.#context.emit(
      REFUSALS.has(error.code)
        ? {
          type: "refused",
          address: shown,
          reason,
          ...(wanted && { expected: wanted }),
          ...(actual && { actual }),
        }
        : { type: "unreachable", address: shown, reason },
    );
  }

  #hasRoom(rumour: boolean): boolean {
    return rumour
      ? this.#rumours < MAX_RUMOUR_DIALS
      : this.#tasks.size - this.#rumours < MAX_CONCURRENT_DIALS;
  }

  #run(task: Promise<void>, rumour = false): void {
    if (rumour) this.#rumours++;
    const tracked = task.finally(() => {
      if (rumour) this.#rumours--;
      this.#tasks.delete(tracked);
      this.kick();
    });
    this.#tasks.add(tracked);
  }
}

function itself(address: Address): VerackError {
  const reason = `Cannot dial ${
    formatAddress(address)
  }: it is this node itself`;
  return new VerackError("self", reason);
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
