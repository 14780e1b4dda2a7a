// Pages, other users and thieves that would use the page of a node.
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { serveControl } from "../../src/cli/serve_control.ts";
import { systemClock } from "../../src/core/clock.ts";
import { openPort } from "../../src/control/control_listeners.ts";
import {
  CONTROL_STRANGER_MS,
  MAX_CONTROL_CONNECTIONS,
  MAX_PAGE_CODES,
  MAX_PAGE_SESSIONS,
  MAX_SIGN_IN_BYTES,
  PAGE_CODE_MS,
  PAGE_SESSION_MS,
} from "../../src/control/control_limits.ts";
import { ControlServer } from "../../src/control/control_server.ts";
import { Node } from "../../src/mesh/node.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import { ControlScene, TOKEN } from "../helpers/control.ts";
import { PageBrowser } from "../helpers/page_browser.ts";
import { until } from "../helpers/until.ts";

const originOf = (scene: ControlScene) => `http://127.0.0.1:${scene.port}`;

/** A one-time address. */
async function link(scene: ControlScene): Promise<string> {
  return (await scene.post("/v1/page/links", {})).url;
}

/** A browser that is signed in. */
async function signedIn(scene: ControlScene): Promise<PageBrowser> {
  const browser = new PageBrowser(originOf(scene));
  const response = await browser.visit(await link(scene));
  assertEquals(response.status, 200);
  await response.body?.cancel();
  return browser;
}

/** Waits until the other end has closed. */
async function ended(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(16_384);
  try {
    while (await connection.read(buffer) !== null);
  } catch {
    // It was reset.
  }
}

/** Whether a stream that is read from now on has ended. */
function readToEnd(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): () => boolean {
  let isOver = false;
  const read = async () => {
    while (!(await reader.read()).done);
  };
  read().catch(() => {}).finally(() => isOver = true);
  return () => isOver;
}

/** The error code of a response. */
async function codeOf(response: Response): Promise<string> {
  return (await response.json()).error?.code ?? `status ${response.status}`;
}

Deno.test("a page of another site or another port gets nothing, also from a browser that is signed in", async () => {
  await using scene = await ControlScene.start();
  const browser = await signedIn(scene);
  const foreign: Record<string, string>[] = [
    { "sec-fetch-site": "cross-site", origin: "https://evil.test" },
    { "sec-fetch-site": "cross-site", origin: "null" },
    // Another port of this host is the same site: its cookies go along.
    {
      "sec-fetch-site": "same-site",
      origin: `http://127.0.0.1:${scene.port + 1}`,
    },
    { "sec-fetch-site": "same-site" },
    { origin: "http://127.0.0.1.evil.test" },
  ];
  for (const headers of foreign) {
    for (
      const [path, request] of [
        ["/v1/status", {}],
        ["/v1/events", {}],
        ["/v1/stop", { body: {} }],
        ["/v1/page/sign-in", { body: { code: "x".repeat(43) } }],
        ["/v1/page/sign-out", { body: {} }],
        ["/page/main.js", {}],
        ["/", {}],
      ] as const
    ) {
      for (const shows of ["both", "cookie"] as const) {
        const response = await browser.fetch(path, {
          ...request,
          headers,
          shows,
        });
        assertEquals(response.status, 403, path);
        assertEquals(await codeOf(response), "foreign-origin");
        assertEquals(response.headers.get("access-control-allow-origin"), null);
      }
    }
    // The preflight of a browser before a header of ours, or JSON, goes elsewhere.
    const asked = await browser.fetch("/v1/stop", {
      method: "OPTIONS",
      headers: {
        ...headers,
        "access-control-request-headers": "verack-page-key",
      },
    });
    assertEquals(asked.status, 403);
    await asked.body?.cancel();
  }
  assertEquals(scene.stops, 0);
  assertEquals(await browser.status("/v1/status"), 200);
});

Deno.test("a link on another site leads to the page in a window of its own, and nowhere else", async () => {
  await using scene = await ControlScene.start();
  const browser = await signedIn(scene);
  const visit = {
    "sec-fetch-site": "cross-site",
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "document",
  };
  assertEquals(await browser.status("/", { headers: visit }), 200);
  for (
    const headers of [
      { ...visit, "sec-fetch-dest": "iframe" },
      { ...visit, "sec-fetch-dest": "object" },
      { ...visit, "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script" },
      { ...visit, origin: "https://evil.test" },
    ]
  ) {
    assertEquals(await browser.status("/", { headers }), 403);
  }
  for (const path of ["/v1/status", "/v1/events", "/page/main.js"]) {
    assertEquals(await browser.status(path, { headers: visit }), 403, path);
  }
  const form = { method: "POST", headers: { ...visit, origin: "null" } };
  for (const path of ["/", "/v1/stop", "/v1/page/sign-out"]) {
    assertEquals(await browser.status(path, form), 403, path);
  }
});

Deno.test("DNS rebinding: the page is served, and signs in, under names of this server only", async () => {
  await using scene = await ControlScene.start();
  const browser = await signedIn(scene);
  const code = new URL(await link(scene)).hash.slice(1);
  const ask = async (line: string, host: string, body = "") => {
    using connection = await Deno.connect({ port: scene.port });
    const head = [
      `${line} HTTP/1.1`,
      `Host: ${host}`,
      `Origin: http://${host}`,
      "Sec-Fetch-Site: same-origin",
      `Cookie: ${browser.cookie}`,
      `Verack-Page-Key: ${browser.key}`,
      "Content-Type: application/json",
      `Content-Length: ${body.length}`,
      "Connection: close",
    ];
    const text = `${head.join("\r\n")}\r\n\r\n${body}`;
    await connection.write(new TextEncoder().encode(text));
    return await new Response(connection.readable).text();
  };
  const signIn = JSON.stringify({ code });
  for (const host of ["evil.test", `evil.test:${scene.port}`, "192.0.2.1"]) {
    for (const path of ["/", "/page/main.js", "/v1/status"]) {
      assertStringIncludes(await ask(`GET ${path}`, host), "foreign-host");
    }
    const answer = await ask("POST /v1/page/sign-in", host, signIn);
    assertStringIncludes(answer, "foreign-host");
  }
  assertStringIncludes(await ask("GET /v1/status", "localhost"), "200 OK");
  assertEquals((await browser.signIn(code)).status, 200);
});

Deno.test("neither the cookie alone nor the page key alone opens anything", async () => {
  await using scene = await ControlScene.start();
  const [alice, bob] = [await signedIn(scene), await signedIn(scene)];
  for (const path of ["/v1/status", "/v1/peers", "/v1/events"]) {
    for (const shows of ["cookie", "key"] as const) {
      const response = await alice.fetch(path, { shows });
      assertEquals(response.status, 401, shows);
      assertEquals(await codeOf(response), "unauthorized");
    }
  }
  // Nor those of two browsers together.
  const mixed = new PageBrowser(originOf(scene));
  mixed.key = alice.key;
  for (const [name, value] of bob.cookies) mixed.cookies.set(name, value);
  assertEquals(await mixed.status("/v1/status"), 401);
  const empty = new PageBrowser(originOf(scene));
  empty.key = "";
  for (const name of alice.cookies.keys()) empty.cookies.set(name, "");
  assertEquals(await empty.status("/v1/status"), 401);
  const post = { body: {}, shows: "cookie" } as const;
  assertEquals(await alice.status("/v1/stop", post), 401);
  assertEquals(scene.stops, 0);
  assertEquals(await alice.status("/v1/status"), 200);
});

Deno.test("a code signs in once, also if two browsers come at the same time", async () => {
  await using scene = await ControlScene.start();
  const url = await link(scene);
  const browsers = Array.from(
    { length: 8 },
    () => new PageBrowser(originOf(scene)),
  );
  const responses = await Promise.all(browsers.map((it) => it.visit(url)));
  assertEquals(responses.filter(({ ok }) => ok).length, 1);
  for (const response of responses.filter(({ ok }) => !ok)) {
    assertEquals(response.status, 403);
    assertEquals(response.headers.get("set-cookie"), null);
    assertEquals(await codeOf(response), "wrong-code");
  }
  const served = await Promise.all(
    browsers.map((it) => it.status("/v1/peers")),
  );
  assertEquals(served.filter((status) => status === 200).length, 1);
});

Deno.test("guesses of a code find nothing, and keep neither the owner nor a browser out", async () => {
  await using scene = await ControlScene.start();
  const browser = await signedIn(scene);
  const url = await link(scene);
  const code = new URL(url).hash.slice(1);
  const guesses = [
    code.slice(0, -1),
    `${code}A`,
    code.toLowerCase(),
    code.split("").reverse().join(""),
    ` ${code}`,
    TOKEN,
    browser.key ?? "",
    ...browser.cookies.values(),
    ...Array.from({ length: 4 * MAX_CONTROL_CONNECTIONS }, (_, i) => `${i}`),
  ];
  for (const guess of guesses) {
    const response = await new PageBrowser(originOf(scene)).signIn(guess);
    assertEquals([await codeOf(response)], ["wrong-code"], guess);
    // Each guess costs a connection.
    assertEquals(response.headers.get("connection"), "close");
  }
  for (const body of [{}, { code: "" }, { code: [code] }, { code, x: 1 }]) {
    const response = await browser.fetch("/v1/page/sign-in", { body });
    assertEquals(await codeOf(response), "bad-request");
  }
  const long = { body: { code: "x".repeat(MAX_SIGN_IN_BYTES) } };
  const stranger = new PageBrowser(originOf(scene));
  assertEquals(await stranger.status("/v1/page/sign-in", long), 413);
  assertEquals(await browser.status("/v1/status"), 200);
  assertEquals((await new PageBrowser(originOf(scene)).visit(url)).status, 200);
});

Deno.test("session fixation: a sign-in takes no secret that the browser had before, and ends its old session", async () => {
  await using scene = await ControlScene.start();
  const thief = await signedIn(scene);
  const victim = new PageBrowser(originOf(scene));
  // Another port of the host has set the cookie of the thief's session, and one more.
  for (const [name, value] of thief.cookies) victim.cookies.set(name, value);
  const before = victim.cookie;
  assertEquals((await victim.visit(await link(scene))).status, 200);
  assertNotEquals(victim.cookie, before);
  assertNotEquals(victim.key, thief.key);
  const [name = "", value = ""] = victim.cookie.split("=");
  const tossed = `${name}=x; ${name}=${before.split("=")[1]}; ${name}=${value}`;
  const headers = { cookie: tossed };
  assertEquals(await victim.status("/v1/status", { headers }), 200);
  victim.key = thief.key;
  assertEquals(await victim.status("/v1/status"), 401);

  const browser = await signedIn(scene);
  const { key, cookie } = browser;
  assertEquals((await browser.visit(await link(scene))).status, 200);
  const old = { headers: { cookie, "verack-page-key": key! } };
  assertEquals(await browser.status("/v1/status", old), 401);
  assertEquals(await browser.status("/v1/status"), 200);
});

Deno.test("codes end after five minutes, sessions after a week, with their streams", async () => {
  const clock = new VirtualClock();
  await using node = await Node.start();
  await using server = new ControlServer({ node, clock, onStop: () => {} });
  const address = { host: "127.0.0.1", port: 0 };
  const port = await openPort(server, { address, token: TOKEN, clock });
  const origin = `http://127.0.0.1:${port}`;
  const late = await server.page.link(origin);
  await clock.advance(PAGE_CODE_MS);
  const browser = new PageBrowser(origin);
  assertEquals(await codeOf(await browser.visit(late.url)), "wrong-code");
  const inTime = await server.page.link(origin);
  await clock.advance(PAGE_CODE_MS - 1);
  assertEquals((await browser.visit(inTime.url)).status, 200);
  const stream = await browser.fetch("/v1/events");
  const reader = stream.body!.getReader();
  assert((await reader.read()).value !== undefined);
  const isOver = readToEnd(reader);
  await clock.advance(PAGE_SESSION_MS);
  assertEquals(await browser.status("/v1/status"), 401);
  await until("the end of the stream", isOver);
});

Deno.test("a stream of events ends when its browser is signed out from elsewhere", async () => {
  await using scene = await ControlScene.start();
  const [alice, bob] = [await signedIn(scene), await signedIn(scene)];
  const streams = await Promise.all(
    [alice, bob].map((it) => it.fetch("/v1/events")),
  );
  const [ofAlice, ofBob] = streams.map(({ body }) => body!.getReader());
  assert((await ofAlice!.read()).value && (await ofBob!.read()).value);
  const out = await alice.fetch("/v1/page/sign-out", { body: {} });
  await out.body?.cancel();
  await until("the end of the stream", readToEnd(ofAlice!));
  assertEquals(await bob.status("/v1/status"), 200);
  await ofBob!.cancel();
});

Deno.test("more browsers than may be signed in end the one used longest ago, more codes the oldest", async () => {
  await using scene = await ControlScene.start();
  const [first, second] = [await signedIn(scene), await signedIn(scene)];
  for (let i = 2; i < MAX_PAGE_SESSIONS; i++) await signedIn(scene);
  assertEquals(await first.status("/v1/status"), 200);
  await signedIn(scene);
  assertEquals(await first.status("/v1/status"), 200);
  assertEquals(await second.status("/v1/status"), 401);

  const links = [];
  for (let i = 0; i <= MAX_PAGE_CODES; i++) links.push(await link(scene));
  const visit = async (url = "") => {
    const response = await new PageBrowser(originOf(scene)).visit(url);
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await visit(links[0]), 403);
  assertEquals(await visit(links[1]), 200);
  assertEquals(await visit(links.at(-1)), 200);
});

Deno.test("no sign-in outlives the process, whatever token the next one has", async () => {
  await using node = await Node.start();
  const address = { host: "127.0.0.1", port: 0 };
  const options = { node, clock: systemClock, onStop: () => {} };
  const start = async (port: number) => {
    const server = new ControlServer(options);
    const at = { ...address, port };
    const opened = { address: at, token: TOKEN, clock: systemClock };
    return [server, await openPort(server, opened)] as const;
  };
  const [server, port] = await start(0);
  const browser = new PageBrowser(`http://127.0.0.1:${port}`);
  const unused = (await server.page.link(browser.origin)).url;
  const { url } = await server.page.link(browser.origin);
  assertEquals((await browser.visit(url)).status, 200);
  await server.close();
  const [again] = await start(port);
  assertEquals(await browser.status("/v1/status"), 401);
  assertEquals(await codeOf(await browser.visit(unused)), "wrong-code");
  await again.close();
});

Deno.test("the page of one node opens no other node of the host, whose cookies it gets", async () => {
  await using alice = await ControlScene.start();
  await using bob = await ControlScene.start();
  const browser = await signedIn(alice);
  const other = new PageBrowser(originOf(bob));
  other.key = browser.key;
  for (const [name, value] of browser.cookies) other.cookies.set(name, value);
  assertEquals(await other.status("/v1/status"), 401);
  assertEquals((await other.visit(await link(bob))).status, 200);
  // Both cookies have names of their own: neither sign-in ends the other.
  assertEquals(other.cookies.size, 2);
  for (const [name, value] of other.cookies) browser.cookies.set(name, value);
  assertEquals(await browser.status("/v1/status"), 200);
});

Deno.test("the page can neither make one-time addresses nor reach files and ports of the machine", async () => {
  await using scene = await ControlScene.start();
  const browser = await signedIn(scene);
  const to = "0".repeat(64);
  for (
    const [path, body] of [
      ["/v1/page/links", {}],
      ["/v1/files/send", { to, paths: ["/etc/hostname"] }],
      ["/v1/files/receive", { dir: "/tmp", accept: "all" }],
      ["/v1/forward", { listen: "0", peer: to, to: "127.0.0.1:22" }],
    ] as const
  ) {
    const response = await browser.fetch(path, { body });
    assertEquals(response.status, 403, path);
    assertEquals(await codeOf(response), "owner-only");
  }
});

Deno.test("strangers that load the page have ten seconds, and no room of others", async () => {
  const clock = new VirtualClock();
  await using scene = await ControlScene.start({}, clock);
  const browser = await signedIn(scene);
  const strangers: Deno.Conn[] = [];
  const head = `GET / HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  for (let i = 0; i < 2 * MAX_CONTROL_CONNECTIONS; i++) {
    const stranger = await Deno.connect({ port: scene.port });
    await stranger.write(new TextEncoder().encode(head));
    strangers.push(stranger);
  }
  assertEquals(await browser.status("/v1/status"), 200);
  const ends = Promise.all(strangers.map(ended));
  await clock.advance(CONTROL_STRANGER_MS);
  await ends;
  for (const stranger of strangers) stranger.close();
});

Deno.test("with TLS the cookie is sent over TLS alone, and no other host of the domain can set it", async () => {
  await using node = await Node.start();
  const { certificatePem: cert, privateKeyPem: key } = node.identity;
  const options = { node, clock: systemClock, onStop: () => {} };
  await using server = new ControlServer(options);
  const address = { host: "127.0.0.1", port: 0 };
  const port = await openPort(server, {
    address,
    token: TOKEN,
    certificate: { cert, key },
    clock: systemClock,
  });
  const access = server.page.access({ isSecure: true });
  const signIn = server.page.sessions.signIn(
    new URL((await server.page.link(`https://127.0.0.1:${port}`)).url).hash
      .slice(1),
  );
  const line = access.setCookie(signIn!);
  assert(/^__Host-verack-[0-9a-f]{16}=/.test(line), line);
  assert(/; Path=\/; .*; HttpOnly; SameSite=Strict; Secure$/.test(line), line);
});

Deno.test("a service worker that another program left at the port gets a script that removes it, whatever its path", async () => {
  await using scene = await ControlScene.start();
  const browser = new PageBrowser(originOf(scene));
  const headers = { "service-worker": "script" };
  for (const path of ["/", "/page/main.js", "/v1/status", "/app/worker.js"]) {
    const response = await browser.fetch(path, { headers });
    assertEquals(response.status, 200);
    assertEquals(response.headers.get("service-worker-allowed"), "/");
    assertStringIncludes(await response.text(), "registration.unregister()");
  }
  const foreign = { ...headers, "sec-fetch-site": "cross-site" };
  assertEquals(await browser.status("/", { headers: foreign }), 403);
  const post = { headers, body: {} };
  assertEquals(await browser.status("/v1/stop", post), 401);
  assertEquals(scene.stops, 0);
});

Deno.test("at localhost the page has the IP address where the node listens: at the other one another user can", async () => {
  await using node = await Node.start();
  const directory = await Deno.makeTempDir();
  const flags = {
    data: undefined,
    http: { host: "localhost", port: 0 },
    httpTokenFile: `${directory}/token`,
  };
  {
    await using control = await serveControl(flags, node, () => {});
    const { url } = await control.server.page.link();
    const { hostname } = new URL(url);
    assert(["127.0.0.1", "[::1]"].includes(hostname), url);
    const page = await fetch(url);
    assertEquals(page.status, 200);
    await page.body?.cancel();
  }
  await Deno.remove(directory, { recursive: true });
});
