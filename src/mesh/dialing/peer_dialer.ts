/**
 * One round of dialing one peer: its addresses are raced, and behind a name the
 * endpoints of each; then it is decided what the outcome says about the addresses
 * and the peer. When a round is due, and whether there is room for it, is up to
 * `dialer.ts`.
 */
import { VerackError } from "../../core/errors.ts";
import type { PeerId } from "../../identity/identity.ts";
import {
  DIALS_PER_TARGET_REFILL_MS,
  EPHEMERAL_KEPT_MS,
  MAX_ADDRESSES_PER_PEER,
  MAX_FAILURES_AT_THE_DOOR,
  MAX_RUMOUR_ADDRESSES_AT_ONCE,
  RECONNECT,
  RECONNECT_CLAIMED_MS,
  RUMOUR_KEPT_MS,
} from "../../limits.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import { AddressQueue, type Attempt, raceAddresses } from "./address_race.ts";
import { backoffMs } from "../../core/backoff.ts";
import { ClaimedDials } from "./claimed_dials.ts";
import type { MeshContext } from "../context.ts";
import { dialPeer, type DialTarget, endpointsOf } from "./dial.ts";
import type { DialBudget, DialShare } from "./dial_budget.ts";
import {
  type EndpointFailure,
  failureAt,
  WrongIdentityError,
} from "./dial_failure.ts";
import type { DialFailureReporter } from "./dial_failure_reporter.ts";
import type { PeerSessionOwner } from "../sessions/peer_session.ts";
import type { PeerAddress } from "../peers/peer_addresses.ts";
import type { Peer } from "../peers/peer_table.ts";
import type { Standing } from "../peers/standing.ts";
import type { SeedDialer } from "./seed_dialer.ts";

/** One round of dialing a peer. */
interface Round {
  readonly record: Peer;
  readonly owner: PeerSessionOwner;
  readonly queue: AddressQueue<PeerAddress>;
  readonly share: DialShare;
  /** Addresses tried at once. */
  readonly parallel: number;
  /** Something was dialed or looked up in vain, as against left alone. */
  dialed: boolean;
}

/**
 * Ends a round that has had its time while another source waits. As a timeout, so that
 * a host that keeps TLS handshakes hanging is known for it (`stalled_hosts.ts`).
 */
export function giveWay(record: Peer): void {
  record.dialing?.abort(
    new DOMException("No answer yet, and others wait", "TimeoutError"),
  );
}

/** Dials the peers of one node. */
export class PeerDialer {
  readonly #context: MeshContext;
  readonly #seeds: SeedDialer;
  readonly #talk: DialFailureReporter;
  /** Turns what was thrown into one of ours; `undefined` if the node is closing. */
  readonly #known: (error: unknown) => VerackError | undefined;
  readonly #rounds = new Set<Round>();
  readonly #claims: ClaimedDials;

  constructor(
    context: MeshContext,
    seeds: SeedDialer,
    talk: DialFailureReporter,
    budget: DialBudget,
    known: (error: unknown) => VerackError | undefined,
  ) {
    this.#context = context;
    this.#claims = new ClaimedDials(context, budget);
    this.#seeds = seeds;
    this.#talk = talk;
    this.#known = known;
  }

  /** Addresses that were learned meanwhile are tried, too: those before may hang. */
  refresh(): void {
    for (const { record, queue } of this.#rounds) {
      queue.add(this.#addressesOf(record));
    }
  }

  /** Which budget dials to a peer take from. */
  shareOf(record: Peer): DialShare {
    if (this.#context.standing.isTrusted(record)) return "standing";
    return record.introducedBy === undefined && record.addresses.hasVerified
      ? "verified"
      : "gossip";
  }

  /** How long to wait before the next round, now that one failed or a session ended. */
  retryDelayMs(record: Peer): number {
    const { random } = this.#context;
    const backoff = backoffMs(record.failures, RECONNECT, random.float());
    const isClaim = record.introducedBy === undefined &&
      this.shareOf(record) === "gossip";
    return isClaim
      ? Math.max(backoff, RECONNECT_CLAIMED_MS * (0.5 + random.float() / 2))
      : backoff;
  }

  /**
   * What a peer without standing, or others, said of where it is goes when it has not
   * been there for as long as gossip is kept.
   */
  dropClaims(record: Peer, now: number): void {
    const { downSince = now, addresses } = record;
    if (now - downSince < RUMOUR_KEPT_MS || isConfirmed(record, now)) return;
    if (record.isKnown && this.#context.standing.isTrusted(record)) return;
    if (!addresses.dropUnverified()) return;
    // An address that is gossiped later has its own time.
    if (!record.isVerified) record.downSince = undefined;
    this.#context.memory.save(record);
  }

  /**
   * One round. Never rejects; true if nothing was reached.
   *
   * @param onReached Called when the peer has proven to be there.
   */
  async dial(
    record: Peer,
    owner: PeerSessionOwner,
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
    const share = this.shareOf(record);
    const parallel = share === "gossip"
      ? MAX_RUMOUR_ADDRESSES_AT_ONCE
      : MAX_ADDRESSES_PER_PEER;
    const round: Round = {
      record,
      owner,
      queue,
      share,
      parallel,
      dialed: false,
    };
    this.#rounds.add(round);
    const served = await raceAddresses(queue, {
      clock,
      signal,
      parallel,
      attempt: (entry, { signal, reached }) =>
        this.#tryAddress(round, entry, {
          signal,
          reached: () => {
            reached();
            onReached();
          },
        }),
    });
    this.#rounds.delete(round);
    record.dialing = undefined;
    const { reason } = controller.signal;
    const gaveWay = reason instanceof Error && reason.name === "TimeoutError";
    const failed = gaveWay || (!served && !signal.aborted);
    if (failed && record.sessions.length === 0) this.#backOff(round);
    // A target that was left alone cost nothing.
    return failed && round.dialed;
  }

  /** Where to try: names that a person gave without an identity are looked up as seeds. */
  #addressesOf(record: Peer): PeerAddress[] {
    return record.addresses.list().filter(({ address, typed }) =>
      !typed || !this.#seeds.looksUp(address)
    );
  }

  /** True if no other address has to be tried. */
  async #tryAddress(
    round: Round,
    entry: PeerAddress,
    attempt: Attempt,
  ): Promise<boolean> {
    const { record, parallel } = round;
    const { address } = entry;
    const failures: EndpointFailure[] = [];
    try {
      const { signal, reached } = attempt;
      const endpoints = await endpointsOf(this.#context, entry, signal);
      const served = await raceAddresses(endpoints, {
        clock: this.#context.clock,
        signal,
        parallel,
        attempt: (endpoint, inner) =>
          this.#tryEndpoint(round, entry, endpoint, failures, {
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
      // A name that leads nowhere.
      round.dialed = true;
      failures.push({ endpoint: address, error: known });
    }
    const error = failureAt(address, failures);
    if (failures.some((it) => it.error.code === "not-admitted")) {
      record.failures = Math.min(record.failures, MAX_FAILURES_AT_THE_DOOR);
    }
    const strangers = failures.flatMap((it) =>
      it.error instanceof WrongIdentityError ? it.error.actual : []
    );
    const [actual] = strangers;
    const lapsed = actual !== undefined &&
      strangers.length === failures.length &&
      this.#misplaced(record, entry, actual);
    if (entry.typed && !lapsed) {
      this.#talk.failed(address, error, record.id);
    }
    return false;
  }

  /** True if no other endpoint has to be tried. */
  async #tryEndpoint(
    round: Round,
    entry: PeerAddress,
    endpoint: Address,
    failures: EndpointFailure[],
    { signal, reached }: Attempt,
  ): Promise<boolean> {
    const { record, owner } = round;
    if (record.sessions.length > 0) return true;
    const dial = this.#claims.begin({ ...round, entry, endpoint });
    if (dial instanceof VerackError) {
      failures.push({ endpoint, error: dial });
      return false;
    }
    round.dialed = true;
    const target: DialTarget = {
      address: entry.address,
      endpoint,
      expected: record.id,
      ...(record.certificate && { certificate: record.certificate }),
      onReached: () => {
        dial.answered();
        reached();
      },
    };
    try {
      await dialPeer(this.#context, owner, target, signal);
      return true;
    } catch (error) {
      const known = this.#known(error);
      if (known === undefined || settledElsewhere(known)) return true;
      failures.push({ endpoint, error: known });
      if (known instanceof WrongIdentityError) {
        this.#sees(endpoint, known.actual);
      }
      return false;
    } finally {
      dial.end();
    }
  }

  /** Another identity was found where one was dialed: if it is missed, it is dialed now. */
  #sees(endpoint: Address, id: PeerId): void {
    const { clock, table } = this.#context;
    const now = clock.monotonic();
    this.#claims.shows(endpoint, id);
    const record = table.get(id);
    if (record?.addresses.get(endpoint) === undefined) return;
    record.nextDialAt = Math.min(record.nextDialAt, now);
  }

  /**
   * Another identity is at an address of this peer: the address is wrong, not the
   * peer. True if a pin lapsed with its key, which is no cause for alarm.
   */
  #misplaced(
    record: Peer,
    entry: PeerAddress,
    actual: PeerId,
  ): boolean {
    const { table, log, memory, standing } = this.#context;
    const address = formatAddress(entry.address);
    const seed = this.#seeds.heldTo(record.id, entry.address);
    // A pin on a key that lived in memory lapses with it, so that a restarted
    // seed locks nobody out.
    const lapses = seed !== undefined && record.ephemeral;
    if (entry.typed && !lapses) return false;
    record.addresses.remove(entry.address);
    memory.save(record);
    log.debug("address dropped", { address, actual });
    if (lapses) {
      this.#seeds.release(record.id);
      this.#talk.clear(entry.address);
    }
    const mayBeGone = record.isVerified
      ? record.ephemeral
      : !standing.has(record);
    // Members that have a session with it know better, and say where it is.
    if (mayBeGone && !record.reportedLive && record.addresses.size === 0) {
      table.forget(record);
    }
    return lapses;
  }

  #backOff({ record, dialed }: Round): void {
    const { clock, random, standing, table } = this.#context;
    record.failures++;
    const now = clock.monotonic();
    record.downSince ??= now;
    if (isForgettable(record, now, standing)) return table.forget(record);
    record.nextDialAt = now +
      (dialed
        ? this.retryDelayMs(record)
        : DIALS_PER_TARGET_REFILL_MS * (0.5 + random.float() / 2));
  }
}

/**
 * Whether a peer has been out of reach for so long that it is dropped from the
 * record. Never while members go on saying that it is live: failures alone, which may
 * come fast, say that we cannot reach it, not that it is gone. Nor a peer with standing
 * that has not come yet: all that is known of where it is comes from gossip.
 */
export function isForgettable(
  record: Peer,
  now: number,
  standing: Pick<Standing, "has">,
): boolean {
  if (record.sessions.length > 0) return false;
  const { addresses, downSince = now } = record;
  if (isConfirmed(record, now)) return false;
  const downMs = now - downSince;
  const isOverdue = record.isVerified
    // Its key is gone with its process; if it lives, it dials us or is told of again.
    ? record.ephemeral && downMs >= EPHEMERAL_KEPT_MS
    : addresses.size === 0 || downMs >= RUMOUR_KEPT_MS;
  return isOverdue && record.trust !== "pinned" && !addresses.hasTyped &&
    (record.isVerified || !standing.has(record));
}

/** Whether a member has said lately that it is live. */
function isConfirmed(
  { confirmedAt, reportedLive }: Peer,
  now: number,
): boolean {
  return reportedLive && now - confirmedAt < RUMOUR_KEPT_MS;
}

/** The pair has another session, or is about to: nothing failed. */
function settledElsewhere(error: VerackError): boolean {
  return error.code === "aborted" || error.code === "duplicate";
}
