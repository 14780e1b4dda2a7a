// What a node notices by looking: full queues, pairs, pauses, a disk with little room.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { shortId } from "../../src/core/peer_id.ts";
import {
  MAX_DEAD_LETTER_BYTES,
  MAX_DEAD_LETTERS,
  MAX_KEPT_BYTES,
  MAX_KEPT_MESSAGES,
  RECEIVE_BUDGET_BYTES,
} from "../../src/delivery/delivery_limits.ts";
import {
  type BoundedUseParts,
  boundedUses,
  NearlyFull,
} from "../../src/mesh/bounded_use.ts";
import {
  ENOUGH_DISK_BYTES,
  LOW_DISK_BYTES,
  MAX_PAIR_FACTS,
  MAX_PEERS,
  NEARLY_FULL_AFTER_MS,
  PAUSE_SHOWN_MS,
} from "../../src/mesh/mesh_limits.ts";
import type { Node } from "../../src/mesh/node.ts";
import { partsOf } from "../../src/mesh/node_parts.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import {
  MAX_QUEUE_BYTES,
  MAX_TOTAL_QUEUE_BYTES,
} from "../../src/session/session_limits.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import {
  type Member,
  MemoryMesh,
  unrelayedMesh,
} from "../helpers/memory_mesh.ts";

function codes(node: Node): string[] {
  return node.status().health.map(({ code }) => code);
}

Deno.test("an outbox near its bound is a warning until the receiver has taken the messages, and one that is full for an instant is none", async () => {
  await using mesh = new MemoryMesh();
  const bob = await mesh.start();
  const alice = await mesh.start([bob], { outbox: { maxMessages: 10 } });
  await mesh.complete();
  const { id } = bob.node.identity;
  const end = new AbortController();
  const consuming = bob.node.consume(() => {}, { signal: end.signal });
  await Promise.all([
    ...Array.from({ length: 9 }, () => alice.node.send(id, "burst")),
    mesh.clock.advance(10_000),
  ]);
  assertEquals(codes(alice.node), []);

  mesh.network.cut(alice.host, bob.host);
  await mesh.clock.runUntil(() => alice.node.sessions().length === 0, {
    limitMs: 120_000,
  });
  // Of what absent peers may have, one may have as much as it leaves.
  const sent = [0, 1, 2, 3].map(() => alice.node.send(id, "later"));
  await mesh.clock.advance(NEARLY_FULL_AFTER_MS + 3_000);
  const fact = alice.node.status().health
    .find(({ code }) => code === "outbox-nearly-full");
  assertEquals(fact?.severity, "warning");
  const shown = `There are 4 of at most 4 messages in the outbox for ${
    shortId(id)
  }; `;
  assert(fact?.message.startsWith(shown), fact?.message);
  assertEquals(
    alice.log.of("resolved").filter((it) => it.code === fact?.code),
    [],
  );

  mesh.network.heal();
  await mesh.complete(undefined, 120_000);
  await Promise.all([...sent, mesh.clock.advance(5_000)]);
  assertEquals(codes(alice.node), []);
  const over = alice.log.of("resolved").map(({ code }) => code);
  assertEquals(over.filter((code) => code === fact?.code).length, 1);
  end.abort();
  await consuming;
});

Deno.test("a thing is nearly full after it was for a while, and not any more well below that", () => {
  const state = new NearlyFull();
  const at = (share: number, now: number) => state.update(share, now);
  assertEquals(at(0.9, 0), false);
  // A burst that ends before the time is over begins again.
  assertEquals(at(0.79, NEARLY_FULL_AFTER_MS - 1), false);
  assertEquals(at(0.8, NEARLY_FULL_AFTER_MS), false);
  assertEquals(at(1, 2 * NEARLY_FULL_AFTER_MS - 1), false);
  assertEquals(at(1, 2 * NEARLY_FULL_AFTER_MS), true);
  assertEquals(at(0.61, 3 * NEARLY_FULL_AFTER_MS), true);
  assertEquals(at(0.59, 3 * NEARLY_FULL_AFTER_MS), false);
  assertEquals(at(0.79, 9 * NEARLY_FULL_AFTER_MS), false);
});

Deno.test("each bounded thing has a code, and of two bounds the nearer one counts", () => {
  const peer = (queuedBytes: number) => ({
    primary: { channel: { queuedBytes } },
  });
  const parts = (full: number) =>
    ({
      messaging: {
        outbox: { messages: 0, bytes: full * 1_000 },
        usage: {
          deadLetters: { messages: full * MAX_DEAD_LETTERS, bytes: 1 },
          kept: { messages: 1, bytes: full * MAX_KEPT_BYTES },
          receivingBytes: full * RECEIVE_BUDGET_BYTES,
        },
      },
      options: {
        maxPeers: 2 / full,
        outbox: { maxMessages: 10, maxBytes: 1_000 },
      },
      queues: { bytes: 1 },
      relaying: {
        use: { pairs: full * 128, maxPairs: 128, bytesPerSecond: 1, offers: 0 },
      },
      table: {
        size: full * MAX_PEERS,
        connected: () => [peer(0), peer(full * MAX_QUEUE_BYTES)],
      },
    }) as unknown as BoundedUseParts;
  const uses = boundedUses(parts(0.5));
  assertEquals(uses.map(({ used, most }) => used / most), Array(8).fill(0.5));
  assertEquals(uses.map(({ code, what }) => [code, what]), [
    ["outbox-nearly-full", "bytes in the outbox"],
    ["inbox-nearly-full", "bytes of large messages that are received"],
    ["kept-topics-nearly-full", "bytes of kept topics"],
    ["dead-letters-nearly-full", "dead letters"],
    ["write-queues-nearly-full", "bytes in the write queue of a peer"],
    ["relay-nearly-full", "pairs of members that this node relays"],
    ["sessions-nearly-full", "connected peers"],
    ["peers-nearly-full", "peers on record"],
  ]);
  const other = parts(0.5);
  Object.assign(other.messaging.usage, {
    deadLetters: { messages: 0, bytes: MAX_DEAD_LETTER_BYTES },
    kept: { messages: MAX_KEPT_MESSAGES, bytes: 0 },
  });
  Object.assign(other.queues, { bytes: MAX_TOTAL_QUEUE_BYTES });
  const full = boundedUses(other).filter(({ used, most }) => used === most);
  assertEquals(full.map(({ what }) => what), [
    "messages of kept topics",
    "bytes of dead letters",
    "bytes in all write queues",
  ]);
});

Deno.test("what is received is counted as it is: kept messages, dead letters, and large bodies until they are acked", async () => {
  await using mesh = new MemoryMesh();
  const bob = await mesh.start([], {
    store: new MemoryStore(),
    keepTopics: ["jobs"],
    maxDeliveries: 1,
  });
  const alice = await mesh.start([bob]);
  await mesh.complete();
  const usage = () => partsOf(bob.node).messaging.usage;
  const empty = { messages: 0, bytes: 0 };
  const none = { deadLetters: empty, kept: empty, receivingBytes: 0 };
  assertEquals(usage(), none);
  const to = bob.node.identity.id;
  const large = 1_000_000;
  const sent = [
    alice.node.send(to, "one job", { topic: "jobs" }),
    alice.node.send(to, new Uint8Array(large), { topic: "large" }),
    alice.node.send(to, "bad", { topic: "bad" }).catch(({ code }) => code),
  ];
  const bad = bob.node.messages({ topic: "bad" });
  const next = bad.next();
  await mesh.clock.advance(5_000);
  (await next).value?.nack("never");
  await mesh.clock.advance(5_000);
  assertEquals(await sent[2], "rejected");
  assertEquals(usage(), {
    deadLetters: { messages: 1, bytes: 3 },
    kept: { messages: 1, bytes: "one job".length },
    receivingBytes: large,
  });
  const consumed = bob.node.messages({ topic: "large" });
  (await consumed.next()).value?.ack();
  bob.node.keptTopics.drop("jobs");
  bob.node.deadLetters.discard(bob.node.deadLetters.list()[0]!.id);
  await Promise.all([sent[0], sent[1], mesh.clock.advance(5_000)]);
  assertEquals(usage(), none);
  await Promise.all([bad.return?.(), consumed.return?.()]);
});

Deno.test("members that a firewall keeps apart are a warning with both ids, at both and at a third, until they meet", async () => {
  await using mesh = unrelayedMesh();
  const alice = await mesh.start();
  const bob = await mesh.start([alice]);
  const carol = await mesh.start([bob]);
  await mesh.complete();
  mesh.network.cut(alice.host, carol.host);
  const pairsOf = ({ node }: Member) =>
    node.status().health.filter(({ code }) => code === "unreachable-pair");
  const all = [alice, bob, carol];
  await mesh.clock.runUntil(
    () => all.every((member) => pairsOf(member).length === 1),
    { limitMs: 20_000 },
  );
  for (const member of all) {
    const [fact] = pairsOf(member);
    assertEquals(fact?.severity, "warning");
    for (const { node } of [alice, carol]) {
      assert(fact?.message.includes(shortId(node.identity.id)), fact?.message);
    }
  }
  mesh.network.heal();
  await mesh.complete(all, 61_000);
  await mesh.clock.advance(5_000);
  for (const member of all) {
    assertEquals(codes(member.node), []);
    // `mesh` events report pairs.
    const over = member.log.of("resolved").map(({ code }) => code);
    assert(!over.includes("unreachable-pair"));
  }
});

Deno.test("a stranger that none can dial is a missing pair, and no fault of the others", async () => {
  await using mesh = unrelayedMesh();
  const alice = await mesh.start();
  const bob = await mesh.start([alice]);
  await mesh.complete();
  // It does not listen, and reaches one of them only.
  const host = "10.0.0.3";
  mesh.network.unreachable(host, bob.host);
  const mallory = await mesh.start([alice], { listen: false });
  const pair = [bob, mallory].map(({ node }) => node.identity.id).sort();
  const members = [alice, bob];
  await mesh.clock.runUntil(
    () =>
      members.every(({ node }) => node.unreachable().join() === pair.join()),
    { limitMs: 20_000 },
  );
  await mesh.clock.advance(5_000);
  for (const { node } of members) assertEquals(codes(node), []);
});

Deno.test("however many pairs a peer reports, few are facts, and those about the node itself stay", async () => {
  await using mesh = new MemoryMesh();
  const { node } = await mesh.start();
  const { health, healthWatch } = partsOf(node);
  health.keyInUse("own", "Another process runs with this node's key");
  const pairs = Array.from(
    { length: 2 * MAX_PAIR_FACTS },
    (_, i) => [node.identity.id, `${i}`.padStart(64, "0")],
  );
  Object.defineProperty(partsOf(node).unreachable, "pairs", {
    value: pairs,
  });
  await mesh.clock.advance(5_000);
  assert(healthWatch !== undefined);
  assertEquals(codes(node), [
    "key-in-use",
    ...Array(MAX_PAIR_FACTS).fill("unreachable-pair"),
  ]);
});

/** A clock of a process that can be stopped: time goes on, timers come when it goes on. */
class StoppableClock extends VirtualClock {
  stoppedMs = 0;
  override monotonic(): number {
    return super.monotonic() + this.stoppedMs;
  }
}

Deno.test("a process that was stopped for long shows that for a minute, and one end of it", async () => {
  const clock = new StoppableClock();
  await using mesh = new MemoryMesh(1, 8, clock);
  const { node, log } = await mesh.start();
  await clock.advance(10_000);
  assertEquals(codes(node), []);
  clock.stoppedMs += 100_000;
  await clock.advance(5_000);
  const [fact] = node.status().health;
  assertEquals([fact?.code, fact?.severity], ["paused", "warning"]);
  assertMatch(fact?.message ?? "", /did not run for 100 s/);
  await clock.advance(PAUSE_SHOWN_MS + 5_000);
  assertEquals(codes(node), []);
  assertEquals(log.of("resolved").map(({ code }) => code), ["paused"]);
});

Deno.test("a disk with little room is a warning until there is enough again", async () => {
  class Disk extends MemoryStore {
    free = LOW_DISK_BYTES;
    freeBytes() {
      return this.free;
    }
  }
  await using mesh = new MemoryMesh();
  const store = new Disk();
  const { node, log } = await mesh.start([], { store });
  await mesh.clock.advance(60_000);
  assertEquals(codes(node), []);
  store.free--;
  await mesh.clock.advance(60_000);
  const [fact] = node.status().health;
  assertEquals([fact?.code, fact?.severity], ["low-disk", "warning"]);
  const begun = log.of("trouble");
  assertEquals(begun, [{
    type: "trouble",
    code: "low-disk",
    severity: "warning",
    reason: fact!.message,
  }]);
  store.free = ENOUGH_DISK_BYTES - 1;
  await mesh.clock.advance(60_000);
  assertEquals(codes(node), ["low-disk"]);
  store.free++;
  await mesh.clock.advance(60_000);
  assertEquals(codes(node), []);
  assertEquals(log.of("trouble"), begun);
  assertEquals(log.of("resolved").map(({ code }) => code), ["low-disk"]);
});
