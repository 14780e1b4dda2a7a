/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** What a user does on the page, in a browser: each action once, errors where they happen. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Page } from "playwright-core";
import { browserTest, type TestBrowser } from "../helpers/browser.ts";
import {
  FakePageNode,
  idOf,
  peerOf,
  refusal,
  sessionOf,
} from "../helpers/fake_page_node.ts";
import { until } from "../helpers/until.ts";

const [ALICE, BOB, EVE] = [idOf("a"), idOf("b"), idOf("e")] as const;
const AT = "2026-11-30T08:00:00.000Z";

const REFUSED = [/status of 409/];

/** A node with two peers and a join request, and its page. */
async function opened(browser: TestBrowser, node: FakePageNode): Promise<Page> {
  node.peers = [
    peerOf(ALICE, { name: "alice" }),
    peerOf(BOB, { name: "bob", connected: false }),
  ];
  node.sessions = [sessionOf(ALICE, { name: "alice" })];
  node.requests = [{
    id: EVE,
    address: "203.0.113.9:5000",
    direction: "inbound",
    firstSeen: AT,
    lastSeen: AT,
  }];
  const { page } = await browser.open(node.url, { expected: REFUSED });
  await page.locator("tbody tr", { hasText: "alice" }).waitFor();
  await page.locator("tbody tr", { hasText: "asks to join" }).waitFor();
  await node.listened;
  return page;
}

/** A gate that a test opens. */
function held(): { readonly wait: () => Promise<object>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<object>();
  return { wait: () => promise, open: () => resolve({}) };
}

const focused = (page: Page) =>
  page.evaluate(() => document.activeElement?.textContent ?? "");

browserTest(
  "a decision names the peer and what follows, is sent once by any number of clicks, and gives the focus back",
  async (browser) => {
    await using node = new FakePageNode();
    const page = await opened(browser, node);
    const { wait, open } = held();
    node.answers.set("/v1/deny", wait);
    await page.getByRole("button", { name: "Show alice" }).click();
    await page.getByRole("button", { name: "Deny…", exact: true }).click();
    const dialog = page.getByRole("dialog");
    assertMatch(await dialog.textContent() ?? "", /Deny alice \(aaaaaaaa\)\?/);
    assertMatch(await dialog.textContent() ?? "", new RegExp(ALICE));
    assertMatch(
      await dialog.textContent() ?? "",
      /closes its session.*until it is allowed again/,
    );
    // The button that does no harm is the first to be pressed by mistake.
    assertEquals(await focused(page), "Cancel");
    const confirm = dialog.getByRole("button", { name: "Deny" });
    await confirm.evaluate((button: HTMLElement) => {
      for (let clicks = 0; clicks < 5; clicks++) button.click();
    });
    assertEquals(await confirm.getAttribute("aria-disabled"), "true");
    open();
    await dialog.waitFor({ state: "detached" });
    assertEquals(node.posts, [{ path: "/v1/deny", body: { id: ALICE } }]);
    assertEquals(await focused(page), "Deny…");
  },
);

browserTest(
  "a decision that fails stays open with its error in words, and Escape closes it",
  async (browser) => {
    await using node = new FakePageNode();
    const page = await opened(browser, node);
    node.answers.set(
      "/v1/forget",
      () => refusal("internal", "Cannot forget: the disk is full \u202e<b>"),
    );
    await page.getByRole("button", { name: "Show bob" }).click();
    await page.getByRole("button", { name: "Forget…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Forget" })
      .click();
    const alert = page.getByRole("dialog").getByRole("alert");
    await until("an error", async () => await alert.textContent() !== "");
    assertEquals(
      await alert.textContent(),
      "Cannot forget: the disk is full \\u{202e}<b>",
    );
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assertEquals(await focused(page), "Forget…");
  },
);

browserTest(
  "a join request is allowed by its whole id, with the name that is typed",
  async (browser) => {
    await using node = new FakePageNode();
    const page = await opened(browser, node);
    await page.getByRole("button", { name: "Allow… eeeeeeee" }).click();
    await page.getByLabel("Name here (optional)").fill("erin");
    node.requests = [];
    await page.getByRole("dialog").getByRole("button", { name: "Allow" })
      .click();
    await page.getByText("No join requests.").waitFor();
    assertEquals(node.posts, [
      { path: "/v1/allow", body: { id: EVE, name: "erin" } },
    ]);
    // The button is gone with the request.
    assertMatch(await focused(page), /^Admission/);
  },
);

browserTest(
  "the node is stopped only after the word is typed",
  async (browser) => {
    await using node = new FakePageNode();
    const page = await opened(browser, node);
    await page.getByRole("button", { name: "Stop the node…" }).click();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog");
    assertEquals(
      await dialog.getByRole("alert").textContent(),
      "Type stop first, or cancel.",
    );
    assertEquals(node.posts, []);
    await page.keyboard.type("stop");
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    assertEquals(node.posts, [{ path: "/v1/stop", body: {} }]);
  },
);

browserTest(
  "a message to a peer is sent once, and its line says that it waits, then that it is undelivered and why",
  async (browser) => {
    await using node = new FakePageNode();
    const page = await opened(browser, node);
    const id = "1".repeat(32);
    node.answers.set(
      "/v1/messages",
      () => ({ id, to: BOB, delivered: false, connected: false }),
    );
    await page.getByRole("button", { name: "Show bob" }).click();
    await page.getByRole("button", { name: "Message", exact: true }).click();
    await page.keyboard.type("hello bob");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    const sent = page.locator(".message-out");
    await sent.getByText("waits").waitFor();
    assertEquals(node.posts, [{
      path: "/v1/messages",
      body: { to: BOB, text: "hello bob", topic: "chat/direct" },
    }]);
    const reason = "Cannot deliver to bbbbbbbb: it is <too> old";
    node.emit({
      type: "undelivered",
      to: BOB,
      topic: "chat/direct",
      id,
      reason,
    });
    await sent.getByText(`undelivered: ${reason}`).waitFor();
  },
);

browserTest(
  "a message that is not sent is back in the form, with the reason",
  async (browser) => {
    await using node = new FakePageNode();
    const page = await opened(browser, node);
    node.answers.set(
      "/v1/broadcasts",
      () => refusal("full", "Cannot send: no room"),
    );
    const text = page.getByLabel("Message", { exact: true });
    await text.fill("to all");
    await page.getByRole("button", { name: "Send to everyone" }).click();
    await page.getByRole("alert").getByText("Not sent: Cannot send: no room")
      .waitFor();
    assertEquals(await text.inputValue(), "to all");
    await page.locator(".message-out").getByText("not sent").waitFor();
  },
);

browserTest(
  "an invite is shown as a line until it is hidden, and an address that none can dial is refused before",
  async (browser) => {
    await using node = new FakePageNode();
    const everywhere = "0.0.0.0:8080";
    node.status = { address: everywhere, addresses: [everywhere] };
    const page = await opened(browser, node);
    const line = `verack:${ALICE}@alice.example:8080#code`;
    node.answers.set(
      "/v1/invites",
      () => ({ invite: line, id: "2".repeat(32) }),
    );
    const create = page.getByRole("button", { name: "Create invite" });
    await create.click();
    await page.locator("#admission").getByText("The address must be HOST:PORT")
      .waitFor();
    assertEquals(node.posts, []);
    await page.getByLabel("Reach this node at").fill("alice.example:8080");
    await create.click();
    await page.getByText(line, { exact: true }).waitFor();
    const [post] = node.posts;
    assertEquals(post?.body.address, "alice.example:8080");
    assertEquals(post?.body.ttlMs, 86_400_000);
    await page.getByRole("button", { name: "Hide" }).click();
    assertEquals(await page.getByText(line).count(), 0);
  },
);

browserTest(
  "names, topics, texts and reasons of the network are text, cut where they are long, and whole on request",
  async (browser) => {
    await using node = new FakePageNode();
    const page = await opened(browser, node);
    const markup = "<img src=x onerror=document.title='broken'>";
    node.peers = [
      ...node.peers,
      peerOf(EVE, { name: markup, connected: true }),
    ];
    node.sessions = [
      ...node.sessions,
      sessionOf(EVE, { userAgent: `\u202e${markup}${"x".repeat(200)}` }),
    ];
    node.push();
    const from = { from: EVE, name: markup, deliveryCount: 1 };
    const long = Array.from({ length: 500 }, (_, at) => `line ${at}`)
      .join("\n");
    node.emit({
      ...from,
      type: "message",
      topic: `\u001b[31m${markup}`,
      id: "3".repeat(32),
      text: `\u202egnp.exe \u200b half \ud800\n${markup}`,
    });
    node.emit({
      ...from,
      type: "message",
      topic: "",
      id: "4".repeat(32),
      text: long,
    });
    const [first, second] = [
      page.locator(".message-in").first(),
      page.locator(".message-in").nth(1),
    ];
    await second.waitFor();
    const shown = await first.textContent() ?? "";
    assert(shown.includes(`"${markup}" (eeeeeeee)`), shown);
    assert(shown.includes(`\\u{1b}[31m${markup}`), shown);
    assert(
      shown.includes(`\\u{202e}gnp.exe \\u{200b} half \\u{d800}\n${markup}`),
      shown,
    );
    assertEquals((await second.textContent())?.includes("line 20"), false);
    await second.getByRole("button", { name: /^Show all/ }).click();
    await second.getByText("line 499").waitFor();
    await page.locator("tbody tr", { hasText: "onerror" }).click();
    await page.locator(".peer-details dd", { hasText: "\\u{202e}<img" })
      .waitFor();
    assertEquals(await page.locator("main img").count(), 0);
    assertMatch(await page.title(), /^zoe/);
  },
);

browserTest(
  "a dead letter is shown whole, handed to the application again, and discarded once that is confirmed",
  async (browser) => {
    await using node = new FakePageNode();
    const id = "5".repeat(32);
    const text = `${"line\n".repeat(60)}the \u202eend`;
    node.deadLetters = [{
      ...{ id, from: ALICE, name: "alice", topic: "jobs", at: AT },
      ...{ bytes: text.length, reason: "no <b>printer</b>", retried: false },
      preview: text.slice(0, 256),
    }];
    node.gets.set("/v1/dead-letters/message", {
      base64: new TextEncoder().encode(text).toBase64(),
    });
    const page = await opened(browser, node);
    const letter = page.locator("#node li", { hasText: "no <b>printer</b>" });
    await letter.getByRole("button", { name: /^Show all of/ }).click();
    await letter.getByRole("button", { name: /^Show all .* characters/ })
      .click();
    await letter.getByText("the \\u{202e}end").waitFor();
    await letter.getByRole("button", { name: /^Retry/ }).click();
    await until("a retry", () => node.posts.length === 1);
    await letter.getByRole("button", { name: /^Discard/ }).click();
    node.deadLetters = [];
    await page.getByRole("dialog").getByRole("button", { name: "Discard" })
      .click();
    await page.getByText("No dead letters.").waitFor();
    const body = { id, from: ALICE };
    assertEquals(node.posts, [
      { path: "/v1/dead-letters/retry", body },
      { path: "/v1/dead-letters/discard", body },
    ]);
  },
);

browserTest(
  "the table is sorted by its headers, filtered by `/`, and walked by the arrow keys",
  async (browser) => {
    await using node = new FakePageNode();
    const page = await opened(browser, node);
    const names = () => page.locator("tbody .peer-name").allTextContents();
    const header = page.getByRole("columnheader", { name: "Name" });
    await header.getByRole("button").click();
    assertEquals(await header.getAttribute("aria-sort"), "ascending");
    assertEquals(await names(), ["alice", "bob", "no name"]);
    await header.getByRole("button").click();
    assertEquals(await header.getAttribute("aria-sort"), "descending");
    assertEquals(await names(), ["bob", "alice", "no name"]);
    await page.keyboard.press("/");
    await page.keyboard.type("BOB /");
    assertEquals(await names(), []);
    await page.keyboard.press("Escape");
    assertEquals((await names()).length, 3);
    await page.getByRole("button", { name: "Show bob" }).focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    const details = page.locator(".peer-details");
    await details.getByRole("heading", { name: "alice" }).waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Tab");
    assertEquals(await focused(page), "aaaaaaaa");
  },
);

browserTest(
  "the age of a session is by the clock of the node, which may be another than the browser's",
  async (browser) => {
    await using node = new FakePageNode();
    // A minute after its start, whenever that was.
    node.status = { uptimeMs: 60_500 };
    const page = await opened(browser, node);
    const row = page.locator("tbody tr", { hasText: "alice" });
    assertEquals(await row.locator(".col-age").textContent(), "1 min");
  },
);

browserTest(
  "of 200 peers only the cells that changed are touched",
  async (browser) => {
    await using node = new FakePageNode();
    const ids = Array.from(
      { length: 200 },
      (_, at) => idOf("0").slice(0, 61) + String(at).padStart(3, "0"),
    ) as (typeof ALICE)[];
    node.peers = ids.map((id, at) => peerOf(id, { name: `node${at}` }));
    node.sessions = ids.map((id) => sessionOf(id));
    const { page } = await browser.open(node.url);
    const rows = page.locator("tbody tr");
    await rows.nth(199).waitFor();
    await page.evaluate(() => {
      const table = document.querySelector("tbody");
      const touched = new Set<string>();
      Object.assign(globalThis, { touched });
      if (table === null) return;
      new MutationObserver((changes) => {
        for (const { target, addedNodes } of changes) {
          const element = target instanceof Element
            ? target
            : target.parentElement;
          const cell = element?.closest("td, th");
          if (element === table) touched.add(`${addedNodes.length} rows`);
          // The age of a session goes on.
          if (cell?.classList.contains("col-age")) continue;
          touched.add(cell?.className ?? element?.className ?? "");
        }
      }).observe(table, {
        childList: true,
        characterData: true,
        subtree: true,
        attributes: true,
      });
    });
    node.sessions = node.sessions.map((session, at) =>
      at === 7 ? { ...session, bytesSent: 5_000_000 } : session
    );
    node.push();
    await page.locator("tbody").getByText("5.0 MB").waitFor();
    const touched = await page.evaluate(
      () => [...(globalThis as unknown as { touched: Set<string> }).touched],
    );
    assertEquals(touched, ["col-sent figure"]);
  },
);

browserTest(
  "of 4,096 peers the table has the first 500, and the filter finds the others",
  async (browser) => {
    await using node = new FakePageNode();
    node.peers = Array.from({ length: 4_096 }, (_, at) => {
      const id = idOf("0").slice(0, 60) + String(at).padStart(4, "0");
      return peerOf(id as typeof ALICE, { name: `node${at}` });
    });
    const { page } = await browser.open(node.url);
    await page.getByText("The first 500 of 4,096").waitFor();
    assertEquals(await page.locator("tbody tr").count(), 500);
    await page.getByLabel("Filter peers").fill("node4095");
    await page.getByRole("button", { name: "Show node4095" }).waitFor();
    assertEquals(await page.locator("tbody tr").count(), 1);
  },
);
