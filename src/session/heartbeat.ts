/**
 * Pings of one session: the heartbeat of an idle one, the probe of a doubtful one,
 * and the round trips they measure. Sending is handed in.
 */
import type { Clock, Random } from "../clock.ts";
import { decodePong, encodePing } from "../wire/messages/ping.ts";
import { livenessStep } from "./liveness.ts";
import { PendingPings } from "./pings.ts";
import { lookAgain } from "./second_look.ts";

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
  /** Nothing that came after this, as `lastReceived`, lies here unread. */
  #nothingSince = NaN;
  #cancelLook: (() => void) | undefined;

  constructor(options: HeartbeatOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#heartbeatMs = options.heartbeatMs;
    this.#deadAfterMs = options.deadAfterMs;
    this.#sendPing = options.sendPing;
  }

  /** Last measured round trip in milliseconds. */
  get rttMs(): number | undefined {
    return this.#rttMs;
  }

  /** Pings if it is time; says whether the peer is dead. */
  beat(lastReceived: number): "alive" | "dead" {
    const now = this.#clock.monotonic();
    const lastPing = this.#lastPing;
    const step = livenessStep({
      now,
      lastReceived,
      lastPing,
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
    this.#cancelLook ??= lookAgain(this.#clock, () => {
      this.#cancelLook = undefined;
      this.#nothingSince = lastReceived;
    });
  }

  /** Pings now, whatever came last. */
  check(): void {
    this.#lastPing = this.#clock.monotonic();
    this.#ping();
  }

  /**
   * Whether the peer answers a ping within `timeoutMs`. If this process stood
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
      const dueAt = clock.monotonic() + timeoutMs;
      const giveUp = () => {
        if (nonce !== undefined) this.#pings.giveUp(nonce);
      };
      let cancel = clock.after(timeoutMs, () => {
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
    const now = this.#clock.monotonic();
    this.#rttMs = this.#pings.answer(nonce, now) ?? this.#rttMs;
  }

  /** The session ended: nobody answers any more. */
  stop(): void {
    this.#pings.clear();
    this.#cancelLook?.();
  }

  #ping(settle?: (answered: boolean) => void): bigint | undefined {
    const nonce = new DataView(this.#random.bytes(8).buffer).getBigUint64(0);
    if (!this.#sendPing(encodePing({ nonce }))) return undefined;
    this.#pings.add(nonce, this.#clock.monotonic(), settle);
    return nonce;
  }
}
