/** What becomes of messages when the database loses writes that nobody waits for yet. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Database } from "../../src/store/database.ts";
import { MessageTables } from "../../src/store/message_tables.ts";
import { VerackError } from "../../src/core/errors.ts";
import {
  B,
  end,
  party,
  peerId,
  turns,
  unacknowledged,
  Wire,
} from "../helpers/fake_frame_sink.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import { place } from "../store/sample_peer.ts";

/** A node B on a real database, of which `lose` loses what is not durable. */
function station(path: string) {
  const clock = new VirtualClock();
  const database = Database.open(path, { clock });
  const store = new MessageTables(database);
  const put = database.writer("INSERT INTO setting VALUES (?, ?)");
  put("there", Uint8Array.of(1));
  database.commit();
  return {
    clock,
    database,
    store,
    b: party(B, clock, { store }),
    /** As SQLite does by itself when the disk fails; then a write is what notices it. */
    lose() {
      database.prepare("ROLLBACK").run();
      assertThrows(() => put("there", Uint8Array.of(1)), VerackError);
    },
  };
}

Deno.test("of several sessions whose acks were lost together, none sends its own", async () => {
  using at = place();
  const { clock, database, b, lose } = station(at.path);
  const senders = [1, 3].map((byte) => party(peerId(byte), clock));
  const wires = senders.map((it) => new Wire(it, b));
  const sent = senders.map((it) => it.delivery.send(B, "x"));
  for (const it of sent) it.catch(() => {});
  for (const it of wires) await it.run();
  const messages = b.delivery.messages();
  const [one, two] = [messages.next(), messages.next()];
  for (const { value } of [await one, await two]) value?.ack();
  lose();
  await turns();
  assertEquals(
    wires.map(({ ends: [, sink] }) => sink.error?.code),
    ["bad-data", "bad-data"],
  );
  for (const it of wires) await it.run();
  assertEquals(senders.map((it) => unacknowledged(it).messages), [1, 1]);
  for (const it of senders) end(it);
  end(b);
  database.close();
});

Deno.test("messages to send that were lost are given up, whoever was told of the loss before", async () => {
  using at = place();
  const { database, store, b, lose } = station(at.path);
  const sent = b.delivery.send(peerId(1), "x").then(
    () => "",
    ({ code }) => code,
  );
  lose();
  await store.committed().catch(() => {});
  assertEquals(await sent, "bad-data");
  end(b);
  database.close();
});

/** Gets a message to B, which keeps `jobs`. */
async function kept(it: ReturnType<typeof station>): Promise<void> {
  const sender = party(peerId(1), it.clock);
  const sent = sender.delivery.send(B, "x", { topic: "jobs" });
  await new Wire(sender, it.b).run();
  await sent;
  end(sender);
}

Deno.test("a message whose ack was lost after it was given comes again, at once", async () => {
  using at = place();
  const it = station(at.path);
  const { keptTopics } = it.b.delivery;
  keptTopics.keep("jobs");
  await kept(it);
  const [message] = await keptTopics.lease("jobs");
  const acked = keptTopics.ack(message!.id);
  it.lose();
  await assertRejects(() => acked, VerackError);
  assertEquals(keptTopics.list()[0]?.messages, 1);
  const [again] = await keptTopics.lease("jobs");
  assertEquals(again?.id, message?.id);
  await Promise.all([keptTopics.ack(again!.id), it.clock.advance(1_000)]);
  assertEquals(keptTopics.list()[0]?.messages, 0);
  end(it.b);
  it.database.close();
});

Deno.test("a topic is kept if the call says so, and not if the disk had no room for it", async () => {
  using at = place();
  const it = station(at.path);
  const { keptTopics } = it.b.delivery;
  const commit = it.store.commit.bind(it.store);
  it.store.commit = (since) => {
    it.store.commit = commit;
    it.database.prepare("ROLLBACK").run();
    commit(since);
  };
  assertThrows(() => keptTopics.keep("jobs"), VerackError);
  assertEquals(keptTopics.list(), []);
  assertEquals(keptTopics.keep("jobs"), true);
  await kept(it);
  end(it.b);
  assertEquals([...it.store.keptTopics()], ["jobs"]);
  it.database.close();
});

Deno.test("messages that were acknowledged are there after a restart, also if their topic was not recorded", async () => {
  using at = place();
  const it = station(at.path);
  it.b.delivery.keptTopics.keep("jobs");
  await kept(it);
  end(it.b);
  it.database.prepare("DELETE FROM kept_topic").run();
  const again = party(B, it.clock, {
    store: it.store,
    settings: { keepTopics: ["jobs"] },
  });
  const [message] = await again.delivery.keptTopics.lease("jobs");
  assertEquals(message?.from, peerId(1));
  assertEquals([...it.store.keptTopics()], ["jobs"]);
  end(again);
  it.database.close();
});
