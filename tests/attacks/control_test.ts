// Web pages, other users and strangers who would use the control API of a node.
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import fc from "fast-check";
import { systemClock, systemRandom } from "../../src/core/clock.ts";
import { ControlServer } from "../../src/control/control_server.ts";
import {
  openDirectory,
  openPort,
} from "../../src/control/control_listeners.ts";
import {
  readOrMakeToken,
  readToken,
} from "../../src/control/control_endpoint.ts";
import { VerackError } from "../../src/core/errors.ts";
import {
  CONTROL_IDLE_MS,
  CONTROL_STRANGER_MS,
  MAX_CONTROL_CONNECTIONS,
  MAX_CONTROL_JSON_BYTES,
  MAX_CONTROL_STREAMS,
} from "../../src/control/control_limits.ts";
import { serverNameOf } from "../../src/core/peer_id.ts";
import { Node } from "../../src/mesh/node.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import { ControlScene, TIMES, TOKEN } from "../helpers/control.ts";

type Where = Deno.ConnectOptions | Deno.UnixConnectOptions;

async function dial(where: Where): Promise<Deno.Conn> {
  return "path" in where
    ? await Deno.connect(where)
    : await Deno.connect(where);
}

/** What a raw HTTP/1.1 request is answered, over TCP, TLS or the Unix socket. */
async function raw(
  where: Where | Deno.Conn,
  lines: readonly string[],
): Promise<{ status: number; head: string; error: { code?: string } }> {
  using connection = "readable" in where ? where : await dial(where);
  const text = [...lines, "Connection: close", "", ""].join("\r\n");
  const { writable, readable } = connection;
  const writer = writable.getWriter();
  await writer.write(new TextEncoder().encode(text));
  const answer = await new Response(readable).text();
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  const json = body.match(/\{.*\}/s)?.[0] ?? "{}";
  return {
    status: Number(head.split(" ")[1]),
    head: head.toLowerCase(),
    error: JSON.parse(json).error ?? {},
  };
}

/** Waits until the other end has closed; fails if it does not. */
async function ended(connection: Deno.Conn): Promise<void> {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    connection.close();
  }, 10_000);
  const buffer = new Uint8Array(4_096);
  try {
    while (await connection.read(buffer) !== null);
  } catch {
    // It was reset.
  } finally {
    clearTimeout(timer);
  }
  assert(!late, "the other end did not close");
}

async function assertRefused(
  response: Response,
  status: number,
  code: string,
): Promise<void> {
  const { error } = await response.json();
  assertEquals([response.status, error.code], [status, code], error.message);
  assert(error.message.length > 10);
  assertEquals(response.headers.get("access-control-allow-origin"), null);
  assertEquals(response.headers.get("x-content-type-options"), "nosniff");
  assertEquals(response.headers.get("cache-control"), "no-store");
}

Deno.test("DNS rebinding: a request under a foreign name is refused, also with the token", async () => {
  await using scene = await ControlScene.start();
  const tcp = { hostname: "127.0.0.1", port: scene.port };
  const unix = {
    transport: "unix",
    path: `${scene.directory}/control.sock`,
  } as const;
  const authorization = `Authorization: Bearer ${TOKEN}`;
  const get = "GET /v1/status HTTP/1.1";
  for (
    const host of [
      "evil.test",
      `evil.test:${scene.port}`,
      "localhost.evil.test",
      "127.0.0.1.evil.test",
      "192.0.2.1",
      "[::2]:80",
      "evil.test@127.0.0.1",
    ]
  ) {
    for (const where of [tcp, unix]) {
      const answer = await raw(where, [get, `Host: ${host}`, authorization]);
      const refused = answer.status === 400 ||
        (answer.status === 403 && answer.error.code === "foreign-host");
      assert(refused, `${host}: ${answer.head}`);
    }
  }
  // The request line names one host, the header another.
  for (const where of [tcp, unix]) {
    for (
      const [line, header] of [["127.0.0.1", "evil.test"], [
        "evil.test",
        "127.0.0.1",
      ]]
    ) {
      const { status } = await raw(where, [
        `GET http://${line}/v1/status HTTP/1.1`,
        `Host: ${header}`,
        authorization,
      ]);
      assert([400, 403].includes(status), `${line} ${header}: ${status}`);
    }
  }
  for (const host of ["localhost", "127.0.0.1", "[::1]", "LOCALHOST:9"]) {
    const answer = await raw(tcp, [get, `Host: ${host}`, authorization]);
    assertEquals(answer.status, 200, answer.head);
  }
  assertEquals((await raw(unix, [get, "Host: localhost"])).status, 200);
});

Deno.test("CSRF: requests of web pages are refused, also with the token", async () => {
  await using scene = await ControlScene.start();
  for (
    const headers of [
      { origin: "https://evil.test" },
      { origin: "null" },
      { origin: `http://127.0.0.1:${scene.port + 1}` },
      { origin: "http://localhost" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ]
  ) {
    const init = { method: "POST", headers } as const;
    await assertRefused(
      await scene.fetch("/v1/stop", init),
      403,
      "foreign-origin",
    );
    await assertRefused(
      await scene.fetch("/v1/status", { headers }),
      403,
      "foreign-origin",
    );
    const preflight = await scene.fetch("/v1/stop", {
      method: "OPTIONS",
      headers: { ...headers, "access-control-request-method": "POST" },
    });
    await assertRefused(preflight, 403, "foreign-origin");
  }
  assertEquals(scene.stops, 0);
});

Deno.test("CSRF: what a form can send is refused, also with the token", async () => {
  await using scene = await ControlScene.start();
  const bodies: readonly [type: string, body: BodyInit][] = [
    ["text/plain", "{}"],
    ["application/x-www-form-urlencoded", "a=b"],
    ["multipart/form-data; boundary=x", "--x--"],
    ["text/plain;application/json", "{}"],
  ];
  for (const [type, body] of bodies) {
    const response = await scene.fetch("/v1/stop", {
      method: "POST",
      headers: { "content-type": type },
      body,
    });
    await assertRefused(response, 415, "unsupported-media-type");
  }
  // No type at all, but something to say.
  const untyped = await scene.fetch("/v1/stop", {
    method: "POST",
    body: new TextEncoder().encode("{}"),
  });
  await assertRefused(untyped, 415, "unsupported-media-type");
  assertEquals(scene.stops, 0);
  const fine = await scene.fetch("/v1/stop", {
    method: "POST",
    headers: { "content-type": "application/json; charset=utf-8" },
    body: "{}",
  });
  assertEquals([fine.status, scene.stops], [202, 1]);
  await fine.body?.cancel();
});

Deno.test("without the token, or with another, nothing is told", async () => {
  await using scene = await ControlScene.start();
  const authorizations = [
    "",
    "Bearer",
    `Bearer ${TOKEN}0`,
    `Bearer ${TOKEN.slice(1)}`,
    `Bearer ${TOKEN.toUpperCase()}`,
    `Basic ${btoa(`x:${TOKEN}`)}`,
    TOKEN,
    `Bearer x ${TOKEN}`,
  ];
  for (const path of ["/v1/status", "/v1/nothing", "/metrics", "/pages"]) {
    for (const authorization of authorizations) {
      const response = await scene.fetch(path, {
        token: null,
        headers: { authorization },
      });
      assertEquals(response.headers.get("www-authenticate"), "Bearer");
      await assertRefused(response, 401, "unauthorized");
    }
  }
  await assertRefused(
    await scene.fetch(`/v1/status?token=${TOKEN}`, { token: null }),
    401,
    "unauthorized",
  );
});

Deno.test("paths lead nowhere but to the table, and never to a file", async () => {
  await using scene = await ControlScene.start();
  const secret = "a file of the node";
  await Deno.writeTextFile(`${scene.directory}/node.key`, secret);
  const tcp = { hostname: "127.0.0.1", port: scene.port };
  for (
    const path of [
      "/v1",
      "/v1/",
      "/v1/status/",
      "//v1/status",
      "/V1/STATUS",
      "/v2/status",
      "/node.key",
      "/../node.key",
      "/v1/../../node.key",
      "/v1/%2e%2e/%2e%2e/node.key",
      "/v1/..%2f..%2fnode.key",
      "/..\\node.key",
      "/v1/status%00",
      "/constructor",
      "/__proto__",
      "/v1/toString",
      "/page",
      "/page/../node.key",
      "/page/../../node.key",
      "/page/..%2fnode.key",
      "/page/node.key",
    ]
  ) {
    const answer = await raw(tcp, [
      `GET ${path} HTTP/1.1`,
      "Host: localhost",
      `Authorization: Bearer ${TOKEN}`,
    ]);
    assert([400, 404].includes(answer.status), `${path}: ${answer.head}`);
    assert(!answer.head.includes(secret));
  }
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
    const response = await scene.fetch("/v1/status", { method });
    assertEquals(response.headers.get("allow"), "GET");
    await assertRefused(response, 405, "method-not-allowed");
  }
  // Hono answers HEAD as it does GET: it would open a stream that is not read.
  const head = await scene.fetch("/v1/events", { method: "HEAD" });
  assertEquals(head.status, 405);
  for (const query of ["?x", "?query=a&query=b", "?query=a&x=", "?query="]) {
    const response = await scene.fetch(`/v1/peers${query}`);
    await assertRefused(response, 400, "bad-request");
  }
});

Deno.test("bodies are bounded, whatever they say of their length", async () => {
  await using scene = await ControlScene.start();
  const post = (body: BodyInit) =>
    scene.fetch("/v1/stop", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
  const large = new Uint8Array(MAX_CONTROL_JSON_BYTES + 1).fill(32);
  await assertRefused(await post(large), 413, "too-large");
  // In chunks, without a length.
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(65_536).fill(32)),
  });
  await assertRefused(await post(endless), 413, "too-large");
  for (const body of ["{", "[]", "1", "null", '"x"', "\xff"]) {
    await assertRefused(await post(body), 400, "bad-request");
  }
  assertEquals(scene.stops, 0);
});

Deno.test("no request at all makes it fail, and none is refused without a reason", async () => {
  await using scene = await ControlScene.start();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("GET", "POST", "PUT", "HEAD"),
      fc.oneof(
        fc.webPath(),
        fc.constantFrom("/v1/status", "/v1/peers", "/v1/stop"),
      ),
      fc.webQueryParameters(),
      async (method, path, query) => {
        const response = await scene.fetch(`${path}?${query}`, { method });
        const text = await response.text();
        assert(response.status < 500, text);
        if (response.status >= 400 && method !== "HEAD") {
          assert(typeof JSON.parse(text).error.code === "string");
        }
      },
    ),
    { numRuns: 100 },
  );
});

Deno.test("watchers are bounded in number, and one that leaves makes room", async () => {
  await using scene = await ControlScene.start();
  const open = await Promise.all(
    Array.from(
      { length: MAX_CONTROL_STREAMS },
      () => scene.fetch("/v1/events"),
    ),
  );
  assertEquals(new Set(open.map((it) => it.status)), new Set([200]));
  const surplus = await scene.fetch("/v1/events");
  if (surplus.ok) await surplus.body?.cancel();
  assertEquals(surplus.status, 503);
  await assertRefused(surplus, 503, "busy");
  await open[0]?.body?.cancel();
  while (true) {
    const again = await scene.fetch("/v1/events");
    const { status } = again;
    await again.body?.cancel();
    if (status === 200) break;
  }
  for (const response of open.slice(1)) await response.body?.cancel();
});

Deno.test("off loopback control is served with TLS and a token, or not at all", async () => {
  await using node = await Node.start();
  await using server = new ControlServer({
    node,
    clock: systemClock,
    onStop: () => {},
  });
  for (
    const host of ["0.0.0.0", "::", "192.0.2.1", "10.0.0.1", "example.org"]
  ) {
    const address = { host, port: 0 };
    const error = await assertRejects(
      () => openPort(server, { address, token: TOKEN, clock: systemClock }),
      VerackError,
    );
    assertEquals(error.code, "unsafe", host);
    assertStringIncludes(error.message, "--http-cert");
  }
  const { certificatePem: cert, privateKeyPem: key } = node.identity;
  const port = await openPort(server, {
    address: { host: "0.0.0.0", port: 0 },
    token: TOKEN,
    certificate: { cert, key },
    clock: systemClock,
  });
  // Plain HTTP gets nowhere there.
  await assertRejects(() => fetch(`http://127.0.0.1:${port}/v1/status`));
  const name = serverNameOf(node.identity.id);
  const ask = async (host: string, authorization: string) => {
    const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
    const tls = await Deno.startTls(tcp, { hostname: name, caCerts: [cert] });
    return await raw(tls, [
      "GET /v1/status HTTP/1.1",
      `Host: ${host}`,
      authorization,
    ]);
  };
  const right = `Authorization: Bearer ${TOKEN}`;
  for (const host of [name, `${name}:${port}`, "192.0.2.1", "[2001:db8::1]"]) {
    assertEquals((await ask(host, right)).status, 200, host);
  }
  assertEquals((await ask("evil.test", right)).error.code, "foreign-host");
  assertEquals((await ask(name, "X: y")).error.code, "unauthorized");
});

Deno.test("strangers that send nothing, or half of it, have ten seconds at a port, and no room of others", async () => {
  const clock = new VirtualClock();
  await using scene = await ControlScene.start({}, clock);
  const tcp = { hostname: "127.0.0.1", port: scene.port };
  const known = await scene.fetch("/v1/events");
  const strangers: Deno.Conn[] = [];
  const beginnings = [
    "",
    "GET /v1/status HTTP/1.1\r\nHost: localhost\r\nX: ",
    `GET /v1/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}`,
    // Refused, and closed at once.
    "GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n",
  ];
  for (let i = 0; i < 2 * MAX_CONTROL_CONNECTIONS; i++) {
    const connection = await Deno.connect(tcp);
    const text = beginnings[i % beginnings.length]!;
    if (text !== "") await connection.write(new TextEncoder().encode(text));
    strangers.push(connection);
  }
  // The oldest have made room for the others.
  await Promise.all(strangers.slice(0, 8).map(ended));
  // Who has the token is let in none the less, and stays.
  const status = await scene.fetch("/v1/status");
  assertEquals(status.status, 200);
  await status.body?.cancel();
  await clock.advance(CONTROL_STRANGER_MS);
  await Promise.all(strangers.map(ended));
  const reader = known.body!.getReader();
  assert((await reader.read()).value !== undefined);
  await reader.cancel();
  for (const connection of strangers) connection.close();
});

for (const way of ["socket", "port"] as const) {
  Deno.test(`idle connections at the ${way}, also of who may ask, keep nobody out and end`, async () => {
    const clock = new VirtualClock();
    await using scene = await ControlScene.start({}, clock);
    const where: Where = way === "port"
      ? { hostname: "127.0.0.1", port: scene.port }
      : { transport: "unix", path: `${scene.directory}/control.sock` };
    const request = [
      "GET /v1/status HTTP/1.1",
      "Host: localhost",
      `Authorization: Bearer ${TOKEN}`,
      "",
      "",
    ];
    const ask = async (connection: Deno.Conn) => {
      const text = new TextEncoder().encode(request.join("\r\n"));
      await connection.write(text);
      const buffer = new Uint8Array(4_096);
      const count = await connection.read(buffer);
      const answer = new TextDecoder().decode(buffer.subarray(0, count ?? 0));
      assertStringIncludes(answer, "HTTP/1.1 200");
    };
    const idle: Deno.Conn[] = [];
    for (let i = 0; i < MAX_CONTROL_CONNECTIONS + 4; i++) {
      const connection = await dial(where);
      await ask(connection);
      idle.push(connection);
    }
    // The oldest have made room, the others are still served.
    await Promise.all(idle.slice(0, 4).map(ended));
    for (const connection of idle.slice(4)) await ask(connection);
    await clock.advance(CONTROL_IDLE_MS - 1);
    const [fifth] = idle.slice(4);
    await ask(fifth!);
    await clock.advance(1);
    await Promise.all(idle.slice(5).map(ended));
    await ask(fifth!);
    for (const connection of idle) connection.close();

    // Half a request has ten seconds.
    const half = await dial(where);
    await half.write(new TextEncoder().encode(request[0]!));
    using client = await scene.client();
    await client.status();
    await clock.advance(CONTROL_STRANGER_MS);
    await ended(half);
    half.close();
  });
}

Deno.test({
  name: "another user of the machine cannot get at the socket or the token",
  ignore: Deno.build.os === "windows", // Files have no mode there.
  fn: async () => {
    await using scene = await ControlScene.start();
    assertEquals(((await Deno.stat(scene.directory)).mode ?? 0) & 0o777, 0o700);

    const open = await Deno.makeTempDir();
    try {
      await Deno.chmod(open, 0o755);
      const error = await assertRejects(
        () => openDirectory(scene.server, open, TIMES),
        VerackError,
      );
      assertEquals(error.code, "unsafe");
      assertStringIncludes(error.message, "mode 755), must be 700");

      const path = `${open}/control.token`;
      const token = await readOrMakeToken(path, systemRandom);
      assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
      assertEquals(await readOrMakeToken(path, systemRandom), token);
      await Deno.chmod(path, 0o640);
      const read = await assertRejects(() => readToken(path), VerackError);
      assertEquals(read.code, "unsafe");
      await Deno.chmod(path, 0o600);
      await Deno.writeTextFile(path, "short");
      const short = await assertRejects(() => readToken(path), VerackError);
      assertEquals(short.code, "bad-data");
    } finally {
      await Deno.remove(open, { recursive: true });
    }
  },
});
