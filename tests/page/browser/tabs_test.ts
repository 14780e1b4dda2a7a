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

/** The status of a request that a tab sends. */
async function request(page: Page): Promise<unknown> {
  return await page.evaluate(`fetch("/v1/peers", {
    headers: { "verack-page-key": localStorage.getItem("verack.pageKey") },
  }).then((it) => it.status)`);
}

/** Another tab of the same browser. */
async function openTab({ page }: LivePage): Promise<Page> {
  const tab = await page.context().newPage();
  await tab.goto(page.url());
  return tab;
}

browserTest(
  "with many tabs the one that is seen is live, and its requests get through",
  async (browser) => {
    await using scene = await ControlScene.start({ name: "alice" });
    const { url } = await scene.post("/v1/page/links", {});
    await using first = await LivePage.open(browser, url);
    const tabs = [first.page];
    for (let i = 1; i < 8; i++) {
      await setHidden(tabs.at(-1)!, true);
      const tab = await openTab(first);
      await isLive(tab);
      tabs.push(tab);
    }
    for (const tab of tabs) assertEquals(await request(tab), 200);
    await setHidden(tabs.at(-1)!, true);
    await setHidden(first.page, false);
    await isLive(first.page);
    await Promise.all(tabs.slice(1).map((it) => it.close()));
  },
);

browserTest(
  "of more windows than two that are seen, the others say what they wait for, and are live once one is hidden",
  async (browser) => {
    await using scene = await ControlScene.start({ name: "alice" });
    const { url } = await scene.post("/v1/page/links", {});
    await using first = await LivePage.open(browser, url);
    const second = await openTab(first);
    await isLive(second);
    const third = await openTab(first);
    await third.getByText("Other tabs of this browser show this node")
      .waitFor();
    assertEquals(await request(third), 200);
    await isLive(first.page);
    await isLive(second);
    await setHidden(second, true);
    await isLive(third);
    await third.close();
    await setHidden(second, false);
    await isLive(second);
    await second.close();
  },
);

browserTest(
  "a tab that is seen takes the turn of one that is suspended and does not answer",
  async (browser) => {
    await using scene = await ControlScene.start({ name: "alice" });
    const { url } = await scene.post("/v1/page/links", {});
    await using first = await LivePage.open(browser, url);
    // Another page of this origin, with both turns and no script that answers.
    const suspended = await first.page.context().newPage();
    await setHidden(first.page, true);
    await suspended.goto(`${first.page.url()}page/icon.svg`);
    await suspended.evaluate(`
      for (const i of [0, 1]) {
        void navigator.locks.request("verack.tab." + i, { steal: true }, () => new Promise(() => {}))
          .catch(() => {});
      }
    `);
    await first.header.getByText(/^out of date/).waitFor();
    await setHidden(first.page, false);
    await first.isLive();
    await suspended.close();
  },
);
