/** A browser gets in by a one-time address, once, and by nothing else. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { browserTest } from "../../helpers/browser.ts";
import { ControlScene } from "../../helpers/control.ts";
import { LivePage, NODE_GONE } from "../../helpers/live_page.ts";

/** Refusals, which the browser writes to its console. */
const REFUSED = [/status of 40[13]/];

browserTest(
  "a one-time address signs one browser in; a second one is told that it was used, and how to get another",
  async (browser) => {
    await using scene = await ControlScene.start({ name: "alice" });
    const link = await scene.pageLink();
    await using live = await LivePage.open(browser, link);
    assertEquals(live.page.url(), `${new URL(link).origin}/`);

    const second = await browser.open(link, { expected: REFUSED });
    const locked = second.page.locator("#sign-in");
    const alert = locked.getByRole("alert");
    await alert.waitFor();
    assertMatch(await alert.innerText(), /was used/);
    await locked.getByText("verack open --data DIR").waitFor();
    assertEquals(await second.page.locator("#main").isVisible(), false);
    assertEquals(new URL(second.page.url()).hash, "");
    await second.page.close();
  },
);

browserTest(
  "the page shows nothing without a sign-in, asks nothing of the API, and is signed in by an address opened in the same tab",
  async (browser) => {
    await using scene = await ControlScene.start({ name: "alice" });
    const url = `http://127.0.0.1:${scene.port}/`;
    const { page, requests } = await browser.open(url);
    await page.getByRole("heading", { name: "This page is locked" }).waitFor();
    assertEquals(await page.getByText("alice").count(), 0);
    assertEquals(requests.filter((it) => it.includes("/v1/")), []);

    await page.goto(await scene.pageLink());
    await page.locator("#header").getByText("live", { exact: true }).waitFor();
    await page.close();
  },
);

browserTest(
  "a sign-in lasts when the page is loaded again; scripts see no cookie, and the cookie alone lets no one in",
  async (browser) => {
    await using scene = await ControlScene.start({ name: "alice" });
    await using live = await LivePage.open(browser, await scene.pageLink(), {
      expected: REFUSED,
    });
    const { page } = live;
    await page.reload();
    await live.isLive();
    assertEquals(await page.evaluate("document.cookie"), "");
    const [cookie] = await page.context().cookies();
    assert(cookie !== undefined);
    assertEquals([cookie.httpOnly, cookie.sameSite], [true, "Strict"]);

    await page.evaluate("localStorage.clear()");
    assertEquals(
      await page.evaluate(`fetch("/v1/status").then((it) => it.status)`),
      401,
    );
    await page.reload();
    await page.getByRole("heading", { name: "This page is locked" }).waitFor();
  },
);

browserTest(
  "a page of another port of this host can neither read the API nor send to it",
  async (browser) => {
    await using scene = await ControlScene.start({ name: "alice" });
    await using live = await LivePage.open(browser, await scene.pageLink());
    // In the same browser, with the cookie and, as if it had leaked, the page key.
    const key = await live.page.evaluate(
      "Object.values(localStorage).find((it) => it.length > 20)",
    );
    await using other = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () =>
        new Response("<!doctype html><title>Other</title>", {
          headers: { "content-type": "text/html" },
        }),
    );
    const page = await live.page.context().newPage();
    await page.goto(`http://127.0.0.1:${other.addr.port}/`);
    const api = `${live.page.url()}v1/`;
    const outcomes = await page.evaluate(
      `(async () => {
      const headers = { "verack-page-key": ${JSON.stringify(key)} };
      const tries = [
        ["status", { credentials: "include" }],
        ["status", { credentials: "include", headers }],
        ["stop", { method: "POST", credentials: "include", mode: "no-cors",
          body: "{}" }],
        ["stop", { method: "POST", credentials: "include", headers: {
          ...headers, "content-type": "application/json" }, body: "{}" }],
      ];
      return await Promise.all(tries.map(([path, init]) =>
        fetch("${api}" + path, init).then((it) => it.type, () => "failed")));
    })()`,
    );
    assertEquals(outcomes, ["failed", "failed", "failed", "failed"]);
    assertEquals(scene.stops, 0);
    await live.isLive();
    await page.close();
  },
);

browserTest(
  "nothing of the node stays on a page that is signed out from elsewhere, also not in a dialog",
  async (browser) => {
    await using scene = await ControlScene.start({ name: "alice" });
    await using live = await LivePage.open(browser, await scene.pageLink(), {
      expected: [...REFUSED, ...NODE_GONE],
    });
    const { page } = live;
    await page.getByRole("button", { name: "Stop the node…" }).click();
    await page.getByRole("dialog").getByText("Stop alice").waitFor();
    scene.server.page.sessions.signOut("all");
    await page.getByRole("heading", { name: "This page is locked" }).waitFor();
    assertEquals(await page.getByRole("dialog").count(), 0);
    const markup = await page.locator("html").innerHTML();
    const { id } = scene.node.identity;
    for (const text of ["alice", id.slice(0, 8), scene.node.address]) {
      assert(!markup.includes(text), text);
    }
  },
);
