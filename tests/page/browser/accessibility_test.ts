/** The page for those that use it by keyboard, by ear, in the dark, on a phone, or magnified. */
import type { Page } from "playwright-core";
import { assert, assertEquals } from "@std/assert";
import { messageEvent } from "../../../src/control/answer_rows.ts";
import {
  seriousViolations,
  type Violation,
} from "../../helpers/accessibility.ts";
import { browserTest, type OpenOptions } from "../../helpers/browser.ts";
import { ControlScene } from "../../helpers/control.ts";
import { FakePeers } from "../../helpers/fake_peers.ts";
import { LivePage } from "../../helpers/live_page.ts";

const PHONE = { width: 390, height: 844 };

/** A node with peers, one away, and a pair that is missing. */
function fill(scene: ControlScene): FakePeers {
  const fake = new FakePeers(scene.node, 8);
  const [away, a, b] = fake.list;
  assert(away !== undefined && a !== undefined && b !== undefined);
  away.peer.connected = false;
  away.session = undefined;
  fake.missing = [[a.peer.id, b.peer.id]];
  return fake;
}

async function assertAccessible(page: Page, what: string): Promise<void> {
  const found: Violation[] = await seriousViolations(page);
  assertEquals(found, [], what);
}

const LOOKS: readonly (readonly [string, OpenOptions])[] = [
  ["in light colours", { colorScheme: "light" }],
  ["in dark colours", { colorScheme: "dark" }],
  ["on a phone", { colorScheme: "light", viewport: PHONE }],
  ["on a phone in the dark", { colorScheme: "dark", viewport: PHONE }],
];
for (const [look, options] of LOOKS) {
  browserTest(
    `axe finds nothing serious in the page, its details and its dialogs ${look}`,
    async (browser) => {
      await using scene = await ControlScene.start({ name: "alice" });
      const { list } = fill(scene);
      const link = await scene.pageLink();
      const locked = await browser.open(new URL(link).origin, options);
      await locked.page.getByRole("heading", { name: "This page is locked" })
        .waitFor();
      await assertAccessible(locked.page, "locked");
      await locked.page.close();

      await using live = await LivePage.open(browser, link, options);
      const { page } = live;
      const { id } = list[1]!.peer;
      await live.row(id).waitFor();
      scene.server.publish(messageEvent({
        from: id,
        topic: "chat",
        id: "0".repeat(32),
        deliveryCount: 1,
        body: new TextEncoder().encode("hello"),
      }, { name: "birch-1" }));
      await live.hasHappened(/hello/);
      await assertAccessible(page, "live");

      await live.row(id).locator("button.peer-name").click();
      await page.locator(".peer-details").waitFor();
      await assertAccessible(page, "details");

      await page.locator(".peer-details").getByRole("button", { name: "Deny" })
        .click();
      await page.getByRole("dialog").waitFor();
      await assertAccessible(page, "dialog");
      await page.keyboard.press("Escape");

      await page.getByRole("button", { name: "Create invite" }).click();
      await page.locator(".invite").waitFor();
      await assertAccessible(page, "invite");
    },
  );
}

browserTest(
  "the page is walked by keyboard alone: every stop is seen, is outlined and is in the order of the page",
  async (browser) => {
    await using scene = await ControlScene.start({ name: "alice" });
    const { list } = fill(scene);
    await using live = await LivePage.open(browser, await scene.pageLink());
    const { page } = live;
    await live.row(list[1]!.peer.id).waitFor();

    await page.keyboard.press("Tab");
    assertEquals(await focused(page, "text"), "Skip to the mesh");
    const stops: Stop[] = [];
    for (let at = 0; at < 60; at++) {
      await page.keyboard.press("Tab");
      const stop = await stopOf(page);
      if (stop === undefined) break;
      stops.push(stop);
    }
    for (const stop of stops) {
      assert(stop.isOutlined, `no outline at ${stop.name}`);
      assert(stop.isSeen, `out of sight: ${stop.name}`);
      assert(stop.name !== "", `no name at ${stop.what}`);
    }
    // One stop a list: the arrow keys go on from there.
    const inTable = stops.filter(({ panel }) => panel === "peers");
    assert(inTable.length < 30, `${inTable.length} stops in the table`);
    const panels = stops.map(({ panel }) => panel)
      .filter((panel, at, all) => panel !== all[at - 1]);
    assertEquals(panels, [...new Set(panels)]);
    assertEquals(panels[0], "header");
  },
);

browserTest(
  "a peer is found, opened, and closed again by keys, with the focus back where it was",
  async (browser) => {
    await using scene = await ControlScene.start({ name: "alice" });
    const { list } = fill(scene);
    await using live = await LivePage.open(browser, await scene.pageLink());
    const { page } = live;
    const { id, name = "" } = list[3]!.peer;
    await live.row(id).waitFor();

    await page.keyboard.press("/");
    await page.keyboard.type(name);
    await live.shows(
      "one row",
      () => page.locator("#peers tr[data-id]").count(),
      1,
    );
    await live.row(id).locator("button.peer-name").focus();
    await page.keyboard.press("Enter");
    const details = page.locator(".peer-details");
    await details.getByText(id).waitFor();
    await live.shows(
      "the same peer in the picture",
      () => live.node(id).getAttribute("aria-selected"),
      "true",
    );

    await details.getByRole("button", { name: "Deny" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assertEquals(await focused(page, "text"), "Deny…");
    await page.keyboard.press("Escape");
    await details.waitFor({ state: "hidden" });
    assertEquals(await focused(page, "id"), id);

    // The picture is a list, too.
    await live.node(id).focus();
    await page.keyboard.press("ArrowRight");
    const next = await focused(page, "id");
    assert(next !== id && next !== "");
    await page.keyboard.press("Enter");
    await details.getByText(next).waitFor();
  },
);

browserTest(
  "nothing is cut off at 320 pixels, which is a window magnified four times, and nothing moves where no motion is wished",
  async (browser) => {
    await using scene = await ControlScene.start({ name: "alice" });
    const fake = fill(scene);
    await using live = await LivePage.open(browser, await scene.pageLink(), {
      viewport: { width: 320, height: 640 },
      reducedMotion: "reduce",
    });
    const { page } = live;
    await live.row(fake.list[1]!.peer.id).waitFor();
    const overhang = () =>
      page.evaluate(
        `document.documentElement.scrollWidth - document.documentElement.clientWidth`,
      );
    assertEquals(await overhang(), 0);
    assertEquals(
      await page.evaluate(
        `document.getAnimations().filter((it) =>
        it.playState === "running" && it.effect?.getTiming().iterations === Infinity
      ).length`,
      ),
      0,
    );
  },
);

/** A stop of the focus. */
interface Stop {
  readonly what: string;
  readonly panel: string;
  readonly name: string;
  readonly isOutlined: boolean;
  readonly isSeen: boolean;
}

/** What has the focus; `undefined` if it is outside the page. */
async function stopOf(page: Page): Promise<Stop | undefined> {
  return await page.evaluate(`(() => {
    const element = document.activeElement;
    if (element === null || element === document.body) return undefined;
    const { width, height, top, left } = element.getBoundingClientRect();
    // What is drawn for a control that is hidden, such as a radio of a chip.
    const drawn = element.closest("label, [role=option]") ?? element;
    const outlined = [element, drawn, ...drawn.children].some((it) => {
      const { outlineStyle, outlineWidth, strokeWidth, boxShadow } =
        getComputedStyle(it);
      return outlineStyle !== "none" && parseFloat(outlineWidth) > 0 ||
        boxShadow !== "none" ||
        it instanceof SVGElement && parseFloat(strokeWidth) >= 1.5;
    });
    const box = drawn.getBoundingClientRect();
    const name = element.getAttribute("aria-label") ||
      element.labels?.[0]?.textContent || element.textContent ||
      element.placeholder || "";
    return {
      what: element.outerHTML.slice(0, 120),
      panel: element.closest("[id]:is(header, section, main > *)")?.id ?? "",
      name: name.trim(),
      isOutlined: outlined,
      isSeen: box.width > 0 && box.height > 0 && box.bottom > 0 &&
        box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    };
  })()`) as Stop | undefined;
}

/** The text of what has the focus, or the peer it is about. */
async function focused(page: Page, what: "text" | "id"): Promise<string> {
  return await page.evaluate(
    what === "text"
      ? `document.activeElement.textContent.trim()`
      : `document.activeElement.closest("[data-id]")?.dataset.id ?? ""`,
  ) as string;
}
