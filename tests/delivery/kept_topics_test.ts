/** Topics whose messages are stored as they come, and wait for a consumer. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  LEASE_MS,
  MAX_KEPT_TOPICS,
  REDELIVERY_MIN_MS,
} from "../../src/delivery/delivery_limits.ts";
import type { LeaseOptions } from "../../src/delivery/kept_topics.ts";
import { MemoryMessageStore } from "../../src/mesh/peers/memory_message_store.ts";
import { VerackError } from "../../src/core/errors.ts";
import {
  A,
  B,
  end,
  next,
  type Party,
  party,
  type PartyOptions,
  peerId,
  type Stage,
  stage,
  turns,
  unacknowledged,
  Wire,
} from "../helpers/fake_frame_sink.ts";
import { MAX_BODY_BYTES } from "../../src/wire/wire_limits.ts";

const JOBS = "jobs";

/** A node B that keeps {@linkcode JOBS}, and its sender A. */
function keeper(options: PartyOptions = {}) {
  const store = options.store ?? new MemoryMessageStore();
  const settings = { keepTopics: [JOBS], ...options.settings };
  const it = stage({ b: { ...options, store, settings } });
  return { ...it, store, kept: it.b.delivery.keptTopics };
}

/** Sends texts, and waits until all are acknowledged. */
async function deliver(it: Stage, ...texts: string[]): Promise<void> {
  const sent = texts.map((text) =>
    it.a.delivery.send(B, text, { topic: JOBS })
  );
  await it.wire.run();
  await Promise.all(sent);
}

async function lease({ delivery }: Party, options?: LeaseOptions) {
  const messages = await delivery.keptTopics.lease(JOBS, options);
  return messages.map((it) => ({
    ...it,
    text: new TextDecoder().decode(it.body),
  }));
}

async function leaseTexts(party: Party, options?: LeaseOptions) {
  return (await lease(party, options)).map(({ text }) => text);
}

/** Lets time pass at a node. */
async function pass({ clock, b }: Pick<Stage, "clock" | "b">, ms: number) {
  await clock.advance(ms);
  b.delivery.tick(clock.monotonic(), 0);
}

async function code(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, VerackError)).code;
}

Deno.test("a message of a kept topic is acknowledged without a consumer, and waits for one until it is acked", async () => {
  const it = keeper();
  const begun = it.clock.now();
  await deliver(it, "one", "two");
  assertEquals(unacknowledged(it.a).messages, 0);
  const [info] = it.kept.list();
  assertEquals(
    [info?.topic, info?.messages, info?.bytes, info?.leased],
    [JOBS, 2, 6, 0],
  );
  const oldest = info?.oldestAt?.getTime() ?? 0;
  assert(oldest >= begun && oldest <= it.clock.now());
  const [one] = await lease(it.b);
  assertEquals([one?.text, one?.from, one?.topic, one?.deliveryCount], [
    "one",
    A,
    JOBS,
    1,
  ]);
  assertEquals(
    one?.leasedUntil?.getTime(),
    it.clock.now() + LEASE_MS,
  );
  await it.kept.ack(one!.id);
  assertEquals(await leaseTexts(it.b), ["two"]);
  assertEquals([...it.store.keptHeads()].length, 1);
});

Deno.test("messages of other topics go to consumers as ever, and those of a kept topic only to consumers of it", async () => {
  const it = keeper();
  const all = it.b.delivery.messages();
  const ours = it.b.delivery.messages({ topic: JOBS });
  const other = all.next();
  await deliver(it, "job");
  it.a.delivery.send(B, "news", { topic: "news" });
  await it.wire.run();
  assertEquals((await other).value?.text(), "news");
  const job = await next(ours);
  assertEquals([job.text(), job.from, job.deliveryCount], ["job", A, 1]);
  job.ack();
  assertEquals(it.kept.list()[0]?.messages, 0);
  // A consumer that waits is served at once.
  const later = ours.next();
  await deliver(it, "later");
  assertEquals((await later).value?.text(), "later");
  end(it.a, it.b);
});

Deno.test("messages of a sender come in order, each after the one before is settled, or together to one consumer", async () => {
  const it = keeper();
  await deliver(it, "1", "2", "3", "4", "5");
  assertEquals(await leaseTexts(it.b, { max: 2 }), ["1", "2"]);
  assertEquals(await leaseTexts(it.b, { max: 9 }), []);
  const held = it.kept.peek(JOBS, { max: 9 });
  await it.kept.ack(held[0]!.id);
  assertEquals(await leaseTexts(it.b, { max: 9 }), []);
  await it.kept.ack(held[1]!.id, A);
  const consumer = {};
  assertEquals(await leaseTexts(it.b, { consumer }), ["3"]);
  assertEquals(await leaseTexts(it.b, { consumer }), []);
  assertEquals(await leaseTexts(it.b, { consumer, max: 2 }), ["4"]);
  assertEquals(await leaseTexts(it.b), []);
  it.kept.leave(consumer);
  const again = await lease(it.b, { max: 9 });
  assertEquals(again.map(({ text, deliveryCount }) => [text, deliveryCount]), [
    ["3", 1],
    ["4", 1],
    ["5", 1],
  ]);
});

Deno.test("several consumers share the messages of one sender if they take them in any order", async () => {
  const it = keeper();
  await deliver(it, "1", "2", "3");
  const anyOrder = true;
  const [one] = await lease(it.b, { anyOrder });
  assertEquals(await leaseTexts(it.b, { anyOrder }), ["2"]);
  assertEquals(await leaseTexts(it.b), []);
  await it.kept.nack(one!.id, { delayMs: 1_000 });
  assertEquals(await leaseTexts(it.b, { anyOrder, max: 9 }), ["3"]);
  await pass(it, 1_000);
  assertEquals(await leaseTexts(it.b, { anyOrder, max: 9 }), ["1"]);
});

Deno.test("a message whose lease ends comes again, counted, and a late ack of it counts", async () => {
  const it = keeper();
  await deliver(it, "1", "2");
  const [first] = await lease(it.b, { leaseMs: 1_000 });
  await pass(it, 999);
  assertEquals(await leaseTexts(it.b), []);
  await pass(it, 1);
  const [again] = await lease(it.b, { leaseMs: 1_000 });
  assertEquals([again?.text, again?.deliveryCount, again?.id], [
    "1",
    2,
    first?.id,
  ]);
  await pass(it, 1_000);
  await it.kept.ack(first!.id);
  assertEquals(await leaseTexts(it.b), ["2"]);
  assertEquals(await code(it.kept.ack(first!.id)), "unknown-message");
});

Deno.test("a lease can be extended, and a message returned as if it had not been delivered", async () => {
  const it = keeper();
  await deliver(it, "1");
  const [first] = await lease(it.b, { leaseMs: 1_000 });
  await pass(it, 900);
  it.kept.extend(first!.id, 1_000);
  await pass(it, 900);
  assertEquals(await leaseTexts(it.b), []);
  it.kept.release(first!.id);
  const [again] = await lease(it.b, { leaseMs: 1_000 });
  assertEquals(again?.deliveryCount, 1);
  await pass(it, 1_000);
  assertThrows(() => it.kept.extend(first!.id, 1_000), VerackError);
});

Deno.test("a nacked message rests, holds up its sender's, and becomes a dead letter, which may be retried", async () => {
  const it = keeper({ settings: { maxDeliveries: 2 } });
  await deliver(it, "poison", "fine");
  const [first] = await lease(it.b);
  await it.kept.nack(first!.id, { reason: "no good" });
  assertEquals(await leaseTexts(it.b), []);
  await pass(it, REDELIVERY_MIN_MS);
  const [again] = await lease(it.b);
  assertEquals([again?.text, again?.deliveryCount], ["poison", 2]);
  await it.kept.nack(again!.id, { reason: "still no good" });
  const { deadLetters } = it.b.delivery;
  assertEquals(
    deadLetters.list().map(({ id, reason }) => [id, reason]),
    [[first!.id, "still no good"]],
  );
  const [fine] = await lease(it.b);
  assertEquals(fine?.text, "fine");
  deadLetters.retry(first!.id);
  await turns();
  assertEquals(deadLetters.list(), []);
  await it.kept.ack(fine!.id);
  const [retried] = await lease(it.b);
  assertEquals([retried?.text, retried?.deliveryCount], ["poison", 1]);
  await it.kept.ack(retried!.id);
  assertEquals(it.kept.list()[0]?.messages, 0);
});

Deno.test("what waits outlives the node, with its delivery counts, and is not delivered again once acked", async () => {
  const it = keeper();
  await deliver(it, "1", "2", "3");
  const [one, two] = await lease(it.b, { max: 2 });
  await it.kept.ack(one!.id);
  await it.kept.nack(two!.id, { delayMs: 0 });
  end(it.a, it.b);
  const again = party(B, it.clock, { seed: 3, store: it.store });
  assertEquals(again.delivery.keptTopics.list()[0]?.messages, 2);
  const left = await lease(again, { max: 9 });
  assertEquals(left.map(({ text, deliveryCount }) => [text, deliveryCount]), [
    ["2", 2],
    ["3", 1],
  ]);
  // Its sender did not get the ack, and sends the first one again.
  end(again);
});

Deno.test("a message that its sender sends again, as the ack was lost, is not kept twice", async () => {
  const it = keeper();
  const sent = it.a.delivery.send(B, "once", { topic: JOBS });
  await turns();
  while (it.wire.pass(0));
  await turns();
  // It is stored, and the ack is on its way.
  assertEquals(it.kept.list()[0]?.messages, 1);
  it.wire.cut();
  const [message] = await lease(it.b);
  await it.kept.ack(message!.id);
  await new Wire(it.a, it.b).run();
  await sent;
  assertEquals(await leaseTexts(it.b), []);
});

Deno.test("a consumer that waits gets a message when it comes, or nothing in time", async () => {
  const it = keeper();
  const early = lease(it.b, { waitMs: 1_000 });
  await it.clock.advance(1_000);
  assertEquals(await early, []);
  const waiting = leaseTexts(it.b, { waitMs: Infinity });
  const second = leaseTexts(it.b, { waitMs: Infinity });
  await deliver(it, "1");
  assertEquals(await waiting, ["1"]);
  // The second of this sender comes when the first is settled.
  await deliver(it, "2");
  const [one] = it.kept.peek(JOBS);
  await it.kept.ack(one!.id);
  assertEquals(await second, ["2"]);
  const controller = new AbortController();
  const { signal } = controller;
  const aborted = lease(it.b, { waitMs: Infinity, signal });
  controller.abort();
  assertEquals(await aborted, []);
  assertEquals(await lease(it.b, { waitMs: Infinity, signal }), []);
  const left = it.kept.lease(JOBS, { waitMs: Infinity });
  end(it.b);
  assertEquals(await code(left), "stopped");
  assertEquals(await code(it.kept.lease(JOBS)), "stopped");
});

Deno.test("a topic can be kept while messages of it wait at their senders, and dropped with those that are here", async () => {
  const store = new MemoryMessageStore();
  const it = stage({ b: { store } });
  const kept = it.b.delivery.keptTopics;
  const sent = ["1", "2"].map((text) =>
    it.a.delivery.send(B, text, { topic: JOBS })
  );
  await it.wire.run();
  assertEquals(await code(kept.lease(JOBS)), "unknown-topic");
  assert(kept.keep(JOBS));
  assert(!kept.keep(JOBS));
  await it.wire.run();
  await Promise.all(sent);
  assertEquals(await leaseTexts(it.b), ["1"]);
  assertEquals(kept.drop(JOBS), 2);
  assertEquals([...store.keptTopics(), ...store.keptHeads()], []);
  assertEquals(kept.list(), []);
  assertThrows(() => kept.drop(JOBS), VerackError);
  // From now on as any other.
  const messages = it.b.delivery.messages();
  const ordinary = it.a.delivery.send(B, "3", { topic: JOBS });
  await it.wire.run();
  const third = await next(messages);
  assertEquals(third.text(), "3");
  third.ack();
  await it.wire.run();
  await ordinary;
});

Deno.test("topics are bounded in number and length, and need a store", () => {
  const { kept } = keeper();
  for (let at = 1; at < MAX_KEPT_TOPICS; at++) kept.keep(`${at}`);
  assertEquals(
    assertThrows(() => kept.keep("one more"), VerackError).code,
    "full",
  );
  assertThrows(() => kept.keep("\u00e9".repeat(65)), RangeError);
  const { b } = stage();
  assertThrows(() => b.delivery.keptTopics.keep(JOBS), TypeError, "store");
});

Deno.test("bodies that one lease gives have bounds together, but the first is given in any case", async () => {
  const it = keeper();
  const large = "x".repeat(MAX_BODY_BYTES - 10);
  await deliver(it, large, "small", "y".repeat(100));
  const first = await lease(it.b, { max: 9 });
  assertEquals(first.map(({ body }) => body.length), [large.length, 5]);
  assertEquals(it.kept.peek(JOBS, { max: 9 }).length, 2);
});

Deno.test("only messages since a time are shown or leased, if that is wanted", async () => {
  const it = keeper();
  await deliver(it, "1", "2");
  await it.clock.advance(1_000);
  const since = new Date(it.clock.now());
  await deliver(it, "3");
  assertEquals(
    it.kept.peek(JOBS, { max: 9, since }).map(({ deliveryCount }) =>
      deliveryCount
    ),
    [0],
  );
  assertEquals(await leaseTexts(it.b, { max: 9, since }), ["3"]);
});

// --- A disk that fails -------------------------------------------------------

/** A store whose commits fail while `fails` is set, which loses what was put since the last. */
class FailingStore extends MemoryMessageStore {
  fails = false;
  #since: number[] = [];

  override putKept(message: Parameters<MemoryMessageStore["putKept"]>[0]) {
    const key = super.putKept(message);
    this.#since.push(key);
    return key;
  }

  override committed(): Promise<void> {
    const since = this.#since;
    this.#since = [];
    if (!this.fails) return Promise.resolve();
    for (const key of since) this.deleteKept(key);
    return Promise.reject(new VerackError("bad-data", "The disk is full"));
  }
}

Deno.test("a message that does not become durable is not acknowledged, and is kept once that is possible", async () => {
  const store = new FailingStore();
  const it = keeper({ store });
  store.fails = true;
  const sent = ["1", "2"].map((text) =>
    it.a.delivery.send(B, text, { topic: JOBS })
  );
  await it.wire.run();
  assertEquals(unacknowledged(it.a).messages, 2);
  assertEquals(await leaseTexts(it.b), []);
  assertEquals(it.kept.list()[0]?.messages, 0);
  store.fails = false;
  await pass(it, REDELIVERY_MIN_MS);
  await it.wire.run();
  await Promise.all(sent);
  assertEquals(await leaseTexts(it.b, { max: 9 }), ["1", "2"]);
});

Deno.test("a session that ends while its messages cannot be stored leaves none here, and they come again", async () => {
  const store = new FailingStore();
  const it = keeper({ store });
  store.fails = true;
  const sent = it.a.delivery.send(B, "1", { topic: JOBS });
  await turns();
  while (it.wire.pass(0));
  it.wire.cut();
  await turns();
  store.fails = false;
  await pass(it, REDELIVERY_MIN_MS);
  await turns();
  assertEquals(it.kept.list()[0]?.messages, 0);
  await new Wire(it.a, it.b).run();
  await sent;
  assertEquals(await leaseTexts(it.b, { max: 9 }), ["1"]);
});

Deno.test("an ack that cannot be recorded is refused, and the message comes again", async () => {
  class Refusing extends MemoryMessageStore {
    refuses = true;
    override deleteKept(key: number): void {
      if (this.refuses) throw new VerackError("bad-data", "The disk is full");
      super.deleteKept(key);
    }
  }
  const store = new Refusing();
  const it = keeper({ store });
  await deliver(it, "1");
  const messages = it.b.delivery.messages({ topic: JOBS });
  const message = await next(messages);
  assertThrows(() => message.ack(), VerackError);
  const again = messages.next();
  store.refuses = false;
  await pass(it, REDELIVERY_MIN_MS);
  assertEquals((await again).value?.text(), "1");
  end(it.b);
});

// --- Shares ------------------------------------------------------------------

Deno.test("senders take turns, and those with standing come first", async () => {
  const friend = peerId(1);
  const store = new MemoryMessageStore();
  store.putKeptTopic(JOBS);
  const id = (at: number) => new Uint8Array(16).fill(at);
  for (let at = 0; at < 30; at++) {
    const from = peerId(at < 20 ? 1 : at < 25 ? 2 : 3);
    store.putKept({
      from,
      id: id(at),
      topic: JOBS,
      body: Uint8Array.of(at),
      at,
      deliveryCount: 0,
    });
  }
  const { b } = stage({
    b: { store, settings: { hasStanding: (peer) => peer === friend } },
  });
  const leased = await lease(b, { max: 18 });
  const order = leased.map(({ from }) => Number(from.slice(-1))).join("");
  assertEquals(order, "111111121111111311");
  end(b);
});
