/** One end of a forwarded port: of a verack node, or of bare sockets. */
import { dialBare, listenBare } from "../contestants/bare.ts";
import {
  makeCredentials,
  type TlsEndpoint,
} from "../contestants/credentials.ts";
import { Node } from "../../../mod.ts";
import { allowForwarding, forward } from "../../../src/services/mod.ts";
import { serve } from "../serve.ts";

const HOST = "127.0.0.1";
const BUFFER_BYTES = 131_072;

/** Copies one direction and ends it. */
async function copy(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (
    let count = await from.read(buffer);
    count !== null;
    count = await from.read(buffer)
  ) {
    for (let at = 0; at < count;) {
      at += await to.write(buffer.subarray(at, count));
    }
  }
  await to.closeWrite();
}

async function join(one: Deno.Conn, other: Deno.Conn): Promise<void> {
  // Connections that end in the middle are no business of the benchmark.
  await Promise.allSettled([copy(one, other), copy(other, one)]);
  one[Symbol.dispose]();
  other[Symbol.dispose]();
}

async function connect(port: number): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: HOST, port });
  conn.setNoDelay(true);
  return conn;
}

async function serveBare(target: number): Promise<TlsEndpoint> {
  const credentials = await makeCredentials();
  const listener = listenBare(credentials);
  const accept = async () => {
    for await (const conn of listener) {
      join(conn, await connect(target));
    }
  };
  accept();
  const { port } = listener.addr;
  const { cert, serverName } = credentials;
  return { port, certificate: cert, serverName };
}

function forwardBare(endpoint: TlsEndpoint): number {
  const listener = Deno.listen({ hostname: HOST, port: 0 });
  const accept = async () => {
    for await (const conn of listener) {
      conn.setNoDelay(true);
      join(conn, await dialBare(endpoint));
    }
  };
  accept();
  return listener.addr.port;
}

/** The node of this end; it stays until the process ends. */
async function serveVerack(target: number): Promise<string> {
  const node = await Node.start();
  allowForwarding(node, { connect: [`${target}`] });
  return `${node.identity.id}@${node.address}`;
}

async function forwardVerack(address: string, target: number): Promise<number> {
  const [peer = ""] = address.split("@");
  const node = await Node.start({ connect: [address] });
  await node.joined();
  const to = `${target}`;
  const forwarded = await forward(node, { listen: "0", peer, to });
  return Number(forwarded.address.split(":").at(-1));
}

await serve(
  Deno.args[0] === "bare"
    ? { serve: serveBare, forward: forwardBare }
    : { serve: serveVerack, forward: forwardVerack },
);
