/**
 * Pings of one session: the heartbeat, probes, and the round trips that they
 * measure.
 */
import type { Clock, Random } from "../core/clock.ts";
import type { Histogram } from "../core/histogram.ts";
import { MAX_PENDING_PINGS } from "./session_limits.ts";
import { COMMAND } from "../wire/commands.ts";
import {
  decodeBitcoinPing,
  decodePing,
  decodePong,
  encodePing,
  encodePong,
} from "../wire/messages/ping.ts";
import { ArrivalCheck, type LivenessState, livenessStep } from "./liveness.ts";

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
  /** Whether the peer is one of the mesh, whose pings carry a text, or of Bitcoin. */
  readonly isMesh: boolean;
  /** Has each round trip added. */
  readonly roundTrips?: Histogram | undefined;
  /** Sends a message; false if it cannot be sent. */
  readonly send: (command: string, payload: Uint8Array) => boolean;
}

/** A ping without its pong. */
interface PendingPing {
  readonly nonce: bigint;
  /** Monotonic clock, milliseconds. */
  readonly sentAt: number;
  readonly settle: ((answered: boolean) => void) | undefined;
}

/** Heartbeat of one session. */
export class Heartbeat {
  /** Called for each ping, with its text, if any: unescaped and bounded. */
  onText: ((text: string | undefined) => void) | undefined;
  readonly #options: HeartbeatOptions;
  /** Without their pong, oldest first. A map would cost every session more memory. */
  readonly #pings: PendingPing[] = [];
  #answersPings = false;
  #lastPing = -Infinity;
  #rttMs: number | undefined;
  #minRttMs: number | undefined;
  /** Duration of the handshake, which is more than a round trip. */
  #handshakeMs = 0;
  readonly #begunAt: number;
  /** Made when it is needed first. */
  #arrivals: ArrivalCheck | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#begunAt = options.clock.monotonic();
  }

  /** The handshake is complete; old peers do not support `pong`. */
  opened(answersPings: boolean): void {
    this.#answersPings = answersPings;
    this.#handshakeMs = this.#options.clock.monotonic() - this.#begunAt;
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
    const { clock, heartbeatMs, deadAfterMs } = this.#options;
    const now = clock.monotonic();
    const lastReceived = Math.max(progress.lastReceived, progress.lastAccepted);
    const step = livenessStep({
      ...progress,
      now,
      lastPing: this.#lastPing,
      heartbeatMs,
      deadAfterMs,
    });
    if (step === "ping") {
      this.#lastPing = now;
      this.#ping();
    }
    if (2 * (now - lastReceived) < deadAfterMs) return "alive";
    // An answer may have arrived unread.
    this.#arrivals ??= new ArrivalCheck(clock);
    return this.#arrivals.isDone(lastReceived) && step === "dead"
      ? "dead"
      : "alive";
  }

  /** Pings now. */
  check(): void {
    this.#lastPing = this.#options.clock.monotonic();
    this.#ping();
  }

  /** Pings now and reports whether it was answered; false if it cannot be sent. */
  measure(settle: (answered: boolean) => void): boolean {
    return this.#ping(settle) !== undefined;
  }

  /**
   * Whether the peer answers a ping within `timeoutMs`, or within two of its
   * shortest round trips (the duration of the handshake while none is measured) if
   * that is longer. If this process was paused meanwhile, the time starts again, since an
   * answer may have arrived unread.
   */
  probe(timeoutMs: number): Promise<boolean> {
    const { clock, deadAfterMs } = this.#options;
    return new Promise((resolve) => {
      const nonce = this.#ping((answered) => {
        cancel();
        resolve(answered);
      });
      const farMs = this.#minRttMs === undefined
        ? this.#handshakeMs
        : 2 * this.#minRttMs;
      const waitMs = Math.max(
        timeoutMs,
        Math.min(farMs, deadAfterMs),
      );
      const dueAt = clock.monotonic() + waitMs;
      const giveUp = () => {
        if (nonce !== undefined) this.#take(nonce)?.settle?.(false);
      };
      let cancel = clock.after(waitMs, () => {
        if (clock.monotonic() < dueAt + timeoutMs / 4) return giveUp();
        cancel = clock.after(timeoutMs, giveUp);
      });
      if (nonce === undefined) {
        cancel();
        resolve(false);
      }
    });
  }

  /** Measures the round trip of a ping that was sent; with many pending, the oldest is given up. */
  expect(nonce: bigint, settle?: PendingPing["settle"]): void {
    if (this.#pings.length >= MAX_PENDING_PINGS) {
      this.#pings.shift()?.settle?.(false);
    }
    this.#pings.push({
      nonce,
      sentAt: this.#options.clock.monotonic(),
      settle,
    });
  }

  /** Handles a ping. */
  onPing(payload: Uint8Array): void {
    const { isMesh, send } = this.#options;
    const { nonce, text }: { nonce?: bigint; text?: string } = isMesh
      ? decodePing(payload)
      : decodeBitcoinPing(payload);
    if (nonce !== undefined && this.#answersPings) {
      send(COMMAND.pong, encodePong({ nonce }));
    }
    this.onText?.(text);
  }

  /** Handles a pong. */
  onPong(payload: Uint8Array): void {
    const ping = this.#take(decodePong(payload).nonce);
    if (ping === undefined) return;
    const rttMs = this.#options.clock.monotonic() - ping.sentAt;
    this.#rttMs = rttMs;
    this.#options.roundTrips?.add(rttMs);
    this.#minRttMs = Math.min(this.#minRttMs ?? Infinity, rttMs);
    ping.settle?.(true);
  }

  /** The session has closed. */
  stop(): void {
    for (const { settle } of this.#pings.splice(0)) settle?.(false);
    this.#arrivals?.stop();
  }

  #ping(settle?: (answered: boolean) => void): bigint | undefined {
    const nonce = new DataView(this.#options.random.bytes(8).buffer)
      .getBigUint64(0);
    const { send } = this.#options;
    if (!send(COMMAND.ping, encodePing({ nonce }))) return undefined;
    this.expect(nonce, settle);
    return nonce;
  }

  #take(nonce: bigint): PendingPing | undefined {
    const at = this.#pings.findIndex((ping) => ping.nonce === nonce);
    return at < 0 ? undefined : this.#pings.splice(at, 1)[0];
  }
}
