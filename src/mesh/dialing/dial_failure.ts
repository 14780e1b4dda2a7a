/**
 * Makes one error for a failed address, which may have several endpoints, and reports those of
 * configured addresses.
 */
import { type ErrorCode, factsOf } from "../../core/error_code.ts";
import { detailsOf, messageOf, VerackError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { ALARM_QUIET_MS } from "../mesh_limits.ts";
import type { Emit } from "../events.ts";
import type { HealthBoard } from "../health.ts";
import type { PeerEvents } from "../peers/peer_events.ts";
import {
  type Address,
  formatAddress,
  serviceOf,
} from "../../transport/address.ts";

/** Another identity than the required one is at the address. */
export class WrongIdentityError extends VerackError {
  declare readonly expected: PeerId;
  declare readonly actual: PeerId;

  constructor(
    address: Address,
    expected: PeerId,
    actual: PeerId,
    message: string = `Cannot accept ${
      formatAddress(address)
    }: it is ${actual}, must be ${expected}`,
  ) {
    super("wrong-identity", message, { expected, actual });
  }
}

/** What failed at one IP address. */
export interface EndpointFailure {
  readonly endpoint: Address;
  readonly error: VerackError;
}

/** The error for an address of this node itself. */
export function itself(address: Address): VerackError {
  const reason = `Cannot dial ${
    formatAddress(address)
  }: it is this node itself`;
  return new VerackError("self", reason);
}

/**
 * One error for an address of which every endpoint failed: for an IP address its error, for a
 * name all of them, under the most important code.
 */
export function failureAt(
  address: Address,
  failures: readonly EndpointFailure[],
): VerackError {
  // Ordered, so that the message does not depend on which failed first, and is reported once.
  const [worst] = failures.toSorted((a, b) =>
    weight(b.error) - weight(a.error) ||
    (a.endpoint.host < b.endpoint.host ? -1 : 1)
  );
  if (worst === undefined) {
    throw new TypeError("failures is empty, must have one");
  }
  const { error, endpoint } = worst;
  if (endpoint.host === address.host) return error;
  const shown = formatAddress(address);
  // Of a name all have its port; of a service each has its own.
  const isService = serviceOf(address) !== undefined;
  const placeOf = (it: Address) => isService ? formatAddress(it) : it.host;
  const message = failures.length === 1
    ? `Cannot dial ${shown} (${placeOf(endpoint)}): ${detailOf(error)}`
    : `Cannot dial ${shown}: ${
      failures.map((it) => `${placeOf(it.endpoint)}: ${detailOf(it.error)}`)
        .join("; ")
    }`;
  return error instanceof WrongIdentityError
    ? new WrongIdentityError(address, error.expected, error.actual, message)
    : new VerackError(error.code, message, {
      cause: error,
      ...detailsOf(error),
    });
}

/** A wrong identity is the most important, then a refusal, then an error that is not transient. */
function weight(error: VerackError): number {
  if (error instanceof WrongIdentityError) return 3;
  if (factsOf(error.code).isRefusal) return 2;
  return error.code === "timeout" ? 0 : 1;
}

/** The part of a message after `Cannot dial HOST:PORT: `. */
function detailOf({ message }: VerackError): string {
  return message.replace(/^Cannot \w+ \S+: /, "");
}

/** The error as one of ours; `undefined` if it is the node closing. */
export function faultOf(
  error: unknown,
  { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
): VerackError | undefined {
  if (signal.aborted) return undefined;
  if (error instanceof VerackError) return error;
  const reason = messageOf(error);
  log.error("dialing failed", { error: reason });
  return new VerackError("closed", `Cannot dial: ${reason}`, { cause: error });
}

/** Codes for an address at which nothing answers. */
const NOTHING_THERE: ReadonlySet<ErrorCode> = new Set([
  "closed",
  "connection-refused",
  "timeout",
  "unreachable",
]);

/** Errors that are remembered of one address; it has few. */
const MAX_SAID = 32;

/** Dependencies of {@linkcode DialFailureReporter}. */
export interface DialFailureReporterOptions {
  readonly log: Log;
  readonly health: HealthBoard;
  readonly events: PeerEvents;
  readonly emit: Emit;
}

/** Reports failed dials of one node. */
export class DialFailureReporter {
  readonly #options: DialFailureReporterOptions;
  /** Errors reported of each address, which are not reported again before it answers. */
  readonly #said = new Map<string, Set<string>>();
  /** Addresses at which nothing answered, which says nothing once their peer has dialed this node. */
  readonly #silent = new Set<string>();

  constructor(options: DialFailureReporterOptions) {
    this.#options = options;
    options.events.on("introduced", ({ peer }) => {
      for (const { address, configured } of peer.addresses.list()) {
        if (configured) this.#found(formatAddress(address));
      }
    });
  }

  /** The address answered: the next error is reported. */
  clear(address: Address): void {
    const shown = formatAddress(address);
    this.#end(shown);
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
    if (NOTHING_THERE.has(error.code)) this.#silent.add(shown);
    else this.#silent.delete(shown);
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
  /** The peer of an address is connected, whichever end has dialed. */
  #found(shown: string): void {
    if (this.#silent.has(shown)) this.#end(shown);
  }

  #end(shown: string): void {
    this.#said.delete(shown);
    this.#silent.delete(shown);
    this.#options.health.end(`dial ${shown}`);
  }
}
