/** What the application may do with messages, and what their senders hear of it. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { DeliverySettings } from "../../src/delivery/delivery_settings.ts";
import { REDELIVERY_MAX_MS } from "../../src/delivery/delivery_limits.ts";
import { MemoryMessageStore } from "../../src/mesh/peers/memory_message_store.ts";
import type { Message } from "../../src/delivery/incoming_message.ts";
import { VerackError } from "../../src/core/errors.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import {
  A,
  B,
  end,
  next,
  type Party,
  party,
  peerId,
  type Stage,
  stage,
  turns,
  Wire,
} from "../helpers/fake_frame_sink.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

async function wait({ clock, a, b }: Stage, ms: number): Promise<void> {
  await clock.advance(ms);
  for (const { delivery } of [a, b]) delivery.tick(clock.monotonic(), 0);
}

Deno.test("a nacked message comes again after a while, the rest of its topic waits for it, other topics do not", async () => {
  const it = stage();
  const sent = ["one", "two"].map((text) => it.a.delivery.send(B, text));
  sent.push(it.a.delivery.send(B, "aside", { topic: "other" }));
  await it.wire.run();
  const messages = it.b.delivery.messages();
  const first = await next(messages);
  assertEquals([first.text(), first.deliveryCount], ["one", 1]);
  first.nack("busy");
  assertEquals((await next(messages)).text(), "aside");

  const again = next(messages);
  await wait(it, 499);
  await wait(it, 1);
  const second = await again;
  assertEquals([second.text(), second.deliveryCount], ["one", 2]);
  assertEquals(second.id, first.id);
  assertEquals((await next(messages)).text(), "two");
  messages.next();
  await it.wire.run();
  await Promise.all(sent);
});

Deno.test("a message that is nacked five times becomes a dead letter, its sender is told, and what came after it goes on", async () => {
  const it = stage();
  const poison = it.a.delivery.send(B, "poison", { topic: "t" });
  const rest = it.a.delivery.send(B, "rest", { topic: "t" });
  const told = assertRejects(() => poison, VerackError, "dead letter");
  const messages = it.b.delivery.messages();
  for (let attempt = 1; attempt <= 5; attempt++) {
    const message = next(messages);
    await it.wire.run();
    await wait(it, REDELIVERY_MAX_MS);
    const refused = await message;
    assertEquals([refused.text(), refused.deliveryCount], ["poison", attempt]);
    refused.nack("does not parse");
  }
  assertEquals((await next(messages)).text(), "rest");
  messages.next();
  await it.wire.run();
  assertEquals((await told).code, "rejected");
  await rest;
  const [aside] = it.b.delivery.deadLetters.list();
  assertEquals([aside?.from, aside?.reason], [A, "does not parse"]);
  assertEquals(new TextDecoder().decode(aside?.body), "poison");
  assertEquals(it.a.givenUp.length, 1);
});

Deno.test("a message of a consumer that ends without ack or nack goes to the next one, but not for ever", async () => {
  const it = stage();
  const sent = it.a.delivery.send(B, "hot potato");
  const told = assertRejects(() => sent, VerackError, "dead letter");
  await it.wire.run();
  for (let attempt = 1; attempt <= 5; attempt++) {
    for await (const message of it.b.delivery.messages()) {
      assertEquals(message.deliveryCount, attempt);
      break;
    }
  }
  await it.wire.run();
  await told;
});

Deno.test("the next message of a topic is delivered when the one before is settled, whichever consumer takes it", async () => {
  const it = stage();
  const sent = ["one", "two"].map((text) => it.a.delivery.send(B, text));
  await it.wire.run();
  const [first, second] = [it.b.delivery.messages(), it.b.delivery.messages()];
  const one = await next(first);
  let two: Message | undefined;
  const waiting = next(second).then((message) => two = message);
  await it.wire.run();
  assertEquals(two, undefined);
  one.ack();
  await waiting;
  assertEquals(two?.text(), "two");
  two?.ack();
  await it.wire.run();
  await Promise.all(sent);
});

Deno.test("a consumer that asks for several messages at once acks each of them when it asks again", async () => {
  const it = stage();
  const messages = it.b.delivery.messages();
  const asked = [messages.next(), messages.next()];
  const sent = ["one", "two"].map((text) => it.a.delivery.send(B, text));
  sent.push(it.a.delivery.send(B, "aside", { topic: "other" }));
  await it.wire.run();
  assertEquals((await asked[0])?.value?.text(), "one");
  assertEquals((await asked[1])?.value?.text(), "aside");
  assertEquals((await next(messages)).text(), "two");
  messages.next();
  await it.wire.run();
  await Promise.all(sent);
});

Deno.test("a signal ends the consumer, and the message that it has is still its own", async () => {
  const it = stage();
  const sent = it.a.delivery.send(B, "last words");
  await it.wire.run();
  const controller = new AbortController();
  const { signal } = controller;
  const messages = it.b.delivery.messages({ signal });
  const message = await next(messages);
  controller.abort();
  message.ack();
  assertEquals(await messages.next(), { value: undefined, done: true });
  const ended = it.b.delivery.messages({ signal });
  assertEquals(await ended.next(), { value: undefined, done: true });
  await it.wire.run();
  await sent;
});

Deno.test("what was acked before a restart is not delivered again, and its sender is told that it was", async () => {
  const store = new MemoryMessageStore();
  const { clock, a, b: first, wire } = stage({ b: { store } });
  const sent = a.delivery.send(B, "once");
  await clock.advance(1);
  wire.pass(0);
  (await next(first.delivery.messages())).ack();
  await clock.advance(1);
  const { queue } = wire.ends[1];
  assertEquals(queue.map(({ command }) => command), [COMMAND.ack]);
  // It is lost.
  wire.cut();
  end(first);

  const second = party(B, clock, { store, seed: 3 });
  const again = new Wire(a, second);
  const later = a.delivery.send(B, "twice");
  const shown = next(second.delivery.messages());
  await again.run();
  assertEquals((await shown).text(), "twice");
  (await shown).ack();
  await again.run();
  await Promise.all([sent, later]);
});

Deno.test("an acknowledgement that was lost is sent again, without the body being sent again", async () => {
  const { clock, a, b, wire } = stage();
  const sent = a.delivery.send(B, new Uint8Array(1_000_000));
  const taken = next(b.delivery.messages());
  let lost = 0;
  while (a.delivery.outbox.messages > 0 && lost === 0) {
    while (wire.pass(0)) { /* all of it */ }
    await turns(10);
    wire.pass(1);
    await clock.advance(1);
    if (wire.passedBytes[0] < 1_000_000) continue;
    (await taken).ack();
    await clock.advance(1);
    while (wire.ends[1].shift() !== undefined) lost++;
  }
  assert(lost > 0);
  wire.cut();
  const again = new Wire(a, b);
  await again.run();
  await sent;
  assert(again.passedBytes[0] < 100, `${again.passedBytes[0]} bytes`);
});

Deno.test("deliveries are counted across restarts", async () => {
  const clock = new VirtualClock();
  const store = new MemoryMessageStore();
  const a = party(A, clock);
  const sent = a.delivery.send(B, "poison");
  const told = assertRejects(() => sent, VerackError, "dead letter");
  for (let attempt = 1; attempt <= 5; attempt++) {
    const b = party(B, clock, { store, seed: attempt });
    const wire = new Wire(a, b);
    await wire.run();
    const message = await next(b.delivery.messages());
    assertEquals(message.deliveryCount, attempt);
    message.nack();
    await wire.run();
    wire.cut();
  }
  await told;
  assertEquals([...store.deadLetters()].length, 1);
  assertEquals([...store.deliveryCounts()], []);
});

/** A store whose commits are the test's to make. */
class SlowStore extends MemoryMessageStore {
  #waiting: (() => void)[] = [];

  override committed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  get wanted(): number {
    return this.#waiting.length;
  }

  flush(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

Deno.test("nothing is sent before it is durable, nor acknowledged before that is recorded, and many share a commit", async () => {
  const [sending, receiving] = [new SlowStore(), new SlowStore()];
  const { a, b, wire } = stage({
    a: { store: sending },
    b: { store: receiving },
  });
  const sent = Array.from(Array(40), () => a.delivery.send(B, "x"));
  await wire.run();
  assertEquals(wire.passedBytes[0], 0);
  assertEquals(sending.wanted, 1);
  sending.flush();
  await wire.run();

  const messages = b.delivery.messages();
  for (let i = 0; i < 40; i++) (await next(messages)).ack();
  await wire.run();
  const acks = wire.ends[1].queue.filter((it) => it.command === COMMAND.ack);
  assertEquals(acks, []);
  assertEquals(a.delivery.outbox.messages, 40);
  assert(receiving.wanted >= 1 && receiving.wanted <= 4, `${receiving.wanted}`);
  for (let round = 0; a.delivery.outbox.messages > 0 && round < 5; round++) {
    receiving.flush();
    await wire.run();
  }
  await Promise.all(sent);
  assertEquals([...sending.outgoing()], []);
});

/** A node that broadcasts, and others of which some are connected. */
function hub(connected: number, settings?: Partial<DeliverySettings>) {
  const clock = new VirtualClock();
  const others = [1, 2, 3].map((seed) => party(peerId(seed), clock, { seed }));
  const [quick, silent, third] = others as [Party, Party, Party];
  const { delivery } = party(A, clock, settings && { settings });
  const it = { id: A, clock, delivery, givenUp: [] };
  const wires = others.slice(0, connected).map((one) => new Wire(it, one));
  const run = async (ms = 0) => {
    await clock.advance(ms);
    for (const wire of wires) await wire.run();
    delivery.tick(clock.monotonic(), 0);
  };
  return { delivery, quick, silent, third, wires, run };
}

Deno.test("a broadcast waits a second for strangers once its friends have it, or another stranger", async () => {
  for (const hasFriend of [true, false]) {
    const { delivery, quick, silent, third: eager, run } = hub(
      hasFriend ? 3 : 2,
      { hasStanding: (peer) => hasFriend && peer === peerId(1) },
    );
    const others = hasFriend ? [quick, silent, eager] : [quick, silent];
    let resolved = false;
    const result = delivery.broadcast(others.map(({ id }) => id), "news");
    result.then(() => resolved = true);
    const taken = next(quick.delivery.messages());
    const first = hasFriend ? next(eager.delivery.messages()) : undefined;
    await run();
    // A stranger that was quicker does not decide.
    (await first)?.ack();
    await run();
    await run(1_500);
    // The control: the friend is waited for.
    assertEquals(resolved, false);
    (await taken).ack();
    await run();
    await run(1_400);
    // As much again as the friend took.
    assertEquals(resolved, false);
    await run(200);
    const { delivered, waiting } = await result;
    const had = hasFriend ? [quick.id, eager.id] : [quick.id];
    assertEquals([delivered, waiting], [had, [silent.id]]);
  }
});

Deno.test("a broadcast waits for connected peers until its time is over, and tells how it stands", async () => {
  const { delivery, quick, silent, third: away, wires, run } = hub(2);
  const all = [quick, silent, away].map(({ id }) => id);
  const result = delivery.broadcast(all, "news", { waitMs: 1_000 });
  const taken = next(quick.delivery.messages());
  await run();
  (await taken).ack();
  await run();
  let resolved = false;
  result.then(() => resolved = true);
  await run(100);
  assertEquals(resolved, false);
  await run(900);
  const { delivered, waiting, failed } = await result;
  assertEquals(delivered, [quick.id]);
  assertEquals(waiting, [silent.id, away.id]);
  assertEquals(failed, []);
  assertEquals(delivery.outbox.messages, 2);

  // A peer that leaves while it is waited for is not waited for any longer.
  const second = delivery.broadcast(all, "more news");
  const more = next(quick.delivery.messages());
  wires[1]!.cut();
  await run();
  (await more).ack();
  await run();
  assertEquals((await second).delivered, [quick.id]);
});

Deno.test("what cannot be recorded is not acknowledged, and comes again", async () => {
  const store = new MemoryMessageStore();
  const it = stage({ b: { store } });
  const { a, b } = it;
  const sent = a.delivery.send(B, "precious");
  await it.wire.run();
  const { putSeen } = store;
  store.putSeen = () => {
    throw new VerackError("bad-data", "The disk is full");
  };
  const messages = b.delivery.messages();
  await next(messages);
  const failed = await assertRejects(() => messages.next(), VerackError);
  assertEquals(failed.code, "bad-data");
  await it.wire.run();
  assertEquals(a.delivery.outbox.messages, 1);
  store.putSeen = putSeen;
  const again = next(messages);
  await wait(it, 500);
  assertEquals((await again).text(), "precious");
  (await again).ack();
  await it.wire.run();
  await sent;
});

Deno.test("a message that cannot be recorded does not keep the consumer's others from being settled", async () => {
  for (
    const [verb, write, left] of [
      ["next", "putSeen", ["one"]],
      ["return", "putDeliveryCount", ["two", "three", "one"]],
    ] as const
  ) {
    const store = new MemoryMessageStore();
    const it = stage({ b: { store } });
    const { a, b } = it;
    const messages = b.delivery.messages();
    const topics = ["one", "two", "three"];
    const reads = topics.map(() => next(messages));
    const sent = topics.map((topic) => a.delivery.send(B, topic, { topic }));
    await it.wire.run();
    await Promise.all(reads);
    // In front of the method of the class, for one call.
    Object.defineProperty(store, write, {
      configurable: true,
      value: () => {
        Reflect.deleteProperty(store, write);
        throw new VerackError("bad-data", "The disk is full");
      },
    });
    const failed = await assertRejects(async () => {
      await messages[verb]?.();
    }, VerackError);
    assertEquals(failed.code, "bad-data");
    const others = b.delivery.messages();
    for (const topic of left) {
      const again = next(others);
      if (topic === "one") await wait(it, REDELIVERY_MAX_MS);
      assertEquals((await again).topic, topic);
    }
    others.next();
    await it.wire.run();
    await Promise.all(sent);
  }
});

Deno.test("a short body is an array of its own, its view costs none", async () => {
  const it = stage();
  const sent = ["one", "two"].map((text) => it.a.delivery.send(B, text));
  await it.wire.run();
  const messages = it.b.delivery.messages();
  const first = await next(messages);
  const second = await next(messages);
  assertEquals(new TextDecoder().decode(first.view), "one");
  assertEquals(first.view.buffer, second.view.buffer);
  assertEquals(first.body.buffer.byteLength, 3);
  assertEquals(second.text(), "two");
  assertEquals(first.view, first.body);
  messages.next();
  await it.wire.run();
  await Promise.all(sent);
});

Deno.test("a nack that cannot be recorded leaves the message where it was, and its topic goes on", async () => {
  for (const verb of ["putDeliveryCount", "putDeadLetter"] as const) {
    const store = new MemoryMessageStore();
    const it = stage({ b: { store } });
    const { a, b } = it;
    const sent = ["one", "two"].map((text) => a.delivery.send(B, text));
    const rejected = assertRejects(() => sent[0]!, VerackError);
    await it.wire.run();
    const messages = b.delivery.messages();
    let message: Message = await next(messages);
    // In front of the method of the class, until it is deleted.
    Object.defineProperty(store, verb, {
      configurable: true,
      value: () => {
        throw new VerackError("bad-data", "The disk is full");
      },
    });
    // The write that fails is the count of the first deliveries, or the dead letter after the last.
    for (let failed = false; !failed;) {
      try {
        message.nack("busy");
      } catch {
        failed = true;
      }
      const again = next(messages);
      await wait(it, REDELIVERY_MAX_MS);
      message = await again;
      assertEquals(message.text(), "one");
    }
    Reflect.deleteProperty(store, verb);
    while (message.text() === "one") {
      message.nack("busy");
      const again = next(messages);
      await wait(it, REDELIVERY_MAX_MS);
      message = await again;
    }
    assertEquals(message.text(), "two");
    message.ack();
    await it.wire.run();
    await Promise.all([rejected, sent[1]]);
  }
});

Deno.test("a message whose body the consumer has changed comes again as it was sent", async () => {
  for (const size of [100, 2_000, 50_000]) {
    const it = stage();
    const sent = it.a.delivery.send(B, new Uint8Array(size).fill(7));
    await it.wire.run();
    const messages = it.b.delivery.messages();
    const first = await next(messages);
    first.body.fill(9);
    first.nack();
    const second = next(messages);
    await wait(it, 500);
    assertEquals((await second).body, new Uint8Array(size).fill(7));
    messages.next();
    await it.wire.run();
    await sent;
  }
});

Deno.test("nothing is left of a message that the store refuses, also when its signal aborts later", async () => {
  const store = new MemoryMessageStore();
  const { a, wire } = stage({ a: { store } });
  store.putOutgoing = () => {
    throw new Error("disk full");
  };
  const controller = new AbortController();
  const { signal } = controller;
  await assertRejects(
    () => a.delivery.send(B, "lost", { signal }),
    Error,
    "disk full",
  );
  await assertRejects(() => a.delivery.broadcast([B], "lost"), Error);
  controller.abort();
  assertEquals(a.delivery.outbox.messages, 0);
  assertEquals(a.givenUp, []);
  await wire.run();
});
