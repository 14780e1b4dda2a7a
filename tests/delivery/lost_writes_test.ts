/** What becomes of messages when the database loses writes that nobody waits for yet. */
import { assertEquals, assertThrows } from "@std/assert";
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
