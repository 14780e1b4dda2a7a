/**
 * One attempt to reach a peer through a relay: asks up to three members at once, takes the best
 * offer, and opens the session over it; the next three if that fails.
 */
import { type Clock, deadline, type Random } from "../../core/clock.ts";
import { messageOf, VerackError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import { type PeerId, shortId } from "../../core/peer_id.ts";
import type { VerifiedCertificate } from "../../identity/certificate.ts";
import type { OpenOptions, PeerStream } from "../../streams/peer_stream.ts";
import type { Peer } from "../peers/peer.ts";
import type { PeerSession } from "../peers/peer_session.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import {
  bestBid,
  compareCandidates,
  type RelayBid,
  type RelayCandidate,
} from "./relay_choice.ts";
import {
  MAX_RELAY_ROUNDS,
  MAX_RELAYS_ASKED,
  RELAY_RETRIED_MS,
} from "./relay_dialing_limits.ts";
import { isRefusalOfRelay, isRelayFault } from "./relay_fault.ts";
import { encodeRelayTarget, RELAY_GO, RELAY_PROTOCOL } from "./relay_format.ts";
import type { RelayPath } from "./relay_path.ts";
import { type AskedRelay, askRelays } from "./relay_request.ts";
import type { Leg } from "./relayed_sessions.ts";

/** Dependencies of {@linkcode RelayAttempt}. */
export interface RelayAttemptParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Ends the attempt. */
  readonly signal: AbortSignal;
  readonly handshakeTimeoutMs: number;
  readonly table: PeerTable;
  readonly streams: {
    open(id: PeerId, protocol: string, options?: OpenOptions): PeerStream;
  };
  readonly relayed: {
    readonly isPossible: boolean;
    dial(
      stream: PeerStream,
      leg: Leg,
      certificate: VerifiedCertificate,
      signal: AbortSignal,
    ): Promise<PeerSession>;
  };
  /** Connected members that relay, at present. */
  readonly candidates: () => RelayCandidate[];
}

/** A bid that can be taken. */
interface TakenBid extends RelayBid {
  readonly asked: AskedRelay;
}

/** One attempt. */
export class RelayAttempt {
  readonly #parts: RelayAttemptParts;
  readonly #peer: Peer;
  readonly #path: RelayPath;
  readonly #asked = new Set<PeerId>();
  /** Why relays were of no use, by relay. */
  readonly #faults = new Map<PeerId, string>();

  constructor(parts: RelayAttemptParts, peer: Peer, path: RelayPath) {
    this.#parts = parts;
    this.#peer = peer;
    this.#path = path;
  }

  /** Runs it. Never rejects: what failed is in the path. */
  async run(): Promise<void> {
    const { clock, log, random, signal } = this.#parts;
    for (let round = 0; round < MAX_RELAY_ROUNDS; round++) {
      const result = await this.#round();
      if (result === "opened") return;
      if (result === "ended" || this.#isSettled) {
        return this.#path.attemptDropped(clock.monotonic());
      }
      if (result === "useless") break;
    }
    const reason = this.#reason();
    this.#path.attemptFailed({
      asked: this.#asked,
      reason,
      chance: random.float(),
      now: clock.monotonic(),
    });
    if (!signal.aborted) {
      log.debug("no relay", { peer: this.#peer.id, reason });
    }
  }

  /** Whether it is not needed any more. */
  get #isSettled(): boolean {
    return this.#parts.signal.aborted || this.#peer.sessions.length > 0;
  }

  /**
   * `ended`: it is not needed any more; `useless`: there is nothing left to ask, or the peer
   * itself has refused.
   */
  async #round(): Promise<"opened" | "failed" | "ended" | "useless"> {
    const { candidates, clock, signal } = this.#parts;
    const chosen = candidates().filter(({ id }) => !this.#asked.has(id))
      .sort(compareCandidates).slice(0, MAX_RELAYS_ASKED);
    if (chosen.length === 0) return "useless";
    for (const { id } of chosen) this.#asked.add(id);
    const metadata = encodeRelayTarget(this.#peer.id);
    const { offers, refusals } = await askRelays(chosen.map(({ id }) => id), {
      clock,
      signal,
      open: (id) => this.#parts.streams.open(id, RELAY_PROTOCOL, { metadata }),
    });
    const now = clock.monotonic();
    for (const { relay, error } of refusals) {
      this.#faults.set(relay, error.message);
      if (isRefusalOfRelay(error)) this.#path.relayRefused(relay, now);
      else this.#path.relayFailed(relay, now);
    }
    const best = bestBid(offers.map((asked) => this.#bidOf(asked))) as
      | TakenBid
      | undefined;
    for (const { relay, stream } of offers) {
      if (relay === best?.relay) continue;
      stream.abort("another relay is taken");
      // It is the next one if that fails.
      this.#asked.delete(relay);
    }
    if (best === undefined) return "failed";
    if (this.#isSettled) {
      best.asked.stream.abort("no relay is needed any more");
      return "ended";
    }
    return await this.#open(best);
  }

  #bidOf(asked: AskedRelay): TakenBid {
    const { clock, table } = this.#parts;
    const { relay, offer: { hops, load, rttMs }, tookMs } = asked;
    const ownMs = table.get(relay)?.primary?.channel.minRttMs ?? tookMs;
    return {
      asked,
      relay,
      hops,
      load,
      // A relay that has just met the peer has not measured its leg yet.
      rttMs: ownMs + (rttMs === Infinity ? ownMs : rttMs),
      measuredMs: this.#path.measuredMs(relay),
      // Also one that refuses after its offer, or its next offer would be taken again.
      failedAt: this.#path.avoidedAt(relay, clock.monotonic()),
    };
  }

  async #open(
    { hops, relay, asked: { stream } }: TakenBid,
  ): Promise<"opened" | "failed" | "ended" | "useless"> {
    const { clock, handshakeTimeoutMs, relayed, signal, table } = this.#parts;
    const failedAt = this.#path.failedAt(relay, clock.monotonic());
    const limitMs = failedAt === undefined
      ? handshakeTimeoutMs
      : Math.min(handshakeTimeoutMs, RELAY_RETRIED_MS);
    using limit = deadline(clock, limitMs, signal);
    const stop = () => stream.abort("the handshake took too long");
    limit.signal.addEventListener("abort", stop, { once: true });
    try {
      const { certificate } = this.#peer;
      const session = table.get(relay)?.primary;
      if (certificate === undefined || session === undefined) {
        throw new VerackError("closed", "The session with the relay has ended");
      }
      await stream.write(RELAY_GO);
      const leg = { relay: session, hops };
      await relayed.dial(stream, leg, certificate, limit.signal);
      return "opened";
    } catch (error) {
      const refusal = refusalOf(stream);
      stream.abort();
      if (signal.aborted) return "ended";
      this.#faults.set(relay, messageOf(refusal ?? error));
      if (refusal !== undefined) {
        this.#path.relayRefused(relay, clock.monotonic());
        return "failed";
      }
      if (error instanceof VerackError && !isRelayFault(error)) {
        return error.code === "duplicate" ? "ended" : "useless";
      }
      this.#path.relayFailed(relay, clock.monotonic());
      return "failed";
    } finally {
      limit.signal.removeEventListener("abort", stop);
    }
  }

  /** Why no relay could be used. */
  #reason(): string {
    const [first, ...others] = this.#faults;
    if (first === undefined) return "no member that relays is connected";
    const [relay, message] = first;
    const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
    return `${shortId(relay)}: ${message}${more}`;
  }
}

/**
 * Why the relay, or the other end as it says, has refused after the offer was accepted: the
 * connection on the stream says only that it was closed.
 */
function refusalOf({ signal }: PeerStream): VerackError | undefined {
  const reason: unknown = signal.aborted ? signal.reason : undefined;
  return reason instanceof VerackError && isRefusalOfRelay(reason)
    ? reason
    : undefined;
}
