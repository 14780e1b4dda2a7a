/** Deno's TLS sockets as streams: one connection a stream, no frames. */
import { dialBare, listenBare } from "../contestants/bare.ts";
import {
  type BareCredentials,
  makeCredentials,
  type TlsEndpoint,
} from "../contestants/credentials.ts";
import type {
  ByteStream,
  StreamContestant,
  StreamSession,
} from "./byte_stream.ts";
import { PullStream, WebStream } from "./pull.ts";

/** Bare TLS sockets as a contestant. */
export class BareStreams implements StreamContestant {
  readonly #credentials: BareCredentials;
  readonly #web: boolean;

  private constructor(credentials: BareCredentials, web: boolean) {
    this.#credentials = credentials;
    this.#web = web;
  }

  static async create(web: boolean): Promise<BareStreams> {
    return new BareStreams(await makeCredentials(), web);
  }

  listen(handle: (stream: ByteStream) => void): Promise<TlsEndpoint> {
    const { cert, serverName } = this.#credentials;
    const listener = listenBare(this.#credentials);
    const serve = async () => {
      for await (const conn of listener) handle(this.#streamOf(conn));
    };
    serve();
    const { port } = listener.addr;
    return Promise.resolve({ port, certificate: cert, serverName });
  }

  connect(endpoint: unknown): Promise<StreamSession> {
    return Promise.resolve({
      open: async () => this.#streamOf(await dialBare(endpoint as TlsEndpoint)),
    });
  }

  #streamOf(conn: Deno.TlsConn): ByteStream {
    const abort = () => conn[Symbol.dispose]();
    return this.#web ? new WebStream(conn, abort) : new PullStream(conn, abort);
  }
}
