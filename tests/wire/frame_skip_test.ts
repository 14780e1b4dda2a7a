/** Payloads that are let pass without being kept. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  FRAME_HEADER_BYTES,
  READ_BUFFER_MIN_BYTES,
} from "../../src/wire/wire_limits.ts";
import {
  assertVerackError,
  concat,
  drain,
  feed,
  frame,
  header,
  makeDecoder,
  pattern,
} from "./frames.ts";

const LIMITS = { maxPayload: 100, skipPayload: 1_000 };

Deno.test("FrameDecoder.next() skips a payload above maxPayload and says how long it was", () => {
  const decoder = makeDecoder(LIMITS);
  const bytes = concat(
    frame("tx", pattern(101)),
    frame("ping", pattern(100)),
    frame("block", pattern(1_000)),
    frame("verack"),
  );
  assertEquals(feed(decoder, bytes), [
    { command: "tx", payload: "", fault: "oversize", dropped: 101 },
    { command: "ping", payload: pattern(100).toHex() },
    { command: "block", payload: "", fault: "oversize", dropped: 1_000 },
    { command: "verack", payload: "" },
  ] as unknown as ReturnType<typeof feed>);
});

Deno.test("FrameDecoder.next() throws oversize above skipPayload, as soon as the header is there", () => {
  const decoder = makeDecoder(LIMITS);
  decoder.push(header("tx", 1_001));
  const { message } = assertVerackError(() => decoder.next(), "oversize");
  assert(message.includes("1001") && message.includes("at most 1000"), message);
});

Deno.test("FrameDecoder.next() skips alike however the bytes are cut", () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 8 });
  fc.assert(fc.property(sizes, fc.integer({ min: 1, max: 64 }), (all, most) => {
    const bytes = concat(...all.map((size) => frame("tx", pattern(size))));
    const frames = feed(makeDecoder(LIMITS), bytes, most);
    assertEquals(
      frames.map(({ payload, fault }) => [payload.length / 2, fault]),
      all.map((size) => size > 100 ? [0, "oversize"] : [size, undefined]),
    );
  }));
});

Deno.test("FrameDecoder.capacity never grows for a payload that is skipped", () => {
  const decoder = makeDecoder({ maxPayload: 0, skipPayload: 4_000_000 });
  decoder.push(header("tx", 4_000_000));
  assertEquals(decoder.next(), undefined);
  for (let left = 4_000_000; left > 0;) {
    const space = decoder.space();
    const count = Math.min(left, space.length);
    decoder.commit(count);
    left -= count;
    assertEquals(drain(decoder).length, left > 0 ? 0 : 1);
    assert(decoder.capacity <= READ_BUFFER_MIN_BYTES + FRAME_HEADER_BYTES);
  }
});

Deno.test("FrameDecoder shows the command of a skipped frame escaped when it is broken", () => {
  const decoder = makeDecoder(LIMITS);
  const bytes = frame("tx", pattern(200));
  bytes[5] = 0x1b;
  assertEquals(feed(decoder, bytes)[0]?.command.startsWith("t\\x1b"), true);
});

Deno.test("FrameDecoder() throws RangeError for a skipPayload above what any frame has", () => {
  assertThrows(
    () => makeDecoder({ skipPayload: 4_000_001 }),
    RangeError,
    "skipPayload is 4000001",
  );
});
