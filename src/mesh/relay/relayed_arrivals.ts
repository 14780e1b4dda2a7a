/**
 * Accepts what relays bring: a stream for each member that dials this node through one. What
 * the relay says of that member is a claim, which the session must prove; until then these
 * connections are bounded for each relay, so that one that floods takes room from no other.
 */
import type { Clock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import { FairShare } from "../../core/fair_share.ts";
import { type PeerId, shortId } from "../../core/peer_id.ts";
import { TokenBuckets } from "../../core/token_bucket.ts";
import type {
  HandleOptions,
  PeerStream,
  StreamHandler,
} from "../../streams/peer_stream.ts";
import type { AccessRules } from "../peers/access_rules.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import type { Standing } from "../peers/standing.ts";
import {
  MAX_PENDING_RELAYED,
  MAX_PENDING_RELAYED_PER_RELAY,
  MAX_PENDING_RELAYED_STRANGERS,
  MAX_RELAYED_BUCKETS,
  RELAYED_BURST,
  RELAYED_REFILL_MS,
} from "./relay_dialing_limits.ts";
import { decodeRelayedHead, RELAYED_PROTOCOL } from "./relay_format.ts";
import type { Leg } from "./relayed_sessions.ts";

/** Dependencies of {@linkcode RelayedArrivals}. */
export interface RelayedArrivalsOptions {
  readonly clock: Clock;
  /** This node. */
  readonly own: PeerId;
  readonly table: PeerTable;
  readonly rules: Pick<AccessRules, "isDenied">;
  readonly standing: Standing;
  readonly streams: {
    handle(
      protocol: string,
      handler: StreamHandler,
      options?: HandleOptions,
    ): Disposable;
  };
  readonly relayed: {
    readonly isPossible: boolean;
    /** See `RelayedSessions.accept`. */
    accept(
      stream: PeerStream,
      leg: Leg,
      claimed: PeerId,
      onSettled: () => void,
    ): Promise<void>;
  };
}

/** The accepting end of relayed sessions of one node. */
export class RelayedArrivals {
  readonly #options: RelayedArrivalsOptions;
  readonly #rates = new TokenBuckets({
    burst: RELAYED_BURST,
    refillMs: RELAYED_REFILL_MS,
  }, MAX_RELAYED_BUCKETS);
  readonly #pending: FairShare;
  readonly #handling: Disposable;

  constructor(options: RelayedArrivalsOptions) {
    this.#options = options;
    const { standing, streams, table } = options;
    this.#pending = new FairShare({
      total: MAX_PENDING_RELAYED,
      perPeer: MAX_PENDING_RELAYED_PER_RELAY,
      strangers: MAX_PENDING_RELAYED_STRANGERS,
      hasStanding: (id) => standing.has(table.get(id)),
    });
    this.#handling = streams.handle(
      RELAYED_PROTOCOL,
      (stream) => this.#arrived(stream),
    );
  }

  /** Accepts none any more, so that a test can be the other end. */
  stop(): void {
    this.#handling[Symbol.dispose]();
  }

  /** Connections with a peer that is not proven yet. */
  get size(): number {
    return this.#pending.used;
  }

  async #arrived(stream: PeerStream): Promise<void> {
    const { clock, relayed, table } = this.#options;
    const { from, hops } = decodeRelayedHead(stream.metadata);
    const relay = table.get(stream.peer)?.primary;
    const refusal = this.#refusal(stream.peer, from);
    if (refusal !== undefined || relay === undefined) {
      return stream.refuse(refusal ?? gone(stream.peer));
    }
    const isPaced = this.#rates.of(stream.peer).take(clock.monotonic());
    const place = isPaced ? this.#pending.take(stream.peer) : undefined;
    if (place === undefined) return stream.refuse(full(stream.peer));
    const settled = () => place[Symbol.dispose]();
    try {
      await relayed.accept(stream, { relay, hops }, from, settled);
    } finally {
      settled();
    }
  }

  #refusal(relay: PeerId, from: PeerId): VerackError | undefined {
    const { own, relayed, rules } = this.#options;
    if (from === own || from === relay) {
      const what = from === own ? "this node itself" : "the relay itself";
      return refused("not-allowed", from, `it is ${what}`);
    }
    if (rules.isDenied(from)) {
      return refused("not-allowed", from, "it is denied here");
    }
    if (!relayed.isPossible) {
      return refused(
        "not-allowed",
        from,
        "TLS cannot be run over a stream at this node",
      );
    }
    return undefined;
  }
}

function refused(
  code: "full" | "not-allowed",
  from: PeerId,
  why: string,
): VerackError {
  const what = `Cannot accept ${shortId(from)} through a relay: ${why}`;
  return new VerackError(code, what);
}

function full(relay: PeerId): VerackError {
  return new VerackError(
    "full",
    `Cannot accept more connections through relay ${
      shortId(relay)
    } now: at most ${MAX_PENDING_RELAYED_PER_RELAY} of one relay may wait for their proof, and ${RELAYED_BURST} may come at once`,
  );
}

function gone(relay: PeerId): VerackError {
  return new VerackError(
    "not-connected",
    `The session with relay ${shortId(relay)} has ended`,
  );
}
