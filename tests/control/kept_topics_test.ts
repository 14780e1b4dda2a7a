/** Kept topics through the control API: consumers in other processes. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { KeptMessageRow } from "../../src/control/answers.ts";
import { VerackError } from "../../src/core/errors.ts";
import { Node } from "../../src/mesh/node.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import { ControlScene } from "../helpers/control.ts";
import { until } from "../helpers/until.ts";

const JOBS = "jobs";

/** A node that keeps {@linkcode JOBS}, and a peer that sends them. */
async function start() {
  const scene = await ControlScene.start({
    store: new MemoryStore(),
    keepTopics: [JOBS],
  });
  const sender = await scene.peer({ name: "sam" });
  const client = await scene.client();
  const { id } = scene.node.identity;
  const send = async (...bodies: (string | Uint8Array)[]) => {
    await Promise.all(
      bodies.map((body) => sender.send(id, body, { topic: JOBS })),
    );
  };
  return {
    ...{ scene, sender, send, kept: client.keptTopics, client },
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await sender.close();
      await scene[Symbol.asyncDispose]();
    },
  };
}

async function code(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, VerackError)).code;
}

Deno.test("messages are leased, acked and nacked by their ids, and their number is in the status", async () => {
  await using it = await start();
  const { kept, client, sender } = it;
  await it.send("one", Uint8Array.of(255));
  const topics = await kept.list();
  const [topic] = topics;
  assertEquals([topic?.topic, topic?.messages, topic?.bytes], [JOBS, 2, 4]);
  const { keptTopics } = await client.status();
  assertEquals(keptTopics, topics);
  const peeked = await kept.peek(JOBS, { max: 5 });
  assertEquals(peeked.map(({ text, base64 }) => text ?? base64), [
    "one",
    "/w==",
  ]);
  const leased = await kept.lease(JOBS, { max: 5 });
  const [one, two] = leased;
  assertEquals(
    [one?.from, one?.name, one?.deliveryCount, one?.text, two?.base64],
    [sender.identity.id, "sam", 1, "one", "/w=="],
  );
  assert(Date.parse(one?.leasedUntil ?? "") > Date.now());
  const unknown = "0".repeat(32);
  assertEquals(await kept.ack([one!.id, unknown]), {
    ids: [one!.id],
    unknown: [unknown],
  });
  assertEquals(
    (await kept.nack([two!.id], { delayMs: 0, reason: "busy" })).ids,
    [two!.id],
  );
  const [again] = await kept.lease(JOBS);
  assertEquals([again?.id, again?.deliveryCount], [two?.id, 2]);
  assertEquals((await kept.extend([two!.id], 5_000)).ids, [two!.id]);
  assertEquals((await kept.release([two!.id], "sam")).ids, [two!.id]);
  assertEquals((await kept.lease(JOBS))[0]?.deliveryCount, 2);
});

Deno.test("topics are kept and dropped through the API; another is unknown, and a node without a store keeps none", async () => {
  await using it = await start();
  const { kept } = it;
  assertEquals(await code(kept.lease("news")), "unknown-topic");
  assertEquals(
    await code(kept.receive("news").next()),
    "unknown-topic",
  );
  assert(await kept.keep("news"));
  assert(!await kept.keep("news"));
  await it.send("1", "2");
  assertEquals(await kept.drop(JOBS), 2);
  assertEquals((await kept.list()).map(({ topic }) => topic), ["news"]);
  await assertRejects(() => kept.lease("news", { max: 0 }), RangeError, "max");
  await using bare = await ControlScene.start();
  using client = await bare.client();
  await assertRejects(
    () => client.keptTopics.keep(JOBS),
    RangeError,
    "store",
  );
});

Deno.test("a consumer gets messages as they come, and those that it has not acked go to the next one when it disconnects", async () => {
  await using it = await start();
  const { kept } = it;
  await it.send("1", "2", "3");
  const first = kept.receive(JOBS);
  const got: KeptMessageRow[] = [];
  for (let at = 0; at < 3; at++) got.push((await first.next()).value!);
  assertEquals(got.map(({ text }) => text), ["1", "2", "3"]);
  await kept.ack([got[0]!.id]);
  assertEquals(await kept.lease(JOBS), []);
  await first.return(undefined);
  const second = kept.receive(JOBS);
  const again = (await second.next()).value!;
  assertEquals([again.text, again.deliveryCount], ["2", 1]);
  await second.next();
  await it.send("4");
  assertEquals((await second.next()).value?.text, "4");
  await second.return(undefined);
});

Deno.test("one consumer has few messages that it has not acked, and more as it acks them", async () => {
  await using it = await start();
  const { kept } = it;
  await it.send(...Array.from({ length: 100 }, (_, at) => `${at}`));
  const consumer = kept.receive(JOBS);
  const got: string[] = [];
  for (let at = 0; at < 32; at++) {
    const { value } = await consumer.next();
    got.push(value!.text!);
  }
  const [topic] = await kept.list();
  assertEquals(topic?.leased, 32);
  for (const { id } of await kept.peek(JOBS, { max: 32 })) await kept.ack([id]);
  for (let at = 32; at < 64; at++) {
    const { value } = await consumer.next();
    got.push(value!.text!);
  }
  assertEquals(got, Array.from({ length: 64 }, (_, at) => `${at}`));
  await consumer.return(undefined);
});

Deno.test("a watcher of events sees a message of a kept topic when it is acked", async () => {
  await using it = await start();
  const { kept, client } = it;
  await it.send("job");
  const controller = new AbortController();
  const events = client.events({ type: "message" }, {
    signal: controller.signal,
  });
  const seen = events.next();
  await until("it is watched", async () => {
    const { control } = await client.status();
    return control.streams === 1;
  });
  const [message] = await kept.lease(JOBS);
  await kept.ack([message!.id]);
  const { value } = await seen;
  assertEquals(value?.type === "message" && value.text, "job");
  controller.abort();
  await events.return(undefined);
});

Deno.test("a client that goes while it waits for a message takes none with it", async () => {
  await using it = await start();
  const { kept, scene } = it;
  const body = JSON.stringify({ topic: JOBS, waitMs: 60_000 });
  const connection = await scene.connect(
    "POST /v1/kept-topics/lease",
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
  );
  await connection.write(new TextEncoder().encode(body));
  await until("it waits", async () => {
    const { control } = await it.client.status();
    return control.requests === 2;
  });
  connection.close();
  await until("it is gone", async () => {
    const { control } = await it.client.status();
    return control.requests === 1;
  });
  await it.send("job");
  assertEquals((await kept.lease(JOBS)).map(({ text }) => text), ["job"]);
});

Deno.test("a body that would be far longer as text in JSON comes in base64", async () => {
  await using it = await start();
  await it.send("\u0001".repeat(3_999_000));
  const [message] = await it.kept.lease(JOBS);
  assertEquals(message?.text, undefined);
  const bytes = Uint8Array.fromBase64(message!.base64!);
  assertEquals([bytes.length, bytes[0]], [3_999_000, 1]);
});

Deno.test("a node that closes ends those that wait for messages", async () => {
  const scene = await ControlScene.start({
    store: new MemoryStore(),
    keepTopics: [JOBS],
  });
  using client = await scene.client();
  const { keptTopics: kept } = client;
  const leases = kept.lease(JOBS, { waitMs: 60_000 }).catch((error) => error);
  const received = kept.receive(JOBS).next().catch((error) => error);
  await until("both wait", async () => {
    const { control } = await client.status();
    return control.requests === 2 && control.operations === 1;
  });
  await scene[Symbol.asyncDispose]();
  const failures = await Promise.all([leases, received]);
  assert(failures.every((it) => it instanceof VerackError || it.length === 0));
});

Deno.test("the node of a library with a store keeps topics, and gives their messages to a loop", async () => {
  await assertRejects(
    () => Node.start({ keepTopics: [JOBS] }),
    TypeError,
    "store",
  );
  const store = new MemoryStore();
  await using node = await Node.start({ store, keepTopics: [JOBS] });
  await using sender = await Node.start({ connect: [node.address] });
  await sender.joined();
  await sender.send(node.identity.id, "job", { topic: JOBS });
  await node.close();
  await using again = await Node.start({ store });
  for await (const message of again.messages({ topic: JOBS })) {
    assertEquals(message.text(), "job");
    message.ack();
    break;
  }
  assertEquals(again.status().keptTopics[0]?.messages, 0);
});
