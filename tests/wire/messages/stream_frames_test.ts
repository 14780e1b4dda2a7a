import { assertEquals } from "@std/assert";
import {
  DATA_HEAD_BYTES,
  decodeDataHead,
  decodeReset,
  encodeReset,
  isProtocolName,
  writeDataHead,
} from "../../../src/wire/messages/stream_frames.ts";
import { pattern } from "../frames.ts";

Deno.test("the head of data is written where it is told, and no other byte", () => {
  const target = pattern(12);
  writeDataHead(target, 3, 0xfffefdfc);
  const head = target.subarray(3, 3 + DATA_HEAD_BYTES);
  assertEquals(head.toHex(), "fcfdfeff");
  assertEquals(target.subarray(0, 3), pattern(12).subarray(0, 3));
  assertEquals(target.subarray(7), pattern(12).subarray(7));
  assertEquals(decodeDataHead(target.subarray(3)), 0xfffefdfc);
});

Deno.test("the text of a reset is cut to whole characters that fit", () => {
  const text = "ä".repeat(127) + "€" + "a";
  const cut = decodeReset(encodeReset({ stream: 1, code: 0, text }));
  assertEquals(cut.text, "ä".repeat(127));
  const whole = "a".repeat(256);
  const reset = { stream: 1, code: 0, text: whole };
  assertEquals(decodeReset(encodeReset(reset)), reset);
});

Deno.test("the name of a protocol is 1 to 64 characters from 0x21 to 0x7e", () => {
  for (let code = 0; code < 0x200; code++) {
    const name = `a${String.fromCharCode(code)}`;
    assertEquals(isProtocolName(name), code >= 0x21 && code <= 0x7e);
  }
  for (const [length, expected] of [[0, false], [1, true], [64, true]]) {
    assertEquals(isProtocolName("a".repeat(Number(length))), expected);
  }
  assertEquals(isProtocolName("a".repeat(65)), false);
});
