/**
 * Hosts with which a TLS handshake hung until we gave up.
 *
 * Deno 2.9.6 runs a handshake in a task that closing the connection does not
 * end: the descriptor stays open until the other end hangs up (tried; so in
 * `rustls-tokio-stream`, whose `Drop` awaits the handshake). A stopped process,
 * or an attacker who accepts and says nothing, would thus cost one descriptor a
 * dial, for ever. So a host that hung once is first asked for its certificate
 * over `node:tls`, which can be called off; a host that answers that and still
 * hangs is playing games, and is left alone for ever longer.
 */
import type { Clock } from "../clock.ts";
import { MAX_STALLED_HOSTS } from "../limits.ts";

/** First time of being left alone; doubles with every further stall. */
const FIRST_PENALTY_MS = 60_000;
const MAX_PENALTY_MS = 86_400_000;

interface Stall {
  /** Handshakes that hung although the host had just answered. */
  games: number;
  /** Monotonic time before which it is not dialed. */
  notBefore: number;
}

/** Bounded memory of hosts that hung; the oldest are forgotten first. */
export class StalledHosts {
  readonly #clock: Clock;
  readonly #stalls = new Map<string, Stall>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether `host` must answer over `node:tls` before it is dialed. */
  isSuspect(host: string): boolean {
    return this.#stalls.has(host);
  }

  /** Milliseconds for which `host` is still left alone; 0 when it may be dialed. */
  penaltyMs(host: string): number {
    const stall = this.#stalls.get(host);
    if (stall === undefined) return 0;
    return Math.max(0, stall.notBefore - this.#clock.monotonic());
  }

  /** A handshake with `host` hung; `answered` says whether it had just shown a certificate. */
  add(host: string, answered: boolean): void {
    const games = (this.#stalls.get(host)?.games ?? 0) + (answered ? 1 : 0);
    const penaltyMs = games === 0
      ? 0
      : Math.min(FIRST_PENALTY_MS * 2 ** (games - 1), MAX_PENALTY_MS);
    this.#stalls.delete(host);
    this.#stalls.set(host, {
      games,
      notBefore: this.#clock.monotonic() + penaltyMs,
    });
    if (this.#stalls.size <= MAX_STALLED_HOSTS) return;
    const [oldest] = this.#stalls.keys();
    if (oldest !== undefined) this.#stalls.delete(oldest);
  }

  /** `host` completed a handshake. */
  forgive(host: string): void {
    this.#stalls.delete(host);
  }
}
