/**
 * Hyperswarm's encrypted stream over TCP, as its documentation shows it: one
 * `write` a message, one `data` a message, Nagle's algorithm off.
 */
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import net from "node:net";
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

const HOST = "127.0.0.1";

/** The part of a `NoiseSecretStream` that is used. */
export interface SecretStream {
  readonly opened: Promise<boolean>;
  write(data: Uint8Array): boolean;
  on(event: "data", take: (data: Uint8Array) => void): void;
  on(event: "drain", take: () => void): void;
  on(event: "error", take: (error: Error) => void): void;
  destroy(): void;
}

type SecretStreamConstructor = new (
  isInitiator: boolean,
  socket: net.Socket,
) => SecretStream;

/** secret-stream as a contestant. */
export class SecretStreams implements Contestant {
  readonly #stream: SecretStreamConstructor;

  private constructor(stream: SecretStreamConstructor) {
    this.#stream = stream;
  }

  static create(folder: string): SecretStreams {
    const require = createRequire(join(folder, "package.json"));
    return new SecretStreams(require("@hyperswarm/secret-stream"));
  }

  async listen(accept: (channel: Channel) => Receiver): Promise<Listening> {
    const server = net.createServer({ noDelay: true }, (socket) => {
      acceptSecret(new this.#stream(false, socket), accept);
    });
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
    const { port } = server.address() as net.AddressInfo;
    return { endpoint: { port } };
  }

  async dial(endpoint: Endpoint, receiver: Receiver): Promise<Channel> {
    const { port } = endpoint as { port: number };
    const socket = net.connect({ port, host: HOST, noDelay: true });
    const stream = new this.#stream(true, socket);
    const channel = new SecretChannel(stream, () => receiver);
    await stream.opened;
    return channel;
  }

  broadcast(payload: Uint8Array): Broadcast {
    return broadcastEach(payload);
  }
}

/** Makes a channel of a stream when it is open. */
export async function acceptSecret(
  stream: SecretStream,
  accept: (channel: Channel) => Receiver,
): Promise<void> {
  stream.on("error", () => {});
  if (await stream.opened) new SecretChannel(stream, accept);
}

/** One encrypted stream. */
export class SecretChannel extends StreamChannel {
  readonly #stream: SecretStream;

  constructor(stream: SecretStream, accept: (channel: Channel) => Receiver) {
    super();
    this.#stream = stream;
    const receiver = accept(this);
    stream.on("data", (data) => receiver(this, data));
    stream.on("drain", () => this.resume());
    stream.on("error", () => {});
  }

  protected override write(payload: Uint8Array): boolean {
    return this.#stream.write(Buffer.from(payload));
  }

  override close(): void {
    this.#stream.destroy();
  }
}
