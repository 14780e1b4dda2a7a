/** Watching a node: status and peers come when they change, and are what `status` says. */
import { assert, assertEquals } from "@std/assert";
import type { WatchRecord } from "../../src/control/answers.ts";
import {
  MAX_WATCH_MS,
  MIN_WATCH_MS,
} from "../../src/control/control_limits.ts";
import { watchHandlers } from "../../src/control/handlers/watch_handlers.ts";
import type { Node } from "../../src/mesh/node.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import { ControlScene } from "../helpers/control.ts";
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
  } as unknown as Node;
  const { watch } = watchHandlers({
    node,
    clock,
    closing: new AbortController().signal,
    figures: () => ({ requests: 0, streams: 0, eventsMissed: 0 }),
    publish: () => {},
    isWatched: () => false,
    stop: () => {},
  });
  return { told, reads: () => reads, watch };
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
