import { assertEquals } from "@std/assert";
import { SessionTraffic } from "../../src/core/node_counters.ts";
import { FrameWriter } from "../../src/session/frame_writer.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { FRAME_HEADER_BYTES } from "../../src/wire/wire_limits.ts";
import { until } from "../helpers/until.ts";

const ADDRESS = { host: "127.0.0.1", port: 1 };
const FRAME_BYTES = FRAME_HEADER_BYTES + 10;

/** A writer and the sizes of what it writes. */
function writerOf(): { writer: FrameWriter; writes: number[] } {
  const writes: number[] = [];
  const writer = new FrameWriter({
    connection: {
      localAddress: ADDRESS,
      remoteAddress: ADDRESS,
      read: () => Promise.resolve(null),
      write: ({ length }) => {
        writes.push(length);
        return Promise.resolve(length);
      },
      close: () => {},
    },
    magic: new Uint8Array(4),
    clock: new VirtualClock(),
    traffic: new SessionTraffic(undefined),
    onEvict: () => {},
    onError: () => {},
  });
  return { writer, writes };
}

Deno.test("frames of streams that await each other leave in one write, others in two", async () => {
  for (const command of ["open", "data", "message"]) {
    const { writer, writes } = writerOf();
    const push = async () => {
      await undefined;
      writer.push(command, new Uint8Array(10));
    };
    await push();
    await push();
    await until("all is written", () => writer.queuedBytes === 0);
    const isOfStream = command !== "message";
    const expected = isOfStream
      ? [2 * FRAME_BYTES]
      : [FRAME_BYTES, FRAME_BYTES];
    assertEquals(writes, expected, command);
  }
});

Deno.test("frames of another turn leave in another write", async () => {
  const { writer, writes } = writerOf();
  for (let i = 0; i < 2; i++) {
    writer.push("data", new Uint8Array(10));
    await until("all is written", () => writer.queuedBytes === 0);
  }
  assertEquals(writes, [FRAME_BYTES, FRAME_BYTES]);
});
