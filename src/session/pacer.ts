/**
 * Limits the unconfirmed bytes of one session to the measured delivery rate times
 * the shortest round trip and a few hundred milliseconds. A ping after every few
 * kilobytes confirms what has arrived, also through a relay that accepts everything
 * at once and forwards it slowly.
 *
 * The estimate follows BBR (draft-ietf-ccwg-bbr): the highest rate of the last
 * rounds, sampled at most as fast as the bytes were sent.
 */
import type { Clock } from "../core/clock.ts";
import {
  BASE_RTT_PERIOD_MS,
  INITIAL_FLIGHT_BYTES,
  MAX_FLIGHT_BYTES,
  MAX_PACING_PINGS,
  MIN_FLIGHT_BYTES,
  MIN_PACING_STEP_BYTES,
  MIN_SHORT_FLIGHT_BYTES,
  OVERTAKE_SHARE,
  PACING_QUEUE_MS,
  PACING_RATE_MS,
  PACING_RATE_ROUNDS,
  SHORT_FLIGHT_ROUND_TRIPS,
  SHORT_STEP_SHARE,
} from "./session_limits.ts";
import type { Pacing } from "./send_turns.ts";

/** Round trips of data in flight while the rate still rises. */
const STARTUP_ROUND_TRIPS = 2;

/** The rate still rises until so many rounds have not raised it by this factor. */
const STARTUP_GROWTH = 1.25;
const STARTUP_FLAT_ROUNDS = 3;

/** Share of the window in use while the shortest round trip is measured anew. */
const PROBE_SHARE = 0.25;

/** A round trip of at most this factor confirms the shortest one. */
const SAME_FACTOR = 1.125;

/** A round trip that is longer by this factor is that of another path. */
const LONGER_FACTOR = 2;

/** Shortest time over which a rate is measured, milliseconds, as clocks are coarse. */
const MIN_INTERVAL_MS = 1;

/** Settings of a {@linkcode Pacer}. */
export interface PacerOptions {
  readonly clock: Clock;
  /** Sends a ping and reports whether it was answered; false if it cannot be sent. */
  readonly ping: (settle: (answered: boolean) => void) => boolean;
  /** The shortest round trip of the session so far, if one was measured. */
  readonly minRttMs: () => number | undefined;
}

/** State when a ping was sent. */
interface Mark {
  /** Bytes queued before it. */
  readonly position: number;
  readonly sentAt: number;
  readonly confirmed: number;
  readonly confirmedAt: number;
  readonly roundSentAt: number;
  /** So little was in flight that it measures the shortest round trip. */
  readonly isProbe: boolean;
}

/** Limits the bytes in flight of one session. */
export class Pacer implements Pacing {
  isShort = false;
  readonly #clock: Clock;
  readonly #ping: PacerOptions["ping"];
  readonly #minRttMs: PacerOptions["minRttMs"];
  /** Bytes queued; of these, followed by a ping; of these, confirmed. */
  #sent = 0;
  #marked = 0;
  #confirmed = 0;
  /** When bytes were last confirmed, and when those were sent; monotonic clock, milliseconds. */
  #confirmedAt = 0;
  #roundSentAt = 0;
  /** Since when an answer is awaited, or of the last one; monotonic clock, milliseconds. */
  #awaitedSince = 0;
  #pending = 0;
  /** Round trip without queueing, milliseconds. */
  #baseRttMs = Infinity;
  /** When that was last measured, monotonic clock, milliseconds; whether it is being measured. */
  #probedAt: number;
  #probing = false;
  #wasProbed = false;
  #window = INITIAL_FLIGHT_BYTES;
  /** The window while {@linkcode isShort}. */
  #shortWindow = MIN_SHORT_FLIGHT_BYTES;
  /** Position at which the sender last had to wait. */
  #fullAt = 0;
  #roundEnd = 0;
  /** Highest rate of each of the last rounds, the current one last; bytes a millisecond. */
  #rates = [{ rate: 0, endedAt: Infinity }];
  #startup = true;
  #startupRate = 0;
  #flatRounds = 0;
  #closed = false;
  #waiters: (() => void)[] = [];

  constructor(options: PacerOptions) {
    this.#clock = options.clock;
    this.#ping = options.ping;
    this.#minRttMs = options.minRttMs;
    this.#probedAt = options.clock.monotonic();
  }

  /** Bytes that may be in flight. */
  get window(): number {
    return this.#window;
  }

  /** Bytes that are not confirmed. */
  get inFlight(): number {
    return this.#sent - this.#confirmed;
  }

  /** Whether nothing more should be queued now. */
  get isFull(): boolean {
    return this.inFlight >= this.#limit && !this.#closed;
  }

  /** Whether a short piece of what has been idle should not be queued either. */
  get isOverfull(): boolean {
    return this.inFlight >= OVERTAKE_SHARE * this.#limit && !this.#closed;
  }

  get #limit(): number {
    const most = this.isShort
      ? Math.min(this.#window, this.#shortWindow)
      : this.#window;
    return this.#probing ? PROBE_SHARE * most : most;
  }

  /** Suggested size of a frame, so that several fit the window. */
  get chunkBytes(): number {
    return this.#window / 4;
  }

  /** Counts bytes that were queued. */
  sent(bytes: number): void {
    if (this.#sent === this.#confirmed) {
      // Nothing was in flight: the time before does not count.
      this.#confirmedAt = this.#roundSentAt = this.#clock.monotonic();
    }
    this.#sent += bytes;
    this.#markIfDue();
  }

  /** Resolves when more may be queued, or the session has ended. */
  async ready(): Promise<void> {
    while (this.isFull) {
      this.#fullAt = this.#sent;
      // It may have become full by `isShort`, with bytes that no ping follows yet.
      this.#markIfDue();
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  /** Milliseconds since the last confirmation, and the bytes that wait for one. */
  stall(now: number): [ms: number, bytes: number] {
    return [this.#pending > 0 ? now - this.#awaitedSince : 0, this.inFlight];
  }

  /** Keeps a pause of this process from counting as a stall. */
  compensate(pausedMs: number): void {
    this.#awaitedSince += pausedMs;
  }

  /** The session has ended. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  #markIfDue(): void {
    const waiting = this.#sent - this.#marked;
    const share = this.isShort && this.#shortWindow < this.#window
      ? SHORT_STEP_SHARE * this.#shortWindow
      : this.#window / 8;
    const step = Math.max(MIN_PACING_STEP_BYTES, share);
    if (waiting < step && !(this.isFull && waiting > 0)) return;
    if (this.#pending >= MAX_PACING_PINGS || this.#closed) return;
    const sentAt = this.#clock.monotonic();
    const mark: Mark = {
      position: this.#sent,
      sentAt,
      confirmed: this.#confirmed,
      confirmedAt: this.#confirmedAt,
      roundSentAt: this.#roundSentAt,
      isProbe: this.#probing && this.inFlight <= 2 * this.#limit,
    };
    this.#marked = this.#sent;
    if (this.#pending++ === 0) this.#awaitedSince = sentAt;
    if (!this.#ping((answered) => this.#settle(mark, answered))) {
      this.#pending--;
    }
  }

  #settle(mark: Mark, answered: boolean): void {
    this.#pending--;
    if (this.#closed) return;
    if (answered && mark.position > this.#confirmed) this.#confirm(mark);
    // A ping that was given up is replaced by another.
    else if (this.#pending === 0) this.#marked = this.#confirmed;
    this.#markIfDue();
    if (this.#waiters.length > 0 && !this.isFull) this.#wake();
  }

  #confirm(mark: Mark): void {
    const now = this.#clock.monotonic();
    this.#awaitedSince = now;
    const bytes = mark.position - mark.confirmed;
    // Answers that come together are no evidence of a rate above that of sending.
    const interval = Math.max(
      now - mark.confirmedAt,
      mark.sentAt - mark.roundSentAt,
      MIN_INTERVAL_MS,
    );
    this.#confirmed = mark.position;
    this.#confirmedAt = now;
    this.#roundSentAt = mark.sentAt;
    const rttMs = now - mark.sentAt;
    if (mark.isProbe) this.#endProbe(now, rttMs);
    else if (rttMs <= SAME_FACTOR * this.#baseRttMs) this.#probedAt = now;
    else if (now - this.#probedAt >= BASE_RTT_PERIOD_MS) this.#probing = true;
    const knownMs = this.#wasProbed ? undefined : this.#minRttMs();
    this.#baseRttMs = Math.min(this.#baseRttMs, rttMs, knownMs ?? Infinity);
    const last = this.#rates.at(-1)!;
    last.rate = Math.max(last.rate, bytes / interval);
    const rate = Math.max(...this.#rates.map((it) => it.rate));
    const window = this.#windowFor(rate);
    this.#shortWindow = Math.max(
      MIN_SHORT_FLIGHT_BYTES,
      SHORT_FLIGHT_ROUND_TRIPS * rate * this.#baseRttMs,
    );
    if (window > this.#window) this.#window = window;
    if (mark.position >= this.#roundEnd) {
      this.#endRound(mark, now, rate, window);
    }
  }

  /** On a path that has become longer the rate may rise again. */
  #endProbe(now: number, rttMs: number): void {
    this.#probing = false;
    this.#wasProbed = true;
    this.#probedAt = now;
    if (rttMs >= LONGER_FACTOR * (this.#baseRttMs + PACING_QUEUE_MS)) {
      this.#startup = true;
      this.#startupRate = this.#flatRounds = 0;
    }
    this.#baseRttMs = rttMs;
  }

  #endRound(mark: Mark, now: number, rate: number, window: number): void {
    const wasFull = mark.position <= this.#fullAt;
    this.#roundEnd = this.#sent;
    // A sender with less to send than the window is no evidence about the path.
    if (!wasFull) return;
    this.#window = window;
    const tooOld = now - PACING_RATE_MS - 2 * this.#baseRttMs;
    this.#rates = this.#rates.slice(1 - PACING_RATE_ROUNDS)
      .filter(({ endedAt }) => endedAt > tooOld);
    this.#rates.at(-1)!.endedAt = now;
    this.#rates.push({ rate: 0, endedAt: Infinity });
    if (!this.#startup) return;
    if (rate >= STARTUP_GROWTH * this.#startupRate) {
      this.#startupRate = rate;
      this.#flatRounds = 0;
    } else if (++this.#flatRounds >= STARTUP_FLAT_ROUNDS) this.#startup = false;
  }

  #windowFor(rate: number): number {
    const roundTrips = this.#startup ? STARTUP_ROUND_TRIPS : 1;
    const bytes = rate * (roundTrips * this.#baseRttMs + PACING_QUEUE_MS);
    return Math.min(Math.max(bytes, MIN_FLIGHT_BYTES), MAX_FLIGHT_BYTES);
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }
}
