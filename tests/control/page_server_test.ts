/** The page's files and its sign-in at a node; attacks on them are in `tests/attacks/page_test.ts`. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
} from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import { ControlServer } from "../../src/control/control_server.ts";
import { VerackError } from "../../src/core/errors.ts";
import { Node } from "../../src/mesh/node.ts";
import { PAGE_FILE_NAMES, pageFile } from "../../src/page/page_files.ts";
import { pageResponse } from "../../src/control/page_responses.ts";
import { ControlScene } from "../helpers/control.ts";
import { assertFails } from "../helpers/assert_fails.ts";
import { PageBrowser } from "../helpers/page_browser.ts";

const paths = [
  "/",
  ...PAGE_FILE_NAMES.filter((it) => it !== "index.html")
    .map((name) => `/page/${name}`),
];

Deno.test("the page's files are served without a sign-in, from memory, and nothing else is", async () => {
  await using scene = await ControlScene.start();
  for (const path of paths) {
    const response = await scene.fetch(path, { token: null });
    const file = pageFile(path);
    assertEquals(response.status, 200, path);
    assertEquals(response.headers.get("content-type"), file?.contentType);
    assertEquals(new Uint8Array(await response.arrayBuffer()), file?.body);
  }
  for (
    const path of [
      "/page/",
      "/page/nothing.js",
      "/page/index.html",
      "/page/page_files.ts",
      "/page/%6dain.js",
      "/page/..%2f..%2fdeno.json",
      "/page//main.js",
      "/page/main.js/",
      "/page/__proto__",
      "/page/constructor",
    ]
  ) {
    const response = await scene.fetch(path);
    assertEquals(response.status, 404, path);
    assertEquals((await response.json()).error.code, "not-found");
  }
});

Deno.test("every file of the page has headers that keep foreign code, frames and other hosts out", async () => {
  await using scene = await ControlScene.start();
  for (const path of paths) {
    const { headers, body } = await scene.fetch(path, { token: null });
    await body?.cancel();
    assertEquals(
      headers.get("content-security-policy"),
      "default-src 'none'; script-src 'self'; style-src 'self'; " +
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; " +
        "form-action 'none'; frame-ancestors 'none'; " +
        "require-trusted-types-for 'script'",
    );
    assertEquals(headers.get("x-content-type-options"), "nosniff");
    assertEquals(headers.get("x-frame-options"), "DENY");
    assertEquals(headers.get("cross-origin-opener-policy"), "same-origin");
    assertEquals(headers.get("cross-origin-resource-policy"), "same-origin");
    assertEquals(headers.get("referrer-policy"), "no-referrer");
    assertMatch(headers.get("permissions-policy") ?? "", /camera=\(\)/);
    assertEquals(headers.get("cache-control"), "no-cache");
    assertEquals(headers.get("access-control-allow-origin"), null);
    assertEquals(headers.get("server"), null);
    assertEquals(headers.get("x-powered-by"), null);
    assertEquals(headers.get("set-cookie"), null);
  }
  // Answers of the API are no documents: they need none of it.
  const { headers, body } = await scene.fetch("/v1/status");
  await body?.cancel();
  assertEquals(
    headers.get("content-security-policy"),
    "default-src 'none'; frame-ancestors 'none'",
  );
  assertEquals(headers.get("cache-control"), "no-store");
});

Deno.test("a file that the browser has is not sent again, and HEAD sends the headers alone", async () => {
  await using scene = await ControlScene.start();
  const first = await scene.fetch("/page/main.js", { token: null });
  await first.body?.cancel();
  const etag = first.headers.get("etag") ?? "";
  assertMatch(etag, /^"[\w-]+"$/);
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
    const headers = { "if-none-match": known };
    const again = await scene.fetch("/page/main.js", { token: null, headers });
    assertEquals([again.status, await again.text()], [304, ""], known);
    assertEquals(again.headers.get("etag"), etag);
  }
  const headers = { "if-none-match": '"other"' };
  const other = await scene.fetch("/page/main.js", { token: null, headers });
  assertEquals(other.status, 200);
  await other.body?.cancel();
  const head = await scene.fetch("/page/main.js", {
    token: null,
    method: "HEAD",
  });
  assertEquals([head.status, await head.text()], [200, ""]);
  assertEquals(
    head.headers.get("content-length"),
    first.headers.get("content-length"),
  );
  const post = await scene.fetch("/page/main.js", { method: "POST" });
  assertEquals([post.status, post.headers.get("allow")], [405, "GET, HEAD"]);
  await post.body?.cancel();
});

Deno.test("a file is compressed for those that take it so, and has a tag of its own then", async () => {
  const ask = (encoding?: string) =>
    pageResponse(
      new Request("http://localhost/page/main.js", {
        headers: encoding === undefined ? {} : { "accept-encoding": encoding },
      }),
      pageFile,
    );
  const plain = ask();
  const text = await plain.text();
  for (const encoding of ["gzip", "br, gzip;q=0.5", "GZIP , deflate"]) {
    const { headers, body } = ask(encoding);
    assertEquals(headers.get("content-encoding"), "gzip", encoding);
    assertEquals(headers.get("vary"), "accept-encoding");
    assert(headers.get("etag") !== plain.headers.get("etag"));
    assert(Number(headers.get("content-length")) < text.length / 1.5);
    assert(body !== null);
    const unzipped = body.pipeThrough(new DecompressionStream("gzip"));
    assertEquals(await new Response(unzipped).text(), text);
  }
  for (const encoding of ["br", "gzip;q=0", "xgzip", "*"]) {
    const answer = ask(encoding);
    assertEquals(answer.headers.get("content-encoding"), null, encoding);
    assertEquals(await answer.text(), text);
  }
});

Deno.test("a browser that follows a one-time address may use the API, and no other one", async () => {
  await using scene = await ControlScene.start();
  const origin = `http://127.0.0.1:${scene.port}`;
  const { url, expiresAt } = await scene.post("/v1/page/links", {});
  assertMatch(url, new RegExp(`^${origin}/#[\\w-]{43}$`));
  assert(Date.parse(expiresAt) > Date.now());
  const browser = new PageBrowser(origin);
  assertEquals(await browser.status("/v1/status"), 401);
  assertEquals((await browser.visit(url)).status, 200);
  const id = scene.node.identity.id.slice(0, 16);
  assertMatch(
    browser.setCookie,
    new RegExp(
      `^verack-${id}=[\\w-]{43}; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict$`,
    ),
  );
  assertNotEquals(browser.cookie.split("=")[1], browser.key);
  const status = await browser.fetch("/v1/status");
  const { control } = await status.json();
  assertEquals(status.status, 200);
  assertEquals(control.page, undefined);
  const allow = { body: { id: "0".repeat(64), name: "zero" } };
  assertEquals(await browser.status("/v1/allow", allow), 200);
  assertEquals(await new PageBrowser(origin).status("/v1/status"), 401);
});

Deno.test("a one-time address has the name by which its client reached the node", async () => {
  await using scene = await ControlScene.start();
  const url = `http://localhost:${scene.port}/v1/page/links`;
  const headers = { authorization: `Bearer 0123456789abcdef0123456789abcdef` };
  const response = await fetch(url, { method: "POST", headers });
  assertMatch((await response.json()).url, /^http:\/\/localhost:\d+\/#/);
});

Deno.test("a browser signs out alone, or all do", async () => {
  await using scene = await ControlScene.start();
  const origin = `http://127.0.0.1:${scene.port}`;
  const signedIn = async () => {
    const browser = new PageBrowser(origin);
    const response = await browser.visit(
      (await scene.post("/v1/page/links", {})).url,
    );
    await response.body?.cancel();
    return browser;
  };
  const [alice, bob, carol] = await Promise.all([0, 1, 2].map(signedIn));
  const out = await alice!.fetch("/v1/page/sign-out", { body: {} });
  assertEquals(await out.json(), { signedOut: 1 });
  assertMatch(alice!.setCookie, /=; Path=\/; Max-Age=0; HttpOnly/);
  assertEquals(await alice!.status("/v1/status"), 401);
  assertEquals(await bob!.status("/v1/status"), 200);
  const all = await bob!.fetch("/v1/page/sign-out", { body: { all: true } });
  assertEquals(await all.json(), { signedOut: 2 });
  for (const browser of [bob, carol]) {
    assertEquals(await browser!.status("/v1/status"), 401);
  }
});

Deno.test("a node without a port opens one of loopback when its page is asked for, once, with no token", async () => {
  await using scene = await ControlScene.start();
  using client = await scene.client();
  assertEquals((await client.status()).control.page, undefined);
  const [first, second] = await Promise.all([
    client.pageLink(),
    client.pageLink(),
  ]);
  const { origin } = new URL(first!.url);
  assertEquals(new URL(second!.url).origin, origin);
  assertMatch(origin, /^http:\/\/127\.0\.0\.1:\d+$/);
  assertEquals((await client.status()).control.page, `${origin}/`);
  const browser = new PageBrowser(origin);
  assertEquals((await browser.visit(first!.url)).status, 200);
  assertEquals(await browser.status("/v1/status"), 200);
  const authorization = `Bearer 0123456789abcdef0123456789abcdef`;
  const asProgram = { headers: { authorization } };
  assertEquals(
    await new PageBrowser(origin).status("/v1/status", asProgram),
    401,
  );
});

Deno.test("a node that cannot open a port for its page says so, and tries again", async () => {
  await using node = await Node.start();
  let tries = 0;
  const openPage = () =>
    ++tries === 1
      ? Promise.reject(new VerackError("permission", "needs --allow-net"))
      : Promise.resolve("http://127.0.0.1:9/");
  const options = { node, clock: systemClock, onStop: () => {} };
  await using server = new ControlServer({ ...options, openPage });
  await assertFails(() => server.page.link(), "permission", "--allow-net");
  assertMatch((await server.page.link()).url, /^http:\/\/127\.0\.0\.1:9\/#/);
  await using closed = new ControlServer(options);
  await assertFails(() => closed.page.link(), "unsupported", "no port");
});

Deno.test("the socket needs no sign-in and has none", async () => {
  await using scene = await ControlScene.start();
  const path = `${scene.directory}/control.sock`;
  using client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
  const browser = new PageBrowser("http://localhost", client);
  assertEquals(await browser.status("/"), 200);
  assertEquals(await browser.status("/v1/status"), 200);
  const response = await browser.signIn("anything");
  assertEquals((await response.json()).error.code, "conflict");
});
