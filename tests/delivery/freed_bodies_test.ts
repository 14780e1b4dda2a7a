/** What can be read of a message after its handler is done, whose memory is used again. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Message } from "../../src/delivery/incoming_message.ts";
import { B, end, next, type Stage, stage } from "../helpers/fake_frame_sink.ts";

/** Shares a block; has an array of its own; is freed at once; comes in chunks. */
const SIZES = [0, 1, 100, 1_024, 2_000, 5_000, 100_000];

function bodyOf(size: number, at: number): Uint8Array {
  return new Uint8Array(size).fill(at);
}

async function post({ a, wire }: Stage, bodies: Uint8Array[]): Promise<void> {
  const sent = bodies.map((body) => a.delivery.send(B, body));
  await wire.run();
  await Promise.all(sent);
}

/** Has a handler read each of some messages by `read`. */
async function handled<T>(
  size: number,
  count: number,
  read: (message: Message) => T,
): Promise<T[]> {
  const it = stage();
  const results: T[] = [];
  const ended = it.b.delivery.consume((message) => {
    results.push(read(message));
  });
  for (let at = 0; at < count; at += 10) {
    await post(it, Array.from({ length: 10 }, (_, i) => bodyOf(size, at + i)));
  }
  end(it.a, it.b);
  await ended;
  return results;
}

for (const size of SIZES) {
  Deno.test(`bodies of ${size} bytes that a handler read stay as they were, whatever comes later`, async () => {
    const bodies = await handled(size, 40, (message) => {
      message.ack();
      // After `ack`, as before it.
      assertEquals(message.view, message.body);
      return message.body;
    });
    assertEquals(bodies, bodies.map((_, at) => bodyOf(size, at)));
  });

  Deno.test(`a view of ${size} bytes is right while its handler runs`, async () => {
    const seen = await handled(size, 40, ({ view }) => view.slice());
    assertEquals(seen, seen.map((_, at) => bodyOf(size, at)));
  });

  Deno.test(`what a handler has not read of ${size} bytes cannot be read later, and what it has can`, async () => {
    const messages = await handled(size, 20, (message) => {
      assertEquals(message.text().length, size);
      return message;
    });
    for (const message of messages) {
      for (const read of [() => message.body, () => message.view]) {
        assertThrows(read, TypeError, "its handler is done");
      }
      assertThrows(() => message.text(), TypeError, "its handler is done");
      assertEquals([message.topic, message.deliveryCount], ["", 1]);
    }
    const kept = await handled(size, 20, (message) => [message, message.body]);
    for (const [message, body] of kept as [Message, Uint8Array][]) {
      assertEquals(message.body, body);
      assertEquals(message.view, body);
    }
  });

  Deno.test(`what a handler nacks of ${size} bytes comes again as it was, others having come`, async () => {
    const it = stage();
    const taken: Uint8Array[] = [];
    const ended = it.b.delivery.consume((message) => {
      if (message.deliveryCount === 1 && message.topic === "bad") {
        message.nack();
      } else taken.push(message.body);
    });
    const bad = it.a.delivery.send(B, bodyOf(size, 99), { topic: "bad" });
    const others = Array.from({ length: 20 }, (_, at) => bodyOf(size, at));
    await post(it, others);
    await it.clock.advance(500);
    it.b.delivery.tick(it.clock.monotonic(), 0);
    await it.wire.run();
    await bad;
    assertEquals(taken, [...others, bodyOf(size, 99)]);
    end(it.a, it.b);
    await ended;
  });

  Deno.test(`messages of ${size} bytes of a loop can be read for ever, also beside a handler`, async () => {
    const it = stage();
    const loop = it.b.delivery.messages({ topic: "loop" });
    const ended = it.b.delivery.consume(() => {}, { exceptTopic: "loop" });
    const kept: Message[] = [];
    for (let at = 0; at < 20; at++) {
      const sent = it.a.delivery.send(B, bodyOf(size, at), { topic: "loop" });
      await post(it, [bodyOf(size, 100), bodyOf(size, 101)]);
      kept.push(await next(loop));
      await it.wire.run();
      if (at > 0) kept.at(-2)!.ack();
      sent.catch(() => {});
    }
    assertEquals(
      kept.map(({ body }) => body),
      kept.map((_, at) => bodyOf(size, at)),
    );
    end(it.a, it.b);
    await ended;
  });

  Deno.test(`a loop that left a message of ${size} bytes can read it when a handler has had it`, async () => {
    const it = stage();
    const sent = it.a.delivery.send(B, bodyOf(size, 99));
    await it.wire.run();
    const loop = it.b.delivery.messages();
    const left = await next(loop);
    await loop.return?.();
    const ended = it.b.delivery.consume(() => {});
    await post(it, Array.from({ length: 20 }, (_, at) => bodyOf(size, at)));
    await sent;
    assertEquals(left.body, bodyOf(size, 99));
    end(it.a, it.b);
    await ended;
  });
}

Deno.test("short messages that are handled one after the other take no memory each", async () => {
  const buffers = new Set(
    await handled(100, 1_000, ({ view }) => view.buffer),
  );
  assertEquals(buffers.size, 1);
});

Deno.test("memory of short messages that wait is used again once all that share it are handled", async () => {
  const it = stage();
  const buffers = new Set<ArrayBufferLike>();
  let atOnce = 0;
  for (let round = 0; round < 10; round++) {
    const sent = Array.from(
      { length: 60 },
      (_, at) => it.a.delivery.send(B, bodyOf(500, at)),
    );
    await it.wire.run();
    const controller = new AbortController();
    const inRound = new Set<ArrayBufferLike>();
    let count = 0;
    const ended = it.b.delivery.consume(({ view }) => {
      assertEquals(view[0], count);
      inRound.add(view.buffer);
      if (++count === 60) controller.abort();
    }, { signal: controller.signal });
    await it.wire.run();
    await Promise.all(sent);
    await ended;
    atOnce = Math.max(atOnce, inRound.size);
    for (const buffer of inRound) buffers.add(buffer);
  }
  // Of the last round and the one before, which may have been spare.
  assert(atOnce > 2 && buffers.size <= 2 * atOnce);
  end(it.a, it.b);
});

Deno.test("memory of a large body is freed once its handler is done, and what was read as the body stays", async () => {
  const taken = await handled(100_000, 10, ({ view, body }) => [view, body]);
  for (const arrays of taken) {
    assertEquals(arrays.map(({ length }) => length), [0, 100_000]);
  }
});
