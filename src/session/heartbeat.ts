/**
 * Pings of one session: the heartbeat of an idle one, the probe of a doubtful one,
 * and the round trips they measure. Sending is handed in.
 */
import type { Clock, Random } from "../core/clock.ts";
import { MAX_PENDING_PINGS } from "../limits.ts";
import { decodePong, encodePing } from "../wire/messages/ping.ts";
import { type LivenessState, livenessStep } from "./liveness.ts";
import { afterTurns } from "./event_loop_turns.ts";

/** When bytes last went either way; see `LivenessState`. */
export type Progress = Pick<
  LivenessState,
  "lastReceived" | "lastAccepted" | "lastWritten"
>;

/** Settings of a {@linkcode Heartbeat}. */
export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** An idle session is pinged after this long. */
  readonly heartbeatMs: number;
  /** A silent peer is dead after this long. */
  readonly deadAfterMs: number;
  /** Sends a ping with this payload; false if that cannot be. */
  readonly sendPing: (payload: Uint8Array) => boolean;
}

/** A ping that waits. */
interface PendingPing {
  readonly nonce: bigint;
  /** Monotonic clock, milliseconds. */
  readonly sentAt: number;
  readonly settle: ((answered: boolean) => void) | undefined;
}

/** The pings that wait; the oldest is given up when there are too many. */
class PendingPings {
  /** Oldest first. Most often none or one: a map would cost every session more. */
  readonly #pings: PendingPing[] = [];

  /** A ping was sent; `settle` hears once whether it was answered. */
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

  /** A pong came: takes out its ping, which the caller settles, if we had asked. */
  answer(nonce: bigint): PendingPing | undefined {
    return this.#take(nonce);
  }

  /** No pong is waited for any more. */
  giveUp(nonce: bigint): void {
    this.#take(nonce)?.settle?.(false);
  }

  /** The session ended. */
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
  // One by one: who makes a heartbeat may hand in more, which is not to stay.
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #heartbeatMs: number;
  readonly #deadAfterMs: number;
  readonly #sendPing: HeartbeatOptions["sendPing"];
  readonly #pings = new PendingPings();
  #lastPing = -Infinity;
  #rttMs: number | undefined;
  #minRttMs: number | undefined;
  /** From the start of the handshake to its end, which is more than a round trip. */
  #handshakeMs = 0;
  readonly #begunAt: number;
  /** Nothing that came after this, the last progress, lies here unread. */
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

  /** Last measured round trip in milliseconds. */
  get rttMs(): number | undefined {
    return this.#rttMs;
  }

  /** Shortest round trip of the session in milliseconds. */
  get minRttMs(): number | undefined {
    return this.#minRttMs;
  }

  /** Pings if it is time; says whether the peer is dead. */
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

  /** In good time before the peer would be dead: its answer may be here and unread. */
  #look(lastReceived: number): void {
    if (this.#nothingSince === lastReceived) return;
    this.#cancelTurns ??= afterTurns(this.#clock, () => {
      this.#cancelTurns = undefined;
      this.#nothingSince = lastReceived;
    });
  }

  /** Pings now, whatever came last. */
  check(): void {
    this.#lastPing = this.#clock.monotonic();
    this.#ping();
  }

  /** Pings on behalf of another part, which is told whether it was answered; false if it cannot be sent. */
  measure(settle: (answered: boolean) => void): boolean {
    return this.#ping(settle) !== undefined;
  }

  /**
   * Whether the peer answers a ping within `timeoutMs`, or two of its shortest round
   * trips if it is far away; while none is measured, the time of the handshake. If this process stood
   * still meanwhile, the peer gets the same time once more: its answer may be
   * here and unread.
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

  /** A ping was sent by somebody else: its pong measures the round trip. */
  expect(nonce: bigint): void {
    this.#pings.add(nonce, this.#clock.monotonic());
  }

  /**
   * A pong came.
   *
   * @throws {VerackError} `malformed`.
   */
  onPong(payload: Uint8Array): void {
    const { nonce } = decodePong(payload);
    const ping = this.#pings.answer(nonce);
    if (ping === undefined) return;
    const rttMs = this.#clock.monotonic() - ping.sentAt;
    this.#rttMs = rttMs;
    this.#minRttMs = Math.min(this.#minRttMs ?? Infinity, rttMs);
    ping.settle?.(true);
  }

  /** The session ended: nobody answers any more. */
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
