// What an application does wrong with a stream ends no more than that stream.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import type { PeerStream } from "../../src/streams/peer_stream.ts";
import { startMesh } from "../helpers/nodes.ts";

const WITHOUT_TEXT: Readonly<Record<string, unknown>> = {
  "an object without a prototype": Object.create(null),
  "an object whose toString throws": {
    toString() {
      throw new Error("no text");
    },
  },
  "an error whose message throws": Object.defineProperty(
    new Error(),
    "message",
    {
      get() {
        throw new Error("no message");
      },
    },
  ),
  "a symbol": Symbol("cold"),
  undefined: undefined,
};

for (const [what, thrown] of Object.entries(WITHOUT_TEXT)) {
  Deno.test(`a handler that throws ${what}, and an abort with it, end the stream at both ends`, async () => {
    await using mesh = await startMesh(2);
    const [alice, bob] = mesh.nodes;
    assert(alice !== undefined && bob !== undefined);
    using _failing = bob.handle("fail/1", () => {
      throw thrown;
    });
    const failing = await alice.open(bob.identity.id, "fail/1");
    const failed = await assertRejects(() => failing.closed, VerackError);
    assertEquals(failed.code, "failed");

    const opened = Promise.withResolvers<PeerStream>();
    using _waiting = bob.handle("wait/1", async (stream) => {
      opened.resolve(stream);
      await stream.closed;
    });
    const own = await alice.open(bob.identity.id, "wait/1");
    own.abort(thrown);
    const theirs = await opened.promise;
    const reset = await assertRejects(() => theirs.closed, VerackError);
    assertEquals(reset.code, "reset");
  });
}

Deno.test("a buffer that is transferred while a read waits fails that read only, and loses no byte", async () => {
  await using mesh = await startMesh(2);
  const [alice, bob] = mesh.nodes;
  assert(alice !== undefined && bob !== undefined);
  using _handled = bob.handle("echo/1", async (stream) => {
    const bytes = new Uint8Array(10);
    while (await stream.read(bytes) !== null) await stream.write(bytes);
  });
  const stream = await alice.open(bob.identity.id, "echo/1");
  const buffer = new Uint8Array(10);
  const reading = stream.read(buffer);
  buffer.buffer.transfer();
  await stream.write(new Uint8Array(10).fill(7));
  await assertRejects(() => reading, TypeError, "detached");
  const next = new Uint8Array(20);
  assertEquals(await stream.read(next), 10);
  assertEquals(next.subarray(0, 10), new Uint8Array(10).fill(7));
  await stream.closeWrite();
  assertEquals(await stream.read(next), null);
});
