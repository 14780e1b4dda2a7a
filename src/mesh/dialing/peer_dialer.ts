/**
 * One round of dialing one peer: its addresses are raced, and the endpoints of each name; then
 * the addresses and the peer are updated by the outcome. `dialer.ts` decides when a round is
 * due.
 */
import { VerackError } from "../../core/errors.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { MAX_ADDRESSES_PER_PEER } from "../mesh_limits.ts";
import { MAX_GOSSIP_ADDRESSES_AT_ONCE } from "./dialing_limits.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import { orderAddresses, type Site } from "./address_order.ts";
import { AddressQueue, type Attempt, raceAddresses } from "./address_race.ts";
import {
  type GrantedDial,
  leftAlone,
  UnverifiedDials,
} from "./dial_targets.ts";
import { type Clock, DeadlineError } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { PeerMemory } from "../peers/peer_memory.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import type { SeenPlaces } from "../peers/seen_places.ts";
import type { Standing } from "../peers/standing.ts";
import type { AddressDialer, DialTarget } from "./address_dialer.ts";
import type { DialBudget } from "./dial_budget.ts";
import {
  type DialFailureReporter,
  type EndpointFailure,
  failureAt,
  faultOf,
  WrongIdentityError,
} from "./dial_failure.ts";
import type { PeerAddress } from "../peers/peer_addresses.ts";
import type { DialShare, Peer } from "../peers/peer.ts";
import { NearDials } from "./near_dials.ts";
import type { SeedDialer } from "./seed_dialer.ts";

/** An address, and whether it is one of `near_addresses.ts`. */
interface TriedAddress extends PeerAddress {
  readonly isNear: boolean;
}

/** One round of dialing a peer. */
interface Round {
  readonly peer: Peer;
  readonly queue: AddressQueue<TriedAddress>;
  readonly share: DialShare;
  /** Addresses tried at once. */
  readonly parallel: number;
  /** Whether something was dialed or resolved without success, rather than skipped. */
  dialed: boolean;
}

/** Why a dial ends that has had its time while another source waits. */
class GaveWay extends DeadlineError {}

/**
 * Ends a round that has had its time while another source waits. As a timeout, so that a host
 * whose TLS handshakes hang is recorded (`stalled_hosts.ts`).
 */
export function giveWay(peer: Peer): void {
  peer.stopDialing(new GaveWay("No answer yet, and others wait"));
}

/** Dependencies of {@linkcode PeerDialer}. */
export interface PeerDialerOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts when the node closes. */
  readonly signal: AbortSignal;
  readonly table: PeerTable;
  readonly memory: PeerMemory;
  readonly standing: Standing;
  readonly addresses: AddressDialer;
  readonly reporter: DialFailureReporter;
  readonly seeds: SeedDialer;
  readonly budget: DialBudget;
  readonly site: Site;
  readonly places: SeenPlaces;
}

/** Dials the peers of one node. */
export class PeerDialer {
  readonly #options: PeerDialerOptions;
  readonly #rounds = new Set<Round>();
  readonly #unverified: UnverifiedDials;
  readonly #near: NearDials;

  constructor(options: PeerDialerOptions) {
    this.#options = options;
    const { budget, clock, standing } = options;
    this.#unverified = new UnverifiedDials(clock, standing, budget);
    this.#near = new NearDials(options);
  }

  /**
   * Addresses that were learned meanwhile are tried, too: those before may hang. `peer` may have
   * near ones now, and is due if so.
   */
  refresh(peer?: Peer): void {
    if (peer !== undefined) this.#near.hurry(peer);
    for (const { peer, queue } of this.#rounds) {
      queue.add(this.#addressesOf(peer));
    }
  }

  /**
   * One round. Never rejects; true if nothing was reached.
   * `onReached` is called when TLS has verified the peer.
   */
  async dial(
    peer: Peer,
    onReached: () => void,
  ): Promise<boolean> {
    const { clock } = this.#options;
    const stopped = peer.dialStarted();
    const signal = AbortSignal.any([this.#options.signal, stopped]);
    const queue = new AddressQueue(
      this.#addressesOf(peer),
      // One that was no near address when it was tried may be one now.
      ({ address, isNear }) => `${formatAddress(address)} ${isNear}`,
    );
    const share = peer.dialShare;
    const parallel = share === "gossip"
      ? MAX_GOSSIP_ADDRESSES_AT_ONCE
      : MAX_ADDRESSES_PER_PEER;
    const round: Round = {
      peer,
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
    peer.dialEnded();
    const { reason } = stopped;
    const gaveWay = reason instanceof GaveWay;
    const failed = gaveWay || (!served && !signal.aborted);
    if (failed && !peer.hasDirect) this.#backOff(round);
    // A target that was skipped cost nothing.
    return failed && round.dialed;
  }

  /** The addresses to try; names that were configured without an identity are resolved as seeds. */
  #addressesOf(peer: Peer): TriedAddress[] {
    const { seeds, site } = this.#options;
    const addresses = peer.addresses.list().filter(({ address, configured }) =>
      !configured || !seeds.looksUp(address)
    );
    const near = new Set(
      this.#near.of(peer).map(({ address }) => formatAddress(address)),
    );
    return orderAddresses(addresses, site).map((entry) =>
      near.has(formatAddress(entry.address))
        ? { ...entry, namedFrom: "private", isNear: true }
        : { ...entry, isNear: false }
    );
  }

  /** True if no other address must be tried. */
  async #tryAddress(
    round: Round,
    entry: TriedAddress,
    attempt: Attempt,
  ): Promise<boolean> {
    const { peer, parallel } = round;
    const { address } = entry;
    const failures: EndpointFailure[] = [];
    try {
      const { signal, reached } = attempt;
      const endpoints = await this.#options.addresses.endpointsOf(
        entry,
        signal,
      );
      const served = await raceAddresses(endpoints, {
        clock: this.#options.clock,
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
      if (served) this.#options.reporter.clear(address);
      if (served || signal.aborted || failures.length === 0) return true;
    } catch (error) {
      const known = faultOf(error, this.#options);
      if (known === undefined || settledElsewhere(known)) return true;
      // A name without addresses.
      round.dialed = true;
      failures.push({ endpoint: address, error: known });
    }
    const error = failureAt(address, failures);
    if (failures.some((it) => it.error.code === "not-admitted")) {
      peer.refusedUs();
    }
    const strangers = failures.flatMap((it) =>
      it.error instanceof WrongIdentityError ? it.error.actual : []
    );
    const [actual] = strangers;
    const lapsed = actual !== undefined &&
      strangers.length === failures.length &&
      this.#misplaced(peer, entry, actual);
    if (entry.configured && !lapsed) {
      this.#options.reporter.failed(address, error, peer.id);
    }
    return false;
  }

  /** True if no other endpoint must be tried. */
  async #tryEndpoint(
    round: Round,
    entry: TriedAddress,
    endpoint: Address,
    failures: EndpointFailure[],
    { signal, reached }: Attempt,
  ): Promise<boolean> {
    const { peer } = round;
    if (peer.hasDirect) return true;
    const dial = this.#begin(round, entry, endpoint);
    if (dial instanceof VerackError) {
      failures.push({ endpoint, error: dial });
      return false;
    }
    round.dialed = true;
    const target: DialTarget = {
      address: entry.address,
      endpoint,
      expected: peer.id,
      ...(peer.certificate && { certificate: peer.certificate }),
      pinnedOnly: entry.isNear,
      onReached: () => {
        dial.answered();
        reached();
      },
    };
    try {
      await this.#options.addresses.dial(target, signal);
      return true;
    } catch (error) {
      const known = faultOf(error, this.#options);
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

  /** The dial, or why it must not be made now. */
  #begin(
    round: Round,
    entry: TriedAddress,
    endpoint: Address,
  ): GrantedDial | VerackError {
    const { peer } = round;
    if (!entry.isNear) {
      return this.#unverified.begin({ ...round, entry, endpoint });
    }
    const near = this.#near.begin(peer);
    if (near === undefined) return leftAlone(endpoint);
    const dial = this.#unverified.begin({ ...round, entry, endpoint });
    if (dial instanceof VerackError) {
      near.answered();
      near.end();
      return dial;
    }
    return {
      answered: () => {
        near.answered();
        dial.answered();
      },
      end: () => {
        near.end();
        dial.end();
      },
    };
  }

  /** Another identity was found where one was dialed: if it has no session, it is dialed now. */
  #sees(endpoint: Address, id: PeerId): void {
    this.#unverified.shows(endpoint, id);
    this.#options.table.get(id)?.hurryIfAt(endpoint);
  }

  /**
   * Another identity is at an address of this peer: the address is wrong, not the
   * peer. True if a pin ended with its key, which is no alarm.
   */
  #misplaced(
    peer: Peer,
    entry: PeerAddress,
    actual: PeerId,
  ): boolean {
    const { table, log, memory, standing } = this.#options;
    const address = formatAddress(entry.address);
    const seed = this.#options.seeds.heldTo(peer.id, entry.address);
    // A pin on a key that lived in memory ends with it, so that a restarted seed is accepted.
    const lapses = seed !== undefined && peer.ephemeral;
    if (entry.configured && !lapses) return false;
    peer.movedFrom(entry.address);
    memory.save(peer);
    log.debug("address dropped", { address, actual });
    if (lapses) {
      this.#options.seeds.release(peer.id);
      this.#options.reporter.clear(entry.address);
    }
    const mayBeGone = peer.isVerified ? peer.ephemeral : !standing.has(peer);
    // Members that have a session with it gossip its address.
    if (mayBeGone && !peer.reportedLive && peer.addresses.size === 0) {
      table.forget(peer);
    }
    return lapses;
  }

  #backOff({ peer, dialed }: Round): void {
    const { clock, table } = this.#options;
    peer.dialFailed(dialed);
    if (peer.isForgettable(clock.monotonic())) table.forget(peer);
  }
}

/** The pair has another session, or will have one: nothing failed. */
function settledElsewhere(error: VerackError): boolean {
  return error.code === "aborted" || error.code === "duplicate";
}
