/** What a node keeps of senders, in memory and in its store, however many come. */
import { parsePeerId, type PeerId } from "../../src/core/peer_id.ts";
import { assert, assertEquals } from "@std/assert";
import type { Delivery } from "../../src/delivery/delivery.ts";
import { MemoryMessageStore } from "../../src/mesh/peers/memory_message_store.ts";
import {
  MAX_DELIVERY_COUNTS,
  MAX_SEEN_SENDERS,
  REDELIVERY_MAX_MS,
  SEEN_IDS_PER_SENDER,
  SEEN_IDS_SLACK,
} from "../../src/delivery/delivery_limits.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodeMessage } from "../../src/wire/messages/message_frame.ts";
import {
  A as FRIEND,
  end,
  FakeFrameSink,
  type Party,
  party,
  peerId,
} from "../helpers/fake_frame_sink.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const VICTIM = parsePeerId("f".repeat(64));

function idOf(number: number): Uint8Array {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(0, number);
  return id;
}

function start(store: MemoryMessageStore): Party {
  return party(VICTIM, new VirtualClock(), {
    store,
    settings: { hasStanding: (peer) => peer === FRIEND },
  });
}

/** A session on which one message comes. */
function open(delivery: Delivery, from: PeerId, id: number): FakeFrameSink {
  const sink = new FakeFrameSink();
  delivery.opened(from, sink);
  const topic = new TextEncoder().encode(`${id}`);
  const payload = encodeMessage(idOf(id), topic, new Uint8Array(1));
  sink.receive({ command: COMMAND.message, payload });
  return sink;
}

/** The same; what the application is shown. */
async function bring(
  delivery: Delivery,
  from: PeerId,
  id: number,
  what: "ack" | "nack" = "ack",
): Promise<string[]> {
  const sink = open(delivery, from, id);
  const controller = new AbortController();
  const messages = delivery.messages({ signal: controller.signal });
  const shown = messages.next();
  controller.abort();
  const { value } = await shown;
  value?.[what]();
  delivery.closed(sink);
  return value === undefined ? [] : [value.from];
}

const rows = (store: MemoryMessageStore) =>
  [...store.senders()].reduce(
    (sum, from) => sum + store.seenBy(from).length,
    0,
  );

Deno.test("a sender that leaves memory leaves the store, and strangers never take the place of a friend", async () => {
  const store = new MemoryMessageStore();
  const it = start(store);
  assertEquals(await bring(it.delivery, FRIEND, 1), [FRIEND]);
  for (let at = 0; at < 1_500; at++) {
    assertEquals((await bring(it.delivery, peerId(at), 1)).length, 1);
  }
  assertEquals(store.senders().size, MAX_SEEN_SENDERS);
  assertEquals(rows(store), MAX_SEEN_SENDERS);
  // The friend and the last strangers are known, the first are not.
  assertEquals(await bring(it.delivery, FRIEND, 1), []);
  assertEquals(await bring(it.delivery, peerId(1_499), 1), []);
  assertEquals((await bring(it.delivery, peerId(0), 1)).length, 1);
});

Deno.test("a start keeps as many senders as fit, and a friend first, however many the store has", async () => {
  const store = new MemoryMessageStore();
  const at = new VirtualClock().now();
  const put = (from: PeerId) => {
    store.putSeen({ from, id: idOf(1), at });
    store.putDeliveryCount({ from, id: idOf(2), deliveryCount: 1, at });
  };
  put(FRIEND);
  for (let at = 0; at < 5_000; at++) put(peerId(at));
  const it = start(store);
  assertEquals(store.senders().size, MAX_SEEN_SENDERS);
  assertEquals(rows(store), MAX_SEEN_SENDERS);
  assertEquals([...store.deliveryCounts()].length, MAX_SEEN_SENDERS);
  assertEquals(await bring(it.delivery, FRIEND, 1), []);
  assertEquals(await bring(it.delivery, peerId(4_999), 1), []);
  assertEquals((await bring(it.delivery, peerId(0), 1)).length, 1);
});

Deno.test("a sender whose message the application has is not forgotten meanwhile", async () => {
  const store = new MemoryMessageStore();
  const it = start(store);
  const sink = open(it.delivery, peerId(0), 1);
  const messages = it.delivery.messages();
  const { value } = await messages.next();
  it.delivery.closed(sink);
  for (let at = 1; at < 1_500; at++) {
    await bring(it.delivery, peerId(at), 1);
  }
  value?.ack();
  assertEquals(await bring(it.delivery, peerId(0), 1), []);
  assertEquals(store.senders().size, MAX_SEEN_SENDERS);
});

Deno.test("of one sender the store keeps no more ids than memory, also when the node starts again and again", async () => {
  const store = new MemoryMessageStore();
  let id = 0;
  for (let life = 0; life < 4; life++) {
    const it = start(store);
    for (let at = 0; at < 3_000; at++) {
      assertEquals((await bring(it.delivery, FRIEND, ++id)).length, 1);
    }
    end(it);
    const count = store.seenBy(FRIEND).length;
    assert(count <= SEEN_IDS_PER_SENDER + SEEN_IDS_SLACK, `${count} ids`);
    assert(count >= Math.min(id, SEEN_IDS_PER_SENDER), `${count} ids`);
  }
  const it = start(store);
  const oldest = id - SEEN_IDS_PER_SENDER + 1;
  for (const known of [oldest, id]) {
    assertEquals(await bring(it.delivery, FRIEND, known), []);
  }
});

Deno.test("delivery counts of strangers do not make those of a friend start anew, in memory nor after a restart", async () => {
  const store = new MemoryMessageStore();
  const it = start(store);
  await bring(it.delivery, FRIEND, 1, "nack");
  for (let at = 0; at < MAX_DELIVERY_COUNTS + 100; at++) {
    await bring(it.delivery, peerId(at % 7), at, "nack");
  }
  assertEquals([...store.deliveryCounts()].length, MAX_DELIVERY_COUNTS);
  end(it);
  const again = start(store);
  for (let attempt = 2; attempt <= 5; attempt++) {
    assertEquals(again.delivery.deadLetters.list(), []);
    await bring(again.delivery, FRIEND, 1, "nack");
    await again.clock.advance(REDELIVERY_MAX_MS);
    again.delivery.tick(again.clock.monotonic(), 0);
  }
  assertEquals(again.delivery.deadLetters.list().map(({ from }) => from), [
    FRIEND,
  ]);
});
