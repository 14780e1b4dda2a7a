/** What may be done about dead letters. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { MAX_DEAD_LETTERS } from "../../src/delivery/delivery_limits.ts";
import { MemoryMessageStore } from "../../src/mesh/peers/memory_message_store.ts";
import type { Message } from "../../src/delivery/incoming_message.ts";
import { VerackError } from "../../src/core/errors.ts";
import { type Party, party, Wire } from "../helpers/fake_frame_sink.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const A = "a".repeat(64);
const B = "b".repeat(64);
const OVER = new VerackError("stopped", "The test is over");
const ONCE = { settings: { maxDeliveries: 1 } };

async function next(
  messages: AsyncIterator<Message, undefined>,
): Promise<Message> {
  const { value } = await messages.next();
  assert(value !== undefined, "there is no message");
  return value;
}

/** A node with dead letters, one for each text. */
async function aside(
  texts: readonly string[],
  options: { store?: MemoryMessageStore } = {},
): Promise<{ a: Party; b: Party; wire: Wire; clock: VirtualClock }> {
  const clock = new VirtualClock();
  const a = party(A, clock);
  const b = party(B, clock, { seed: 2, ...ONCE, ...options });
  const wire = new Wire(a, b);
  for (const text of texts) {
    a.delivery.send(B, text, { topic: "t" }).catch(() => {});
  }
  await wire.run();
  const messages = b.delivery.messages();
  for (const _ of texts) (await next(messages)).nack("no good");
  await messages.return?.();
  await wire.run();
  return { a, b, wire, clock };
}

function end(...parties: Party[]): void {
  for (const { delivery } of parties) delivery.close(OVER, { flush: false });
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
  const store = new MemoryMessageStore();
  const { a, b } = await aside(["poison"], { store });
  const { deadLetters: deadLetters } = b.delivery;
  const entry = { text: "poison", reason: "no good", from: A, topic: "t" };
  assertEquals(list(b), [{ ...entry, retried: false }]);
  const [{ id } = { id: "" }] = deadLetters.list();

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
  const last = messages.next();
  end(a, b);
  assertEquals((await last).done, true);
});

Deno.test("a message that is nacked again is a dead letter again, with the newer reason", async () => {
  const { a, b } = await aside(["poison"]);
  const [{ id } = { id: "" }] = b.delivery.deadLetters.list();
  b.delivery.deadLetters.retry(id);
  (await next(b.delivery.messages())).nack("still no good");
  assertEquals(list(b).map(({ reason, retried }) => [reason, retried]), [
    ["still no good", false],
  ]);
  b.delivery.deadLetters.retry(id);
  (await next(b.delivery.messages())).ack();
  assertEquals(list(b), []);
  end(a, b);
});

Deno.test("a message that is offered again needs no session, and outlives the one it came by", async () => {
  const { a, b, wire } = await aside(["poison"]);
  const [{ id } = { id: "" }] = b.delivery.deadLetters.list();
  b.delivery.deadLetters.retry(id);
  wire.cut();
  (await next(b.delivery.messages())).ack();
  assertEquals(list(b), []);
  end(a, b);
});

Deno.test("a node that ends before the message is acked has the dead letter after its restart", async () => {
  const store = new MemoryMessageStore();
  const { a, b, clock } = await aside(["poison"], { store });
  const [{ id } = { id: "" }] = b.delivery.deadLetters.list();
  b.delivery.deadLetters.retry(id);
  await next(b.delivery.messages());
  end(a, b);
  const again = party(B, clock, { seed: 3, store });
  assertEquals(list(again).map(({ retried }) => retried), [false]);
  again.delivery.deadLetters.retry(id);
  (await next(again.delivery.messages())).ack();
  assertEquals(store.deadLetters(), []);
  end(again);
});

Deno.test("what is discarded is gone for good, also while it is offered, and its stream goes on", async () => {
  const store = new MemoryMessageStore();
  const { a, b, wire } = await aside(["one", "two", "three"], { store });
  const { deadLetters: deadLetters } = b.delivery;
  const [one = "", two = "", three = ""] = deadLetters.list().map(({ id }) =>
    id
  );
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
  assertEquals((await next(messages)).text(), "fresh");
  const last = messages.next();
  await wire.run();
  await sent;
  end(a, b);
  await last;
});

Deno.test("ids are their senders' choice: one that several used must be told apart", () => {
  const store = new MemoryMessageStore();
  const id = new Uint8Array(16).fill(7);
  const body = new Uint8Array(1);
  for (const from of [A, B]) {
    store.putDeadLetter({ from, id, topic: "", body, reason: "", at: 0 });
  }
  const it = party("c".repeat(64), new VirtualClock(), { store });
  const { deadLetters: deadLetters } = it.delivery;
  assertCode("ambiguous", () => deadLetters.discard(id.toHex()));
  deadLetters.discard(id.toHex(), B);
  assertEquals(list(it).map(({ from }) => from), [A]);
  assertCode("unknown-message", () => deadLetters.retry("00".repeat(16)));
  assertCode("unknown-message", () => deadLetters.retry(id.toHex(), B));
  end(it);
  assertCode("stopped", () => deadLetters.retry(id.toHex()));
});

Deno.test("a thousand messages are kept and no more, also when they are being offered again", () => {
  const store = new MemoryMessageStore();
  const body = new Uint8Array(1);
  const put = (number: number) => {
    const id = new Uint8Array(16);
    new DataView(id.buffer).setUint32(0, number);
    store.putDeadLetter({ from: A, id, topic: "", body, reason: "", at: 0 });
    return id.toHex();
  };
  const ids = Array.from(
    { length: MAX_DEAD_LETTERS + 1 },
    (_, at) => put(at),
  );
  const it = party(B, new VirtualClock(), { store });
  const { deadLetters: deadLetters } = it.delivery;
  assertEquals(deadLetters.list().length, MAX_DEAD_LETTERS);
  assertCode("unknown-message", () => deadLetters.retry(ids[0] ?? ""));
  deadLetters.retry(ids.at(-1) ?? "");
  end(it);
});

for (const size of [1, 100_000]) {
  Deno.test(`junk of strangers does not push a friend's message of ${size} bytes out, nor one stranger's that of another`, () => {
    const store = new MemoryMessageStore();
    const stranger = (at: number) => at.toString(16).padStart(64, "0");
    let number = 0;
    const put = (from: string) => {
      const id = new Uint8Array(16);
      new DataView(id.buffer).setUint32(0, ++number);
      const body = new Uint8Array(size);
      store.putDeadLetter({ from, id, topic: "", body, reason: "", at: 0 });
    };
    for (const from of [A, stranger(1), A]) put(from);
    for (let at = 0; at < 1_500; at++) put(stranger(2 + at % 3));
    const hasStanding = (peer: string) => peer === A;
    for (let start = 0; start < 2; start++) {
      const it = party(B, new VirtualClock(), {
        store,
        settings: { hasStanding },
      });
      const kept = it.delivery.deadLetters.list().map(({ from }) => from);
      const most = size === 1 ? MAX_DEAD_LETTERS : 160;
      assertEquals(kept.length, most);
      assertEquals(kept.slice(0, 3), [A, stranger(1), A]);
      // The greedy ones have as much as each other.
      const each = [2, 3, 4].map((at) =>
        kept.filter((from) => from === stranger(at)).length
      );
      assert(Math.max(...each) - Math.min(...each) <= 1, `${each}`);
      // What was dropped is not in the store either.
      assertEquals(store.deadLetters().length, most);
      end(it);
    }
  });
}

Deno.test("messages of peers with standing take what strangers' have, and then what the peer with most has", () => {
  const store = new MemoryMessageStore();
  const put = (from: string, count: number) => {
    const body = new Uint8Array(1);
    for (let at = 0; at < count; at++) {
      const id = crypto.getRandomValues(new Uint8Array(16));
      store.putDeadLetter({ from, id, topic: "", body, reason: "", at: 0 });
    }
  };
  const C = "c".repeat(64);
  put(A, 300);
  put(C, 1_000);
  put(B, 800);
  const it = party("d".repeat(64), new VirtualClock(), {
    store,
    settings: { hasStanding: (peer) => peer !== C },
  });
  const kept = it.delivery.deadLetters.list().map(({ from }) => from);
  const count = (of: string) => kept.filter((from) => from === of).length;
  assertEquals([A, B, C].map(count), [300, 700, 0]);
  end(it);
});
