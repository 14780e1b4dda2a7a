import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { MessagesOptions } from "../../src/delivery/consumer.ts";
import type { Message } from "../../src/delivery/incoming_message.ts";
import { MAX_BODY_BYTES } from "../../src/wire/wire_limits.ts";
import { VerackError } from "../../src/core/errors.ts";
import { parsePeerId } from "../../src/core/peer_id.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import { Node } from "../../src/mesh/node.ts";
import type { NodeOptions } from "../../src/mesh/options.ts";
import { identities } from "../helpers/identities.ts";
import { EventLog, Mesh, startMesh } from "../helpers/nodes.ts";
import { until } from "../helpers/until.ts";

/** Takes `count` messages, acknowledging each, and leaves. */
async function take(
  node: Node,
  count: number,
  options: MessagesOptions = {},
): Promise<Message[]> {
  const taken: Message[] = [];
  for await (const message of node.messages(options)) {
    taken.push(message);
    message.ack();
    if (taken.length === count) break;
  }
  return taken;
}

function pair(mesh: Mesh): [Node, Node] {
  const [a, b] = mesh.nodes;
  assert(a !== undefined && b !== undefined);
  return [a, b];
}

/** Somebody who fails unless the error has this code. */
async function assertCode(promise: Promise<unknown>, code: string) {
  const error = await assertRejects(() => promise, VerackError);
  assertEquals(error.code, code, error.message);
}

Deno.test("a message is acknowledged when the application took it, and not before", async () => {
  await using mesh = await startMesh(2);
  const [alice, bob] = pair(mesh);
  let acknowledged = false;
  const sent = alice.send(bob.identity.id, "hello", { topic: "greetings" })
    .then(() => acknowledged = true);

  const messages = bob.messages();
  const { value } = await messages.next();
  assert(value !== undefined);
  assertEquals(value.text(), "hello");
  assertEquals(value.topic, "greetings");
  assertEquals(value.from, alice.identity.id);
  assertEquals(value.deliveryCount, 1);
  assertEquals(alice.outbox.messages, 1);
  assertEquals(acknowledged, false);

  // Asking for the next says that this one is done with.
  const next = messages.next();
  await sent;
  assertEquals(alice.outbox, { messages: 0, bytes: 0 });
  await messages.return?.();
  assertEquals(await next, { value: undefined, done: true });
});

Deno.test("bodies are bytes or text, from none to four million bytes, and a larger one is refused with the limit named", async () => {
  await using mesh = await startMesh(2);
  const [alice, bob] = pair(mesh);
  const sizes = [0, 1, 31_999, 32_000, 32_001, 65_536, 1_000_000, 4_000_000];
  const bodies = sizes.map((size) =>
    new Uint8Array(size).map((_, at) => at * 31 + size)
  );
  const sent = bodies.map((body) => alice.send(bob.identity.id, body));
  const taken = await take(bob, bodies.length);
  await Promise.all(sent);
  for (const [at, body] of bodies.entries()) {
    assertEquals(taken[at]?.body.length, body.length);
    assert(
      taken[at]?.body.every((byte, index) => byte === body[index]),
      `body of ${body.length} bytes is another`,
    );
  }
  await assertRejects(
    () => alice.send(bob.identity.id, new Uint8Array(MAX_BODY_BYTES + 1)),
    RangeError,
    "body has 4000001 bytes, must have at most 4000000",
  );
  await assertRejects(
    () => alice.send(bob.identity.id, "", { topic: "é".repeat(65) }),
    RangeError,
    "topic has 130 bytes, must have at most 128",
  );
});

Deno.test("the order of one sender and topic is kept, and a large body does not hold up other topics", async () => {
  await using mesh = await startMesh(2);
  const [alice, bob] = pair(mesh);
  const to = bob.identity.id;
  const sent = [
    alice.send(to, new Uint8Array(4_000_000), { topic: "bulk" }),
    alice.send(to, "after the bulk", { topic: "bulk" }),
    ...Array.from(
      { length: 20 },
      (_, at) => alice.send(to, `${at}`, { topic: "chat" }),
    ),
  ];
  const taken = await take(bob, sent.length);
  await Promise.all(sent);
  const chat = taken.filter(({ topic }) => topic === "chat");
  assertEquals(
    chat.map((message) => message.text()),
    Array.from({ length: 20 }, (_, at) => `${at}`),
  );
  const bulk = taken.findIndex(({ topic }) => topic === "bulk");
  assertEquals(taken[bulk]?.body.length, 4_000_000);
  assertEquals(bulk, 20, "the chat was to overtake the bulk");
  assertEquals(taken.at(-1)?.text(), "after the bulk");
});

Deno.test("a consumer gets the messages of its topic; each message goes to one consumer", async () => {
  await using mesh = await startMesh(2);
  const [alice, bob] = pair(mesh);
  const sent = ["red", "blue", "red", "blue"].map((topic, at) =>
    alice.send(bob.identity.id, `${at}`, { topic })
  );
  const [red, blue] = await Promise.all([
    take(bob, 2, { topic: "red" }),
    take(bob, 2, { topic: "blue" }),
  ]);
  await Promise.all(sent);
  assertEquals(red.map((message) => message.text()), ["0", "2"]);
  assertEquals(blue.map((message) => message.text()), ["1", "3"]);
});

Deno.test("a consumer leaves a topic to others, also what came before it", async () => {
  await using mesh = await startMesh(2);
  const [alice, bob] = pair(mesh);
  const send = (topics: string[]) =>
    topics.map((topic) => alice.send(bob.identity.id, topic, { topic }));
  const before = send(["jobs", "red"]);
  const first = await take(bob, 1, { exceptTopic: "jobs" });
  const rest = take(bob, 2, { exceptTopic: "jobs" });
  const after = send(["jobs", "blue", ""]);
  assertEquals(
    [...first, ...await rest].map(({ topic }) => topic).sort(),
    ["", "blue", "red"],
  );
  const jobs = await take(bob, 2);
  assertEquals(jobs.map(({ topic }) => topic), ["jobs", "jobs"]);
  await Promise.all([...before, ...after]);
});

Deno.test("a broadcast returns the peers that have it, and those that have not yet", async () => {
  const ids = await identities(3);
  const store = new MemoryStore();
  const hub = await Node.start({ identity: ids[0]!, store });
  await using mesh = new Mesh([hub]);
  for (const identity of ids.slice(1)) {
    const node = await Node.start({ identity, connect: [hub.address] });
    mesh.nodes.push(node);
  }
  await mesh.complete();
  const [, near, far] = mesh.nodes as [Node, Node, Node];
  await far.close({ abrupt: true });
  await until("the hub to miss one", () => hub.sessions().length === 1);

  const result = hub.broadcast("news", { topic: "all" });
  const [message] = await take(near, 1);
  assertEquals(message?.text(), "news");
  const { id, delivered, waiting, failed } = await result;
  assertEquals(id, message?.id);
  assertEquals(delivered, [near.identity.id]);
  assertEquals(waiting, [far.identity.id]);
  assertEquals(failed, []);
  assertEquals(hub.outbox.messages, 1);

  const back = await Node.start({
    identity: ids[2]!,
    connect: [hub.address],
  });
  mesh.nodes.splice(2, 1, back);
  const [late] = await take(back, 1);
  assertEquals(late?.id, id);
  await until("nothing to be kept", () => hub.outbox.messages === 0);
});

Deno.test("a broadcast without peers is delivered to none", async () => {
  await using node = await Node.start();
  const { delivered, waiting, failed } = await node.broadcast("anybody?");
  assertEquals([delivered, waiting, failed], [[], [], []]);
});

Deno.test("a message to a peer that is away is kept, and delivered when it returns", async () => {
  const [a, b] = await identities(2);
  await using alice = await Node.start({ identity: a! });
  const first = await Node.start({ identity: b!, connect: [alice.address] });
  await until("a link", () => alice.sessions().length === 1);
  await first.close({ abrupt: true });
  await until("no link", () => alice.sessions().length === 0);

  const sent = ["one", "two", "three"].map((text) => alice.send(b!.id, text));
  await using second = await Node.start({
    identity: b!,
    connect: [alice.address],
  });
  const taken = await take(second, 3);
  await Promise.all(sent);
  assertEquals(taken.map((message) => message.text()), ["one", "two", "three"]);
});

Deno.test("what was sent and not acknowledged comes again on the next session, in order, once", async () => {
  const [a, b] = await identities(2);
  const store = new MemoryStore();
  await using alice = await Node.start({ identity: a! });
  const start = (options: NodeOptions = {}) =>
    Node.start({ identity: b!, store, connect: [alice.address], ...options });
  const first = await start();
  await until("a link", () => alice.sessions().length === 1);
  const sent = Array.from(
    { length: 50 },
    (_, at) => alice.send(b!.id, `${at}`),
  );
  const before = await take(first, 20);
  await first.close({ abrupt: true });

  await using second = await start();
  const after = await take(second, 50 - before.length);
  await Promise.all(sent);
  assertEquals(
    [...before, ...after].map((message) => message.text()),
    Array.from({ length: 50 }, (_, at) => `${at}`),
  );
});

Deno.test("a sender that restarts goes on with what its store has", async () => {
  const [a, b] = await identities(2);
  const store = new MemoryStore();
  await using bob = await Node.start({ identity: b! });
  const start = () =>
    Node.start({ identity: a!, store, connect: [bob.address] });
  const first = await start();
  await until("a link", () => bob.sessions().length === 1);
  const sent = ["one", "two"].map((text) => first.send(b!.id, text));
  const stopped = Promise.all(sent.map((it) => assertCode(it, "stopped")));
  await first.close();
  await stopped;

  await using second = await start();
  assertEquals(second.outbox.messages, 2);
  const taken = await take(bob, 2);
  assertEquals(taken.map((message) => message.text()), ["one", "two"]);
  await until("nothing to be kept", () => second.outbox.messages === 0);
});

Deno.test("what does not fit the outbox is refused at once, and what it keeps is not", async () => {
  const [a, b] = await identities(2);
  await using alice = await Node.start({
    identity: a!,
    outbox: { maxMessages: 3, maxBytesPerPeer: 200 },
  });
  // Without standing it had a share only.
  alice.admission.allow(b!.id);
  await using bob = await Node.start({
    identity: b!,
    connect: [alice.address],
  });
  await until("a link", () => alice.sessions().length === 1);
  const sent = [alice.send(b!.id, "one"), alice.send(b!.id, "two")];
  await assertCode(alice.send(b!.id, new Uint8Array(200)), "full");
  sent.push(alice.send(b!.id, "three"));
  await assertCode(alice.send(b!.id, "four"), "full");
  const { failed } = await alice.broadcast("five");
  assertEquals(failed.map(({ error }) => error.code), ["full"]);
  const taken = await take(bob, 3);
  await Promise.all(sent);
  assertEquals(taken.map((message) => message.text()), ["one", "two", "three"]);
  assertEquals(alice.outbox, { messages: 0, bytes: 0 });
});

Deno.test("a message that is too old is given up, with the reason told", async () => {
  const [a, b] = await identities(2);
  await using alice = await Node.start({ identity: a!, heartbeatMs: 100 });
  const log = new EventLog(alice);
  const bob = await Node.start({ identity: b!, connect: [alice.address] });
  await until("a link", () => alice.sessions().length === 1);
  await bob.close({ abrupt: true });
  await until("no link", () => alice.sessions().length === 0);
  await assertCode(alice.send(b!.id, "soon", { ttlMs: 50 }), "undelivered");
  const [event] = log.of("undelivered");
  assertEquals(event?.to, b!.id);
  assertEquals(alice.outbox, { messages: 0, bytes: 0 });
});

Deno.test("sending to an unknown peer, to oneself and to no identity is refused", async () => {
  await using node = await Node.start();
  const nobody = parsePeerId("ab".repeat(32));
  await assertCode(node.send(nobody, "x"), "unknown-peer");
  await assertCode(node.send(node.identity.id, "x"), "unknown-peer");
  assertThrows(() => node.send("bob", "x"), SyntaxError);
});

Deno.test("a message whose sender changes its mind is not sent any more", async () => {
  await using mesh = await startMesh(2);
  const [alice, bob] = pair(mesh);
  const controller = new AbortController();
  const { signal } = controller;
  const sent = alice.send(bob.identity.id, "never mind", { signal });
  controller.abort();
  await assertCode(sent, "aborted");
  await assertCode(alice.send(bob.identity.id, "x", { signal }), "aborted");
  const other = alice.send(bob.identity.id, "do mind");
  const [message] = await take(bob, 1);
  await other;
  assertEquals(message?.text(), "do mind");
});

Deno.test("a node that has closed takes and sends nothing", async () => {
  await using mesh = await startMesh(2);
  const [alice, bob] = pair(mesh);
  const waiting = alice.messages().next();
  await alice.close();
  const done = { value: undefined, done: true } as const;
  assertEquals(await waiting, done);
  assertEquals(await alice.messages().next(), done);
  await assertCode(alice.send(bob.identity.id, "late"), "stopped");
});

Deno.test("numbers that make no sense are refused", async () => {
  await using mesh = await startMesh(2);
  const [alice, bob] = pair(mesh);
  const to = bob.identity.id;
  for (
    const [run, words] of [
      [() => alice.send(to, "", { ttlMs: 0 }), "ttlMs is 0"],
      [() => alice.send(to, "", { ttlMs: 1e12 }), "must be more than 0"],
      [() => alice.broadcast("", { waitMs: NaN }), "waitMs is NaN"],
      [() => Node.start({ outbox: { maxBytes: -1 } }), "outbox.maxBytes is -1"],
      [() => Node.start({ outbox: { maxAgeMs: 3e9 } }), "outbox.maxAgeMs"],
      [() => Node.start({ maxDeliveries: 0 }), "maxDeliveries"],
    ] as const
  ) await assertRejects(run, RangeError, words);
});
