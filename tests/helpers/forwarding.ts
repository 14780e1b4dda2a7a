/** Two nodes with a session, and servers of TCP to forward to, for tests. */
import { Node } from "../../src/mesh/node.ts";
import type { NodeOptions } from "../../src/mesh/options.ts";
import type { Forward, ForwardEvent } from "../../src/services/mod.ts";
import { identities } from "./identities.ts";
import { until } from "./until.ts";

/** Two nodes; both have standing with the other, as is usual. */
export class Pair implements AsyncDisposable {
  /** Has the targets. */
  readonly server: Node;
  readonly client: Node;

  private constructor(server: Node, client: Node) {
    this.server = server;
    this.client = client;
  }

  static async start(options: NodeOptions = {}): Promise<Pair> {
    const [one, two] = await identities(2);
    const server = await Node.start({
      name: "server",
      identity: one!,
      ...options,
    });
    const client = await Node.start({
      name: "client",
      identity: two!,
      connect: [server.address],
    });
    const pair = new Pair(server, client);
    await pair.connected();
    return pair;
  }

  get serverId(): string {
    return this.server.identity.id;
  }

  get clientId(): string {
    return this.client.identity.id;
  }

  /** Resolves when both have the session. */
  async connected(): Promise<void> {
    await until(
      "both nodes have their session",
      () =>
        this.server.sessions().length === 1 &&
        this.client.sessions().length === 1,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.client.close(), this.server.close()]);
  }
}

/** A TCP server that handles each connection. */
export class TcpServer implements AsyncDisposable {
  readonly port: number;
  /** Connections that were accepted. */
  accepted = 0;
  readonly #listener: Deno.TcpListener;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #done: Promise<void>;

  /** @param handle May throw when its connection breaks. */
  constructor(
    handle: (socket: Deno.TcpConn) => Promise<void>,
    options: { readonly port?: number; readonly hostname?: string } = {},
  ) {
    const { port = 0, hostname = "127.0.0.1" } = options;
    this.#listener = Deno.listen({ hostname, port });
    this.port = this.#listener.addr.port;
    this.#done = this.#serve(handle);
  }

  /** Connections that are open. */
  get open(): number {
    return this.#open.size;
  }

  async #serve(
    handle: (socket: Deno.TcpConn) => Promise<void>,
  ): Promise<void> {
    const tasks: Promise<void>[] = [];
    for await (const socket of this.#listener) {
      this.accepted++;
      this.#open.add(socket);
      tasks.push(
        handle(socket).catch(() => {}).finally(() => {
          this.#open.delete(socket);
          socket[Symbol.dispose]();
        }),
      );
    }
    await Promise.all(tasks);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener[Symbol.dispose]();
    for (const socket of this.#open) socket[Symbol.dispose]();
    await this.#done;
  }
}

/** Sends back what comes, and ends when the other end has. */
export async function echo(socket: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const count = await socket.read(buffer);
    if (count === null) break;
    await writeAll(socket, buffer.subarray(0, count));
  }
  await socket.closeWrite();
}

/** Writes all of it. */
export async function writeAll(
  socket: Deno.Conn,
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await socket.write(bytes.subarray(at));
  }
}

/** All bytes up to the end. */
export async function readAll(socket: Deno.Conn): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const count = await socket.read(buffer);
    if (count === null) break;
    parts.push(buffer.slice(0, count));
  }
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
}

/** Exactly so many bytes. */
export async function readExactly(
  socket: Deno.Conn,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await socket.read(bytes.subarray(at));
    if (count === null) throw new Error(`the end after ${at} of ${length}`);
    at += count;
  }
  return bytes;
}

/** A connection to an address as `Forward.address` gives it. */
export function dial(address: string): Promise<Deno.TcpConn> {
  const at = address.lastIndexOf(":");
  const hostname = address.slice(0, at).replace(/^\[|\]$/g, "");
  return Deno.connect({ hostname, port: Number(address.slice(at + 1)) });
}

/** Whether a connection was ended by the other end, without a byte. */
export async function endsEmpty(socket: Deno.Conn): Promise<boolean> {
  try {
    return await socket.read(new Uint8Array(1)) === null;
  } catch {
    return true;
  }
}

/** The events of a forward, as they come. */
export class ForwardLog {
  readonly events: ForwardEvent[] = [];
  /** Resolves when there are no more. */
  readonly ended: Promise<void>;

  constructor(forward: Forward) {
    this.ended = this.#collect(forward);
  }

  /** Those of one type. */
  of<T extends ForwardEvent["type"]>(
    type: T,
  ): Extract<ForwardEvent, { type: T }>[] {
    return this.events.filter((it): it is Extract<ForwardEvent, { type: T }> =>
      it.type === type
    );
  }

  /** The first of one type, when it has come. */
  async first<T extends ForwardEvent["type"]>(
    type: T,
  ): Promise<Extract<ForwardEvent, { type: T }>> {
    await until(`an event ${type}`, () => this.of(type).length > 0);
    return this.of(type)[0]!;
  }

  async #collect(forward: Forward): Promise<void> {
    for await (const event of forward) this.events.push(event);
  }
}
