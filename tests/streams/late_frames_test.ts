// Frames that cross with the end of their stream, as honest peers send them all the time.
import { assertEquals } from "@std/assert";
import { sleep } from "../../src/core/clock.ts";
import { MemoryMesh } from "../helpers/memory_mesh.ts";

const BYTES = 65_536;
const STREAMS = 300;
const MUCH = 8_000_000;

Deno.test("hundreds of streams whose reader leaves once it has what it needs, before their end has come, are no flood", async () => {
  await using mesh = new MemoryMesh();
  const server = await mesh.start();
  const client = await mesh.start([server]);
  await mesh.complete();
  let late = 0;
  server.node.handle("half/1", async (stream) => {
    // The end follows the bytes at once, but in a packet of its own.
    await stream.write(new Uint8Array(BYTES));
    await sleep(mesh.clock, 1);
    await stream.closeWrite();
    late++;
  });
  // Until the session may have much in flight.
  server.node.handle("much/1", (stream) => stream.write(new Uint8Array(MUCH)));
  const much = await client.node.open(server.node.identity.id, "much/1");
  let warm = false;
  const warming = (async () => {
    for await (const _ of much.readable);
    warm = true;
  })();
  await mesh.clock.runUntil(() => warm, { limitMs: 60_000 });
  await warming;
  for (let at = 0; at < STREAMS; at++) {
    const stream = await client.node.open(server.node.identity.id, "half/1");
    await stream.closeWrite();
    let read = 0;
    const reading = (async () => {
      const buffer = new Uint8Array(8_192);
      while (read < BYTES) read += await stream.read(buffer) ?? Infinity;
      stream.stopReading();
    })();
    await mesh.clock.runUntil(() => read >= BYTES, { limitMs: 5_000 });
    await reading;
  }
  await mesh.clock.advance(1_000);
  assertEquals(late, STREAMS);
  assertEquals(client.log.of("peer:down"), []);
  assertEquals(server.log.of("peer:down"), []);
});
