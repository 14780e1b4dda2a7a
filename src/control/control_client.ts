/** A typed client of the control API, for the node of a data directory or of a URL. */
import { type Clock, systemClock } from "../core/clock.ts";
import type { PeerId } from "../core/peer_id.ts";
import { REQUEST_TIMEOUT_MS } from "../streams/streams_limits.ts";
import type {
  AccessRuleRow,
  BroadcastAnswer,
  ControlEvent,
  DeadLetterRow,
  ForwardRecord,
  InviteRow,
  JoinRequestRow,
  PeersAnswer,
  PingAnswer,
  RequestAnswer,
  SendAnswer,
  StatusAnswer,
  WatchRecord,
  WholeDeadLetter,
} from "./answers.ts";
import { API, OPERATIONS } from "./api.ts";
import type { InviteAnswer } from "./api/admission_endpoints.ts";
import type { Endpoint, Fields, Input } from "./api/endpoint.ts";
import type {
  ControlReceiveFilesOptions,
  ControlSendFilesOptions,
  FileRecord,
  ReceiveRecord,
} from "./api/file_endpoints.ts";
import type { HealthAnswer } from "./api/health_endpoint.ts";
import type { PageLinkAnswer } from "./api/page_endpoints.ts";
import {
  ControlConnection,
  type EventQuery,
  type EventsOptions,
} from "./control_connection.ts";
import type {
  ControlForwardOptions,
  ControlRequestOptions,
  ControlSendOptions,
  ControlWatchOptions,
  FollowOptions,
} from "./client_options.ts";
import { findControlEndpoint } from "./control_endpoint.ts";
import { followEvents } from "./follow_events.ts";
import {
  type ControlConnectOptions,
  remoteEndpoint,
} from "./remote_endpoint.ts";
import { KeptTopicsClient } from "./kept_topics_client.ts";

/**
 * A client of one running node; dispose of it. All methods throw the error of the node as a
 * {@linkcode VerackError}, `connection-refused` when no node runs there, and a `RangeError` when the node
 * refuses the request as wrong.
 */
export class ControlClient implements Disposable {
  /** Kept topics of the node, and their messages. */
  readonly keptTopics: KeptTopicsClient;
  readonly #connection: ControlConnection;

  private constructor(connection: ControlConnection) {
    this.#connection = connection;
    this.keptTopics = new KeptTopicsClient(connection);
  }

  /**
   * Finds the node of a data directory; the first request shows whether it answers.
   *
   * @throws {VerackError} `connection-refused` when none has been running there, `permission`,
   * `bad-data`, `unsafe`.
   */
  static async find(
    directory: string,
    clock: Clock = systemClock,
  ): Promise<ControlClient> {
    const endpoint = await findControlEndpoint(directory);
    return new ControlClient(new ControlConnection(endpoint, clock));
  }

  /**
   * A client of the node at a URL, perhaps on another machine; the first request shows whether
   * it answers. TLS is verified against the authorities of Deno and `caCerts`.
   *
   * @throws {RangeError} when the URL or the token is none.
   * @throws {VerackError} `unsafe` for `http:` to another machine.
   */
  static connect(
    options: ControlConnectOptions,
    clock: Clock = systemClock,
  ): ControlClient {
    const endpoint = remoteEndpoint(options);
    return new ControlClient(new ControlConnection(endpoint, clock));
  }

  /** Data directory of the node; `undefined` for one at a URL. */
  get directory(): string | undefined {
    return this.#connection.endpoint.directory;
  }

  /** The state of the node. */
  async status(): Promise<StatusAnswer> {
    return await this.#connection.call(API.status, {});
  }

  /** What is wrong with the node at present, and whether it does its work all the same. */
  async health(): Promise<HealthAnswer> {
    return await this.#connection.call(API.health, {});
  }

  /**
   * Peers on record or in gossip, and its sessions; with a `query`, a name, an id, or its first
   * 8 digits or more, those that it may mean.
   */
  async peers(query?: string): Promise<PeersAnswer> {
    const input = { ...(query !== undefined && { query }) };
    return await this.#connection.call(API.peers, input);
  }

  /**
   * Status and peers, now and whenever they change, at most each `intervalMs` (a second), and
   * with `events` what happens, as {@linkcode events} has it.
   */
  watch(
    { signal, since, ...rest }: ControlWatchOptions = {},
  ): AsyncGenerator<WatchRecord> {
    const input = {
      ...rest,
      ...(since !== undefined && { lastEventId: since }),
    };
    return this.#connection.operate(OPERATIONS.watch, input, { signal });
  }

  /** Measures the round trip to a peer once. */
  async ping(to: string): Promise<PingAnswer> {
    return await this.#connection.call(API.ping, { to });
  }

  /** Sends a message to one peer. */
  async send(
    to: string,
    body: string | Uint8Array<ArrayBuffer>,
    options: ControlSendOptions = {},
  ): Promise<SendAnswer> {
    return await this.#send(API.send, { to, ...options }, body);
  }

  /** Sends a message to every peer that has proven its key to the node. */
  async broadcast(
    body: string | Uint8Array<ArrayBuffer>,
    options: ControlSendOptions = {},
  ): Promise<BroadcastAnswer> {
    return await this.#send(API.broadcast, options, body);
  }

  /**
   * Forwards connections until the iteration is left or the signal aborts. A path is one of the
   * node's process.
   */
  forward(
    options: ControlForwardOptions,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<ForwardRecord> {
    return this.#connection.operate(OPERATIONS.forward, options, { signal });
  }

  /** Sends a request to a connected peer; a body that is not bytes or text is sent as JSON. */
  async request(
    to: string,
    method: string,
    body: unknown,
    { timeoutMs = REQUEST_TIMEOUT_MS }: ControlRequestOptions = {},
  ): Promise<RequestAnswer> {
    const input = { to, method, timeoutMs };
    const options = { waitMs: timeoutMs };
    if (body === undefined) {
      return await this.#connection.call(API.request, input, options);
    }
    // As bytes of their kind, which may be more than a JSON body.
    const kind = body instanceof Uint8Array
      ? "bytes"
      : typeof body === "string"
      ? "text"
      : "json";
    const bytes = body instanceof Uint8Array
      ? new Uint8Array(body)
      : new TextEncoder().encode(
        typeof body === "string" ? body : JSON.stringify(body),
      );
    const fields: Input<typeof API.request> = { ...input, ...{ kind } };
    return await this.#connection.call(API.request, fields, {
      ...options,
      bytes,
    });
  }

  /** Dead letters, oldest first. */
  async deadLetters(): Promise<readonly DeadLetterRow[]> {
    return (await this.#connection.call(API.deadLetters, {})).messages;
  }

  /** One dead letter with its body; `from` if several senders have used the id. */
  async deadLetter(id: string, from?: string): Promise<WholeDeadLetter> {
    return await this.#connection.call(API.deadLetter, letterId(id, from));
  }

  /** Delivers a dead letter to the node's application again. */
  async retry(id: string, from?: string): Promise<void> {
    await this.#connection.call(API.retry, letterId(id, from));
  }

  /** Drops a dead letter for good. */
  async discard(id: string, from?: string): Promise<void> {
    await this.#connection.call(API.discard, letterId(id, from));
  }

  /** Peers that have proven their key and were not admitted. */
  async joinRequests(): Promise<readonly JoinRequestRow[]> {
    return (await this.#connection.call(API.joinRequests, {})).requests;
  }

  /** Access rules, oldest first. */
  async accessRules(): Promise<readonly AccessRuleRow[]> {
    return (await this.#connection.call(API.accessRules, {})).rules;
  }

  /** Allows a whole identity, under the name `name` from now on, if given. */
  async allow(id: string, name?: string): Promise<PeerId> {
    const input = { id, ...(name !== undefined && { name }) };
    return (await this.#connection.call(API.allow, input)).id;
  }

  /** Denies a peer and ends its session. */
  async deny(id: string): Promise<PeerId> {
    return (await this.#connection.call(API.deny, { id })).id;
  }

  /** Takes a peer off the record. */
  async forget(id: string): Promise<PeerId> {
    return (await this.#connection.call(API.forget, { id })).id;
  }

  /** Invites that have not ended. */
  async invites(): Promise<readonly InviteRow[]> {
    return (await this.#connection.call(API.invites, {})).invites;
  }

  /** Makes an invite for one guest, with a QR code of it if `qr` is set. */
  async invite(
    options: {
      readonly ttlMs?: number;
      readonly address?: string;
      readonly qr?: boolean;
    } = {},
  ): Promise<InviteAnswer> {
    return await this.#connection.call(API.invite, options);
  }

  /** Revokes an invite; a guest that was admitted by it stays a member. */
  async revoke(id: string): Promise<InviteRow> {
    return await this.#connection.call(API.revoke, { id });
  }

  /**
   * Sends files and folders of the node's machine to a peer. Ends with a record `end`; to leave
   * the iteration ends the transfer, and a later call goes on where it was.
   *
   * @param paths Absolute; read by the node's process.
   */
  sendFiles(
    to: string,
    paths: readonly string[],
    { signal, ...options }: ControlSendFilesOptions = {},
  ): AsyncGenerator<FileRecord> {
    const input = { to, paths: [...paths], ...options };
    return this.#connection.operate(OPERATIONS.sendFiles, input, { signal });
  }

  /**
   * Receives files into a folder of the node's machine, until `signal` aborts or the iteration
   * is left. Each record `ask` needs an answer by {@linkcode decideOffer}.
   *
   * @param dir Absolute; written by the node's process.
   */
  receiveFiles(
    dir: string,
    { signal, from, ...options }: ControlReceiveFilesOptions,
  ): AsyncGenerator<ReceiveRecord> {
    const input = { dir, ...options, ...(from && { from: [...from] }) };
    return this.#connection.operate(OPERATIONS.receiveFiles, input, { signal });
  }

  /** Accepts or declines what a peer offers, by the ids in a record `ask`. */
  async decideOffer(
    peer: PeerId,
    transfer: string,
    accept: boolean,
  ): Promise<void> {
    const input = { peer, transfer, accept };
    await this.#connection.call(API.decideOffer, input);
  }

  /** Makes an address of the node's page that signs one browser in, once. */
  async pageLink(): Promise<PageLinkAnswer> {
    return await this.#connection.call(API.pageLink, {});
  }

  /** Signs all browsers out, ends unused addresses, and returns how many browsers it were. */
  async signOutPages(): Promise<number> {
    return (await this.#connection.call(API.pageSignOut, { all: true }))
      .signedOut;
  }

  /** Requests the process of the node to stop. */
  async stop(): Promise<void> {
    await this.#connection.call(API.stop, {});
  }

  /**
   * Events of the node until it stops. Types that this version does not know are
   * skipped.
   *
   * @throws {VerackError} `closed` when the stream breaks off.
   */
  events(
    query: EventQuery = {},
    options: EventsOptions = {},
  ): AsyncGenerator<ControlEvent> {
    return this.#connection.events(query, options);
  }

  /**
   * Events until `stopped`, which is the last one, or until `signal` aborts: resumes a
   * stream that breaks, as long as the node runs.
   *
   * @throws {VerackError} as {@linkcode events} the first time; `closed` when the node
   * ends without a `stopped` event.
   */
  follow(
    query: EventQuery,
    options: FollowOptions,
  ): AsyncGenerator<ControlEvent> {
    return followEvents(this.#connection, query, options);
  }

  /** Closes its connections. */
  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }

  async #send<A>(
    endpoint: Endpoint<Fields, A>,
    input: ControlSendOptions & { readonly to?: string },
    body: string | Uint8Array<ArrayBuffer>,
  ): Promise<A> {
    const { waitMs } = input;
    const [fields, bytes] = typeof body === "string"
      ? [{ ...input, text: body }]
      : [{ ...input }, body];
    return await this.#connection.call(endpoint, fields, { waitMs, bytes });
  }
}

function letterId(
  id: string,
  from: string | undefined,
): { readonly id: string; readonly from?: string } {
  return { id, ...(from !== undefined && { from }) };
}
