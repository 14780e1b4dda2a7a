/** Text of the network is text on the page, whatever it tries, and breaks no layout. */
import type { Page } from "playwright-core";
import { assert, assertEquals } from "@std/assert";
import { messageEvent } from "../../../src/control/answer_rows.ts";
import type { StreamedEvent } from "../../../src/control/event_journal.ts";
import type { NodeEvent } from "../../../src/mesh/events.ts";
import { parsePeerId } from "../../../src/core/peer_id.ts";
import { browserTest } from "../../helpers/browser.ts";
import { ControlScene } from "../../helpers/control.ts";
import { FakePeers } from "../../helpers/fake_peers.ts";
import { LivePage } from "../../helpers/live_page.ts";

const RUN = "globalThis.hasRun = true";

/** Names, topics, bodies, reasons and addresses that a peer could choose. */
const HOSTILE: readonly string[] = [
  `<img src=x onerror="${RUN}">`,
  `<script>${RUN}</script>`,
  `"><svg onload='${RUN}'>`,
  `javascript:${RUN}`,
  `{{constructor.constructor('${RUN}')()}}`,
  "&lt;b&gt;&#x3c;i&#x3e;",
  "\u202egnp.exe\u202d\u2066x\u2069",
  "\u001b[31mred\u001b[0m\u001b]0;title\u0007\u009b2J",
  "al\u200bi\u200dce\ufeff\u2060\u00ad",
  "line\r\nline\u2028line\u2029line\ttab\0nul",
  "a".repeat(1_000),
  "\u0300\u0301".repeat(200),
  "\ud800 half",
  "\u{e0041}\u{e0042} tags",
  "ﷺ".repeat(60),
];

/** What must never be in the text of the page. */
const UNSAFE = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** How much wider the page is than its window. */
function overhang(page: Page): Promise<number> {
  return page.evaluate(
    `document.documentElement.scrollWidth - document.documentElement.clientWidth`,
  ) as Promise<number>;
}

/** All text that the page has, and all names and titles of its elements. */
async function allText(page: Page): Promise<string[]> {
  return await page.evaluate(`(() => {
    const texts = [document.title];
    const walker = document.createTreeWalker(document, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) texts.push(walker.currentNode.data);
    for (const element of document.querySelectorAll("[title],[aria-label]")) {
      texts.push(element.title ?? "", element.getAttribute("aria-label") ?? "");
    }
    return texts.filter((it) => it.trim() !== "");
  })()`) as string[];
}

for (
  const [screen, viewport] of [
    ["a wide screen", { width: 1280, height: 800 }],
    ["a phone", { width: 360, height: 740 }],
  ] as const
) {
  browserTest(
    `names, topics, bodies, reasons and addresses that try script, direction, ANSI and length are escaped text on ${screen}`,
    async (browser) => {
      await using scene = await ControlScene.start({ name: "alice" });
      const fake = new FakePeers(scene.node, HOSTILE.length, HOSTILE);
      fake.list.forEach(({ peer, session }, at) => {
        const text = HOSTILE[at]!;
        peer.boundName = at % 3 === 0 ? text : peer.boundName!;
        if (at % 3 !== 0) delete peer.boundName;
        peer.addresses = [text];
        if (session === undefined) return;
        session.remoteAddress = text;
        session.userAgent = new TextEncoder().encode(text);
      });
      const link = await scene.pageLink();
      await using live = await LivePage.open(browser, link, { viewport });
      const { page } = live;

      // The server adds those of the node itself in the same way.

      const publish = (event: NodeEvent) =>
        scene.server.publish(event as unknown as StreamedEvent);

      HOSTILE.forEach((text, at) => {
        const { peer } = fake.list[at]!;
        const names = { name: text };
        scene.server.publish(
          messageEvent({
            from: peer.id,
            topic: text,
            id: String(at).padStart(32, "0"),
            deliveryCount: 1,
            body: new TextEncoder().encode(text),
          }, names),
        );
        publish({
          type: "peer:down",
          id: peer.id,
          name: text,
          reason: text,
          left: false,
        });
        publish({ type: "refused", address: text, reason: text });
      });
      await live.shows(
        "all events",
        () => page.locator("#timeline li.event").count(),
        HOSTILE.length * 3,
      );
      for (const { peer } of fake.list) await live.row(peer.id).waitFor();
      // Each view of a peer: its row, its details, its place in the picture.
      for (const { peer } of fake.list) {
        await live.row(peer.id).locator("button.peer-name").click();
        await page.locator(".peer-details .whole-id")
          .getByText(peer.id).waitFor();
        assert(
          await overhang(page) <= 0,
          `wider than the window by ${peer.name}`,
        );
      }

      assertEquals(await page.evaluate("globalThis.hasRun"), undefined);
      const texts = await allText(page);
      assertEquals(texts.filter((it) => UNSAFE.test(it.trim())), []);
      // Shown, not dropped: the reader sees what it was.
      for (
        const shown of [
          `<img src=x onerror="${RUN}">`,
          "\\u{202e}gnp.exe",
          "\\u{1b}[31mred",
          "al\\u{200b}i\\u{200d}ce",
        ]
      ) {
        assert(texts.some((it) => it.includes(shown)), shown);
      }
      assertEquals(await page.locator("#main img, #main script").count(), 0);
      assertEquals(await page.title(), "alice · verack");
    },
  );
}

browserTest(
  "a real message with markup and controls as its topic and its body is shown as text",
  async (browser) => {
    await using scene = await ControlScene.start({ name: "alice" });
    await using peer = await scene.peer({ name: "bob" });
    await using live = await LivePage.open(browser, await scene.pageLink());
    await live.peerIs(peer.identity.id, "connected");
    const text = `<img src=x onerror="${RUN}">\u202e\u001b[31m`;
    const sent = peer.send(parsePeerId(scene.node.identity.id), text, {
      topic: text,
    });
    for await (const message of scene.node.messages()) {
      scene.server.publish(messageEvent(message, { name: "bob" }));
      message.ack();
      break;
    }
    await sent;
    const shown = `<img src=x onerror="${RUN}">\\u{202e}\\u{1b}[31m`;
    const entry = live.page.getByRole("list", { name: "Messages" })
      .or(live.page.getByRole("log", { name: "Messages" }));
    await entry.getByText(shown).first().waitFor();
    await live.hasHappened(/onerror=.*\\u\{202e\}/);
    assertEquals(await live.page.evaluate("globalThis.hasRun"), undefined);
  },
);
