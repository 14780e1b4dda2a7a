import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { MAX_REASON_TEXT_BYTES } from "../../../src/wire/wire_limits.ts";
import {
  decodeLegacyReject,
  decodeReason,
  encodeReason,
  REASON,
} from "../../../src/wire/messages/reason.ts";
import payloads from "../../vectors/bitcoin_payloads.json" with {
  type: "json",
};
import { assertVerackError } from "../frames.ts";

Deno.test("encodeReason() writes code, length and text", () => {
  const reason = { code: REASON.leaving, text: "bye" };
  assertStrictEquals(encodeReason(reason).toHex(), "4003627965");
  assertEquals(decodeReason(Uint8Array.fromHex("4003627965")), reason);
});

Deno.test("encodeReason() cuts a long text between two characters", () => {
  const text = "a" + "€".repeat(200);
  const read = decodeReason(encodeReason({ code: 1, text }));
  assertStrictEquals(read.text, "a" + "€".repeat(85));
});

Deno.test("encodeReason() throws RangeError when the code is not a byte", () => {
  assertThrows(() => encodeReason({ code: 256, text: "" }), RangeError);
});

Deno.test("decodeReason() keeps the code when the text is no UTF-8 or more follows", () => {
  assertEquals(decodeReason(Uint8Array.fromHex("2002c328")), {
    code: 0x20,
    text: "\ufffd(",
  });
  assertEquals(decodeReason(Uint8Array.fromHex("200161ffff")), {
    code: 0x20,
    text: "a",
  });
});

Deno.test("decodeReason() throws malformed when the text is longer than allowed, or cut", () => {
  const tooLong = Uint8Array.fromHex("01fd0101" + "61".repeat(257));
  assertVerackError(() => decodeReason(tooLong), "malformed");
  const bytes = encodeReason({ code: 1, text: "abc" });
  for (let length = 0; length < bytes.length; length++) {
    assertVerackError(
      () => decodeReason(bytes.subarray(0, length)),
      "malformed",
    );
  }
});

Deno.test("decodeReason() gives back what encodeReason() was given", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 60 })
    .filter((text) =>
      new TextEncoder().encode(text).length <= MAX_REASON_TEXT_BYTES
    );
  fc.assert(fc.property(fc.nat(255), text, (code, text) => {
    assertEquals(decodeReason(encodeReason({ code, text })), { code, text });
  }));
});

Deno.test("decodeLegacyReject() reads a recorded BIP61 reject with and without its hash", () => {
  const { hex, reject } = payloads.find(({ command }) => command === "reject")!;
  const payload = Uint8Array.fromHex(hex);
  for (const bytes of [payload, payload.subarray(0, payload.length - 32)]) {
    const read = decodeLegacyReject(bytes);
    assertEquals<unknown>({
      command: new TextDecoder().decode(read.command),
      code: read.code,
      reason: new TextDecoder().decode(read.reason),
    }, reject);
  }
});

Deno.test("decodeLegacyReject() throws malformed when the command is longer than a command can be", () => {
  const payload = Uint8Array.fromHex("0d" + "61".repeat(13) + "0100");
  assertVerackError(() => decodeLegacyReject(payload), "malformed");
});
