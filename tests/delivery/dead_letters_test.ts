/** What may be done about dead letters. */
import type { PeerId } from "../../src/core/peer_id.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  MAX_DEAD_LETTERS,
  REDELIVERY_MIN_MS,
} from "../../src/delivery/delivery_limits.ts";
import { MemoryMessageStore } from "../../src/mesh/peers/memory_message_store.ts";
import { VerackError } from "../../src/core/errors.ts";
import {
  A,
  B,
  end,
  next,
  type Party,
  party,
  peerId,
  stage,
} from "../helpers/fake_frame_sink.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

/** A node with dead letters, one for each text. */
async function aside(texts: readonly string[]) {
  const store = new MemoryMessageStore();
  const it = stage({ b: { store, settings: { maxDeliveries: 1 } } });
  for (const text of texts) it.a.delivery.send(B, text, { topic: "t" });
  await it.wire.run();
  const messages = it.b.delivery.messages();
  for (const _ of texts) (await next(messages)).nack("no good");
  await messages.return?.();
  await it.wire.run();
  const { deadLetters } = it.b.delivery;
  const [id = "", ...more] = deadLetters.list().map(({ id }) => id);
  return { ...it, store, deadLetters, id, more };
}

const list = ({ delivery }: Party) =>
  delivery.deadLetters.list().map(({ body, reason, retried, from, topic }) => ({
    text: new TextDecoder().decode(body),
    reason,
    retried,
    from,
    topic,
  }));

function assertCode(code: string, run: () => void): void {
  assertEquals(assertThrows(run, VerackError).code, code);
}

Deno.test("a dead letter is offered again from the first try, stays until it is acked, and is gone then", async () => {
  const { b, store, deadLetters, id } = await aside(["poison"]);
  const entry = { text: "poison", reason: "no good", from: A, topic: "t" };
  assertEquals(list(b), [{ ...entry, retried: false }]);
  deadLetters.retry(id);
  deadLetters.retry(id, A);
  assertEquals(list(b), [{ ...entry, retried: true }]);
  const messages = b.delivery.messages({ topic: "t" });
  const message = await next(messages);
  assertEquals(
    [message.text(), message.from, message.id, message.deliveryCount],
    ["poison", A, id, 1],
  );
  message.body.fill(0);
  assertEquals(list(b), [{ ...entry, retried: true }]);
  message.ack();
  assertEquals(list(b), []);
  assertEquals(store.deadLetters(), []);
  // It was offered once.
  const more = messages.next();
  end(b);
  assertEquals((await more).done, true);
});

Deno.test("a message that is nacked again is a dead letter again, with the newer reason", async () => {
  const { b, deadLetters, id } = await aside(["poison"]);
  deadLetters.retry(id);
  (await next(b.delivery.messages())).nack("still no good");
  assertEquals(list(b).map(({ reason, retried }) => [reason, retried]), [
    ["still no good", false],
  ]);
  deadLetters.retry(id);
  (await next(b.delivery.messages())).ack();
  assertEquals(list(b), []);
});

Deno.test("a retried dead letter that is nacked comes again, and is acked then", async () => {
  const { clock, b, deadLetters, store, id, a } = await aside(["poison"]);
  end(a, b);
  const again = party(B, clock, { seed: 3, store });
  assertEquals(list(again).map(({ text }) => text), ["poison"]);
  again.delivery.deadLetters.retry(id);
  const messages = again.delivery.messages();
  (await next(messages)).nack("not yet");
  await clock.advance(REDELIVERY_MIN_MS);
  again.delivery.tick(clock.monotonic(), 0);
  const second = await next(messages);
  assertEquals([second.text(), second.deliveryCount], ["poison", 2]);
  second.ack();
  assertEquals(list(again), []);
  assertCode("stopped", () => deadLetters.retry(id));
});

Deno.test("a message that is offered again needs no session, and outlives the one it came by", async () => {
  const { b, wire, deadLetters, id } = await aside(["poison"]);
  deadLetters.retry(id);
  wire.cut();
  (await next(b.delivery.messages())).ack();
  assertEquals(list(b), []);
});

Deno.test("a node that ends before the message is acked has the dead letter after its restart", async () => {
  const { clock, a, b, store, deadLetters, id } = await aside(["poison"]);
  deadLetters.retry(id);
  await next(b.delivery.messages());
  end(a, b);
  const again = party(B, clock, { seed: 3, store });
  assertEquals(list(again).map(({ retried }) => retried), [false]);
  again.delivery.deadLetters.retry(id);
  (await next(again.delivery.messages())).ack();
  assertEquals(store.deadLetters(), []);
});

Deno.test("what is discarded is gone for good, also while it is offered, and its stream goes on", async () => {
  const it = await aside(["one", "two", "three"]);
  const { a, b, wire, store, deadLetters, id: one } = it;
  const [two = "", three = ""] = it.more;
  deadLetters.discard(one);
  assertEquals(list(b).map(({ text }) => text), ["two", "three"]);

  deadLetters.retry(two);
  deadLetters.retry(three);
  const messages = b.delivery.messages();
  const held = await next(messages);
  deadLetters.discard(three);
  deadLetters.discard(two);
  assertEquals(store.deadLetters(), []);
  held.nack("too late");
  assertEquals(list(b), []);
  const sent = a.delivery.send(B, "fresh", { topic: "t" });
  await wire.run();
  const fresh = await next(messages);
  assertEquals(fresh.text(), "fresh");
  fresh.ack();
  await wire.run();
  await sent;
});

// --- Bounds ------------------------------------------------------------------

let lastId = 0;

/** Puts dead letters into a store; the ids. */
function put(
  store: MemoryMessageStore,
  from: PeerId,
  { size = 1, times = 1 } = {},
): string[] {
  return Array.from(Array(times), () => {
    const id = new Uint8Array(16);
    new DataView(id.buffer).setUint32(0, ++lastId);
    const body = new Uint8Array(size);
    store.putDeadLetter({ from, id, topic: "", body, reason: "", at: 0 });
    return id.toHex();
  });
}

/** A node that starts with what a store has. */
function start(store: MemoryMessageStore, friends: readonly string[] = []) {
  const hasStanding = (peer: string) => friends.includes(peer);
  const it = party(peerId(0), new VirtualClock(), {
    store,
    settings: { hasStanding },
  });
  const { deadLetters } = it.delivery;
  const kept = deadLetters.list().map(({ from }) => from);
  const count = (of: string) => kept.filter((from) => from === of).length;
  return { it, deadLetters, kept, count };
}

Deno.test("ids are their senders' choice: one that several used must be told apart", () => {
  const store = new MemoryMessageStore();
  const [id = ""] = put(store, A);
  lastId--;
  put(store, B);
  const { it, deadLetters } = start(store);
  assertCode("ambiguous", () => deadLetters.discard(id));
  deadLetters.discard(id, B);
  assertEquals(list(it).map(({ from }) => from), [A]);
  assertCode("unknown-message", () => deadLetters.retry("00".repeat(16)));
  assertCode("unknown-message", () => deadLetters.retry(id, B));
  end(it);
  assertCode("stopped", () => deadLetters.retry(id));
});

Deno.test("a thousand messages are kept and no more, also when they are being offered again", () => {
  const store = new MemoryMessageStore();
  const ids = put(store, A, { times: MAX_DEAD_LETTERS + 1 });
  const { deadLetters, kept } = start(store);
  assertEquals(kept.length, MAX_DEAD_LETTERS);
  assertCode("unknown-message", () => deadLetters.retry(ids[0]!));
  deadLetters.retry(ids.at(-1)!);
});

for (const size of [1, 100_000]) {
  Deno.test(`junk of strangers does not push a friend's message of ${size} bytes out, nor one stranger's that of another`, () => {
    const store = new MemoryMessageStore();
    for (const from of [A, peerId(1), A]) put(store, from, { size });
    for (let at = 0; at < 1_500; at++) put(store, peerId(2 + at % 3), { size });
    for (let round = 0; round < 2; round++) {
      const { kept, count } = start(store, [A]);
      const most = size === 1 ? MAX_DEAD_LETTERS : 160;
      assertEquals(kept.length, most);
      assertEquals(kept.slice(0, 3), [A, peerId(1), A]);
      // The greedy ones have as much as each other.
      const each = [2, 3, 4].map((at) => count(peerId(at)));
      assert(Math.max(...each) - Math.min(...each) <= 1, `${each}`);
      // What was dropped is not in the store either.
      assertEquals(store.deadLetters().length, most);
    }
  });
}

Deno.test("messages of peers with standing take what strangers' have, and then what the peer with most has", () => {
  const store = new MemoryMessageStore();
  const stranger = peerId(1);
  put(store, A, { times: 300 });
  put(store, stranger, { times: 1_000 });
  put(store, B, { times: 800 });
  const { count } = start(store, [A, B]);
  assertEquals([A, B, stranger].map(count), [300, 700, 0]);
});
