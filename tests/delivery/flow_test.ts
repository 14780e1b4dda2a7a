/** What may be sent when: window, turns, credit for large bodies, and what a stopped receiver costs. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  CHUNK_TIMEOUT_MS,
  MAX_WINDOW_BYTES,
  MESSAGE_OVERHEAD_BYTES,
  MIN_WINDOW_BYTES,
  SEND_AHEAD_BYTES,
} from "../../src/delivery/delivery_limits.ts";
import type { Message } from "../../src/delivery/incoming_message.ts";
import { VerackError } from "../../src/core/errors.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodeAck } from "../../src/wire/messages/ack.ts";
import {
  decodeChunkHead,
  decodeMessage,
  encodeMessage,
} from "../../src/wire/messages/message_frame.ts";
import {
  type Party,
  party,
  type Stage,
  stage,
  Wire,
} from "../helpers/fake_frame_sink.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const B = "b".repeat(64);
const EMPTY = new Uint8Array(0);

/** Ends both, so that what waits is told. */
function end({ a, b }: Stage): void {
  const error = new VerackError("stopped", "The test is over");
  for (const { delivery } of [a, b]) delivery.close(error, { flush: false });
}

/** Sends and forgets: what comes of it is seen elsewhere. */
function post(from: Party, to: Party, body: Uint8Array | string, topic = "") {
  from.delivery.send(to.id, body, { topic }).catch(() => {});
}

/** What counts on a wire, as its receiver reckons. */
function counted(wire: Wire): number {
  return wire.ends[0].queue.filter(({ command }) => command === COMMAND.message)
    .map(({ payload }) => {
      const { total, topic, bodyOffset } = decodeMessage(payload);
      const asks = payload.length === bodyOffset && total > 0;
      return MESSAGE_OVERHEAD_BYTES + topic.length + (asks ? 0 : total);
    })
    .reduce((sum, size) => sum + size, 0);
}

async function turns(count = 30): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

/** Takes and acknowledges all that comes. */
function takeAll(to: Party, topic?: string): Message[] {
  const taken: Message[] = [];
  (async () => {
    const options = topic === undefined ? {} : { topic };
    for await (const message of to.delivery.messages(options)) {
      taken.push(message);
    }
  })();
  return taken;
}

Deno.test("no more is sent than was granted while nobody takes, and nothing is lost", async () => {
  const it = stage();
  for (let i = 0; i < 2_000; i++) post(it.a, it.b, new Uint8Array(100));
  await turns();
  assert(counted(it.wire) <= MIN_WINDOW_BYTES);
  await it.wire.run();
  assertEquals(it.a.delivery.outbox.messages, 2_000);
  const taken = takeAll(it.b);
  await it.wire.run();
  assertEquals(taken.length, 2_000);
  assertEquals(it.a.delivery.outbox.messages, 0);
  end(it);
});

Deno.test("a topic that nobody takes does not stop the others", async () => {
  const it = stage();
  for (const topic of ["dead", "dead too", "dead as well"]) {
    for (let i = 0; i < 500; i++) post(it.a, it.b, new Uint8Array(100), topic);
  }
  await it.wire.run();
  for (let i = 0; i < 500; i++) post(it.a, it.b, "x", "alive");
  const taken = takeAll(it.b, "alive");
  await it.wire.run();
  assertEquals(taken.length, 500);
  assertEquals(it.a.delivery.outbox.messages, 1_500);
  end(it);
});

Deno.test("topics that nobody takes leave nothing of the window, and a body that needs more requests credit", async () => {
  const it = stage();
  for (const topic of ["dead", "dead too", "dead as well"]) {
    for (let i = 0; i < 500; i++) post(it.a, it.b, new Uint8Array(100), topic);
  }
  await it.wire.run();
  post(it.a, it.b, new Uint8Array(25_000), "alive");
  const taken = takeAll(it.b, "alive");
  await it.wire.run();
  assertEquals(taken.map(({ body }) => body.length), [25_000]);
  end(it);
});

Deno.test("bulk is put on the way a little at a time, so that what comes after it does not wait for all of it", async () => {
  const it = stage();
  const taken = takeAll(it.b);
  // Taken quickly, so that the window is as large as it gets.
  for (let i = 0; i < 5_000; i++) post(it.a, it.b, new Uint8Array(1_000));
  await it.wire.run();
  assertEquals(taken.length, 5_000);
  for (let i = 0; i < 4; i++) {
    post(it.a, it.b, new Uint8Array(4_000_000), `${i}`);
  }
  await turns();
  let most = 0;
  while (it.wire.pass(0) || it.wire.pass(1)) {
    most = Math.max(most, it.wire.ends[0].queuedBytes);
    await turns(5);
  }
  await it.wire.run();
  assertEquals(taken.length, 5_004);
  assert(most > 0 && most <= SEND_AHEAD_BYTES + 2 * 32_100, `${most} bytes`);
  end(it);
});

Deno.test("streams take turns by the chunk, and the messages of one do not mix", async () => {
  const it = stage();
  const taken = takeAll(it.b);
  for (let i = 0; i < 5_000; i++) post(it.a, it.b, new Uint8Array(1_000));
  await it.wire.run();
  for (const topic of ["red", "blue"]) {
    for (let i = 0; i < 2; i++) {
      post(it.a, it.b, new Uint8Array(150_000), topic);
    }
  }
  await turns();
  const order: number[] = [];
  for (
    let frame = it.wire.ends[0].queue[0];
    frame !== undefined;
    frame = it.wire.ends[0].queue[0]
  ) {
    if (frame.command === COMMAND.chunk) {
      order.push(decodeChunkHead(frame.payload));
    }
    it.wire.pass(0);
    await turns(5);
  }
  const [red, blue] = [...new Set(order)];
  const firstOfBoth = order.slice(0, 8);
  assertEquals(firstOfBoth.filter((number) => number === red).length, 4);
  assertEquals(firstOfBoth.filter((number) => number === blue).length, 4);
  await it.wire.run();
  assertEquals(taken.length, 5_004);
  end(it);
});

Deno.test("a body too large for its window waits for credit, and many that nobody takes have no more than there is", async () => {
  const clock = new VirtualClock();
  const b = party(B, clock);
  const senders = Array.from(
    { length: 24 },
    (_, at) => party(at.toString(16).padStart(64, "0"), clock, { seed: at }),
  );
  const wires = senders.map((sender) => new Wire(sender, b));
  for (const sender of senders) {
    for (const topic of ["x", "y", "z"]) {
      post(sender, b, new Uint8Array(4_000_000), topic);
    }
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
  const error = new VerackError("stopped", "The test is over");
  for (const it of [...senders, b]) it.delivery.close(error, { flush: false });
});

Deno.test("acknowledgements that cannot be are a breach of the protocol", async () => {
  const cases: [
    string,
    { limit?: number; first: number; count: number; status: 0 | 1 | 2 },
  ][] = [
    ["was not sent", { first: 2, count: 1, status: 0 }],
    ["was not sent", { first: 0, count: 3, status: 0 }],
    ["was not sent", { first: 0xffff_ffff, count: 1, status: 0 }],
    ["credit was not requested", { first: 0, count: 1, status: 2 }],
    ["limit is 1, must be at least 65536", {
      limit: 1,
      first: 0,
      count: 1,
      status: 0,
    }],
  ];
  for (const [words, { limit = MIN_WINDOW_BYTES, ...range }] of cases) {
    const it = stage();
    post(it.a, it.b, "one");
    post(it.a, it.b, "two");
    await turns();
    const payload = encodeAck({ limit, ranges: [range] });
    const frame = { command: COMMAND.ack, payload };
    const onFrame = () => it.wire.ends[0].receive(frame);
    assertThrows(onFrame, VerackError, words);
    end(it);
  }
  const it = stage();
  post(it.a, it.b, "one");
  post(it.a, it.b, "two");
  await turns();
  const twice = { first: 0, count: 1, status: 0 as const };
  const ranges = [twice, twice];
  const payload = encodeAck({ limit: MIN_WINDOW_BYTES, ranges });
  const frame = { command: COMMAND.ack, payload };
  const onFrame = () => it.wire.ends[0].receive(frame);
  assertThrows(onFrame, VerackError, "settled twice");
  end(it);
});

Deno.test("whoever sends more than was granted, or what its message does not have, breaks the protocol", async () => {
  const id = new Uint8Array(16);
  const send = (it: Stage, command: string, payload: Uint8Array) =>
    it.wire.ends[1].receive({ command, payload });
  const message = (total: number, held: number, topic = EMPTY) => {
    const payload = encodeMessage(id, topic, new Uint8Array(total));
    return payload.subarray(0, payload.length - total + held);
  };
  const chunk = (number: number, size: number) => {
    const payload = new Uint8Array(4 + size);
    payload[0] = number;
    return payload;
  };
  const it = stage();
  send(it, COMMAND.message, message(60_000, 30_000));
  for (
    const [words, command, payload] of [
      [
        "30000 of 60000 bytes of the one before it",
        COMMAND.message,
        message(1, 1),
      ],
      ["does not go on with 30001 bytes", COMMAND.chunk, chunk(0, 30_001)],
      ["message 7 does not go on", COMMAND.chunk, chunk(7, 1)],
      ["must have 1 to 32000", COMMAND.chunk, chunk(0, 0)],
      ["must have 1 to 32000", COMMAND.chunk, chunk(0, 32_001)],
    ] as const
  ) {
    assertThrows(() => send(it, command, payload), VerackError, words);
  }
  assertThrows(
    () => send(it, COMMAND.message, message(10_000, 10_000)),
    VerackError,
    "must be at most 65536 as granted",
  );
  end(it);
  // An offer must not go on before it has credit.
  const other = stage();
  for (let at = 0; at < 2; at++) {
    send(
      other,
      COMMAND.message,
      message(4_000_000, 0, new Uint8Array([65 + at])),
    );
  }
  send(other, COMMAND.message, message(4_000_000, 0, new Uint8Array([90])));
  assertThrows(
    () => send(other, COMMAND.chunk, chunk(2, 1)),
    VerackError,
    "does not go on",
  );
  send(other, COMMAND.chunk, chunk(0, 1));
  end(other);
  await turns();
});

Deno.test("a body that does not go on ends the session, but not because this process stood still", async () => {
  const it = stage();
  const payload = encodeMessage(
    new Uint8Array(16),
    EMPTY,
    new Uint8Array(60_000),
  );
  const frame = {
    command: COMMAND.message,
    payload: payload.subarray(0, 10_000),
  };
  it.wire.ends[1].receive(frame);
  it.b.delivery.tick(
    it.clock.monotonic() + 2 * CHUNK_TIMEOUT_MS,
    2 * CHUNK_TIMEOUT_MS,
  );
  assertEquals(it.wire.ends[1].reason, undefined);
  it.b.delivery.tick(it.clock.monotonic() + 3 * CHUNK_TIMEOUT_MS, 0);
  assertEquals(it.wire.ends[1].reason, "timeout");
  end(it);
  await turns();
});

Deno.test("a busy session is granted more, and no more than there is for one", async () => {
  const it = stage();
  const taken = takeAll(it.b);
  for (let i = 0; i < 9_000; i++) post(it.a, it.b, new Uint8Array(500));
  await it.wire.run();
  assertEquals(taken.length, 9_000);
  // Now nobody takes: what is on the way is what was granted.
  it.b.delivery.close(new VerackError("stopped", "x"), { flush: false });
  for (let i = 0; i < 9_000; i++) post(it.a, it.b, new Uint8Array(500));
  const passed = it.wire.passedBytes[0];
  await it.wire.run();
  const more = it.wire.passedBytes[0] - passed;
  assert(more > 2 * MIN_WINDOW_BYTES, `${more} bytes`);
  assert(more <= MAX_WINDOW_BYTES, `${more} bytes`);
  end(it);
});

Deno.test("credit that is not used is given to others that wait for it", async () => {
  const clock = new VirtualClock();
  const b = party(B, clock);
  const id = (at: number) => at.toString(16).padStart(64, "0");
  // Sixteen take all the credit there is, and send a little now and then.
  const slow = Array.from({ length: 16 }, (_, at) => {
    const wire = new Wire(party(id(at), clock), b);
    const payload = encodeMessage(
      new Uint8Array(16).fill(at),
      Uint8Array.of(65),
      EMPTY,
    );
    new DataView(payload.buffer).setUint32(16, 4_000_000, true);
    const frame = { command: COMMAND.message, payload };
    wire.ends[1].receive(frame);
    return wire;
  });
  const honest = party(id(99), clock);
  const wire = new Wire(honest, b);
  const taken = takeAll(b);
  post(honest, b, new Uint8Array(1_000_000));
  for (let second = 0; second < 15 && taken.length === 0; second++) {
    await clock.advance(1_000);
    for (const { ends } of slow) {
      if (!ends[1].isOpen) continue;
      const frame = { command: COMMAND.chunk, payload: new Uint8Array(5) };
      ends[1].receive(frame);
    }
    b.delivery.tick(clock.monotonic(), 0);
    for (const { ends } of slow) {
      if (!ends[1].isOpen) b.delivery.closed(ends[1]);
    }
    await wire.run();
  }
  assertEquals(taken.length, 1);
  // No more of them than was needed.
  assertEquals(slow.filter(({ ends }) => !ends[1].isOpen).length, 1);
  const error = new VerackError("stopped", "The test is over");
  for (const it of [honest, b]) it.delivery.close(error, { flush: false });
  await turns();
});
