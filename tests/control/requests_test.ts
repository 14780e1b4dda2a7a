/** What a request may carry: anything else is refused, by its name. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { ControlScene } from "../helpers/control.ts";

async function refusal(
  scene: ControlScene,
  path: string,
  body?: string,
): Promise<string> {
  const response = await scene.fetch(path, {
    method: body === undefined ? "GET" : "POST",
    ...(body !== undefined && {
      body,
      headers: { "content-type": "application/json" },
    }),
  });
  const { error } = await response.json();
  assertEquals([response.status, error?.code], [400, "bad-request"], path);
  return error.message;
}

Deno.test("a field that a request does not have is refused by its name, with those it has", async () => {
  await using scene = await ControlScene.start();
  const id = "0".repeat(64);
  const cases: [path: string, fields: Record<string, unknown>, has: string][] =
    [
      [
        "/v1/messages",
        { to: id, text: "x", tpoic: "news" },
        "to, topic, ttlMs, waitMs, text, base64",
      ],
      [
        "/v1/broadcasts",
        { text: "x", tpoic: "news" },
        "topic, ttlMs, waitMs, text, base64",
      ],
      ["/v1/allow", { id, tpoic: 1 }, "id, name"],
      ["/v1/deny", { id, tpoic: 1 }, "id"],
      ["/v1/forget", { id, tpoic: 1 }, "id"],
      ["/v1/invites", { tpoic: 1 }, "ttlMs, address, qr"],
      ["/v1/invites/revoke", { id: "x", tpoic: 1 }, "id"],
      ["/v1/dead-letters/retry", { id: "x", tpoic: 1 }, "id, from"],
      ["/v1/dead-letters/discard", { id: "x", tpoic: 1 }, "id, from"],
    ];
  for (const [path, fields, has] of cases) {
    assertEquals(
      await refusal(scene, path, JSON.stringify(fields)),
      `There is no field "tpoic" (it is ${
        JSON.stringify(fields.tpoic)
      }) here, must be one of ${has}`,
    );
  }
  assertEquals(
    await refusal(scene, "/v1/stop", '{"now":true}'),
    'There is no field "now" (it is true) here, the body must be empty',
  );
  assertEquals(scene.stops, 0);
  // Also one that every object inherits.
  for (const name of ["toString", "constructor", "__proto__"]) {
    assertStringIncludes(
      await refusal(scene, "/v1/invites", `{"${name}":1}`),
      `no field "${name}" (it is 1)`,
    );
  }
  // A broadcast has no receiver: this one would have gone to all.
  const toOne = JSON.stringify({ text: "for one only", to: id });
  assertStringIncludes(
    await refusal(scene, "/v1/broadcasts", toOne),
    'no field "to"',
  );
});

Deno.test("a field given twice, of another type, or that is no text is refused", async () => {
  await using scene = await ControlScene.start();
  const to = "0".repeat(64);
  const cases: [path: string, body: string, says: string][] = [
    [
      "/v1/messages",
      `{"to":"${to}","text":"a","text":"b"}`,
      "A field is given more than once",
    ],
    [
      "/v1/messages",
      `{"to":"${to}","text":"a","te\\u0078t":"b"}`,
      "A field is given more than once",
    ],
    ["/v1/messages", `{"to":["${to}"],"text":"a"}`, `to is ["000000`],
    [
      "/v1/messages",
      `{"to":"${to}","text":{"a":1}}`,
      'text is {"a":1}, must be a string',
    ],
    ["/v1/messages", `{"to":"${to}","text":null}`, "text is null, must"],
    ["/v1/messages", `{"to":"${to}","text":1}`, "text is 1, must be a string"],
    ["/v1/messages", `{"to":"${to}","text":"\\ud800"}`, "must be Unicode text"],
    [
      "/v1/messages",
      `{"to":"${to}","text":"a","ttlMs":"1"}`,
      'ttlMs is "1", must be a number',
    ],
    [
      "/v1/messages",
      `{"to":"${to}","text":"a","waitMs":-1}`,
      "waitMs is -1, must be 0 to 600000",
    ],
    ["/v1/messages", `{"to":"${to}","text":"a","waitMs":1e999}`, "waitMs is"],
    ["/v1/broadcasts", `{"text":"a","ttlMs":1e999}`, "ttlMs is Infinity"],
    ["/v1/broadcasts", `{"text":"a","ttlMs":-5}`, "ttlMs is -5"],
    ["/v1/invites", `{"ttlMs":1}`, "ttlMs is 1"],
    ["/v1/invites", `{"address":1}`, "address is 1, must be a string"],
    ["/v1/invites/revoke", `{}`, "The body must have id"],
    ["/v1/allow", `{"id":true}`, "id is true, must be a string"],
    ["/v1/dead-letters/retry", `{"id":1}`, "id is 1, must be a string"],
    ["/v1/dead-letters/retry", `{}`, "The body must have id"],
    ["/v1/stop", `[]`, "must be a JSON object"],
  ];
  for (const [path, body, says] of cases) {
    assertStringIncludes(await refusal(scene, path, body), says, body);
  }
  // Colons, braces and quotes within text are no names.
  await using bob = await scene.peer();
  const sent = await scene.post("/v1/messages", {
    to: bob.identity.id,
    text: '{"text": "a", "text":\\"b"}',
    topic: "to\\",
    waitMs: 0,
  });
  assertEquals(sent.to, bob.identity.id, JSON.stringify(sent));
});

Deno.test("a parameter that a path does not have, or that is given twice, is refused by its name", async () => {
  await using scene = await ControlScene.start();
  const cases: [path: string, says: string][] = [
    [
      "/v1/status?all=1",
      'no field "all" (it is "1") here, the query must be empty',
    ],
    [
      "/v1/peers?qeury=bob",
      'no field "qeury" (it is "bob") here, must be one of query',
    ],
    ["/v1/peers?query=a&query=b", '"query" more than once'],
    ["/v1/dead-letters/message", "must have id"],
    [
      "/v1/events?types=mesh",
      'no field "types" (it is "mesh") here, must be one of type, topic',
    ],
    ["/v1/dead-letters/message?id=", 'id is "", must be something'],
  ];
  for (const [path, says] of cases) {
    assertStringIncludes(await refusal(scene, path), says);
  }
});

Deno.test("events of a type that does not exist are refused, with the types there are", async () => {
  await using scene = await ControlScene.start();
  for (const type of ["nonsense", "", "message,", "message,Mesh", "toString"]) {
    const message = await refusal(scene, `/v1/events?type=${type}`);
    assertStringIncludes(message, "must be a list of listening, peer:up");
    assertStringIncludes(message, "message, file, mesh");
  }
  const topic = "t".repeat(129);
  assertStringIncludes(
    await refusal(scene, `/v1/events?topic=${topic}`),
    "must be at most 128 bytes",
  );
});
