/**
 * A node as its page sees it: the files of the page, and answers that a test gives, so that
 * what the page does can be tested apart from a mesh.
 */
import type {
  ControlEvent,
  DeadLetterRow,
  InviteRow,
  JoinRequestRow,
  PeerRow,
  SessionRow,
  StatusAnswer,
} from "../../src/control/answers.ts";
import { pageResponse } from "../../src/control/page_responses.ts";
import { NodeHistograms, readHistograms } from "../../src/core/histogram.ts";
import {
  COUNTER_NAMES,
  type NodeCounters,
} from "../../src/core/node_counters.ts";
import type { PeerId } from "../../src/core/peer_id.ts";
import { pageFile } from "../../src/page/page_files.ts";

const encoder = new TextEncoder();

const STARTED = "2026-11-30T08:00:00.000Z";

/** An id of one digit. */
export function idOf(digit: string): PeerId {
  return digit.repeat(64) as PeerId;
}

/** A connected peer. */
export function peerOf(id: PeerId, rest: Partial<PeerRow> = {}): PeerRow {
  return {
    id,
    connected: true,
    addresses: ["192.0.2.1:8080"],
    standing: true,
    trust: "known",
    ephemeral: false,
    firstSeen: STARTED,
    lastSeen: STARTED,
    ...rest,
  };
}

/** A session with a peer. */
export function sessionOf(
  id: PeerId,
  rest: Partial<SessionRow> = {},
): SessionRow {
  return {
    id,
    direction: "inbound",
    hops: 1,
    remoteAddress: "192.0.2.1:8080",
    userAgent: "/verack:0.1.0/",
    openedAt: STARTED,
    bytesSent: 1_000,
    bytesReceived: 2_000,
    messagesSent: 1,
    messagesReceived: 2,
    rttMs: 5,
    ...rest,
  };
}

/** A request that changes something. */
export interface Post {
  readonly path: string;
  readonly body: Record<string, unknown>;
}

/** What answers a request: the answer, or a refusal with a code and a message. */
export type Answering = (
  body: Record<string, unknown>,
) => object | Promise<object>;

/** A refusal by the node. */
export function refusal(code: string, message: string): object {
  return { error: { code, message } };
}

/** Serves the page on a free port. */
export class FakePageNode implements AsyncDisposable {
  readonly posts: Post[] = [];
  readonly answers = new Map<string, Answering>();
  /** Answers to requests that change nothing, besides those of the lists below. */
  readonly gets = new Map<string, object>();
  peers: PeerRow[] = [];
  sessions: SessionRow[] = [];
  requests: JoinRequestRow[] = [];
  invites: InviteRow[] = [];
  deadLetters: DeadLetterRow[] = [];
  /** Fields of the status that are not as in {@linkcode statusOf}. */
  status: Partial<StatusAnswer> = {};
  #stream: ReadableStreamDefaultController | undefined;
  readonly #listening = Promise.withResolvers<void>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #events = 0;

  constructor() {
    this.#server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      (request) => this.#serve(request),
    );
  }

  /** An address that signs in. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/#${"c".repeat(43)}`;
  }

  /** Resolves when a page reads the events. */
  get listened(): Promise<void> {
    return this.#listening.promise;
  }

  /** Sends the state to the page. */
  push(): void {
    this.#send({ type: "status", status: this.#status() });
    const { peers, sessions } = this;
    this.#send({ type: "peers", peers, sessions });
  }

  /** Sends an event to the page. */
  emit(event: Record<string, unknown> & { type: ControlEvent["type"] }): void {
    this.#events++;
    this.#send({
      type: "event",
      id: `e-${this.#events}`,
      event: { time: STARTED, ...event },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#stream?.close();
    } catch {
      // The browser was first.
    }
    await this.#server.shutdown();
  }

  #send(record: object): void {
    const text = `data: ${JSON.stringify(record)}\n\n`;
    this.#stream?.enqueue(encoder.encode(text));
  }

  #status(): StatusAnswer {
    return { ...statusOf(this.peers.length), ...this.status };
  }

  async #serve(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const file = pageFile(pathname);
    if (file !== undefined) return pageResponse(request, pageFile);
    const body = request.method === "POST" ? await request.json() : {};
    if (pathname === "/v1/page/sign-in") return Response.json({ key: "key" });
    if (pathname === "/v1/watch") return this.#watch();
    const { requests, invites, deadLetters } = this;
    const lists: Record<string, object> = {
      "/v1/access-rules": { rules: [] },
      "/v1/requests": { requests },
      "/v1/invites": { invites },
      "/v1/dead-letters": { messages: deadLetters },
    };
    if (request.method === "GET") {
      return Response.json(lists[pathname] ?? this.gets.get(pathname) ?? {});
    }
    this.posts.push({ path: pathname, body });
    const answer = await (this.answers.get(pathname) ?? (() => ({})))(body);
    return Response.json(answer, { status: "error" in answer ? 409 : 200 });
  }

  #watch(): Response {
    const body = new ReadableStream({
      start: (controller) => {
        this.#stream = controller;
        this.push();
        this.#send({ type: "event", id: "e-0" });
        this.#listening.resolve();
      },
    });
    return new Response(body, {
      headers: { "content-type": "text/event-stream" },
    });
  }
}

function statusOf(peers: number): StatusAnswer {
  return {
    id: idOf("0"),
    name: "zoe",
    ephemeral: false,
    address: "127.0.0.1:8080",
    addresses: ["127.0.0.1:8080"],
    ownNetwork: { watched: true, interfaces: [], seenAs: [], changes: 0 },
    network: "main",
    version: "0.1.0",
    startedAt: STARTED,
    uptimeMs: 60_000,
    admission: "closed",
    secret: false,
    mesh: { nodes: peers + 1, sessions: peers, missing: [] },
    health: [],
    peers,
    unproven: 0,
    outbox: { messages: 0, bytes: 0 },
    keptTopics: [],
    relayed: [],
    notRelayed: [],
    queues: [],
    limits: {
      connectedPeers: 200,
      peers: 1_000,
      unproven: 64,
      queueBytes: 1_000_000,
      messages: 1_000,
      messageBytes: 1_000_000,
      messageAgeMs: 1_000_000,
    },
    counters: Object.fromEntries(
      COUNTER_NAMES.map((name) => [name, 0]),
    ) as unknown as NodeCounters,
    histograms: readHistograms(new NodeHistograms()),
    streams: 0,
    requests: { running: 0, bytes: 0 },
    reach: { listening: true, peers: [] },
    process: { residentBytes: 1, heapBytes: 1, cpuMs: 1 },
    control: { requests: 0, streams: 0, eventsMissed: 0 },
  };
}
