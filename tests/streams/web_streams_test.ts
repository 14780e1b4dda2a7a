// The Web Streams of a stream: what ends one of its directions is seen at once, and ends it.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import type { PeerStream } from "../../src/streams/peer_stream.ts";
import { type Mesh, startMesh } from "../helpers/nodes.ts";

const UTF8 = new TextEncoder();

/** More than the peer grants as long as it reads nothing. */
const STALLING = new Uint8Array(1_000_000);

/** A stream from the first node, and the same at the second, whose handler only waits. */
async function openPair(
  { nodes: [alice, bob] }: Mesh,
): Promise<[own: PeerStream, theirs: PeerStream]> {
  assert(alice !== undefined && bob !== undefined);
  const opened = Promise.withResolvers<PeerStream>();
  bob.handle("wait/1", async (stream) => {
    opened.resolve(stream);
    await stream.closed;
  });
  const own = await alice.open(bob.identity.id, "wait/1");
  return [own, await opened.promise];
}

async function assertCode(
  promise: Promise<unknown>,
  code: string,
  says = "",
): Promise<void> {
  await assertRejects(() => promise, VerackError, says).then((error) =>
    assertEquals(error.code, code)
  );
}

Deno.test("aborting writable ends a write that waits for the peer, and the peer gets the reason", async () => {
  await using mesh = await startMesh(2);
  const [own, theirs] = await openPair(mesh);
  const writer = own.writable.getWriter();
  const writing = writer.write(STALLING);
  assertEquals(await theirs.read(new Uint8Array(1)), 1);
  await writer.abort(new Error("too slow"));
  await assertCode(writing, "aborted", "too slow");
  await assertCode(own.closed, "aborted", "too slow");
  await assertCode(theirs.closed, "reset", "too slow");
});

Deno.test("aborting writable after close, whose bytes wait for the peer, ends the stream as well", async () => {
  await using mesh = await startMesh(2);
  const [own, theirs] = await openPair(mesh);
  const writer = own.writable.getWriter();
  const ends = Promise.allSettled([writer.write(STALLING), writer.close()]);
  assertEquals(await theirs.read(new Uint8Array(1)), 1);
  await writer.abort(new Error("too slow"));
  assertEquals((await ends).map(({ status }) => status), [
    "rejected",
    "rejected",
  ]);
  await assertCode(theirs.closed, "reset", "too slow");
});

Deno.test("writable fails as soon as the peer reads no more, without a write, and readable goes on", async () => {
  await using mesh = await startMesh(2);
  const [own, theirs] = await openPair(mesh);
  const writer = own.writable.getWriter();
  theirs.stopReading();
  await assertCode(writer.closed, "reset");
  await theirs.write(UTF8.encode("still here"));
  await theirs.closeWrite();
  assertEquals(await new Response(own.readable).text(), "still here");
  await own.closed;
});

Deno.test("readable and writable fail as soon as the stream does, without a read and a write", async () => {
  await using mesh = await startMesh(2);
  const [own, theirs] = await openPair(mesh);
  const reader = own.readable.getReader();
  const writer = own.writable.getWriter();
  theirs.abort("no more");
  await assertCode(reader.closed, "reset", "no more");
  await assertCode(writer.closed, "reset", "no more");
  await assertCode(theirs.readable.getReader().closed, "aborted");
  await assertCode(theirs.writable.getWriter().closed, "aborted");
});

Deno.test("what came before the peer's end can be read from readable though the stream fails afterwards", async () => {
  await using mesh = await startMesh(2);
  const [own, theirs] = await openPair(mesh);
  const { readable } = own;
  await theirs.write(UTF8.encode("all of it"));
  await theirs.closeWrite();
  theirs.abort();
  await assertCode(own.closed, "reset");
  assertEquals(await new Response(readable).text(), "all of it");
});

Deno.test("a chunk that is no bytes aborts the stream, so that the peer does not take the rest for complete", async () => {
  await using mesh = await startMesh(2);
  const [own, theirs] = await openPair(mesh);
  const pipe = ReadableStream.from(["text"]).pipeTo(
    own.writable as WritableStream<unknown>,
  );
  await assertRejects(() => pipe, TypeError, "must be a Uint8Array");
  await assertCode(theirs.closed, "reset", "must be a Uint8Array");
});
