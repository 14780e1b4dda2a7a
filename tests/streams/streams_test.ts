import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type ErrorCode, VerackError } from "../../src/core/errors.ts";
import type { Node } from "../../src/mesh/node.ts";
import type { PeerStream } from "../../src/streams/peer_stream.ts";
import { type Mesh, startMesh } from "../helpers/nodes.ts";
import { until } from "../helpers/until.ts";

const UTF8 = new TextEncoder();

function pair({ nodes: [a, b] }: Mesh): [Node, Node] {
  assert(a !== undefined && b !== undefined);
  return [a, b];
}

/** All bytes up to the end of the peer's direction. */
async function readAll(stream: PeerStream): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const buffer = new Uint8Array(40_000);
    const count = await stream.read(buffer);
    if (count === null) break;
    parts.push(buffer.subarray(0, count));
    length += count;
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

async function readText(stream: PeerStream): Promise<string> {
  return new TextDecoder().decode(await readAll(stream));
}

/** Sends all that comes back. */
async function echo(stream: PeerStream): Promise<void> {
  const buffer = new Uint8Array(30_000);
  for (;;) {
    const count = await stream.read(buffer);
    if (count === null) return;
    await stream.write(buffer.subarray(0, count));
  }
}

async function assertCode(
  promise: Promise<unknown>,
  code: ErrorCode,
): Promise<VerackError> {
  const error = await assertRejects(() => promise, VerackError);
  assertEquals(error.code, code, error.message);
  return error;
}

Deno.test("a stream carries bytes both ways, each direction ends by itself, and both ends have peer, protocol and metadata", async () => {
  await using mesh = await startMesh(2);
  const [alice, bob] = pair(mesh);
  using _handled = bob.handle("greet/1", async (stream) => {
    assertEquals(stream.peer, alice.identity.id);
    assertEquals(stream.protocol, "greet/1");
    assertEquals(new TextDecoder().decode(stream.metadata), "Alice");
    const name = await readText(stream);
    await stream.write(UTF8.encode(`Hello ${name}`));
  });
  const stream = await alice.open(bob.identity.id, "greet/1", {
    metadata: "Alice",
  });
  assertEquals(stream.peer, bob.identity.id);
  await stream.write(UTF8.encode("World"));
  await stream.closeWrite();
  assertEquals(await readText(stream), "Hello World");
  await stream.closed;
  assert(!stream.signal.aborted);
});

Deno.test("megabytes come back whole and in order", async () => {
  await using mesh = await startMesh(2);
  const [alice, bob] = pair(mesh);
  using _handled = bob.handle("echo/1", echo);
  const sent = crypto.getRandomValues(new Uint8Array(65_536));
  const stream = await alice.open(bob.identity.id, "echo/1");
  const reading = readAll(stream);
  for (let at = 0; at < 64; at++) await stream.write(sent);
  await stream.closeWrite();
  const got = await reading;
  assertEquals(got.length, 64 * sent.length);
  for (let at = 0; at < 64; at++) {
    const part = got.subarray(at * sent.length, (at + 1) * sent.length);
    assertEquals(part, sent);
  }
});

Deno.test("web streams of both ends do the same", async () => {
  await using mesh = await startMesh(2);
  const [alice, bob] = pair(mesh);
  using _handled = bob.handle(
    "echo/1",
    (stream) => stream.readable.pipeTo(stream.writable),
  );
  await using stream = await alice.open(bob.identity.id, "echo/1");
  const body = "x".repeat(500_000);
  const writing = new Blob([body]).stream().pipeTo(stream.writable);
  assertEquals(await new Response(stream.readable).text(), body);
  await writing;
  await stream.closed;
});

Deno.test("unknown protocol, failed handler, abort and full are different errors", async () => {
  await using mesh = await startMesh(2);
  const [alice, bob] = pair(mesh);
  const to = bob.identity.id;
  const buffer = new Uint8Array(10);

  const unknown = await alice.open(to, "nothing/1");
  await assertCode(unknown.read(buffer), "unknown-protocol");
  await assertCode(unknown.write(buffer), "unknown-protocol");
  await assertCode(unknown.closed, "unknown-protocol");
  assertEquals(unknown.signal.reason.code, "unknown-protocol");

  using _failing = bob.handle("fail/1", () => {
    throw new Error("no luck today");
  });
  const failing = await alice.open(to, "fail/1");
  const failed = await assertCode(failing.read(buffer), "failed");
  assert(failed.message.includes("no luck today"), failed.message);

  using _aborting = bob.handle("abort/1", (stream) => {
    stream.abort(new Error("too cold"));
  });
  const aborting = await alice.open(to, "abort/1");
  const reset = await assertCode(aborting.read(buffer), "reset");
  assert(reset.message.includes("too cold"), reset.message);

  const held = Promise.withResolvers<void>();
  using _busy = bob.handle("busy/1", () => held.promise, { maxStreams: 1 });
  const first = await alice.open(to, "busy/1");
  const second = await alice.open(to, "busy/1");
  await assertCode(second.read(buffer), "full");
  held.resolve();
  assertEquals(await first.read(buffer), null);
  await first.closeWrite();
});

Deno.test("a signal aborts a stream, and the handler at the peer sees it", async () => {
  await using mesh = await startMesh(2);
  const [alice, bob] = pair(mesh);
  const seen = Promise.withResolvers<unknown>();
  using _handled = bob.handle("wait/1", async (stream) => {
    stream.signal.addEventListener(
      "abort",
      () => seen.resolve(stream.signal.reason),
    );
    await stream.read(new Uint8Array(1));
  });
  const controller = new AbortController();
  const stream = await alice.open(bob.identity.id, "wait/1", {
    signal: controller.signal,
  });
  const reading = stream.read(new Uint8Array(1));
  controller.abort(new Error("changed my mind"));
  await assertCode(reading, "aborted");
  const reason = await seen.promise;
  assert(reason instanceof VerackError);
  assertEquals(reason.code, "reset");
  assert(reason.message.includes("changed my mind"));
});

Deno.test("a reader that stops lets the other direction go on", async () => {
  await using mesh = await startMesh(2);
  const [alice, bob] = pair(mesh);
  using _handled = bob.handle("count/1", async (stream) => {
    stream.stopReading();
    await stream.write(UTF8.encode("enough"));
  });
  const stream = await alice.open(bob.identity.id, "count/1");
  assertEquals(await readText(stream), "enough");
  await assertCode(
    (async () => {
      for (;;) await stream.write(new Uint8Array(1_000));
    })(),
    "reset",
  );
  await stream.closed;
});

Deno.test("streams end with session-lost when their session ends, and with stopped when their node closes", async () => {
  await using mesh = await startMesh(2);
  const [alice, bob] = pair(mesh);
  const atBob = Promise.withResolvers<PeerStream>();
  using _handled = bob.handle("hold/1", async (stream) => {
    atBob.resolve(stream);
    await stream.closed;
  });
  const stream = await alice.open(bob.identity.id, "hold/1");
  const theirs = await atBob.promise;
  const reading = theirs.read(new Uint8Array(1));
  const own = stream.read(new Uint8Array(1));
  await alice.close();
  await assertCode(own, "stopped");
  const lost = await assertCode(reading, "session-lost");
  assert(lost.cause instanceof VerackError);
  assertEquals(lost.cause.code, "left");
  await assertCode(alice.open(bob.identity.id, "hold/1"), "stopped");
});

Deno.test("a stream to a peer without a session is refused at once", async () => {
  await using mesh = await startMesh(2);
  const [alice, bob] = pair(mesh);
  await alice.close({ abrupt: true });
  await until("bob has no session", () => bob.sessions().length === 0);
  await assertCode(bob.open(alice.identity.id, "hold/1"), "not-connected");
});

Deno.test("a stream is opened by name, and misuse is told at once", async () => {
  await using mesh = await startMesh(2);
  const [alice, bob] = pair(mesh);
  const to = bob.identity.id;
  using handled = bob.handle("echo/1", echo);
  assertThrows(() => bob.handle("echo/1", echo), TypeError, "echo/1");
  assertThrows(() => bob.handle("two words", echo), RangeError);
  assertThrows(() => bob.handle("e/2", echo, { maxStreams: 0 }), RangeError);
  await assertRejects(() => alice.open(to, ""), RangeError);
  await assertRejects(
    () => alice.open(undefined as unknown as string, "echo/1"),
    TypeError,
    "it is undefined, must be a string",
  );
  await assertRejects(
    () => alice.open(to, "echo/1", { metadata: new Uint8Array(1_025) }),
    RangeError,
  );
  await assertCode(alice.open("nobody-here", "echo/1"), "unknown-peer");
  await assertCode(alice.open("f".repeat(64), "echo/1"), "unknown-peer");
  await assertCode(
    alice.open(to, "echo/1", { signal: AbortSignal.abort() }),
    "aborted",
  );
  handled[Symbol.dispose]();
  const stream = await alice.open(to, "echo/1");
  await assertCode(stream.closed, "unknown-protocol");
  await assertRejects(() => stream.read(new Uint8Array(0)), TypeError);
});
