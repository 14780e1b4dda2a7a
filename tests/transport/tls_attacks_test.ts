/**
 * An attacker stands in the way and poses as the peer. Every attack is also shown to
 * work on a dialer that does without the defence in question.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { tlsTransport } from "../../src/transport/tls.ts";
import type { Pin } from "../../src/transport/transport.ts";
import { assertCode } from "../contract/pair.ts";
import {
  forgeV1,
  makeCertificate,
  pem,
  type TestCertificate,
} from "../helpers/certificates.ts";

const NAME = "0123456789abcdef0123456789abcdef.verack.invalid";
const OTHER_NAME = "fedcba9876543210fedcba9876543210.verack.invalid";

const victim = await makeCertificate(NAME);
const attacker = await makeCertificate(OTHER_NAME);
const authority = await makeCertificate("authority.example", { ca: true });

function pinOf(peer: TestCertificate, serverName: string = NAME): Pin {
  return { certificate: peer.certificate, serverName };
}

/** A relay with a certificate of the attacker's making. Rewrites what it is told. */
function startRelay(
  certificatePem: string,
  privateKeyPem: string,
  alpnProtocols: string[] = ["verack/1"],
) {
  const listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: certificatePem,
    key: privateKeyPem,
    alpnProtocols,
  });
  const heard: string[] = [];
  const open = new Set<Deno.TlsConn>();
  const serve = async (connection: Deno.TlsConn) => {
    using _ = connection;
    const buffer = new Uint8Array(1_000);
    try {
      for (
        let count = await connection.read(buffer);
        count !== null;
        count = await connection.read(buffer)
      ) {
        const text = new TextDecoder().decode(buffer.subarray(0, count));
        heard.push(text);
        const rewritten = text.replace("alice", "mallory");
        await connection.write(new TextEncoder().encode(rewritten));
      }
    } catch {
      // The dialer saw through it.
    }
  };
  const serving = (async () => {
    const tasks: Promise<void>[] = [];
    for await (const connection of listener) {
      open.add(connection);
      tasks.push(serve(connection));
    }
    await Promise.all(tasks);
  })();
  return {
    address: {
      host: "127.0.0.1",
      port: (listener.addr as Deno.NetAddr).port,
    },
    /** Application bytes that got to the relay. */
    heard,
    async [Symbol.asyncDispose]() {
      listener.close();
      // Whoever fell for it is let go, so that the test fails rather than hangs.
      for (const connection of open) connection[Symbol.dispose]();
      await serving;
    },
  };
}

async function withFiles<T>(
  texts: string[],
  run: (...paths: string[]) => Promise<T>,
): Promise<T> {
  const paths = texts.map((text) => {
    const path = Deno.makeTempFileSync({ suffix: ".pem" });
    Deno.writeTextFileSync(path, text);
    return path;
  });
  try {
    return await run(...paths);
  } finally {
    paths.forEach((path) => Deno.removeSync(path));
  }
}

interface ChildResult {
  readonly code?: string;
  readonly message?: string;
  readonly answer?: string;
}

async function dialInChild(
  how: "naive" | "verack" | "verack-cli" | "fetch-cli",
  port: number,
  pinPath: string,
  options: { flags?: string[]; env?: Record<string, string> } = {},
): Promise<ChildResult> {
  const script = new URL("children/dial.ts", import.meta.url).pathname;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "-A",
      ...options.flags ?? [],
      script,
      how,
      String(port),
      pinPath,
      NAME,
    ],
    env: options.env ?? {},
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (text === "") throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(text);
}

/** Asserts that a dial to a relay is refused, and that the relay hears nothing. */
async function assertRefused(
  relay: ReturnType<typeof startRelay>,
  pin: Pin,
  code: "wrong-certificate" | "alpn",
): Promise<void> {
  await assertCode(tlsTransport().dial(relay.address, { pin }), code);
  assertEquals(relay.heard, []);
}

for (
  const [what, shows, pin, code, protocols] of [
    [
      "a certificate swapped for another of the same name",
      await makeCertificate(NAME),
      pinOf(victim),
      "wrong-certificate",
    ],
    // The key is right. But only the verified bytes are the pin, and a certificate
    // that is made again with the same contents has other bytes.
    [
      "the pinned certificate re-made with the same key",
      await makeCertificate(NAME, { keys: victim.keys }),
      pinOf(victim),
      "wrong-certificate",
    ],
    [
      "the right certificate under another name",
      victim,
      pinOf(victim, OTHER_NAME),
      "wrong-certificate",
    ],
    [
      "a listener that does not take part in ALPN",
      victim,
      pinOf(victim),
      "alpn",
      [],
    ],
    [
      "a listener that speaks another protocol",
      victim,
      pinOf(victim),
      "alpn",
      ["h2"],
    ],
  ] as const
) {
  Deno.test(`dial() refuses ${what}`, async () => {
    const { certificatePem, privateKeyPem } = shows;
    const alpn = protocols && [...protocols];
    await using relay = startRelay(certificatePem, privateKeyPem, alpn);
    await assertRefused(relay, pin, code);
    if (code === "wrong-certificate") return;
    await assertCode(tlsTransport().fetchCertificate(relay.address, {}), code);
  });
}

Deno.test("dial() refuses a leaf for the victim's name that another peer's key signed", async () => {
  // A trust anchor's CA:FALSE is not looked at: pinned to a peer, TLS by itself
  // lets that peer issue for anybody.
  const leaf = await makeCertificate(NAME, { issuer: attacker });
  await using relay = startRelay(leaf.certificatePem, leaf.privateKeyPem);

  await assertRefused(relay, pinOf(attacker), "wrong-certificate");

  await withFiles([attacker.certificatePem], async (pinPath) => {
    const fooled = await dialInChild("naive", relay.address.port, pinPath);
    assertEquals(fooled.answer, "pay 5 to mallory");
  });
});

Deno.test("dial() refuses a connection on which Deno shows no certificate", async () => {
  await using honest = startRelay(victim.certificatePem, victim.privateKeyPem);
  const transport = tlsTransport({ engine: false });
  // Whether Deno shows certificates at all is found out by the first dial.
  (await transport.dial(honest.address, { pin: pinOf(victim) })).close();
  const startTls = Deno.startTls;
  try {
    Deno.startTls = async (tcp, options) =>
      Object.defineProperty(
        await startTls(tcp, options),
        Symbol("getPeerCertificate"),
        { value: () => null },
      );
    const error = await assertCode(
      transport.dial(honest.address, { pin: pinOf(victim) }),
      "wrong-certificate",
    );
    assertStringIncludes(error.message, "shows no certificate");
  } finally {
    Deno.startTls = startTls;
  }
});

for (const protocols of [[], ["h2"]]) {
  Deno.test(`open() refuses a dialer that offers ${JSON.stringify(protocols)} in ALPN`, async () => {
    const listener = await tlsTransport().listen(
      { host: "127.0.0.1", port: 0 },
      { credentials: victim },
    );
    const tcp = await Deno.connect({
      hostname: "127.0.0.1",
      port: listener.address.port,
    });
    using tls = await Deno.startTls(tcp, {
      hostname: NAME,
      caCerts: [victim.certificatePem],
      alpnProtocols: protocols,
    });
    const handshake = tls.handshake().catch(() => {});
    const incoming = await listener.accept();
    assert(incoming !== null);
    await assertCode(incoming.open(), "alpn");
    await handshake;
    listener.close();
  });
}

Deno.test("dial() refuses a forged X.509 v1 certificate that fetchCertificate() is shown", async () => {
  // The victim's key in a certificate, served with the attacker's own key.
  const forged = await forgeV1(victim);
  const { createServer } = await import("node:tls");
  const server = createServer({
    cert: pem("CERTIFICATE", forged),
    key: attacker.privateKeyPem,
    minVersion: "TLSv1.3",
    ALPNProtocols: ["verack/1"],
  }, (socket) => socket.on("error", () => {}));
  server.on("tlsClientError", () => {});
  const heard: unknown[] = [];
  server.on("secureConnection", (socket) => {
    socket.on("data", (bytes) => heard.push(bytes));
  });
  await new Promise<void>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve())
  );
  const bound = server.address();
  assert(bound !== null && typeof bound === "object");
  const address = { host: "127.0.0.1", port: bound.port };
  try {
    // What is seen is the forgery: its key is the victim's, and so would be the
    // identity that somebody computed who trusted the look.
    const seen = await tlsTransport().fetchCertificate(address, {});
    assertEquals(seen, forged);
    const spki = new Uint8Array(
      await crypto.subtle.exportKey("spki", victim.keys.publicKey),
    );
    assertStringIncludes(seen.toHex(), spki.toHex());

    for (
      const pin of [
        { certificate: seen, serverName: NAME },
        { certificate: seen, serverName: "victim" },
        pinOf(victim),
      ]
    ) {
      const outcome = await tlsTransport().dial(address, { pin }).then(
        (connection) => {
          connection.close();
          return "dialed";
        },
        (error) => error.code,
      );
      assert(outcome === "wrong-certificate" || outcome === "tls", outcome);
    }
    assertEquals(heard, []);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

/** Ways to make a Deno process trust a further authority. */
const TRUSTED: [string, (path: string) => Parameters<typeof dialInChild>[3]][] =
  [
    ["DENO_CERT", (path) => ({ env: { DENO_CERT: path } })],
    ["NODE_EXTRA_CA_CERTS", (path) => ({ env: { NODE_EXTRA_CA_CERTS: path } })],
    ["--cert", (path) => ({ flags: ["--cert", path] })],
  ];

for (const [way, settings] of TRUSTED) {
  Deno.test(`dial() refuses a relay whose certificate an authority trusted by ${way} has issued`, async () => {
    const leaf = await makeCertificate(NAME, { issuer: authority });
    await using relay = startRelay(leaf.certificatePem, leaf.privateKeyPem);
    await withFiles(
      [authority.certificatePem, victim.certificatePem],
      async (authorityPath, pinPath) => {
        const { port } = relay.address;
        const child = settings(authorityPath);
        // The attack is real: pin and name checked, and yet rewritten.
        const fooled = await dialInChild("naive", port, pinPath, child);
        assertEquals(fooled.answer, "pay 5 to mallory");
        assertEquals(relay.heard.splice(0), ["pay 5 to alice"]);

        const refused = await dialInChild("verack", port, pinPath, child);
        assertEquals(refused.code, "wrong-certificate", refused.message);
        const cli = await dialInChild("verack-cli", port, pinPath, child);
        assertEquals(cli.code, "wrong-certificate", cli.message);
        assertEquals(relay.heard, []);
      },
    );
  });
}

Deno.test("dial() refuses what a trusted authority issued for the attacker's own name", async () => {
  const leaf = await makeCertificate("mallory.example", { issuer: authority });
  await using relay = startRelay(leaf.certificatePem, leaf.privateKeyPem);
  await withFiles(
    [authority.certificatePem, victim.certificatePem],
    async (authorityPath, pinPath) => {
      const refused = await dialInChild("verack", relay.address.port, pinPath, {
        env: { DENO_CERT: authorityPath },
      });
      assertEquals(refused.code, "wrong-certificate", refused.message);
      assertEquals(relay.heard, []);
    },
  );
});

Deno.test("dial() and fetchCertificate() reach the victim itself with and without any authorities", async () => {
  await using honest = startRelay(victim.certificatePem, victim.privateKeyPem);
  await withFiles([victim.certificatePem], async (pinPath) => {
    for (const how of ["verack", "verack-cli"] as const) {
      const { port } = honest.address;
      const { answer, message } = await dialInChild(how, port, pinPath);
      assertEquals(answer, "pay 5 to mallory", message); // it rewrites, whoever it is
    }
    const looked = await dialInChild("fetch-cli", honest.address.port, pinPath);
    assertEquals(
      looked.answer,
      victim.certificate.toBase64(),
      looked.message,
    );
  });
});

Deno.test("dial() refuses to work where certificate errors are ignored", async () => {
  await using relay = startRelay(
    attacker.certificatePem,
    attacker.privateKeyPem,
  );
  await withFiles([victim.certificatePem], async (pinPath) => {
    const child = { flags: ["--unsafely-ignore-certificate-errors"] };
    const { port } = relay.address;
    const fooled = await dialInChild("naive", port, pinPath, child);
    assertEquals(fooled.answer, "pay 5 to mallory");
    relay.heard.length = 0;

    const refused = await dialInChild("verack", port, pinPath, child);
    assertEquals(refused.code, "unsafe", refused.message);
    assertStringIncludes(
      refused.message ?? "",
      "--unsafely-ignore-certificate-errors",
    );
    assertEquals(relay.heard, []);
  });
});
