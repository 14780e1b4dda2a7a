/**
 * Sockets that peers have this node listen on, each as long as the stream by which the peer
 * asked for it. What is accepted there is forwarded to that peer alone.
 */
import type { Clock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import { FairShare } from "../../core/fair_share.ts";
import { logger } from "../../core/log.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { TaskSet } from "../../core/task_set.ts";
import type { Node } from "../../mesh/node.ts";
import type { PeerStream } from "../../streams/peer_stream.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import { socketAddress } from "../../transport/net_errors.ts";
import {
  acceptRetrying,
  openTcpListener,
} from "../../transport/socket_listener.ts";
import { tuneTcp } from "../../transport/tcp.ts";
import {
  MAX_FORWARD_LISTENERS,
  MAX_FORWARD_LISTENERS_PER_PEER,
  MAX_FORWARD_LISTENERS_STRANGERS,
} from "../services_limits.ts";
import type { ConnectionSet } from "./connection_set.ts";
import type { ForwardRules, RuleSet } from "./forward_rules.ts";
import {
  encodeForwardRequest,
  encodeListening,
  FORWARD_PROTOCOL,
  ReplyReader,
} from "./forward_wire.ts";
import type { ForwardedConnection } from "./forwarded_connection.ts";

const log = logger("services");

/** Dependencies of {@linkcode PeerListeners}. */
export interface PeerListenersParts {
  readonly node: Pick<Node, "open">;
  readonly clock: Clock;
  readonly rules: ForwardRules;
  readonly connections: ConnectionSet;
  readonly hasStanding: (peer: PeerId) => boolean;
}

/** A listener while it is open. */
interface OpenListener {
  readonly stream: PeerStream;
  /** The number that the peer has given it. */
  readonly id: number;
  readonly bound: string;
  readonly rules: RuleSet;
  readonly connections: Set<ForwardedConnection>;
}

/** The sockets that peers have one node listen on. */
export class PeerListeners {
  readonly #parts: PeerListenersParts;
  readonly #places: FairShare;

  constructor(parts: PeerListenersParts) {
    this.#parts = parts;
    this.#places = new FairShare({
      total: MAX_FORWARD_LISTENERS,
      perPeer: MAX_FORWARD_LISTENERS_PER_PEER,
      strangers: MAX_FORWARD_LISTENERS_STRANGERS,
      hasStanding: parts.hasStanding,
      trustsStanding: true,
    });
  }

  /** Sockets that are open. */
  get size(): number {
    return this.#places.used;
  }

  /**
   * Listens until the stream ends.
   *
   * @throws {VerackError} `not-allowed`, `full`, `address-in-use`, `address-not-available`,
   * `permission`.
   */
  async open(
    stream: PeerStream,
    { address, id }: { readonly address: Address; readonly id: number },
  ): Promise<void> {
    const { peer } = stream;
    const rules = this.#parts.rules.find("listen", address, peer);
    this.#parts.connections.requireDescriptor();
    using _place = this.#places.take(peer) ?? full();
    using socket = openTcpListener(address);
    const bound = socketAddress(socket.addr);
    const listener: OpenListener = {
      stream,
      id,
      bound: formatAddress(bound),
      rules,
      connections: new Set(),
    };
    log.info("listening for a peer", { peer, address: listener.bound });
    const closing = new AbortController();
    const onTakenBack = () => stream.abort(rules.signal.reason);
    rules.signal.addEventListener("abort", onTakenBack, { once: true });
    const tasks = new TaskSet();
    tasks.add(this.#acceptAll(socket, closing.signal, listener, tasks));
    try {
      await stream.write(encodeListening(bound.port));
      // The peer has nothing to send but the end.
      await stream.read(new Uint8Array(1));
    } catch {
      // The stream or its session is lost, which ends the listener as well.
    } finally {
      rules.signal.removeEventListener("abort", onTakenBack);
      closing.abort();
      socket[Symbol.dispose]();
      const reason = new VerackError("closed", "The listener was closed");
      for (const connection of listener.connections) connection.abort(reason);
      await tasks.settled();
      log.info("no longer listening for a peer", {
        peer,
        address: listener.bound,
      });
    }
  }

  async #acceptAll(
    socket: Deno.TcpListener,
    closing: AbortSignal,
    listener: OpenListener,
    tasks: TaskSet,
  ): Promise<void> {
    const { clock } = this.#parts;
    for (;;) {
      const accepted = await acceptRetrying(
        () => socket.accept(),
        clock,
        closing,
      );
      if (accepted === null) return;
      tasks.add(this.#forward(accepted, listener, closing));
    }
  }

  /** Forwards an accepted connection to the peer. Never rejects. */
  async #forward(
    socket: Deno.TcpConn,
    { stream: { peer }, id, bound, rules, connections }: OpenListener,
    closing: AbortSignal,
  ): Promise<void> {
    const { node, connections: all } = this.#parts;
    try {
      tuneTcp(socket);
      using _place = all.placeFor(peer);
      const from = formatAddress(socketAddress(socket.remoteAddr));
      const stream = await node.open(peer, FORWARD_PROTOCOL, {
        metadata: encodeForwardRequest({ kind: "accepted", id, from }),
        signal: closing,
      });
      const connection = all.join(stream, socket);
      connections.add(connection);
      const run = () => connection.run(new ReplyReader("accepted"));
      const done = all.carry(connection, { peer, what: bound, run })
        // It is logged.
        .catch(() => {}).finally(() => connections.delete(connection));
      rules.onConnection(connection, done);
      await done;
    } catch (error) {
      socket[Symbol.dispose]();
      log.debug("accepted connection not forwarded", {
        peer,
        address: bound,
        reason: error instanceof Error ? error : String(error),
      });
    }
  }
}

function full(): never {
  throw new VerackError(
    "full",
    "Cannot listen for a peer: as many sockets as allowed are open",
  );
}
