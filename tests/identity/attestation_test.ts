// The attestation by which a member admits another: what it binds, and that nothing
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
import { MAX_ATTESTATION_BYTES } from "../../src/wire/wire_limits.ts";
import { networkMagic } from "../../src/wire/frame.ts";

const magic = networkMagic("test");
const alice = await Identity.generate();
const bob = await Identity.generate();
const carol = await Identity.generate();
const certificate = verifyCertificate(alice.certificate);
const AT = 1_800_000_000;

Deno.test("an attestation by a key of any type admits its subject", async () => {
  for (const keyType of KEY_TYPES) {
    const issuer = await Identity.generate({ keyType });
    const bytes = issueAttestation(issuer, { magic, subject: bob.id }, AT);
    assert(bytes.length <= MAX_ATTESTATION_BYTES);
    const attestation = decodeAttestation(bytes);
    assertEquals(attestation.issuer, issuer.id);
    assertEquals(attestation.issuedAt, BigInt(AT));
    const key = verifyCertificate(issuer.certificate);
    assert(verifyAttestation(key, { magic, subject: bob.id }, attestation));
  }
});

Deno.test("an attestation signs exactly the bytes that docs/protocol.md lists", () => {
  const bytes = issueAttestation(alice, { magic, subject: bob.id }, AT);
  const time = new Uint8Array(8);
  new DataView(time.buffer).setBigUint64(0, BigInt(AT), true);
  const signed = Uint8Array.from([
    ...new TextEncoder().encode("verack/1 attestation\0"),
    ...magic,
    ...Uint8Array.fromHex(alice.id),
    ...Uint8Array.fromHex(bob.id),
    ...time,
  ]);
  // Ed25519 signs the same bytes the same way.
  assertEquals(decodeAttestation(bytes).signature, alice.sign(signed));
});

Deno.test("an attestation for another subject, network or issuer does not verify", () => {
  const context = { magic, subject: bob.id };
  const attestation = decodeAttestation(issueAttestation(alice, context, AT));
  assert(verifyAttestation(certificate, context, attestation));
  const bobs = verifyCertificate(bob.certificate);
  // Issuer and subject swapped: bob did not admit alice.
  const swapped = { ...attestation, issuer: bob.id };
  for (
    const [issuer, changes, it] of [
      [certificate, { subject: carol.id }, attestation],
      [certificate, { magic: networkMagic("other") }, attestation],
      [bobs, {}, attestation],
      [bobs, { subject: alice.id }, swapped],
      [bobs, {}, swapped],
    ] as const
  ) assert(!verifyAttestation(issuer, { ...context, ...changes }, it));
});

Deno.test("an attestation with any bit changed does not verify", () => {
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

Deno.test("an attestation that is cut short, or longer than it says, is malformed", () => {
  const sound = issueAttestation(alice, { magic, subject: bob.id }, AT);
  const longer = Uint8Array.from([...sound, 0]);
  const shorter = [0, 31, 40, 41, sound.length - 1]
    .map((length) => sound.subarray(0, length));
  for (const bytes of [longer, ...shorter]) {
    assertThrows(() => decodeAttestation(bytes), VerackError);
  }
});

Deno.test("a proof signature is no attestation", () => {
  // Both begin with a text of their own: one never reads as the other.
  const text = new TextEncoder().encode("verack/1 proof\0");
  const signature = alice.sign(Uint8Array.from([...text, ...magic]));
  const attestation = { issuer: alice.id, issuedAt: BigInt(AT), signature };
  assert(
    !verifyAttestation(certificate, { magic, subject: bob.id }, attestation),
  );
});
