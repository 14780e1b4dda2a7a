/** Several tabs of one browser, which has six connections to a port for all of them. */
import type { Page } from "playwright-core";
import { assertEquals } from "@std/assert";
import { browserTest } from "../../helpers/browser.ts";
import { ControlScene } from "../../helpers/control.ts";
import { LivePage } from "../../helpers/live_page.ts";

/** Has a tab be behind another one, or be seen. */
async function setHidden(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate(`
    Object.defineProperty(document, "hidden", { value: ${isHidden}, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  `);
}

async function isLive(page: Page): Promise<void> {
  await page.locator("#header").getByText("live", { exact: true }).waitFor();
}

/** Has a tab ping a peer: the status of the answer. */
async function ping(page: Page, id: string): Promise<unknown> {
  return await page.evaluate(`fetch("/v1/ping", {
    method: "POST",
    headers: {
      "verack-page-key": localStorage.getItem("verack.pageKey"),
      "content-type": "application/json",
    },
    body: JSON.stringify({ to: "${id}" }),
  }).then((it) => it.status)`);
}

/** The tab says why it is not live. */
async function waits(page: Page): Promise<void> {
  await page.getByText("Too many tabs of this node are open in this browser")
    .waitFor();
}

/** Another tab of the same browser. */
async function openTab({ page }: LivePage): Promise<Page> {
  const tab = await page.context().newPage();
  await tab.goto(page.url());
  return tab;
}

browserTest(
  "of six tabs that are seen at once four are live and two say what they wait for; each can ping, and is live once another is hidden or closed",
  async (browser) => {
    await using scene = await ControlScene.start({ name: "alice" });
    await using bob = await scene.peer({ name: "bob" });
    const { url } = await scene.post("/v1/page/links", {});
    await using first = await LivePage.open(browser, url);
    const tabs = [first.page];
    for (let i = 1; i < 6; i++) {
      const tab = await openTab(first);
      tabs.push(tab);
      await (i < 4 ? isLive(tab) : waits(tab));
    }
    const pings = await Promise.all(
      tabs.map((it) => ping(it, bob.identity.id)),
    );
    assertEquals(pings, [200, 200, 200, 200, 200, 200]);
    for (const tab of tabs.slice(0, 4)) await isLive(tab);
    await setHidden(tabs[1]!, true);
    await isLive(tabs[4]!);
    await tabs[2]!.close();
    await isLive(tabs[5]!);
    await setHidden(tabs[1]!, false);
    await waits(tabs[1]!);
    await Promise.all(tabs.slice(2).map((it) => it.close()));
    await isLive(tabs[1]!);
    await tabs[1]!.close();
  },
);

browserTest(
  "of many tabs the one that is seen is live; one that comes back shows what happened meanwhile, and was never out of date",
  async (browser) => {
    await using scene = await ControlScene.start({ name: "alice" });
    const { url } = await scene.post("/v1/page/links", {});
    await using first = await LivePage.open(browser, url);
    await first.page.evaluate(`
      globalThis.seen = new Set();
      const head = document.querySelector("#header .states [role=status]");
      const look = () => {
        seen.add(head.textContent.replace(/ .*/, ""));
        if (/⚠/.test(document.title)) seen.add("title");
      };
      new MutationObserver(look).observe(head, { childList: true, characterData: true, subtree: true });
    `);
    const paused = first.header.getByText("paused while hidden");
    const tabs = [first.page];
    for (let i = 1; i < 8; i++) {
      await setHidden(tabs.at(-1)!, true);
      const tab = await openTab(first);
      await isLive(tab);
      tabs.push(tab);
    }
    // Four that are seen.
    for (const tab of tabs.slice(4)) await setHidden(tab, false);
    for (const tab of tabs.slice(4)) await isLive(tab);
    await paused.waitFor();
    await using bob = await scene.peer({ name: "bob" });
    await tabs.at(-1)!.locator("#timeline li.event", { hasText: "bob" })
      .first().waitFor();
    assertEquals(await ping(first.page, bob.identity.id), 200);
    assertEquals(await paused.count(), 1);
    for (const tab of tabs.slice(4)) await setHidden(tab, true);
    await setHidden(first.page, false);
    await first.isLive();
    await first.hasHappened(/upbob/);
    assertEquals(
      await first.page.evaluate("[...seen].sort()"),
      ["live", "paused"],
    );
    assertEquals(await first.page.title(), "alice · verack");
    await Promise.all(tabs.slice(1).map((it) => it.close()));
  },
);

browserTest(
  "a tab that is seen takes the turn of one that is suspended and does not answer",
  async (browser) => {
    await using scene = await ControlScene.start({ name: "alice" });
    const { url } = await scene.post("/v1/page/links", {});
    await using first = await LivePage.open(browser, url);
    // Another page of this origin, with all turns and no script that answers.
    const suspended = await first.page.context().newPage();
    await setHidden(first.page, true);
    await suspended.goto(`${first.page.url()}page/icon.svg`);
    await suspended.evaluate(`
      for (const i of [0, 1, 2, 3]) {
        void navigator.locks.request("verack.tab." + i, { steal: true }, () => new Promise(() => {}))
          .catch(() => {});
      }
    `);
    await first.header.getByText("paused while hidden").waitFor();
    await setHidden(first.page, false);
    await first.isLive();
    await suspended.close();
  },
);
