/**
 * `respond()`: listens and answers like a Bitcoin node, many connections at once, or with
 * faults on purpose. One connection is `served_connection.ts`.
 */
import {
  type Clock,
  type Random,
  systemClock,
  systemRandom,
} from "../core/clock.ts";
import { SharedTimers } from "../core/shared_timers.ts";
import { VerackError } from "../core/errors.ts";
import { TaskSet } from "../core/task_set.ts";
import {
  BEHAVIOUR_DELAY_MS,
  BITCOIN_HANDSHAKE_TIMEOUT_MS,
  BITCOIN_IDLE_TIMEOUT_MS,
  BITCOIN_MAX_CONNECTIONS,
  BITCOIN_TICK_MS,
  MAX_BITCOIN_CONCURRENCY,
} from "./bitcoin_limits.ts";
import type { Address } from "../transport/address.ts";
import { tcpTransport } from "../transport/tcp.ts";
import type { Incoming, Listener, Transport } from "../transport/transport.ts";
import {
  type AddrEntry,
  encodeAddrV2,
} from "../wire/messages/bitcoin_messages.ts";
import type { VersionMessage } from "../wire/messages/version.ts";
import {
  BEHAVIOUR_NAMES,
  type BehaviourName,
  BEHAVIOURS,
  rulesOf,
} from "./behaviours.ts";
import { networkOf, type NetworkOptions } from "./networks.ts";
import type { BehaviourRules } from "./odd_connection.ts";
import {
  checkCount,
  checkMs,
  type PeerMessage,
  versionFields,
  versionFor,
  type VersionOptions,
} from "./probe_options.ts";
import { plainError, type ProbeError } from "./probe_result.ts";
import { ServedConnection, type ServeSettings } from "./served_connection.ts";

/** Options of {@linkcode respond}. */
export interface RespondOptions extends NetworkOptions, VersionOptions {
  /** Where to listen. @default {"127.0.0.1"} */
  readonly host?: string;
  /** 0 is any free port. @default {the network's} */
  readonly port?: number;
  /** How it answers, see `BEHAVIOURS`. @default {"normal"} */
  readonly behaviour?: BehaviourName;
  /** Pause of the behaviours that pause, milliseconds. @default {1_000} */
  readonly delayMs?: number;
  /** The answer to `getaddr`, once a connection, at most 1,000. @default {[]} */
  readonly addresses?: readonly AddrEntry[];
  /** Connections at once; more are closed as they come. @default {1_000} */
  readonly maxConnections?: number;
  /** From accepting to `verack`; activity does not extend it. @default {60_000} as in Core */
  readonly handshakeTimeoutMs?: number;
  /** A peer that sends nothing for so long is disconnected. @default {1_200_000} as in Core */
  readonly idleTimeoutMs?: number;
  /** See {@linkcode ProbeOptions.ownNonces}. */
  readonly ownNonces?: Set<bigint>;
  /** Called with each event. What it throws is reported as an uncaught error. */
  readonly onEvent?: (event: ResponderEvent) => void;
  /** Closes the responder when it aborts. */
  readonly signal?: AbortSignal;
  /** Times everything. @default {systemClock} */
  readonly clock?: Clock;
  /** Makes the nonces. @default {systemRandom} */
  readonly random?: Random;
  /** Makes the connections. @default {tcpTransport()} */
  readonly transport?: Transport;
}

/** What happens to the connections of a responder; `id` counts them from 1. */
export type ResponderEvent =
  | { readonly type: "connect"; readonly id: number; readonly remote: Address }
  /** Closed at once: {@linkcode RespondOptions.maxConnections} are open. */
  | { readonly type: "full"; readonly remote: Address }
  | { readonly type: "message"; readonly id: number } & PeerMessage
  | {
    readonly type: "open";
    readonly id: number;
    /** The client's. */
    readonly version: VersionMessage;
    readonly features: readonly string[];
    /** Milliseconds since it connected. */
    readonly atMs: number;
  }
  | {
    readonly type: "close";
    readonly id: number;
    /** Why; absent when the responder itself closed down. */
    readonly error?: ProbeError;
    /** Milliseconds since it connected. */
    readonly atMs: number;
  };

/** Answers like a Bitcoin node until it is closed. */
export interface Responder extends AsyncDisposable {
  /** Where it listens; the port is never 0. */
  readonly address: Address;
  /** Name of its network. */
  readonly network: string;
  /** Connections open now. */
  readonly connections: number;
  /** Connections ever accepted, those closed for being too many not counted. */
  readonly accepted: number;
  /** Handshakes ever completed. */
  readonly completed: number;
  /** Resolves when it has closed. */
  readonly closed: Promise<void>;
  /** Closes the listener and every connection; resolves when all are gone. Idempotent. */
  close(): Promise<void>;
}

/**
 * Listens, and answers every connection as Bitcoin Core answers inbound peers:
 * version, features, verack, then pongs, and one answer to `getaddr`. Connections
 * are capped and time-limited. Needs `--allow-net`.
 *
 * @throws {RangeError} when an option is out of its range.
 * @throws {VerackError} `address-in-use`, `address-not-available`, `permission`.
 * @throws the signal's reason when it has aborted already.
 *
 * @example
 * ```ts
 * import { respond } from "./respond.ts";
 *
 * await using node = await respond({ network: "regtest", port: 0 });
 * console.assert(node.address.port > 0);
 * ```
 */
export async function respond(
  options: RespondOptions = {},
): Promise<Responder> {
  const { signal, host = "127.0.0.1", clock = systemClock } = options;
  signal?.throwIfAborted();
  const network = networkOf(options);
  const { port = network.port, transport = tcpTransport({ clock }) } = options;
  const settings = responderSettings(options, network.magic);
  const listener = await transport.listen({ host, port }, {});
  const responder = new ListeningResponder(listener, network.name, settings);
  const onAbort = () => void responder.close();
  signal?.addEventListener("abort", onAbort, { once: true });
  responder.closed.then(() => signal?.removeEventListener("abort", onAbort));
  if (signal?.aborted) {
    await responder.close();
    throw signal.reason;
  }
  return responder;
}

interface ResponderSettings extends ServeSettings {
  readonly fields: ReturnType<typeof versionFields>;
  readonly maxConnections: number;
  readonly onEvent: ((event: ResponderEvent) => void) | undefined;
}

function responderSettings(
  options: RespondOptions,
  magic: Uint8Array,
): ResponderSettings {
  const {
    behaviour = "normal",
    delayMs = BEHAVIOUR_DELAY_MS,
    addresses = [],
    maxConnections = BITCOIN_MAX_CONNECTIONS,
    handshakeTimeoutMs = BITCOIN_HANDSHAKE_TIMEOUT_MS,
    idleTimeoutMs = BITCOIN_IDLE_TIMEOUT_MS,
  } = options;
  encodeAddrV2(addresses); // Checks the addresses at the start rather than at the first getaddr.
  return {
    magic,
    rules: checkedRules(behaviour),
    delayMs: checkMs("delayMs", delayMs),
    addresses: [...addresses],
    handshakeTimeoutMs: checkMs("handshakeTimeoutMs", handshakeTimeoutMs),
    idleTimeoutMs: checkMs("idleTimeoutMs", idleTimeoutMs),
    ownNonces: options.ownNonces ?? new Set(),
    clock: new SharedTimers(options.clock ?? systemClock),
    random: options.random ?? systemRandom,
    fields: versionFields(options, { relay: true }),
    maxConnections: checkCount(
      "maxConnections",
      maxConnections,
      MAX_BITCOIN_CONCURRENCY,
    ),
    onEvent: options.onEvent,
  };
}

function checkedRules(behaviour: BehaviourName): BehaviourRules {
  if (Object.hasOwn(BEHAVIOURS, behaviour)) return rulesOf(behaviour);
  throw new RangeError(
    `Cannot respond: behaviour is ${
      JSON.stringify(String(behaviour).slice(0, 40))
    }, must be one of ${BEHAVIOUR_NAMES.join(", ")}`,
  );
}

class ListeningResponder implements Responder {
  readonly network: string;
  readonly closed: Promise<void>;
  readonly #listener: Listener;
  readonly #settings: ResponderSettings;
  /** Each in an object that is emptied when it ends, see `REMOVED` in `core/shared_timers.ts`. */
  readonly #serving = new Set<{ served: ServedConnection | undefined }>();
  readonly #tasks = new TaskSet();
  #accepted = 0;
  #completed = 0;
  #cancelTick: () => void = () => {};

  constructor(
    listener: Listener,
    network: string,
    settings: ResponderSettings,
  ) {
    this.network = network;
    this.#listener = listener;
    this.#settings = settings;
    this.#scheduleTick();
    this.closed = this.#run();
  }

  get address(): Address {
    return this.#listener.address;
  }

  get connections(): number {
    return this.#serving.size;
  }

  get accepted(): number {
    return this.#accepted;
  }

  get completed(): number {
    return this.#completed;
  }

  async close(): Promise<void> {
    this.#listener.close();
    await this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Accepts until the listener is closed, and then ends what was accepted. */
  async #run(): Promise<void> {
    for (;;) {
      const incoming = await this.#listener.accept();
      if (incoming === null) break;
      if (this.#serving.size < this.#settings.maxConnections) {
        await this.#serve(incoming);
        continue;
      }
      incoming.close();
      this.#tell({ type: "full", remote: incoming.remoteAddress });
    }
    this.#cancelTick();
    const error = new VerackError("stopped", "The responder closes");
    for (const { served } of this.#serving) served?.stop(error);
    await this.#tasks.settled();
  }

  /** Plain TCP has nothing to negotiate, so that opening takes no time. */
  async #serve(incoming: Incoming): Promise<void> {
    const { fields, onEvent } = this.#settings;
    const remote = incoming.remoteAddress;
    let connection;
    try {
      connection = await incoming.open();
    } catch (error) {
      if (error instanceof VerackError) return; // Closed before it was accepted.
      throw error;
    }
    const id = ++this.#accepted;
    this.#tell({ type: "connect", id, remote });
    const local = versionFor(fields, remote, this.#settings);
    const served = new ServedConnection(connection, local, this.#settings, {
      onMessage: onEvent &&
        ((message) => this.#tell({ type: "message", id, ...message })),
      onOpen: (version, features, atMs) => {
        this.#completed++;
        this.#tell({ type: "open", id, version, features, atMs });
      },
    });
    const entry: { served: ServedConnection | undefined } = { served };
    this.#serving.add(entry);
    this.#tasks.add(
      served.run().then((error) => {
        this.#serving.delete(entry);
        entry.served = undefined;
        const reason = plainError(error);
        const atMs = served.recorder.elapsedMs;
        this.#tell({
          type: "close",
          id,
          ...(reason && { error: reason }),
          atMs,
        });
      }),
    );
  }

  #scheduleTick(): void {
    this.#cancelTick = this.#settings.clock.after(BITCOIN_TICK_MS, () => {
      for (const { served } of this.#serving) served?.tick();
      this.#scheduleTick();
    });
  }

  #tell(event: ResponderEvent): void {
    try {
      this.#settings.onEvent?.(event);
    } catch (error) {
      reportError(error); // The caller's mistake, not the peer's.
    }
  }
}
