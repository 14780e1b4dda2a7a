// Members that announce bodies they do not send, send more than they may, or do
// not read what is sent to them.
import { SEND_AHEAD_BYTES } from "../../src/session/session_limits.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { MIN_WINDOW_BYTES } from "../../src/delivery/delivery_limits.ts";
import { VerackError } from "../../src/core/errors.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { decodeAck } from "../../src/wire/messages/ack.ts";
import { encodeMessage } from "../../src/wire/messages/message_frame.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { partsOf } from "../../src/mesh/node_parts.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

const LARGE = 4_000_000;

/** A message with an id, a topic and the first bytes of its body. */
function message(at: number, total: number, held: number): Uint8Array {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(0, at);
  const topic = new TextEncoder().encode(`${at}`);
  const payload = encodeMessage(id, topic, new Uint8Array(held));
  new DataView(payload.buffer).setUint32(16, total, true);
  return payload;
}

Deno.test("a peer that announces large bodies and sends none gets credit for two, and is closed when it announces too many", async () => {
  await using scene = await Scene.start();
  using greedy = await RawPeer.open(scene.victim);
  const before = Deno.memoryUsage().external;
  for (let at = 0; at < 110; at++) {
    await greedy.say(COMMAND.message, message(at, LARGE, 0));
  }
  await greedy.take(COMMAND.ack);
  const credits = () =>
    greedy.frames.filter(({ command }) => command === COMMAND.ack)
      .flatMap(({ payload }) => decodeAck(payload).ranges)
      .reduce((sum, { count, status }) => sum + (status === 2 ? count : 0), 0);
  await until("credit for two", () => credits() === 2);
  assert(Deno.memoryUsage().external - before < 4 * LARGE);
  assertEquals(greedy.isOver, false);
  for (let at = 110; at < 140; at++) {
    await greedy.say(COMMAND.message, message(at, LARGE, 0));
  }
  assertEquals((await greedy.refusal())?.name, "flood");
  assertEquals(credits(), 2);
});

Deno.test("a peer that sends more than it was granted is closed as a flood; one that keeps to it is not", async () => {
  await using scene = await Scene.start();
  using polite = await RawPeer.open(scene.victim);
  using greedy = await RawPeer.open(scene.victim);
  const size = 31_000;
  const most = Math.floor(MIN_WINDOW_BYTES / (size + 520));
  for (let at = 0; at < most; at++) {
    await polite.say(COMMAND.message, message(at, size, size));
    await greedy.say(COMMAND.message, message(at, size, size));
  }
  await greedy.say(COMMAND.message, message(most, size, size));
  assertEquals((await greedy.refusal())?.name, "flood");
  assertEquals(polite.isOver, false);
});

Deno.test("a receiver that has stopped for good delays no other, and costs no more than its share", async () => {
  await using scene = await Scene.start({
    outbox: { maxBytesPerPeer: 8_000_000 },
    // It answers no pings either; what it costs until that shows is the point.
    deadAfterMs: 60_000,
  });
  const { victim, member, log } = scene;
  const taken: string[] = [];
  (async () => {
    for await (const one of member.messages()) taken.push(one.text());
  })();
  using stopped = await RawPeer.open(victim);
  await until("it to be up", () => log.of("peer:up").length === 2);
  stopped.pause();
  const to = stopped.identity.id;
  const kept: Promise<unknown>[] = [];
  const body = new Uint8Array(100_000);
  const before = Deno.memoryUsage();
  let refused: VerackError | undefined;
  while (refused === undefined) {
    const sent = victim.send(to, body);
    kept.push(sent.catch((error) => {
      assert(error instanceof VerackError);
      if (error.code === "full") refused = error;
    }));
    await Promise.resolve();
    await Promise.resolve();
  }
  assertEquals(kept.length, 80);
  await assertRejects(
    () => victim.send(to, "x".repeat(100_000)),
    VerackError,
    "bytes wait for",
  );

  // Everybody else is served at once, also by what goes to all.
  const casts = Array.from(
    { length: 100 },
    (_, at) => victim.broadcast(`${at}`, { waitMs: 1 }),
  );
  await until("the member to have all", () => taken.length === 100);
  assertEquals(taken, Array.from({ length: 100 }, (_, at) => `${at}`));
  for (const { delivered, failed } of await Promise.all(casts)) {
    assert(delivered.every((who) => who === member.identity.id));
    assert(failed.every(({ error }) => error.code === "full"));
  }
  const link = partsOf(victim).table.get(to)?.primary;
  assert(link !== undefined);
  const { queuedBytes } = link.channel;
  assert(queuedBytes <= SEND_AHEAD_BYTES + 65_536, `${queuedBytes} bytes`);
  const after = Deno.memoryUsage();
  const grown = after.external - before.external;
  assert(grown < 3 * 8_000_000, `${grown} bytes`);
});
