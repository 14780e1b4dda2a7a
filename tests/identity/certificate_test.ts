import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import { VerackError } from "../../src/core/errors.ts";
import { MAX_CERTIFICATE_BYTES } from "../../src/transport/transport_limits.ts";
import { MAX_VERIFIED_CERTIFICATES } from "../../src/identity/identity_limits.ts";
import { verifyCertificate } from "../../src/identity/certificate.ts";
import { serverNameOf } from "../../src/core/peer_id.ts";
import { writePem } from "../../src/core/pem.ts";
import {
  assertRefused,
  type Bytes,
  ED25519,
  forge,
  FORGE_KEYS,
  idOf,
  integer,
  keyOf,
  P256,
  RSA,
} from "./forgery.ts";

for (const key of FORGE_KEYS) {
  Deno.test(`verifyCertificate() accepts a sound ${key.type} certificate and says whose it is`, () => {
    const der = forge(key);
    const verified = verifyCertificate(der);
    assertEquals(verified.der, der);
    assertEquals(verified.spki, key.spki);
    assertEquals(verified.id, idOf(key.spki));
    assertEquals(verified.serverName, serverNameOf(idOf(key.spki)));
    assertEquals(verified.key.type, key.type);
    const x509 = new X509Certificate(writePem("CERTIFICATE", der));
    assert(x509.verify(verified.publicKey));
    assertEquals(x509.subjectAltName, `DNS:${verified.serverName}`);
    assertEquals(x509.ca, false);
  });

  Deno.test(`verifyCertificate() refuses a ${key.type} certificate cut off at any byte`, () => {
    const der = forge(key);
    for (let end = 0; end < der.length; end++) {
      assertRefused(der.subarray(0, end));
    }
  });

  Deno.test(`verifyCertificate() refuses a ${key.type} certificate with any one byte changed`, () => {
    const der = forge(key);
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 255 }), {
          minLength: der.length,
          maxLength: der.length,
        }),
        (masks) => {
          for (const [i, mask] of masks.entries()) {
            const mutated = Uint8Array.from(der);
            mutated[i]! ^= mask;
            assertRefused(mutated);
          }
        },
      ),
      { numRuns: 3 },
    );
  });

  Deno.test(`verifyCertificate() refuses a ${key.type} certificate with a byte put in or taken out`, () => {
    const der = forge(key);
    for (let i = 0; i < der.length; i++) {
      assertRefused(
        Uint8Array.of(...der.subarray(0, i), ...der.subarray(i + 1)),
      );
      // Twice the same byte at the end of the last field is a longer certificate too.
      assertRefused(
        Uint8Array.of(...der.subarray(0, i), ...der.subarray(i), der[i]!),
      );
      assertRefused(
        Uint8Array.of(...der.subarray(0, i + 1), ...der.subarray(i)),
      );
    }
  });
}

Deno.test("verifyCertificate() gives nothing but VerackError for random bytes", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: MAX_CERTIFICATE_BYTES + 100 }),
      (bytes) => assertRefused(bytes),
    ),
    { numRuns: 500 },
  );
});

Deno.test("verifyCertificate() gives nothing but VerackError when whole elements are replaced", () => {
  const der = forge(P256);
  fc.assert(
    fc.property(
      fc.nat({ max: der.length - 1 }),
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      (at, bytes) => {
        const mutated = Uint8Array.from(der);
        mutated.set(bytes.subarray(0, der.length - at), at);
        fc.pre(mutated.some((byte, i) => byte !== der[i]));
        assertRefused(mutated);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("verifyCertificate() says wrong-identity when a sound certificate is another's", () => {
  const der = forge(P256);
  const other = idOf(ED25519.spki);
  assertEquals(
    verifyCertificate(der, idOf(P256.spki)).id,
    idOf(P256.spki),
  );
  const error = assertThrows(() => verifyCertificate(der, other), VerackError);
  assertEquals(error.code, "wrong-identity");
  assertEquals([error.expected, error.actual], [other, idOf(P256.spki)]);
  assert(error.message.includes(other));
  assert(error.message.includes(idOf(P256.spki)));
});

Deno.test("verifyCertificate() says bad-certificate, not wrong-identity, when a certificate claims an identity unproven", () => {
  const der = forge(P256);
  der[der.length - 1]! ^= 1;
  const error = assertThrows(
    () => verifyCertificate(der, idOf(ED25519.spki)),
    VerackError,
  );
  assertEquals(error.code, "bad-certificate");
});

Deno.test("verifyCertificate() gives the same result when it meets the same bytes again", () => {
  const der = forge(RSA);
  assertStrictEquals(verifyCertificate(der), verifyCertificate(der.slice()));
});

Deno.test("verifyCertificate() keeps its own copy when the caller reuses the buffer", () => {
  const frame = new Uint8Array(100_000);
  // A key of its own: certificates of the others are remembered by now.
  const der = forge(keyOf("Ed25519"));
  frame.set(der, 500);
  const view = frame.subarray(500, 500 + der.length);
  const verified = verifyCertificate(view);
  frame.fill(0xaa);
  assertEquals(verified.der, der);
  assertEquals(verified.der.buffer.byteLength, der.length);
  assertRefused(view);
  assertStrictEquals(verifyCertificate(der), verified);
});

Deno.test("verifyCertificate() does not remember a refusal as a success", () => {
  const bad = forge(P256);
  bad[bad.length - 1]! ^= 1;
  assertRefused(bad);
  assertRefused(bad);
});

Deno.test("verifyCertificate() remembers no more certificates than its limit, the ones used last", () => {
  const key = keyOf("Ed25519");
  const numbered = (n: number): Bytes =>
    forge(key, { serial: integer(1, n >> 8, n & 0xff) });
  const kept = numbered(0);
  const dropped = numbered(1);
  const first = verifyCertificate(kept);
  const second = verifyCertificate(dropped);
  for (let n = 2; n < MAX_VERIFIED_CERTIFICATES + 1; n++) {
    verifyCertificate(numbered(n));
    if (n === 2) assertStrictEquals(verifyCertificate(kept), first);
  }
  assertStrictEquals(verifyCertificate(kept), first);
  assert(verifyCertificate(dropped) !== second, "the oldest is still there");
});

Deno.test("writePem() writes what X.509 parsers read", () => {
  const der = forge(RSA);
  const pem = writePem("CERTIFICATE", der);
  assertEquals(new Uint8Array(new X509Certificate(pem).raw), der);
  assert(pem.split("\n").every((line) => line.length <= 64));
});
