/** The class of the library: a node, which owns its parts and their lifetime. */
import type { BroadcastResult } from "../delivery/broadcast.ts";
import type { BroadcastOptions, SendOptions } from "../delivery/delivery.ts";
import type { MessagesOptions } from "../delivery/consumer.ts";
import type { Message } from "../delivery/incoming_message.ts";
import type { DeadLetters } from "../delivery/dead_letters.ts";
import type { KeptTopics } from "../delivery/kept_topics.ts";
import { VerackError } from "../core/errors.ts";
import { histogramsOf } from "../core/histogram.ts";
import { countersOf } from "../core/node_counters.ts";
import { isPeerId, parsePeerId, type PeerId } from "../core/peer_id.ts";
import type * as streams from "../streams/peer_stream.ts";
import type {
  RequestFunction,
  ServeFunction,
} from "../streams/request_types.ts";
import { Identity } from "../identity/identity.ts";
import type { NodeListener } from "../transport/listen_all.ts";
import type { Admission } from "./admission/admission.ts";
import { EventHub, type NodeEvent } from "./events.ts";
import { closeParts, startParts, tickParts } from "./node_lifetime.ts";
import { exposeParts, makeParts, type NodeParts } from "./node_parts.ts";
import { listenFor } from "./listening.ts";
import type { NodeOptions, ResolvedNodeOptions } from "./options.ts";
import {
  type NodeFacts,
  nodeFacts,
  type NodeStatus,
  nodeStatus,
  sessionInfos,
  upEvents,
} from "./node_status.ts";
import {
  type PeerInfo,
  peerInfo,
  type SessionInfo,
} from "./peers/peer_info.ts";
import { startsClosed } from "./admission/credentials.ts";
import { followAdmission, protectedOptions } from "./admission/protection.ts";
import { PauseDetector } from "./pause_detector.ts";
import { findPeers, type Member, resolvePeer } from "./peers/find_peers.ts";

/**
 * A member of a mesh.
 *
 * @example
 * ```ts
 * import { Node } from "../../mod.ts";
 *
 * await using alice = await Node.start();
 * await using bob = await Node.start({ connect: [alice.address] });
 * await bob.joined();
 * console.assert(bob.peers()[0]?.id === alice.identity.id);
 * ```
 */
export class Node implements AsyncDisposable {
  /** Admission of peers: decisions of the user. */
  readonly admission: Admission;
  /** Messages that the application nacked too often: to inspect, retry or discard. */
  readonly deadLetters: DeadLetters;
  /** Topics whose messages wait here for a consumer, also across restarts. */
  readonly keptTopics: KeptTopics;
  /** The identity of this node. */
  readonly identity: Identity;
  /** Answers requests for a method: `serve(method, handler, options?)`. */
  readonly serve: ServeFunction;
  /** Resolves with a peer's answer: `request(peer, method, body?, { timeoutMs, signal })`. */
  readonly request: RequestFunction;
  readonly #options: ResolvedNodeOptions;
  readonly #parts: NodeParts;
  readonly #events = new EventHub();
  readonly #stop = new AbortController();
  readonly #facts: NodeFacts;
  #pauses: PauseDetector | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    options: ResolvedNodeOptions,
    identity: Identity,
    listener: NodeListener | undefined,
  ) {
    this.#options = options;
    this.identity = identity;
    this.#facts = nodeFacts(identity, listener, options.clock);
    this.#parts = makeParts({
      options,
      identity,
      listener,
      counters: countersOf(this),
      histograms: histogramsOf(this),
      signal: this.#stop.signal,
      emit: (event, until) => this.#events.emit(event, until),
    });
    const { admission, messaging, requesting } = this.#parts;
    this.admission = admission;
    this.deadLetters = messaging.deadLetters;
    this.keptTopics = messaging.keptTopics;
    this.serve = requesting.serve;
    this.request = requesting.requester((name) => this.resolvePeer(name));
    exposeParts(this, this.#parts);
  }

  /**
   * Starts a node: it listens when the promise resolves, unless `listen` is false, and joins
   * from then on.
   *
   * @throws {VerackError} `address-in-use`, `address-not-available`, `permission`,
   * `demo-identity`, `unsafe`, `bad-secret`.
   * @throws {TypeError} when there is no option of a given name.
   * @throws {SyntaxError} when an address does not parse.
   * @throws {RangeError} when a number or a name is out of range.
   */
  static async start(options: NodeOptions = {}): Promise<Node> {
    const resolved = await protectedOptions(options);
    const identity = options.identity ?? await Identity.generate();
    const listener = await listenFor(resolved, identity);
    followAdmission(resolved.store, startsClosed(resolved, identity.id));
    const node = new Node(resolved, identity, listener);
    node.#pauses = new PauseDetector({
      ...resolved,
      onTick: (tick) => tickParts(node.#parts, tick),
    });
    startParts(node.#parts);
    return node;
  }

  /** Its name; empty if it has none. */
  get name(): string {
    return this.#options.name;
  }

  /** Its address: `host:port`; of several the first; empty if it does not listen. */
  get address(): string {
    return this.#facts.addresses[0] ?? "";
  }

  /** The addresses that it listens on: `host:port`; none with `listen: false`. */
  get addresses(): readonly string[] {
    return this.#facts.addresses;
  }

  /**
   * Resolves when this node has joined its mesh: a peer has sent its list of members, and each
   * of them is connected, or could not be reached at first. With no configured address and no
   * peer on record it resolves at once; a peer on record is tried once, and may be away. Once
   * resolved it stays so.
   *
   * Addresses that do not answer are tried until `timeoutMs` (by default 30,000) have passed.
   * The node itself goes on trying after a rejection.
   *
   * @throws {VerackError} `timeout`, with the error of each address; `aborted`; `stopped`; or,
   * when every configured address refused for a reason that a retry does not change, that
   * reason: `wrong-identity`, `not-admitted`, `bad-magic` for another network, `bad-invite`,
   * `bad-secret`, `alpn` or `tls` for another kind of server.
   * @throws {RangeError} when `timeoutMs` is negative.
   */
  joined(
    options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } =
      {},
  ): Promise<void> {
    return this.#parts.joining.wait(options);
  }

  /** The state of the node. */
  status(): NodeStatus {
    return nodeStatus(this.#parts, this.#facts);
  }

  /** Every peer on record or in gossip, connected or not. */
  peers(): PeerInfo[] {
    return [...this.#parts.table.values()].map((peer) =>
      peerInfo(peer, this.#parts)
    );
  }

  /** The record of one peer. */
  peer(id: string): PeerInfo | undefined {
    const peer = isPeerId(id) ? this.#parts.table.get(id) : undefined;
    return peer === undefined ? undefined : peerInfo(peer, this.#parts);
  }

  /**
   * Every member, this node included, whose name is `text` or whose identity is, or begins
   * with, `text` (8 digits at least), connected ones first.
   */
  findPeers(text: string): Member[] {
    const { name, addresses, identity } = this;
    const own = { id: identity.id, name, addresses };
    return findPeers(text, own, this.peers(), this.#parts.names);
  }

  /**
   * The peer selected by a name, an identity or its first 8 digits or more. A name means the
   * first peer that used it and proved its key here, or the one set by `admission.allow`.
   *
   * @throws {VerackError} `unknown-peer`, `ambiguous`.
   */
  resolvePeer(text: string): PeerId {
    return resolvePeer(text, this.findPeers(text), this.#parts.names);
  }

  /** The sessions of this node; one a peer, but for the moment of a collision. */
  sessions(): SessionInfo[] {
    return sessionInfos(this.#parts);
  }

  /**
   * Pairs of members that cannot reach each other though others reach both, as one of them
   * reports: the smaller identity first, those with this node first; at most 256.
   */
  unreachable(): (readonly [PeerId, PeerId])[] {
    return [...this.#parts.unreachable.pairs];
  }

  /**
   * Events for one listener, in order, after the present state (`listening`, `peer:up` of every
   * connected peer, `mesh`). At most 1,000 events wait; then the oldest are dropped, which an
   * `overflow` event counts. Ends after `stopped`.
   */
  events(options: { signal?: AbortSignal } = {}): AsyncIterableIterator<
    NodeEvent
  > {
    const { addresses, identity: { id } } = this;
    const [address] = addresses;
    const first: NodeEvent[] = [
      {
        type: "listening",
        id,
        ...(address !== undefined && { address }),
        addresses,
      },
      ...upEvents(this.#parts),
      this.#parts.report.event,
    ];
    return this.#events.listen(first, options.signal);
  }

  /**
   * Pings every connected peer with a line of text, which they show.
   *
   * @returns How many peers it was sent to.
   * @throws {RangeError} when the text is longer than 256 bytes of UTF-8.
   */
  ping(text: string): number {
    return this.#parts.pings.all(text);
  }

  /** The round trip to a peer, milliseconds; none if it does not answer within a second. */
  roundTrip(id: string): Promise<number | undefined> {
    return this.#parts.pings.roundTrip(parsePeerId(id));
  }

  /**
   * Sends a message to a peer, connected or not. Resolves when the peer's
   * application has acked it; until then it is kept, in the node's store, and sent
   * again whenever the peer comes back. The promise may be ignored: `undelivered` reports a
   * failure, too. Messages to one peer with one `topic` arrive in the order of sending; topics
   * overtake each other, and a large body delays no other topic.
   *
   * @param peer Its identity, 64 hex digits; see {@linkcode resolvePeer} for names.
   * @param body Bytes, which are copied, or text; at most 4,000,000 bytes.
   * @throws {VerackError} `unknown-peer` or `denied`; `full` when it does not fit the outbox;
   * `undelivered` when it was given up; `rejected` when the peer's application
   * nacked it too often; `aborted`; `stopped` when this node closes first: with a store on disk
   * the next node with that store sends it.
   * @throws {RangeError} when body, topic or `ttlMs` is out of range.
   * @throws {SyntaxError} when `peer` is no identity; at once, not by the promise.
   */
  send(
    peer: string,
    body: Uint8Array | string,
    options?: SendOptions,
  ): Promise<void> {
    return this.#parts.messaging.send(peer, body, options);
  }

  /**
   * Sends a message to every peer that has ever proven its key, connected or not, but for lost
   * ones that cannot come back. Resolves when all connected peers have acked it or are gone, or
   * `waitMs` have passed; it is kept for the others as by {@linkcode send}, and `undelivered`
   * events report messages that are given up later.
   *
   * @throws {RangeError} as {@linkcode send}.
   */
  broadcast(
    body: Uint8Array | string,
    options?: BroadcastOptions,
  ): Promise<BroadcastResult> {
    return this.#parts.messaging.broadcast(body, options);
  }

  /**
   * Consumes messages of peers. Each message is delivered to one consumer; those of one
   * sender and topic are delivered in order, each after the one before is settled.
   * Asking for the next message acks the one before; `ack` does so at once, `nack` has
   * it delivered again later. When a loop is left, its message goes to the next
   * consumer. Without a consumer messages wait at their senders, those of a kept topic here: they
   * come to consumers of that `topic` only. When a message may come twice is in docs/messages.md.
   */
  messages(
    options?: MessagesOptions,
  ): AsyncIterableIterator<Message, undefined> {
    return this.#parts.messaging.messages(options);
  }

  /**
   * Consumes messages as a loop over {@linkcode messages} does, with `handler` as its body:
   * a message is acked once `handler` returns, or the promise that it returns resolves.
   * With a handler that is not async it takes messages that are ready without a promise for
   * each, and so more of them in a second than a loop.
   *
   * Once the handler is done, the memory of the message is used again: `view` is no longer
   * valid, and `body` and `text()` throw a `TypeError`, unless the handler has read `body`,
   * which is the caller's to keep.
   *
   * Resolves when the signal aborts or the node closes. When `handler` throws, rejects with
   * that error, and the message goes to the next consumer.
   *
   * @throws {VerackError} `bad-data` when an ack cannot be recorded; the message is delivered
   * again.
   */
  consume(
    handler: (message: Message) => void | Promise<void>,
    options?: MessagesOptions,
  ): Promise<void> {
    return this.#parts.messaging.consume(handler, options);
  }

  /**
   * Handles the streams that peers open for a protocol, until the result is disposed of. Peers
   * get `unknown-protocol` without a handler, and `full` while too many streams are handled.
   *
   * @param protocol 1 to 64 characters of printable ASCII without spaces, such as `echo/1`.
   * @throws {TypeError} when the protocol has a handler.
   * @throws {RangeError} when the name or `maxStreams` is out of range.
   */
  handle(
    protocol: string,
    handler: streams.StreamHandler,
    options?: streams.HandleOptions,
  ): Disposable {
    return this.#parts.streaming.handle(protocol, handler, options);
  }

  /**
   * Opens a stream to a peer. Resolves at once: up to 64 KiB may be written before the peer
   * has answered. What it answers rejects the operations of the stream: `unknown-protocol`,
   * `full`, `failed` when its handler threw, `reset` when it aborted; `session-lost` when the
   * session ends first, and `stopped` when this node closes.
   *
   * @param peer Its identity or its name; see {@linkcode resolvePeer}.
   * @throws {VerackError} `unknown-peer`, `ambiguous`, `denied`, `not-connected`, `aborted`,
   * `unsupported` if its version has no streams, `full` if too many are open, `stopped`.
   * @throws {RangeError} when the name of the protocol or `metadata` is out of range.
   */
  // deno-lint-ignore require-await -- rejects, rather than throws
  async open(
    peer: string,
    protocol: string,
    options?: streams.OpenOptions,
  ): Promise<streams.PeerStream> {
    const id = isPeerId(peer) ? peer : this.resolvePeer(peer);
    return this.#parts.streaming.open(id, protocol, options);
  }

  /** Messages that are kept until they are acknowledged, and their bytes. */
  get outbox(): { readonly messages: number; readonly bytes: number } {
    return this.#parts.messaging.outbox;
  }

  /** Resolves when all messages sent are durable in the store. */
  committed(): Promise<void> {
    return this.#options.store.committed();
  }

  /**
   * Sends bye to all peers, writes what is queued, and stops. Idempotent.
   *
   * @param options `abrupt`: closes all connections at once without bye, as a crash does; for
   * tests and demonstrations.
   */
  close(options: { abrupt?: boolean } = {}): Promise<void> {
    return this.#closing ??= this.#close(options.abrupt ?? false);
  }

  /** {@linkcode close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(abrupt: boolean): Promise<void> {
    this.#pauses?.stop();
    this.#events.refuse();
    const error = new VerackError("stopped", "This node is closing");
    this.#stop.abort(error);
    await closeParts(this.#parts, error, abrupt);
    this.#events.emit({ type: "stopped" });
    await this.#events.end();
  }
}
