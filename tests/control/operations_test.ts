/** Operations: records until an end or an error, by the socket and by the port. */
import * as v from "npm:valibot@1.5.0";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import {
  operation,
  type RecordSchemas,
} from "../../src/control/api/endpoint.ts";
import {
  count,
  nonEmpty,
  optional,
  string,
} from "../../src/control/api/schema_fields.ts";
import {
  CONTROL_HEARTBEAT_MS,
  MAX_CONTROL_OPERATIONS,
} from "../../src/control/control_limits.ts";
import {
  type OperationHandler,
  serveOperation,
} from "../../src/control/handlers/handler.ts";
import { OperationStream } from "../../src/control/operation_stream.ts";
import { VerackError } from "../../src/core/errors.ts";
import { assertFails } from "../helpers/assert_fails.ts";
import { ControlScene } from "../helpers/control.ts";
import { until } from "../helpers/until.ts";

type Count =
  | { readonly type: "begin"; readonly name: string }
  | { readonly type: "step"; readonly number: number; readonly pad?: string };

const RECORDS: RecordSchemas<Count> = {
  begin: v.looseObject({ type: v.literal("begin"), name: string }),
  step: v.looseObject({
    type: v.literal("step"),
    number: count,
    pad: optional(string),
  }),
};

const COUNT = operation("/v1/test/count", {
  name: nonEmpty,
  items: optional(v.array(v.string("texts"), "a list")),
}, RECORDS);

const WAYS = ["socket", "port"] as const;

async function sceneOf(
  handler: OperationHandler<typeof COUNT>,
): Promise<ControlScene> {
  return await ControlScene.start({}, undefined, [
    serveOperation(COUNT, handler),
  ]);
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

for (const way of WAYS) {
  Deno.test(`records of an operation come one after the other, and then its end (${way})`, async () => {
    await using scene = await sceneOf(async function* ({ name, items }) {
      yield { type: "begin", name };
      // Of a later version, perhaps.
      yield { type: "toString", number: 0 } as unknown as Count;
      yield { type: "step", number: items?.length ?? 0 };
    });
    using connection = await scene.connection(way);
    const input = { name: "a", items: ["\u{1f600}", "b:"] };
    const records = await Array.fromAsync(connection.operate(COUNT, input));
    assertEquals(records, [
      { type: "begin", name: "a" },
      { type: "step", number: 2 },
    ]);
  });

  Deno.test(`an error of an operation arrives with its code, at its beginning and later (${way})`, async () => {
    await using scene = await sceneOf(({ name }) => {
      const error = name === "range"
        ? new RangeError("Cannot count: name is odd")
        : name === "bug"
        ? new TypeError("secret details")
        : new VerackError("full", "Cannot count: no room", { expected: 3 });
      if (name === "early") throw error;
      if (name === "soon") return Promise.reject(error);
      return (async function* () {
        yield { type: "step", number: 1 } as const;
        throw error;
      })();
    });
    using connection = await scene.connection(way);
    for (const name of ["early", "soon", "late"]) {
      const seen: Count[] = [];
      const error = await assertFails(
        async () => {
          for await (const it of connection.operate(COUNT, { name })) {
            seen.push(it);
          }
        },
        "full",
        "no room",
      );
      assertEquals(error.expected, 3);
      assertEquals(seen.length, name === "late" ? 1 : 0);
    }
    const all = (name: string) =>
      Array.fromAsync(connection.operate(COUNT, { name }));
    await assertRejects(() => all("range"), RangeError, "name is odd");
    const bug = await assertFails(() => all("bug"), "rejected", "Internal");
    assert(!bug.message.includes("secret"));
    await until("all are over", async () => await running(scene) === 0);
  });

  Deno.test(`a client that leaves, or aborts, ends the operation (${way})`, async () => {
    const reasons: unknown[] = [];
    let closed = 0;
    await using scene = await sceneOf(async function* ({ name }, { signal }) {
      signal.addEventListener("abort", () => reasons.push(signal.reason));
      try {
        yield { type: "begin", name };
        await aborted(signal);
      } finally {
        closed++;
      }
    });
    using connection = await scene.connection(way);
    for await (const _ of connection.operate(COUNT, { name: "leaves" })) break;
    await until("it was told", () => closed === 1);
    const abort = new AbortController();
    const { signal } = abort;
    const records = connection.operate(COUNT, { name: "aborts" }, { signal });
    await records.next();
    abort.abort();
    await assertFails(() => records.next(), "aborted", "/v1/test/count");
    await until("it was told", () => closed === 2);
    assertEquals(reasons.map((it) => it instanceof VerackError && it.code), [
      "aborted",
      "aborted",
    ]);
    await until("both are over", async () => await running(scene) === 0);
  });

  Deno.test(`the end of the node ends its operations, and they are no success (${way})`, async () => {
    await using scene = await sceneOf(async function* ({ name }, { signal }) {
      yield { type: "begin", name };
      const end = aborted(signal);
      // Some handlers make nothing of it.
      await (name === "quiet" ? end.catch(() => {}) : end);
    });
    using connection = await scene.connection(way);
    const operations = ["quiet", "loud"].map((name) =>
      connection.operate(COUNT, { name })
    );
    for (const it of operations) await it.next();
    const closed = scene.server.close();
    for (const it of operations) await assertFails(() => it.next(), "stopped");
    await closed;
  });
}

Deno.test("a client that does not read pauses the operation", async () => {
  let made = 0;
  await using scene = await sceneOf(async function* () {
    const pad = "x".repeat(10_000);
    for (let number = 0; number < 10_000; number++) {
      made++;
      yield { type: "step", number, pad };
    }
  });
  const body = JSON.stringify({ name: "x" });
  using socket = await scene.connect(
    "POST /v1/test/count",
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
  );
  await socket.write(new TextEncoder().encode(body));
  await until("it has begun", () => made > 0);
  let before = 0;
  let equal = 0;
  await until("it is paused", () => {
    equal = made === before ? equal + 1 : 0;
    before = made;
    return equal > 50;
  });
  // The kernel has some megabytes of 100.
  assert(made < 5_000, `${made} records`);
});

Deno.test("at most 32 operations are carried out at once, and events can still be watched", async () => {
  await using scene = await sceneOf(async function* ({ name }, { signal }) {
    yield { type: "begin", name };
    await aborted(signal);
  });
  using connection = await scene.connection("socket");
  const all = Array.from(
    { length: MAX_CONTROL_OPERATIONS },
    (_, index) => connection.operate(COUNT, { name: `${index}` }),
  );
  for (const it of all) await it.next();
  const more = connection.operate(COUNT, { name: "more" });
  await assertFails(() => more.next(), "rejected", "must be fewer");
  using client = await scene.client();
  assertEquals((await client.status()).control.operations, 32);
  const events = client.events();
  await events.next();
  await events.return(undefined);
  await all[0]?.return(undefined);
  await until("there is room", async () => await running(scene) === 31);
  const again = connection.operate(COUNT, { name: "again" });
  assertEquals((await again.next()).value?.type, "begin");
  for (const it of [...all, again]) await it.return(undefined);
});

Deno.test("a wrong input is refused before the operation begins", async () => {
  await using scene = await sceneOf(() => {
    throw new Error("it has begun");
  });
  for (
    const [fields, words] of [
      [{}, "must have name"],
      [{ name: "" }, "must be something"],
      [{ name: "a", nmae: "b" }, 'no field "nmae"'],
      [{ name: "a", items: [1] }, "must be texts"],
      [{ name: "a", items: "b" }, "must be a list"],
    ] as const
  ) {
    const { error } = await scene.post("/v1/test/count", fields);
    assertEquals(error.code, "bad-request");
    assert(error.message.includes(words), error.message);
  }
  const twice = '{"name":"a","items":["c:"],"name":"b"}';
  const response = await scene.fetch("/v1/test/count", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: twice,
  });
  const { error } = await response.json();
  assert(error.message.includes("more than once"), error.message);
  const get = await scene.fetch("/v1/test/count");
  assertEquals([get.status, get.headers.get("allow")], [405, "POST"]);
  await get.body?.cancel();
});

Deno.test("a stream that breaks before its end is an error", async () => {
  const server = Deno.serve(
    { port: 0, onListen: () => {} },
    () =>
      new Response('data: {"type":"begin","name":"x"}\n\n', {
        headers: { "content-type": "text/event-stream" },
      }),
  );
  await using scene = await sceneOf(() => {
    throw new Error("another server answers");
  });
  scene.port = server.addr.port;
  using connection = await scene.connection("port");
  const records = connection.operate(COUNT, { name: "x" });
  assertEquals((await records.next()).value, { type: "begin", name: "x" });
  await assertFails(() => records.next(), "closed", "before the operation did");
  await server.shutdown();
});

Deno.test("a quiet operation sends a comment every 15 s", async () => {
  const clock = new VirtualClock();
  const closing = new AbortController();
  const stream = new OperationStream({
    clock,
    closing: closing.signal,
    failure: () => ({}),
  });
  const go = Promise.withResolvers<void>();
  await stream.begin(async function* () {
    await go.promise;
    yield { type: "late" };
  });
  // With the library of browsers, its `BufferSource` is wider than that of streams.
  const decoder = new TextDecoderStream() as unknown as TransformStream<
    Uint8Array<ArrayBuffer>,
    string
  >;
  const reader = stream.body.pipeThrough(decoder).getReader();
  assertEquals((await reader.read()).value, ": verack operation\n\n");
  for (let round = 0; round < 3; round++) {
    const chunk = reader.read();
    await clock.advance(CONTROL_HEARTBEAT_MS);
    assertEquals((await chunk).value, ": heartbeat\n\n");
  }
  go.resolve();
  assertEquals((await reader.read()).value, 'data: {"type":"late"}\n\n');
  assertEquals((await reader.read()).value, "event: end\ndata: {}\n\n");
  assertEquals((await reader.read()).done, true);
  await stream.done;
  assertEquals(clock.pending, 0);
});

async function running(scene: ControlScene): Promise<number | undefined> {
  using client = await scene.client();
  return (await client.status()).control.operations;
}
