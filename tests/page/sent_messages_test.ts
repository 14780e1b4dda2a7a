/** What became of messages that the page sent. */
import { assertEquals } from "@std/assert";
import {
  countOutcomes,
  outcomeWords,
  SentMessages,
} from "../../src/page/sent_messages.js";

type Answer = Parameters<SentMessages["answered"]>[1];
type Broadcast = Parameters<SentMessages["broadcasted"]>[1];
type Event = Parameters<SentMessages["onEvent"]>[0];
type Id = Answer["to"];

const A = "a".repeat(64) as Id;
const B = "b".repeat(64) as Id;
const C = "c".repeat(64) as Id;
const MESSAGE = { text: "hello", topic: "chat", time: 0 };
const time = "2026-11-30T08:00:00.000Z";

function answer(id: string, to: Id, delivered: boolean): Answer {
  return { id, to, delivered, connected: true };
}

function undelivered(id: string, to: Id, reason = "too old"): Event {
  return { type: "undelivered", time, id, to, topic: "chat", reason };
}

function queue(id: Id, messages: number) {
  return {
    queues: [{ id, connected: false, messages, bytes: 0 }],
  };
}

Deno.test("a message that is acked at once is delivered", () => {
  const all = new SentMessages();
  const sent = all.begin({ ...MESSAGE, to: A });
  assertEquals(outcomeWords(sent), "sending …");
  all.answered(sent, answer("1", A, true));
  assertEquals(outcomeWords(sent), "delivered");
});

Deno.test("a message that waits is delivered once the queue of its receiver was seen and is empty", () => {
  const all = new SentMessages();
  const sent = all.begin({ ...MESSAGE, to: A });
  all.answered(sent, answer("1", A, false));
  assertEquals(outcomeWords(sent), "waits");
  // From before the message was accepted.
  assertEquals(all.onStatus({ queues: [] }), false);
  assertEquals(outcomeWords(sent), "waits");
  assertEquals(all.onStatus(queue(A, 1)), false);
  assertEquals(all.onStatus(queue(B, 1)), true);
  assertEquals(outcomeWords(sent), "delivered");
});

Deno.test("a message that waits is undelivered once an event says so, whatever the queue says", () => {
  const all = new SentMessages();
  const sent = all.begin({ ...MESSAGE, to: A });
  all.answered(sent, answer("1", A, false));
  all.onStatus(queue(A, 1));
  all.onStatus({ queues: [] });
  assertEquals(all.onEvent(undelivered("1", A)), true);
  assertEquals(outcomeWords(sent), "undelivered");
  assertEquals(sent.receivers.get(A)?.reason, "too old");
});

Deno.test("an event that comes before the answer counts, too", () => {
  const all = new SentMessages();
  const sent = all.begin({ ...MESSAGE, to: A });
  all.onEvent(undelivered("1", A, "denied"));
  all.answered(sent, answer("1", A, false));
  assertEquals(outcomeWords(sent), "undelivered");
  assertEquals(sent.receivers.get(A)?.reason, "denied");
});

Deno.test("after events were missed the outcome of what waits is not known", () => {
  const all = new SentMessages();
  const [first, second] = [
    all.begin({ ...MESSAGE, to: A }),
    all.begin({ ...MESSAGE, to: B }),
  ];
  all.answered(first, answer("1", A, false));
  all.answered(second, answer("2", B, true));
  all.onEvent({ type: "overflow", time, dropped: 3 });
  assertEquals(outcomeWords(first), "outcome not known: events were missed");
  assertEquals(outcomeWords(second), "delivered");
});

Deno.test("a broadcast says how many have it, how many get it later and how many do not", () => {
  const all = new SentMessages();
  const sent = all.begin(MESSAGE);
  const result: Broadcast = {
    id: "1",
    delivered: [A],
    waiting: [B],
    failed: [{ id: C, standing: false, reason: "no room" }],
    names: {},
    boundNames: {},
  };
  all.broadcasted(sent, result);
  assertEquals(
    outcomeWords(sent),
    "delivered to 1 of 3, waits for 1, undelivered to 1",
  );
  all.onStatus(queue(B, 1));
  all.onStatus({ queues: [] });
  assertEquals(countOutcomes(sent), {
    delivered: 2,
    waiting: 0,
    undelivered: 1,
    unknown: 0,
  });
});

Deno.test("a broadcast without peers, and a message that is refused, are not called delivered", () => {
  const all = new SentMessages();
  const none = all.begin(MESSAGE);
  all.broadcasted(none, {
    id: "1",
    delivered: [],
    waiting: [],
    failed: [],
    names: {},
    boundNames: {},
  });
  assertEquals(outcomeWords(none), "no peer to send it to");
  const refused = all.begin({ ...MESSAGE, to: A });
  all.failed(refused, "Cannot send: it is denied");
  assertEquals(outcomeWords(refused), "not sent");
});

Deno.test("the page follows its newest 500 messages", () => {
  const all = new SentMessages();
  for (let time = 0; time < 600; time++) all.begin({ ...MESSAGE, time });
  assertEquals(all.list.length, 500);
  assertEquals(all.list.at(-1)?.time, 599);
});
