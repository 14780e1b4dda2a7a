/** Two hundred peers stay readable, and cost the browser little. */
import type { Page } from "playwright-core";
import { assert, assertEquals } from "@std/assert";
import { browserTest } from "../../helpers/browser.ts";
import { ControlScene } from "../../helpers/control.ts";
import { FakePeers } from "../../helpers/fake_peers.ts";
import { LivePage } from "../../helpers/live_page.ts";

interface Box {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Where the labels of the picture are, and the picture itself as the last one. */
async function labelBoxes(page: Page): Promise<Box[]> {
  return await page.evaluate(`(() => {
    const box = (element) => {
      const { left, right, top, bottom } = element.getBoundingClientRect();
      return { text: element.textContent, left, right, top, bottom };
    };
    const texts = [...document.querySelectorAll("#mesh svg .labels text")]
      .filter((it) => getComputedStyle(it).visibility !== "hidden");
    return [...texts, document.querySelector("#mesh svg")].map(box);
  })()`) as Box[];
}

function overlap(a: Box, b: Box): boolean {
  // Boxes of text have room above and below what is drawn.
  const slack = 2;
  return a.left + slack < b.right && b.left + slack < a.right &&
    a.top + slack < b.bottom && b.top + slack < a.bottom;
}

/** Pairs of labels that lie on each other, and labels that are cut off. */
function faultsOf(boxes: readonly Box[]): string[] {
  const labels = boxes.slice(0, -1);
  const picture = boxes.at(-1)!;
  return labels.flatMap((label, at) => [
    ...labels.slice(at + 1).filter((other) => overlap(label, other))
      .map((other) => `${label.text} on ${other.text}`),
    ...(label.left < picture.left - 1 || label.right > picture.right + 1 ||
        label.top < picture.top - 1 || label.bottom > picture.bottom + 1
      ? [`${label.text} is cut off`]
      : []),
  ]);
}

/** Of each record, with those of the second meanwhile; one for each row would be 200. */
const MAX_LAYOUTS = 25;

const SCREENS = [
  { width: 1680, height: 1000 },
  { width: 1280, height: 800 },
  { width: 390, height: 844 },
];

browserTest(
  "names in the picture lie neither on each other nor outside of it, with any number of peers on any screen",
  async (browser) => {
    for (const peers of [1, 2, 5, 12, 24, 40, 60, 100, 200]) {
      await using scene = await ControlScene.start({ name: "alice" });
      const fake = new FakePeers(scene.node, peers);
      await using live = await LivePage.open(browser, await scene.pageLink(), {
        reducedMotion: "reduce",
      });
      const { page } = live;
      await live.node(fake.list[0]!.peer.id).waitFor();
      for (const viewport of SCREENS) {
        await page.setViewportSize(viewport);
        await page.evaluate(
          "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))",
        );
        const boxes = await labelBoxes(page);
        const where = `${peers} peers at ${viewport.width} pixels`;
        assertEquals(faultsOf(boxes), [], where);
        assert(boxes.length > 1, where);
        // Few enough to be told apart have all their names.
        if (peers <= 12 && viewport.width > 400) {
          assertEquals(boxes.length, peers + 2, where);
        }
      }
      // One that is pointed at has its name, among any number.
      const { id } = fake.list.at(-1)!.peer;
      const dot = await live.node(id).locator(".dot").boundingBox();
      assert(dot !== null);
      await page.mouse.move(dot.x + dot.width / 2, dot.y + dot.height / 2);
      await page.locator("#mesh svg .labels", { hasText: id.slice(0, 8) })
        .waitFor();
      assertEquals(
        faultsOf(await labelBoxes(page)),
        [],
        `${peers}, pointed at`,
      );
    }
  },
);

browserTest(
  "of two hundred peers each is in the table, found by its name, and sorted by its figures",
  async (browser) => {
    await using scene = await ControlScene.start({ name: "alice" });
    const fake = new FakePeers(scene.node, 200);
    await using live = await LivePage.open(browser, await scene.pageLink());
    const { page } = live;
    const rows = page.locator("#peers tr[data-id]");
    await live.shows("all rows", () => rows.count(), 200);
    assertEquals(await page.locator("#mesh svg [role=option]").count(), 200);

    const last = fake.list.at(-1)!.peer;
    await page.getByRole("searchbox", { name: "Filter peers" })
      .fill(last.name ?? "");
    await live.shows("one row", () => rows.count(), 1);
    assertEquals(await rows.getAttribute("data-id"), last.id);
    await page.keyboard.press("Escape");
    await live.shows("all rows", () => rows.count(), 200);

    await page.getByRole("columnheader", { name: "Round trip" })
      .getByRole("button").click();
    const wanted = fake.list.map(({ session }) => session?.rttMs ?? 0)
      .sort((a, b) => a - b);
    await live.shows(
      "sorted rows",
      async () =>
        (await page.locator("#peers td.col-rtt").allTextContents())
          .map((text) => Number.parseFloat(text)),
      wanted,
    );
  },
);

browserTest(
  "while two hundred peers change each second, the page makes no elements, and lays out a few times a record",
  async (browser) => {
    await using scene = await ControlScene.start({ name: "alice" });
    const fake = new FakePeers(scene.node, 200);
    await using live = await LivePage.open(browser, await scene.pageLink());
    const { page } = live;
    const [first] = fake.list;
    assert(first?.session !== undefined);
    await live.row(first.peer.id).waitFor();
    const cdp = await page.context().newCDPSession(page);
    await cdp.send("Performance.enable");
    const metrics = async () => {
      const { metrics } = await cdp.send("Performance.getMetrics");
      return Object.fromEntries(
        metrics.map(({ name, value }) => [name, value]),
      );
    };
    /** Changes all peers, and waits until the page shows it. */
    const change = async (round: number) => {
      for (const { session } of fake.list) {
        if (session === undefined) continue;
        session.messagesReceived += 1_000 + round;
        session.bytesReceived += 10_000_000;
        session.rttMs = (session.rttMs ?? 0) + 1;
      }
      const wanted = first.session!.messagesReceived.toLocaleString("en-US");
      // The text alone is read, which needs no layout.
      const cell = live.row(first.peer.id).locator(".col-messagesReceived");
      await live.shows("the new figures", () => cell.textContent(), wanted);
    };
    await change(0);
    const before = await metrics();
    const elements = () => page.locator("*").count();
    const count = await elements();
    const rounds = 4;
    for (let round = 1; round <= rounds; round++) await change(round);
    const after = await metrics();
    assertEquals(await elements(), count);
    const layouts = after.LayoutCount! - before.LayoutCount!;
    assert(
      layouts / rounds < MAX_LAYOUTS,
      `${layouts / rounds} layouts for a record`,
    );
    await cdp.detach();
  },
);
