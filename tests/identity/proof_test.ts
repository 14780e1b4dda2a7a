import { assert, assertEquals, assertThrows } from "@std/assert";
import { constants, createPrivateKey, sign } from "node:crypto";
import fc from "fast-check";
import { verifyCertificate } from "../../src/identity/certificate.ts";
import { parsePeerId, type PeerId } from "../../src/core/peer_id.ts";
import {
  Identity,
  KEY_TYPES,
  type KeyType,
} from "../../src/identity/identity.ts";
import {
  proofBytes,
  type ProofContext,
  signProof,
  verifyProof,
} from "../../src/identity/proof.ts";
import { withLowS } from "../../src/identity/signature.ts";
import { ED25519, forge, idOf, P256, withHighS } from "./forgery.ts";

const listener = idOf(ED25519.spki);

function contextOf(dialer: PeerId): ProofContext {
  return {
    magic: Uint8Array.of(1, 2, 3, 4),
    listener,
    dialer,
    challenge: new Uint8Array(32).fill(0xc4),
    transcript: new Uint8Array(32).fill(0x77),
    extensions: new Uint8Array(0),
  };
}

const flip = (bytes: Uint8Array, at = 0): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy[at]! ^= 1;
  return copy;
};

Deno.test("proofBytes() is, byte for byte, what the protocol says", () => {
  const attestation = proofBytes({
    magic: Uint8Array.of(0xf9, 0xbe, 0xb4, 0xd9),
    listener: parsePeerId("11".repeat(32)),
    dialer: parsePeerId("22".repeat(32)),
    challenge: new Uint8Array(32).fill(0x33),
    transcript: new Uint8Array(32).fill(0x44),
    extensions: Uint8Array.of(5, 6, 7),
  });
  assertEquals(
    attestation.toHex(),
    "76657261636b2f312070726f6f6600" + "f9beb4d9" + "11".repeat(32) +
      "22".repeat(32) + "33".repeat(32) + "44".repeat(32) + "03000000" +
      "050607",
  );
  assertEquals(attestation.length, 151 + 3);
});

Deno.test("proofBytes() refuses fields that do not have their length", () => {
  const good = contextOf(listener);
  for (
    const [field, change] of [
      ["magic", { magic: new Uint8Array(3) }],
      ["magic", { magic: new Uint8Array(5) }],
      ["challenge", { challenge: new Uint8Array(31) }],
      ["transcript", { transcript: new Uint8Array(33) }],
      ["extensions", { extensions: new Uint8Array(16_385) }],
    ] as const
  ) {
    assertThrows(
      () => proofBytes({ ...good, ...change }),
      RangeError,
      field,
    );
  }
  assertThrows(
    () => proofBytes({ ...good, dialer: "1" as PeerId }),
    RangeError,
  );
});

Deno.test("proofBytes() differs whenever the contexts do", () => {
  const bytes = (length: number) =>
    fc.uint8Array({ minLength: length, maxLength: length, max: 1 });
  const ids = fc.constantFrom("0", "1").map((it) => parsePeerId(it.repeat(64)));
  const contexts = fc.record({
    magic: bytes(4),
    listener: ids,
    dialer: ids,
    challenge: bytes(32),
    transcript: bytes(32),
    extensions: fc.uint8Array({ maxLength: 3, max: 1 }),
  });
  fc.assert(
    fc.property(contexts, contexts, (a, b) => {
      const same = JSON.stringify(a) === JSON.stringify(b);
      const [x, y] = [proofBytes(a).toHex(), proofBytes(b).toHex()];
      assertEquals(x === y, same);
    }),
  );
});

/** A dialer, its proof, and whether a signature is one for it in a context. */
async function dialing(keyType: KeyType) {
  const dialer = await Identity.generate({ keyType });
  const certificate = verifyCertificate(dialer.certificate);
  const context = contextOf(dialer.id);
  const holds = (
    signature: Uint8Array,
    changes: Partial<ProofContext> = {},
  ) => verifyProof(certificate, { ...context, ...changes }, signature);
  return { dialer, context, signature: signProof(dialer, context), holds };
}

for (const keyType of KEY_TYPES) {
  Deno.test(`verifyProof() accepts what a ${keyType} dialer signed, and nothing that differs in any field`, async () => {
    const { dialer, context, signature, holds } = await dialing(keyType);
    assert(holds(signature));
    const changes: Record<string, Partial<ProofContext>> = {
      "other magic": { magic: flip(context.magic, 3) },
      "other listener": { listener: idOf(P256.spki) },
      "other challenge": { challenge: flip(context.challenge, 31) },
      "other transcript": { transcript: flip(context.transcript) },
      "other extensions": { extensions: Uint8Array.of(0) },
      "swapped roles": { listener: dialer.id, dialer: listener },
      "reflected": { listener: dialer.id },
      "other dialer": { dialer: listener },
    };
    for (const [what, change] of Object.entries(changes)) {
      assert(!holds(signature, change), what);
    }
  });

  Deno.test(`verifyProof() refuses a ${keyType} signature by another key`, async () => {
    const { context, holds } = await dialing(keyType);
    const thief = await Identity.generate({ keyType });
    const signature = thief.sign(proofBytes(context));
    assert(!holds(signature));
    // The thief's own certificate verifies the bytes, but is not the dialer's.
    const own = verifyCertificate(thief.certificate);
    assert(!verifyProof(own, context, signature));
  });

  Deno.test(`verifyProof() refuses a ${keyType} signature with any byte changed, cut or added`, async () => {
    const { signature, holds } = await dialing(keyType);
    for (let i = 0; i < signature.length; i++) {
      assert(!holds(flip(signature, i)), `${i}`);
      assert(!holds(signature.subarray(0, i)));
    }
    assert(!holds(Uint8Array.of(...signature, 0)));
    assert(!holds(Uint8Array.of(0, ...signature)));
  });

  Deno.test(`verifyProof() with a ${keyType} key never throws, whatever it is given`, async () => {
    const { signature, holds } = await dialing(keyType);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        assert(!holds(bytes));
      }),
    );
    for (
      const change of [
        { magic: new Uint8Array(0) },
        { challenge: new Uint8Array(64) },
        { transcript: new Uint8Array(0) },
        { listener: "no id" as PeerId },
        { extensions: new Uint8Array(100_000) },
      ]
    ) assert(!holds(signature, change));
    assert(!holds(new Uint8Array(10_000_000)));
  });
}

/** Signs with any options of `node:crypto`. */
function signOddly(
  { dialer, context }: { dialer: Identity; context: ProofContext },
  algorithm: string | null,
  options: Record<string, unknown>,
): Uint8Array {
  const key = createPrivateKey(dialer.privateKeyPem);
  return sign(algorithm, proofBytes(context), { key, ...options });
}

Deno.test("verifyProof() refuses a P-256 signature by another algorithm or in another encoding", async () => {
  const party = await dialing("P-256");
  const odd = (algorithm: string, dsaEncoding: string) =>
    signOddly(party, algorithm, { dsaEncoding });
  assert(party.holds(withLowS(odd("sha256", "der"))));
  assert(!party.holds(odd("sha256", "ieee-p1363")));
  assert(!party.holds(odd("sha512", "der")));
  assert(!party.holds(odd("sha1", "der")));
});

Deno.test("verifyProof() takes one of the two ECDSA signatures, and signProof() makes that one", async () => {
  const { dialer, context, holds } = await dialing("P-256");
  // Libraries draw high and low s alike: 32 signatures would show it.
  for (let i = 0; i < 32; i++) {
    const signature = signProof(dialer, context);
    assert(holds(signature));
    assert(!holds(withHighS(signature)));
    assertEquals(withLowS(withHighS(signature)), signature);
  }
});

Deno.test("verifyProof() refuses an RSA signature by PKCS#1 v1.5, another hash or another salt", async () => {
  const party = await dialing("RSA");
  const pss = (algorithm: string, saltLength: number) =>
    signOddly(party, algorithm, {
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength,
    });
  assert(party.holds(pss("sha256", 32)));
  for (const salt of [0, 20, 31, 33, 64]) {
    assert(!party.holds(pss("sha256", salt)), `${salt}`);
  }
  assert(!party.holds(pss("sha512", 32)));
  const padding = constants.RSA_PKCS1_PADDING;
  assert(!party.holds(signOddly(party, "sha256", { padding })));
});

Deno.test("verifyProof() does not take a certificate's signature for a proof", () => {
  const der = forge(ED25519);
  const certificate = verifyCertificate(der);
  const signature = der.subarray(-64);
  assert(!verifyProof(certificate, contextOf(certificate.id), signature));
});

Deno.test("signProof() refuses to sign for another identity", async () => {
  const dialer = await Identity.generate();
  assertThrows(
    () => signProof(dialer, contextOf(listener)),
    RangeError,
    "must be ourselves",
  );
});
