/**
 * Reports why inbound connections ended, as often as the error code permits: unknown peers must
 * not flood the events.
 */
import { BoundedMap } from "../../core/bounded_map.ts";
import type { Clock } from "../../core/clock.ts";
import { factsOf } from "../../core/error_code.ts";
import { messageOf, VerackError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import { TokenBucket } from "../../core/token_bucket.ts";
import {
  ALARM_QUIET_MS,
  REFUSAL_EVENT_BURST,
  REFUSAL_EVENT_REFILL_MS,
} from "../mesh_limits.ts";
import { FULL_REPORT_MS } from "./connection_limits.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import type { Emit } from "../events.ts";
import type { HealthBoard } from "../health.ts";
import { type NamedRelay, namedRelay } from "../../identity/relay_name.ts";
import type { PeerId } from "../../core/peer_id.ts";
import type { PeerNames } from "../../identity/peer_name.ts";

/** Reported refusals that are remembered. */
const MAX_SAID = 256;

/** Dependencies of {@linkcode RefusalReports}. */
export interface RefusalReportsOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts when the node closes. */
  readonly signal: AbortSignal;
  readonly health: Pick<HealthBoard, "keyInUse">;
  readonly emit: Emit;
  readonly names: { of(id: PeerId): PeerNames };
}

/** The reports of one node. */
export class RefusalReports {
  readonly #options: RefusalReportsOptions;
  readonly #budget = new TokenBucket({
    burst: REFUSAL_EVENT_BURST,
    refillMs: REFUSAL_EVENT_REFILL_MS,
  });
  readonly #full: FullReports;
  /** Reports and their times, last noticed last; monotonic clock. */
  readonly #said = new BoundedMap<string, number>(MAX_SAID);

  constructor(options: RefusalReportsOptions) {
    this.#options = options;
    this.#full = new FullReports(options.clock, options.emit);
  }

  /** A connection from there, or through the relay that is there, ended by this error. */
  add(from: Address, error: unknown, via?: PeerId): void {
    const { clock, emit, health, log, names, signal } = this.#options;
    if (!(error instanceof VerackError)) {
      return log.error("accepting failed", { error: messageOf(error) });
    }
    const address = formatAddress(from);
    const relay = namedRelay(via, names);
    const { code, message: reason } = error;
    log.debug("connection ended", {
      address,
      ...(via !== undefined && { via }),
      code,
      reason,
    });
    const { inboundEvent } = factsOf(code);
    if (inboundEvent === "never" || signal.aborted) return;
    if (code === "full") return this.#full.add({ address, ...relay, reason });
    if (code === "identity-in-use") {
      // It has proven this node's own key.
      if (!health.keyInUse("own", reason)) return;
    } else if (inboundEvent === "once" && !this.#isNews(reason)) return;
    if (!this.#budget.take(clock.monotonic())) return;
    emit({ type: "refused", address, ...relay, reason });
  }

  /** Tells no more. */
  close(): void {
    this.#full.close();
  }

  /** Whether a refusal was not reported for `ALARM_QUIET_MS`. */
  #isNews(what: string): boolean {
    const now = this.#options.clock.monotonic();
    const saidAt = this.#said.get(what) ?? -Infinity;
    this.#said.set(what, now);
    return now - saidAt > ALARM_QUIET_MS;
  }
}

/** A refused connection. */
interface TurnedAway extends Partial<NamedRelay> {
  readonly address: string;
  readonly reason: string;
}

/**
 * Reports that connections are refused for want of room: the first at once, then the number of
 * others once a period.
 */
export class FullReports {
  readonly #clock: Clock;
  readonly #emit: Emit;
  #count = 0;
  #last: TurnedAway | undefined;
  /** Set during a period. */
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, emit: Emit) {
    this.#clock = clock;
    this.#emit = emit;
  }

  /** A connection was refused. */
  add(one: TurnedAway): void {
    if (this.#cancel === undefined) return this.#tell(one);
    this.#count++;
    this.#last = one;
  }

  /** Tells no more. */
  close(): void {
    this.#cancel?.();
  }

  #tell(one: TurnedAway): void {
    this.#emit({ type: "refused", ...one });
    this.#cancel = this.#clock.after(FULL_REPORT_MS, () => this.#onPeriod());
  }

  #onPeriod(): void {
    const count = this.#count;
    const last = this.#last;
    this.#cancel = this.#last = undefined;
    this.#count = 0;
    if (last === undefined) return;
    const { reason, ...from } = last;
    this.#tell({
      ...from,
      reason: `${reason} (the last of ${count} in ${FULL_REPORT_MS / 1_000} s)`,
    });
  }
}
