/**
 * Relays: answers `relay/1` of a peer by an offer, and when that is accepted opens `relayed/1` to
 * the other end and joins the two streams. Leads to peers with a session of this node only, and
 * opens no connection.
 */
import { type Clock, sleep } from "../../core/clock.ts";
import { messageOf, VerackError } from "../../core/errors.ts";
import { FairShare } from "../../core/fair_share.ts";
import type { Log } from "../../core/log.ts";
import type { NodeCounters } from "../../core/node_counters.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { TokenBucket, TokenBuckets } from "../../core/token_bucket.ts";
import type {
  HandleOptions,
  OpenOptions,
  PeerStream,
  RelayedOptions,
  StreamHandler,
} from "../../streams/peer_stream.ts";
import type { AccessRules } from "../peers/access_rules.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import type { Standing } from "../peers/standing.ts";
import {
  decodeRelayGo,
  decodeRelayTarget,
  encodeRelayedHead,
  encodeRelayOffer,
  RELAY_PROTOCOL,
  RELAYED_PROTOCOL,
} from "./relay_format.ts";
import {
  LOGGED_RELAY_REFUSAL_MS,
  LOGGED_RELAY_REFUSALS,
  MAX_RELAY_HOPS,
  MAX_RELAY_OFFERS,
  MAX_RELAY_OFFERS_PER_PEER,
  MAX_RELAY_OFFERS_STRANGERS,
  MAX_RELAY_REQUEST_BUCKETS,
  RELAY_HALF_CLOSED_MS,
  RELAY_IDLE_MS,
  RELAY_OFFER_MS,
  RELAY_REQUEST_BURST,
  RELAY_REQUEST_REFILL_MS,
  RELAY_START_MS,
  RELAY_SWEEP_MS,
  RELAY_TARGET_BURST,
  RELAY_TARGET_REFILL_MS,
  STRANGERS_RELAY_SHARE,
} from "./relay_limits.ts";
import { RelayPair } from "./relay_pair.ts";
import type { RelaySettings } from "./relay_settings.ts";

/** Dependencies of a {@linkcode RelayServer}. */
export interface RelayServerOptions {
  readonly clock: Clock;
  readonly counters: NodeCounters;
  readonly log: Log;
  /** This node. */
  readonly own: PeerId;
  readonly table: PeerTable;
  readonly rules: Pick<AccessRules, "ignoresGossipAbout">;
  readonly standing: Standing;
  readonly streams: {
    handle(
      protocol: string,
      handler: StreamHandler,
      options?: HandleOptions & RelayedOptions,
    ): Disposable;
    open(
      id: PeerId,
      protocol: string,
      options?: OpenOptions & RelayedOptions,
    ): PeerStream;
  };
  /** Absent: this node does not relay, and does not handle `relay/1`. */
  readonly settings: RelaySettings | undefined;
}

/** What a relay carries, and the most that it may. */
export interface RelayUse {
  /** Pairs of members, and the most. */
  readonly pairs: number;
  readonly maxPairs: number;
  /** Offers that are neither accepted nor declined. */
  readonly offers: number;
  /** Bytes a second in the last seconds. */
  readonly bytesPerSecond: number;
  /** The most, if that was set. */
  readonly maxBytesPerSecond?: number;
}

/** The relaying of one node. */
export class RelayServer {
  readonly #options: RelayServerOptions;
  readonly #pairs = new Set<RelayPair>();
  readonly #pairRoom: FairShare;
  readonly #offerRoom: FairShare;
  readonly #requests = new TokenBuckets({
    burst: RELAY_REQUEST_BURST,
    refillMs: RELAY_REQUEST_REFILL_MS,
  }, MAX_RELAY_REQUEST_BUCKETS);
  readonly #targets = new TokenBuckets({
    burst: RELAY_TARGET_BURST,
    refillMs: RELAY_TARGET_REFILL_MS,
  }, 2 * MAX_RELAY_REQUEST_BUCKETS);
  readonly #logged = new TokenBuckets({
    burst: LOGGED_RELAY_REFUSALS,
    refillMs: LOGGED_RELAY_REFUSAL_MS,
  }, MAX_RELAY_REQUEST_BUCKETS);
  readonly #rate: TokenBucket | undefined;
  #handling: Disposable | undefined;
  #sweptAt = -Infinity;
  /** What was relayed by then, and how much a second before it. */
  #sweptBytes = 0;
  #bytesPerSecond = 0;

  constructor(options: RelayServerOptions) {
    this.#options = options;
    const { settings, standing, streams, table } = options;
    const hasStanding = (id: PeerId) => standing.has(table.get(id));
    const maxPairs = settings?.maxPairs ?? 0;
    this.#pairRoom = new FairShare({
      total: maxPairs,
      // Half of a single pair would be none.
      strangers: Math.max(1, STRANGERS_RELAY_SHARE * maxPairs),
      hasStanding,
    });
    this.#offerRoom = new FairShare({
      total: MAX_RELAY_OFFERS,
      perPeer: MAX_RELAY_OFFERS_PER_PEER,
      strangers: MAX_RELAY_OFFERS_STRANGERS,
      hasStanding,
    });
    if (settings === undefined) return;
    const { bytesPerSecond } = settings;
    if (bytesPerSecond < Infinity) {
      // A second's worth at once, as a handshake comes in one piece.
      this.#rate = new TokenBucket({
        burst: bytesPerSecond,
        refillMs: 1_000 / bytesPerSecond,
      });
    }
    // The rooms above decide; each would refuse before this bound does.
    const maxStreams = 4 * (maxPairs + MAX_RELAY_OFFERS);
    this.#handling = streams.handle(
      RELAY_PROTOCOL,
      (it) => this.#answer(it),
      {
        maxStreams,
        isRelayed: true,
      },
    );
  }

  /** Answers none any more, so that a test can be the relay. */
  stop(): void {
    this.#handling?.[Symbol.dispose]();
  }

  /** The pairs that it carries. */
  get pairs(): Iterable<RelayPair> {
    return this.#pairs;
  }

  /** How much it carries; nothing if this node does not relay. */
  get use(): RelayUse | undefined {
    const { settings } = this.#options;
    if (settings === undefined) return undefined;
    const { bytesPerSecond } = settings;
    return {
      pairs: this.#pairs.size,
      maxPairs: settings.maxPairs,
      offers: this.#offerRoom.used,
      bytesPerSecond: this.#bytesPerSecond,
      ...(bytesPerSecond < Infinity && { maxBytesPerSecond: bytesPerSecond }),
    };
  }

  /** Ends pairs that are past their deadline; to be called at each tick. */
  tick(now: number): void {
    const pastMs = now - this.#sweptAt;
    if (pastMs < RELAY_SWEEP_MS) return;
    this.#sweptAt = now;
    const { relayedBytes } = this.#options.counters;
    this.#bytesPerSecond = Math.round(
      1_000 * (relayedBytes - this.#sweptBytes) / pastMs,
    );
    this.#sweptBytes = relayedBytes;
    for (const pair of this.#pairs) {
      const why = overdue(pair, now);
      if (why === undefined) continue;
      pair.refuse(new VerackError("timeout", `Relayed pair closed: ${why}`));
    }
  }

  async #answer(stream: PeerStream): Promise<void> {
    try {
      const target = decodeRelayTarget(stream.metadata);
      this.#takeRequest(stream.peer);
      const isAccepted = await this.#offer(stream, target);
      if (isAccepted) await this.#join(stream, target);
    } catch (error) {
      // Else it has ended by itself, by its session, or by a deadline.
      if (!stream.signal.aborted) this.#refuse(stream, error);
    }
  }

  /** Makes an offer; resolves with whether it was accepted. */
  async #offer(stream: PeerStream, target: PeerId): Promise<boolean> {
    const { clock } = this.#options;
    using place = this.#offerRoom.take(stream.peer);
    if (place === undefined) {
      throw new VerackError("full", "too many offers are not decided");
    }
    const { hops, rttMs } = this.#route(stream.peer, target);
    if (this.#pairRoom.used >= (this.#options.settings?.maxPairs ?? 0)) {
      throw new VerackError("full", "it relays as much as it may");
    }
    const cancel = clock.after(RELAY_OFFER_MS, () => {
      stream.refuse(
        new VerackError(
          "timeout",
          `its offer holds for ${RELAY_OFFER_MS} ms`,
        ),
      );
    });
    try {
      await stream.write(encodeRelayOffer({ hops, rttMs, load: this.#load }));
      const go = new Uint8Array(1);
      if (await stream.read(go) === null) return false;
      decodeRelayGo(go[0]!);
      return true;
    } finally {
      cancel();
    }
  }

  async #join(stream: PeerStream, target: PeerId): Promise<void> {
    const { clock, counters, log, streams } = this.#options;
    const { peer: from } = stream;
    using place = this.#pairRoom.take(from);
    if (place === undefined) {
      throw new VerackError("full", "it relays as much as it may");
    }
    // Sessions may have changed since the offer.
    const { hops } = this.#route(from, target);
    this.#takeTarget(from, target);
    const opened = streams.open(target, RELAYED_PROTOCOL, {
      metadata: encodeRelayedHead({ from, hops }),
      isRelayed: true,
    });
    const pair = new RelayPair(stream, opened, {
      now: () => clock.monotonic(),
      admit: (bytes) => this.#admit(bytes, stream.signal),
    });
    this.#pairs.add(pair);
    counters.relaysOpened++;
    log.debug("relayed pair joined", { peer: from, to: target, hops });
    try {
      await pair.run();
    } finally {
      this.#pairs.delete(pair);
      const { bytes } = pair;
      log.debug("relayed pair ended", { peer: from, to: target, bytes });
    }
  }

  /** Counts bytes; resolves when they may be sent on. */
  #admit(bytes: number, signal: AbortSignal): Promise<void> | undefined {
    const { clock, counters } = this.#options;
    counters.relayedBytes += bytes;
    if (this.#rate === undefined) return undefined;
    const now = clock.monotonic();
    this.#rate.spend(bytes, now);
    const debtMs = this.#rate.debtMs(now);
    return debtMs > 0 ? sleep(clock, debtMs, signal) : undefined;
  }

  /** The sessions that a pair would use. Throws why this node does not relay it. */
  #route(from: PeerId, target: PeerId): { hops: number; rttMs: number } {
    const { own, rules, table } = this.#options;
    if (target === own) refuse("not-allowed", "the other end is the relay");
    if (target === from) refuse("not-allowed", "both ends are the same peer");
    const opener = table.get(from)?.primary;
    const other = table.get(target)?.primary;
    // Other peers must not find out which ones are denied: the same as for an unknown one.
    const isRefused = rules.ignoresGossipAbout(target) ||
      !other?.channel.isOpen;
    if (isRefused || opener === undefined || other === undefined) {
      return refuse("not-connected", "no session with the other end");
    }
    const hops = opener.hops + other.hops;
    if (hops > MAX_RELAY_HOPS) {
      return refuse(
        "not-allowed",
        `${hops} hops, must be at most ${MAX_RELAY_HOPS}`,
      );
    }
    return { hops, rttMs: other.channel.minRttMs ?? Infinity };
  }

  #takeRequest(peer: PeerId): void {
    const { clock } = this.#options;
    if (this.#requests.of(peer).take(clock.monotonic())) return;
    refuse("full", "too many requests to relay");
  }

  /**
   * Pairs that are accepted and given up again cost the session with the target what this node
   * may give up there; strangers have a share of their own.
   */
  #takeTarget(from: PeerId, target: PeerId): void {
    const { clock, standing, table } = this.#options;
    const kind = standing.has(table.get(from)) ? "members" : "strangers";
    const bucket = this.#targets.of(`${target} ${kind}`);
    if (bucket.take(clock.monotonic())) return;
    refuse("full", "too many requests to relay to that peer");
  }

  /** The share of its bounds that is used, the largest. */
  get #load(): number {
    const { clock, settings } = this.#options;
    const pairs = this.#pairRoom.used / (settings?.maxPairs ?? 1);
    const isSaturated = (this.#rate?.debtMs(clock.monotonic()) ?? 0) > 0;
    return isSaturated ? 1 : pairs;
  }

  #refuse(stream: PeerStream, error: unknown): void {
    const { clock, counters, log } = this.#options;
    const { peer } = stream;
    const isOwn = error instanceof VerackError;
    counters[refusedAs(error)]++;
    if (this.#logged.of(peer).take(clock.monotonic())) {
      log.debug("request to relay refused", { peer, reason: messageOf(error) });
    }
    stream.refuse(isOwn ? error : new VerackError("failed", messageOf(error)));
  }
}

/** Why a pair is closed now, if it is. */
function overdue(pair: RelayPair, now: number): string | undefined {
  const { halfClosedAt, hasBegun, lastAt, since } = pair;
  if (!hasBegun && now - since >= RELAY_START_MS) {
    return `an end sent nothing within ${RELAY_START_MS} ms`;
  }
  if (now - lastAt >= RELAY_IDLE_MS) {
    return `nothing came for ${RELAY_IDLE_MS} ms`;
  }
  if (
    halfClosedAt !== undefined && now - halfClosedAt >= RELAY_HALF_CLOSED_MS
  ) {
    return `one end has ended ${RELAY_HALF_CLOSED_MS} ms ago`;
  }
  return undefined;
}

/** Which counter has it. */
function refusedAs(
  error: unknown,
): "relaysRefusedFull" | "relaysRefusedNotConnected" | "relaysRefusedOther" {
  const code = error instanceof VerackError ? error.code : undefined;
  if (code === "full") return "relaysRefusedFull";
  return code === "not-connected"
    ? "relaysRefusedNotConnected"
    : "relaysRefusedOther";
}

function refuse(
  code: "full" | "not-allowed" | "not-connected",
  why: string,
): never {
  throw new VerackError(code, why);
}
