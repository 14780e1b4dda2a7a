/**
 * Forwards connections: a port of this machine leads to an address that a peer can reach, or, in
 * reverse, a port of the peer to an address that this node can reach.
 */
import type { Clock } from "../../core/clock.ts";
import { messageOf, VerackError } from "../../core/errors.ts";
import { escapeText } from "../../core/escape.ts";
import type { PeerId } from "../../core/peer_id.ts";
import type { Node } from "../../mesh/node.ts";
import { formatAddress } from "../../transport/address.ts";
import type { ForwardEvent } from "./forward_events.ts";
import { forwardHubOf } from "./forward_hub.ts";
import { ForwardRun } from "./forward_run.ts";
import { parseForwardTarget, parseListenAddress } from "./forward_target.ts";
import type { ForwardCounters } from "./forward_traffic.ts";
import { listenHere } from "./listen_here.ts";
import { listenAtPeer } from "./listen_at_peer.ts";

/** Options of {@linkcode forward}. */
export interface ForwardOptions {
  /**
   * Where connections are accepted: `[HOST:]PORT`, by default at `127.0.0.1`; port 0 is any free
   * one; IPv6 in brackets. Or the path of a Unix socket to create, with a slash in it; not in
   * reverse.
   */
  readonly listen: string;
  /** The identity or the name of the peer at the other end. */
  readonly peer: string;
  /** Where they lead to: `[HOST:]PORT`, by default at `127.0.0.1` of the end that connects. */
  readonly to: string;
  /** The peer listens, and this node connects. @default {false} */
  readonly reverse?: boolean;
  /** Closes it. */
  readonly signal?: AbortSignal;
  /** Time, for tests. @default the real clock */
  readonly clock?: Clock;
}

/**
 * A forward, until it is closed. Its events may be iterated once; at most 1,000 wait, then the
 * oldest are dropped.
 */
export interface Forward extends AsyncDisposable, AsyncIterable<ForwardEvent> {
  /** Where connections are accepted: `host:port` with the port that was chosen, or a path. */
  readonly address: string;
  /** The peer at the other end. */
  readonly peer: PeerId;
  /** Where the connections lead to, in full. */
  readonly to: string;
  /** Its connections. */
  readonly counters: ForwardCounters;
  /** Accepts no more connections and closes those that are open. Idempotent. */
  close(): Promise<void>;
}

/**
 * Forwards connections to or, with `reverse`, from a peer. Resolves when they are accepted.
 *
 * The peer must allow the address, see {@linkcode allowForwarding}; if it does not, each
 * connection is closed at once, which a `refused` event reports. In reverse, this is the error.
 *
 * The forward outlives sessions. Without one, connections that are accepted here are closed at
 * once; in reverse the peer stops listening, and gets another request when it is back.
 *
 * @throws {VerackError} `unknown-peer`, `ambiguous`, `address-in-use`, `address-not-available`,
 * `permission`, `aborted`; in reverse also what the peer reports: `not-allowed`, `full`, and as
 * `Node.open`.
 * @throws {SyntaxError} when an address is none.
 *
 * @example
 * ```ts
 * import { Node } from "../../../mod.ts";
 * import { allowForwarding, forward } from "../mod.ts";
 *
 * await using server = await Node.start();
 * await using client = await Node.start({ connect: [server.address] });
 * await client.joined();
 * await using web = Deno.serve({ port: 0, onListen() {} }, () => new Response("hello"));
 *
 * using _ = allowForwarding(server, { connect: [`${web.addr.port}`] });
 * await using tunnel = await forward(client, {
 *   listen: "0",
 *   peer: server.identity.id,
 *   to: `${web.addr.port}`,
 * });
 * const answer = await fetch(`http://${tunnel.address}/`);
 * console.assert(await answer.text() === "hello");
 * ```
 */
export async function forward(
  node: Node,
  options: ForwardOptions,
): Promise<Forward> {
  const { listen, peer: peerText, reverse = false, signal, clock } = options;
  const to = parseForwardTarget(options.to);
  const peer = node.resolvePeer(peerText);
  if (signal?.aborted) throw aborted(listen, signal);
  const hub = forwardHubOf(node, clock === undefined ? {} : { clock });
  const stop = new AbortController();
  const run = new ForwardRun({ hub, node, peer, to, signal: stop.signal });
  const onAbort = () => stop.abort(signal && aborted(listen, signal));
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const { address, done } = reverse
      ? await listenAtPeer(run, parseListenAddress(listen))
      : listenHere(run, listen);
    const ended = done.then(async () => {
      signal?.removeEventListener("abort", onAbort);
      await run.end();
    });
    return new OpenForward({ run, address, stop, ended });
  } catch (error) {
    signal?.removeEventListener("abort", onAbort);
    stop.abort(error);
    throw error;
  }
}

class OpenForward implements Forward {
  readonly address: string;
  readonly #run: ForwardRun;
  readonly #stop: AbortController;
  readonly #ended: Promise<void>;

  constructor({ run, address, stop, ended }: {
    readonly run: ForwardRun;
    readonly address: string;
    readonly stop: AbortController;
    readonly ended: Promise<void>;
  }) {
    this.address = address;
    this.#run = run;
    this.#stop = stop;
    this.#ended = ended;
  }

  get peer(): PeerId {
    return this.#run.peer;
  }

  get to(): string {
    return formatAddress(this.#run.to);
  }

  get counters(): ForwardCounters {
    return this.#run.traffic;
  }

  async close(): Promise<void> {
    this.#stop.abort(new VerackError("closed", "The forward was closed"));
    await this.#ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<ForwardEvent, undefined> {
    return this.#run.events;
  }
}

function aborted(listen: string, { reason }: AbortSignal): VerackError {
  const what = `Cannot forward ${escapeText(listen)}`;
  return new VerackError("aborted", `${what}: ${messageOf(reason)}`);
}
