/** The time line of the page while much happens, and while it is read. */
import { assert, assertEquals } from "@std/assert";
import { browserTest } from "../../helpers/browser.ts";
import { ControlScene, message } from "../../helpers/control.ts";
import { LivePage } from "../../helpers/live_page.ts";

function publish(scene: ControlScene, first: number, count: number): void {
  for (let number = first; number < first + count; number++) {
    scene.server.publish(message("flood", number, `number ${number}.`));
  }
}

browserTest(
  "the time line has what is new on top, stands still while it is read, and says how much has come meanwhile",
  async (browser) => {
    await using scene = await ControlScene.start({ name: "alice" });
    await using live = await LivePage.open(browser, await scene.pageLink());
    const { page } = live;
    const list = page.locator("#timeline .events");
    publish(scene, 0, 60);
    await live.hasHappened(/number 59\./);
    assert((await live.timeline())[0]?.includes("number 59."));

    await list.evaluate((it) => it.scrollTop = 200);
    const before = await list.evaluate((it) => it.scrollTop);
    publish(scene, 60, 7);
    const more = page.locator("#timeline .more");
    await more.getByText("7 new events").waitFor();
    assertEquals(await list.evaluate((it) => it.scrollTop), before);
    assert((await live.timeline())[0]?.includes("number 59."));

    await more.click();
    await live.shows("the top", () => list.evaluate((it) => it.scrollTop), 0);
    await live.hasHappened(/number 66\./);
    await more.waitFor({ state: "hidden" });
    assertEquals(
      (await live.timeline()).slice(0, 67)
        .map((text) => /number (\d+)/.exec(text)?.[1]),
      Array.from({ length: 67 }, (_, index) => `${66 - index}`),
    );
  },
);

browserTest(
  "the time line shows the kinds that are chosen, and at most 300 of many thousand events",
  async (browser) => {
    await using scene = await ControlScene.start({ name: "alice" });
    await using live = await LivePage.open(browser, await scene.pageLink());
    const { page } = live;
    await using _bob = await scene.peer({ name: "bob" });
    await live.hasHappened(/upbob \([0-9a-f]{8}\)/);
    publish(scene, 0, 5);
    await live.hasHappened(/number 4\./);

    const kind = (name: string) =>
      page.locator("#timeline").getByRole("button", { name, exact: true });
    await kind("peers").click();
    assertEquals(await kind("peers").getAttribute("aria-pressed"), "true");
    const onlyPeers = await live.timeline();
    assert(onlyPeers.some((it) => /upbob/.test(it)), `${onlyPeers}`);
    assert(!onlyPeers.some((it) => /number/.test(it)), `${onlyPeers}`);
    await kind("messages").click();
    assertEquals((await live.timeline()).length, onlyPeers.length + 5);
    await kind("peers").click();
    await kind("messages").click();
    await kind("files").click();
    await page.locator("#timeline").getByText("Nothing of that kind.")
      .waitFor();
    await kind("files").click();

    publish(scene, 5, 4_000);
    await live.hasHappened(/number 4004\./);
    assert((await live.timeline()).length <= 300);
  },
);

browserTest(
  "a reload of the page keeps the time line",
  async (browser) => {
    await using scene = await ControlScene.start({ name: "alice" });
    await using live = await LivePage.open(browser, await scene.pageLink());
    publish(scene, 0, 3);
    await live.hasHappened(/number 2\./);
    const before = await live.timeline();
    await live.page.reload();
    await live.isLive();
    await live.hasHappened(/number 2\./);
    assertEquals(await live.timeline(), before);
  },
);
