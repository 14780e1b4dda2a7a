/** What absent peers may take of an outbox, and what makes room for connected ones. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  ABSENT_SHARE,
  MAX_OUTBOX_BYTES,
  MAX_OUTBOX_BYTES_PER_PEER,
  MAX_OUTBOX_MESSAGES,
  STRANGERS_SHARE,
} from "../../src/delivery/delivery_limits.ts";
import { MAX_BODY_BYTES } from "../../src/wire/wire_limits.ts";
import type { BroadcastResult } from "../../src/delivery/broadcast.ts";
import { MemoryMessageStore } from "../../src/mesh/peers/memory_message_store.ts";
import { resolveOutbox } from "../../src/delivery/delivery_settings.ts";
import { VerackError } from "../../src/core/errors.ts";
import {
  FakeFrameSink,
  type Party,
  party,
  unacknowledged,
  Wire,
} from "../helpers/fake_frame_sink.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const SENDER = "a".repeat(64);
const RECEIVER = "b".repeat(64);
const OVER = new VerackError("stopped", "The test is over");
const MEBIBYTE = 1_048_576;

function absent(count: number, first = 0): string[] {
  return Array.from(
    { length: count },
    (_, at) => (first + at).toString(16).padStart(64, "0"),
  );
}

interface Stage {
  readonly sender: Party;
  readonly receiver: Party;
  readonly wire: Wire;
  readonly taken: string[];
}

/** A sender with a receiver that takes everything. */
function stage(
  inMemory: readonly string[] = [],
  options: Parameters<typeof party>[2] = {},
): Stage {
  const clock = new VirtualClock();
  const sender = party(SENDER, clock, {
    ...options,
    settings: {
      isInMemory: (peer) => inMemory.includes(peer),
      ...options.settings,
    },
  });
  const receiver = party(RECEIVER, clock, { seed: 2 });
  const taken: string[] = [];
  (async () => {
    for await (const message of receiver.delivery.messages()) {
      taken.push(message.topic);
    }
  })();
  return { sender, receiver, wire: new Wire(sender, receiver), taken };
}

async function end({ sender, receiver }: Stage): Promise<void> {
  for (const { delivery } of [sender, receiver]) {
    delivery.close(OVER, { flush: false });
  }
  await Promise.resolve();
}

/** Broadcasts without waiting for what becomes of it. */
function cast({ sender }: Stage, to: readonly string[], bytes: number) {
  return sender.delivery.broadcast(to, new Uint8Array(bytes), { waitMs: 0 });
}

function failed({ failed }: BroadcastResult): string[] {
  return failed.map(({ id }) => id);
}

/** Keeps a message; false if it is refused as `full`. */
async function keeps({ sender }: Stage, to: string, bytes: number) {
  const before = sender.delivery.outbox.messages;
  const sent = sender.delivery.send(to, new Uint8Array(bytes));
  let code: string | undefined;
  sent.catch((error) => code = error.code);
  await Promise.resolve();
  await Promise.resolve();
  assert(code === undefined || code === "full", code);
  return code === undefined && sender.delivery.outbox.messages > before;
}

Deno.test("the body of a broadcast counts once, however many absent peers it waits for", async () => {
  const it = stage();
  const gone = absent(40);
  for (let at = 0; at < 2; at++) await cast(it, gone, 1_000_000);
  assertEquals(it.sender.delivery.outbox.messages, 80);
  assert(it.sender.delivery.outbox.bytes < 2_100_000);
  await it.sender.delivery.broadcast(gone, "x");
  const sent = it.sender.delivery.send(RECEIVER, new Uint8Array(1_000_000));
  await it.wire.run();
  await sent;
  for (const peer of gone) it.sender.delivery.forget(peer, OVER);
  assertEquals(unacknowledged(it.sender), { messages: 0, bytes: 0 });
  await end(it);
});

Deno.test("an outbox never holds more than its bound, whatever is sent to absent peers", async () => {
  const it = stage();
  const gone = absent(60);
  for (let at = 0; at < 200; at++) {
    const told = cast(it, [...gone, RECEIVER], 1_000_000);
    await keeps(it, gone[at % 60]!, 3_000_000);
    await it.wire.run();
    assert(!failed(await told).includes(RECEIVER), `${at}`);
    const { bytes, messages } = it.sender.delivery.outbox;
    assert(bytes <= MAX_OUTBOX_BYTES, `${bytes} bytes`);
    assert(messages <= MAX_OUTBOX_MESSAGES, `${messages} messages`);
  }
  assertEquals(it.taken.length, 200);
  await end(it);
});

Deno.test("5,000 broadcasts do not fail for a connected peer because 60 others are absent", async () => {
  const gone = absent(60);
  const it = stage(gone);
  const to = [...gone, RECEIVER];
  for (let at = 0; at < 5_000; at += 100) {
    const told = Array.from({ length: 100 }, () => cast(it, to, 100));
    await it.wire.run();
    for (const result of await Promise.all(told)) {
      assert(!failed(result).includes(RECEIVER), `${at}`);
    }
  }
  assertEquals(it.taken.length, 5_000);
  await end(it);
});

Deno.test("messages to absent peers make room for connected ones: of in-memory peers first, then of the one with most, oldest first, and each is told", async () => {
  const [lasting, large, ephemeral] = absent(3) as [string, string, string];
  const it = stage([ephemeral], {
    settings: { limits: resolveOutbox({ maxMessages: 20 }) },
  });
  for (let at = 0; at < 6; at++) assert(await keeps(it, large, 10));
  for (let at = 0; at < 2; at++) assert(await keeps(it, ephemeral, 10));
  for (let at = 0; at < 2; at++) assert(await keeps(it, lasting, 10));
  // Ten are left, which the receiver does not take for now.
  for (let at = 0; at < 10; at++) assert(await keeps(it, RECEIVER, 10));
  assertEquals(it.sender.givenUp, []);
  for (let at = 0; at < 6; at++) assertEquals(await keepsOneMore(it), true);
  assertEquals(
    it.sender.givenUp.map(({ outgoing }) => outgoing.to),
    [ephemeral, ephemeral, large, large, large, large],
  );
  for (const { error } of it.sender.givenUp) {
    assertEquals(error.code, "undelivered");
  }
  const sinces = it.sender.givenUp.map(({ outgoing }) => outgoing.since);
  assertEquals(sinces, sinces.toSorted((a, b) => a - b));
  // Connected peers have four fifths of it now, and nothing else is given up for
  // what does not fit anyway.
  for (let at = 0; at < 4; at++) assertEquals(await keepsOneMore(it), true);
  assertEquals(await keepsOneMore(it), false);
  await end(it);
});

/** As {@linkcode keeps}, where another message may have to go. */
async function keepsOneMore({ sender }: Stage): Promise<boolean> {
  let kept = true;
  sender.delivery.send(RECEIVER, new Uint8Array(10))
    .catch(({ code }) => kept = code !== "full");
  await Promise.resolve();
  await Promise.resolve();
  return kept;
}

Deno.test("what one absent peer takes leaves room for the next, and what does not fit is refused at once", async () => {
  const it = stage();
  const peers = absent(5);
  const kept: number[] = [];
  for (const peer of peers) {
    let count = 0;
    while (await keeps(it, peer, MEBIBYTE - 100)) count++;
    kept.push(count);
  }
  assertEquals(kept[0], MAX_OUTBOX_BYTES_PER_PEER / MEBIBYTE);
  assert(kept.every((count) => count > 0), `${kept}`);
  assert(it.sender.delivery.outbox.bytes <= ABSENT_SHARE * MAX_OUTBOX_BYTES);
  assertEquals(it.sender.givenUp, []);
  await assertRejects(
    () => it.sender.delivery.send(peers[2]!, new Uint8Array(MAX_BODY_BYTES)),
    VerackError,
    "is not connected and would have",
  );
  // A connected one is served without anything being given up for it.
  for (let at = 0; at < 10; at++) assert(await keeps(it, RECEIVER, MEBIBYTE));
  assertEquals(it.sender.givenUp, []);
  await end(it);
});

Deno.test("a durable message is given up in the store as well, so that room is room after a restart", async () => {
  const [gone, ephemeral] = absent(2) as [string, string];
  const store = new MemoryMessageStore();
  const limits = resolveOutbox({ maxMessages: 4 });
  const it = stage([ephemeral], { store, settings: { limits } });
  assert(await keeps(it, ephemeral, 10));
  assert(await keeps(it, gone, 10));
  for (let at = 0; at < 2; at++) assert(await keeps(it, RECEIVER, 10));
  assertEquals(await keepsOneMore(it), true);
  assertEquals(
    [...store.outgoing()].flatMap(({ to }) => to),
    [gone, RECEIVER, RECEIVER, RECEIVER],
  );
  await end(it);
  const again = stage([ephemeral], { store, settings: { limits } });
  assertEquals(again.sender.delivery.outbox.messages, 4);
  await again.wire.run();
  assertEquals(again.taken.length, 3);
  assertEquals(again.sender.delivery.outbox.messages, 1);
  await end(again);
});

Deno.test("sums stay right while peers come and go and messages are taken and given up", async () => {
  const it = stage();
  const [other = ""] = absent(1);
  const parties: Party[] = [];
  for (let round = 0; round < 3; round++) {
    const first = cast(it, [RECEIVER, other], 50_000);
    const second = party(other, it.sender.clock);
    parties.push(second);
    const wire = new Wire(it.sender, second);
    const last = cast(it, [RECEIVER, other], 50_000);
    wire.cut();
    await keeps(it, other, 1_000);
    await it.wire.run();
    await Promise.all([first, last]);
  }
  for (const { delivery } of parties) delivery.close(OVER, { flush: false });
  const { messages, bytes } = it.sender.delivery.outbox;
  assertEquals(messages, 9);
  assert(bytes > 303_000 && bytes < 304_000, `${bytes}`);
  it.sender.delivery.forget(other, OVER);
  assertEquals(unacknowledged(it.sender), { messages: 0, bytes: 0 });
  await end(it);
});

for (const strangers of [0, 60]) {
  Deno.test(`what waits for ${strangers} absent peers without standing leaves room to absent peers with standing`, async () => {
    const gone = absent(strangers);
    const [friend, other] = absent(2, 1_000) as [string, string];
    const it = stage([], {
      settings: { hasStanding: (peer) => !gone.includes(peer) },
    });
    // Long ones use up the bytes, short ones the count.
    for (const to of gone) await keeps(it, to, 1_000_000);
    for (let at = 0; at < 1_000; at++) await cast(it, gone, 10);
    const { messages, bytes } = it.sender.delivery.outbox;
    const share = STRANGERS_SHARE;
    assert(messages <= share * MAX_OUTBOX_MESSAGES, `${messages}`);
    assert(bytes <= share * MAX_OUTBOX_BYTES, `${bytes}`);
    if (strangers > 0) {
      assert(messages > 0.5 * share * MAX_OUTBOX_MESSAGES, `${messages}`);
      assert(bytes > 0.9 * share * MAX_OUTBOX_BYTES, `${bytes}`);
    }
    for (const to of [friend, other]) {
      for (let at = 0; at < 2_000; at++) assert(await keeps(it, to, 10));
      for (let at = 0; at < 2; at++) {
        assert(await keeps(it, to, 1_000_000), `${at}`);
      }
    }
    assertEquals(it.sender.givenUp, []);
    await end(it);
  });
}

Deno.test("a message to a connected peer takes the room of an absent one without standing, before that of one with standing that has more", async () => {
  const [friend, stranger] = absent(2) as [string, string];
  const it = stage([], {
    settings: {
      limits: resolveOutbox({ maxMessages: 20 }),
      hasStanding: (peer) => peer !== stranger,
    },
  });
  for (let at = 0; at < 6; at++) assert(await keeps(it, friend, 10));
  for (let at = 0; at < 3; at++) assert(await keeps(it, stranger, 10));
  const give = async () => {
    while (it.sender.givenUp.length === 0) await keeps(it, RECEIVER, 10);
    return it.sender.givenUp.splice(0).map(({ outgoing }) => outgoing.to);
  };
  for (let at = 0; at < 3; at++) assertEquals(await give(), [stranger]);
  assertEquals(await give(), [friend]);
  await end(it);
});

Deno.test("an absent peer that gets standing has the room of one, and gives the other back", async () => {
  const [newFriend, stranger] = absent(2) as [string, string];
  const friends = new Set<string>();
  const limits = resolveOutbox({ maxMessages: 40 });
  const it = stage([], {
    settings: { limits, hasStanding: (peer) => friends.has(peer) },
  });
  const most = STRANGERS_SHARE * 40;
  for (let at = 0; at < most / 2; at++) assert(await keeps(it, newFriend, 10));
  assert(!await keeps(it, newFriend, 10));
  const count = async (to: string) => {
    let kept = 0;
    while (await keeps(it, to, 10)) kept++;
    return kept;
  };
  friends.add(newFriend);
  assertEquals(await count(newFriend), ABSENT_SHARE * 40 / 2 - most / 2);
  // All of the share of strangers is free again, within that of absent peers.
  assertEquals(await count(stranger), Math.ceil(ABSENT_SHARE * 40 / 4));
  for (const to of [newFriend, stranger]) it.sender.delivery.forget(to, OVER);
  assertEquals(unacknowledged(it.sender), { messages: 0, bytes: 0 });
  await end(it);
});

Deno.test("only a message that is for a peer alone is one that it is awaited for, after a restart too", async () => {
  const [one, many, last] = absent(3) as [string, string, string];
  const store = new MemoryMessageStore();
  const it = stage([], { store });
  assert(await keeps(it, one, 10));
  await cast(it, [many, last, one], 10);
  const awaited = ({ sender }: Stage) =>
    [one, many, last].filter((peer) => sender.delivery.outbox.isAwaited(peer));
  assertEquals(awaited(it), [one]);
  it.sender.delivery.close(OVER, { flush: false });
  const again = stage([], { store });
  assertEquals(awaited(again), [one]);
  for (const peer of [one, many]) again.sender.delivery.forget(peer, OVER);
  assertEquals(awaited(again), []);
  again.sender.delivery.close(OVER, { flush: false });
  // It waits for one alone by now, which a store cannot tell from the first.
  assertEquals(awaited(stage([], { store })), [last]);
  await end(it);
});

Deno.test("a broadcast that fits for none of 1,000 absent peers does not look through all queues for each", async () => {
  let asked = 0;
  const [lasting, ephemeral, ...rest] = absent(1_002);
  const it = stage([], {
    settings: {
      isInMemory: (peer) => {
        asked++;
        return peer === ephemeral;
      },
      limits: resolveOutbox({ maxMessages: 1_000 }),
    },
  });
  await cast(it, rest, 10);
  asked = 0;
  const result = await cast(it, rest, 10);
  assertEquals(result.waiting, []);
  assert(asked < 5_000, `${asked}`);
  // The next tick looks again.
  for (const peer of rest.slice(0, 10)) it.sender.delivery.forget(peer, OVER);
  for (let at = 0; at < 5; at++) await keeps(it, ephemeral!, 10);
  it.sender.delivery.tick(1, 0);
  for (let at = 0; at < 12; at++) await keeps(it, lasting!, 10);
  const evicted = it.sender.givenUp.filter(({ outgoing }) =>
    outgoing.to === ephemeral
  );
  assert(evicted.length > 0);
  await end(it);
});

for (const strangers of [0, 512]) {
  Deno.test(`broadcasts that ${strangers} connected strangers do not acknowledge leave room to what waits for friends, and are not failed for them`, async () => {
    const crowd = absent(strangers);
    const friend = absent(1, 1_000)[0]!;
    const it = stage([], {
      settings: { hasStanding: (peer) => !crowd.includes(peer) },
    });
    for (const peer of crowd) {
      it.sender.delivery.route(peer, new FakeFrameSink());
    }
    for (let at = 0; at < 100; at++) assert(await keeps(it, friend, 10));
    for (let at = 0; at < 250; at++) {
      const told = cast(it, [...crowd, friend, RECEIVER], 10);
      await it.wire.run();
      it.sender.delivery.tick(it.sender.clock.monotonic(), 0);
      const { failed } = await told;
      const has = failed.filter(({ id }) => !crowd.includes(id));
      assertEquals(has, [], `${at}`);
    }
    const { messages } = it.sender.delivery.outbox;
    assert(messages <= STRANGERS_SHARE * MAX_OUTBOX_MESSAGES + 350);
    // Each has as many as it leaves free, less what came before in one broadcast.
    const each = (messages - 350) / Math.max(1, strangers);
    assert(strangers === 0 || (each > 90 && each < 100), `${each}`);
    assertEquals(it.sender.givenUp, []);
    assertEquals(it.taken.length, 250);
    await end(it);
  });
}

Deno.test("what is not yet sent to a connected stranger gives way for a friend, absent or not, and nothing of a friend for a stranger", async () => {
  const [friend, stranger, goneStranger] = absent(3) as [
    string,
    string,
    string,
  ];
  const it = stage([], {
    settings: {
      limits: resolveOutbox({ maxMessages: 200 }),
      hasStanding: (peer) => peer !== stranger && peer !== goneStranger,
    },
  });
  const sink = new FakeFrameSink();
  it.sender.delivery.route(stranger, sink);
  // One of its messages is on the way, and no second one fits what it granted.
  for (let at = 0; at < 50; at++) assert(await keeps(it, stranger, 30_000));
  const begun = sink.queue.length;
  assert(begun > 0 && begun < 10, `${begun}`);
  for (let at = 0; at < 5; at++) assert(await keeps(it, goneStranger, 10));
  while (await keeps(it, friend, 10));
  const givenUp = () =>
    it.sender.givenUp.splice(0).map(({ outgoing }) => outgoing.to);
  assertEquals(givenUp(), []);
  // The control: a friend's message that fits takes nothing of others.
  while (it.sender.delivery.outbox.messages < 200) {
    assert(await keeps(it, RECEIVER, 10));
  }
  assertEquals(givenUp(), []);
  const lost: string[] = [];
  for (let at = 0; at < 20; at++) {
    assert(await keepsOneMore(it));
    lost.push(...givenUp());
  }
  assertEquals(lost.slice(0, 5), Array(5).fill(goneStranger));
  assertEquals(lost.slice(5), Array(15).fill(stranger));
  // For strangers nothing of a friend goes.
  assert(!await keeps(it, stranger, 10));
  assert(!await keeps(it, goneStranger, 10));
  assertEquals(givenUp(), []);
  // What is begun stays until it is acknowledged, then friends that are absent go.
  while (lost.at(-1) !== friend) {
    assert(await keepsOneMore(it));
    lost.push(...givenUp());
  }
  assertEquals(lost.filter((to) => to === stranger).length, 50 - begun);
  assertEquals(sink.queue.length, begun);
  await end(it);
});

Deno.test("a friend's message, also one that is absent, takes the bytes of bodies that only connected strangers wait for", async () => {
  const crowd = absent(20);
  const [friend, other] = absent(2, 1_000) as [string, string];
  const it = stage([], {
    settings: {
      limits: resolveOutbox({ maxBytes: 4_000_000 }),
      hasStanding: (peer) => !crowd.includes(peer),
    },
  });
  const sinks = crowd.map((peer) => {
    const sink = new FakeFrameSink();
    it.sender.delivery.route(peer, sink);
    return sink;
  });
  // Filled by friends to three quarters, of which the absent one has half.
  for (let at = 0; at < 15; at++) assert(await keeps(it, friend, 100_000));
  for (let at = 0; at < 5; at++) cast(it, crowd, 90_000);
  for (let at = 0; at < 20; at++) assert(await keeps(it, RECEIVER, 100_000));
  assertEquals(it.sender.givenUp, []);
  // The first body is asked about at all; the other four wait unsent.
  assert(sinks.every(({ queue }) => queue.length === 1));
  for (const to of [RECEIVER, other]) {
    it.sender.delivery.send(to, new Uint8Array(80_000)).catch(() => {});
    const lost = it.sender.givenUp.splice(0).map(({ outgoing }) => outgoing.to);
    assertEquals(lost.toSorted(), crowd);
    assertEquals(it.sender.delivery.outbox.bytes > 3_900_000, true);
  }
  assert(it.sender.delivery.outbox.bytes <= 4_000_000);
  await end(it);
});

Deno.test("a connected peer that gets standing gives its part of the share of strangers back", async () => {
  const [newFriend, stranger] = absent(2) as [string, string];
  const friends = new Set<string>([RECEIVER]);
  const it = stage([], {
    settings: {
      limits: resolveOutbox({ maxMessages: 40 }),
      hasStanding: (peer) => friends.has(peer),
    },
  });
  for (const peer of [newFriend, stranger]) {
    it.sender.delivery.route(peer, new FakeFrameSink());
  }
  const count = async (to: string) => {
    let kept = 0;
    while (await keeps(it, to, 10)) kept++;
    return kept;
  };
  assertEquals(await count(newFriend), STRANGERS_SHARE * 40 / 2);
  assertEquals(await count(stranger), STRANGERS_SHARE * 40 / 4);
  friends.add(newFriend);
  assert(await keeps(it, newFriend, 10));
  assertEquals(await count(stranger), STRANGERS_SHARE * 40 / 4);
  it.sender.delivery.route(newFriend, undefined);
  for (const to of [newFriend, stranger]) it.sender.delivery.forget(to, OVER);
  assertEquals(unacknowledged(it.sender), { messages: 0, bytes: 0 });
  await end(it);
});
