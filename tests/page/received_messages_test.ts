/** The messages that came while the page was open. */
import { assert, assertEquals } from "@std/assert";
import {
  beginningOf,
  cutMessage,
  entriesOf,
  ReceivedMessages,
} from "../../src/page/received_messages.js";
import { SentMessages } from "../../src/page/sent_messages.js";

type Message = Parameters<ReceivedMessages["add"]>[0];

const A = "a".repeat(64) as Message["from"];
const B = "b".repeat(64) as Message["from"];

function message(from: Message["from"], second: number, text = "hi"): Message {
  return {
    type: "message",
    time: new Date(second * 1_000).toISOString(),
    from,
    topic: "chat",
    id: `${second}`,
    deliveryCount: 1,
    text,
  };
}

function keys(
  received: ReceivedMessages,
  sent: SentMessages,
  peer?: string,
): string[] {
  return entriesOf(received.list, sent.list, { peer, max: 10 })
    .map(({ key }) => key);
}

Deno.test("messages in and out are in the order of their times; those with one peer have what was sent to all", () => {
  const received = new ReceivedMessages();
  const sent = new SentMessages();
  received.add(message(A, 1));
  received.add(message(B, 4));
  sent.begin({ to: B, text: "to b", topic: "", time: 2_000 });
  sent.begin({ text: "to all", topic: "", time: 3_000 });
  assertEquals(keys(received, sent), ["in 1", "out 1", "out 2", "in 2"]);
  assertEquals(keys(received, sent, A), ["in 1", "out 2"]);
  assertEquals(keys(received, sent, B), ["out 1", "out 2", "in 2"]);
});

Deno.test("the page keeps 500 messages, and 8 million characters of them", () => {
  const received = new ReceivedMessages();
  for (let at = 0; at < 510; at++) received.add(message(A, at));
  assertEquals(received.list.length, 500);
  assertEquals(received.dropped, 10);
  for (let at = 0; at < 4; at++) {
    received.add(message(A, 1_000 + at, "x".repeat(4_000_000)));
  }
  const chars = received.list.reduce(
    (sum, it) => sum + (it.message.text?.length ?? 0),
    0,
  );
  assert(chars <= 8_000_000, `${chars}`);
  assertEquals(received.list.at(-1)?.message.id, "1003");
});

Deno.test("a message among the events of the page has a short body, and says how long it was", () => {
  const short = message(A, 1);
  assertEquals(cutMessage(short), short);
  const long = cutMessage(message(A, 1, "x".repeat(4_000_000)));
  assertEquals(long.text?.length, 4_000);
  const { text: _, ...head } = message(A, 1);
  const bytes = new Uint8Array(1_000_000).toBase64();
  const cut = cutMessage({ ...head, base64: bytes });
  assertEquals([cut.base64, cut.bodyBytes], ["", 1_000_000]);
});

Deno.test("the beginning of a text has a bounded number of lines and characters", () => {
  const most = { lines: 2, chars: 10 };
  assertEquals(beginningOf("a\r\nb\n", most), {
    lines: ["a", "b"],
    isCut: false,
  });
  assertEquals(beginningOf("a\nb\nc", most), {
    lines: ["a", "b"],
    isCut: true,
  });
  assertEquals(beginningOf("x".repeat(11), most), {
    lines: ["x".repeat(10)],
    isCut: true,
  });
});
