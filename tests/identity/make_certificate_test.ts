import { assert, assertEquals, assertRejects } from "@std/assert";
import { createPrivateKey } from "node:crypto";
import { VerackError } from "../../src/core/errors.ts";
import { MAX_CERTIFICATE_BYTES } from "../../src/transport/transport_limits.ts";
import { verifyCertificate } from "../../src/identity/certificate.ts";
import { serverNameOf } from "../../src/core/peer_id.ts";
import { Identity, KEY_TYPES } from "../../src/identity/identity.ts";
import { makeCertificate } from "../../src/identity/make_certificate.ts";
import { idOf, keyOf, P256 } from "./forgery.ts";

/** Dials `identity` on loopback, pinned to a certificate and a name. */
async function dial(
  identity: Identity,
  pin: string,
  hostname: string,
): Promise<string> {
  using listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: identity.certificatePem,
    key: identity.privateKeyPem,
    alpnProtocols: ["verack/1"],
  });
  const serve = async (): Promise<void> => {
    using accepted = await listener.accept();
    try {
      await accepted.write(new TextEncoder().encode("hello"));
    } catch {
      // The dialer did not like what it saw; its own error is what is tested.
    }
  };
  const served = serve();
  try {
    const tcp = await Deno.connect({
      hostname: "127.0.0.1",
      port: listener.addr.port,
    });
    using tls = await Deno.startTls(tcp, {
      hostname,
      caCerts: [pin],
      alpnProtocols: ["verack/1"],
    });
    await tls.handshake();
    const buffer = new Uint8Array(5);
    await tls.read(buffer);
    return new TextDecoder().decode(buffer);
  } finally {
    await served;
  }
}

for (const keyType of KEY_TYPES) {
  Deno.test(`makeCertificate() makes a ${keyType} certificate that Deno's TLS serves and pins`, async () => {
    const identity = await Identity.generate({ keyType });
    const name = serverNameOf(identity.id);
    assertEquals(await dial(identity, identity.certificatePem, name), "hello");
  });

  Deno.test(`a ${keyType} certificate made by makeCertificate() is no pin for another identity`, async () => {
    const identity = await Identity.generate({ keyType });
    const other = await Identity.generate();
    await assertRejects(
      () => dial(identity, other.certificatePem, serverNameOf(identity.id)),
      Deno.errors.InvalidData,
    );
    await assertRejects(
      () => dial(identity, identity.certificatePem, serverNameOf(other.id)),
      Deno.errors.InvalidData,
    );
  });

  Deno.test(`makeCertificate() makes a ${keyType} certificate that passes verification and fits the limit`, async () => {
    const key = keyOf(keyType);
    const id = idOf(key.spki);
    const der = await makeCertificate(key.privateKey, keyType, id);
    assertEquals(verifyCertificate(der, id).spki, key.spki);
    assert(der.length < MAX_CERTIFICATE_BYTES);
  });
}

Deno.test("makeCertificate() makes the same certificate again, where signatures do not depend on chance", async () => {
  for (const keyType of ["Ed25519", "RSA"] as const) {
    const key = keyOf(keyType);
    const make = () => makeCertificate(key.privateKey, keyType, idOf(key.spki));
    assertEquals(await make(), await make());
  }
});

Deno.test("makeCertificate() makes no certificate for an identity that is not the key's", async () => {
  const other = idOf(keyOf("P-256").spki);
  await assertRejects(
    () => makeCertificate(P256.privateKey, "P-256", other),
    VerackError,
  );
});

Deno.test("a certificate at the largest key size fits the limit", async () => {
  const url = new URL("rsa4096.key", import.meta.url);
  const key = createPrivateKey(await Deno.readTextFile(url));
  const pem = key.export({ type: "pkcs8", format: "pem" }).toString();
  const identity = await Identity.fromPem(pem);
  assert(identity.certificate.length <= MAX_CERTIFICATE_BYTES);
  assertEquals(identity.sign(new Uint8Array(1)).length, 512);
});

Deno.test("a key that is loaded with its certificate, or shown, loads no certificate library", async () => {
  const url = (path: string) => new URL(`../../${path}`, import.meta.url).href;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      `import { fileURLToPath } from "node:url";
       import { loadIdentity, loadPublicIdentity } from "${
        url("src/identity/key_files.ts")
      }";
       const path = (end) => fileURLToPath("${url("certs/alice")}" + end);
       await loadIdentity({ keyPath: path(".key"), certPath: path(".crt") });
       await loadPublicIdentity(path(".key"));
       console.log(typeof Reflect.getMetadata);
       await loadIdentity({ keyPath: path(".key") });
       console.log(typeof Reflect.getMetadata);`,
    ],
  }).output();
  // What the library needs, `reflect-metadata`, tells whether it was loaded.
  assertEquals(new TextDecoder().decode(stdout), "undefined\nfunction\n");
});
