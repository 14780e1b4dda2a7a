/** How the TLS engine is found, tried, and done without. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { createSecureContext } from "node:tls";
import {
  TEST_PROTOCOL,
  usableEngine,
} from "../../src/transport/usable_engine.ts";
import { tlsTransport } from "../../src/transport/tls.ts";
import {
  ENGINE_VARIABLE,
  engineIsOff,
  findTlsEngine,
  isEngine,
  TlsEngine,
} from "../../src/transport/tls_engine.ts";
import { makeCertificate } from "../helpers/certificates.ts";

const NAME = "0123456789abcdef0123456789abcdef.verack.invalid";
const own = await makeCertificate(NAME);
const pem = { cert: own.certificatePem, key: own.privateKeyPem };
const other = await makeCertificate(NAME);
const credentials = {
  pem,
  pin: { certificate: own.certificate, serverName: NAME },
  wrongPin: { certificate: other.certificate, serverName: NAME },
};
const found = findTlsEngine(createSecureContext(pem));

function dial(tcp: Deno.TcpConn): Promise<Deno.TlsConn> {
  return Deno.startTls(tcp, {
    hostname: NAME,
    caCerts: [own.certificatePem],
    alpnProtocols: [TEST_PROTOCOL],
  });
}

/** Runs with the variable set. */
async function withVariable(
  value: string,
  run: () => void | Promise<void>,
): Promise<void> {
  const before = Deno.env.get(ENGINE_VARIABLE);
  Deno.env.set(ENGINE_VARIABLE, value);
  try {
    await run();
  } finally {
    if (before === undefined) Deno.env.delete(ENGINE_VARIABLE);
    else Deno.env.set(ENGINE_VARIABLE, before);
  }
}

Deno.test("this version of Deno has a TLS engine that passes its test", async () => {
  // If this fails after an update of Deno, connections are accepted over streams, at half the
  // speed, and dialed by Deno.startTls, with twice the memory: see tls_engine.ts.
  assert(found !== undefined);
  await withVariable("", async () => {
    assertEquals(await usableEngine(credentials, dial), found);
  });
});

Deno.test("isEngine() takes a class with all methods only", () => {
  assert(isEngine(found));
  assert(found !== undefined);
  const { prototype } = found;
  const names = Object.getOwnPropertyNames(prototype);
  for (const missing of ["drainEncOut", "destroySsl", "getBytesRead"]) {
    assert(names.includes(missing));
    class Other {}
    for (const name of names) {
      if (name === missing || name === "constructor") continue;
      Reflect.set(Other.prototype, name, () => {});
    }
    assertEquals(isEngine(Other), false, missing);
  }
  for (const other of [undefined, null, {}, () => {}, class {}]) {
    assertEquals(isEngine(other), false);
  }
});

Deno.test("usableEngine() does without an engine that is missing or does something else", async () => {
  assert(found !== undefined);
  const Native = found;
  class Throwing extends Native {
    override readBuffer = () => {
      throw new Error("another engine");
    };
  }
  class Changing extends Native {
    override writeBuffer = (request: object, bytes: Uint8Array) =>
      super.writeBuffer(request, bytes.map((byte) => byte ^ 1));
  }
  class Miscounting extends Native {
    override getBytesRead = () => super.getBytesRead() + 1;
  }
  class Endless extends Native {
    override shutdown = () => 0;
  }
  class Credulous extends Native {
    override initClientTls = (name: string, context: unknown) =>
      super.initClientTls(name, {
        ...context as object,
        rejectUnauthorized: false,
      });
  }
  class Secretive extends Native {
    override getPeerCertificateChain = () => null;
  }
  for (
    const other of [
      undefined,
      Throwing,
      Changing,
      Miscounting,
      Endless,
      Credulous,
      Secretive,
    ]
  ) {
    const find = () => other;
    assertEquals(
      await usableEngine(credentials, dial, { find }),
      undefined,
      other?.name,
    );
  }
  const refusing = () => Promise.reject(new Error("refused"));
  assertEquals(await usableEngine(credentials, refusing), undefined);
});

Deno.test("VERACK_TLS_ENGINE=off turns the engine off, where it may be read", async () => {
  await withVariable("off", async () => {
    assertEquals(engineIsOff(), true);
    assertEquals(await usableEngine(credentials, dial), undefined);
    const fresh = await import("../../src/transport/tls_safety.ts?engine=off");
    assertEquals((await fresh.tlsSafety()).engine, undefined);
  });
  await withVariable("on", () => assertEquals(engineIsOff(), false));
});

Deno.test("VERACK_TLS_ENGINE that may not be read asks for nothing", {
  permissions: "none",
}, () => assertEquals(engineIsOff(), false));

Deno.test("a listener says what runs its TLS", async () => {
  for (
    const [engine, tls] of [[true, "engine"], [false, "streams"]] as const
  ) {
    const listener = await tlsTransport({ engine }).listen(
      { host: "127.0.0.1", port: 0 },
      { credentials: own },
    );
    assertEquals(listener.tls, engineIsOff() ? "streams" : tls);
    listener.close();
  }
});

Deno.test("encrypt() takes no more than is encrypted at once", () => {
  assert(found !== undefined);
  const engine = new TlsEngine(found, createSecureContext(pem), "test/1");
  assertThrows(() => engine.encrypt(new Uint8Array(65_537)), RangeError);
  engine.free();
});
