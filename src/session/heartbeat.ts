/**
 * Pings of one session: the heartbeat, probes, and the round trips that they
 * measure.
 */
import type { Clock, Random } from "../core/clock.ts";
import { MAX_PENDING_PINGS } from "../limits.ts";
import { decodePong, encodePing } from "../wire/messages/ping.ts";
import { type LivenessState, livenessStep } from "./liveness.ts";
import { afterTurns } from "./event_loop_turns.ts";

/** When bytes were last received and sent; see `LivenessState`. */
export type Progress = Pick<
  LivenessState,
  "lastReceived" | "lastAccepted" | "lastWritten"
>;

/** Settings of a {@linkcode Heartbeat}. */
export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Idle time after which the peer is pinged. */
  readonly heartbeatMs: number;
  /** Silence after which the peer is dead. */
  readonly deadAfterMs: number;
  /** Sends a ping; false if it cannot be sent. */
  readonly sendPing: (payload: Uint8Array) => boolean;
}

/** A ping without its pong. */
interface PendingPing {
  readonly nonce: bigint;
  /** Monotonic clock, milliseconds. */
  readonly sentAt: number;
  readonly settle: ((answered: boolean) => void) | undefined;
}

/** Pings without their pong; above `MAX_PENDING_PINGS` the oldest is given up. */
class PendingPings {
  /** Oldest first. A map would cost every session more memory. */
  readonly #pings: PendingPing[] = [];

  /** Adds a sent ping; `settle` is called once, with whether it was answered. */
  add(
    nonce: bigint,
    sentAt: number,
    settle?: (answered: boolean) => void,
  ): void {
    if (this.#pings.length >= MAX_PENDING_PINGS) {
      this.#pings.shift()?.settle?.(false);
    }
    this.#pings.push({ nonce, sentAt, settle });
  }

  /** Removes and returns the ping of a pong, for the caller to settle. */
  answer(nonce: bigint): PendingPing | undefined {
    return this.#take(nonce);
  }

  /** Settles a ping as not answered. */
  giveUp(nonce: bigint): void {
    this.#take(nonce)?.settle?.(false);
  }

  /** Settles all pings as not answered. */
  clear(): void {
    for (const { settle } of this.#pings.splice(0)) settle?.(false);
  }

  #take(nonce: bigint): PendingPing | undefined {
    const at = this.#pings.findIndex((ping) => ping.nonce === nonce);
    return at < 0 ? undefined : this.#pings.splice(at, 1)[0];
  }
}

/** Heartbeat of one session. */
export class Heartbeat {
  // Copied one by one, so that the rest of `options` can be collected.
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #heartbeatMs: number;
  readonly #deadAfterMs: number;
  readonly #sendPing: HeartbeatOptions["sendPing"];
  readonly #pings = new PendingPings();
  #lastPing = -Infinity;
  #rttMs: number | undefined;
  #minRttMs: number | undefined;
  /** Duration of the handshake, which is more than a round trip. */
  #handshakeMs = 0;
  readonly #begunAt: number;
  /** All that had arrived was read, and nothing had come since this time. */
  #nothingSince = NaN;
  #cancelTurns: (() => void) | undefined;

  constructor(options: HeartbeatOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#heartbeatMs = options.heartbeatMs;
    this.#deadAfterMs = options.deadAfterMs;
    this.#sendPing = options.sendPing;
    this.#begunAt = options.clock.monotonic();
  }

  /** The handshake is complete. */
  opened(): void {
    this.#handshakeMs = this.#clock.monotonic() - this.#begunAt;
  }

  /** Last measured round trip, milliseconds. */
  get rttMs(): number | undefined {
    return this.#rttMs;
  }

  /** Shortest round trip of the session, milliseconds. */
  get minRttMs(): number | undefined {
    return this.#minRttMs;
  }

  /** Pings if that is due, and returns whether the peer is dead. */
  beat(progress: Progress): "alive" | "dead" {
    const now = this.#clock.monotonic();
    const lastReceived = Math.max(progress.lastReceived, progress.lastAccepted);
    const step = livenessStep({
      ...progress,
      now,
      lastPing: this.#lastPing,
      heartbeatMs: this.#heartbeatMs,
      deadAfterMs: this.#deadAfterMs,
    });
    if (step === "ping") {
      this.#lastPing = now;
      this.#ping();
    }
    if (2 * (now - lastReceived) >= this.#deadAfterMs) this.#look(lastReceived);
    const certain = this.#nothingSince === lastReceived;
    return step === "dead" && certain ? "dead" : "alive";
  }

  /** Makes sure that no answer lies here unread before the peer is taken for dead. */
  #look(lastReceived: number): void {
    if (this.#nothingSince === lastReceived) return;
    this.#cancelTurns ??= afterTurns(this.#clock, () => {
      this.#cancelTurns = undefined;
      this.#nothingSince = lastReceived;
    });
  }

  /** Pings now. */
  check(): void {
    this.#lastPing = this.#clock.monotonic();
    this.#ping();
  }

  /** Pings now and reports whether it was answered; false if it cannot be sent. */
  measure(settle: (answered: boolean) => void): boolean {
    return this.#ping(settle) !== undefined;
  }

  /**
   * Whether the peer answers a ping within `timeoutMs`, or within two of its
   * shortest round trips (the duration of the handshake while none is measured) if
   * that is longer. If this process was paused meanwhile, the peer gets the time
   * again, since its answer may be here unread.
   */
  probe(timeoutMs: number): Promise<boolean> {
    const clock = this.#clock;
    return new Promise((resolve) => {
      const nonce = this.#ping((answered) => {
        cancel();
        resolve(answered);
      });
      const farMs = this.#minRttMs === undefined
        ? this.#handshakeMs
        : 2 * this.#minRttMs;
      const patienceMs = Math.max(
        timeoutMs,
        Math.min(farMs, this.#deadAfterMs),
      );
      const dueAt = clock.monotonic() + patienceMs;
      const giveUp = () => {
        if (nonce !== undefined) this.#pings.giveUp(nonce);
      };
      let cancel = clock.after(patienceMs, () => {
        if (clock.monotonic() < dueAt + timeoutMs / 4) return giveUp();
        cancel = clock.after(timeoutMs, giveUp);
      });
      if (nonce === undefined) {
        cancel();
        resolve(false);
      }
    });
  }

  /** Measures the round trip of a ping that was sent elsewhere. */
  expect(nonce: bigint): void {
    this.#pings.add(nonce, this.#clock.monotonic());
  }

  /** Handles a pong. */
  onPong(payload: Uint8Array): void {
    const { nonce } = decodePong(payload);
    const ping = this.#pings.answer(nonce);
    if (ping === undefined) return;
    const rttMs = this.#clock.monotonic() - ping.sentAt;
    this.#rttMs = rttMs;
    this.#minRttMs = Math.min(this.#minRttMs ?? Infinity, rttMs);
    ping.settle?.(true);
  }

  /** The session has closed. */
  stop(): void {
    this.#pings.clear();
    this.#cancelTurns?.();
  }

  #ping(settle?: (answered: boolean) => void): bigint | undefined {
    const nonce = new DataView(this.#random.bytes(8).buffer).getBigUint64(0);
    if (!this.#sendPing(encodePing({ nonce }))) return undefined;
    this.#pings.add(nonce, this.#clock.monotonic(), settle);
    return nonce;
  }
}
