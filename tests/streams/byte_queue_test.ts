import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ByteQueue } from "../../src/streams/byte_queue.ts";

Deno.test("what is pushed to a queue of bytes is taken in order, copied or where it is", () => {
  const size = fc.nat({ max: 40_000 });
  const step = fc.record({ push: size, take: size, isTogether: fc.boolean() });
  fc.assert(fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
    const queue = new ByteQueue();
    const room = new Uint8Array(40_000);
    let pushed = 0;
    let taken = 0;
    for (const { push, take, isTogether } of steps) {
      queue.push(new Uint8Array(push).map(() => pushed++));
      const count = Math.min(take, queue.length);
      if (count === 0) continue;
      const bytes = isTogether
        ? queue.takeTogether(count, room)
        : room.subarray(0, queue.take(room.subarray(0, count)));
      assertEquals(bytes.length, count);
      assert(bytes.every((byte) => byte === (taken++ & 255)));
      assertEquals(queue.length, pushed - taken);
      assert(queue.heldBytes >= queue.length);
    }
    queue.clear();
    assertEquals(queue.heldBytes, 0);
  }));
});
