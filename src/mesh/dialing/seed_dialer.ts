/**
 * Dials a configured address for the members it leads to. A name is resolved at each attempt,
 * and all its endpoints are contacted, also after one has answered or it has led to a member,
 * as it may lead to others by then. An endpoint that is this node itself is skipped for a
 * while. `dialer.ts` decides when an attempt is due.
 */
import { type Clock, type Random, sleep } from "../../core/clock.ts";
import { type PeerId, shortId } from "../../core/peer_id.ts";
import { MAX_ADDRESSES_PER_PEER, RECONNECT_MIN_MS } from "../mesh_limits.ts";
import {
  MAX_MEMBERS_PER_NAME,
  NAME_LOOKUP_MS,
  NAME_REFRESH_MS,
  OWN_HOST_MS,
} from "./dialing_limits.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import { AddressQueue, raceAddresses } from "./address_race.ts";
import type { Log } from "../../core/log.ts";
import type { Emit } from "../events.ts";
import type { PeerMemory } from "../peers/peer_memory.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import type { AddressDialer, DialTarget } from "./address_dialer.ts";
import {
  type DialFailureReporter,
  type EndpointFailure,
  failureAt,
  faultOf,
  itself,
  WrongIdentityError,
} from "./dial_failure.ts";
import type { Peer } from "../peers/peer.ts";
import { type Seed, seedsOf } from "./seeds.ts";

/** The result of one attempt. */
interface Findings {
  /** There is a session with a member at one of the endpoints. */
  found: boolean;
  /** A dial to one is under way already. */
  underway: boolean;
  /** One of the endpoints is this node. */
  self: boolean;
  /** Endpoints with an identity to which the seed did not lead before. */
  readonly strangers: EndpointFailure[];
  readonly failures: EndpointFailure[];
}

/** Dependencies of {@linkcode SeedDialer}. */
export interface SeedDialerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Aborts when the node closes. */
  readonly signal: AbortSignal;
  /** This node. */
  readonly own: PeerId;
  readonly table: PeerTable;
  readonly memory: PeerMemory;
  readonly addresses: AddressDialer;
  readonly reporter: DialFailureReporter;
  readonly emit: Emit;
}

/** The seeds of one node. */
export class SeedDialer {
  readonly seeds: readonly Seed[];
  readonly #options: SeedDialerOptions;

  constructor(options: SeedDialerOptions, addresses: readonly Address[]) {
    this.#options = options;
    this.seeds = seedsOf(options.table, addresses);
  }

  /** Whether an address is a name whose members are found here, not peer by peer. */
  looksUp(address: Address): boolean {
    const shown = formatAddress(address);
    return this.seeds.some((seed) =>
      seed.isName && formatAddress(seed.address) === shown
    );
  }

  /** The seed that is held to this identity at this address. */
  heldTo(id: PeerId, address: Address): Seed | undefined {
    const shown = formatAddress(address);
    return this.seeds.find((seed) =>
      seed.identities.has(id) && formatAddress(seed.address) === shown
    );
  }

  /**
   * The peer is gone for good with its key: seeds that had become its addresses accept the next
   * one that answers.
   */
  release(id: PeerId): void {
    const now = this.#options.clock.monotonic();
    for (const seed of this.seeds) {
      if (!seed.identities.delete(id)) continue;
      seed.former = id;
      if (seed.identities.size === 0) again(seed, now);
    }
  }

  /** A name is resolved again soon when none of its members is up any more. */
  notice(now: number): void {
    for (const seed of this.seeds) {
      if (seed.found && seed.isName && !this.#leadsToPeer(seed)) {
        again(seed, now);
      }
    }
  }

  /**
   * Ends the attempts under way, of which nothing follows but that the next ones are due: what
   * they hang at may have nothing to do with the addresses.
   */
  stop(reason: Error): void {
    for (const { attempt, schedule } of this.seeds) {
      if (attempt === undefined) continue;
      schedule.resumed();
      attempt.abort(reason);
    }
  }

  /** One attempt. Never rejects. */
  async dial(seed: Seed): Promise<void> {
    const { clock } = this.#options;
    const attempt = seed.attempt = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, attempt.signal]);
    const findings: Findings = {
      found: false,
      underway: false,
      self: false,
      strangers: [],
      failures: [],
    };
    try {
      const queue = new AddressQueue(
        await this.#options.addresses.endpointsOf(seed, signal),
        formatAddress,
      );
      await using _ = this.#refreshing(seed, queue, signal);
      await raceAddresses(queue, {
        clock,
        signal,
        parallel: MAX_ADDRESSES_PER_PEER,
        attempt: async (endpoint, { signal }) => {
          await this.#try(seed, endpoint, findings, signal);
          // The next endpoint may be another member.
          return false;
        },
      });
    } catch (error) {
      const known = faultOf(error, this.#options);
      if (known !== undefined) {
        findings.failures.push({ endpoint: seed.address, error: known });
      }
    } finally {
      seed.attempt = undefined;
    }
    if (!signal.aborted) this.#conclude(seed, findings);
  }

  /** Resolves a name again while endpoints hang, so that those do not delay new ones. */
  #refreshing(
    seed: Seed,
    queue: AddressQueue<Address>,
    stopped: AbortSignal,
  ): AsyncDisposable {
    const over = new AbortController();
    const signal = AbortSignal.any([stopped, over.signal]);
    const refresh = async () => {
      while (seed.isName) {
        await sleep(this.#options.clock, NAME_REFRESH_MS, signal);
        const found = await this.#options.addresses.endpointsOf(seed, signal)
          .catch(() => []);
        queue.add(found);
      }
    };
    // Ends by the signal.
    const task = refresh().catch(() => {});
    return {
      async [Symbol.asyncDispose]() {
        over.abort();
        await task;
      },
    };
  }

  async #try(
    seed: Seed,
    endpoint: Address,
    findings: Findings,
    signal: AbortSignal,
  ): Promise<void> {
    const { addresses, clock, own, table } = this.#options;
    if ((seed.ownHosts.get(endpoint.host) ?? 0) > clock.monotonic()) {
      findings.self = true;
      return;
    }
    const there = this.#peerAt(endpoint);
    if (there !== undefined && this.#adopt(seed, there.id)) {
      findings.found = true;
      return;
    }
    let shown: PeerId | undefined;
    const target: DialTarget = {
      address: seed.address,
      endpoint,
      onIdentity: (id) => {
        shown = id;
        if (id === own) return true;
        if (!this.#welcomes(seed, id)) {
          findings.strangers.push(stranger(seed, endpoint, id));
          return false;
        }
        const peer = table.get(id);
        const isUp = peer?.hasDirect === true;
        if (!isUp && !peer?.isDialing) return true;
        const adopted = this.#adopt(seed, id);
        findings.found ||= adopted && isUp;
        findings.underway ||= !isUp;
        return false;
      },
    };
    try {
      const session = await addresses.dial(target, signal);
      if (session === undefined) return;
      // If it is lost again already, the next attempt is soon.
      if (this.#adopt(seed, session.remote.id)) findings.found = true;
      else findings.underway = true;
    } catch (error) {
      const known = faultOf(error, this.#options);
      if (known === undefined) return;
      // Only our own check counts here, or a stranger at the address could prevent further
      // attempts.
      if (known.code === "self" && shown === own) {
        findings.self = true;
        seed.ownHosts.set(endpoint.host, clock.monotonic() + OWN_HOST_MS);
      } // Another session with it is open, or will be.
      else if (known.code === "duplicate") findings.underway = true;
      else findings.failures.push({ endpoint, error: known });
    }
  }

  /** Reports the result, and schedules the next attempt. */
  #conclude(seed: Seed, findings: Findings): void {
    const { clock, random, table } = this.#options;
    const now = clock.monotonic();
    const { found, underway, self, strangers, failures } = findings;
    const later = now + NAME_LOOKUP_MS * (0.5 + random.float());
    seed.found = found;
    if (found) {
      this.#options.reporter.clear(seed.address);
      // The others are accepted now that a known member is there, too.
      const welcome = strangers.length > 0 && this.#leadsToPeer(seed);
      seed.schedule.succeeded(welcome ? now + RECONNECT_MIN_MS : later);
      return;
    }
    const failed = [...strangers, ...failures];
    if (underway) this.#options.reporter.clear(seed.address);
    else if (failed.length > 0) {
      this.#options.reporter.failed(
        seed.address,
        failureAt(seed.address, failed),
      );
    } else if (self) {
      this.#options.reporter.failed(seed.address, itself(seed.address));
    }
    const isPending = failures.some(({ error }) =>
      error.code === "not-admitted"
    );
    const isAlone = table.connected().length === 0;
    // Without a session it is the only way to others, and is tried again soon.
    const mayChange = seed.isName || self;
    if (isPending || (mayChange && isAlone)) seed.schedule.unadmitted();
    seed.schedule.failed();
    if (self && !isAlone && !underway) seed.schedule.postpone(later);
    else seed.schedule.retry(now, random.float());
  }

  /**
   * Whether an identity is accepted at a seed: the first one there, a known one, any if the key
   * of the former ones lived in memory only; and of a name that leads to a connected peer every
   * one, as its members change.
   */
  #welcomes(seed: Seed, id: PeerId): boolean {
    const { table } = this.#options;
    if (seed.identities.has(id)) return true;
    const isKnown = table.get(id)?.isKnown === true;
    return seed.isName && (isKnown || this.#leadsToPeer(seed)) ||
      [...seed.identities].every((it) => isGone(table.get(it)));
  }

  #leadsToPeer({ identities }: Seed): boolean {
    return [...identities].some((it) => this.#options.table.get(it)?.up);
  }

  /** The peer that was dialed at this endpoint and still has a session. */
  #peerAt({ host, port }: Address): Peer | undefined {
    return this.#options.table.connected().find(({ sessions }) =>
      sessions.some(({ endpoint }) =>
        endpoint?.host === host && endpoint.port === port
      )
    );
  }

  /** Makes the seed an address of this peer; false if the peer is gone already. */
  #adopt(seed: Seed, id: PeerId): boolean {
    const { table, memory } = this.#options;
    const peer = table.get(id);
    if (peer === undefined) return false;
    if (seed.identities.delete(id)) seed.former = undefined;
    for (const other of seed.identities) {
      const isSurplus = seed.identities.size >= MAX_MEMBERS_PER_NAME;
      const former = table.get(other);
      if (!isSurplus && !isGone(former)) continue;
      seed.identities.delete(other);
      if (isGone(former)) seed.former = other;
      if (former === undefined) continue;
      former.movedFrom(seed.address);
      memory.save(former);
    }
    this.#tellOfFormer(seed, id);
    seed.identities.add(id);
    if (peer.addresses.get(seed.address)?.configured) return true;
    peer.configured(seed.address);
    memory.save(peer);
    return true;
  }

  /**
   * Another identity is accepted in the place of one that is gone, which is reported, as it may
   * be another node.
   */
  #tellOfFormer(seed: Seed, id: PeerId): void {
    const { emit, log } = this.#options;
    const { former } = seed;
    seed.former = undefined;
    if (former === undefined || former === id) return;
    // Members of a name may change.
    if (seed.identities.size > 0) return;
    const address = formatAddress(seed.address);
    log.warn("replaced", {
      address,
      former: shortId(former),
      id: shortId(id),
    });
    emit({ type: "replaced", address, former, id });
  }
}

/** Whether a peer has most likely taken its key with it. */
function isGone(peer: Peer | undefined): boolean {
  return peer === undefined ||
    (peer.ephemeral && peer.sessions.length === 0);
}

function again(seed: Seed, now: number): void {
  seed.found = false;
  seed.schedule.restart(now);
}

function stranger(
  seed: Seed,
  endpoint: Address,
  actual: PeerId,
): EndpointFailure {
  const [expected = actual] = seed.identities;
  const error = new WrongIdentityError(endpoint, expected, actual);
  return { endpoint, error };
}
