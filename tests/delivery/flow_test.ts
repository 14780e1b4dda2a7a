/** What may be sent when: window, turns, credit for large bodies, and what breaks the protocol. */
import { SEND_AHEAD_BYTES } from "../../src/session/session_limits.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import {
  CHUNK_TIMEOUT_MS,
  MAX_WINDOW_BYTES,
  MESSAGE_OVERHEAD_BYTES,
  MIN_WINDOW_BYTES,
} from "../../src/delivery/delivery_limits.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import {
  ACK_STATUS,
  type AckRange,
  type AckStatus,
  encodeAck,
} from "../../src/wire/messages/ack.ts";
import {
  decodeChunkHead,
  decodeMessage,
  encodeMessage,
  MESSAGE_HEAD_BYTES,
} from "../../src/wire/messages/message_frame.ts";
import {
  B,
  end,
  type Party,
  party,
  peerId,
  type Stage,
  stage,
  takeAll,
  turns,
  Wire,
} from "../helpers/fake_frame_sink.ts";

const EMPTY = new Uint8Array(0);

/** Sends and forgets: what comes of it is seen elsewhere. */
function post(
  from: Party,
  to: Party,
  size: number,
  { topic = "", times = 1 } = {},
): void {
  for (let at = 0; at < times; at++) {
    from.delivery.send(to.id, new Uint8Array(size), { topic });
  }
}

/** Three topics that no consumer takes use up what they may. */
async function blockTopics({ a, b, wire }: Stage): Promise<void> {
  for (const topic of ["dead", "dead too", "dead as well"]) {
    post(a, b, 100, { topic, times: 500 });
  }
  await wire.run();
}

/** Makes the window as large as it gets. */
async function widen({ a, b, wire }: Stage): Promise<number> {
  post(a, b, 1_000, { times: 5_000 });
  await wire.run();
  assertEquals(a.delivery.outbox.messages, 0);
  return 5_000;
}

/** What counts on a wire, as its receiver reckons. */
function counted(wire: Wire): number {
  return wire.ends[0].queue.filter(({ command }) => command === COMMAND.message)
    .map(({ payload }) => {
      const { total, bodyOffset } = decodeMessage(payload);
      const asks = payload.length === bodyOffset && total > 0;
      const topicBytes = bodyOffset - MESSAGE_HEAD_BYTES;
      return MESSAGE_OVERHEAD_BYTES + topicBytes + (asks ? 0 : total);
    })
    .reduce((sum, size) => sum + size, 0);
}

Deno.test("no more is sent than was granted while nothing is taken, and nothing is lost", async () => {
  const it = stage();
  post(it.a, it.b, 100, { times: 2_000 });
  await turns();
  assert(counted(it.wire) <= MIN_WINDOW_BYTES);
  await it.wire.run();
  assertEquals(it.a.delivery.outbox.messages, 2_000);
  const taken = takeAll(it.b);
  await it.wire.run();
  assertEquals(taken.length, 2_000);
  assertEquals(it.a.delivery.outbox.messages, 0);
});

Deno.test("a topic that no consumer takes does not stop the others", async () => {
  const it = stage();
  await blockTopics(it);
  post(it.a, it.b, 1, { topic: "alive", times: 500 });
  const taken = takeAll(it.b, { topic: "alive" });
  await it.wire.run();
  assertEquals(taken.length, 500);
  assertEquals(it.a.delivery.outbox.messages, 1_500);
});

Deno.test("topics that no consumer takes leave nothing of the window, and a body that needs more requests credit", async () => {
  const it = stage();
  await blockTopics(it);
  post(it.a, it.b, 25_000, { topic: "alive" });
  const taken = takeAll(it.b, { topic: "alive" });
  await it.wire.run();
  assertEquals(taken.map(({ body }) => body.length), [25_000]);
});

Deno.test("bulk is put on the way a little at a time, so that what comes after it does not wait for all of it", async () => {
  const it = stage();
  const taken = takeAll(it.b);
  const before = await widen(it);
  for (let at = 0; at < 4; at++) {
    post(it.a, it.b, 4_000_000, { topic: `${at}` });
  }
  await turns();
  let most = 0;
  while (it.wire.pass(0) || it.wire.pass(1)) {
    most = Math.max(most, it.wire.ends[0].queuedBytes);
    await turns(5);
  }
  await it.wire.run();
  assertEquals(taken.length, before + 4);
  assert(most > 0 && most <= SEND_AHEAD_BYTES + 2 * 32_100, `${most} bytes`);
});

Deno.test("streams take turns by the chunk, and the messages of one do not mix", async () => {
  const it = stage();
  const taken = takeAll(it.b);
  const before = await widen(it);
  for (const topic of ["red", "blue"]) {
    post(it.a, it.b, 150_000, { topic, times: 2 });
  }
  await turns();
  const order: number[] = [];
  const { queue } = it.wire.ends[0];
  for (let frame = queue[0]; frame !== undefined; frame = queue[0]) {
    const { command, payload } = frame;
    if (command === COMMAND.chunk) order.push(decodeChunkHead(payload));
    it.wire.pass(0);
    await turns(5);
  }
  const first = order.slice(0, 8);
  const counts = [...new Set(order)].slice(0, 2)
    .map((number) => first.filter((one) => one === number).length);
  assertEquals(counts, [4, 4]);
  await it.wire.run();
  assertEquals(taken.length, before + 4);
});

Deno.test("a body too large for its window waits for credit, and many that are not taken have no more than there is", async () => {
  const clock = new VirtualClock();
  const b = party(B, clock);
  const wires: Wire[] = [];
  for (let seed = 0; seed < 24; seed++) {
    const sender = party(peerId(seed), clock, { seed });
    wires.push(new Wire(sender, b));
    for (const topic of ["x", "y", "z"]) post(sender, b, 4_000_000, { topic });
  }
  for (const wire of wires) await wire.run();
  const held = wires.reduce((sum, wire) => sum + wire.passedBytes[0], 0);
  assert(
    held > 15 * 4_000_000 && held <= 16 * 4_000_000 + 1e6,
    `${held} bytes`,
  );
  const taken = takeAll(b);
  for (let round = 0; round < 40 && taken.length < 72; round++) {
    for (const wire of wires) await wire.run();
  }
  assertEquals(taken.length, 72);
});

Deno.test("a busy session is granted more, and no more than there is for one", async () => {
  const it = stage();
  const taken = takeAll(it.b);
  post(it.a, it.b, 500, { times: 9_000 });
  await it.wire.run();
  assertEquals(taken.length, 9_000);
  // Nothing is taken any more: what is on the way is what was granted.
  end(it.b);
  post(it.a, it.b, 500, { times: 9_000 });
  const passed = it.wire.passedBytes[0];
  await it.wire.run();
  const more = it.wire.passedBytes[0] - passed;
  assert(more > 2 * MIN_WINDOW_BYTES, `${more} bytes`);
  assert(more <= MAX_WINDOW_BYTES, `${more} bytes`);
});

Deno.test("credit that is not used is given to others that wait for it", async () => {
  const clock = new VirtualClock();
  const b = party(B, clock);
  // Sixteen take all the credit there is, and send a little now and then.
  const slow = Array.from({ length: 16 }, (_, at) => {
    const wire = new Wire(party(peerId(at), clock), b);
    const id = new Uint8Array(16).fill(at);
    const payload = encodeMessage(id, Uint8Array.of(65), EMPTY);
    new DataView(payload.buffer).setUint32(16, 4_000_000, true);
    wire.ends[1].receive({ command: COMMAND.message, payload });
    return wire.ends[1];
  });
  const honest = party(peerId(99), clock);
  const wire = new Wire(honest, b);
  const taken = takeAll(b);
  post(honest, b, 1_000_000);
  for (let second = 0; second < 15 && taken.length === 0; second++) {
    await clock.advance(1_000);
    const frame = { command: COMMAND.chunk, payload: new Uint8Array(5) };
    for (const sink of slow) sink.receive(frame);
    b.delivery.tick(clock.monotonic(), 0);
    for (const sink of slow) if (!sink.isOpen) b.delivery.closed(sink);
    await wire.run();
  }
  assertEquals(taken.length, 1);
  // No more of them than was needed.
  assertEquals(slow.filter(({ isOpen }) => !isOpen).length, 1);
});

// --- What breaks the protocol ------------------------------------------------

function about(first: number, status: AckStatus, count = 1): AckRange {
  return { first, count, status };
}

/** The receiver says what became of messages. */
function ack(
  { wire }: Stage,
  ranges: AckRange[],
  limit = 10 * MIN_WINDOW_BYTES,
): void {
  const payload = encodeAck({ limit, ranges });
  wire.ends[0].receive({ command: COMMAND.ack, payload });
}

function assertBreach(run: () => void, because: string): void {
  assertEquals(assertThrows(run, VerackError, because).code, "protocol");
}

const { acked, rejected, credit } = ACK_STATUS;
const BREACHES: [string, AckRange[], number?][] = [
  ["was not sent", [about(2, acked)]],
  ["was not sent", [about(0, acked, 3)]],
  ["was not sent", [about(0xffff_ffff, acked)]],
  ["settled twice", [about(0, acked), about(0, acked)]],
  ["credit was not requested", [about(0, credit)]],
  ["limit is 1, must be at least 65536", [about(0, acked)], 1],
];

for (const [because, ranges, limit] of BREACHES) {
  Deno.test(`an ack of two messages that were sent is a breach: ${because}, ${JSON.stringify(ranges)}`, async () => {
    const it = stage();
    post(it.a, it.b, 100, { times: 2 });
    await turns();
    assertBreach(() => ack(it, ranges, limit), because);
    // The control: what was sent whole can be acked, once.
    const { messages } = it.a.delivery.outbox;
    assertEquals(messages, because === "settled twice" ? 1 : 2);
    if (messages < 2) return;
    ack(it, [about(0, acked)]);
    assertEquals(it.a.delivery.outbox.messages, 1);
    assertBreach(() => ack(it, [about(0, acked)]), "or is settled");
  });
}

for (const status of [acked, rejected]) {
  Deno.test(`an ack of status ${status} before all of a message was sent is a breach`, async () => {
    const it = stage();
    post(it.a, it.b, 2_000_000);
    await turns();
    ack(it, [about(0, credit)]);
    const sent = it.wire.ends[0].queue
      .filter(({ command }) => command === COMMAND.chunk)
      .reduce((sum, { payload }) => sum + payload.length, 0);
    assert(sent > 0 && sent < 2_000_000, `${sent} bytes were sent`);
    assertBreach(
      () => ack(it, [about(0, status)]),
      "settled before all of it was sent",
    );
    assertEquals(it.a.delivery.outbox.messages, 1);
  });
}

/** A frame comes to the receiver that no sender of ours would send. */
function send({ wire }: Stage, command: string, payload: Uint8Array): void {
  wire.ends[1].receive({ command, payload });
}

function message(total: number, held: number, topic = EMPTY): Uint8Array {
  const id = new Uint8Array(16);
  const payload = encodeMessage(id, topic, new Uint8Array(total));
  return payload.subarray(0, payload.length - total + held);
}

function chunk(number: number, size: number): Uint8Array {
  const payload = new Uint8Array(4 + size);
  payload[0] = number;
  return payload;
}

Deno.test("a sender that sends more than was granted, or what its message does not have, breaks the protocol", () => {
  const it = stage();
  send(it, COMMAND.message, message(60_000, 30_000));
  const breaches: [string, string, Uint8Array][] = [
    ["30000 of 60000 bytes of the one before", COMMAND.message, message(1, 1)],
    ["does not go on with 30001 bytes", COMMAND.chunk, chunk(0, 30_001)],
    ["message 7 does not go on", COMMAND.chunk, chunk(7, 1)],
    ["must have 1 to 32000", COMMAND.chunk, chunk(0, 0)],
    ["must have 1 to 32000", COMMAND.chunk, chunk(0, 32_001)],
    ["at most 65536 as granted", COMMAND.message, message(10_000, 10_000)],
  ];
  for (const [because, command, payload] of breaches) {
    assertThrows(() => send(it, command, payload), VerackError, because);
  }
});

Deno.test("an offer must not go on before it has credit", () => {
  const it = stage();
  for (const topic of [65, 66, 90]) {
    send(it, COMMAND.message, message(4_000_000, 0, Uint8Array.of(topic)));
  }
  assertBreach(() => send(it, COMMAND.chunk, chunk(2, 1)), "does not go on");
  send(it, COMMAND.chunk, chunk(0, 1));
});

Deno.test("a body that does not go on ends the session, but not because this process stood still", () => {
  const it = stage();
  send(it, COMMAND.message, message(60_000, 10_000));
  const now = it.clock.monotonic();
  it.b.delivery.tick(now + 2 * CHUNK_TIMEOUT_MS, 2 * CHUNK_TIMEOUT_MS);
  assertEquals(it.wire.ends[1].reason, undefined);
  it.b.delivery.tick(now + 3 * CHUNK_TIMEOUT_MS, 0);
  assertEquals(it.wire.ends[1].reason, "timeout");
});
