/**
 * The forwarding of one node: handles the streams of `tcp/1` by the rules that the node was
 * given, and by what it has requested of peers itself. Without either, it does not handle `tcp/1`.
 */
import { type Clock, deadline, systemClock } from "../../core/clock.ts";
import { messageOf, VerackError } from "../../core/errors.ts";
import { countersOf, type NodeCounters } from "../../core/node_counters.ts";
import { logger } from "../../core/log.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { TokenBuckets } from "../../core/token_bucket.ts";
import type { Node } from "../../mesh/node.ts";
import type { PeerStream } from "../../streams/peer_stream.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import type { Resolver } from "../../transport/resolve.ts";
import {
  FORWARD_CONNECT_MS,
  LOGGED_REFUSAL_MS,
  MAX_FORWARDED,
  MAX_LOGGED_REFUSALS,
} from "../services_limits.ts";
import { ConnectionSet } from "./connection_set.ts";
import {
  ForwardRules,
  reportForwarding,
  type RuleSet,
} from "./forward_rules.ts";
import {
  CONNECTED,
  decodeForwardRequest,
  encodeRefusal,
  FORWARD_PROTOCOL,
} from "./forward_wire.ts";
import type { ForwardedConnection } from "./forwarded_connection.ts";
import { PeerListeners } from "./peer_listeners.ts";
import { connectToChosen, TargetResolver } from "./target_resolver.ts";

/** What forwarding uses of a node. */
export type ForwardingNode = Pick<
  Node,
  "events" | "handle" | "open" | "peer" | "resolvePeer"
>;

/** Replaceable parts of a {@linkcode ForwardHub}. */
export interface ForwardHubOptions {
  /** @default {systemClock} */
  readonly clock?: Clock;
  /** Looks names up. @default the operating system */
  readonly resolve?: Resolver;
}

/** A listener that this node has requested of a peer. */
export interface AskedListener {
  readonly peer: PeerId;
  /** Where the connections lead to that the peer accepts. */
  readonly to: Address;
  /**
   * Runs one of them to its end.
   *
   * @param from Its other end, as the peer gives it.
   */
  carry(
    from: string,
    connect: () => Promise<ForwardedConnection>,
  ): Promise<void>;
}

const log = logger("services");

/** The hubs of the nodes of this process. */
const hubs = new WeakMap<object, ForwardHub>();

/** The hub of a node. @param options Used by the first call. */
export function forwardHubOf(
  node: ForwardingNode,
  options: ForwardHubOptions = {},
): ForwardHub {
  const hub = hubs.get(node) ?? new ForwardHub(node, options);
  hubs.set(node, hub);
  return hub;
}

/** The forwarding of one node. */
export class ForwardHub {
  readonly clock: Clock;
  /** Those of the node. */
  readonly counters: NodeCounters;
  readonly connections: ConnectionSet;
  readonly #node: ForwardingNode;
  readonly #targets: TargetResolver;
  readonly #listeners: PeerListeners;
  readonly #rules = new ForwardRules();
  readonly #asked = new Map<number, AskedListener>();
  readonly #logged = new TokenBuckets({
    burst: MAX_LOGGED_REFUSALS,
    refillMs: LOGGED_REFUSAL_MS,
  }, MAX_FORWARDED);
  #lastId = 0;
  #handler: Disposable | undefined;

  constructor(node: ForwardingNode, options: ForwardHubOptions = {}) {
    const { clock = systemClock, resolve } = options;
    // The user of this node has chosen a peer that is named.
    const hasStanding = (id: PeerId) =>
      (node.peer(id)?.standing ?? false) || this.#rules.names(id) ||
      this.#asked.values().some(({ peer }) => peer === id);
    this.clock = clock;
    this.counters = countersOf(node);
    this.connections = new ConnectionSet({ clock, hasStanding });
    this.#node = node;
    this.#targets = new TargetResolver(resolve);
    this.#listeners = new PeerListeners({
      node,
      clock,
      hasStanding,
      rules: this.#rules,
      connections: this.connections,
    });
    reportForwarding(node, () => ({
      connect: this.#rules.list("connect"),
      listen: this.#rules.list("listen"),
      connections: this.connections.size,
      listeners: this.#listeners.size,
    }));
  }

  /** Adds rules until the result is disposed of. */
  allow(rules: RuleSet): Disposable {
    const remove = () => {
      this.#rules.delete(rules);
      this.#handle();
    };
    this.#rules.add(rules);
    this.#handleOr(remove);
    for (const { host } of rules.connect) this.#targets.pin(host);
    return { [Symbol.dispose]: remove };
  }

  /** Expects connections that a peer accepts; `id` is the number to ask it with. */
  expect(asked: AskedListener): { readonly id: number } & Disposable {
    const id = ++this.#lastId;
    const remove = () => {
      this.#asked.delete(id);
      this.#handle();
    };
    this.#asked.set(id, asked);
    this.#handleOr(remove);
    return { id, [Symbol.dispose]: remove };
  }

  /**
   * The handler is there while there is something for it.
   *
   * @throws {TypeError} when the user of the node handles `tcp/1` otherwise.
   */
  #handle(): void {
    if (this.#rules.size + this.#asked.size === 0) {
      this.#handler?.[Symbol.dispose]();
      this.#handler = undefined;
    } else {
      this.#handler ??= this.#node.handle(
        FORWARD_PROTOCOL,
        (stream) => this.#onStream(stream),
      );
    }
  }

  #handleOr(remove: () => void): void {
    try {
      this.#handle();
    } catch (error) {
      remove();
      throw error;
    }
  }

  async #onStream(stream: PeerStream): Promise<void> {
    const { peer, metadata } = stream;
    let what: string | undefined;
    let isAsked = false;
    try {
      const request = decodeForwardRequest(metadata);
      if (request.kind === "accepted") {
        what = request.from;
        isAsked = true;
        return await this.#accepted(stream, request.id, what);
      }
      what = formatAddress(request.address);
      await (request.kind === "connect"
        ? this.#connect(stream, request.address)
        : this.#listeners.open(stream, request));
    } catch (error) {
      // The forward that asked for it has counted it.
      if (!isAsked) this.counters.forwardedRefused++;
      if (this.#logged.of(peer).take(this.clock.monotonic())) {
        const reason = messageOf(error);
        log.warn("request to forward refused", { peer, address: what, reason });
      }
      await refuse(stream, error);
    }
  }

  async #connect(stream: PeerStream, address: Address): Promise<void> {
    const { peer } = stream;
    const rules = this.#rules.find("connect", address, peer);
    using _place = this.connections.placeFor(peer);
    const connection = await this.#joined(
      stream,
      (signal) => this.#targets.connect(address, signal),
    );
    if (rules.signal.aborted) return connection.abort(rules.signal.reason);
    const what = formatAddress(address);
    log.info("forwarded connection opened", { peer, address: what });
    const run = () => connection.run();
    const done = this.connections.carry(connection, { peer, what, run })
      // It is logged, and both ends are closed.
      .catch(() => {});
    rules.onConnection(connection, done);
    await done;
  }

  /** A connection that a peer has accepted, as this node has requested. */
  async #accepted(stream: PeerStream, id: number, from: string): Promise<void> {
    const { peer } = stream;
    const asked = this.#asked.get(id);
    if (asked === undefined || asked.peer !== peer) {
      throw new VerackError(
        "not-allowed",
        "Cannot forward an accepted connection: this node has not asked for it",
      );
    }
    using _place = this.connections.placeFor(peer);
    await asked.carry(
      from,
      () => this.#joined(stream, (signal) => connectToChosen(asked.to, signal)),
    );
  }

  /** Connects within the time for it, and reports that to the peer. */
  async #joined(
    stream: PeerStream,
    connect: (signal: AbortSignal) => Promise<Deno.TcpConn>,
  ): Promise<ForwardedConnection> {
    using limit = deadline(this.clock, FORWARD_CONNECT_MS, stream.signal);
    const socket = await connect(limit.signal);
    try {
      await stream.write(CONNECTED);
      return this.connections.join(stream, socket);
    } catch (error) {
      socket.close();
      throw error;
    }
  }
}

/** Reports to the peer why there is no connection. */
async function refuse(stream: PeerStream, error: unknown): Promise<void> {
  const code = error instanceof VerackError ? error.code : "failed";
  try {
    await stream.write(encodeRefusal(code, messageOf(error)));
    await stream.closeWrite();
  } catch {
    // The stream or its session is lost.
  }
}
