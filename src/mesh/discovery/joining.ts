/**
 * Finds out when a node has joined its mesh, for `Node.joined`: a peer has sent its list of
 * members, and there is a session with each of them, or a dial has failed. It does not affect
 * the dialer.
 */
import type { Clock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import { JOIN_TIMEOUT_MS } from "./discovery_limits.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import type { PeerEvents } from "../peers/peer_events.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import type { PeerTarget } from "../peer_target.ts";

/** Dependencies of {@linkcode Joining}. */
export interface JoiningOptions {
  readonly clock: Clock;
  readonly table: PeerTable;
  readonly events: PeerEvents;
  /** The configured addresses, that of an invite included. */
  readonly connect: readonly PeerTarget[];
  /** How long members in gossip are waited for, milliseconds. */
  readonly reportedWaitMs: number;
  /** Aborts when the node closes. */
  readonly closing: AbortSignal;
}

/** The joining of one node. */
export class Joining {
  readonly #options: JoiningOptions;
  /** The last failure of each configured address that has not answered since. */
  readonly #failures = new Map<string, VerackError>();
  readonly #given: ReadonlySet<string>;
  readonly #waiting = new Set<(error?: VerackError) => void>();
  /** Whether a peer has sent a complete list. */
  #answered = false;
  #joined = false;
  /** Whether a failure has rejected no call yet: each rejects once. */
  #hasNews = false;

  constructor(options: JoiningOptions) {
    this.#options = options;
    this.#given = new Set(
      options.connect.map(({ address }) => formatAddress(address)),
    );
    const { events } = options;
    events.on("introduced", () => this.look());
    events.on("answered", () => {
      this.#answered = true;
      this.look();
    });
    events.on("dialed", (address, error) => this.#dialed(address, error));
    options.closing.addEventListener("abort", () => {
      for (const settle of this.#waiting) settle(closed());
    }, { once: true });
  }

  /** A configured address was dialed. */
  #dialed(address: Address, error: VerackError | undefined): void {
    const shown = formatAddress(address);
    if (error === undefined) return void this.#failures.delete(shown);
    if (this.#joined || !this.#given.has(shown)) return;
    this.#failures.set(shown, error);
    this.#hasNews = true;
    this.look();
  }

  /** Called when something may have changed, and several times a second. */
  look(): void {
    if (this.#joined) return;
    this.#joined = this.#hasJoined();
    const error = this.#joined ? undefined : this.#refusal();
    if (!this.#joined && error === undefined) return;
    if (this.#waiting.size > 0) this.#hasNews = false;
    for (const settle of [...this.#waiting]) settle(error);
  }

  /** As `Node.joined`. */
  async wait(
    options: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
  ): Promise<void> {
    const { timeoutMs = JOIN_TIMEOUT_MS, signal } = options;
    if (Number.isNaN(timeoutMs) || timeoutMs < 0) {
      throw new RangeError(
        `Cannot join: timeoutMs is ${timeoutMs}, must be at least 0`,
      );
    }
    const { clock, closing } = this.#options;
    if (closing.aborted) throw closed();
    if (signal?.aborted) throw aborted(signal);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const settle = (error?: VerackError) => {
      this.#waiting.delete(settle);
      cancel();
      signal?.removeEventListener("abort", onAbort);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onAbort = () => signal && settle(aborted(signal));
    const cancel = timeoutMs === Infinity
      ? () => {}
      : clock.after(timeoutMs, () => settle(this.#late(timeoutMs)));
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#waiting.add(settle);
    if (this.#joined) settle();
    else this.look();
    return await promise;
  }

  #hasJoined(): boolean {
    const { clock, table, reportedWaitMs } = this.#options;
    const peers = [...table.values()];
    if (peers.some(({ up }) => up)) {
      const now = clock.monotonic();
      // Members that this node cannot reach are not waited for.
      return this.#answered &&
        peers.every((peer) =>
          peer.up || !peer.reportedLive || peer.failures > 0 ||
          now - (peer.reportedAt ?? now) >= reportedWaitMs
        );
    }
    // Without configured addresses a peer on record is tried once, and may be away.
    return this.#given.size === 0 &&
      peers.every((peer) => peer.failures > 0 || peer.addresses.size === 0);
  }

  /** The error if waiting cannot succeed; `undefined` otherwise. */
  #refusal(): VerackError | undefined {
    const { table } = this.#options;
    const errors = [...this.#failures.values()];
    const first = errors[0];
    const isHopeless = first !== undefined && this.#hasNews &&
      errors.length === this.#given.size &&
      // Nothing may listen there yet: the node at the address may start later.
      errors.every((error) => !error.retryable) &&
      ![...table.values()].some(({ sessions }) => sessions.length > 0);
    if (!isHopeless) return undefined;
    return new VerackError(first.code, `Cannot join: ${this.#why()}`, {
      cause: first,
    });
  }

  #late(timeoutMs: number): VerackError {
    const why = [...this.#options.table.values()].some(({ up }) => up)
      ? "connected, but not to all members yet"
      : this.#why() || "no answer yet";
    return new VerackError(
      "timeout",
      `Cannot join: it took longer than ${timeoutMs} ms: ${why}`,
      { cause: [...this.#failures.values()][0] },
    );
  }

  /** Each configured address and its error. */
  #why(): string {
    return [...this.#failures].map(([address, { message }]) =>
      message.includes(address) ? message : `${address}: ${message}`
    ).join("; ");
  }
}

function aborted(signal: AbortSignal): VerackError {
  return new VerackError("aborted", "Cannot join: aborted", {
    cause: signal.reason,
  });
}

function closed(): VerackError {
  return new VerackError("stopped", "Cannot join: this node is closing");
}
