/** Hyperswarm's encrypted stream over TCP: one stream a connection. */
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import net from "node:net";
import { join } from "node:path";
import type { SecretStream } from "../contestants/secret_stream.ts";
import type {
  ByteStream,
  StreamContestant,
  StreamSession,
  Taker,
} from "./byte_stream.ts";

const HOST = "127.0.0.1";

type SecretStreamConstructor = new (
  isInitiator: boolean,
  socket: net.Socket,
) => SecretStream;

/** secret-stream as a contestant. */
export class SecretByteStreams implements StreamContestant {
  readonly #stream: SecretStreamConstructor;

  constructor(folder: string) {
    const require = createRequire(join(folder, "package.json"));
    this.#stream = require("@hyperswarm/secret-stream");
  }

  async listen(handle: (stream: ByteStream) => void): Promise<number> {
    const server = net.createServer({ noDelay: true }, async (socket) => {
      const stream = new this.#stream(false, socket);
      stream.on("error", () => {});
      if (await stream.opened) handle(new SecretByteStream(stream));
    });
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
    return (server.address() as net.AddressInfo).port;
  }

  connect(endpoint: unknown): Promise<StreamSession> {
    const port = endpoint as number;
    return Promise.resolve({
      open: async () => {
        const socket = net.connect({ port, host: HOST, noDelay: true });
        const stream = new this.#stream(true, socket);
        stream.on("error", () => {});
        await stream.opened;
        return new SecretByteStream(stream);
      },
    });
  }
}

/** One encrypted stream. */
class SecretByteStream implements ByteStream {
  readonly #stream: SecretStream;
  #wake: () => void = () => {};

  constructor(stream: SecretStream) {
    this.#stream = stream;
    stream.on("drain", () => this.#wake());
  }

  receive(take: Taker): void {
    this.#stream.on("data", take);
  }

  /** It encrypts in place later, so that the caller's bytes must be copied. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#stream.write(Buffer.from(bytes))) return;
    await new Promise<void>((resolve) => this.#wake = resolve);
  }

  /** Its loads tell each other how much comes. */
  end(): void {}

  abort(): void {
    this.#stream.destroy();
  }
}
