/**
 * js-libp2p's streams: TCP, Noise, Yamux, and a protocol of our own whose messages
 * have their length before them.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import type {
  Broadcast,
  Channel,
  Contestant,
  Endpoint,
  Listening,
  Receiver,
} from "../contestant.ts";
import { broadcastEach, StreamChannel } from "./stream_channel.ts";

const PROTOCOL = "/verack-bench/1";
const LENGTH_BYTES = 4;

/** Bytes in one or more pieces. */
export interface ByteList {
  readonly byteLength: number;
  subarray(): Uint8Array;
}

/** The part of a stream that is used. */
interface Stream {
  send(bytes: Uint8Array): boolean;
  addEventListener(
    event: "message",
    take: (event: { data: ByteList }) => void,
  ): void;
  addEventListener(event: "drain" | "close", take: () => void): void;
  abort(error: Error): void;
}

/** The part of a node that is used. */
export interface Libp2pNode<Services = unknown> {
  readonly services: Services;
  readonly peerId: { toString(): string };
  getMultiaddrs(): { toString(): string }[];
  getConnections(): unknown[];
  handle(
    protocol: string,
    take: (stream: Stream) => void,
    options: { maxInboundStreams: number },
  ): Promise<void>;
  dial(address: unknown): Promise<unknown>;
  dialProtocol(
    address: unknown,
    protocol: string,
    options: { negotiateFully: boolean },
  ): Promise<Stream>;
}

/** Makes a node that listens on a free port of 127.0.0.1. */
export function createNode<Services>(
  require: NodeJS.Require,
  services: Record<string, unknown>,
): Promise<Libp2pNode<Services>> {
  const { createLibp2p } = require("libp2p");
  const { tcp } = require("@libp2p/tcp");
  const { noise } = require("@libp2p/noise");
  const { yamux } = require("@libp2p/yamux");
  return createLibp2p({
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      yamux({ maxInboundStreams: 2_048, maxOutboundStreams: 2_048 }),
    ],
    // It takes more than five dialers a second from one host for an attack.
    connectionManager: { inboundConnectionThreshold: Infinity },
    // Its pings come too late behind a flood, and it would hang up.
    connectionMonitor: { enabled: false },
    services,
  });
}

/** js-libp2p as a contestant. */
export class Libp2p implements Contestant {
  readonly #require: NodeJS.Require;
  readonly #node: Libp2pNode;

  private constructor(require: NodeJS.Require, node: Libp2pNode) {
    this.#require = require;
    this.#node = node;
  }

  static async create(folder: string): Promise<Libp2p> {
    const require = createRequire(join(folder, "package.json"));
    return new Libp2p(require, await createNode(require, {}));
  }

  async listen(accept: (channel: Channel) => Receiver): Promise<Listening> {
    await this.#node.handle(
      PROTOCOL,
      (stream) => void new Libp2pChannel(stream, accept),
      { maxInboundStreams: 1_024 },
    );
    const endpoint = this.#node.getMultiaddrs().map(String)[0];
    return { endpoint };
  }

  async dial(endpoint: Endpoint, receiver: Receiver): Promise<Channel> {
    const { multiaddr } = this.#require("@multiformats/multiaddr");
    const stream = await this.#node.dialProtocol(
      multiaddr(endpoint),
      PROTOCOL,
      { negotiateFully: true },
    );
    return new Libp2pChannel(stream, () => receiver);
  }

  broadcast(payload: Uint8Array): Broadcast {
    return broadcastEach(payload);
  }
}

/** One stream. */
class Libp2pChannel extends StreamChannel {
  readonly #stream: Stream;
  /** Of a message that has not come as a whole. */
  #rest = new Uint8Array(0);

  constructor(stream: Stream, accept: (channel: Channel) => Receiver) {
    super();
    this.#stream = stream;
    const receiver = accept(this);
    stream.addEventListener(
      "message",
      ({ data }) => this.#take(data.subarray(), receiver),
    );
    stream.addEventListener("drain", () => this.resume());
    stream.addEventListener("close", () => this.resume());
  }

  protected override write(payload: Uint8Array): boolean {
    const bytes = new Uint8Array(LENGTH_BYTES + payload.length);
    new DataView(bytes.buffer).setUint32(0, payload.length);
    bytes.set(payload, LENGTH_BYTES);
    return this.#stream.send(bytes);
  }

  override close(): void {
    this.#stream.abort(new Error("The benchmark is done"));
  }

  #take(data: Uint8Array, receiver: Receiver): void {
    let bytes = data;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + data.length);
      bytes.set(this.#rest);
      bytes.set(data, this.#rest.length);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let start = 0;
    while (bytes.length - start >= LENGTH_BYTES) {
      const end = start + LENGTH_BYTES + view.getUint32(start);
      if (end > bytes.length) break;
      receiver(this, bytes.subarray(start + LENGTH_BYTES, end));
      start = end;
    }
    this.#rest = bytes.slice(start);
  }
}
