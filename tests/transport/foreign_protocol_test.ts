// A port that is not a verack node's: what is there is told in words.
import { createServer, type Server, type TlsOptions } from "node:tls";
import type { AddressInfo } from "node:net";
import { assertEquals, assertRejects } from "@std/assert";
import { type ErrorCode, VerackError } from "../../src/core/errors.ts";
import { Identity } from "../../src/identity/identity.ts";
import { fetchCertificate } from "../../src/transport/fetch_certificate.ts";

const DEADLINE_MS = 10_000;

/** What dialing a port told, without the address. */
async function told(port: number): Promise<[ErrorCode, string]> {
  const error = await assertRejects(
    () =>
      fetchCertificate({ host: "127.0.0.1", port }, {
        signal: AbortSignal.timeout(DEADLINE_MS),
      }),
    VerackError,
  );
  return [
    error.code,
    error.message.replace(`Cannot dial 127.0.0.1:${port}: `, ""),
  ];
}

/** Serves one plain TCP connection: greets, waits for bytes, answers, closes. */
async function toldByTcp(
  { greeting = "", answer = "" }: { greeting?: string; answer?: string },
): Promise<[ErrorCode, string]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    using socket = await listener.accept();
    const encoder = new TextEncoder();
    await socket.write(encoder.encode(greeting));
    await socket.read(new Uint8Array(4_096));
    await socket.write(encoder.encode(answer));
    await socket.closeWrite();
    // Until the other end is gone: closing first could reset what was written.
    while (await socket.read(new Uint8Array(4_096)) !== null);
  })().catch(() => {});
  const result = await told(listener.addr.port);
  await serving;
  return result;
}

async function toldByTls(options: TlsOptions): Promise<[ErrorCode, string]> {
  const identity = await Identity.generate();
  const server: Server = createServer({
    cert: identity.certificatePem,
    key: identity.privateKeyPem,
    ...options,
  }, (socket) => socket.on("error", () => {}));
  server.on("tlsClientError", () => {});
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const result = await told((server.address() as AddressInfo).port);
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  await closed.promise;
  return result;
}

const NO_TLS = "so this is not the port of a verack node; check host and port";

for (
  const [name, script, told] of [
    [
      "an HTTP server",
      { answer: "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n" },
      `the other end does not speak TLS but HTTP, ${NO_TLS}`,
    ],
    [
      "an SSH server",
      { greeting: "SSH-2.0-OpenSSH_9.6\r\n" },
      `the other end does not speak TLS but SSH, ${NO_TLS}`,
    ],
    [
      "a mail server",
      { greeting: "220 mail.example.org ESMTP\r\n" },
      `the other end does not speak TLS but SMTP, ${NO_TLS}`,
    ],
    [
      "a server of some protocol",
      { greeting: "\xa5\xa5 something" },
      `the other end does not speak TLS, ${NO_TLS}`,
    ],
    [
      "a server that answers with escape sequences",
      { greeting: "\x1b[2J\x1b]0;owned\x07" },
      `the other end does not speak TLS, ${NO_TLS}`,
    ],
  ] as const
) {
  Deno.test(`fetchCertificate() says what ${name} speaks instead of TLS`, async () => {
    assertEquals(await toldByTcp(script), ["tls", told]);
  });
}

Deno.test("fetchCertificate() says that a server hung up without TLS, as Bitcoin nodes do", async () => {
  assertEquals(await toldByTcp({}), [
    "closed",
    "the other end hung up instead of answering the TLS handshake: it is full or shutting down, or not a verack node",
  ]);
});

Deno.test("fetchCertificate() names HTTP for Deno.serve, which is what a control port is", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("hello"),
  );
  assertEquals(await told(server.addr.port), [
    "tls",
    `the other end does not speak TLS but HTTP, ${NO_TLS}`,
  ]);
});

const OTHER_PROTOCOLS: readonly [string, TlsOptions][] = [
  ["no protocol", {}],
  ["another protocol", { ALPNProtocols: ["http/1.1"] }],
];
for (const [name, options] of OTHER_PROTOCOLS) {
  Deno.test(`fetchCertificate() tells a TLS server of ${name} from one without TLS`, async () => {
    assertEquals(await toldByTls(options), [
      "alpn",
      "the other end speaks TLS but not verack/1, so this is not the port of a verack node (perhaps that of its control API); check host and port",
    ]);
  });
}

Deno.test("fetchCertificate() says that a server is too old for TLS 1.3", async () => {
  assertEquals(await toldByTls({ maxVersion: "TLSv1.2" }), [
    "tls",
    "the other end does not speak TLS 1.3, so it is not a verack node",
  ]);
});
