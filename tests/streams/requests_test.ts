// Requests between real nodes: what arrives, and which errors.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as v from "npm:valibot@1.5.0";
import { z } from "npm:zod@4.6.7";
import {
  defineMethod,
  type Node,
  RequestError,
  VerackError,
} from "../../mod.ts";
import { startMesh } from "../helpers/nodes.ts";
import { until } from "../helpers/until.ts";

/** Two nodes with a session. */
async function pair(): Promise<{ alice: Node; bob: Node } & AsyncDisposable> {
  const mesh = await startMesh(2);
  const [alice, bob] = mesh.nodes as [Node, Node];
  return {
    alice,
    bob,
    [Symbol.asyncDispose]: () => mesh[Symbol.asyncDispose](),
  };
}

/** The error that a promise rejects with. */
async function errorOf(promise: Promise<unknown>): Promise<VerackError> {
  return await assertRejects(() => promise, VerackError);
}

Deno.test("bytes, text, JSON values and nothing arrive as they were sent, in both directions", async () => {
  await using mesh = await pair();
  const { alice, bob } = mesh;
  const kinds: string[] = [];
  alice.serve("echo", (body, { kind, peer, method }) => {
    assertEquals([peer, method], [bob.identity.id, "echo"]);
    kinds.push(kind);
    return body;
  });
  const large = crypto.getRandomValues(new Uint8Array(65_536));
  const values = [
    undefined,
    new Uint8Array([1, 2, 255]),
    new Uint8Array(0),
    "",
    "héllo\n",
    null,
    0,
    false,
    [],
    { nested: [{ a: 1 }] },
    large,
    "x".repeat(100_000),
  ];
  for (const value of values) {
    assertEquals(await bob.request(alice.identity.id, "echo", value), value);
  }
  assertEquals(kinds.slice(0, 6), [
    "none",
    "bytes",
    "bytes",
    "text",
    "text",
    "json",
  ]);
});

Deno.test("a body and an answer of 4 MB arrive, and one byte more is refused with a hint at streams", async () => {
  await using mesh = await pair();
  const { alice, bob } = mesh;
  const most = new Uint8Array(4_000_000).fill(7);
  alice.serve("echo", (body) => body);
  alice.serve("more", () => new Uint8Array(4_000_001));
  const { id } = alice.identity;
  assertEquals(await bob.request(id, "echo", most), most);
  await assertRejects(
    () => bob.request(id, "echo", new Uint8Array(4_000_001)),
    RangeError,
    "a stream (Node.open)",
  );
  const error = await errorOf(bob.request(id, "more"));
  assertEquals(error.code, "bad-output");
  assert(error.message.includes("4000001 bytes"));
});

Deno.test("a peer is named by its id or its name, and many requests to it at once are all answered", async () => {
  const mesh = await startMesh(1, { name: "alice" });
  await using _mesh = mesh;
  const [alice] = mesh.nodes as [Node];
  const { Node: NodeClass } = await import("../../mod.ts");
  await using bob = await NodeClass.start({ connect: [alice.address] });
  await bob.joined();
  alice.serve<number, number>("double", (it) => 2 * it);
  const answers = await Promise.all(
    Array.from({ length: 2_000 }, (_, i) => bob.request("alice", "double", i)),
  );
  assertEquals(answers, Array.from({ length: 2_000 }, (_, i) => 2 * i));
});

Deno.test("what a handler throws arrives with code, message and data, without a stack", async () => {
  await using mesh = await pair();
  const { alice, bob } = mesh;
  const { id } = alice.identity;
  alice.serve("own", function handlerOfAlice() {
    throw new RequestError("no-such-job", "Job 7 is not there", {
      data: { job: 7 },
    });
  });
  alice.serve("type", async () => {
    await Promise.resolve();
    throw new TypeError("x is not a function");
  });
  alice.serve("verack", () => {
    throw new VerackError("not-connected", "Cannot ask carol");
  });
  const own = await errorOf(bob.request(id, "own"));
  assert(own instanceof RequestError);
  assertEquals(
    [own.code, own.remoteCode, own.message, own.data],
    ["failed", "no-such-job", "Job 7 is not there", { job: 7 }],
  );
  assertEquals(own.stack?.includes("handlerOfAlice"), false);
  const type = await errorOf(bob.request(id, "type"));
  assert(type instanceof RequestError);
  assertEquals([type.remoteCode, type.message], [
    "failed",
    "x is not a function",
  ]);
  const verack = await errorOf(bob.request(id, "verack"));
  assert(verack instanceof RequestError);
  assertEquals(verack.remoteCode, "not-connected");
});

Deno.test("whatever a handler throws is a RequestError at the caller", async () => {
  await using mesh = await pair();
  const { alice, bob } = mesh;
  const trapped = new Proxy(new Error("x"), {
    get() {
      throw new Error("a trap");
    },
  });
  const numbered = Object.assign(new Error(), { message: 5 });
  const thrown = [undefined, Object.create(null), numbered, trapped];
  alice.serve<number>("throw", (index) => {
    throw thrown[index];
  });
  for (const index of thrown.keys()) {
    const error = await errorOf(bob.request(alice.identity.id, "throw", index));
    assert(error instanceof RequestError, error.message);
    assertEquals(error.remoteCode, "failed");
  }
});

Deno.test("text that UTF-8 has not is refused as body and as answer, rather than changed", async () => {
  await using mesh = await pair();
  const { alice, bob } = mesh;
  const { id } = alice.identity;
  alice.serve("lone", () => "a\ud800b");
  alice.serve("escaped", () => ["a\ud800b"]);
  await assertRejects(
    () => bob.request(id, "lone", "\udfff"),
    TypeError,
    "lone surrogate",
  );
  assertEquals((await errorOf(bob.request(id, "lone"))).code, "bad-output");
  // JSON has it.
  assertEquals(await bob.request(id, "escaped"), ["a\ud800b"]);
});

Deno.test("an unknown method, an unknown peer, a peer without a session and this node itself are different errors", async () => {
  await using mesh = await pair();
  const { alice, bob } = mesh;
  const { id } = alice.identity;
  assertEquals((await errorOf(bob.request(id, "no"))).code, "unknown-method");
  assertEquals((await errorOf(bob.request("zoe", "x"))).code, "unknown-peer");
  assertEquals(
    (await errorOf(bob.request(bob.identity.id, "x"))).code,
    "unknown-peer",
  );
  // Without bye it may come back.
  await alice.close({ abrupt: true });
  await until("bob has no session", () => bob.sessions().length === 0);
  const error = await errorOf(bob.request(id, "x"));
  assertEquals([error.code, error.retryable], ["not-connected", true]);
});

Deno.test("a method is served once, until its handler is disposed of", async () => {
  await using mesh = await pair();
  const { alice, bob } = mesh;
  const { id } = alice.identity;
  {
    using _served = alice.serve("m", () => "first");
    assertThrows(() => alice.serve("m", () => {}), TypeError, "already");
    assertEquals(await bob.request(id, "m"), "first");
  }
  assertEquals((await errorOf(bob.request(id, "m"))).code, "unknown-method");
  alice.serve("m", () => "second");
  assertEquals(await bob.request(id, "m"), "second");
  assertThrows(() => alice.serve("a\nb", () => {}), RangeError);
  assertThrows(() => alice.serve("n", "no" as never), TypeError);
  assertThrows(() => alice.handle("request/1", () => {}), TypeError);
});

Deno.test("schemas of Valibot check the body and the answer at both ends, and give the types", async () => {
  await using mesh = await pair();
  const { alice, bob } = mesh;
  const { id } = alice.identity;
  const input = v.object({ a: v.number(), b: v.number() });
  alice.serve("add", ({ a, b }) => a + b, { input, output: v.number() });
  const sum: number = await bob.request(id, "add", { a: 1, b: 2 }, {
    output: v.number(),
  });
  assertEquals(sum, 3);
  const bad = await errorOf(bob.request(id, "add", { a: 1, b: "2" }));
  assertEquals(bad.code, "bad-input");
  assert(bad.message.includes("b: Invalid type"), bad.message);
  const text = await errorOf(
    bob.request(id, "add", { a: 1, b: 2 }, { output: v.string() }),
  );
  assertEquals(text.code, "bad-output");
  alice.serve("lie", () => "text" as unknown as number, { output: v.number() });
  const lie = await errorOf(bob.request(id, "lie"));
  assertEquals(lie.code, "bad-output");
  assert(lie.message.includes("Expected number"), lie.message);
});

Deno.test("a method that both ends share has the types of its schemas, whose receiver gets what they make of a value", async () => {
  await using mesh = await pair();
  const { alice, bob } = mesh;
  const birthday = defineMethod("birthday", {
    input: v.object({ name: v.pipe(v.string(), v.trim()) }),
    output: v.pipe(v.string(), v.transform((it) => new Date(it))),
  });
  const names: string[] = [];
  alice.serve(birthday, ({ name }) => {
    names.push(name);
    return "2026-11-30T00:00:00.000Z";
  });
  const date: Date = await bob.request(alice.identity.id, birthday, {
    name: " bob ",
  });
  assertEquals([date.getUTCFullYear(), names], [2026, ["bob"]]);
  // @ts-expect-error: the name is missing.
  const wrong = await errorOf(bob.request(alice.identity.id, birthday, {}));
  assertEquals([wrong.code, names.length], ["bad-input", 1]);
});

Deno.test("the body may be left out where the schema of a shared method takes undefined", async () => {
  await using mesh = await pair();
  const { alice, bob } = mesh;
  const names = defineMethod("names", {
    input: v.undefined(),
    output: v.array(v.string()),
  });
  alice.serve(names, (body) => [`${body}`]);
  const { id } = alice.identity;
  const answer: string[] = await bob.request(id, names);
  assertEquals(answer, ["undefined"]);
  await bob.request(id, names, undefined, { timeoutMs: 5_000 });
  const add = defineMethod("add", {
    input: v.object({ a: v.number() }),
    output: v.number(),
  });
  // @ts-expect-error: the body is missing.
  const error = await errorOf(bob.request(id, add));
  assertEquals(error.code, "bad-input");
});

Deno.test("a shared method without a schema of its input takes no body", async () => {
  await using mesh = await pair();
  const { alice, bob } = mesh;
  const list = defineMethod("list", { output: v.array(v.string()) });
  alice.serve(list, (body: undefined) => [`${body}`]);
  const { id } = alice.identity;
  const answer: string[] = await bob.request(id, list);
  assertEquals(answer, ["undefined"]);
  // @ts-expect-error: there is no body.
  const own = await errorOf(bob.request(id, list, "body"));
  const remote = await errorOf(bob.request(id, "list", "body"));
  for (const { code, message } of [own, remote]) {
    assertEquals(code, "bad-input");
    assert(message.includes("the method takes no body"), message);
  }
});

Deno.test("schemas of Zod do as well as those of Valibot, and give the types", async () => {
  await using mesh = await pair();
  const { alice, bob } = mesh;
  const add = defineMethod("add", {
    input: z.object({ a: z.number(), b: z.number() }),
    output: z.string().transform(Number),
  });
  alice.serve(add, ({ a, b }) => `${a + b}`);
  const { id } = alice.identity;
  const sum: number = await bob.request(id, add, { a: 1, b: 2 });
  assertEquals(sum, 3);
  const error = await errorOf(bob.request(id, "add", { a: "x", b: 2 }));
  assertEquals(error.code, "bad-input");
  assert(error.message.includes("a: Invalid input"), error.message);
});
