/** Which streams lose their bytes, and which writers wait, when memory is scarce. */
import { assertEquals, assertThrows } from "@std/assert";
import { parsePeerId } from "../../src/core/peer_id.ts";
import { StreamHandlers } from "../../src/streams/stream_handlers.ts";
import {
  StreamMemory,
  UnreadShare,
  type UnreadStream,
} from "../../src/streams/stream_memory.ts";
import { MAX_WRITE_QUEUES_BYTES } from "../../src/streams/streams_limits.ts";
import { turns } from "../helpers/fake_frame_sink.ts";
import { StreamWire } from "../helpers/fake_stream_wire.ts";

/** A stream that holds what it is told. */
class FakeStream implements UnreadStream {
  heldBytes = 0;
  isEvicted = false;
  readonly #memory: StreamMemory;
  readonly #share: UnreadShare;

  constructor(memory: StreamMemory, share: UnreadShare) {
    this.#memory = memory;
    this.#share = share;
  }

  hold(bytes: number): void {
    this.heldBytes += bytes;
    this.#memory.changed(this.#share, this, bytes);
  }

  evict(): void {
    this.isEvicted = true;
    this.hold(-this.heldBytes);
  }
}

Deno.test("the peer that holds most loses its stream that holds most, one without standing first", () => {
  const memory = new StreamMemory(1_000);
  const friend = new UnreadShare(() => true);
  const stranger = new UnreadShare(() => false);
  const other = new UnreadShare(() => false);
  const large = new FakeStream(memory, friend);
  const [little, more] = [
    new FakeStream(memory, stranger),
    new FakeStream(memory, stranger),
  ];
  const quiet = new FakeStream(memory, other);
  large.hold(600);
  little.hold(100);
  more.hold(150);
  quiet.hold(120);
  assertEquals(memory.unreadBytes, 970);
  // The friend holds most and goes on; the stranger with more in all loses its larger stream.
  large.hold(100);
  assertEquals(more.isEvicted, true);
  assertEquals([large, little, quiet].some((it) => it.isEvicted), false);
  large.hold(200);
  assertEquals(quiet.isEvicted && !little.isEvicted, true);
  assertEquals(memory.unreadBytes, 1_000);
  // With no stranger left the friend's own streams go.
  large.hold(200);
  assertEquals([little.isEvicted, large.isEvicted], [true, true]);
  assertEquals(memory.unreadBytes, 0);
});

Deno.test("a stream that no reader reads is reset when the memory is used up, and a small one beside it goes on", async () => {
  const wire = new StreamWire({ unreadBytes: 40_000 });
  const [{ multiplexer }, { handlers, memory }] = wire.parties;
  const over = Promise.withResolvers<void>();
  handlers.handle("hold/1", () => over.promise);
  const small = multiplexer.open("hold/1", new Uint8Array(0));
  small.write(new Uint8Array(300));
  const large = multiplexer.open("hold/1", new Uint8Array(0));
  large.write(new Uint8Array(60_000));
  await wire.run();
  assertEquals(large.signal.reason?.code, "full");
  assertEquals(small.signal.aborted, false);
  assertEquals(memory.unreadBytes > 0 && memory.unreadBytes <= 40_000, true);
  over.resolve();
  await wire.run();
  assertEquals(memory.unreadBytes, 0);
});

Deno.test("while all streams together have too much to send, a write resolves once all of it is sent", async () => {
  const wire = new StreamWire();
  const [{ multiplexer, memory }, { handlers }] = wire.parties;
  const over = Promise.withResolvers<void>();
  handlers.handle("hold/1", () => over.promise);
  const stream = multiplexer.open("hold/1", new Uint8Array(0));
  // All of its credit.
  await stream.write(new Uint8Array(65_536));
  // Kept in the queue of the stream.
  await stream.write(new Uint8Array(10_000));
  memory.queued(MAX_WRITE_QUEUES_BYTES);
  let isWritten = false;
  stream.write(new Uint8Array(1)).then(() => isWritten = true, () => {});
  await wire.run();
  assertEquals(isWritten, false);
  memory.queued(-MAX_WRITE_QUEUES_BYTES);
  over.resolve();
  stream.abort();
  await wire.run();
  await turns();
  assertEquals(memory.queuedBytes, 0);
});

Deno.test("of the streams of a protocol one peer has as many as it leaves to others, and strangers have half", () => {
  const strangers = ["1", "2", "3", "4"];
  const id = (digit: string) => parsePeerId(digit.repeat(64));
  const handlers = new StreamHandlers((peer) => !strangers.includes(peer[0]!));
  handlers.handle("work/1", () => {}, { maxStreams: 8 });
  const admit = (digit: string) => handlers.admit("work/1", id(digit));
  const taken = (digit: string) => {
    let count = 0;
    while (typeof admit(digit) !== "string") count++;
    return count;
  };
  assertEquals(strangers.map(taken), [2, 1, 1, 0]);
  assertEquals(taken("c"), 2);
  const last = admit("d");
  assertEquals(typeof last, "object");
  assertEquals(admit("d"), "full");
  if (typeof last === "object") last.place[Symbol.dispose]();
  assertEquals(typeof admit("e"), "object");
  assertEquals(handlers.admit("other/1", id("a")), "unknown-protocol");
  assertThrows(() => handlers.handle("work/1", () => {}), TypeError);
});
