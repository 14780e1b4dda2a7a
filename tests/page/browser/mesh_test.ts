/** The page of a real node shows its mesh as it is, while nodes are killed and come back. */
import { assertEquals, assertMatch } from "@std/assert";
import { browserTest } from "../../helpers/browser.ts";
import { LivePage, NODE_GONE } from "../../helpers/live_page.ts";
import { PageNode } from "../../helpers/page_node.ts";
import { Place } from "../../helpers/place.ts";

browserTest(
  "three nodes are shown in picture, table and time line; one that is killed as lost, and as connected when it is back",
  async (browser) => {
    await using place = new Place();
    await using nodes = await PageNode.three(place);
    const { alice, bob, carol } = nodes;

    await using live = await LivePage.open(browser, await alice.link());
    const { page } = live;
    assertMatch(await live.header.innerText(), /^alice/);
    assertEquals(await page.title(), "alice · verack");
    assertMatch(await live.header.innerText(), new RegExp(alice.address));
    for (const { id, name } of [bob, carol]) {
      await live.peerIs(id, "connected");
      assertEquals(await live.cell(id, "name"), name);
      assertEquals(await live.cell(id, "id"), id.slice(0, 8));
      assertEquals(await live.cell(id, "direction"), "← in");
      await live.node(id).waitFor();
      await live.label(name).waitFor();
    }
    await live.shows("3 peers", () => live.figure("peers"), 2);
    assertMatch(
      await page.locator("#mesh").innerText(),
      /3 nodes, 2 sessions here/,
    );

    await carol.kill();
    await live.peerIs(carol.id, "away");
    await live.hasHappened(/lostcarol \([0-9a-f]{8}\)/);
    await live.shows("1 peer", () => live.figure("peers"), 1);
    assertEquals(await live.node(carol.id).getAttribute("data-state"), "away");
    assertEquals(await live.cell(carol.id, "rtt"), "–");

    await carol.restart();
    await live.peerIs(carol.id, "connected");
    await live.hasHappened(/upcarol \([0-9a-f]{8}\).*known/);
    await live.shows(
      "its node",
      () => live.node(carol.id).getAttribute("data-state"),
      "connected",
    );
    assertEquals(await live.cell(carol.id, "trust"), "known");
    await live.shows("3 peers", () => live.figure("peers"), 2);
  },
);

browserTest(
  "while the node does not answer the page says since when it is out of date, and is live again by itself once it does",
  async (browser) => {
    await using place = new Place();
    await using alice = await PageNode.start(place, "alice", "--http=0");
    await using live = await LivePage.open(browser, await alice.link(), {
      installClock: true,
    });

    alice.process.child.kill("SIGSTOP");
    // Longer than the node is silent while it runs.
    await live.page.clock.fastForward(30_000);
    await live.header.getByText(/^out of date since \d\d:\d\d:\d\d$/).waitFor();
    const notice = live.page.locator("#notice");
    await notice.getByText("Out of date", { exact: true }).waitFor();
    assertMatch(await notice.innerText(), /tries to connect again/);
    assertEquals(await live.page.locator("#main").isVisible(), true);

    alice.process.child.kill("SIGCONT");
    await live.isLive();
    await notice.waitFor({ state: "hidden" });
  },
);

browserTest(
  "when the node is killed the page says so; when it is back, sign-ins are over, and a new address opens the same page again",
  async (browser) => {
    await using place = new Place();
    await using alice = await PageNode.start(place, "alice", "--http=0");
    await using live = await LivePage.open(browser, await alice.link(), {
      expected: [...NODE_GONE, /status of 401/],
    });
    const port = Number(new URL(live.page.url()).port);

    await alice.kill();
    await live.header.getByText(/^out of date since/).waitFor();
    await alice.restart(port);
    const locked = live.page.locator("#sign-in");
    await locked.getByText("verack open --data DIR").waitFor();
    assertEquals(await live.page.locator("#main").isVisible(), false);

    await live.page.goto(await alice.link());
    await live.isLive();
    assertEquals(await locked.isVisible(), false);
  },
);

browserTest(
  "when the node stops the page says so, and that what is shown is its last state",
  async (browser) => {
    await using place = new Place();
    await using alice = await PageNode.start(place, "alice", "--http=0");
    await using live = await LivePage.open(browser, await alice.link(), {
      expected: NODE_GONE,
    });
    await place.ask("alice", "stop");
    await live.header.getByText(/^node stopped since/).waitFor();
    assertMatch(
      await live.page.locator("#notice").innerText(),
      /The node has stopped/,
    );
    assertEquals(await live.page.locator("#main").isVisible(), true);
  },
);
