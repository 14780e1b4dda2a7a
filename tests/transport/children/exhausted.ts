/**
 * Listens under a low limit of descriptors, which the test uses up from outside.
 * Prints its port, then a line for every connection it has served.
 */
import { tcpTransport } from "../../../src/transport/tcp.ts";
import { tlsTransport } from "../../../src/transport/tls.ts";
import type { Incoming } from "../../../src/transport/transport.ts";

const [kind, certificate = "", privateKeyPem = ""] = Deno.args;
const transport = kind === "tls" ? tlsTransport() : tcpTransport();
const listener = await transport.listen({ host: "127.0.0.1", port: 0 }, {
  credentials: {
    certificate: Uint8Array.fromBase64(certificate),
    privateKeyPem,
  },
});
console.log(listener.address.port);

/** Holds on to the connection until the other end lets go. */
async function serve(incoming: Incoming): Promise<void> {
  try {
    const connection = await incoming.open();
    console.log("served");
    await connection.read(new Uint8Array(16));
    connection.close();
  } catch {
    // Went away before it said anything.
  }
}

for (
  let incoming = await listener.accept();
  incoming !== null;
  incoming = await listener.accept()
) {
  serve(incoming);
}
