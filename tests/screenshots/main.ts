/**
 * `deno task screenshots`: the images of the page in the documents, of real nodes with some
 * traffic, one of which is killed. Takes about a minute, and needs Chromium.
 */
import type { Page } from "playwright-core";
import { CHROMIUM, TestBrowser } from "../helpers/browser.ts";
import { LivePage } from "../helpers/live_page.ts";
import { PageNode } from "../helpers/page_node.ts";
import { Place } from "../helpers/place.ts";

const FOLDER = new URL("../../docs/images/", import.meta.url);

const OTHERS = ["bob", "carol", "dave", "erin", "frank", "grace", "heidi"];

/** So long the lines of the counters are. */
const TRAFFIC_MS = 45_000;

const QUALITY = 82;

/** What comes in. */
const MESSAGES:
  readonly (readonly [from: string, topic: string, text: string])[] = [
    ["bob", "chat", "build 1842 is out"],
    ["carol", "chat", "thanks, I restart the workers"],
    ["dave", "deploy", "canary: 0 errors of 12,000 requests"],
    ["erin", "chat", "frank is on the train, expect gaps"],
    ["bob", "chat", "then heidi takes over"],
  ];

if (CHROMIUM === undefined) Deno.exit(1);
await Deno.mkdir(FOLDER, { recursive: true });
await using place = new Place();
await using alice = await PageNode.start(
  place,
  "alice",
  "--http=0",
  "--keep-topic=jobs",
);
await using rest = new AsyncDisposableStack();
const nodes = new Map<string, PageNode>();
for (const name of OTHERS) {
  const node = await PageNode.start(place, name, `--connect=${alice.address}`);
  nodes.set(name, rest.use(node));
}
await alice.process.meshOf(OTHERS.length + 1);
await using browser = await TestBrowser.start();

const wide = { width: 1280, height: 960 };
const looks = {
  "page-light": { colorScheme: "light", viewport: wide },
  "page-dark": { colorScheme: "dark", viewport: wide },
  "page-phone": {
    colorScheme: "light",
    viewport: { width: 390, height: 844 },
  },
} as const;
const pages = new Map<string, Page>();
for (const [name, look] of Object.entries(looks)) {
  const { page } = await LivePage.open(browser, await alice.link(), {
    ...look,
    deviceScaleFactor: 2,
  });
  pages.set(name, page);
}

let isFlowing = true;
/** Sends to a peer: what comes in would fill the time line. */
const flow = async (to: string, pauseMs: number) => {
  using client = await alice.client();
  for (let count = 0; isFlowing; count++) {
    const size = 200 + 150 * Math.round(10 + 10 * Math.sin(count / 9));
    await client.send(to, "x".repeat(size), { topic: "metrics" });
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
};
const flows = [flow("bob", 120), flow("dave", 300), flow("grace", 700)];
for (const [from, topic, text] of MESSAGES) {
  await new Promise((resolve) =>
    setTimeout(resolve, TRAFFIC_MS / (MESSAGES.length + 2))
  );
  await place.ask(from, "send", "alice", text, `--topic=${topic}`);
}
await place.ask(
  "alice",
  "send",
  "bob",
  "good: I watch the queue",
  "--topic=chat",
);
await nodes.get("frank")!.kill();
await new Promise((resolve) =>
  setTimeout(resolve, 2 * TRAFFIC_MS / (MESSAGES.length + 2))
);

for (const [name, page] of pages) {
  const cdp = await page.context().newCDPSession(page);
  const { data } = await cdp.send("Page.captureScreenshot", {
    format: "webp",
    quality: QUALITY,
  });
  const bytes = Uint8Array.fromBase64(data);
  await Deno.writeFile(new URL(`${name}.webp`, FOLDER), bytes);
  console.log(
    `docs/images/${name}.webp  ${Math.round(bytes.length / 1_000)} kB`,
  );
  await cdp.detach();
}
isFlowing = false;
await Promise.all(flows);
