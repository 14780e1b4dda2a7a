/**
 * What is said about addresses that a person gave: what is wrong with each, once,
 * until something else is wrong or it answers.
 */
import { factsOf } from "../../core/error_code.ts";
import type { VerackError } from "../../core/errors.ts";
import type { PeerId } from "../../identity/identity.ts";
import { ALARM_QUIET_MS } from "../../limits.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import type { Log } from "../../core/log.ts";
import type { Emit } from "../events.ts";
import type { HealthBoard } from "../health.ts";
import type { PeerEvents } from "../peers/peer_events.ts";
import { WrongIdentityError } from "./dial_failure.ts";

/** Ways for one address to be wrong that are remembered; an address has few. */
const MAX_SAID = 32;

/** What {@linkcode DialFailureReporter} is made of. */
export interface DialFailureReporterOptions {
  readonly log: Log;
  readonly health: HealthBoard;
  readonly events: PeerEvents;
  readonly emit: Emit;
}

/** Reports failed dials of one node. */
export class DialFailureReporter {
  readonly #options: DialFailureReporterOptions;
  /** What was said of each address: nothing is said again before it answers. */
  readonly #said = new Map<string, Set<string>>();

  constructor(options: DialFailureReporterOptions) {
    this.#options = options;
  }

  /** The address answered: what is wrong next is news. */
  clear(address: Address): void {
    const shown = formatAddress(address);
    this.#said.delete(shown);
    this.#options.health.end(`dial ${shown}`);
    this.#options.events.emit("dialed", address, undefined);
  }

  /** Reports that dialing the address failed; `expected` is the peer it should lead to. */
  failed(address: Address, error: VerackError, expected?: PeerId): void {
    const shown = formatAddress(address);
    const actual = error instanceof WrongIdentityError
      ? error.actual
      : undefined;
    const wanted = error instanceof WrongIdentityError
      ? error.expected
      : expected;
    const what = `${error.code} ${actual ?? ""}`;
    const { message: reason } = error;
    this.#options.log.debug("dial failed", { address: shown, reason });
    this.#options.events.emit("dialed", address, error);
    const { isRefusal: refused = false, stopsDialing } = factsOf(error.code);
    const { health } = this.#options;
    if (error.code === "identity-in-use") {
      if (!health.keyInUse("own", reason)) return;
    } else {
      const { code } = error;
      const key = `dial ${shown}`;
      if (!health.has(key)) this.#said.delete(shown);
      health.raise(key, {
        code,
        message: reason,
        alarm: refused,
        quietMs: stopsDialing ? Infinity : ALARM_QUIET_MS,
      });
      const said = this.#said.get(shown) ?? new Set();
      this.#said.set(shown, said);
      if (said.has(what) || said.size >= MAX_SAID) return;
      said.add(what);
    }
    this.#options.emit(
      refused
        ? {
          type: "refused",
          address: shown,
          reason,
          ...(wanted && { expected: wanted }),
          ...(actual && { actual }),
        }
        : { type: "unreachable", address: shown, reason },
    );
  }
}
