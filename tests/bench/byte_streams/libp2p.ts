/** js-libp2p's streams as its documentation shows them: events, `send` and `drain`. */
import { createRequire } from "node:module";
import { join } from "node:path";
import {
  type ByteList,
  createNode,
  type Libp2pNode,
} from "../contestants/libp2p.ts";
import type {
  ByteStream,
  StreamContestant,
  StreamSession,
  Taker,
} from "./byte_stream.ts";

const PROTOCOL = "/verack-bench-stream/1";
/** Of one protocol and connection. */
const MAX_STREAMS = 2_048;

/** The part of a stream that is used. */
interface Stream {
  send(bytes: Uint8Array): boolean;
  onDrain(): Promise<void>;
  close(): Promise<void>;
  abort(error: Error): void;
  addEventListener(
    event: "message",
    take: (event: { data: ByteList }) => void,
  ): void;
  addEventListener(event: "remoteCloseWrite", take: () => void): void;
}

/** The part of a connection that is used. */
interface Connection {
  newStream(
    protocol: string,
    options: { maxOutboundStreams: number },
  ): Promise<Stream>;
}

/** js-libp2p as a contestant. */
export class Libp2pStreams implements StreamContestant {
  readonly #require: NodeJS.Require;
  readonly #node: Libp2pNode;

  private constructor(require: NodeJS.Require, node: Libp2pNode) {
    this.#require = require;
    this.#node = node;
  }

  static async create(folder: string): Promise<Libp2pStreams> {
    const require = createRequire(join(folder, "package.json"));
    return new Libp2pStreams(require, await createNode(require, {}));
  }

  async listen(handle: (stream: ByteStream) => void): Promise<string> {
    await this.#node.handle(
      PROTOCOL,
      (stream) => handle(new Libp2pStream(stream as unknown as Stream)),
      { maxInboundStreams: MAX_STREAMS },
    );
    return this.#node.getMultiaddrs().map(String)[0]!;
  }

  async connect(endpoint: unknown): Promise<StreamSession> {
    const { multiaddr } = this.#require("@multiformats/multiaddr");
    const connection = await this.#node.dial(multiaddr(endpoint)) as Connection;
    const options = { maxOutboundStreams: MAX_STREAMS };
    return {
      open: async () =>
        new Libp2pStream(await connection.newStream(PROTOCOL, options)),
    };
  }
}

/** One stream. */
class Libp2pStream implements ByteStream {
  readonly #stream: Stream;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  receive(take: Taker): void {
    this.#stream.addEventListener(
      "message",
      ({ data }) => take(data.subarray()),
    );
    this.#stream.addEventListener("remoteCloseWrite", () => take(null));
  }

  /** It keeps what is sent, so that the caller's bytes must be copied. */
  async write(bytes: Uint8Array): Promise<void> {
    if (!this.#stream.send(bytes.slice())) await this.#stream.onDrain();
  }

  end(): void {
    this.#stream.close().catch(() => {});
  }

  abort(): void {
    this.#stream.abort(new Error("The benchmark is done"));
  }
}
