/** Deno's TCP sockets as streams: one connection a stream, no frames. */
import type {
  ByteStream,
  StreamContestant,
  StreamSession,
} from "./byte_stream.ts";
import { PullStream } from "./pull.ts";

const HOST = "127.0.0.1";

/** TCP sockets as a contestant. */
export class TcpStreams implements StreamContestant {
  listen(handle: (stream: ByteStream) => void): Promise<number> {
    const listener = Deno.listen({ hostname: HOST, port: 0 });
    const serve = async () => {
      for await (const conn of listener) handle(streamOf(conn));
    };
    serve();
    return Promise.resolve(listener.addr.port);
  }

  connect(endpoint: unknown): Promise<StreamSession> {
    const port = endpoint as number;
    return Promise.resolve({
      open: async () => streamOf(await Deno.connect({ hostname: HOST, port })),
    });
  }
}

function streamOf(conn: Deno.TcpConn): ByteStream {
  conn.setNoDelay(true);
  return new PullStream(conn, () => conn[Symbol.dispose]());
}
