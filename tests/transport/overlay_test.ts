import { assert, assertEquals } from "@std/assert";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import { tcpTransport } from "../../src/transport/tcp.ts";
import { tlsTransport } from "../../src/transport/tls.ts";
import type { Overlay } from "../../src/transport/transport.ts";
import { overlayContract } from "../contract/overlay_contract.ts";
import { clockThatEnds } from "../contract/pair.ts";
import { makeCertificate } from "../helpers/certificates.ts";

const NAME = "0123456789abcdef0123456789abcdef.verack.invalid";
const own = await makeCertificate(NAME);
const other = await makeCertificate(NAME);
const secured = {
  credentials: own,
  pin: { certificate: own.certificate, serverName: NAME },
  wrongPin: { certificate: other.certificate, serverName: NAME },
};

overlayContract("The overlay of tlsTransport()", async () => ({
  overlay: await tlsOverlay(),
  carrier: tcpTransport(),
  host: "127.0.0.1",
  secured,
}));

overlayContract("The overlay of tcpTransport()", () =>
  Promise.resolve({
    overlay: defined(tcpTransport().overlay),
    carrier: tcpTransport(),
    host: "127.0.0.1",
  }));

for (const secure of [true, false]) {
  const name = secure ? "MemoryNetwork" : "MemoryNetwork without security";
  overlayContract(`The overlay of ${name}`, () => {
    const { clock, cancel } = clockThatEnds();
    const random = new SeededRandom(1);
    const network = (secure: boolean) =>
      new MemoryNetwork({ clock, random, secure }).transport("10.0.0.1");
    return Promise.resolve({
      overlay: defined(network(secure).overlay),
      carrier: network(false),
      host: "10.0.0.1",
      finish: cancel,
      ...(secure && { secured }),
    });
  });
}

Deno.test("TLS has no overlay before it was checked, nor without the engine", async () => {
  const without = tlsTransport({ engine: false });
  const engine = tlsTransport();
  assertEquals(engine.overlay, undefined);
  for (const transport of [without, engine]) {
    const listener = await transport.listen({ host: "127.0.0.1", port: 0 }, {
      credentials: own,
    });
    listener.close();
  }
  assertEquals(without.overlay, undefined);
  assert(engine.overlay !== undefined);
});

async function tlsOverlay(): Promise<Overlay> {
  const transport = tlsTransport();
  const listener = await transport.listen({ host: "127.0.0.1", port: 0 }, {
    credentials: own,
  });
  listener.close();
  return defined(transport.overlay);
}

function defined(overlay: Overlay | undefined): Overlay {
  assert(overlay !== undefined);
  return overlay;
}
