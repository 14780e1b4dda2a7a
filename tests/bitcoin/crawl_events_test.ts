/** Reading what a crawl has written. */
import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import {
  type CrawlHeard,
  type CrawlNode,
  parseCrawl,
} from "../../src/bitcoin/crawl_events.ts";
import { VerackError } from "../../src/core/errors.ts";

const NODE: CrawlNode = {
  type: "node",
  visitedAt: 1_767_225_600_000,
  networkType: "ipv4",
  told: 3,
  result: {
    address: "11.0.0.1:8333",
    network: "mainnet",
    ok: true,
    protocolVersion: 70016,
    services: ["NETWORK"],
    servicesHex: "0000000000000001",
    userAgent: "/x/",
    events: [],
    durationMs: 1.5,
  },
};
const FAILED: CrawlNode = {
  ...NODE,
  networkType: "ipv6",
  result: {
    address: "[2a00::1]:8333",
    network: "mainnet",
    ok: false,
    events: [],
    durationMs: 5_000,
    error: { kind: "timeout", message: "Cannot dial" },
  },
};
const HEARD: CrawlHeard = {
  type: "heard",
  from: "seed.example",
  addresses: [
    "11.0.0.2:8333",
    `${"a".repeat(56)}.onion:8333`,
    `${"a".repeat(52)}.b32.i2p:0`,
  ],
};

function parse(lines: string[]): Promise<(CrawlNode | CrawlHeard)[]> {
  return Array.fromAsync(parseCrawl(lines));
}

Deno.test("parseCrawl() gives back nodes and addresses as they were written", async () => {
  const records = [NODE, FAILED, HEARD];
  assertEquals(await parse(records.map((it) => JSON.stringify(it))), records);
});

Deno.test("parseCrawl() passes over empty lines and lines of other types", async () => {
  const lines = [
    "",
    JSON.stringify(NODE),
    '{"type":"summary","ok":1}',
    '{"type":"seed-failed","seed":"x"}',
    "  ",
    JSON.stringify(HEARD),
    "",
  ];
  assertEquals(await parse(lines), [NODE, HEARD]);
});

Deno.test("parseCrawl() passes over a last line that was cut, wherever that was", async () => {
  const line = JSON.stringify(NODE);
  for (let end = 1; end < line.length; end++) {
    assertEquals(await parse([line, line.slice(0, end)]), [NODE]);
  }
});

Deno.test("parseCrawl() reads lines as they come", async () => {
  async function* lines(): AsyncGenerator<string> {
    yield JSON.stringify(NODE);
    await Promise.resolve();
    yield JSON.stringify(HEARD);
  }
  assertEquals(await Array.fromAsync(parseCrawl(lines())), [NODE, HEARD]);
});

Deno.test("parseCrawl() throws malformed for what no crawl has written, naming the line", async () => {
  const { result } = NODE;
  const wrong: unknown[] = [
    null,
    5,
    [],
    {},
    { type: 5 },
    { ...NODE, result: null },
    { ...NODE, visitedAt: "today" },
    { ...NODE, visitedAt: 1e300 },
    { ...NODE, told: -0.5 },
    { ...NODE, networkType: "ipv6" },
    { ...NODE, result: { ...result, address: "11.0.0.1" } },
    { ...NODE, result: { ...result, address: "node.example:8333" } },
    { ...NODE, result: { ...result, ok: 1 } },
    { ...NODE, result: { ...result, services: [1] } },
    { ...NODE, result: { ...result, userAgent: null } },
    { ...FAILED, result: { ...FAILED.result, error: { kind: "odd" } } },
    { ...FAILED, result: { ...FAILED.result, error: null } },
    { ...HEARD, addresses: "11.0.0.1:1" },
    { ...HEARD, addresses: [1] },
    { ...HEARD, addresses: ["11.0.0.1"] },
    { ...HEARD, addresses: ["11.0.0.1:0"] },
    { ...HEARD, from: undefined },
  ];
  for (const value of wrong) {
    const lines = [JSON.stringify(NODE), JSON.stringify(value)];
    const error = await assertRejects(
      () => parse(lines),
      VerackError,
      "line 2",
    );
    assertEquals(error.code, "malformed");
  }
  const lines = ["{not JSON", JSON.stringify(NODE)];
  await assertRejects(() => parse(lines), VerackError, "line 1 is no JSON");
});

Deno.test("parseCrawl() throws nothing but malformed for any lines", async () => {
  const line = fc.oneof(
    fc.string(),
    fc.json(),
    fc.constant(JSON.stringify(NODE)),
    fc.record({
      type: fc.constantFrom("node", "heard"),
      result: fc.object(),
      addresses: fc.array(fc.string()),
    }).map((it) => JSON.stringify(it)),
  );
  await fc.assert(fc.asyncProperty(fc.array(line), async (lines) => {
    try {
      await parse(lines);
    } catch (error) {
      if (!(error instanceof VerackError)) throw error;
      assertEquals(error.code, "malformed");
    }
  }));
});
