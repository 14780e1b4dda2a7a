/** A connection that alters what is written to it. */
import { assertEquals, assertRejects } from "@std/assert";
import {
  type BehaviourRules,
  OddConnection,
} from "../../src/bitcoin/odd_connection.ts";
import { VerackError } from "../../src/core/errors.ts";
import type { Connection } from "../../src/transport/transport.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import { concat, frame, MAGIC, version } from "./raw_peer.ts";

/** An odd connection over one that only remembers. */
function odd(rules: BehaviourRules): {
  connection: OddConnection;
  written: string[];
  said: string[];
  clock: VirtualClock;
} {
  const written: string[] = [];
  const said: string[] = [];
  const clock = new VirtualClock();
  let isClosed = false;
  const inner: Connection = {
    localAddress: { host: "127.0.0.1", port: 1 },
    remoteAddress: { host: "127.0.0.1", port: 2 },
    read: () => Promise.resolve(null),
    write(data) {
      if (isClosed) throw new VerackError("closed", "Closed");
      written.push(new TextDecoder().decode(data));
      return Promise.resolve(data.length);
    },
    close: () => isClosed = true,
  };
  const connection = new OddConnection({
    connection: inner,
    rules,
    context: {
      magic: MAGIC,
      local: version(),
      remote: undefined,
      random: new SeededRandom(1),
    },
    clock,
    delayMs: 100,
    onSend: ({ command }) => said.push(command),
  });
  return { connection, written, said, clock };
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

Deno.test("OddConnection does what it does at the start before it writes anything", async () => {
  const { connection, written, clock } = odd({
    start: () => ["pause", { bytes: bytes("start") }],
    others: ({ command }) => [{ bytes: bytes(command) }],
  });
  const writing = connection.write(frame("ping"));
  await clock.advance(99);
  assertEquals(written, []);
  await clock.advance(1);
  await writing;
  assertEquals(written, ["start", "ping"]);
});

Deno.test("OddConnection takes a block of several messages apart, and says what it sent", async () => {
  const { connection, written, said } = odd({
    on: { verack: () => [] },
    others: (message) => [
      { bytes: bytes(message.command), messages: [message] },
    ],
  });
  const block = concat(frame("version"), frame("verack"), frame("ping"));
  assertEquals(await connection.write(block), block.length);
  assertEquals(written, ["version", "ping"]);
  assertEquals(said, ["version", "ping"]);
});

Deno.test("OddConnection stops in the middle of a pause when it is closed", async () => {
  const { connection, written, clock } = odd({
    others: () => ["pause", { bytes: bytes("late") }],
  });
  const writing = connection.write(frame("ping"));
  await clock.advance(50);
  connection.close();
  await assertRejects(() => writing, VerackError, "closed");
  assertEquals(clock.pending, 0);
  assertEquals(written, []);
});

Deno.test("OddConnection does nothing more after it has closed itself", async () => {
  const { connection, written } = odd({
    others: () => ["close", { bytes: bytes("more") }],
  });
  await assertRejects(() => connection.write(frame("ping")), VerackError);
  assertEquals(written, []);
});
