// The statement by which a member admits another: what it binds, and that nothing
// else passes for it.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import { verifyCertificate } from "../../src/identity/certificate.ts";
import { Identity, KEY_TYPES } from "../../src/identity/identity.ts";
import {
  decodeAttestation,
  issueAttestation,
  verifyAttestation,
} from "../../src/identity/attestation.ts";
import { MAX_ATTESTATION_BYTES } from "../../src/limits.ts";
import { networkMagic } from "../../src/wire/frame.ts";

const magic = networkMagic("test");
const [alice, bob, carol] = await Promise.all([
  Identity.generate(),
  Identity.generate(),
  Identity.generate(),
]);
const certificate = verifyCertificate(alice.certificate);
const AT = 1_800_000_000;

Deno.test("a statement by a key of any type admits its subject", async () => {
  for (const keyType of KEY_TYPES) {
    const issuer = await Identity.generate({ keyType });
    const bytes = issueAttestation(issuer, { magic, subject: bob.id }, AT);
    assert(bytes.length <= MAX_ATTESTATION_BYTES);
    const statement = decodeAttestation(bytes);
    assertEquals(statement.issuer, issuer.id);
    assertEquals(statement.issuedAt, BigInt(AT));
    const key = verifyCertificate(issuer.certificate);
    assert(verifyAttestation(key, { magic, subject: bob.id }, statement));
  }
});

Deno.test("a statement signs exactly the bytes that docs/protocol.md lists", () => {
  const bytes = issueAttestation(alice, { magic, subject: bob.id }, AT);
  const time = new Uint8Array(8);
  new DataView(time.buffer).setBigUint64(0, BigInt(AT), true);
  const signed = Uint8Array.from([
    ...new TextEncoder().encode("verack/1 statement\0"),
    ...magic,
    ...Uint8Array.fromHex(alice.id),
    ...Uint8Array.fromHex(bob.id),
    ...time,
  ]);
  // Ed25519 signs the same bytes the same way.
  assertEquals(decodeAttestation(bytes).signature, alice.sign(signed));
});

Deno.test("a statement for another subject, network or issuer does not verify", () => {
  const statement = decodeAttestation(
    issueAttestation(alice, { magic, subject: bob.id }, AT),
  );
  const context = { magic, subject: bob.id };
  assert(verifyAttestation(certificate, context, statement));
  const other = networkMagic("other");
  const bobs = verifyCertificate(bob.certificate);
  assert(
    !verifyAttestation(certificate, { magic, subject: carol.id }, statement),
  );
  assert(
    !verifyAttestation(certificate, { ...context, magic: other }, statement),
  );
  assert(!verifyAttestation(bobs, context, statement));
  // Issuer and subject swapped: bob did not admit alice.
  const swapped = { ...statement, issuer: bob.id };
  assert(!verifyAttestation(bobs, { magic, subject: alice.id }, swapped));
  assert(!verifyAttestation(bobs, { magic, subject: bob.id }, swapped));
});

Deno.test("a statement with any bit changed does not verify", () => {
  const sound = issueAttestation(alice, { magic, subject: bob.id }, AT);
  for (let bit = 0; bit < 8 * sound.length; bit += 5) {
    const bytes = sound.slice();
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    let verified = false;
    try {
      verified = verifyAttestation(
        certificate,
        { magic, subject: bob.id },
        decodeAttestation(bytes),
      );
    } catch (error) {
      assert(error instanceof VerackError);
    }
    assert(!verified, `bit ${bit} does not count`);
  }
});

Deno.test("a statement that is cut short, or longer than it says, is malformed", () => {
  const sound = issueAttestation(alice, { magic, subject: bob.id }, AT);
  for (const length of [0, 31, 40, 41, sound.length - 1]) {
    assertThrows(
      () => decodeAttestation(sound.subarray(0, length)),
      VerackError,
    );
  }
  assertThrows(
    () => decodeAttestation(Uint8Array.from([...sound, 0])),
    VerackError,
  );
});

Deno.test("a proof signature is no statement", () => {
  // Both begin with a text of their own: one never reads as the other.
  const text = new TextEncoder().encode("verack/1 proof\0");
  const signature = alice.sign(Uint8Array.from([...text, ...magic]));
  const statement = { issuer: alice.id, issuedAt: BigInt(AT), signature };
  assert(
    !verifyAttestation(certificate, { magic, subject: bob.id }, statement),
  );
});
