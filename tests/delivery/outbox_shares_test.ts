/** What absent peers and strangers may take of an outbox, and what gives way for others. */
import type { PeerId } from "../../src/core/peer_id.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import {
  ABSENT_SHARE,
  MAX_OUTBOX_BYTES,
  MAX_OUTBOX_BYTES_PER_PEER,
  MAX_OUTBOX_MESSAGES,
  STRANGERS_SHARE,
} from "../../src/delivery/delivery_limits.ts";
import {
  type DeliverySettings,
  type OutboxOptions,
  resolveOutbox,
} from "../../src/delivery/delivery_settings.ts";
import { PeerQueues } from "../../src/delivery/outbox_usage.ts";
import { MemoryMessageStore } from "../../src/mesh/peers/memory_message_store.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import { MAX_BODY_BYTES } from "../../src/wire/wire_limits.ts";
import {
  A,
  B,
  end,
  FakeFrameSink,
  party,
  peerId,
  takeAll,
  unacknowledged,
  Wire,
} from "../helpers/fake_frame_sink.ts";

const RECEIVER = B;
const MEBIBYTE = 1_048_576;
const FORGOTTEN = new VerackError("undelivered", "It is forgotten");

function absent(count: number, first = 0): PeerId[] {
  return Array.from({ length: count }, (_, at) => peerId(first + at));
}

interface Options extends Partial<Omit<DeliverySettings, "limits">> {
  readonly limits?: OutboxOptions;
  /** Peers whose key lives in memory only. */
  readonly inMemory?: readonly string[];
}

/** A sender with a receiver that takes everything. */
class Stage {
  readonly clock = new VirtualClock();
  readonly receiver = party(RECEIVER, this.clock, { seed: 2 });
  readonly taken = takeAll(this.receiver);
  readonly queues = new PeerQueues();
  readonly sender;
  readonly wire;

  constructor({ limits, inMemory = [], store, ...settings }: Options = {}) {
    this.sender = party(A, this.clock, {
      queues: this.queues,
      ...(store === undefined ? {} : { store }),
      settings: {
        isInMemory: (peer) => inMemory.includes(peer),
        limits: resolveOutbox(limits),
        ...settings,
      },
    });
    this.wire = new Wire(this.sender, this.receiver);
  }

  get outbox() {
    return this.sender.delivery.outbox;
  }

  /** Broadcasts without waiting for what becomes of it. */
  cast(to: readonly PeerId[], bytes: number) {
    const body = new Uint8Array(bytes);
    return this.sender.delivery.broadcast(to, body, { waitMs: 0 });
  }

  /** Sends messages; false once one is refused as `full`. */
  async keeps(to: PeerId, bytes = 10, times = 1): Promise<boolean> {
    for (let at = 0; at < times; at++) {
      let code: string | undefined;
      const sent = this.sender.delivery.send(to, new Uint8Array(bytes));
      sent.catch((error) => code = error.code);
      await Promise.resolve();
      await Promise.resolve();
      assert(code === undefined || code === "full", code);
      if (code === "full") return false;
    }
    return true;
  }

  /** Sends until one is refused; how many were not. */
  async fill(to: PeerId, bytes = 10): Promise<number> {
    let count = 0;
    while (await this.keeps(to, bytes)) count++;
    return count;
  }

  /** Receivers of the messages that were given up since the last call. */
  givenUp(): string[] {
    return this.sender.givenUp.splice(0).map(({ outgoing }) => outgoing.to);
  }

  forget(...peers: PeerId[]): void {
    for (const peer of peers) this.sender.delivery.forget(peer, FORGOTTEN);
  }

  /** Connects a peer that acknowledges nothing. */
  connect(peer: PeerId): FakeFrameSink {
    const sink = new FakeFrameSink();
    this.sender.delivery.route(peer, sink);
    return sink;
  }

  assertEmpty(): void {
    assertEquals(unacknowledged(this.sender), { messages: 0, bytes: 0 });
  }
}

Deno.test("the body of a broadcast counts once, however many absent peers it waits for", async () => {
  const it = new Stage();
  const gone = absent(40);
  for (let at = 0; at < 2; at++) await it.cast(gone, 1_000_000);
  assertEquals(it.outbox.messages, 80);
  assert(it.outbox.bytes < 2_100_000);
  await it.sender.delivery.broadcast(gone, "x");
  const sent = it.sender.delivery.send(RECEIVER, new Uint8Array(1_000_000));
  await it.wire.run();
  await sent;
  it.forget(...gone);
  it.assertEmpty();
});

Deno.test("an outbox never holds more than its bound, whatever is sent to absent peers", async () => {
  const it = new Stage();
  const gone = absent(60);
  for (let at = 0; at < 200; at++) {
    const told = it.cast([...gone, RECEIVER], 1_000_000);
    await it.keeps(gone[at % 60]!, 3_000_000);
    await it.wire.run();
    assert((await told).failed.every(({ id }) => id !== RECEIVER), `${at}`);
    const { bytes, messages } = it.outbox;
    assert(bytes <= MAX_OUTBOX_BYTES, `${bytes} bytes`);
    assert(messages <= MAX_OUTBOX_MESSAGES, `${messages} messages`);
  }
  assertEquals(it.taken.length, 200);
});

Deno.test("5,000 broadcasts do not fail for a connected peer because 60 others are absent", async () => {
  const gone = absent(60);
  const it = new Stage({ inMemory: gone });
  for (let at = 0; at < 5_000; at += 100) {
    const told = Array.from(
      { length: 100 },
      () => it.cast([...gone, RECEIVER], 100),
    );
    await it.wire.run();
    const failed = (await Promise.all(told)).flatMap(({ failed }) => failed);
    assert(failed.every(({ id }) => id !== RECEIVER), `${at}`);
  }
  assertEquals(it.taken.length, 5_000);
});

Deno.test("messages to absent peers make room for connected ones: of in-memory peers first, then of the one with most, oldest first, and each is told", async () => {
  const [lasting, large, ephemeral] = absent(3) as [PeerId, PeerId, PeerId];
  const it = new Stage({
    inMemory: [ephemeral],
    limits: { maxMessages: 20 },
  });
  assert(await it.keeps(large, 10, 6));
  for (const to of [ephemeral, lasting]) assert(await it.keeps(to, 10, 2));
  // Ten are left, which the receiver does not take for now.
  assert(await it.keeps(RECEIVER, 10, 10));
  assertEquals(it.sender.givenUp, []);
  assert(await it.keeps(RECEIVER, 10, 6));
  for (const { error } of it.sender.givenUp) {
    assertEquals(error.code, "undelivered");
  }
  const sinces = it.sender.givenUp.map(({ outgoing }) => outgoing.since);
  assertEquals(sinces, sinces.toSorted((a, b) => a - b));
  const first = [ephemeral, ephemeral, large, large, large, large];
  assertEquals(it.givenUp(), first);
  // Connected peers have four fifths of it now, and nothing else is given up for
  // what does not fit anyway.
  assertEquals(await it.fill(RECEIVER), 4);
});

Deno.test("what one absent peer takes leaves room for the next, and what does not fit is refused at once", async () => {
  const it = new Stage();
  const peers = absent(5);
  const kept: number[] = [];
  for (const peer of peers) kept.push(await it.fill(peer, MEBIBYTE - 100));
  assertEquals(kept[0], MAX_OUTBOX_BYTES_PER_PEER / MEBIBYTE);
  assert(kept.every((count) => count > 0), `${kept}`);
  assert(it.outbox.bytes <= ABSENT_SHARE * MAX_OUTBOX_BYTES);
  assertEquals(it.givenUp(), []);
  await assertRejects(
    () => it.sender.delivery.send(peers[2]!, new Uint8Array(MAX_BODY_BYTES)),
    VerackError,
    "is not connected and would have",
  );
  // A connected one is served without anything being given up for it.
  assert(await it.keeps(RECEIVER, MEBIBYTE, 10));
  assertEquals(it.givenUp(), []);
});

Deno.test("a durable message is given up in the store as well, so that room is room after a restart", async () => {
  const [gone, ephemeral] = absent(2) as [PeerId, PeerId];
  const store = new MemoryMessageStore();
  const options = { inMemory: [ephemeral], store, limits: { maxMessages: 4 } };
  const it = new Stage(options);
  for (const to of [ephemeral, gone]) assert(await it.keeps(to));
  assert(await it.keeps(RECEIVER, 10, 3));
  assertEquals(
    [...store.outgoing()].flatMap(({ to }) => to),
    [gone, RECEIVER, RECEIVER, RECEIVER],
  );
  end(it.sender);
  const again = new Stage(options);
  assertEquals(again.outbox.messages, 4);
  await again.wire.run();
  assertEquals(again.taken.length, 3);
  assertEquals(again.outbox.messages, 1);
});

Deno.test("sums stay right while peers come and go and messages are taken and given up", async () => {
  const it = new Stage();
  const [other] = absent(1) as [PeerId];
  for (let round = 0; round < 3; round++) {
    const first = it.cast([RECEIVER, other], 50_000);
    const wire = new Wire(it.sender, party(other, it.clock));
    const last = it.cast([RECEIVER, other], 50_000);
    wire.cut();
    await it.keeps(other, 1_000);
    await it.wire.run();
    await Promise.all([first, last]);
  }
  const { messages, bytes } = it.outbox;
  assertEquals(messages, 9);
  assert(bytes > 303_000 && bytes < 304_000, `${bytes}`);
  it.forget(other);
  it.assertEmpty();
});

for (const strangers of [0, 60]) {
  Deno.test(`what waits for ${strangers} absent peers without standing leaves room to absent peers with standing`, async () => {
    const gone = absent(strangers);
    const it = new Stage({ hasStanding: (peer) => !gone.includes(peer) });
    // Long ones use up the bytes, short ones the count.
    for (const to of gone) await it.keeps(to, 1_000_000);
    for (let at = 0; at < 1_000; at++) await it.cast(gone, 10);
    const { messages, bytes } = it.outbox;
    const [most, mostBytes] = [MAX_OUTBOX_MESSAGES, MAX_OUTBOX_BYTES]
      .map((sum) => STRANGERS_SHARE * sum) as [number, number];
    assert(messages <= most, `${messages}`);
    assert(bytes <= mostBytes, `${bytes}`);
    if (strangers > 0) {
      assert(messages > 0.5 * most, `${messages}`);
      assert(bytes > 0.9 * mostBytes, `${bytes}`);
    }
    for (const to of absent(2, 1_000)) {
      assert(await it.keeps(to, 10, 2_000));
      assert(await it.keeps(to, 1_000_000, 2));
    }
    assertEquals(it.givenUp(), []);
  });
}

Deno.test("a message to a connected peer takes the room of an absent one without standing, before that of one with standing that has more", async () => {
  const [friend, stranger] = absent(2) as [PeerId, PeerId];
  const it = new Stage({
    limits: { maxMessages: 20 },
    hasStanding: (peer) => peer !== stranger,
  });
  assert(await it.keeps(friend, 10, 6));
  assert(await it.keeps(stranger, 10, 3));
  const give = async () => {
    while (it.sender.givenUp.length === 0) await it.keeps(RECEIVER);
    return it.givenUp();
  };
  for (let at = 0; at < 3; at++) assertEquals(await give(), [stranger]);
  assertEquals(await give(), [friend]);
});

for (const isConnected of [false, true]) {
  const state = isConnected ? "a connected" : "an absent";
  Deno.test(`${state} peer that gets standing has the room of one, and gives its part of the share of strangers back`, async () => {
    const [newFriend, stranger] = absent(2) as [PeerId, PeerId];
    const friends = new Set([RECEIVER]);
    const it = new Stage({
      limits: { maxMessages: 40 },
      hasStanding: (peer) => friends.has(peer),
    });
    if (isConnected) { for (const to of [newFriend, stranger]) it.connect(to); }
    const most = STRANGERS_SHARE * 40;
    assertEquals(await it.fill(newFriend), most / 2);
    if (isConnected) assertEquals(await it.fill(stranger), most / 4);
    friends.add(newFriend);
    if (isConnected) {
      assert(await it.keeps(newFriend));
      assertEquals(await it.fill(stranger), most / 4);
      it.sender.delivery.route(newFriend, undefined);
    } else {
      const more = ABSENT_SHARE * 40 / 2 - most / 2;
      assertEquals(await it.fill(newFriend), more);
      // All of the share of strangers is free again, within that of absent peers.
      const rest = Math.ceil(ABSENT_SHARE * 40 / 4);
      assertEquals(await it.fill(stranger), rest);
    }
    it.forget(newFriend, stranger);
    it.assertEmpty();
  });
}

Deno.test("only a message that is for a peer alone is one that it is awaited for, after a restart too", async () => {
  const [one, many, last] = absent(3) as [PeerId, PeerId, PeerId];
  const store = new MemoryMessageStore();
  const it = new Stage({ store });
  assert(await it.keeps(one));
  await it.cast([many, last, one], 10);
  const awaited = ({ queues }: Stage) =>
    [one, many, last].filter((peer) => queues.isAwaited(peer));
  assertEquals(awaited(it), [one]);
  end(it.sender);
  const again = new Stage({ store });
  assertEquals(awaited(again), [one]);
  again.forget(one, many);
  assertEquals(awaited(again), []);
  end(again.sender);
  // It waits for one alone by now, which a store cannot tell from the first.
  assertEquals(awaited(new Stage({ store })), [last]);
});

Deno.test("a broadcast that fits for none of 1,000 absent peers does not look through all queues for each", async () => {
  let asked = 0;
  const [lasting, ephemeral, ...rest] = absent(1_002) as [
    PeerId,
    PeerId,
    ...PeerId[],
  ];
  const it = new Stage({
    isInMemory: (peer) => {
      asked++;
      return peer === ephemeral;
    },
    limits: { maxMessages: 1_000 },
  });
  await it.cast(rest, 10);
  asked = 0;
  assertEquals((await it.cast(rest, 10)).waiting, []);
  assert(asked < 5_000, `${asked}`);
  // The next tick looks again.
  it.forget(...rest.slice(0, 10));
  await it.keeps(ephemeral, 10, 5);
  it.sender.delivery.tick(1, 0);
  for (let at = 0; at < 12; at++) await it.keeps(lasting);
  assert(it.givenUp().includes(ephemeral));
});

for (const strangers of [0, 512]) {
  Deno.test(`broadcasts that ${strangers} connected strangers do not acknowledge leave room to what waits for friends, and are not failed for them`, async () => {
    const crowd = absent(strangers);
    const friend = peerId(1_000);
    const it = new Stage({ hasStanding: (peer) => !crowd.includes(peer) });
    for (const peer of crowd) it.connect(peer);
    assert(await it.keeps(friend, 10, 100));
    for (let at = 0; at < 250; at++) {
      const told = it.cast([...crowd, friend, RECEIVER], 10);
      await it.wire.run();
      it.sender.delivery.tick(it.clock.monotonic(), 0);
      const { failed } = await told;
      assert(failed.every(({ id }) => crowd.includes(id)), `${at}`);
    }
    const { messages } = it.outbox;
    assert(messages <= STRANGERS_SHARE * MAX_OUTBOX_MESSAGES + 350);
    // Each has as many as it leaves free, less what came before in one broadcast.
    const each = (messages - 350) / Math.max(1, strangers);
    assert(strangers === 0 || (each > 90 && each < 100), `${each}`);
    assertEquals(it.givenUp(), []);
    assertEquals(it.taken.length, 250);
  });
}

Deno.test("what is not yet sent to a connected stranger gives way for a friend, absent or not, and nothing of a friend for a stranger", async () => {
  const [friend, stranger, goneStranger] = absent(3) as [
    PeerId,
    PeerId,
    PeerId,
  ];
  const it = new Stage({
    limits: { maxMessages: 200 },
    hasStanding: (peer) => peer !== stranger && peer !== goneStranger,
  });
  const sink = it.connect(stranger);
  // One of its messages is on the way, and no second one fits what it granted.
  assert(await it.keeps(stranger, 30_000, 50));
  const begun = sink.queue.length;
  assert(begun > 0 && begun < 10, `${begun}`);
  assert(await it.keeps(goneStranger, 10, 5));
  await it.fill(friend);
  // The control: a friend's message that fits takes nothing of others.
  while (it.outbox.messages < 200) assert(await it.keeps(RECEIVER));
  assertEquals(it.givenUp(), []);
  const lost: string[] = [];
  const loseFor = async (to: PeerId, times: number) => {
    assert(await it.keeps(to, 10, times));
    lost.push(...it.givenUp());
  };
  await loseFor(RECEIVER, 20);
  assertEquals(lost.slice(0, 5), Array(5).fill(goneStranger));
  assertEquals(lost.slice(5), Array(15).fill(stranger));
  // For strangers nothing of a friend goes.
  for (const to of [stranger, goneStranger]) assert(!await it.keeps(to));
  assertEquals(it.givenUp(), []);
  // What is begun stays until it is acknowledged, then friends that are absent go.
  while (lost.at(-1) !== friend) await loseFor(RECEIVER, 1);
  assertEquals(lost.filter((to) => to === stranger).length, 50 - begun);
  assertEquals(sink.queue.length, begun);
});

Deno.test("a friend's message, also one that is absent, takes the bytes of bodies that only connected strangers wait for", async () => {
  const crowd = absent(20);
  const [friend, other] = absent(2, 1_000) as [PeerId, PeerId];
  const it = new Stage({
    limits: { maxBytes: 4_000_000 },
    hasStanding: (peer) => !crowd.includes(peer),
  });
  const sinks = crowd.map((peer) => it.connect(peer));
  // Filled by friends to three quarters, of which the absent one has half.
  assert(await it.keeps(friend, 100_000, 15));
  for (let at = 0; at < 5; at++) it.cast(crowd, 90_000);
  assert(await it.keeps(RECEIVER, 100_000, 20));
  assertEquals(it.givenUp(), []);
  // The first body is asked about at all; the other four wait unsent.
  assert(sinks.every(({ queue }) => queue.length === 1));
  for (const to of [RECEIVER, other]) {
    it.sender.delivery.send(to, new Uint8Array(80_000));
    assertEquals(it.givenUp().toSorted(), crowd);
    assert(it.outbox.bytes > 3_900_000);
  }
  assert(it.outbox.bytes <= 4_000_000);
});
