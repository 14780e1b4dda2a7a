/**
 * The listening end of Bitcoin handshakes: verack's `respond()`, or bare sockets
 * that read and write as many bytes in the same order.
 */
import { serve } from "../serve.ts";
import { Peak } from "../peak.ts";
import { type BitcoinSizes, readExactly, writeAll } from "../bare_bitcoin.ts";

const [kind, given] = Deno.args as [string, string];

/** Port of the listening socket. */
async function listenVerack(): Promise<number> {
  const { respond } = await import("../../../src/bitcoin/respond.ts");
  const responder = await respond({
    port: 0,
    network: "regtest",
    maxConnections: 2_000,
    services: 9n, // Others leave what is no full node.
  });
  return responder.address.port;
}

function listenBare(sizes: BitcoinSizes): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answer = async (conn: Deno.TcpConn) => {
    const buffer = new Uint8Array(4_096);
    try {
      conn.setNoDelay(true);
      for (let i = 0; i < 2; i++) {
        await readExactly(conn, buffer, sizes.out[i]!);
        await writeAll(conn, buffer.subarray(0, sizes.in[i]));
      }
      while (await conn.read(buffer) !== null);
    } catch {
      // The other end went away.
    }
    conn.close();
  };
  const accept = async () => {
    for await (const conn of listener) answer(conn);
  };
  accept();
  return listener.addr.port;
}

const port = kind === "bare"
  ? listenBare(JSON.parse(given) as BitcoinSizes)
  : await listenVerack();
let peak: Peak | undefined;

await serve({
  port: () => port,
  watch: async () => {
    peak = await Peak.start();
  },
  peak: () => peak?.stop(),
});
