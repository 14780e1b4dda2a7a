/** Messages that are consumed by a function instead of a loop. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Message } from "../../src/delivery/incoming_message.ts";
import { MemoryMessageStore } from "../../src/mesh/peers/memory_message_store.ts";
import { VerackError } from "../../src/core/errors.ts";
import {
  B,
  end,
  next,
  party,
  peerId,
  type Stage,
  stage,
  turns,
  unacknowledged,
  Wire,
} from "../helpers/fake_frame_sink.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

function post({ a }: Stage, count: number): Promise<void>[] {
  return Array.from(
    { length: count },
    (_, at) => a.delivery.send(B, `${at}`),
  );
}

Deno.test("a handler gets all messages in order, and each is acknowledged when it has returned", async () => {
  const it = stage();
  const taken: string[] = [];
  const ended = it.b.delivery.consume((message) => {
    taken.push(message.text());
  });
  const sent = post(it, 100);
  await it.wire.run();
  await Promise.all(sent);
  assertEquals(taken, Array.from({ length: 100 }, (_, at) => `${at}`));
  end(it.b);
  await ended;
});

Deno.test("a handler whose first message cannot be had is no consumer any more", async () => {
  const it = stage();
  const from = () => {
    throw new Error("no such filter");
  };
  const sent = post(it, 1);
  await it.wire.run();
  const ended = it.b.delivery.consume(() => {}, { from });
  await assertRejects(() => ended, Error, "no such filter");
  const message = await next(it.b.delivery.messages());
  message.ack();
  await it.wire.run();
  await Promise.all(sent);
});

Deno.test("what is shown of a message for people is short, and has no body", async () => {
  const it = stage();
  const sent = it.a.delivery.send(B, "x".repeat(10_000), { topic: "t" });
  await it.wire.run();
  const message = await next(it.b.delivery.messages());
  const shown = Deno.inspect(message);
  assert(shown.startsWith("Message {") && shown.includes(message.id), shown);
  assert(shown.length < 300, shown);
  message.ack();
  await it.wire.run();
  await sent;
});

Deno.test("options that there are not are refused, and not overlooked", async () => {
  const { a, b } = stage();
  const wrong = { tpoic: "news" } as unknown as { topic: string };
  const refused = (promise: Promise<unknown>) =>
    assertRejects(() => promise, TypeError, 'there is no option "tpoic"');
  await refused(a.delivery.send(B, "x", wrong));
  await refused(a.delivery.broadcast([B], "x", wrong));
  await refused(b.delivery.consume(() => {}, wrong));
  assertThrows(() => b.delivery.messages(wrong), TypeError, "tpoic");
  end(a, b);
});

Deno.test("messages that are ready are handled without a promise between them", async () => {
  const it = stage();
  const sent = post(it, 50);
  await it.wire.run();
  const handled: number[] = [];
  let turn = 0;
  const controller = new AbortController();
  const { signal } = controller;
  const ended = it.b.delivery.consume(() => {
    if (handled.push(turn) === 1) queueMicrotask(() => turn++);
  }, { signal });
  await it.wire.run();
  await Promise.all(sent);
  assertEquals(handled, Array(50).fill(0));
  controller.abort();
  await ended;
});

Deno.test("an async handler gets a message when the one before is done, which is not acknowledged before", async () => {
  const it = stage();
  const begun: Message[] = [];
  const done: (() => void)[] = [];
  const ended = it.b.delivery.consume((message) => {
    begun.push(message);
    return new Promise((resolve) => done.push(resolve));
  });
  const sent = post(it, 2);
  await it.wire.run();
  assertEquals([begun.length, unacknowledged(it.a).messages], [1, 2]);
  done[0]!();
  await it.wire.run();
  assertEquals([begun.length, unacknowledged(it.a).messages], [2, 1]);
  done[1]!();
  await it.wire.run();
  await Promise.all(sent);
  end(it.b);
  await ended;
});

for (const isAsync of [false, true]) {
  Deno.test(`an error of ${isAsync ? "an async" : "a"} handler ends it, and its message goes to the next consumer, in order`, async () => {
    const it = stage();
    const sent = post(it, 3);
    await it.wire.run();
    const taken: string[] = [];
    const fail = () => {
      throw new Error("cannot parse");
    };
    const ended = it.b.delivery.consume((message) => {
      taken.push(message.text());
      if (taken.length < 2) return;
      return isAsync ? Promise.resolve().then(fail) : fail();
    });
    await assertRejects(() => ended, Error, "cannot parse");
    const messages = it.b.delivery.messages();
    const again = await next(messages);
    assertEquals(taken, ["0", "1"]);
    assertEquals([again.text(), again.deliveryCount], ["1", 2]);
    assertEquals((await next(messages)).text(), "2");
    messages.next();
    await it.wire.run();
    await Promise.all(sent);
  });
}

Deno.test("what a handler nacks comes again, and the rest of its topic waits for it", async () => {
  const it = stage();
  const taken: string[] = [];
  const ended = it.b.delivery.consume((message) => {
    taken.push(message.text());
    if (taken.length === 1) message.nack("busy");
  });
  const sent = post(it, 2);
  await it.wire.run();
  assertEquals(taken, ["0"]);
  await it.clock.advance(500);
  it.b.delivery.tick(it.clock.monotonic(), 0);
  await it.wire.run();
  assertEquals(taken, ["0", "0", "1"]);
  await Promise.all(sent);
  end(it.b);
  await ended;
});

Deno.test("a handler that aborts its signal gets no more; what it has returned from is acked, the rest waits", async () => {
  const it = stage();
  const sent = post(it, 2);
  await it.wire.run();
  const controller = new AbortController();
  const { signal } = controller;
  const taken: string[] = [];
  await it.b.delivery.consume((message) => {
    taken.push(message.text());
    controller.abort();
  }, { signal });
  await it.wire.run();
  await sent[0];
  assertEquals(taken, ["0"]);
  assertEquals((await next(it.b.delivery.messages())).text(), "1");
  sent[1]!.catch(() => {});
  end(it.a, it.b);
});

Deno.test("senders take turns at a handler", async () => {
  const clock = new VirtualClock();
  const b = party(B, clock);
  const senders = [1, 2].map((seed) => party(peerId(seed), clock, { seed }));
  const wires = senders.map((sender) => new Wire(sender, b));
  const sent = senders.flatMap(({ delivery }) =>
    Array.from({ length: 10 }, () => delivery.send(B, "x"))
  );
  for (const wire of wires) await wire.run();
  const taken: string[] = [];
  const ended = b.delivery.consume(({ from }) => {
    taken.push(from);
  });
  for (const wire of wires) await wire.run();
  await Promise.all(sent);
  const turn = [peerId(1), peerId(2)];
  assertEquals(taken, Array.from({ length: 10 }, () => turn).flat());
  end(b);
  await ended;
});

Deno.test("a handler whose ack cannot be recorded ends with the error, and the message comes again", async () => {
  class FullStore extends MemoryMessageStore {
    isFull = true;

    override putSeen(seen: Parameters<MemoryMessageStore["putSeen"]>[0]): void {
      if (this.isFull) throw new VerackError("bad-data", "The disk is full");
      super.putSeen(seen);
    }
  }
  const store = new FullStore();
  const it = stage({ b: { store } });
  const sent = post(it, 1);
  await it.wire.run();
  const handled = it.b.delivery.consume(() => {});
  await assertRejects(() => handled, VerackError, "disk is full");
  await turns();
  assertEquals(unacknowledged(it.a).messages, 1);
  store.isFull = false;
  await it.clock.advance(500);
  it.b.delivery.tick(it.clock.monotonic(), 0);
  const controller = new AbortController();
  const ended = it.b.delivery.consume(() => {}, {
    signal: controller.signal,
  });
  await it.wire.run();
  await Promise.all(sent);
  controller.abort();
  await ended;
});

Deno.test("a filter of senders that throws ends its consumer with the error, and nothing else", async () => {
  for (const isQueued of [false, true]) {
    const it = stage();
    let throws = !isQueued;
    const from = () => {
      if (throws) throw new Error("no filter");
      return false;
    };
    const ended = it.b.delivery.consume(() => {}, { from });
    const failure = assertRejects(() => ended, Error, "no filter");
    const sent = it.a.delivery.send(B, "kept");
    await it.wire.run();
    throws = true;
    it.b.delivery.tick(it.clock.monotonic(), 0);
    await failure;
    const messages = it.b.delivery.messages();
    assertEquals((await next(messages)).text(), "kept");
    messages.next();
    await it.wire.run();
    await sent;
    end(it.a, it.b);
  }
});

Deno.test("what is no function is refused at once, and takes no message", async () => {
  const it = stage();
  const error = await assertRejects(
    () =>
      Promise.race([
        it.b.delivery.consume(undefined as never),
        turns(20).then(() => Promise.reject(new Error("it waits"))),
      ]),
    TypeError,
  );
  assertEquals(
    error.message,
    "Cannot consume messages: handler must be a function",
  );
  const sent = post(it, 1);
  const taken = next(it.b.delivery.messages());
  await it.wire.run();
  assertEquals((await taken).text(), "0");
  end(it.a);
  await Promise.allSettled(sent);
});
