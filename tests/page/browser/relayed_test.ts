/** The page of a node shows which peers it reaches through which relay. */
import { assertEquals, assertMatch } from "@std/assert";
import { browserTest } from "../../helpers/browser.ts";
import { LivePage } from "../../helpers/live_page.ts";
import { PageNode } from "../../helpers/page_node.ts";
import { Place } from "../../helpers/place.ts";

browserTest(
  "a peer that neither can dial is shown as relayed in picture, table, details and time line, with its relay",
  async (browser) => {
    await using place = new Place();
    await using carol = await PageNode.start(place, "carol");
    const dials = ["--no-listen", `--connect=${carol.address}`];
    await using alice = await PageNode.start(
      place,
      "alice",
      "--http=0",
      ...dials,
    );
    await using live = await LivePage.open(browser, await alice.link());
    const { page } = live;
    await using bob = await PageNode.start(place, "bob", ...dials);
    for (const { process } of [alice, bob, carol]) await process.meshOf(3);

    await live.peerIs(bob.id, "connected");
    await live.peerIs(carol.id, "connected");
    assertMatch(
      await live.cell(bob.id, "direction"),
      /^(← in|→ out), relayed$/,
    );
    assertEquals(await live.cell(carol.id, "direction"), "→ out");
    assertEquals(await page.locator("#mesh .link[data-relayed]").count(), 2);

    const relay = `carol (${carol.id.slice(0, 8)})`;
    // An address would be that of the relay.
    assertEquals(await live.cell(bob.id, "address"), `via ${relay}`);
    await live.node(bob.id).hover();
    await page.locator("#mesh").getByText(`relayed via ${relay}`).waitFor();
    await live.hasHappened(
      new RegExp(`upbob \\([0-9a-f]{8}\\) via ${carol.id.slice(0, 8)}`),
    );
    await live.row(bob.id).locator(".peer-name").click();
    await page.locator(".peer-details")
      .getByText(`relayed via ${relay}, 2 hops`).waitFor();
  },
);
