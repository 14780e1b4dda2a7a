// Requests to peers through the control API, by HTTP and by its client.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { RequestError } from "../../src/streams/request_error.ts";
import { Node } from "../../src/mesh/node.ts";
import { ControlScene } from "../helpers/control.ts";
import { until } from "../helpers/until.ts";

/** A scene whose node has a session with `bob`, which serves `echo` and `fail`. */
async function stage(): Promise<
  { scene: ControlScene; bob: Node } & AsyncDisposable
> {
  const scene = await ControlScene.start();
  const bob = await Node.start({ name: "bob", connect: [scene.node.address] });
  const { id } = bob.identity;
  await until("bob is up", () => scene.node.peer(id)?.connected ?? false);
  bob.serve("echo", (body) => body);
  bob.serve("fail", () => {
    throw new RequestError("sold-out", "no \x1b seats", { data: { free: 0 } });
  });
  return {
    scene,
    bob,
    async [Symbol.asyncDispose]() {
      await bob.close();
      await scene[Symbol.asyncDispose]();
    },
  };
}

function post(scene: ControlScene, body: string): Promise<Response> {
  return scene.fetch("/v1/request", {
    method: "POST",
    body,
    headers: { "content-type": "application/json" },
  });
}

Deno.test("POST /v1/request answers with what the peer's handler returns, in the field of its kind", async () => {
  await using world = await stage();
  const { scene, bob } = world;
  const { id } = bob.identity;
  const cases: [fields: string, answer: Record<string, unknown>][] = [
    ["", { kind: "none" }],
    [`,"text":"hé"`, { kind: "text", text: "hé" }],
    [`,"base64":"AP8="`, { kind: "bytes", base64: "AP8=" }],
    [
      `,"json":{"a":[1,{"a":"}\\""}],"to":{"a":1}}`,
      { kind: "json", json: { a: [1, { a: '}"' }], to: { a: 1 } } },
    ],
    [`,"json":null`, { kind: "json", json: null }],
    [`,"json":"text"`, { kind: "text", text: "text" }],
  ];
  for (const [fields, answer] of cases) {
    const response = await post(scene, `{"to":"bob","method":"echo"${fields}}`);
    assertEquals(response.status, 200);
    assertEquals(await response.json(), { id, name: "bob", ...answer });
  }
});

Deno.test("a body of 4 MB goes by octet-stream, with its kind in the query", async () => {
  await using world = await stage();
  const { scene } = world;
  const send = (kind: string, body: Uint8Array<ArrayBuffer>) =>
    scene.fetch(`/v1/request?to=bob&method=echo&timeoutMs=9000${kind}`, {
      method: "POST",
      body,
      headers: { "content-type": "application/octet-stream" },
    });
  const bytes = new Uint8Array(4_000_000).fill(255);
  const { base64 } = await (await send("", bytes)).json();
  assertEquals(Uint8Array.fromBase64(base64), bytes);
  // Each of its characters takes six as JSON.
  const controls = new Uint8Array(4_000_000).fill(1);
  const long = await (await send("&kind=text", controls)).json();
  assertEquals([long.kind, Uint8Array.fromBase64(long.base64)], [
    "text",
    controls,
  ]);
  const json = new TextEncoder().encode("[1,2]");
  assertEquals((await (await send("&kind=json", json)).json()).json, [1, 2]);
  const wrong = await send("&kind=json", new TextEncoder().encode("[1,"));
  assertEquals(wrong.status, 400);
  await wrong.body?.cancel();
});

Deno.test("a request that is wrong is refused by its field, one that the peer refuses by the code of the error", async () => {
  await using world = await stage();
  const { scene } = world;
  const cases: [status: number, code: string, body: string][] = [
    [400, "bad-request", `{"to":"bob","method":"echo","text":"a","json":1}`],
    [400, "bad-request", `{"to":"bob","method":"echo","to":"carol"}`],
    [400, "bad-request", `{"to":"bob","method":"","text":"a"}`],
    [400, "bad-request", `{"to":"bob","method":"a\\nb"}`],
    [400, "bad-request", `{"to":"bob","method":"echo","timeoutMs":0}`],
    [404, "unknown-peer", `{"to":"zoe","method":"echo"}`],
    [404, "unknown-method", `{"to":"bob","method":"no"}`],
    [502, "failed", `{"to":"bob","method":"fail"}`],
  ];
  for (const [status, code, body] of cases) {
    const response = await post(scene, body);
    const { error } = await response.json();
    assertEquals([response.status, error.code], [status, code], body);
    if (code !== "failed") continue;
    assertEquals([error.remoteCode, error.message, error.data], [
      "sold-out",
      "no \x1b seats",
      { free: 0 },
    ]);
  }
});

Deno.test("a client that disconnects aborts the request at the peer", async () => {
  await using world = await stage();
  const { scene, bob } = world;
  const signals: AbortSignal[] = [];
  const gate = Promise.withResolvers<void>();
  bob.serve("hang", async (_body, { signal }) => {
    signals.push(signal);
    await gate.promise;
  });
  const controller = new AbortController();
  const response = scene.fetch("/v1/request", {
    method: "POST",
    body: `{"to":"bob","method":"hang"}`,
    headers: { "content-type": "application/json" },
    signal: controller.signal,
  });
  await until("it is handled", () => signals.length === 1);
  controller.abort();
  await assertRejects(() => response);
  await until("the handler is told", () => signals[0]?.aborted ?? false);
  gate.resolve();
});

Deno.test("the client gets the answer by its kind, and the handler's error with its code, escaped", async () => {
  await using world = await stage();
  using client = await world.scene.client();
  const answer = await client.request("bob", "echo", { a: 1 });
  assertEquals([answer.kind, answer.json], ["json", { a: 1 }]);
  assertEquals((await client.request("bob", "echo", undefined)).kind, "none");
  const error = await assertRejects(
    () => client.request("bob", "fail", "x"),
    RequestError,
  );
  assertEquals([error.remoteCode, error.data], ["sold-out", { free: 0 }]);
  assert(error.message.includes("\\u{1b}"), error.message);
});
