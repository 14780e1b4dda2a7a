/** `challenge`, `instance` and `proof`: what opens a mesh session. */
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { MAX_CERTIFICATE_BYTES } from "../../../src/transport/transport_limits.ts";
import {
  MAX_EXTENSION_BLOCK_BYTES,
  MAX_HANDSHAKE_PAYLOAD_BYTES,
  MAX_SIGNATURE_BYTES,
} from "../../../src/wire/wire_limits.ts";
import {
  decodeProof,
  encodeExtensions,
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

Deno.test("decodeProof() throws malformed when extension types do not ascend", () => {
  for (const block of ["02000100", "01000100"]) {
    const error = assertVerackError(
      () => decodeProof(proofWith(block)),
      "malformed",
    );
    assertStrictEquals(error.message.includes("must be above"), true);
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
