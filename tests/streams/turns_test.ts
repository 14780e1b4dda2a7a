/** Which stream sends next, and how much waits before it. */
import { assert, assertEquals } from "@std/assert";
import type { TurnTaker } from "../../src/session/send_turns.ts";
import type { MultiplexedStream } from "../../src/streams/multiplexed_stream.ts";
import { TURN_BYTES } from "../../src/streams/streams_limits.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { decodeDataHead } from "../../src/wire/messages/stream_frames.ts";
import { turns, type WireFrame } from "../helpers/fake_frame_sink.ts";
import { StreamWire } from "../helpers/fake_stream_wire.ts";

const AHEAD = 40_000;

/** Streams whose handlers at the other end read everything. */
function stage(): StreamWire {
  const wire = new StreamWire({ ahead: AHEAD });
  wire.parties[1].handlers.handle("sink/1", async (stream) => {
    const buffer = new Uint8Array(65_536);
    while (await stream.read(buffer) !== null);
  });
  return wire;
}

function open(wire: StreamWire): MultiplexedStream {
  return wire.parties[0].multiplexer.open("sink/1", new Uint8Array(0));
}

/** Lets frames pass one by one; those of data, as stream and size. */
async function sent(
  wire: StreamWire,
  count: number,
): Promise<{ stream: number; bytes: number }[]> {
  const frames: WireFrame[] = [];
  const { sink } = wire.parties[0];
  while (frames.length < count) {
    const [next] = sink.queue;
    if (next?.command === COMMAND.data) frames.push(next);
    if (wire.pass(0) === 0) break;
    wire.pass(1, 100);
    await turns();
  }
  return frames.map(({ payload }) => ({
    stream: decodeDataHead(payload),
    bytes: payload.length - 4,
  }));
}

Deno.test("streams with much to send take turns of one frame each", async () => {
  const wire = stage();
  const streams = [open(wire), open(wire), open(wire)];
  for (const stream of streams) stream.write(new Uint8Array(60_000));
  // The first one had its queue to itself.
  const frames = (await sent(wire, 12)).slice(3);
  for (const { id } of streams.slice(1)) {
    const places = frames.flatMap(({ stream }, at) =>
      stream === id ? [at] : []
    );
    assertEquals(places.length, 4, `stream ${id}`);
    for (const [at, place] of places.entries()) {
      assert(place - (places[at - 1] ?? place) <= 3, `${places}`);
    }
  }
});

Deno.test("what waits before the first frame of a new stream is bounded, however many streams have a backlog", async () => {
  const wire = stage();
  for (let at = 0; at < 500; at++) open(wire).write(new Uint8Array(60_000));
  await sent(wire, 20);
  const late = open(wire);
  late.write(new Uint8Array(100));
  const { queue } = wire.parties[0].sink;
  const before: number[] = [];
  let found = false;
  for (let at = 0; at < 1_000 && !found; at++) {
    const [next] = queue;
    if (next?.command === COMMAND.data) {
      found = decodeDataHead(next.payload) === late.id;
      if (!found) before.push(next.payload.length);
    }
    wire.pass(0);
    wire.pass(1, 100);
    await turns();
  }
  assert(found, "it was not sent");
  const bytes = before.reduce((sum, it) => sum + it, 0);
  assert(bytes <= 2 * AHEAD + 2 * TURN_BYTES, `${bytes} bytes`);
});

Deno.test("a stream that sends a little again and again does not starve those with a backlog", async () => {
  const wire = stage();
  const bulk = open(wire);
  bulk.write(new Uint8Array(60_000));
  const greedy = [open(wire), open(wire), open(wire)];
  const counts = new Map<number, number>();
  for (let round = 0; round < 100; round++) {
    for (const stream of greedy) {
      if (stream.place === "idle") stream.write(new Uint8Array(10_000));
    }
    if (bulk.place === "idle") bulk.write(new Uint8Array(60_000));
    for (const { stream, bytes } of await sent(wire, 1)) {
      counts.set(stream, (counts.get(stream) ?? 0) + bytes);
    }
  }
  const most = Math.max(...greedy.map(({ id }) => counts.get(id) ?? 0));
  const its = counts.get(bulk.id) ?? 0;
  assert(its >= most / 2, `${its} bytes, others ${most}`);
});

Deno.test("bulk fills the line, until something short is sent beside it, and again 5 seconds later", async () => {
  const wire = stage();
  const { multiplexer } = wire.parties[0];
  const bulk = [open(wire), open(wire)];
  for (const stream of bulk) stream.write(new Uint8Array(60_000));
  await sent(wire, 2);
  assert(!multiplexer.needsShortQueue, "no stream is short");
  open(wire).write(new Uint8Array(100));
  await sent(wire, 4);
  assert(multiplexer.needsShortQueue, "a short one waits beside bulk");
  await wire.clock.advance(4_999);
  assert(multiplexer.needsShortQueue);
  await wire.clock.advance(1);
  assert(!multiplexer.needsShortQueue);
});

Deno.test("a stream with little to send and nothing beside it leaves the line to be filled", async () => {
  const wire = stage();
  for (let at = 0; at < 5; at++) {
    open(wire).write(new Uint8Array(100));
    await sent(wire, 1);
  }
  assert(!wire.parties[0].multiplexer.needsShortQueue);
});

Deno.test("messages and streams alternate, and what is left of each goes on alone", async () => {
  const wire = stage();
  const { sink } = wire.parties[0];
  let left = 10;
  const messages: TurnTaker = {
    needsShortQueue: false,
    ahead: () => AHEAD,
    takeTurn() {
      sink.send(COMMAND.message, new Uint8Array(16_000));
      return --left > 0;
    },
  };
  open(wire).write(new Uint8Array(64_000));
  sink.turns.wake(messages);
  const order: string[] = [];
  for (let at = 0; at < 40; at++) {
    const frame = sink.shift();
    if (frame === undefined) break;
    order.push(frame.command);
    wire.parties[1].sink.receive(frame);
    await turns();
  }
  const bulk = order.filter((it) => it === "data" || it === "message");
  assertEquals(bulk.filter((it) => it === "message").length, 10);
  assertEquals(bulk.filter((it) => it === "data").length, 4);
  const last = bulk.lastIndexOf("data");
  const messagesBefore = bulk.slice(0, last).filter((it) => it === "message");
  assert(messagesBefore.length <= 5, bulk.join());
});
