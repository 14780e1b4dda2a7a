/** Every figure of the page is one of the status and the peers, under load and at rest. */
import { assert, assertEquals } from "@std/assert";
import { bytes, count, milliseconds } from "../../../src/page/format.js";
import type {
  PeersAnswer,
  StatusAnswer,
} from "../../../src/control/answers.ts";
import { browserTest } from "../../helpers/browser.ts";
import { LivePage } from "../../helpers/live_page.ts";
import { PageNode } from "../../helpers/page_node.ts";
import { Place } from "../../helpers/place.ts";
import { until } from "../../helpers/until.ts";

const COUNTERS = [
  "messagesSent",
  "messagesReceived",
  "bytesSent",
  "bytesReceived",
] as const;
type Counter = typeof COUNTERS[number];

/** The four counters as the status has them, or as the page shows them. */
async function countersOf(
  read: (key: Counter) => number | Promise<number>,
): Promise<Record<Counter, number>> {
  const values = await Promise.all(
    COUNTERS.map(async (key) => [key, await read(key)] as const),
  );
  return Object.fromEntries(values) as Record<Counter, number>;
}

/** A row of the table as it must be. */
function cellsOf(id: string, { peers, sessions }: PeersAnswer): unknown {
  const peer = peers.find((it) => it.id === id);
  const session = sessions.find((it) => it.id === id);
  if (peer === undefined || session === undefined) return undefined;
  return {
    name: peer.name,
    state: peer.connected ? "connected" : "away",
    direction: session.direction === "inbound" ? "← in" : "→ out",
    trust: peer.trust.replace("-", " "),
    rtt: milliseconds(session.rttMs),
    received: bytes(session.bytesReceived),
    sent: bytes(session.bytesSent),
    messagesReceived: count(session.messagesReceived),
    messagesSent: count(session.messagesSent),
  };
}

async function shownCells(live: LivePage, id: string): Promise<unknown> {
  const keys = [
    "name",
    "state",
    "direction",
    "trust",
    "rtt",
    "received",
    "sent",
    "messagesReceived",
    "messagesSent",
  ];
  const cells = await Promise.all(
    keys.map(async (key) => [key, await live.cell(id, key)]),
  );
  return Object.fromEntries(cells);
}

/** What the tiles, the head and the picture say. */
function headOf(
  { name, id, network, admission, mesh, outbox, counters }: StatusAnswer,
) {
  return {
    name,
    id: id.slice(0, 8),
    network,
    admission,
    peers: mesh.sessions,
    waiting: outbox.messages,
    messagesIn: count(counters.messagesReceived),
    messagesOut: count(counters.messagesSent),
    bytesIn: bytes(counters.bytesReceived),
    bytesOut: bytes(counters.bytesSent),
  };
}

async function shownHead(live: LivePage): Promise<unknown> {
  const { header, page } = live;
  const fact = (label: string) =>
    header.locator("div", { has: page.getByText(label, { exact: true }) })
      .locator("dd").last().innerText();
  const total = (tile: string, index: number) =>
    page.locator(`[data-tile="${tile}"] .total`).nth(index).innerText();
  return {
    name: await header.locator(".node-name").innerText(),
    id: await header.locator(".node-id").innerText(),
    network: await fact("network"),
    admission: await fact("admission"),
    peers: await live.figure("peers"),
    waiting: await live.figure("waiting"),
    messagesIn: await total("messages", 0),
    messagesOut: await total("messages", 1),
    bytesIn: await total("bytes", 0),
    bytesOut: await total("bytes", 1),
  };
}

browserTest(
  "every figure of the page is between two answers of the status while messages flow, and equal to it at rest",
  async (browser) => {
    await using place = new Place();
    // Pings are far apart, so that there is a rest to compare at.
    await using nodes = await PageNode.three(place);
    const { alice, bob, carol } = nodes;
    await using live = await LivePage.open(browser, await alice.link());
    using ofAlice = await alice.client();
    using ofBob = await bob.client();

    let isFlowing = true;
    const flow = async (from: typeof ofAlice) => {
      while (isFlowing) {
        await Promise.all(
          Array.from(
            { length: 20 },
            (_, at) =>
              from.broadcast(`${at} ${"x".repeat(at * 37)}`, { waitMs: 5_000 }),
          ),
        );
      }
    };
    const flows = [flow(ofAlice), flow(ofBob)];
    for (let round = 0; round < 3; round++) {
      const before = (await ofAlice.status()).counters;
      // A record of the state that is newer than what was just read.
      await until(
        "the page to catch up",
        async () =>
          await live.figure("messagesSent") >= before.messagesSent &&
          await live.figure("messagesReceived") > before.messagesReceived,
      );
      const shown = await countersOf((key) => live.figure(key));
      const after = (await ofAlice.status()).counters;
      for (const key of COUNTERS) {
        assert(
          before[key] <= shown[key] && shown[key] <= after[key],
          `${key}: ${before[key]}, ${shown[key]} on the page, ${after[key]}`,
        );
      }
    }
    isFlowing = false;
    await Promise.all(flows);

    await until("the page to be at rest with the node", async () => {
      const status = await ofAlice.status();
      const shown = await countersOf((key) => live.figure(key));
      return COUNTERS.every((key) => status.counters[key] === shown[key]);
    });
    for (const { id } of [bob, carol]) {
      await until("an equal row", async () => {
        const before = JSON.stringify(cellsOf(id, await ofAlice.peers()));
        return before === JSON.stringify(await shownCells(live, id));
      }).catch(async () =>
        assertEquals(
          await shownCells(live, id),
          cellsOf(id, await ofAlice.peers()),
        )
      );
    }
    const status = await alice.status();
    assert(status.counters.messagesReceived > 0);
    await until(
      "an equal head",
      async () =>
        JSON.stringify(headOf(await alice.status())) ===
          JSON.stringify(await shownHead(live)),
    ).catch(async () =>
      assertEquals(await shownHead(live), headOf(await alice.status()))
    );
  },
);
