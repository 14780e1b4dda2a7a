/**
 * `respond()`: listens and answers like a Bitcoin node, many connections at once,
 * or with the faults that a tester wants. One connection is `served_connection.ts`.
 */
import { systemClock, systemRandom } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import {
  BEHAVIOUR_DELAY_MS,
  BITCOIN_HANDSHAKE_TIMEOUT_MS,
  BITCOIN_IDLE_TIMEOUT_MS,
  BITCOIN_MAX_CONNECTIONS,
  BITCOIN_TICK_MS,
  MAX_BITCOIN_CONCURRENCY,
} from "../limits.ts";
import type { Address } from "../transport/address.ts";
import { tcpTransport } from "../transport/tcp.ts";
import type { Incoming, Listener } from "../transport/transport.ts";
import { encodeAddrV2 } from "../wire/messages/bitcoin_messages.ts";
import {
  BEHAVIOUR_NAMES,
  type BehaviourName,
  BEHAVIOURS,
  rulesOf,
} from "./behaviours.ts";
import { networkOf } from "./networks.ts";
import { plainError } from "./probe_error.ts";
import { checkCount, checkMs } from "./probe_settings.ts";
import type {
  Responder,
  ResponderEvent,
  RespondOptions,
} from "./respond_options.ts";
import { ServedConnection, type ServeSettings } from "./served_connection.ts";
import {
  type VersionFields,
  versionFields,
  versionFor,
} from "./version_fields.ts";

export type {
  Responder,
  ResponderEvent,
  RespondOptions,
} from "./respond_options.ts";

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
  const settings = serveSettings(options, network.magic);
  const fields = versionFields(options, { relay: true });
  const maxConnections = checkCount(
    "maxConnections",
    options.maxConnections ?? BITCOIN_MAX_CONNECTIONS,
    MAX_BITCOIN_CONCURRENCY,
  );
  const listener = await transport.listen({ host, port }, {});
  const responder = new ListeningResponder(listener, network.name, {
    settings,
    fields,
    maxConnections,
    onEvent: options.onEvent,
  });
  const onAbort = () => void responder.close();
  signal?.addEventListener("abort", onAbort, { once: true });
  responder.closed.then(() => signal?.removeEventListener("abort", onAbort));
  if (signal?.aborted) {
    await responder.close();
    throw signal.reason;
  }
  return responder;
}

function serveSettings(
  options: RespondOptions,
  magic: Uint8Array,
): ServeSettings {
  const {
    behaviour = "normal",
    delayMs = BEHAVIOUR_DELAY_MS,
    addresses = [],
    handshakeTimeoutMs = BITCOIN_HANDSHAKE_TIMEOUT_MS,
    idleTimeoutMs = BITCOIN_IDLE_TIMEOUT_MS,
  } = options;
  encodeAddrV2(addresses); // Fails here rather than when somebody asks.
  return {
    magic,
    rules: checkedRules(behaviour),
    delayMs: checkMs("delayMs", delayMs),
    addresses: [...addresses],
    handshakeTimeoutMs: checkMs("handshakeTimeoutMs", handshakeTimeoutMs),
    idleTimeoutMs: checkMs("idleTimeoutMs", idleTimeoutMs),
    ownNonces: options.ownNonces ?? new Set(),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  };
}

function checkedRules(behaviour: BehaviourName): ServeSettings["rules"] {
  if (Object.hasOwn(BEHAVIOURS, behaviour)) return rulesOf(behaviour);
  throw new RangeError(
    `Cannot respond: behaviour is ${
      JSON.stringify(String(behaviour).slice(0, 40))
    }, must be one of ${BEHAVIOUR_NAMES.join(", ")}`,
  );
}

interface ResponderParts {
  readonly settings: ServeSettings;
  readonly fields: VersionFields;
  readonly maxConnections: number;
  readonly onEvent: ((event: ResponderEvent) => void) | undefined;
}

class ListeningResponder implements Responder {
  readonly network: string;
  readonly #listener: Listener;
  readonly #parts: ResponderParts;
  readonly #serving = new Map<ServedConnection, Promise<void>>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #accepting: Promise<void>;
  #accepted = 0;
  #completed = 0;
  #isClosing = false;
  #cancelTick: () => void = () => {};

  constructor(listener: Listener, network: string, parts: ResponderParts) {
    this.#listener = listener;
    this.network = network;
    this.#parts = parts;
    this.#scheduleTick();
    this.#accepting = this.#accept();
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

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  async close(): Promise<void> {
    if (this.#isClosing) return await this.#closed.promise;
    this.#isClosing = true;
    this.#cancelTick();
    this.#listener.close();
    await this.#accepting;
    const error = new VerackError("stopped", "The responder closes");
    for (const served of this.#serving.keys()) served.stop(error);
    await Promise.all(this.#serving.values());
    this.#closed.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #accept(): Promise<void> {
    for (;;) {
      const incoming = await this.#listener.accept();
      if (incoming === null) return;
      if (this.#serving.size >= this.#parts.maxConnections) {
        const remote = incoming.remoteAddress;
        incoming.close();
        this.#tell({ type: "full", remote });
      } else {
        await this.#serve(incoming);
      }
    }
  }

  /** Plain TCP has nothing to negotiate, so that opening takes no time. */
  async #serve(incoming: Incoming): Promise<void> {
    const { settings, fields, onEvent } = this.#parts;
    const remote = incoming.remoteAddress;
    let connection;
    try {
      connection = await incoming.open();
    } catch (error) {
      if (error instanceof VerackError) return; // gone before we looked
      throw error;
    }
    const id = ++this.#accepted;
    this.#tell({ type: "connect", id, remote });
    const served = new ServedConnection(
      connection,
      versionFor(fields, remote, settings),
      settings,
      {
        onMessage: onEvent &&
          ((message) => this.#tell({ type: "message", id, ...message })),
        onOpen: (session, features, atMs) => {
          this.#completed++;
          const version = session.remote;
          this.#tell({ type: "open", id, version, features, atMs });
        },
      },
    );
    const done = served.run().then((error) => {
      this.#serving.delete(served);
      if (onEvent === undefined) return;
      const reason = plainError(error);
      const atMs = served.recorder.elapsedMs;
      this.#tell({ type: "close", id, ...(reason && { error: reason }), atMs });
    });
    this.#serving.set(served, done);
  }

  #scheduleTick(): void {
    this.#cancelTick = this.#parts.settings.clock.after(BITCOIN_TICK_MS, () => {
      for (const served of this.#serving.keys()) served.tick();
      this.#scheduleTick();
    });
  }

  #tell(event: ResponderEvent): void {
    try {
      this.#parts.onEvent?.(event);
    } catch (error) {
      reportError(error); // the caller's mistake, not the peer's
    }
  }
}
