/** The memory of outgoing messages: it is used again, and never while a message needs it. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { VerackError } from "../../src/core/errors.ts";
import {
  FRAME_BLOCK_BYTES,
  MAX_FRAME_BLOCKS,
  MAX_SHARING_FRAME_BYTES,
} from "../../src/delivery/delivery_limits.ts";
import {
  type FrameBlock,
  FrameMemory,
} from "../../src/delivery/frame_memory.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import {
  A,
  end,
  stage,
  takeAll,
  turns,
  Wire,
} from "../helpers/fake_frame_sink.ts";

/** A frame in memory, filled with its own byte. */
interface Held {
  readonly block: FrameBlock;
  readonly bytes: Uint8Array;
  readonly fill: number;
}

Deno.test("frames that are needed keep their bytes, whatever is taken and released meanwhile", () => {
  const size = fc.oneof(
    fc.integer({ min: 1, max: 300 }),
    fc.integer({ min: 1, max: 3 * FRAME_BLOCK_BYTES }),
  );
  const step = fc.record({ size, release: fc.nat(), keep: fc.boolean() });
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const memory = new FrameMemory();
    const held: Held[] = [];
    const kept: Held[] = [];
    for (const [at, { size, release, keep }] of steps.entries()) {
      const block = memory.take(size);
      const bytes = block.bytes.subarray(block.used - size, block.used);
      const fill = at % 251;
      bytes.fill(fill);
      held.push({ block, bytes, fill });
      if (release % 3 > 0) {
        const [it] = held.splice(release % held.length, 1);
        // Part of it may still have to be sent.
        if (keep) {
          it!.block.isReusable = false;
          kept.push(it!);
        }
        memory.release(it!.block);
      }
      if (release % 7 === 0) memory.drop();
      for (const { bytes, fill } of [...held, ...kept]) {
        assert(bytes.every((it) => it === fill));
      }
    }
  }));
});

Deno.test("blocks are used again, short frames share them, and waiting frames take a bounded number", () => {
  const memory = new FrameMemory();
  const first = memory.take(100);
  assertEquals(memory.take(100), first);
  const long = memory.take(65_600);
  memory.release(long);
  assertEquals(memory.take(65_000), long);
  // One frame of each block stays.
  const blocks = new Set<FrameBlock>();
  for (let at = 0; at < 2 * MAX_FRAME_BLOCKS; at++) {
    for (let frame = 0; frame < 4; frame++) {
      const block = memory.take(MAX_SHARING_FRAME_BYTES);
      if (frame > 0) memory.release(block);
      else blocks.add(block);
    }
  }
  const bytes = [...blocks].reduce((sum, { bytes }) => sum + bytes.length, 0);
  assert(
    bytes <= MAX_FRAME_BLOCKS * (FRAME_BLOCK_BYTES + MAX_SHARING_FRAME_BYTES),
  );
});

Deno.test("short frames share blocks however many longer ones came between them", () => {
  const memory = new FrameMemory();
  let held: FrameBlock[] = [];
  for (let at = 0; at <= MAX_FRAME_BLOCKS; at++) {
    // As many as fill a block.
    const short = Array.from({ length: 4 }, () => memory.take(4_000));
    for (const block of held) memory.release(block);
    held = short;
    // One that is a little longer than a block.
    memory.release(memory.take(FRAME_BLOCK_BYTES + 1_000));
  }
  for (const block of held) memory.release(block);
  const blocks = new Set<FrameBlock>();
  for (let at = 0; at < 1_000; at++) blocks.add(memory.take(100));
  assert(blocks.size < 10, `${blocks.size} blocks`);
});

Deno.test("every body arrives as it was sent, though memory is used again, messages are aborted and sessions lost", async () => {
  const random = new SeededRandom(5);
  const { a, b, wire: first } = stage();
  let wire = first;
  const taken = takeAll(b);
  const bodies = new Map<string, string>();
  for (let round = 0; round < 60; round++) {
    for (let at = 0; at < 20; at++) {
      const long = random.below(20) === 0;
      const body = random.bytes(random.below(long ? 120_000 : 2_000) + 1);
      const controller = new AbortController();
      const { signal } = controller;
      const onId = (id: string) => bodies.set(id, body.slice().toHex());
      const topic = `${random.below(3)}`;
      const sent = a.delivery.send(b.id, body, { topic, signal, onId });
      sent.catch(() => {});
      // The caller may change it at once.
      body.fill(0);
      const luck = random.below(8);
      if (luck === 0) controller.abort();
      else if (luck === 1) setTimeout(() => controller.abort());
      const all = random.below(20) === 0;
      if (all) a.delivery.broadcast([b.id, A], body, { topic, ttlMs: 1_000 });
    }
    for (let at = random.below(60); at > 0; at--) {
      if (!wire.pass(0)) wire.pass(1);
      if (random.below(4) === 0) await new Promise((ok) => setTimeout(ok));
    }
    if (random.below(6) > 0) await wire.run();
    else {
      wire.cut();
      wire = new Wire(a, b);
    }
  }
  await wire.run();
  const own = taken.filter(({ id }) => bodies.has(id));
  assert(own.length > 500);
  for (const { id, body } of own) assertEquals(body.toHex(), bodies.get(id));
  end(a, b);
});

Deno.test("a message that is aborted in the middle is sent to its end, without bytes of the next one", async () => {
  const { a, b, wire } = stage();
  const taken = takeAll(b);
  const controller = new AbortController();
  const { signal } = controller;
  const size = 2_000_000;
  const sent = a.delivery.send(b.id, new Uint8Array(size).fill(1), { signal });
  const failure = assertRejects(() => sent, VerackError, "aborted");
  await turns();
  // Its offer, the credit for it, and the first of its chunks.
  while (wire.passedBytes[0] < 100_000) {
    if (!wire.pass(0)) wire.pass(1);
    await turns();
  }
  controller.abort();
  await failure;
  a.delivery.send(b.id, new Uint8Array(size).fill(2));
  await wire.run();
  assertEquals(
    taken.map((
      { body },
    ) => [body.length, Math.min(...new Set(body)), Math.max(...new Set(body))]),
    [[size, 1, 1], [size, 2, 2]],
  );
  end(a, b);
});
