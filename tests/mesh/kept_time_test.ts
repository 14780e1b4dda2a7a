/** What ages while the wall clock is set forward, back, and years off between runs. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import { Identity } from "../../src/identity/identity.ts";
import {
  EPHEMERAL_KEPT_MS,
  KEPT_TIME_SAVE_MS,
  MAX_COUNTED_OFF_MS,
} from "../../src/mesh/mesh_limits.ts";
import { KeptTime } from "../../src/mesh/kept_time.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import { type Member, MemoryMesh } from "../helpers/memory_mesh.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
const STEPS = [-56 * YEAR_MS, -10 * DAY_MS, -1, 10 * DAY_MS, 20 * YEAR_MS];

Deno.test("kept time advances as the node runs, and a step of the clock between two runs counts a day at most", async () => {
  for (const step of [...STEPS, 3_600_000]) {
    const clock = new VirtualClock();
    const store = new MemoryStore();
    const first = new KeptTime(store, clock);
    assertEquals(first.now(), clock.now());
    await clock.advance(5_000);
    clock.wallOffsetMs = step;
    assertEquals(first.now(), clock.now() - step);
    clock.wallOffsetMs = 0;
    first.save(true);
    const before = first.now();
    clock.wallOffsetMs = step;
    const second = new KeptTime(store, clock);
    const counted = Math.min(Math.max(0, step), MAX_COUNTED_OFF_MS);
    assertEquals(second.now(), before + counted);
    await clock.advance(1_000);
    assertEquals(second.now(), before + counted + 1_000);
  }
});

Deno.test("kept time is written down now and then, so that a crash and a step forget only that much", async () => {
  const clock = new VirtualClock();
  const store = new MemoryStore();
  const first = new KeptTime(store, clock);
  first.save();
  for (let at = 0; at < 100; at++) {
    await clock.advance(60_000);
    first.save();
  }
  clock.wallOffsetMs = -YEAR_MS;
  const second = new KeptTime(store, clock);
  const lost = first.now() - second.now();
  assert(lost >= 0 && lost <= KEPT_TIME_SAVE_MS, `${lost} ms`);
});

Deno.test("the latest time never goes back, within a run and across runs", async () => {
  const clock = new VirtualClock();
  const store = new MemoryStore();
  let latest = -Infinity;
  for (const step of [0, ...STEPS, 0]) {
    const time = new KeptTime(store, clock);
    for (const offset of [step, step - DAY_MS, step + DAY_MS, step - YEAR_MS]) {
      clock.wallOffsetMs = offset;
      await clock.advance(1_000);
      assert(time.latest() >= latest + 1_000 || latest === -Infinity);
      assert(time.latest() >= clock.now());
      latest = time.latest();
    }
    time.save(true);
  }
});

/** A sender with a lasting key and a receiver, and what they keep. */
async function pair(mesh: MemoryMesh) {
  const identity = await Identity.generate({ ephemeral: false });
  const lasting = await Identity.generate({ ephemeral: false });
  const stores = { sender: new MemoryStore(), receiver: new MemoryStore() };
  const receiver = await mesh.start([], {
    identity: lasting,
    store: stores.receiver,
  });
  const sender = await mesh.start([receiver], {
    identity,
    store: stores.sender,
  });
  await mesh.complete();
  return { identity, lasting, stores, receiver, sender };
}

/** Lets time pass until a node has closed. */
async function close(mesh: MemoryMesh, { node }: Member): Promise<void> {
  const closing = node.close();
  await mesh.clock.advance(3_000);
  await closing;
}

Deno.test("a message of seven days outlives a restart with a stepped clock, is never told as sent, and comes once", async () => {
  for (const step of STEPS) {
    await using mesh = new MemoryMesh();
    const { identity, stores, receiver, sender } = await pair(mesh);
    const to = receiver.node.identity.id;
    await close(mesh, receiver);
    sender.node.send(to, "kept");
    const counted = Math.min(Math.max(0, step), MAX_COUNTED_OFF_MS);
    sender.node.send(to, "shorter", { ttlMs: counted + 60_000 });
    await close(mesh, sender);

    mesh.clock.wallOffsetMs = step;
    const again = await mesh.start([], { identity, store: stores.sender });
    await mesh.clock.advance(10_000);
    assertEquals(again.node.outbox.messages, 2, `clock set by ${step} ms`);
    assertEquals(again.log.of("undelivered"), []);
    // It ages on by the time that the node runs, and does not say what it does not know.
    await mesh.clock.advance(60_000);
    assertEquals(again.node.outbox.messages, 1, `clock set by ${step} ms`);
    const [given] = again.log.of("undelivered");
    assert(given !== undefined, `clock set by ${step} ms`);
    assert(!given.reason.includes("it was sent"), given.reason);
  }
});

Deno.test("a message that was taken does not come again because the receiver's clock was set", async () => {
  for (const step of STEPS) {
    await using mesh = new MemoryMesh();
    const { identity, lasting, stores, receiver, sender } = await pair(mesh);
    const taken: string[] = [];
    const take = async ({ node }: Member) => {
      for await (const message of node.messages()) {
        taken.push(message.text());
        message.ack();
      }
    };
    const taking = take(receiver);
    const to = receiver.node.identity.id;
    sender.node.send(to, "once");
    // It is taken, and its sender ends before it hears of it.
    await mesh.clock.runUntil(() => taken.length === 1, { limitMs: 5_000 });
    for (const { node } of [sender, receiver]) node.close({ abrupt: true });
    await taking;
    assertEquals([...stores.sender.messages.outgoing()].length, 1);
    assertEquals(
      [...stores.receiver.messages.seenBy(sender.node.identity.id)].length,
      1,
    );
    await mesh.clock.advance(1_000);

    mesh.clock.wallOffsetMs = step;
    const again = await mesh.start([], {
      identity: lasting,
      store: stores.receiver,
    });
    const takingAgain = take(again);
    const { node } = await mesh.start([again], {
      identity,
      store: stores.sender,
    });
    await mesh.clock.runUntil(() => node.outbox.messages === 0, {
      limitMs: 60_000,
    });
    assertEquals(taken, ["once"], `clock set by ${step} ms`);
    await close(mesh, again);
    await takingAgain;
  }
});

Deno.test("an invite that has expired once stays expired when the clock is set back, also across a restart", async () => {
  await using mesh = new MemoryMesh();
  const identity = await Identity.generate({ ephemeral: false });
  const store = new MemoryStore();
  const host = await mesh.start([], { identity, store, admission: "closed" });
  const invite = host.node.admission.invite({ ttlMs: 60_000 });
  await mesh.clock.advance(61_000);
  await close(mesh, host);
  mesh.clock.wallOffsetMs = -DAY_MS;
  const again = await mesh.start([], {
    identity,
    store,
    admission: "closed",
    port: 8081,
  });
  assertEquals(store.invites(), []);
  const fresh = again.node.admission.invite({ ttlMs: 60_000 });
  assert(fresh !== invite);
  assertEquals(store.invites().length, 1);
  // Set back further, it is worth no more than it was.
  mesh.clock.wallOffsetMs = -YEAR_MS;
  await mesh.clock.advance(61_000);
  again.node.admission.invite({ ttlMs: 60_000 });
  assertEquals(store.invites().length, 1, "the expired one is deleted");
});

Deno.test("in-memory peers on record outlive a clock that was set years off, and not a day of absence", async () => {
  for (
    const [step, known] of [
      ...STEPS.filter((it) => it < 0 || it > YEAR_MS).map((it) => [it, 1]),
      [EPHEMERAL_KEPT_MS + 1_000, 0],
    ] as [number, number][]
  ) {
    await using mesh = new MemoryMesh();
    const store = new MemoryStore();
    const identity = await Identity.generate({ ephemeral: false });
    const peer = await mesh.start();
    const first = await mesh.start([peer], { identity, store });
    await mesh.complete();
    first.node.close();
    await mesh.clock.advance(3_000);
    // What was typed stays in any case.
    for (const stored of store.peers()) {
      const addresses = stored.addresses.map((it) => ({
        ...it,
        configured: false,
      }));
      store.putPeer({ ...stored, addresses });
    }
    mesh.clock.wallOffsetMs = step;
    const again = await mesh.start([], { identity, store });
    assertEquals(again.node.peers().length, known, `clock set by ${step} ms`);
  }
});

Deno.test("a message of seconds is given up after a restart when its time is up", async () => {
  await using mesh = new MemoryMesh();
  const { identity, stores, receiver, sender } = await pair(mesh);
  const to = receiver.node.identity.id;
  await close(mesh, receiver);
  const sent = sender.node.send(to, "soon", { ttlMs: 60_000 });
  const stopped = assertRejects(() => sent, VerackError);
  await close(mesh, sender);
  await stopped;
  mesh.clock.wallOffsetMs = 3_600_000;
  const again = await mesh.start([], { identity, store: stores.sender });
  await mesh.clock.advance(1_000);
  assertEquals(again.log.of("undelivered").length, 1);
});
