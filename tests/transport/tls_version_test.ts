/** TLS 1.3 at both ends: what is refused, and what cannot be brought about. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { once } from "node:events";
import { connect, createServer, type TLSSocket } from "node:tls";
import { VerackError } from "../../src/core/errors.ts";
import { tlsTransport } from "../../src/transport/tls.ts";
import { engineIsOff } from "../../src/transport/tls_engine.ts";
import { makeCertificate } from "../helpers/certificates.ts";

const NAME = "0123456789abcdef0123456789abcdef.verack.invalid";
const LOOPBACK = { host: "127.0.0.1", port: 0 };

const peer = await makeCertificate(NAME);
const pin = { certificate: peer.certificate, serverName: NAME };

/** A dialer of another implementation, with one version of TLS only. */
function dialWith(
  version: "TLSv1.2" | "TLSv1.3",
  port: number,
): { socket: TLSSocket; outcome: Promise<string> } {
  const socket = connect({
    host: "127.0.0.1",
    port,
    servername: NAME,
    ca: peer.certificatePem,
    minVersion: version,
    maxVersion: version,
    ALPNProtocols: ["verack/1"],
  });
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.once("secureConnect", () => resolve(socket.getProtocol() ?? "none"));
  socket.on("error", () => resolve("refused"));
  socket.on("close", () => resolve("refused"));
  return { socket, outcome: promise };
}

for (
  const [version, outcome] of [
    ["TLSv1.2", "refused"],
    ["TLSv1.3", "TLSv1.3"],
  ] as const
) {
  Deno.test(`open() and a dialer of ${version} alone: ${outcome}`, async () => {
    const listener = await tlsTransport().listen(LOOPBACK, {
      credentials: peer,
    });
    const dialer = dialWith(version, listener.address.port);
    try {
      const incoming = await listener.accept();
      assert(incoming !== null);
      if (outcome === "refused") {
        await assertRejects(() => incoming.open(), VerackError);
      } else (await incoming.open()).close();
      assertEquals(await dialer.outcome, outcome);
    } finally {
      dialer.socket.destroy();
      listener.close();
    }
  });
}

/** A listener of another implementation, with one version of TLS only. */
async function serveWith(version: "TLSv1.2" | "TLSv1.3") {
  const server = createServer({
    cert: peer.certificatePem,
    key: peer.privateKeyPem,
    minVersion: version,
    maxVersion: version,
    ALPNProtocols: ["verack/1"],
  }, (socket) => socket.on("error", () => {}));
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  assert(bound !== null && typeof bound === "object");
  return {
    address: { host: "127.0.0.1", port: bound.port },
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  Deno.test(`fetchCertificate() from a listener of ${version} alone`, async () => {
    await using server = await serveWith(version);
    const look = tlsTransport().fetchCertificate(server.address, {});
    if (version === "TLSv1.2") await assertRejects(() => look, VerackError);
    else assertEquals(await look, peer.certificate);
  });

  // Where the engine is turned off there is nothing to test.
  if (engineIsOff()) continue;
  Deno.test(
    `dial() by the engine to a listener of ${version} alone`,
    async () => {
      await using server = await serveWith(version);
      const dialing = tlsTransport().dial(server.address, { pin });
      if (version === "TLSv1.2") {
        await assertRejects(() => dialing, VerackError);
      } else (await dialing).close();
    },
  );
}

/**
 * In a ClientHello: the extension supported_versions (RFC 8446 §4.2.1) as it is offered, and with
 * TLS 1.2 in the place of 1.3.
 */
const OFFERS = {
  "the engine": ["002b0003020304", "002b0003020303"],
  "Deno.startTls": ["002b00050403040303", "002b00050403030303"],
} as const;

/** Passes everything on between one dialer and `port`, the first segment rewritten. */
function startDowngrade(port: number, rewrite: (hex: string) => string) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    using dialer = await listener.accept();
    using target = await Deno.connect({ hostname: "127.0.0.1", port });
    const buffer = new Uint8Array(16_384);
    const count = await dialer.read(buffer) ?? 0;
    const hello = rewrite(buffer.subarray(0, count).toHex());
    await target.write(Uint8Array.fromHex(hello));
    const pass = async (from: Deno.TcpConn, to: Deno.TcpConn) => {
      const bytes = new Uint8Array(16_384);
      try {
        for (let n = await from.read(bytes); n; n = await from.read(bytes)) {
          await to.write(bytes.subarray(0, n));
        }
        await to.closeWrite();
      } catch {
        // One of them hung up.
      }
    };
    await Promise.all([pass(dialer, target), pass(target, dialer)]);
  })();
  const { port: at } = listener.addr as Deno.NetAddr;
  return {
    address: { host: "127.0.0.1", port: at },
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

for (const how of ["the engine", "Deno.startTls"] as const) {
  if (how === "the engine" && engineIsOff()) continue;
  const [offer, downgraded] = OFFERS[how];
  for (const attack of [false, true]) {
    Deno.test(`dial() by ${how} through somebody who ${attack ? "strikes TLS 1.3 out of the hello fails" : "changes nothing works"}`, async () => {
      const transport = tlsTransport({ engine: how === "the engine" });
      const listener = await transport.listen(LOOPBACK, { credentials: peer });
      const accepting = (async () => {
        const incoming = await listener.accept();
        return await incoming?.open().catch(() => undefined);
      })();
      {
        await using between = startDowngrade(listener.address.port, (hello) => {
          assert(hello.includes(offer), "the hello has another form now");
          return attack ? hello.replace(offer, downgraded) : hello;
        });
        const dialing = transport.dial(between.address, { pin });
        if (attack) await assertRejects(() => dialing, VerackError);
        else (await dialing).close();
        (await accepting)?.close();
        listener.close();
      }
    });
  }
}
