// How requests end: deadlines, aborts, lost sessions and bounds, each with one outcome at the caller.
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  defineMethod,
  type Node,
  type StandardSchema,
  VerackError,
} from "../../mod.ts";
import { partsOf } from "../../src/mesh/node_parts.ts";
import {
  MAX_REQUESTS_PER_PEER,
  MAX_WAITING_REQUESTS,
} from "../../src/streams/streams_limits.ts";
import { MemoryMesh } from "../helpers/memory_mesh.ts";
import { startMesh } from "../helpers/nodes.ts";
import { until } from "../helpers/until.ts";

/** A handler that never answers, and what has become of its requests. */
class Hanging {
  readonly started: AbortSignal[] = [];
  readonly ends = Promise.withResolvers<void>();

  get aborted(): number {
    return this.started.filter(({ aborted }) => aborted).length;
  }

  /** Ignores its signal until `ends` is resolved. */
  readonly handler = async (
    _body: unknown,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<string> => {
    this.started.push(signal);
    await this.ends.promise;
    return "late";
  };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await assertRejects(() => promise, VerackError);
  return error.code;
}

function schema(
  validate: StandardSchema<unknown, number>["~standard"]["validate"],
): StandardSchema<unknown, number> {
  return { "~standard": { version: 1, vendor: "test", validate } };
}

/** Requests that are handled at a node. */
function handledBy(node: Node): number {
  return partsOf(node).requesting.usage.requests;
}

Deno.test("a deadline ends a request at both ends, also one whose handler ignores it and answers late", async () => {
  await using mesh = new MemoryMesh();
  const alice = await mesh.start();
  const bob = await mesh.start([alice]);
  await mesh.complete();
  const hanging = new Hanging();
  alice.node.serve("hang", hanging.handler);
  let outcome: string | undefined;
  const { id } = alice.node.identity;
  codeOf(bob.node.request(id, "hang", undefined, { timeoutMs: 2_000 }))
    .then((code) => outcome = code);
  await mesh.clock.advance(1_900);
  assertEquals([outcome, hanging.aborted], [undefined, 0]);
  await mesh.clock.advance(200);
  assertEquals([outcome, hanging.aborted], ["timeout", 1]);
  // Of the caller, whose deadline is a moment before.
  assert(hanging.started[0]?.reason.message.includes("within 2000 ms"));
  // It keeps its place until it has settled, and its answer goes nowhere.
  assertEquals(handledBy(alice.node), 1);
  hanging.ends.resolve();
  await mesh.clock.advance(100);
  assertEquals(handledBy(alice.node), 0);
  alice.node.serve("now", () => "prompt");
  const next = bob.node.request(id, "now");
  await mesh.clock.advance(100);
  assertEquals(await next, "prompt");
});

Deno.test("schemas that never settle end with the request's deadline or abort, at either end and of either value", async () => {
  await using mesh = new MemoryMesh();
  const alice = await mesh.start();
  const bob = await mesh.start([alice]);
  await mesh.complete();
  const { id } = alice.node.identity;
  const late = Promise.withResolvers<{ value: number }>();
  const hanging = schema(() => late.promise);
  const any = schema((value) => ({ value: value as number }));
  alice.node.serve("any", () => 1);
  alice.node.serve("input", () => 1, { input: hanging });
  alice.node.serve("output", () => 1, { output: hanging });
  const served = defineMethod("any", { input: hanging, output: any });
  const outcomes: string[] = [];
  const abort = new AbortController();
  const note = (request: Promise<unknown>) =>
    void codeOf(request).then((code) => outcomes.push(code));
  const timeoutMs = 2_000;
  note(bob.node.request(id, served, 1, { timeoutMs }));
  note(bob.node.request(id, "any", 1, { timeoutMs, output: hanging }));
  note(bob.node.request(id, "input", 1, { timeoutMs }));
  note(bob.node.request(id, "output", 1, { timeoutMs }));
  note(bob.node.request(id, served, 1, { signal: abort.signal }));
  await mesh.clock.advance(1_900);
  abort.abort();
  await mesh.clock.advance(0);
  assertEquals(outcomes, ["aborted"]);
  await mesh.clock.advance(200);
  assertEquals(outcomes.slice(1), Array(4).fill("timeout"));
  // As handlers do, they keep their places until they settle.
  assertEquals(handledBy(alice.node), 2);
  late.resolve({ value: 1 });
  await mesh.clock.advance(100);
  assertEquals(handledBy(alice.node), 0);
});

Deno.test("the handler's own limit is a timeout at the caller, which would have waited longer", async () => {
  await using mesh = new MemoryMesh();
  const alice = await mesh.start();
  const bob = await mesh.start([alice]);
  await mesh.complete();
  const hanging = new Hanging();
  alice.node.serve("hang", hanging.handler, { timeoutMs: 500 });
  const { id } = alice.node.identity;
  const code = codeOf(
    bob.node.request(id, "hang", undefined, { timeoutMs: 3_000_000 }),
  );
  await mesh.clock.advance(1_000);
  assertEquals(await code, "timeout");
  hanging.ends.resolve();
});

Deno.test("a caller that aborts gets aborted, with its reason, and so does the handler's signal", async () => {
  await using mesh = await startMesh(2);
  const [alice, bob] = mesh.nodes as [Node, Node];
  const hanging = new Hanging();
  alice.serve("hang", hanging.handler);
  const controller = new AbortController();
  const { signal } = controller;
  const request = bob.request(alice.identity.id, "hang", "x", { signal });
  await until("it is handled", () => hanging.started.length === 1);
  controller.abort(new RangeError("no longer needed"));
  const error = await assertRejects(() => request, VerackError);
  assertEquals([error.code, error.cause], ["aborted", signal.reason]);
  await until("its handler is told", () => hanging.aborted === 1);
  assert(hanging.started[0]?.reason.message.includes("aborted"));
  hanging.ends.resolve();
  const early = AbortSignal.abort();
  assertEquals(
    await codeOf(bob.request(alice.identity.id, "hang", "", { signal: early })),
    "aborted",
  );
  assertEquals(hanging.started.length, 1);
});

Deno.test("a session that is lost ends requests on both sides: session-lost at the caller, an abort at the handler", async () => {
  await using mesh = await startMesh(2);
  const [alice, bob] = mesh.nodes as [Node, Node];
  const hanging = new Hanging();
  alice.serve("hang", hanging.handler);
  const request = bob.request(alice.identity.id, "hang");
  await until("it is handled", () => hanging.started.length === 1);
  const lost = codeOf(request);
  for (const { channel } of partsOf(bob).sessions.all()) {
    channel.close(new VerackError("closed", "cut by the test"));
  }
  assertEquals(await lost, "session-lost");
  await until("its handler is told", () => hanging.aborted === 1);
  hanging.ends.resolve();
});

Deno.test("a node that closes ends what it handles and what it waits for", async () => {
  await using mesh = await startMesh(3);
  const [alice, bob, carol] = mesh.nodes as [Node, Node, Node];
  const hanging = new Hanging();
  for (const node of mesh.nodes) node.serve("hang", hanging.handler);
  const outcomes = Promise.all([
    codeOf(alice.request(bob.identity.id, "hang")),
    codeOf(bob.request(alice.identity.id, "hang")),
  ]);
  await until("both are handled", () => hanging.started.length === 2);
  await bob.close();
  assertEquals(await outcomes, ["session-lost", "stopped"]);
  await until("the handlers are told", () => hanging.aborted === 2);
  hanging.ends.resolve();
  assertEquals(await codeOf(bob.request(carol.identity.id, "hang")), "stopped");
});

Deno.test("requests that were aborted while they waited for their turn take no place of others", async () => {
  await using mesh = new MemoryMesh();
  const alice = await mesh.start();
  const bob = await mesh.start([alice]);
  await mesh.complete();
  const hanging = new Hanging();
  alice.node.serve("hang", hanging.handler);
  const { id } = alice.node.identity;
  const first = Array.from(
    { length: MAX_REQUESTS_PER_PEER },
    () => bob.node.request(id, "hang"),
  );
  const abort = new AbortController();
  const { signal } = abort;
  const given = Array.from(
    { length: MAX_WAITING_REQUESTS },
    () => codeOf(bob.node.request(id, "hang", undefined, { signal })),
  );
  const tooMany = codeOf(bob.node.request(id, "hang"));
  await mesh.clock.advance(100);
  assertEquals(await tooMany, "full");
  abort.abort();
  assertEquals(new Set(await Promise.all(given)), new Set(["aborted"]));
  const next = bob.node.request(id, "hang");
  hanging.ends.resolve();
  await mesh.clock.advance(1_000);
  assertEquals(await next, "late");
  await Promise.all(first);
});

Deno.test("maxConcurrent of a method is full beyond it, and other methods go on", async () => {
  await using mesh = await startMesh(2);
  const [alice, bob] = mesh.nodes as [Node, Node];
  const { id } = alice.identity;
  const hanging = new Hanging();
  alice.serve("hang", hanging.handler, { maxConcurrent: 2 });
  alice.serve("now", () => "prompt");
  const first = [bob.request(id, "hang"), bob.request(id, "hang")];
  await until("two are handled", () => hanging.started.length === 2);
  const error = await assertRejects(() => bob.request(id, "hang"), VerackError);
  assertEquals([error.code, error.retryable], ["full", true]);
  assertEquals(await bob.request(id, "now"), "prompt");
  hanging.ends.resolve();
  assertEquals(await Promise.all(first), ["late", "late"]);
  assertEquals(await bob.request(id, "hang"), "late");
});

Deno.test("128 requests to a peer are under way, and those that wait for their turn have the same deadline", async () => {
  await using mesh = new MemoryMesh();
  const alice = await mesh.start();
  const bob = await mesh.start([alice]);
  await mesh.complete();
  const hanging = new Hanging();
  alice.node.serve("hang", hanging.handler);
  const { id } = alice.node.identity;
  const outcomes: string[] = [];
  for (let i = 0; i < 300; i++) {
    codeOf(bob.node.request(id, "hang", i, { timeoutMs: 1_000 }))
      .then((code) => outcomes.push(code));
  }
  await mesh.clock.advance(500);
  assertEquals([hanging.started.length, outcomes.length], [128, 0]);
  await mesh.clock.advance(1_000);
  assertEquals(outcomes, Array(300).fill("timeout"));
  hanging.ends.resolve();
  await mesh.clock.advance(100);
  assertEquals(handledBy(alice.node), 0);
});
