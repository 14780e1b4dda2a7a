/**
 * A listener must hold the key of the certificate that it shows: the signature over the handshake
 * (CertificateVerify, RFC 8446 §4.4.3) is verified by whatever dials, for each kind of key.
 */
import { assertEquals } from "@std/assert";
import { constants, sign } from "node:crypto";
import { verifyCertificate } from "../../src/identity/certificate.ts";
import { Identity } from "../../src/identity/identity.ts";
import { KEY_TYPES } from "../../src/identity/public_key.ts";
import { tlsTransport } from "../../src/transport/tls.ts";
import { engineIsOff } from "../../src/transport/tls_engine.ts";
import { ALPN_PROTOCOL } from "../../src/transport/tls_errors.ts";
import { assertCode } from "../contract/pair.ts";
import { serveTls13 } from "../helpers/tls13_server.ts";

/** SignatureScheme, hash and options for each kind of key. */
const SCHEMES = {
  "P-256": [0x0403, "sha256", {}],
  "Ed25519": [0x0807, null, {}],
  "RSA": [0x0804, "sha256", {
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: 32,
  }],
} as const;

function signBy(identity: Identity, data: Uint8Array): Uint8Array {
  const [, hash, options] = SCHEMES[identity.keyType];
  return sign(hash, data, { key: identity.privateKeyPem, ...options });
}

/** Dials a server that shows the certificate of `alice`, and signs as it is told. */
function dialSigned(
  alice: Identity,
  engine: boolean,
  sign: (handshake: Uint8Array) => Uint8Array,
) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { certificate } = alice;
  const serving = serveTls13(listener, {
    certificate,
    scheme: SCHEMES[alice.keyType][0],
    sign,
    protocol: ALPN_PROTOCOL,
  });
  const { serverName } = verifyCertificate(certificate);
  const address = { host: "127.0.0.1", port: listener.addr.port };
  const pin = { certificate, serverName };
  const dialing = tlsTransport({ engine }).dial(address, { pin });
  return { dialing, serving };
}

/** What a server without the key of alice can send in place of a signature. */
const FORGERIES: Record<
  string,
  (alice: Identity, mallory: Identity, handshake: Uint8Array) => Uint8Array
> = {
  "a signature by another key": (_, mallory, handshake) =>
    signBy(mallory, handshake),
  "alice's signature of another handshake": (alice, _, handshake) =>
    signBy(alice, handshake.with(-1, (handshake.at(-1) ?? 0) ^ 1)),
  "no signature": () => new Uint8Array(0),
  "bytes that are no signature": (alice, _, handshake) =>
    signBy(alice, handshake).fill(0xff, 1),
};

/** Two identities for each kind of key. */
const PAIRS = await Promise.all(
  KEY_TYPES.map(async (keyType) =>
    [
      await Identity.generate({ keyType }),
      await Identity.generate({ keyType }),
    ] as const
  ),
);

for (const engine of engineIsOff() ? [false] : [true, false]) {
  const how = engine ? "by the engine" : "by Deno.startTls";
  for (const [alice, mallory] of PAIRS) {
    const certificate = `a certificate with a key of type ${alice.keyType}`;

    Deno.test(`dial() ${how} takes ${certificate} from the holder of the key`, async () => {
      const sign = (handshake: Uint8Array) => signBy(alice, handshake);
      const { dialing, serving } = dialSigned(alice, engine, sign);
      (await dialing).close();
      assertEquals(await serving, "finished");
    });

    for (const [what, forge] of Object.entries(FORGERIES)) {
      Deno.test(`dial() ${how} refuses ${certificate} and ${what}`, async () => {
        const sign = (handshake: Uint8Array) =>
          forge(alice, mallory, handshake);
        const { dialing, serving } = dialSigned(alice, engine, sign);
        await assertCode(dialing, "wrong-certificate");
        // decrypt_error (RFC 8446 §6)
        assertEquals(await serving, "alert 51");
      });
    }
  }
}
