/**
 * One round of dialing one peer: its addresses are raced, and behind a name the
 * endpoints of each; then it is decided what the outcome says about the addresses
 * and the peer. When a round is due, and whether there is room for it, is up to
 * `dialer.ts`.
 */
import type { VerackError } from "../errors.ts";
import { type IdentityId, shortId } from "../identity/identity.ts";
import {
  EPHEMERAL_KEPT_MS,
  MAX_ADDRESSES_PER_PEER,
  MAX_RUMOUR_ADDRESSES_AT_ONCE,
  RUMOUR_KEPT_MS,
} from "../limits.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import { AddressQueue, type Attempt, raceAddresses } from "./address_race.ts";
import { backoffDelayMs, waitAtTheDoor } from "./backoff.ts";
import type { MeshContext } from "./context.ts";
import { dialPeer, type DialTarget, endpointsOf } from "./dial.ts";
import {
  type EndpointFailure,
  failureAt,
  WrongIdentityError,
} from "./dial_failure.ts";
import type { DialTalk } from "./dial_talk.ts";
import type { LinkOwner } from "./link.ts";
import type { PeerAddress } from "./peer_addresses.ts";
import type { PeerRecord } from "./peer_table.ts";
import type { SeedDialer } from "./seed_dialer.ts";

/** Whether nothing but the word of other peers is known of it. */
export function isRumour(record: PeerRecord): boolean {
  return record.introducedBy !== undefined;
}

/**
 * Ends a round that has had its time while another source waits. As a timeout, so that
 * a host that keeps TLS handshakes hanging is known for it (`stalled_hosts.ts`).
 */
export function giveWay(record: PeerRecord): void {
  record.dialing?.abort(
    new DOMException("No answer yet, and others wait", "TimeoutError"),
  );
}

/** Dials the peers of one node. */
export class PeerDialer {
  readonly #context: MeshContext;
  readonly #seeds: SeedDialer;
  readonly #talk: DialTalk;
  /** Turns what was thrown into one of ours; `undefined` if the node is closing. */
  readonly #known: (error: unknown) => VerackError | undefined;
  /** Rounds under way. */
  readonly #rounds = new Map<PeerRecord, AddressQueue<PeerAddress>>();

  constructor(
    context: MeshContext,
    seeds: SeedDialer,
    talk: DialTalk,
    known: (error: unknown) => VerackError | undefined,
  ) {
    this.#context = context;
    this.#seeds = seeds;
    this.#talk = talk;
    this.#known = known;
  }

  /** Addresses that were learned meanwhile are tried, too: those before may hang. */
  refresh(): void {
    for (const [record, queue] of this.#rounds) {
      queue.add(this.#addressesOf(record));
    }
  }

  /**
   * One round. Never rejects; true if nothing was reached.
   *
   * @param onReached Called when the peer has proven to be there.
   */
  async dial(
    record: PeerRecord,
    owner: LinkOwner,
    onReached: () => void,
  ): Promise<boolean> {
    const { clock } = this.#context;
    const controller = new AbortController();
    record.dialing = controller;
    const signal = AbortSignal.any([this.#context.signal, controller.signal]);
    const queue = new AddressQueue(
      this.#addressesOf(record),
      ({ address }) => formatAddress(address),
    );
    this.#rounds.set(record, queue);
    const served = await raceAddresses(queue, {
      clock,
      signal,
      parallel: parallelFor(record),
      attempt: (entry, { signal, reached }) =>
        this.#tryAddress(record, entry, owner, {
          signal,
          reached: () => {
            reached();
            onReached();
          },
        }),
    });
    this.#rounds.delete(record);
    record.dialing = undefined;
    const { reason } = controller.signal;
    const gaveWay = reason instanceof Error && reason.name === "TimeoutError";
    const wasted = gaveWay || (!served && !signal.aborted);
    if (wasted && record.links.length === 0) this.#backOff(record);
    return wasted;
  }

  /** Where to try: names that a person gave without an identity are looked up as seeds. */
  #addressesOf(record: PeerRecord): PeerAddress[] {
    return record.addresses.list().filter(({ address, typed }) =>
      !typed || !this.#seeds.looksUp(address)
    );
  }

  /** True if no other address has to be tried. */
  async #tryAddress(
    record: PeerRecord,
    entry: PeerAddress,
    owner: LinkOwner,
    attempt: Attempt,
  ): Promise<boolean> {
    const { address } = entry;
    const failures: EndpointFailure[] = [];
    try {
      const { signal, reached } = attempt;
      const endpoints = await endpointsOf(this.#context, entry, signal);
      const served = await raceAddresses(endpoints, {
        clock: this.#context.clock,
        signal,
        parallel: parallelFor(record),
        attempt: (endpoint, inner) =>
          this.#tryEndpoint(record, entry, endpoint, owner, failures, {
            signal: inner.signal,
            reached: () => {
              inner.reached();
              reached();
            },
          }),
      });
      if (served) this.#talk.clear(address);
      if (served || signal.aborted || failures.length === 0) return true;
    } catch (error) {
      const known = this.#known(error);
      if (known === undefined || settledElsewhere(known)) return true;
      failures.push({ endpoint: address, error: known });
    }
    const error = failureAt(address, failures);
    if (failures.some((it) => it.error.code === "not-admitted")) {
      waitAtTheDoor(record);
    }
    const strangers = failures.flatMap((it) =>
      it.error instanceof WrongIdentityError ? it.error.actual : []
    );
    const [actual] = strangers;
    const lapsed = actual !== undefined &&
      strangers.length === failures.length &&
      this.#misplaced(record, entry, actual);
    if (entry.typed && !lapsed) {
      this.#talk.failed(address, error, record.identity);
    }
    return false;
  }

  /** True if no other endpoint has to be tried. */
  async #tryEndpoint(
    record: PeerRecord,
    { address }: PeerAddress,
    endpoint: Address,
    owner: LinkOwner,
    failures: EndpointFailure[],
    { signal, reached }: Attempt,
  ): Promise<boolean> {
    if (record.links.length > 0) return true;
    const target: DialTarget = {
      address,
      endpoint,
      expected: record.identity,
      ...(record.certificate && { certificate: record.certificate }),
      onReached: reached,
    };
    try {
      await dialPeer(this.#context, owner, target, signal);
      return true;
    } catch (error) {
      const known = this.#known(error);
      if (known === undefined || settledElsewhere(known)) return true;
      failures.push({ endpoint, error: known });
      return false;
    }
  }

  /**
   * Another identity is at an address of this peer: the address is wrong, not the
   * peer. True if a pin lapsed with its key, which is no cause for alarm.
   */
  #misplaced(
    record: PeerRecord,
    entry: PeerAddress,
    actual: IdentityId,
  ): boolean {
    const { table, log, memory } = this.#context;
    const address = formatAddress(entry.address);
    const seed = this.#seeds.heldTo(record.identity, entry.address);
    // A pin on a key that lived in memory lapses with it, so that a restarted
    // seed locks nobody out.
    const lapses = seed !== undefined && record.ephemeral;
    if (entry.typed && !lapses) return false;
    record.addresses.remove(entry.address);
    memory.save(record);
    log.debug("address dropped", { address, actual: shortId(actual) });
    if (lapses) {
      this.#seeds.release(record.identity);
      this.#talk.clear(entry.address);
    }
    const mayBeGone = record.ephemeral || !record.isProven;
    // Members that have a session with it know better, and say where it is.
    if (mayBeGone && !record.reportedLive && record.addresses.size === 0) {
      table.forget(record);
    }
    return lapses;
  }

  #backOff(record: PeerRecord): void {
    const { clock, random, table } = this.#context;
    record.failures++;
    const now = clock.monotonic();
    record.downSince ??= now;
    if (isForgettable(record, now)) return table.forget(record);
    record.nextDialAt = now + backoffDelayMs(record.failures, random.float());
  }
}

/**
 * Whether a peer has been out of reach for so long that it is dropped from the
 * record. Never while members go on saying that it is live: failures alone, which may
 * come fast, say that we cannot reach it, not that it is gone.
 */
export function isForgettable(record: PeerRecord, now: number): boolean {
  if (record.links.length > 0) return false;
  const { addresses, confirmedAt, downSince = now, reportedLive } = record;
  if (reportedLive && now - confirmedAt < RUMOUR_KEPT_MS) return false;
  const downMs = now - downSince;
  const isOverdue = record.isProven
    // Its key is gone with its process; if it lives, it dials us or is told of again.
    ? record.ephemeral && downMs >= EPHEMERAL_KEPT_MS
    : addresses.size === 0 || downMs >= RUMOUR_KEPT_MS;
  return isOverdue && record.trust !== "pinned" &&
    !addresses.list().some((entry) => entry.typed);
}

function parallelFor(record: PeerRecord): number {
  return isRumour(record)
    ? MAX_RUMOUR_ADDRESSES_AT_ONCE
    : MAX_ADDRESSES_PER_PEER;
}

/** The pair has another session, or is about to: nothing failed. */
function settledElsewhere(error: VerackError): boolean {
  return error.code === "aborted" || error.code === "duplicate";
}
