/** How a real browser gets in, and that pages of others in the same browser do not. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { browserTest } from "../../helpers/browser.ts";
import { FakeOpener } from "../../helpers/fake_opener.ts";
import { LivePage } from "../../helpers/live_page.ts";
import { PageNode } from "../../helpers/page_node.ts";
import { Place } from "../../helpers/place.ts";

browserTest(
  "the file of verack open leads a browser in, and its code stays neither in the address nor in the history",
  async (browser) => {
    await using place = new Place();
    await using alice = await PageNode.start(place, "alice");
    await using opener = new FakeOpener();
    await using command = place.commandWith(opener, "alice", "open");
    assertEquals(await command.code(), 0, command.err.join("\n"));
    const [file = ""] = opener.called ?? [];
    assertMatch(file, /^file:\/\/.*\/alice\/control\.html$/);
    await using live = await LivePage.open(browser, file, {
      // Of the address that is opened again.
      expected: [/403/],
    });
    const { origin } = new URL(command.out[0] ?? "");
    assertEquals(live.page.url(), `${origin}/`);
    assertMatch(await live.header.innerText(), /alice/);
    // It stays in after a reload, by what the browser keeps.
    await live.page.reload();
    await live.isLive();
    assertEquals(live.page.url(), `${origin}/`);
    const cookie = await live.page.evaluate("document.cookie");
    assertEquals(cookie, "");
    const other = await browser.open(command.out[0] ?? "", {
      expected: [/403|401/],
    });
    await other.page.getByText("This page is locked").waitFor();
    // One that is signed in stays so when an address is opened again.
    await live.page.goto(command.out[0] ?? "");
    await live.isLive();
    const { control } = await alice.status();
    assert((control.operations ?? 0) + control.streams > 0);
  },
);

/** What a page of another port of this host tries, in the browser that is signed in. */
const EVIL = `<!doctype html><title>evil</title><script type="module">
const [node, got] = [location.hash.slice(1), {}];
const attempt = async (name, run) => {
  try { got[name] = String(await run()); } catch { got[name] = "nothing"; }
};
const text = async (path, init) =>
  (await (await fetch(node + path, { credentials: "include", ...init })).text())
    .slice(0, 99);
await attempt("cors", () => text("/v1/status"));
await attempt("no-cors", () => text("/v1/status", { mode: "no-cors" }));
await attempt("header", () =>
  text("/v1/status", { headers: { "verack-page-key": "x" } }));
for (const path of ["/v1/stop", "/v1/page/sign-out"]) {
  await attempt("post " + path, () =>
    text(path, { method: "POST", mode: "no-cors", body: "{}" }));
}
await attempt("module", async () => Object.keys(await import(node + "/page/api.js")));
await attempt("events", () => new Promise((resolve, reject) => {
  const source = new EventSource(node + "/v1/events", { withCredentials: true });
  source.onopen = () => resolve("open");
  source.onerror = () => { source.close(); reject(); };
}));
await attempt("frame", () => new Promise((resolve) => {
  const frame = document.createElement("iframe");
  frame.onload = () => resolve(frame.contentDocument?.body?.innerText || "nothing");
  frame.src = node + "/";
  document.body.append(frame);
}));
await attempt("storage", () => localStorage.length || "nothing");
document.title = JSON.stringify(got);
</script><form method="post" enctype="text/plain"><button>go</button></form>`;

browserTest(
  "neither a frame, a form, a script nor a window of another port gets at the page in a browser that is signed in",
  async (browser) => {
    await using place = new Place();
    await using alice = await PageNode.start(place, "alice", "--http=0");
    await using live = await LivePage.open(browser, await alice.link());
    const { origin } = new URL(live.page.url());
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => new Response(EVIL, { headers: { "content-type": "text/html" } }),
    );
    const evil = await live.page.context().newPage();
    await evil.goto(`http://127.0.0.1:${server.addr.port}/#${origin}`);
    await evil.waitForFunction(`document.title.startsWith("{")`);
    const got: Record<string, string> = JSON.parse(await evil.title());
    const names = Object.keys(got);
    assert(names.length >= 9, names.join());
    for (const name of names) {
      assertMatch(got[name]!, /^(nothing)?$/, `${name}: ${got[name]}`);
    }
    // A form posts without being asked first; the browser shows what it is answered.
    for (const path of ["/v1/stop", "/v1/page/sign-out", "/v1/page/links"]) {
      await evil.goto(`http://127.0.0.1:${server.addr.port}/#${origin}`);
      await evil.evaluate(
        `document.querySelector("form").action = "${origin}${path}"`,
      );
      await evil.getByText("go").click();
      await evil.getByText("foreign-origin").waitFor();
    }
    // A link opens the page in a window of its own, out of reach of the other.
    await evil.goto(`http://127.0.0.1:${server.addr.port}/#${origin}`);
    const opened = live.page.context().waitForEvent("page");
    await evil.evaluate(`void (globalThis.w = open("${origin}/"))`);
    const popup = await opened;
    await popup.locator("#header").getByText("live", { exact: true }).waitFor();
    assertEquals(await popup.evaluate("opener"), null);
    assertEquals(await evil.evaluate("w.closed"), true);
    await live.page.reload();
    await live.isLive();
    await evil.close();
    await popup.close();
  },
);
