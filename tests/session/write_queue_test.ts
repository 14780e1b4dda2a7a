import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { WRITE_BLOCK_BYTES } from "../../src/transport/transport_limits.ts";
import {
  FIRST_WRITE_BLOCK_BYTES,
  MAX_QUEUE_BYTES,
} from "../../src/session/session_limits.ts";
import { FRAME_HEADER_BYTES } from "../../src/wire/wire_limits.ts";
import { WriteQueue } from "../../src/session/write_queue.ts";
import { encodeFrame, networkMagic } from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";

const MAGIC = networkMagic("test");

function push(outbox: WriteQueue, length: number, fill = 1): void {
  outbox.pushFrame("message", new Uint8Array(length).fill(fill), true);
}

Deno.test("Outbox gathers many small frames into few writes", () => {
  const outbox = new WriteQueue(MAGIC);
  for (let i = 0; i < 1_000; i++) push(outbox, 100);
  const writes: number[] = [];
  for (let bytes = outbox.take(); bytes; bytes = outbox.take()) {
    writes.push(bytes.length);
    outbox.wrote();
  }
  assertEquals(writes.reduce((a, b) => a + b), 1_000 * 124);
  // As few as there can be: the small block that was there first is none of them.
  assertEquals(writes.length, 2);
  assert(writes.every((length) => length <= WRITE_BLOCK_BYTES));
  assertEquals(outbox.bytes, 0);
});

Deno.test("frames that come encoded are divided among full blocks, and get their checksums if asked for", () => {
  for (const checksum of [true, false]) {
    const outbox = new WriteQueue(MAGIC);
    const plain: number[] = [];
    const expected: number[] = [];
    for (let at = 0; at < 20; at++) {
      const frames = [at, 5_000 + at].map((size) => {
        const payload = new Uint8Array(size).fill(at);
        expected.push(...encodeFrame(MAGIC, "message", payload, { checksum }));
        return encodeFrame(MAGIC, "message", payload, { checksum: false });
      });
      const together = Uint8Array.from(frames.flatMap((it) => [...it]));
      const before = together.slice();
      outbox.pushFrames(together, checksum);
      assertEquals(together, before, "its memory is not written to");
    }
    for (let bytes = outbox.take(); bytes; bytes = outbox.take()) {
      plain.push(...bytes);
      outbox.wrote();
      if (outbox.bytes > 0) assertEquals(bytes.length, WRITE_BLOCK_BYTES);
    }
    assertEquals(plain, expected);
  }
});

Deno.test("a payload that comes in two parts makes the frame of both together", () => {
  for (const checksum of [true, false]) {
    for (const [first, rest] of [[4, 16_384], [4, 100], [40_000, 40_000]]) {
      const payload = new Uint8Array(first! + rest!).map((_, at) => at);
      const outbox = new WriteQueue(MAGIC);
      const [head, tail] = [payload.slice(0, first), payload.slice(first)];
      for (let i = 0; i < 5; i++) {
        outbox.pushFrame("message", head, checksum, tail);
      }
      const sent: number[] = [];
      for (let it = outbox.take(); it; it = outbox.take()) {
        sent.push(...it);
        outbox.wrote();
      }
      const frame = encodeFrame(MAGIC, "message", payload, { checksum });
      assertEquals(sent, Array(5).fill([...frame]).flat());
    }
  }
});

Deno.test("Outbox holds a small block while little is sent, whatever was sent before", () => {
  const outbox = new WriteQueue(MAGIC);
  for (const length of [50, 30_000, 50]) {
    push(outbox, length);
    const bytes = outbox.take()!;
    const small = length < FIRST_WRITE_BLOCK_BYTES;
    assertEquals(
      bytes.buffer.byteLength,
      small ? FIRST_WRITE_BLOCK_BYTES : WRITE_BLOCK_BYTES,
    );
    outbox.wrote();
  }
});

Deno.test("Outbox does not copy large shared frames, and never writes into shared ones", () => {
  const outbox = new WriteQueue(MAGIC);
  const large = encodeFrame(MAGIC, "message", new Uint8Array(100_000));
  const small = encodeFrame(MAGIC, "message", new Uint8Array(10));
  const before = small.slice();
  outbox.pushEncoded(large);
  outbox.pushEncoded(small);
  push(outbox, 10, 9);
  assertEquals(outbox.take()!.buffer, large.buffer);
  outbox.wrote();
  outbox.take();
  outbox.wrote();
  assertEquals(small, before);
});

Deno.test("Outbox divides large frames among full blocks, and says when a write ends within one", () => {
  const outbox = new WriteQueue(MAGIC);
  const size = WRITE_BLOCK_BYTES + FRAME_HEADER_BYTES;
  const count = 3;
  for (let i = 0; i < count; i++) push(outbox, WRITE_BLOCK_BYTES, i);
  const writes: [number, boolean][] = [];
  assert(!outbox.isWithinFrame);
  for (let bytes = outbox.take(); bytes; bytes = outbox.take()) {
    writes.push([bytes.length, outbox.isWithinFrame]);
    outbox.wrote();
  }
  assertEquals(writes, [
    [WRITE_BLOCK_BYTES, true],
    [WRITE_BLOCK_BYTES, true],
    [WRITE_BLOCK_BYTES, true],
    [count * size - 3 * WRITE_BLOCK_BYTES, false],
  ]);
  // A block that is used again tells nothing of what it had before.
  push(outbox, 30_000);
  outbox.take();
  assert(!outbox.isWithinFrame);
});

Deno.test("Outbox counts what is queued and what is being written", () => {
  const outbox = new WriteQueue(MAGIC);
  push(outbox, 1_000);
  assertEquals(outbox.bytes, 1_000 + FRAME_HEADER_BYTES);
  outbox.take();
  assertEquals(outbox.bytes, 1_000 + FRAME_HEADER_BYTES);
  push(outbox, 10);
  outbox.clear();
  assertEquals(outbox.bytes, 1_000 + FRAME_HEADER_BYTES);
  outbox.wrote();
  assertEquals(outbox.bytes, 0);
  assert(outbox.fits(MAX_QUEUE_BYTES - FRAME_HEADER_BYTES));
  assert(!outbox.fits(MAX_QUEUE_BYTES - FRAME_HEADER_BYTES + 1));
});

Deno.test("what goes into Outbox comes out, in order, whatever the sizes and pauses", () => {
  fc.assert(fc.property(
    fc.array(
      fc.oneof(
        fc.nat({ max: 3_000 }),
        fc.nat({ max: 100_000 }),
        fc.constant("write" as const),
      ),
      { maxLength: 60 },
    ),
    (steps) => {
      const outbox = new WriteQueue(MAGIC);
      const decoder = new FrameDecoder({ magic: MAGIC, maxPayload: 100_000 });
      const seen: [number, number | undefined][] = [];
      const write = () => {
        const bytes = outbox.take();
        if (bytes === undefined) return false;
        decoder.push(bytes);
        outbox.wrote();
        for (let f = decoder.next(); f; f = decoder.next()) {
          assertEquals(f.fault, undefined);
          seen.push([f.payload.length, f.payload[0]]);
        }
        return true;
      };
      const wanted: typeof seen = [];
      for (const [i, step] of steps.entries()) {
        if (step === "write") write();
        else {
          push(outbox, step, i);
          wanted.push([step, step === 0 ? undefined : i]);
        }
      }
      while (write());
      assertEquals(seen, wanted);
    },
  ));
});
