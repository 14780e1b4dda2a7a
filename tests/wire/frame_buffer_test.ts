/** What the decoder's buffer costs, and when. */
import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  FRAME_HEADER_BYTES,
  MAX_HANDSHAKE_PAYLOAD_BYTES,
  READ_BUFFER_GROWTH,
  READ_BUFFER_KEEP_READS,
  READ_BUFFER_MAX_BYTES,
  READ_BUFFER_MIN_BYTES,
  READ_BUFFER_SHRINK_READS,
} from "../../src/wire/wire_limits.ts";
import type { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import { concat, feed, frame, header, makeDecoder, pattern } from "./frames.ts";

/** Reads `count` bytes of `value` into whatever room there is; says how much was read. */
function read(decoder: FrameDecoder, count: number, value = 0): number {
  const space = decoder.space();
  const taken = Math.min(count, space.length);
  space.fill(value, 0, taken);
  decoder.commit(taken);
  return taken;
}

Deno.test("FrameDecoder.capacity is the small buffer when nothing was read", () => {
  const decoder = makeDecoder();
  assertStrictEquals(decoder.capacity, READ_BUFFER_MIN_BYTES);
  assertStrictEquals(decoder.space().length, READ_BUFFER_MIN_BYTES);
});

Deno.test("FrameDecoder.capacity stays small when a header announces 4 MB and nothing follows", () => {
  const decoder = makeDecoder();
  feed(decoder, header("tx", 4_000_000));
  for (let i = 0; i < 100; i++) decoder.space();
  assertStrictEquals(decoder.capacity, READ_BUFFER_MIN_BYTES);
});

Deno.test("FrameDecoder.capacity is at most twice what arrived, or a read block, while a frame of 4 MB drips in", () => {
  const decoder = makeDecoder({ verifyChecksum: false });
  feed(decoder, header("tx", 4_000_000));
  let arrived = FRAME_HEADER_BYTES;
  while (decoder.next() === undefined) {
    arrived += read(decoder, 997);
    const block = Math.min(READ_BUFFER_GROWTH * arrived, READ_BUFFER_MAX_BYTES);
    const most = Math.max(READ_BUFFER_MIN_BYTES, block, 2 * arrived);
    assert(decoder.capacity <= most, `${decoder.capacity} after ${arrived}`);
  }
  assertStrictEquals(arrived >= 4_000_000, true);
});

Deno.test("FrameDecoder.capacity is at most a frame and a read block when 4 MB come as fast as they can", () => {
  const decoder = makeDecoder({ verifyChecksum: false });
  feed(decoder, header("tx", 4_000_000));
  let arrived = FRAME_HEADER_BYTES;
  while (arrived < 4_000_024) {
    arrived += read(decoder, 4_000_024 - arrived);
    assert(decoder.capacity <= 2 * arrived);
  }
  assertStrictEquals(decoder.next()?.payload.length, 4_000_000);
  assert(decoder.capacity <= 4_000_024 + READ_BUFFER_MAX_BYTES);
});

Deno.test("FrameDecoder.space() lets go of a large buffer as soon as its frame is taken", () => {
  const decoder = makeDecoder();
  feed(decoder, frame("tx", new Uint8Array(1_000_000)));
  assert(decoder.capacity >= 1_000_000);
  decoder.space();
  assert(decoder.capacity <= READ_BUFFER_MAX_BYTES);
});

Deno.test("FrameDecoder.space() keeps the start of the next frame when it lets go of a large buffer", () => {
  const decoder = makeDecoder();
  const next = frame("message", pattern(5_000));
  const frames = feed(
    decoder,
    concat(frame("tx", new Uint8Array(300_000)), next, next),
    65_536,
  );
  assertEquals(frames.map(({ command }) => command), [
    "tx",
    "message",
    "message",
  ]);
  assertStrictEquals(frames[2]?.payload, pattern(5_000).toHex());
});

Deno.test("FrameDecoder.space() offers more after every read that filled it, up to the read block", () => {
  const decoder = makeDecoder({ verifyChecksum: false });
  const stream = concat(
    ...Array.from({ length: 5_000 }, () => frame("message", pattern(100))),
  );
  const sizes: number[] = [];
  for (let at = 0; at < stream.length;) {
    const space = decoder.space();
    if (sizes.at(-1) !== decoder.capacity) sizes.push(decoder.capacity);
    const piece = stream.subarray(at, at + space.length);
    space.set(piece);
    decoder.commit(piece.length);
    at += piece.length;
    while (decoder.next() !== undefined);
  }
  assertEquals(sizes, [1_024, 4_096, 16_384, 65_536, 131_072]);
});

Deno.test("FrameDecoder.space() returns to the small buffer when a burst is over", () => {
  const decoder = makeDecoder();
  const burst = concat(
    ...Array.from({ length: 5_000 }, () => frame("message", pattern(100))),
  );
  assertStrictEquals(feed(decoder, burst).length, 5_000);
  assertStrictEquals(decoder.capacity, READ_BUFFER_MAX_BYTES);
  for (let i = 0; i < READ_BUFFER_SHRINK_READS; i++) {
    feed(decoder, frame("ping", pattern(8)));
  }
  decoder.space();
  assertStrictEquals(decoder.capacity, READ_BUFFER_MIN_BYTES);
});

Deno.test("FrameDecoder.space() returns to the small buffer at once after a single long frame", () => {
  const decoder = makeDecoder();
  const list = frame("peers", pattern(100_000));
  assertStrictEquals(feed(decoder, list).length, 1);
  decoder.space();
  assertStrictEquals(decoder.capacity, READ_BUFFER_MIN_BYTES);
});

Deno.test("FrameDecoder.space() keeps the large buffer while large reads go on coming", () => {
  const decoder = makeDecoder();
  const block = frame("message", pattern(READ_BUFFER_MIN_BYTES * 2));
  for (let i = 0; i < 30; i++) {
    feed(decoder, block);
    for (let j = 1; j < READ_BUFFER_SHRINK_READS; j++) {
      feed(decoder, frame("ping", pattern(8)));
    }
    assert(
      decoder.capacity > READ_BUFFER_MIN_BYTES || i < READ_BUFFER_KEEP_READS,
    );
  }
});

Deno.test("FrameDecoder.space() keeps half a frame when it returns to the small buffer", () => {
  const decoder = makeDecoder();
  feed(
    decoder,
    concat(...Array.from({ length: 900 }, () => frame("inv", pattern(500)))),
  );
  const last = frame("message", pattern(1_000));
  feed(decoder, last.subarray(0, 500), 10);
  decoder.space();
  assertStrictEquals(decoder.capacity, READ_BUFFER_MIN_BYTES);
  assertEquals(feed(decoder, last.subarray(500)), [
    { command: "message", payload: pattern(1_000).toHex() },
  ]);
});

Deno.test("FrameDecoder.capacity never exceeds a handshake frame before the session is open", () => {
  const maxPayload = MAX_HANDSHAKE_PAYLOAD_BYTES;
  const largest = FRAME_HEADER_BYTES + maxPayload;
  const decoder = makeDecoder({ maxPayload, verifyChecksum: false });
  const flood = concat(
    ...Array.from(
      { length: 20 },
      () => frame("proof", new Uint8Array(maxPayload)),
    ),
  );
  for (let at = 0; at < flood.length;) {
    const space = decoder.space();
    assert(decoder.capacity <= largest, `${decoder.capacity}`);
    const piece = flood.subarray(at, at + space.length);
    space.set(piece);
    decoder.commit(piece.length);
    at += piece.length;
    while (decoder.next() !== undefined);
  }
  assertStrictEquals(decoder.capacity, largest);
});

Deno.test("FrameDecoder.commit() leaves the array alone into which a read may still be pending", () => {
  const decoder = makeDecoder({ initialBytes: 64 });
  const space = decoder.space();
  const before = decoder.capacity;
  space.set(frame("verack"));
  decoder.commit(24);
  decoder.next();
  assertStrictEquals(decoder.capacity, before);
  assertStrictEquals(decoder.space().buffer, space.buffer);
});

Deno.test("FrameDecoder.space() never is empty, also when the frames are not consumed", () => {
  const decoder = makeDecoder({ initialBytes: 24 });
  const stream = concat(
    ...Array.from({ length: 400 }, () => frame("ping", pattern(8))),
  );
  decoder.push(stream);
  assertStrictEquals(decoder.buffered, stream.length);
  assert(decoder.space().length > 0);
  let count = 0;
  while (decoder.next() !== undefined) count++;
  assertStrictEquals(count, 400);
});

Deno.test("FrameDecoder.commit() throws RangeError when more is committed than there was room", () => {
  const decoder = makeDecoder();
  const room = decoder.space().length;
  for (const count of [room + 1, -1, 0.5, NaN]) {
    assertThrows(() => decoder.commit(count), RangeError, "Cannot commit");
  }
  decoder.commit(0);
  assertStrictEquals(decoder.buffered, 0);
});
