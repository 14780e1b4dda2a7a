/** Streams that a relay joins beside those of the node itself: whose turn it is, and what they hold. */
import { assert, assertEquals } from "@std/assert";
import type { TurnTaker } from "../../src/session/send_turns.ts";
import type { MultiplexedStream } from "../../src/streams/multiplexed_stream.ts";
import {
  MAX_RELAYED_QUEUE_BYTES,
  MAX_RELAYED_WINDOW_BYTES,
  MAX_STREAM_WINDOW_BYTES,
  RELAYED_WINDOW_BUDGET_BYTES,
  TURN_BYTES,
} from "../../src/streams/streams_limits.ts";
import { StreamMemory, UnreadShare } from "../../src/streams/stream_memory.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { decodeDataHead } from "../../src/wire/messages/stream_frames.ts";
import { turns } from "../helpers/fake_frame_sink.ts";
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

function open(wire: StreamWire, isRelayed: boolean): MultiplexedStream {
  return wire.parties[0].multiplexer.open(
    "sink/1",
    new Uint8Array(0),
    isRelayed,
  );
}

/** Writes for ever. */
async function fill(stream: MultiplexedStream): Promise<void> {
  for (;;) await stream.write(new Uint8Array(20_000));
}

/** Bytes of so many data frames, those of `own` and all others. */
async function shares(
  wire: StreamWire,
  own: ReadonlySet<number>,
  frames: number,
): Promise<{ own: number; others: number }> {
  const bytes = { own: 0, others: 0 };
  const { sink } = wire.parties[0];
  for (let seen = 0; seen < frames;) {
    const [next] = sink.queue;
    if (next?.command === COMMAND.data) {
      seen++;
      const isOwn = own.has(decodeDataHead(next.payload));
      bytes[isOwn ? "own" : "others"] += next.payload.length;
    }
    wire.pass(0);
    wire.pass(1, 100);
    await turns(5);
  }
  return bytes;
}

Deno.test("a hundred relayed streams together send as much as the node's own, however few those are", async () => {
  const wire = stage();
  for (let at = 0; at < 100; at++) fill(open(wire, true)).catch(() => {});
  const own = open(wire, false);
  fill(own).catch(() => {});
  await shares(wire, new Set(), 50);
  const bytes = await shares(wire, new Set([own.id]), 400);
  const share = bytes.own / (bytes.own + bytes.others);
  assert(share > 0.45, `own ${bytes.own}, relayed ${bytes.others}`);
});

Deno.test("messages and own streams have a turn each beside all that is relayed", async () => {
  const wire = stage();
  const { sink } = wire.parties[0];
  let messages = 0;
  const taker: TurnTaker = {
    needsShortQueue: false,
    ahead: () => AHEAD,
    takeTurn: () => {
      messages += TURN_BYTES;
      sink.send(COMMAND.message, new Uint8Array(TURN_BYTES));
      return true;
    },
  };
  for (let at = 0; at < 20; at++) fill(open(wire, true)).catch(() => {});
  const own = open(wire, false);
  fill(own).catch(() => {});
  sink.turns.wake(taker);
  const bytes = await shares(wire, new Set([own.id]), 200);
  assert(bytes.own > 0.4 * (bytes.own + bytes.others));
  assert(messages > 0.9 * bytes.others, `${messages} of messages`);
});

Deno.test("what is relayed does not overtake what waits of the node's own", async () => {
  const wire = stage();
  const { sink } = wire.parties[0];
  const own = open(wire, false);
  fill(own).catch(() => {});
  await turns();
  const waiting = sink.queue.length;
  const relayed = open(wire, true);
  relayed.write(new Uint8Array(100));
  assertEquals(sink.queue.length, waiting + 1, "the open alone");
  const other = open(wire, false);
  other.write(new Uint8Array(100));
  const last = sink.queue.at(-1)!;
  assertEquals(last.command, COMMAND.data);
  assertEquals(decodeDataHead(last.payload), other.id);
});

Deno.test("a relayed stream on an idle session is sent at once", () => {
  const wire = stage();
  const stream = open(wire, true);
  stream.write(new Uint8Array(100));
  assertEquals(wire.parties[0].sink.queue.map(({ command }) => command), [
    COMMAND.open,
    COMMAND.data,
  ]);
});

Deno.test("the windows of all relayed streams together take a quarter of the budget, and return it", () => {
  const memory = new StreamMemory();
  const share = new UnreadShare(() => true);
  const step = 1_048_576;
  let grown = 0;
  while (memory.growWindow(share, step, true)) grown += step;
  assertEquals(grown, RELAYED_WINDOW_BUDGET_BYTES);
  assert(memory.growWindow(share, step), "the node's own have the rest");
  memory.returnWindow(share, step);
  assertEquals(memory.growWindow(share, step, true), false);
  memory.returnWindow(share, step, true);
  assertEquals(memory.growWindow(share, step, true), true);
});

Deno.test("the window of a relayed stream grows to 2 MiB and no further, and its queue is bounded", async () => {
  const windows = new Map<boolean, number>();
  for (const isRelayed of [true, false]) {
    const wire = new StreamWire();
    let received: MultiplexedStream | undefined;
    const { handlers } = wire.parties[1];
    handlers.handle("peek/1", (stream) => {
      received = stream as MultiplexedStream;
      return (async () => {
        const buffer = new Uint8Array(65_536);
        while (await stream.read(buffer) !== null);
      })();
    }, isRelayed ? { isRelayed } : {});
    const stream = wire.parties[0].multiplexer.open(
      "peek/1",
      new Uint8Array(0),
    );
    for (let at = 0; at < 400; at++) {
      stream.write(new Uint8Array(65_536)).catch(() => {});
      await wire.run();
    }
    windows.set(isRelayed, received!.window);
  }
  assertEquals(windows.get(true), MAX_RELAYED_WINDOW_BYTES);
  assertEquals(windows.get(false), MAX_STREAM_WINDOW_BYTES);

  const wire = new StreamWire({ ahead: 0 });
  const stream = open(wire, true);
  let written = 0;
  const writing = (async () => {
    for (;;) {
      await stream.write(new Uint8Array(1_000));
      written += 1_000;
    }
  })();
  await turns(500);
  assert(written <= MAX_RELAYED_QUEUE_BYTES, `${written} bytes`);
  stream.abort();
  await writing.catch(() => {});
});
