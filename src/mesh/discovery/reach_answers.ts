/**
 * Dials the addresses of peers that request it, and answers at which their key is.
 * Nothing but a pinned TLS handshake is done there, so that a peer can neither have bytes of its
 * choice sent nor find out what else listens: an answer says only where its own key is. An
 * address is dialed if a gossiped one would be, and is at the host that the session shows or in
 * the same scope.
 */
import { type Clock, deadline } from "../../core/clock.ts";
import { TaskSet } from "../../core/task_set.ts";
import { TokenBucket, TokenBuckets } from "../../core/token_bucket.ts";
import type { VerifiedCertificate } from "../../identity/certificate.ts";
import type { Address } from "../../transport/address.ts";
import { classifyIp, innermostIp, type Scope } from "../../transport/scope.ts";
import { COMMAND } from "../../wire/commands.ts";
import { AS_SEEN_HOST } from "../../wire/messages/peers.ts";
import {
  decodeReach,
  encodeReached,
  type ReachStatus,
} from "../../wire/messages/reach.ts";
import type { PeerEvents } from "../peers/peer_events.ts";
import type { PeerSession } from "../peers/peer_session.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import type { Standing } from "../peers/standing.ts";
import {
  MAX_REACH_ANSWERS,
  MAX_REACH_DIALS,
  MAX_REACH_TARGETS,
  REACH_ANSWER_BURST,
  REACH_ANSWER_REFILL_MS,
  REACH_DIAL_MS,
  REACH_STRANGERS_BURST,
  REACH_STRANGERS_REFILL_MS,
  REACH_TARGET_BURST,
  REACH_TARGET_REFILL_MS,
} from "./discovery_limits.ts";

/** Dials for {@linkcode ReachAnswers}. */
export interface ReachDialer {
  /** The IP addresses of an address that a peer in a scope names; throws if it may name none. */
  endpointsOf(
    named: { readonly address: Address; readonly namedFrom: Scope },
    signal: AbortSignal,
  ): Promise<readonly Address[]>;
  /** Whether that key is at an endpoint, by a pinned handshake alone. Never rejects. */
  reaches(
    endpoint: Address,
    certificate: VerifiedCertificate,
    signal: AbortSignal,
  ): Promise<boolean>;
}

/** Dependencies of {@linkcode ReachAnswers}. */
export interface ReachAnswersOptions {
  readonly clock: Clock;
  /** Aborts when the node closes. */
  readonly signal: AbortSignal;
  readonly dialer: ReachDialer;
  readonly table: PeerTable;
  readonly standing: Standing;
  readonly events: PeerEvents;
}

/** A request that is being answered. */
interface Request {
  readonly session: PeerSession;
  /** Those that were begun, at all its addresses. */
  dials: number;
  readonly signal: AbortSignal;
}

/** Answers the requests of the peers of one node. */
export class ReachAnswers {
  readonly #options: ReachAnswersOptions;
  readonly #tasks = new TaskSet();
  readonly #sessions = new WeakMap<PeerSession, TokenBucket>();
  /** Of all peers without standing together. */
  readonly #strangers = new TokenBucket({
    burst: REACH_STRANGERS_BURST,
    refillMs: REACH_STRANGERS_REFILL_MS,
  });
  /** By IP address and port, whichever peer names it. */
  readonly #targets = new TokenBuckets({
    burst: REACH_TARGET_BURST,
    refillMs: REACH_TARGET_REFILL_MS,
  }, MAX_REACH_TARGETS);
  #active = 0;

  constructor(options: ReachAnswersOptions) {
    this.#options = options;
    options.events.on("introduced", ({ session }) => {
      session.channel.handle(
        COMMAND.reach,
        (payload) => this.#onReach(session, payload),
      );
    });
  }

  /** Resolves when no dial is under way any more; the node's signal ends them. */
  async settled(): Promise<void> {
    await this.#tasks.settled();
  }

  #onReach(session: PeerSession, payload: Uint8Array): void {
    const { nonce, addresses } = decodeReach(payload);
    // The address of a relayed session is that of its relay.
    if (session.via !== undefined || !this.#mayAsk(session)) return;
    this.#active++;
    this.#tasks.add((async () => {
      try {
        const results = await this.#tryAll(session, addresses);
        if (session.channel.isOpen) {
          session.channel.send(
            COMMAND.reached,
            encodeReached({ nonce, results }),
          );
        }
      } finally {
        this.#active--;
      }
    })());
  }

  /** Whether a request is answered; others are ignored. */
  #mayAsk(session: PeerSession): boolean {
    const { clock, signal, standing, table } = this.#options;
    if (signal.aborted || this.#active >= MAX_REACH_ANSWERS) return false;
    const now = clock.monotonic();
    const peer = table.get(session.remote.id);
    const isStranger = peer === undefined || !standing.has(peer);
    if (isStranger && !this.#strangers.has(now)) return false;
    let bucket = this.#sessions.get(session);
    if (bucket === undefined) {
      bucket = new TokenBucket({
        burst: REACH_ANSWER_BURST,
        refillMs: REACH_ANSWER_REFILL_MS,
      });
      this.#sessions.set(session, bucket);
    }
    if (!bucket.take(now)) return false;
    return !isStranger || this.#strangers.take(now);
  }

  async #tryAll(
    session: PeerSession,
    addresses: readonly (Address | undefined)[],
  ): Promise<ReachStatus[]> {
    const { clock, signal } = this.#options;
    using limit = deadline(clock, REACH_DIAL_MS, signal);
    const request = { session, dials: 0, signal: limit.signal };
    return await Promise.all(
      addresses.map((address) =>
        address === undefined ? "skipped" as const : this.#try(request, address)
      ),
    );
  }

  async #try(request: Request, named: Address): Promise<ReachStatus> {
    const { clock, dialer } = this.#options;
    const { session, signal } = request;
    const seen = session.remoteAddress.host;
    const address = named.host === AS_SEEN_HOST
      ? { host: seen, port: named.port }
      : named;
    const namedFrom = classifyIp(seen);
    let endpoints: readonly Address[];
    try {
      endpoints = await dialer.endpointsOf({ address, namedFrom }, signal);
    } catch {
      return "skipped";
    }
    const near = endpoints.filter(({ host }) =>
      host === seen || classifyIp(host) === namedFrom
    );
    if (near.length === 0) return "skipped";
    for (const endpoint of near) {
      const target = `${innermostIp(endpoint.host)} ${endpoint.port}`;
      // That none answers is said only of an address of which all were dialed.
      if (
        request.dials >= MAX_REACH_DIALS ||
        !this.#targets.of(target).take(clock.monotonic())
      ) return "skipped";
      request.dials++;
      const { certificate } = session.remote;
      if (await dialer.reaches(endpoint, certificate, signal)) return "reached";
    }
    return "failed";
  }
}
