import { decodeAck, encodeAck } from "../../../src/wire/messages/ack.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  MAX_ACK_RANGES,
  MAX_CHUNK_BYTES,
} from "../../../src/wire/wire_limits.ts";
import {
  decodeChunkHead,
  decodeMessage,
  encodeMessage,
  MESSAGE_HEAD_BYTES,
  writeChunkHead,
} from "../../../src/wire/messages/message_frame.ts";
import { assertVerackError, pattern } from "../frames.ts";

const ID = pattern(16);

/** It is malformed, and the error says why in these words. */
function assertRefused(run: () => unknown, words: string): void {
  assertStringIncludes(assertVerackError(run, "malformed").message, words);
}

function payload(topicBytes: number, bodyBytes: number): Uint8Array {
  return encodeMessage(ID, pattern(topicBytes), pattern(bodyBytes));
}

Deno.test("encodeMessage() writes id, total, topic and body as docs/protocol.md says", () => {
  assertEquals(
    encodeMessage(ID, Uint8Array.of(0x68, 0x69), Uint8Array.of(1, 2, 3))
      .toHex(),
    `${ID.toHex()}03000000` + "026869" + "010203",
  );
});

Deno.test("decodeMessage() reads back what encodeMessage() wrote, whole or cut after any of the body", () => {
  const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
  fc.assert(
    fc.property(bytes(128), bytes(300), fc.nat(), (topic, body, cut) => {
      const held = cut % (body.length + 1);
      const whole = encodeMessage(ID, topic, body);
      const message = decodeMessage(
        whole.subarray(0, whole.length - body.length + held),
      );
      assertEquals(message.total, body.length);
      assertEquals(message.bodyOffset, MESSAGE_HEAD_BYTES + topic.length);
      assertEquals(
        whole.subarray(MESSAGE_HEAD_BYTES, message.bodyOffset),
        topic,
      );
    }),
  );
});

Deno.test("decodeMessage() refuses a topic or body that is too long, and more body than was announced", () => {
  const tooMuch = new Uint8Array([...payload(0, 10), 0]);
  const overLong = payload(0, 10);
  new DataView(overLong.buffer).setUint32(16, 4_000_001, true);
  const longTopic = payload(128, 10);
  longTopic[20] = 129;
  for (
    const [bytes, words] of [
      [tooMuch, "11 bytes of the body come at once, must be at most 10"],
      [payload(0, MAX_CHUNK_BYTES + 1), "must be at most 32000"],
      [overLong, "body has 4000001 bytes, must have at most 4000000"],
      [longTopic, "topic has 129 bytes, must have at most 128"],
      [payload(10, 0).subarray(0, 25), "topic has 10 bytes"],
      [payload(0, 0).subarray(0, 20), "it has 20 bytes, must have at least 21"],
    ] as const
  ) assertRefused(() => decodeMessage(bytes), words);
});

Deno.test("encodeMessage() throws RangeError when a part is too long", () => {
  assertThrows(() => encodeMessage(pattern(15), ID, ID), RangeError, "15");
  assertThrows(() => payload(129, 0), RangeError, "129");
  assertThrows(() => payload(0, 4_000_001), RangeError, "4000001");
});

Deno.test("a chunk begins with the number of its message modulo 2^32", () => {
  const chunk = new Uint8Array(5);
  writeChunkHead(chunk, 2 ** 32 + 0x01020304);
  assertEquals(chunk.toHex(), "0403020100");
  assertEquals(decodeChunkHead(chunk), 0x01020304);
  for (const size of [3, 4, 4 + MAX_CHUNK_BYTES + 1]) {
    assertRefused(
      () => decodeChunkHead(new Uint8Array(size)),
      "must have 1 to 32000",
    );
  }
});

Deno.test("decodeAck() reads back any number of ranges that encodeAck() may write", () => {
  for (const length of [1, 0xfc, 0xfd, 300, MAX_ACK_RANGES]) {
    const ranges = Array.from(
      { length },
      (_, at) => ({ first: 2 * at, count: 1, status: 0 }) as const,
    );
    const ack = { limit: Number.MAX_SAFE_INTEGER, ranges };
    assertEquals(decodeAck(encodeAck(ack)), ack);
  }
  const range = { first: 0, count: 1, status: 0 } as const;
  const ranges = new Array(MAX_ACK_RANGES + 1).fill(range);
  assertThrows(() => encodeAck({ limit: 0, ranges }), RangeError, "ranges");
  assertThrows(() => encodeAck({ limit: -1, ranges: [range] }), RangeError);
  assertThrows(
    () => encodeAck({ limit: 0, ranges: [{ ...range, first: 2 ** 32 }] }),
    RangeError,
    "first",
  );
});
