/** What a user does on the page happens at the real nodes. */
import { assertEquals, assertMatch } from "@std/assert";
import { browserTest } from "../../helpers/browser.ts";
import { LivePage, NODE_GONE } from "../../helpers/live_page.ts";
import { PageNode } from "../../helpers/page_node.ts";
import { Place } from "../../helpers/place.ts";
import { readQrCode } from "../../helpers/qr_code.ts";

browserTest(
  "a message that is sent on the page comes to the other node, and one of that node is on the page",
  async (browser) => {
    await using place = new Place();
    await using alice = await PageNode.start(place, "alice", "--http=0");
    await using bob = await PageNode.start(
      place,
      "bob",
      `--connect=${alice.address}`,
    );
    await bob.process.meshOf(2);
    await using live = await LivePage.open(browser, await alice.link());
    const { page } = live;
    await live.peerIs(bob.id, "connected");
    await using tail = place.command("bob", "tail", "--json", "--all");
    await tail.line((line) => line.includes('"mesh"'));

    await page.getByLabel("With", { exact: false }).selectOption(bob.id);
    const text = "Grüße, <b>bob</b>\nin two lines";
    await page.getByRole("textbox", { name: "Message" }).fill(text);
    await page.getByRole("textbox", { name: "Message" }).press("Enter");
    const line = await tail.line((it) => it.includes('"message"'));
    const event = JSON.parse(line);
    assertEquals(
      [event.from, event.text, event.topic],
      [alice.id, text, "chat/direct"],
    );
    await page.locator(".messages .outcome").getByText("delivered").waitFor();

    await place.ask("bob", "send", "alice", "and back", "--topic=chat");
    const back = page.locator(".messages .message-in", { hasText: "and back" });
    await back.waitFor();
    assertMatch(await back.innerText(), /bob/);
    await live.hasHappened(/msgbob \([0-9a-f]{8}\).*and back/);
  },
);

browserTest(
  "a join request is allowed on the page, a peer is denied there, and an invite is a QR code that lets a guest in",
  async (browser) => {
    await using place = new Place();
    const closed = "--admission=closed";
    await using alice = await PageNode.start(
      place,
      "alice",
      "--http=0",
      closed,
    );
    const join = `--connect=${alice.address}`;
    await using bob = await PageNode.start(place, "bob", join);
    await using live = await LivePage.open(browser, await alice.link());
    const { page } = live;
    await live.peerIs(bob.id, "asks to join");
    const admission = page.locator("section", {
      has: page.getByRole("heading", { name: "Join requests" }),
    }).last();
    await admission.getByText(bob.id.slice(0, 8)).waitFor();
    await admission.getByRole("button", { name: "Allow" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(bob.id).waitFor();
    await dialog.getByRole("button", { name: "Allow" }).click();
    await live.peerIs(bob.id, "connected");
    await bob.process.meshOf(2);

    await page.getByLabel("Reach this node at").fill(alice.address);
    await page.getByRole("button", { name: "Create invite" }).click();
    const picture = page.getByRole("img", { name: /QR code of invite/ });
    await picture.waitFor();
    const invite = await page.locator(".invite-line").innerText();
    assertEquals(await readQrCode(picture), invite);
    await using carol = await PageNode.join(place, "carol", invite);
    await live.peerIs(carol.id, "connected");
    await carol.process.meshOf(3);
    // What admits no node any more is not there to be sent to another guest.
    await picture.waitFor({ state: "hidden" });

    await live.row(bob.id).locator("button.peer-name").click();
    await page.locator(".peer-details").getByRole("button", { name: "Deny" })
      .click();
    await dialog.getByRole("button", { name: "Deny" }).click();
    await live.peerIs(bob.id, "denied");
    await page.locator(".peer-details").getByRole("button", { name: "Deny" })
      .waitFor({ state: "hidden" });
    const { peers } = await alice.peers();
    assertEquals(peers.find(({ id }) => id === bob.id)?.connected, false);
  },
);

browserTest(
  "the node is stopped on the page, and ends as by its command",
  async (browser) => {
    await using place = new Place();
    await using alice = await PageNode.start(place, "alice", "--http=0");
    await using live = await LivePage.open(browser, await alice.link(), {
      expected: NODE_GONE,
    });
    const { page } = live;
    await page.getByRole("button", { name: "Stop the node" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox").fill("stop");
    await dialog.getByRole("button", { name: "Stop the node" }).click();
    assertEquals(await alice.process.child.code(), 0);
    await live.header.getByText(/^node stopped since/).waitFor();
    // Of a node that is not heard, the page does not say how it is.
    await live.header.getByText("healthy").waitFor({ state: "hidden" });
  },
);
