/** `challenge`, `instance` and `proof`: what opens a mesh session. */
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { MAX_CERTIFICATE_BYTES } from "../../../src/transport/transport_limits.ts";
import {
  MAX_EXTENSION_BLOCK_BYTES,
  MAX_HANDSHAKE_PAYLOAD_BYTES,
  MAX_SIGNATURE_BYTES,
} from "../../../src/wire/wire_limits.ts";
import {
  decodeChallenge,
  decodeInstance,
  decodeProof,
  encodeChallenge,
  encodeExtensions,
  encodeInstance,
  encodeProof,
} from "../../../src/wire/messages/credentials.ts";
import { assertVerackError, concat, pattern } from "../frames.ts";

const NONE = new Uint8Array(0);

function proofWith(extensionBlock: string): Uint8Array {
  return encodeProof({
    certificate: pattern(3),
    signature: pattern(2),
    extensionBlock: Uint8Array.fromHex(extensionBlock),
  });
}

Deno.test("decodeChallenge() accepts 32 bytes and no fewer", () => {
  const challenge = pattern(32);
  assertEquals(decodeChallenge(encodeChallenge(challenge)), challenge);
  for (const length of [0, 31, 33]) {
    if (length < 32) {
      assertVerackError(() => decodeChallenge(pattern(length)), "malformed");
    }
    assertThrows(() => encodeChallenge(pattern(length)), RangeError);
  }
});

Deno.test("decodeInstance() accepts 8 bytes and no fewer", () => {
  const instance = 0xfedcba9876543210n;
  assertStrictEquals(decodeInstance(encodeInstance(instance)), instance);
  for (const length of [0, 7]) {
    assertVerackError(() => decodeInstance(pattern(length)), "malformed");
  }
});

Deno.test("encodeProof() writes certificate, signature and extension block, each with its length", () => {
  assertStrictEquals(proofWith("").toHex(), "03000102" + "020001" + "00");
  assertStrictEquals(
    proofWith("0102aabb").toHex(),
    "03000102" + "020001" + "04" + "0102aabb",
  );
});

Deno.test("decodeProof() keeps the extension block as it stands and reads unknown types", () => {
  const proof = decodeProof(proofWith("0102aabb" + "0700" + "ff01cc"));
  assertStrictEquals(proof.extensionBlock.toHex(), "0102aabb0700ff01cc");
  assertEquals([...proof.extensions], [
    [1, new Uint8Array([0xaa, 0xbb])],
    [7, NONE],
    [255, new Uint8Array([0xcc])],
  ]);
});

Deno.test("decodeProof() throws malformed when extension types do not ascend", () => {
  for (const block of ["02000100", "01000100"]) {
    const error = assertVerackError(
      () => decodeProof(proofWith(block)),
      "malformed",
    );
    assertStrictEquals(error.message.includes("must be above"), true);
  }
});

Deno.test("decodeProof() throws malformed when an extension is cut or its length not in its shortest form", () => {
  for (const block of ["01", "0102aa", "01fd0100aa", "01fd"]) {
    assertVerackError(() => decodeProof(proofWith(block)), "malformed");
  }
});

Deno.test("encodeProof() allows the longest fields, which fit a handshake frame, and not one byte more", () => {
  const longest = {
    certificate: pattern(MAX_CERTIFICATE_BYTES),
    signature: pattern(MAX_SIGNATURE_BYTES),
    extensionBlock: encodeExtensions(
      new Map([[0, new Uint8Array(MAX_EXTENSION_BLOCK_BYTES - 4)]]),
    ),
  };
  assertStrictEquals(longest.extensionBlock.length, MAX_EXTENSION_BLOCK_BYTES);
  const payload = encodeProof(longest);
  assertStrictEquals(payload.length < MAX_HANDSHAKE_PAYLOAD_BYTES, true);
  assertEquals(decodeProof(payload).signature, longest.signature);
  for (const key of ["certificate", "signature", "extensionBlock"] as const) {
    const tooLong = { ...longest, [key]: concat(longest[key], pattern(1)) };
    assertThrows(() => encodeProof(tooLong), RangeError, "must have at most");
  }
});

Deno.test("decodeProof() refuses a length above the limit before it looks for the bytes", () => {
  // 2,049 and 513 announced, nothing there.
  assertStrictEquals(
    assertVerackError(
      () => decodeProof(Uint8Array.fromHex("fd0108")),
      "malformed",
    )
      .message.includes("must be at most 2048"),
    true,
  );
  assertStrictEquals(
    assertVerackError(
      () => decodeProof(Uint8Array.fromHex("00fd0102")),
      "malformed",
    )
      .message.includes("must be at most 512"),
    true,
  );
});

Deno.test("encodeExtensions() sorts by type and throws RangeError when the block gets too long", () => {
  const map = new Map([[9, pattern(1)], [2, pattern(2)]]);
  assertStrictEquals(encodeExtensions(map).toHex(), "02020001" + "090100");
  const many = new Map(Array.from({ length: 9 }, (_, i) => [i, pattern(120)]));
  assertThrows(
    () => encodeExtensions(many),
    RangeError,
    "block has 1098 bytes",
  );
  assertThrows(() => encodeExtensions(new Map([[256, NONE]])), RangeError);
});

Deno.test("decodeProof() gives back what encodeProof() was given", () => {
  const extensions = fc.uniqueArray(
    fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 60 })),
    { maxLength: 8, selector: ([type]) => type },
  );
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 400 }),
      fc.uint8Array({ maxLength: 100 }),
      extensions,
      (certificate, signature, entries) => {
        const extensionBlock = encodeExtensions(new Map(entries));
        const proof = decodeProof(
          encodeProof({ certificate, signature, extensionBlock }),
        );
        assertEquals<unknown>(proof, {
          certificate,
          signature,
          extensionBlock,
          extensions: new Map(entries),
        });
      },
    ),
  );
});
