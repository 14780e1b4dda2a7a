/** The tests in a browser notice what a page must not do. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  assertNoFault,
  browserTest,
  CHROMIUM,
  elsewhere,
  TestBrowser,
} from "./browser.ts";
import { testIf } from "./test_if.ts";
import { until } from "./until.ts";

const test = testIf(CHROMIUM !== undefined);

const POLICY =
  "default-src 'none'; script-src 'self'; img-src 'self'; connect-src 'self'; require-trusted-types-for 'script'";

/** Serves one page and its script, under a policy as that of the node's page. */
function serve(
  html: string,
  script: string,
): Deno.HttpServer<Deno.NetAddr> {
  const answer = (body: string, type: string) =>
    new Response(body, {
      headers: { "Content-Type": type, "Content-Security-Policy": POLICY },
    });
  return Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/") {
        return answer(
          `<!doctype html><meta charset=utf-8><title>Test</title>
           <link rel=icon href=/icon.png><h1>first</h1>${html}
           <script type=module src=/main.js></script>`,
          "text/html; charset=utf-8",
        );
      }
      return answer(
        pathname === "/main.js" ? script : "",
        pathname === "/main.js" ? "text/javascript" : "image/png",
      );
    },
  );
}

const address = ({ addr }: Deno.HttpServer<Deno.NetAddr>) =>
  `http://127.0.0.1:${addr.port}/`;

browserTest(
  "a page that behaves has no fault, and its text is read under a strict policy",
  async (browser) => {
    await using server = serve(
      "",
      `document.querySelector("h1").textContent = "second"`,
    );
    const watched = await browser.open(address(server), {
      colorScheme: "dark",
    });
    const { page } = watched;
    await page.getByRole("heading", { name: "second" }).waitFor();
    assert(
      await page.evaluate(`matchMedia("(prefers-color-scheme: dark)").matches`),
    );
    assertEquals(
      watched.requests.slice(0, 2),
      [address(server), `${address(server)}main.js`],
    );
    assertNoFault(watched);
  },
);

const MISDEEDS: readonly [html: string, script: string, fault: RegExp][] = [
  [
    "<img src=/icon.png onerror='document.title=1'>",
    "",
    /violates script-src-attr/,
  ],
  [
    "",
    `try { document.body.innerHTML = "<b>x</b>" } catch {}`,
    /violates require-trusted-types-for/,
  ],
  ["", `throw new Error("out of order")`, /exception: out of order/],
  [
    "<img src=http://other.example/a.png>",
    "",
    /violates img-src: http:\/\/other\.example/,
  ],
];

test("a script in the markup, markup made of text, an exception and an image of another host are faults of a page", async () => {
  await using browser = await TestBrowser.start();
  for (const [html, script, fault] of MISDEEDS) {
    await using server = serve(html, script);
    const watched = await browser.open(address(server));
    await until(`${fault}`, () => watched.faults.some((it) => fault.test(it)));
    assertThrows(() => assertNoFault(watched));
  }
});

test("what a test expects is no fault", async () => {
  await using server = serve("", "console.warn('node is gone')");
  await using browser = await TestBrowser.start();
  const { page, faults } = await browser.open(address(server), {
    expected: [/is gone/],
  });
  await page.evaluate("console.warn('other')");
  await until("the other", () => faults.length > 0);
  assertEquals(faults, ["warning: other"]);
});

Deno.test("a request to another host is told from one to this machine", () => {
  assertEquals(
    elsewhere([
      "http://127.0.0.1:80/",
      "data:image/png,",
      "http://example.com/",
      "http://127.0.0.1.example.com/",
    ]),
    ["http://example.com/", "http://127.0.0.1.example.com/"],
  );
});
