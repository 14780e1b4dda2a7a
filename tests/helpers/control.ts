/** A node with its control API in a directory of its own, for tests. */
import { type Clock, systemClock, systemRandom } from "../../src/core/clock.ts";
import { ControlClient } from "../../src/control/control_client.ts";
import { ControlConnection } from "../../src/control/control_connection.ts";
import { findControlEndpoint } from "../../src/control/control_endpoint.ts";
import type { ServedOperation } from "../../src/control/handlers/handler.ts";
import { ControlServer } from "../../src/control/control_server.ts";
import {
  openDirectory,
  openPagePort,
  openPort,
} from "../../src/control/control_listeners.ts";
import type { MessageEvent } from "../../src/control/answers.ts";
import { parsePeerId } from "../../src/core/peer_id.ts";
import { Node } from "../../src/mesh/node.ts";
import type { NodeOptions } from "../../src/mesh/options.ts";
import { until } from "./until.ts";

/** Shown at the port of a {@linkcode ControlScene}. */
export const TOKEN = "0123456789abcdef0123456789abcdef";

/** Time and chance as they are. */
export const TIMES = { clock: systemClock, random: systemRandom } as const;

/** A message as watchers see it; its number is its delivery count. */
export function message(
  topic: string,
  number: number,
  text?: string,
): MessageEvent {
  return {
    type: "message",
    from: parsePeerId("0".repeat(64)),
    topic,
    id: `${number}`,
    deliveryCount: number,
    ...(text !== undefined && { text }),
  };
}

/** A node, and both ways into its control API. */
export class ControlScene implements AsyncDisposable {
  readonly node: Node;
  readonly server: ControlServer;
  readonly directory: string;
  /** Of the loopback port. */
  port = 0;
  /** How often the process was asked to leave. */
  stops = 0;
  #close: () => Promise<void> = () => Promise.resolve();

  private constructor(
    node: Node,
    directory: string,
    operations: readonly ServedOperation[],
  ) {
    this.node = node;
    this.directory = directory;
    this.server = new ControlServer({
      node,
      clock: systemClock,
      onStop: () => this.stops++,
      operations,
      openPage: () => openPagePort(this.server, systemClock),
    });
  }

  /**
   * @param clock Times the connections.
   * @param operations Operations besides those of the schema.
   */
  static async start(
    options: NodeOptions = {},
    clock: Clock = systemClock,
    operations: readonly ServedOperation[] = [],
  ): Promise<ControlScene> {
    const node = await Node.start(options);
    const scene = new ControlScene(
      node,
      await Deno.makeTempDir(),
      operations,
    );
    try {
      const { server, directory } = scene;
      scene.#close = await openDirectory(server, directory, {
        ...TIMES,
        clock,
      });
      scene.port = await openPort(server, {
        address: { host: "127.0.0.1", port: 0 },
        token: TOKEN,
        clock,
      });
      return scene;
    } catch (error) {
      await scene[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A peer that has a session with the node. */
  async peer(options: NodeOptions = {}): Promise<Node> {
    const peer = await Node.start({ connect: [this.node.address], ...options });
    const { id } = peer.identity;
    await until(
      "a peer",
      () => this.node.sessions().some((it) => it.id === id),
    );
    return peer;
  }

  /** A connection as {@linkcode ControlClient} has it, by the socket or by the port. */
  async connection(way: "socket" | "port"): Promise<ControlConnection> {
    const endpoint = way === "port"
      ? {
        url: `http://127.0.0.1:${this.port}`,
        label: "at the port",
        token: TOKEN,
      }
      : await findControlEndpoint(this.directory);
    return new ControlConnection(endpoint, systemClock);
  }

  /** A client as another process has it. */
  async client(): Promise<ControlClient> {
    return await ControlClient.find(this.directory);
  }

  /** A one-time address of the page. */
  async pageLink(): Promise<string> {
    using client = await this.client();
    return (await client.pageLink()).url;
  }

  /** A connection to the loopback port, with the head of a request that has the token. */
  async connect(line: string, ...headers: string[]): Promise<Deno.TcpConn> {
    const connection = await Deno.connect({ port: this.port });
    const head = [
      `${line} HTTP/1.1`,
      `Host: 127.0.0.1:${this.port}`,
      `Authorization: Bearer ${TOKEN}`,
      ...headers,
      "\r\n",
    ];
    await connection.write(new TextEncoder().encode(head.join("\r\n")));
    return connection;
  }

  /** What a `POST` of JSON is answered. */
  async post(
    path: string,
    fields: Readonly<Record<string, unknown>>,
    // deno-lint-ignore no-explicit-any -- the answer of any path, also an error
  ): Promise<any> {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify(fields);
    const response = await this.fetch(path, { method: "POST", headers, body });
    return await response.json();
  }

  /** A request to the loopback port, with the token unless told otherwise. */
  async fetch(
    path: string,
    init: RequestInit & { readonly token?: string | null } = {},
  ): Promise<Response> {
    const { token = TOKEN, ...rest } = init;
    const headers = new Headers(rest.headers);
    if (token !== null) headers.set("authorization", `Bearer ${token}`);
    const url = `http://127.0.0.1:${this.port}${path}`;
    return await fetch(url, { ...rest, headers });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    await this.#close();
    await this.node.close();
    await Deno.remove(this.directory, { recursive: true });
  }
}
