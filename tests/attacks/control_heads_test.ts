// Heads of requests that the guard must not overlook, and that must not cost much.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  MAX_CONTROL_HEAD_BYTES,
  MAX_CONTROL_HEADERS,
  MAX_CONTROL_PIPELINED,
} from "../../src/control/control_limits.ts";
import { ControlScene, TOKEN } from "../helpers/control.ts";

const HEAD = "GET /v1/status HTTP/1.1\r\nHost: localhost\r\n";

/** What the node answers to a text until it closes the connection. */
async function answerTo(scene: ControlScene, text: string): Promise<string> {
  using connection = await Deno.connect({ port: scene.port });
  await connection.write(new TextEncoder().encode(text));
  return await new Response(connection.readable).text();
}

Deno.test("what is no HTTP, or has too large a head, is refused with a reason", async () => {
  await using scene = await ControlScene.start();
  const cases = [
    ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "bad-request"],
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "bad-request"],
    ["GET / HTTP/1.1\nHost: localhost\n\n", "bad-request"],
    // As a page at another port of the host can have it sent.
    [`${HEAD}Cookie: ${"x".repeat(MAX_CONTROL_HEAD_BYTES)}`, "too-large"],
  ] as const;
  for (const [text, code] of cases) {
    const answer = await answerTo(scene, text);
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    assert(/^HTTP\/1.1 4[0-9]{2} /.test(head), answer);
    assertEquals(JSON.parse(body).error.code, code);
    assertStringIncludes(head, `Content-Length: ${body.length}`);
  }
  const served = await scene.fetch("/v1/status");
  assertEquals(served.status, 200);
  await served.body?.cancel();
});

Deno.test("no header is overlooked behind many others", async () => {
  await using scene = await ControlScene.start();
  const own = `${HEAD}Authorization: Bearer ${TOKEN}\r\nConnection: close\r\n`;
  const origin = "Origin: http://evil.test\r\n\r\n";
  const most = "X: y\r\n".repeat(MAX_CONTROL_HEADERS - 4);
  assertStringIncludes(await answerTo(scene, own + most + origin), "foreign");
  const more = `${most}X: y\r\n`;
  const answer = await answerTo(scene, own + more + origin);
  assertStringIncludes(answer, "bad-request");
});

Deno.test("a client that sends requests without reading their responses is closed, and some at a time are served", async () => {
  await using scene = await ControlScene.start();
  const file = "GET /page/layout.js HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const few = file.repeat(MAX_CONTROL_PIPELINED - 1) +
    file.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
  const answers = await answerTo(scene, few);
  assertEquals(
    answers.split("HTTP/1.1 200 OK").length - 1,
    MAX_CONTROL_PIPELINED,
  );
  const many = file.repeat(10 * MAX_CONTROL_PIPELINED);
  const cut = await answerTo(scene, many).catch(() => "");
  assert(cut.split("HTTP/1.1 200 OK").length - 1 < MAX_CONTROL_PIPELINED);
});
