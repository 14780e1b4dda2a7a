/** Watching a node: status and peers come when they change, and are what `status` says. */
import { assert, assertEquals } from "@std/assert";
import type { ControlEvent, WatchRecord } from "../../src/control/answers.ts";
import type { ControlClient } from "../../src/control/control_client.ts";
import type { ControlWatchOptions } from "../../src/control/client_options.ts";
import {
  CONTROL_JOURNAL_KEEP_MS,
  MAX_CONTROL_JOURNAL_EVENTS,
  MAX_WATCH_MS,
  MIN_WATCH_MS,
} from "../../src/control/control_limits.ts";
import { watchHandlers } from "../../src/control/handlers/watch_handlers.ts";
import { NodeEvents } from "../../src/control/node_events.ts";
import type { Node } from "../../src/mesh/node.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import { ControlScene, message } from "../helpers/control.ts";
import {
  assertAll,
  droppedOf,
  numberOf,
  publish,
} from "../helpers/event_flood.ts";
import { MemoryMesh } from "../helpers/memory_mesh.ts";
import { until } from "../helpers/until.ts";

Deno.test("a client that watches gets status and peers at once, and again when they change", async () => {
  await using scene = await ControlScene.start({ name: "alice" });
  using client = await scene.client();
  const records = client.watch({ intervalMs: MIN_WATCH_MS });
  const first = (await records.next()).value as WatchRecord;
  assert(first.type === "status");
  assertEquals(first.status.name, "alice");
  assertEquals(first.status.counters.sessionsOpenedInbound, 0);
  assertEquals((await records.next()).value, {
    type: "peers",
    peers: [],
    sessions: [],
  });
  await using bob = await scene.peer({ name: "bob" });
  for await (const record of records) {
    if (record.type !== "peers" || record.sessions.length === 0) continue;
    const [session] = record.sessions;
    assertEquals(session!.id, bob.identity.id);
    assertEquals(session!.messagesSent, 0);
    assert(session!.bytesSent > 0 && session!.bytesReceived > 0);
    assert(Date.parse(session!.openedAt) <= Date.now());
    break;
  }
});

Deno.test("the interval of a watch is 200 ms to a minute", async () => {
  await using scene = await ControlScene.start();
  for (const intervalMs of [MIN_WATCH_MS - 1, MAX_WATCH_MS + 1, "1000"]) {
    const { error } = await scene.post("/v1/watch", { intervalMs });
    assertEquals(error.code, "bad-request");
    assert(
      error.message.includes(
        typeof intervalMs === "string" ? "a number" : "200 to 60000",
      ),
    );
  }
});

/** A node that counts how often it is read, and says what a test has it say. */
function readNode(clock: VirtualClock) {
  let reads = 0;
  const told = { peers: 0 };
  const node = {
    status: () => {
      reads++;
      return { uptimeMs: clock.monotonic(), peers: told.peers, name: "x" };
    },
    sessions: () => [],
    peers: () => [],
    events: async function* (options: { signal?: AbortSignal } = {}) {
      yield { type: "mesh", nodes: 1, sessions: 0, missing: [] };
      if (options.signal === undefined) return;
      await aborted(options.signal);
    },
  } as unknown as Node;
  const events = new NodeEvents(node, clock);
  const { watch } = watchHandlers({
    node,
    clock,
    closing: new AbortController().signal,
    figures: () => ({ requests: 0, streams: 0, eventsMissed: 0 }),
    events,
    publish: () => {},
    isWatched: () => false,
    stop: () => {},
  });
  return { told, reads: () => reads, watch, events };
}

async function aborted(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
}

async function collect(
  records: ReturnType<ReturnType<typeof readNode>["watch"]>,
): Promise<string[]> {
  const types: string[] = [];
  try {
    for await (const { type } of await records) types.push(String(type));
  } catch {
    // The test has ended it.
  }
  return types;
}

Deno.test("nothing is sent while only the time changes, but a status every ten seconds", async () => {
  const clock = new VirtualClock();
  const { told, watch } = readNode(clock);
  const stop = new AbortController();
  const types = collect(watch({ intervalMs: 1_000 }, { signal: stop.signal }));
  await clock.advance(9_500);
  told.peers = 1;
  await clock.advance(15_000);
  stop.abort();
  // At 0 s, at 10 s as it has changed, and at 20 s as it is due.
  assertEquals(await types, ["status", "peers", "status", "status"]);
});

Deno.test("a node is read once an interval for all that watch it, and not at all without them", async () => {
  const clock = new VirtualClock();
  const { reads, watch } = readNode(clock);
  const stop = new AbortController();
  const { signal } = stop;
  const all = Array.from(
    { length: 20 },
    () => collect(watch({ intervalMs: 1_000 }, { signal })),
  );
  await clock.advance(10_000);
  assertEquals(reads(), 11);
  stop.abort();
  await Promise.all(all);
  await clock.advance(10_000);
  assertEquals(reads(), 11);
});

Deno.test("however many clients watch at odd intervals, a node is read ten times a second at most", async () => {
  const clock = new VirtualClock();
  const { reads, watch } = readNode(clock);
  const stop = new AbortController();
  const { signal } = stop;
  const all = Array.from(
    { length: 32 },
    (_, index) => collect(watch({ intervalMs: 200 + 7 * index }, { signal })),
  );
  await clock.advance(10_000);
  assert(reads() <= 101, `${reads()} reads`);
  stop.abort();
  await Promise.all(all);
});

Deno.test("counters of a node stay when its sessions end, and are those of its sessions until then", async () => {
  await using mesh = new MemoryMesh();
  const alice = await mesh.start();
  const bob = await mesh.start([alice]);
  await mesh.complete();
  const consumed = bob.node.consume(() => {});
  for (let index = 0; index < 3; index++) {
    const sent = alice.node.send(bob.node.identity.id, "hello");
    await mesh.clock.advance(1_000);
    await sent;
  }
  const [session] = alice.node.sessions();
  const { counters } = alice.node.status();
  assertEquals(session!.messagesSent, 3);
  assertEquals(counters.messagesSent, 3);
  assertEquals(counters.messagesAccepted, 3);
  assertEquals(counters.messagesDelivered, 3);
  assertEquals(bob.node.sessions()[0]!.messagesReceived, 3);
  assertEquals(bob.node.status().counters.messagesAcked, 3);
  assertEquals(counters.bytesSent, session!.bytesSent);
  assertEquals(counters.bytesReceived, session!.bytesReceived);
  assertEquals(counters.peersUp, 1);
  assertEquals(
    counters.sessionsOpenedInbound + counters.sessionsOpenedOutbound,
    1,
  );
  void bob.node.close();
  await mesh.clock.runUntil(() => alice.node.sessions().length === 0, {
    limitMs: 10_000,
  });
  await consumed;
  const after = alice.node.status().counters;
  assert(after.bytesReceived >= counters.bytesReceived);
  assertEquals(after.messagesSent, 3);
  assertEquals(after.peersDown, 1);
  assertEquals(after.peersLost, 0);
  assertEquals(after.sessionsClosedInbound + after.sessionsClosedOutbound, 1);
});

Deno.test("a watch ends when its client leaves", async () => {
  await using scene = await ControlScene.start();
  using client = await scene.client();
  for await (const _ of client.watch()) break;
  await until(
    "it is over",
    async () => (await client.status()).control.operations === 0,
  );
});

/** Events of a watch, up to the one that fits; `since` is the last id. */
async function watched(
  client: ControlClient,
  options: ControlWatchOptions,
  isLast: (event: ControlEvent) => boolean,
  onBegin = () => {},
): Promise<{ events: ControlEvent[]; since: string | undefined }> {
  const events: ControlEvent[] = [];
  let { since } = options;
  for await (const record of client.watch({ ...options, events: true })) {
    if (record.type !== "event") continue;
    since = record.id ?? since;
    if (record.event === undefined) {
      onBegin();
      continue;
    }
    events.push(record.event);
    if (isLast(record.event)) break;
  }
  return { events, since };
}

Deno.test("a watch with events has status and peers, then the events of the stream of events, each once, to the last", async () => {
  await using scene = await ControlScene.start({ name: "alice" });
  using client = await scene.client();
  const types: string[] = [];
  const all: ControlEvent[] = [];
  const watching = (async () => {
    for await (const record of client.watch({ events: true })) {
      types.push(record.type);
      if (record.type !== "event" || record.event === undefined) continue;
      all.push(record.event);
      if (record.event.type === "stopped") return;
    }
  })();
  await until("it watches", () => types.length >= 4);
  assertEquals(types.slice(0, 3), ["status", "peers", "event"]);
  const listed: ControlEvent[] = [];
  const listing = (async () => {
    for await (const event of client.events()) listed.push(event);
  })();
  await until(
    "both watch",
    async () => (await client.status()).control.streams === 1,
  );
  await using bob = await scene.peer({ name: "bob" });
  publish(scene, 0, 1_000);
  await scene.node.close();
  await Promise.all([watching, listing]);
  const news = (events: ControlEvent[]) =>
    events.slice(events.findIndex(({ type }) => type === "mesh") + 1);
  assertEquals(news(all), news(listed));
  assertAll(all, 1_000);
  const ups = all.filter((it) => it.type === "peer:up");
  assertEquals(ups.map(({ id }) => id), [bob.identity.id]);
});

Deno.test("events of a watch go on after the last id, also one of the stream of events, and say what was missed", async () => {
  await using scene = await ControlScene.start();
  using client = await scene.client();
  const choice = { topic: "flood", type: "message" };
  const first = await watched(
    client,
    choice,
    (it) => numberOf(it) === 9,
    () => publish(scene, 0, 10),
  );
  publish(scene, 10, 5);
  const second = await watched(
    client,
    { ...choice, since: first.since! },
    (it) => numberOf(it) === 14,
  );
  assertAll([...first.events, ...second.events], 15);
  assertEquals(second.events.length, 5);
  publish(scene, 15, MAX_CONTROL_JOURNAL_EVENTS + 5);
  const last = 14 + MAX_CONTROL_JOURNAL_EVENTS + 5;
  const third = await watched(
    client,
    { ...choice, since: second.since! },
    (it) => numberOf(it) === last,
  );
  assertEquals(droppedOf(third.events[0]), 5);
  assertAll(
    [...first.events, ...second.events, ...third.events],
    last + 1,
  );
  publish(scene, last + 1, 1);
  const streamed = client.events(choice, { since: third.since! });
  assertEquals(numberOf((await streamed.next()).value!), last + 1);
  await streamed.return(undefined);
  // An id of another process begins anew.
  const anew = await watched(client, { since: "abc-1" }, () => true);
  assertEquals(anew.events[0]?.type, "listening");
});

Deno.test("a watch that reads slowly is told how many events it missed, and holds nothing up", async () => {
  await using scene = await ControlScene.start();
  using slow = await scene.client();
  using quick = await scene.client();
  const go = Promise.withResolvers<void>();
  const seen: ControlEvent[] = [];
  let watches = 0;
  const slowly = (async () => {
    for await (const record of slow.watch({ events: true, topic: "flood" })) {
      if (record.type === "event" && record.id !== undefined) watches |= 1;
      if (record.type !== "event" || record.event === undefined) continue;
      if (numberOf(record.event) === 0) await go.promise;
      seen.push(record.event);
      if (record.event.type === "stopped") return;
    }
  })();
  let count = 0;
  const quickly = (async () => {
    for await (const record of quick.watch({ events: true })) {
      if (record.type !== "event") continue;
      if (record.event?.type === "message") count++;
      if (record.event?.type === "mesh") watches |= 2;
      if (record.event?.type === "stopped") return;
    }
  })();
  await until("both watch", () => watches === 3);
  // More than the buffers of the kernel and of HTTP take.
  const text = "x".repeat(400_000);
  for (let number = 0; number < 200; number++) {
    scene.server.publish(message("flood", number, text));
    await until("the quick one", () => count === number + 1);
  }
  const { eventsMissed } = (await quick.status()).control;
  assert(eventsMissed > 0);
  go.resolve();
  await until("the slow one", () => numberOf(seen.at(-1)) === 199);
  assertAll(seen, 200);
  assertEquals(seen.reduce((sum, it) => sum + droppedOf(it), 0), eventsMissed);
  await scene.node.close();
  await Promise.all([slowly, quickly]);
});

Deno.test("a watch asks for events before it chooses among them", async () => {
  await using scene = await ControlScene.start();
  for (
    const fields of [
      { type: "message" },
      { topic: "news", events: false },
      { lastEventId: "a-1" },
    ]
  ) {
    const { error } = await scene.post("/v1/watch", fields);
    assertEquals(error.code, "bad-request");
    assert(error.message.includes(Object.keys(fields)[0]!));
  }
  const { error } = await scene.post("/v1/watch", { events: true, type: "no" });
  assert(error.message.includes("peer:up"), error.message);
});

Deno.test("no events are kept for a watch that has ended, nor for one that has none", async () => {
  const clock = new VirtualClock();
  const { watch, events } = readNode(clock);
  const stop = new AbortController();
  const { signal } = stop;
  const plain = collect(watch({}, { signal }));
  await clock.advance(1_000);
  assertEquals(events.isRecording, false);
  const types = collect(watch({ events: true }, { signal }));
  await clock.advance(1_000);
  assertEquals(events.isRecording, true);
  stop.abort();
  await plain;
  assertEquals(await types, ["status", "peers", "encoded"]);
  await clock.advance(CONTROL_JOURNAL_KEEP_MS);
  assertEquals(events.isRecording, false);
});
