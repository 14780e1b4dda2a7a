// Strangers at the listener for metrics, which has no token and may be off loopback.
import { assert, assertEquals } from "@std/assert";
import {
  CONTROL_STRANGER_MS,
  MAX_CONTROL_CONNECTIONS,
  SHARED_READING_MS,
} from "../../src/control/control_limits.ts";
import { openMetricsPort } from "../../src/control/control_listeners.ts";
import { API, OPERATIONS } from "../../src/control/api.ts";
import { SharedReading } from "../../src/control/node_snapshot.ts";
import { publicResponse } from "../../src/control/metrics/metrics_response.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import { ControlScene, TOKEN } from "../helpers/control.ts";
import { parseMetrics } from "../helpers/open_metrics.ts";
import { until } from "../helpers/until.ts";

async function opened(clock = new VirtualClock()): Promise<{
  scene: ControlScene;
  port: number;
}> {
  const scene = await ControlScene.start({ name: "alice" });
  const address = { host: "127.0.0.1", port: 0 };
  return {
    scene,
    port: await openMetricsPort(scene.server, { address, clock }),
  };
}

/** What a raw request is answered until the other end closes. */
async function raw(
  connection: Deno.Conn,
  text: string,
): Promise<string> {
  const writer = connection.writable.getWriter();
  await writer.write(new TextEncoder().encode(text));
  return await new Response(connection.readable).text();
}

Deno.test("the listener for metrics has metrics and health, and nothing else, whatever the method and the token", async () => {
  const { scene, port } = await opened();
  await using _scene = scene;
  const url = (path: string) => `http://127.0.0.1:${port}${path}`;
  const own = ["/metrics", "/v1/health"];
  for (const path of own) {
    const response = await fetch(url(path));
    assertEquals(response.status, 200);
    await response.body?.cancel();
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"]) {
      const refused = await fetch(url(path), { method });
      assertEquals(refused.status, 405, `${method} ${path}`);
      await refused.body?.cancel();
    }
  }
  const authorization = { authorization: `Bearer ${TOKEN}` };
  const others = [...Object.values(API), ...Object.values(OPERATIONS)]
    .filter(({ path }) => !own.includes(path));
  assert(others.length > 20);
  for (const { method, path } of others) {
    const body = method === "POST" ? { body: "{}" } : {};
    const response = await fetch(url(path), {
      method,
      headers: { ...authorization, "content-type": "application/json" },
      ...body,
    });
    assertEquals(response.status, 404, path);
    await response.body?.cancel();
  }
  for (
    const path of [
      "/",
      "/page/main.js",
      "/metrics/",
      "//metrics",
      "/v1/../metrics/x",
      "/%6detrics",
      "/METRICS",
    ]
  ) {
    const response = await fetch(url(path));
    assertEquals(response.status, 404, path);
    await response.body?.cancel();
  }
  assertEquals(scene.stops, 0);
});

Deno.test("the listener for metrics shows no name, id or address, also when the node is not well", async () => {
  const { scene, port } = await opened();
  await using _scene = scene;
  await using peer = await scene.peer({ name: "mallory" });
  const texts = await Promise.all(
    ["/metrics", "/v1/health", "/v1/health?probe=live"].map(async (path) =>
      await (await fetch(`http://127.0.0.1:${port}${path}`)).text()
    ),
  );
  // A fact with what must not be shown.
  const fact = {
    code: "wrong-identity",
    severity: "failing",
    message: `${peer.identity.id} (mallory) is at 127.0.0.1:9`,
    since: new Date(),
  } as const;
  const { node, server } = scene;
  const status = {
    ...node.status(),
    health: [fact],
    control: { requests: 0, streams: 0, eventsMissed: 0, url: "127.0.0.1" },
    process: { residentBytes: 1, heapBytes: 1, cpuMs: 1 },
  };
  const reading = new SharedReading(new VirtualClock(), 1_000, () => status);
  for (const path of ["/metrics", "/v1/health"]) {
    const request = new Request(`http://x${path}`);
    const response = publicResponse(request, reading);
    assertEquals(response.status, path === "/metrics" ? 200 : 503);
    texts.push(await response.text());
  }
  void server;
  for (const text of texts) {
    for (
      const secret of [
        "mallory",
        "alice",
        "127.0.0.1",
        peer.identity.id.slice(0, 8),
        node.identity.id.slice(0, 8),
      ]
    ) assert(!text.includes(secret), `${secret} in ${text.slice(0, 200)}`);
  }
  assert(texts.at(-1)?.includes("wrong-identity"));
});

Deno.test("any Host is answered there, as there is nothing to steal, and pages of other origins get no leave to read it", async () => {
  const { scene, port } = await opened();
  await using _scene = scene;
  for (const host of ["evil.test", "node-0.verack.svc:9464", "127.0.0.1"]) {
    using connection = await Deno.connect({ port });
    const answer = await raw(
      connection,
      `GET /metrics HTTP/1.1\r\nHost: ${host}\r\nOrigin: http://evil.test\r\n\r\n`,
    );
    assert(answer.startsWith("HTTP/1.1 200"), answer.slice(0, 100));
    assert(!/access-control-allow/i.test(answer));
    assert(/cross-origin-resource-policy: same-origin/i.test(answer));
  }
});

Deno.test("many connections, silent, half and slow ones, keep no scraper out, and end after ten seconds", async () => {
  const clock = new VirtualClock();
  const { scene, port } = await opened(clock);
  await using _scene = scene;
  const beginnings = [
    "",
    "GET /metrics HTTP/1.1\r\nHost: x\r\nX: ",
    // Answers that are not read, of as many requests as fit into one write.
    "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(200),
    `POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n`,
  ];
  const strangers: Deno.Conn[] = [];
  for (let index = 0; index < 3 * MAX_CONTROL_CONNECTIONS; index++) {
    const connection = await Deno.connect({ port });
    strangers.push(connection);
    const text = beginnings[index % beginnings.length]!;
    // Some are closed before all of it is written.
    if (text !== "") {
      await connection.write(new TextEncoder().encode(text)).catch(() => {});
    }
    if (index % 16 !== 0) continue;
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    parseMetrics(await response.text(), "prometheus");
  }
  // The control API is as it was.
  assertEquals(
    (await scene.fetch("/v1/status").then((it) => it.json())).control
      .requests,
    1,
  );
  await clock.advance(CONTROL_STRANGER_MS);
  let open = strangers.length;
  for (const connection of strangers) {
    void new Response(connection.readable).bytes().catch(() => {})
      .then(() => open--);
  }
  await until("all have been closed", () => open === 0);
});

Deno.test("a connection gets one answer there, so that none is kept", async () => {
  const { scene, port } = await opened();
  await using _scene = scene;
  using connection = await Deno.connect({ port });
  const request = "GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n";
  const answer = await raw(connection, request.repeat(3));
  assertEquals(answer.match(/HTTP\/1.1 200/g)?.length, 1);
  assert(/connection: close/i.test(answer));
});

Deno.test("however many ask, the node is read ten times a second at most", async () => {
  const clock = new VirtualClock();
  let reads = 0;
  const reading = new SharedReading(clock, SHARED_READING_MS, () => ++reads);
  for (let index = 0; index < 1_000; index++) {
    reading.get();
    await clock.advance(1);
  }
  assertEquals(reads, 1_000 / SHARED_READING_MS);
});
