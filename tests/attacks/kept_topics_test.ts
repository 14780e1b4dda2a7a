// Strangers that would use up what a node keeps for its consumers, and consumers that keep it.
import { assert, assertEquals } from "@std/assert";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodeMessage } from "../../src/wire/messages/message_frame.ts";
import { MAX_KEPT_BYTES } from "../../src/delivery/delivery_limits.ts";
import type { PeerId } from "../../src/core/peer_id.ts";
import { Node } from "../../src/mesh/node.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

const JOBS = "jobs";

function keeper(): Promise<Scene> {
  return Scene.start({ store: new MemoryStore(), keepTopics: [JOBS] });
}

Deno.test("strangers that fill a kept topic with the largest bodies leave half to a friend, and lose nothing that was acknowledged", async () => {
  await using scene = await keeper();
  const { victim, member } = scene;
  victim.admission.allow(member.identity.id);
  const { id } = victim.identity;
  const body = new Uint8Array(4_000_000);
  let acknowledged = 0;
  await using strangers = new AsyncDisposableStack();
  for (let at = 0; at < 4; at++) {
    const stranger = strangers.use(
      await Node.start({
        connect: [victim.address],
        outbox: { maxBytesPerPeer: 64_000_000 },
      }),
    );
    await stranger.joined();
    for (let one = 0; one < 12; one++) {
      stranger.send(id, body, { topic: JOBS })
        .then(() => acknowledged++, () => {});
    }
  }
  const kept = () => victim.keptTopics.list()[0]!;
  await until("no more of strangers fits", () => kept().blocked === 4);
  assertEquals(kept().messages, acknowledged);
  assert(kept().bytes <= MAX_KEPT_BYTES / 2, `${kept().bytes} bytes`);
  // The control: a friend's come in, and so do messages of other topics.
  for (let one = 0; one < 6; one++) {
    await member.send(id, body, { topic: JOBS });
  }
  const other = victim.messages().next();
  member.send(id, "hello").catch(() => {});
  assertEquals((await other).value?.text(), "hello");
  // A consumer gets the friend's first, and all that was acknowledged.
  const { messages } = kept();
  let friends = 0;
  let count = 0;
  for (; count < messages; count++) {
    const [message] = await victim.keptTopics.lease(JOBS);
    if (message!.from === member.identity.id) friends++;
    if (count === 5) assertEquals(friends, 6);
    await victim.keptTopics.ack(message!.id, message!.from);
  }
  await until("the rest has come in", () => acknowledged > messages - 6);
});

Deno.test("a message that is sent again under the same id, with another body or topic, is neither kept twice nor replaced", async () => {
  await using scene = await keeper();
  const { victim } = scene;
  using stranger = await RawPeer.open(victim);
  const id = new Uint8Array(16).fill(7);
  const say = (topic: string, body: string) =>
    stranger.say(
      COMMAND.message,
      encodeMessage(
        id,
        new TextEncoder().encode(topic),
        new TextEncoder().encode(body),
      ),
    );
  await say(JOBS, "first");
  await until("it is kept", () => victim.keptTopics.list()[0]!.messages === 1);
  for (const body of ["second", "third"]) await say(JOBS, body);
  await say("other", "fourth");
  await stranger.say(COMMAND.ping, new Uint8Array(8));
  await stranger.take(COMMAND.pong);
  const [message] = await victim.keptTopics.lease(JOBS, { max: 9 });
  assertEquals(new TextDecoder().decode(message!.body), "first");
  await victim.keptTopics.ack(message!.id);
  await say(JOBS, "fifth");
  await stranger.say(COMMAND.ping, new Uint8Array(8));
  await stranger.take(COMMAND.pong);
  assertEquals(victim.keptTopics.list()[0]!.messages, 0);
});

Deno.test("ids that a sender uses again, once they are forgotten, cost no more leases than messages", async () => {
  const store = new MemoryStore();
  store.messages.putKeptTopic(JOBS);
  const from = "1".repeat(64) as PeerId;
  for (let at = 0; at < 3_000; at++) {
    const id = new Uint8Array(16).fill(at % 3);
    const body = Uint8Array.of(at);
    store.messages.putKept({
      ...{ from, id, topic: JOBS, body, at, deliveryCount: 0 },
    });
  }
  await using node = await Node.start({ store });
  const { keptTopics: kept } = node;
  const leased = await kept.lease(JOBS, { max: 10_000 });
  assertEquals(leased.length, 3_000);
  for (const { id } of leased) await kept.ack(id);
  const [info] = kept.list();
  assertEquals([info?.leased, info?.messages], [0, 0]);
});

Deno.test("consumers that have all that they may of one topic leave those of others", async () => {
  const store = new MemoryStore();
  const { messages } = store;
  for (const topic of [JOBS, "other"]) messages.putKeptTopic(topic);
  const put = (topic: string, at: number) => {
    const from = (at % 5 + 1).toString(16).repeat(64) as PeerId;
    const id = new Uint8Array(16);
    new DataView(id.buffer).setUint32(0, at);
    const body = new Uint8Array(0);
    messages.putKept({ from, id, topic, body, at, deliveryCount: 0 });
  };
  for (let at = 0; at < 12_000; at++) put(JOBS, at);
  put("other", 0);
  await using node = await Node.start({ store });
  const { keptTopics: kept } = node;
  const all = await kept.lease(JOBS, { max: 10_000 });
  assertEquals(all.length, 10_000);
  const anyOrder = true;
  assertEquals(await kept.lease(JOBS, { anyOrder }), []);
  assertEquals((await kept.lease("other")).length, 1);
  await kept.ack(all[0]!.id, all[0]!.from);
  assertEquals((await kept.lease(JOBS, { anyOrder })).length, 1);
});

Deno.test("a stranger that names topics after kept ones, or longer, has none of them kept", async () => {
  await using scene = await keeper();
  const { victim, member } = scene;
  const topics = ["jobs ", "JOBS", "jobs\0", "", "j".repeat(128)];
  for (const topic of topics) {
    member.send(victim.identity.id, "x", { topic }).catch(() => {});
  }
  await member.send(victim.identity.id, "x", { topic: JOBS });
  assertEquals(victim.keptTopics.list().map(({ messages }) => messages), [1]);
  assertEquals(member.outbox.messages, topics.length);
});

Deno.test("a consumer that leases all there is and dies keeps it for the time of its lease, and no other topic's", async () => {
  await using scene = await keeper();
  const { victim, member } = scene;
  victim.keptTopics.keep("other");
  const { id } = victim.identity;
  await Promise.all(
    Array.from(
      { length: 200 },
      (_, at) => member.send(id, `${at}`, { topic: JOBS }),
    ),
  );
  await member.send(id, "free", { topic: "other" });
  const options = { max: 10_000, leaseMs: 100 };
  const taken = await victim.keptTopics.lease(JOBS, options);
  assertEquals(taken.length, 200);
  assertEquals((await victim.keptTopics.lease("other")).length, 1);
  const again = await victim.keptTopics.lease(JOBS, {
    max: 10_000,
    waitMs: 30_000,
  });
  // Those whose leases ended in the same tick.
  assert(again.length > 0 && again.every((it) => it.deliveryCount === 2));
  assertEquals(again[0]?.id, taken[0]?.id);
});
