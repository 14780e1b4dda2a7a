import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  isPeerId,
  parsePeerId,
  type PeerId,
  peerIdBytes,
  peerIdFromBytes,
  serverNameOf,
  shortId,
} from "../../src/core/peer_id.ts";

const ID = parsePeerId(
  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
);

Deno.test("parsePeerId() accepts 64 lower-case hex digits", () => {
  assertEquals(parsePeerId(ID), ID);
  assert(isPeerId(ID));
});

Deno.test("parsePeerId() says what it got instead of a text", () => {
  for (
    const [value, type] of [[undefined, "undefined"], [null, "null"], [
      5,
      "number",
    ]]
  ) {
    assertThrows(
      () => parsePeerId(value as string),
      TypeError,
      `it is ${type}, must be a string`,
    );
  }
});

Deno.test("parsePeerId() names the text and what is wanted when it refuses", () => {
  for (
    const text of [
      "",
      "01234567",
      ID.toUpperCase(),
      `${ID}0`,
      ID.slice(1),
      ` ${ID}`,
      `${ID}\n`,
      `0x${ID.slice(2)}`,
      ID.replace("0", "g"),
      ID.replace("0", "０"),
    ]
  ) {
    const error = assertThrows(() => parsePeerId(text), SyntaxError);
    assert(error.message.includes(`${text.length} characters`), error.message);
    assert(error.message.includes("64 lower-case hex digits"));
    assert(!isPeerId(text));
  }
});

Deno.test("parsePeerId() shows hostile text escaped and bounded", () => {
  const text = `\x1b[2J${"x".repeat(100_000)}`;
  const error = assertThrows(() => parsePeerId(text), SyntaxError);
  assert(!error.message.includes("\x1b"));
  assert(error.message.length < 300);
});

Deno.test("serverNameOf() is two labels under verack.invalid that DNS can carry", () => {
  assertEquals(
    serverNameOf(ID),
    "0123456789abcdef0123456789abcdef.0123456789abcdef0123456789abcdef.verack.invalid",
  );
  assert(serverNameOf(ID).split(".").every((label) => label.length <= 63));
});

Deno.test("shortId() is the first eight digits", () => {
  assertEquals(shortId(ID), "01234567");
});

Deno.test("peerIdFromBytes() undoes peerIdBytes()", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
      const id = peerIdFromBytes(bytes);
      assertEquals(parsePeerId(id), id);
      assertEquals([...peerIdBytes(id)], [...bytes]);
    }),
  );
});

Deno.test("peerIdFromBytes() refuses anything but 32 bytes", () => {
  for (const length of [0, 31, 33]) {
    assertThrows(
      () => peerIdFromBytes(new Uint8Array(length)),
      RangeError,
      `${length} bytes`,
    );
  }
  assertThrows(() => peerIdBytes("abc" as PeerId), SyntaxError);
});
