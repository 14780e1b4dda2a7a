/** Strangers who send what no TLS client would: typed errors, and the listener lives on. */
import { assert } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import { tlsTransport } from "../../src/transport/tls.ts";
import { assertCode } from "../contract/pair.ts";
import { makeCertificate } from "../helpers/certificates.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";

const NAME = "0123456789abcdef0123456789abcdef.verack.invalid";
const own = await makeCertificate(NAME);
const SEED = 20_261_120;

/** The first flight of a real client. */
async function recordClientHello(): Promise<Uint8Array> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  using server = await listener.accept();
  using tls = await Deno.startTls(tcp, {
    hostname: NAME,
    caCerts: [own.certificatePem],
    alpnProtocols: ["verack/1"],
  });
  const handshake = tls.handshake().catch(() => {});
  const buffer = new Uint8Array(4_096);
  const count = await server.read(buffer) ?? 0;
  server[Symbol.dispose]();
  await handshake;
  return buffer.slice(0, count);
}

/** What strangers send: noise, cut and altered hellos, hellos with noise after them. */
function* garbage(hello: Uint8Array, random: SeededRandom) {
  for (let i = 0; i < 30; i++) yield random.bytes(random.below(300));
  for (let i = 0; i < 30; i++) yield hello.slice(0, random.below(hello.length));
  for (let i = 0; i < 100; i++) {
    const altered = hello.slice();
    for (let n = random.below(4); n >= 0; n--) {
      altered[random.below(altered.length)] = random.below(256);
    }
    yield altered;
  }
  for (let i = 0; i < 20; i++) {
    yield Uint8Array.of(...hello, ...random.bytes(500));
  }
  // A record that promises more than it may, and a handshake message without end.
  yield Uint8Array.of(22, 3, 1, 0xff, 0xff);
  const endless = new Uint8Array(16_384 + 5);
  endless.set([22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff]);
  yield endless;
}

Deno.test("open() rejects with a VerackError whatever a stranger sends, and the listener lives on", async () => {
  const transport = tlsTransport();
  const listener = await transport.listen(
    { host: "127.0.0.1", port: 0 },
    { credentials: own },
  );
  const { port } = listener.address;
  const hello = await recordClientHello();
  assert(hello.length > 100);
  for (const says of garbage(hello, new SeededRandom(SEED))) {
    const stranger = await Deno.connect({ hostname: "127.0.0.1", port });
    const incoming = await listener.accept();
    assert(incoming !== null);
    const opening = incoming.open().then(
      (connection) => connection.close(),
      (error) => {
        if (!(error instanceof VerackError)) throw error;
      },
    );
    await stranger.write(says);
    await stranger.closeWrite().catch(() => {}); // it may have hung up already
    await opening;
    stranger.close();
  }
  const dialing = transport.dial(listener.address, {
    pin: { certificate: own.certificate, serverName: NAME },
  });
  const accepted = await (await listener.accept())?.open();
  (await dialing).close();
  accepted?.close();
  listener.close();
});

for (const engine of [true, false]) {
  const by = engine ? "the engine" : "Deno.startTls";
  Deno.test(`dial() by ${by} tells what is wrong also if the other end has gone and takes no alert`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    const pin = { certificate: own.certificate, serverName: NAME };
    const transport = tlsTransport({ engine });
    for (let i = 0; i < 20; i++) {
      const dialing = assertCode(
        transport.dial({ host: "127.0.0.1", port }, { pin }),
        "tls",
      );
      using socket = await listener.accept();
      await socket.write(new TextEncoder().encode("HTTP/1.1 400 No\r\n\r\n"));
      socket[Symbol.dispose]();
      await dialing;
    }
  });
}
