/**
 * Hosts with which a TLS handshake hung until it was aborted.
 *
 * Deno 2.9.6 runs a handshake in a task that closing the connection does not
 * end: the descriptor stays open until the other end hangs up (tried; so in
 * `rustls-tokio-stream`, whose `Drop` awaits the handshake). A stopped process, or an attacker
 * that accepts and sends nothing, would thus cost one descriptor a dial, for ever. So the
 * certificate of a host that hung once is first fetched over `node:tls`, which can be aborted.
 * A port that answers that and hangs again is an attack, and is not dialed for a time that
 * doubles; a host with many such ports is not dialed at all.
 */
import { backoffMs } from "../core/backoff.ts";
import { BoundedMap } from "../core/bounded_map.ts";
import type { Clock } from "../core/clock.ts";
import {
  MAX_STALL_PENALTY_MS,
  MAX_STALLED_HOSTS,
  MAX_STALLED_PORTS_PER_HOST,
  MIN_STALL_PENALTY_MS,
} from "./transport_limits.ts";
import type { Address } from "./address.ts";

const PENALTIES = { minMs: MIN_STALL_PENALTY_MS, maxMs: MAX_STALL_PENALTY_MS };

/** A port whose handshakes hung although it had just answered. */
interface Stall {
  readonly count: number;
  /** Monotonic time before which it is not dialed. */
  readonly notBefore: number;
}

/** Bounded memory of hosts that hung; the oldest are forgotten first. */
export class StalledHosts {
  readonly #clock: Clock;
  /** By host, then by port. */
  readonly #hosts = new BoundedMap<string, Map<number, Stall>>(
    MAX_STALLED_HOSTS,
  );

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether `host` must answer over `node:tls` before it is dialed. */
  isSuspect(host: string): boolean {
    return this.#hosts.has(host);
  }

  /** Milliseconds until an address may be dialed; 0 when it may now. */
  penaltyMs({ host, port }: Address): number {
    const ports = this.#hosts.get(host);
    if (ports === undefined) return 0;
    const stalls = ports.size >= MAX_STALLED_PORTS_PER_HOST
      ? [...ports.values()]
      : [ports.get(port)];
    const until = Math.max(...stalls.map((stall) => stall?.notBefore ?? 0));
    return Math.max(0, until - this.#clock.monotonic());
  }

  /** A handshake hung; `answered` says whether the port had just shown a certificate. */
  add({ host, port }: Address, answered: boolean): void {
    const ports = this.#hosts.ensure(host, () => new Map());
    if (answered) {
      const count = (ports.get(port)?.count ?? 0) + 1;
      const notBefore = this.#clock.monotonic() + backoffMs(count, PENALTIES);
      // At the limit no port is dialed, so no other can come.
      ports.set(port, { count, notBefore });
    }
  }

  /** An address completed a handshake. */
  forgive({ host, port }: Address): void {
    const ports = this.#hosts.get(host);
    ports?.delete(port);
    if (ports?.size === 0) this.#hosts.delete(host);
  }
}
