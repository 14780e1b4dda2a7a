/** `crawl()` over networks in memory: everybody is found, nobody is bothered. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { crawl } from "../../src/bitcoin/crawl.ts";
import {
  type CrawlOptions,
  parseCrawl,
} from "../../src/bitcoin/crawl_events.ts";
import { VerackError } from "../../src/core/errors.ts";
import { BIP155 } from "../../src/wire/bip155.ts";
import type { AddrEntry } from "../../src/wire/messages/bitcoin_messages.ts";
import { entryOf, hostOf, type Plan, World } from "./crawl_world.ts";

/** Fifty nodes in a ring of friends; every seventh is bad in its own way. */
function fiftyNodes(): Plan[] {
  const bad = [
    "mute",
    "close-at-once",
    "garbage",
    "obsolete",
    "bad-checksum",
    "oversize",
    "no-verack",
  ] as const;
  return Array.from({ length: 50 }, (_, n): Plan => {
    const friends = [1, 2, 3, 5, 11].map((step) => hostOf((n + step) % 50));
    const behaviour = n % 7 === 6 ? bad[Math.floor(n / 7)]! : "normal";
    return {
      host: hostOf(n),
      knows: friends,
      behaviour,
      options: {
        userAgent: n % 2 === 0 ? "/Satoshi:29.0.0/" : "/other:1/",
        services: n % 3 === 0 ? 0x9n : 0x409n,
        protocolVersion: n % 5 === 0 ? 70_015 : 70_016,
      },
    };
  });
}

Deno.test("crawl() visits all of 50 nodes from one of them, bad ones among them, each once", async () => {
  const plans = fiftyNodes();
  await using world = await World.of(plans);
  const crawled = await world.crawl({ addresses: [hostOf(0)], concurrency: 8 });
  assertEquals(
    crawled.nodes.map(({ result }) => result.address).sort(),
    plans.map(({ host }) => `${host}:8333`).sort(),
  );
  assertEquals(new Set(world.dialed).size, world.dialed.length);
  const { summary } = crawled;
  assertEquals(summary.visited, 50);
  assertEquals(summary.ok, 43);
  assertEquals(summary.unvisited, 0);
  assertEquals(summary.failed, {
    "timeout": 2,
    "closed": 1,
    "bad-magic": 1,
    "obsolete": 1,
    "bad-checksum": 1,
    "oversize": 1,
  });
  assertEquals(summary.heard, { ipv4: 50 });
  assertEquals(summary.networkTypes, { ipv4: 43 });
  const good = plans.flatMap(({ behaviour }, n) =>
    behaviour === "normal" ? [n] : []
  );
  const even = good.filter((n) => n % 2 === 0).length;
  assertEquals(summary.userAgents, {
    "/Satoshi:29.0.0/": even,
    "/other:1/": 43 - even,
  });
  assertEquals(summary.services, {
    NETWORK: 43,
    WITNESS: 43,
    NETWORK_LIMITED: good.filter((n) => n % 3 !== 0).length,
  });
  const old = good.filter((n) => n % 5 === 0).length;
  assertEquals(summary.protocolVersions, { 70015: old, 70016: 43 - old });
});

Deno.test("crawl() reports every address once, with its first source", async () => {
  await using world = await World.of(fiftyNodes());
  const crawled = await world.crawl({ addresses: [hostOf(0)] });
  assertEquals(crawled.heard.length, 50);
  assertEquals(new Set(crawled.heard).size, 50);
  const [given, first] = crawled.events.filter(({ type }) => type === "heard");
  assert(given?.type === "heard" && first?.type === "heard");
  assertEquals(given, {
    type: "heard",
    from: "given",
    addresses: [`${hostOf(0)}:8333`],
  });
  assertEquals(first.from, `${hostOf(0)}:8333`);
});

Deno.test("crawl() has no more connections at once than allowed, and one to an address", async () => {
  // Twenty nodes on each of four machines, all known to the first.
  const plans: Plan[] = Array.from({ length: 80 }, (_, n) => ({
    host: hostOf(n % 4),
    port: 9_000 + n,
  }));
  const everybody = plans.map(({ host, port }) => `${host}/${port}`);
  await using world = await World.of([
    { host: hostOf(99), knows: everybody },
    ...plans,
  ]);
  const wide = await world.crawl({ addresses: [hostOf(99)], concurrency: 64 });
  assertEquals(wide.summary.ok, 81);
  assertEquals(world.mostPerHost, 1);
  assertEquals(world.mostAtOnce, 4);
});

Deno.test("crawl() keeps to its concurrency", async () => {
  await using world = await World.of(fiftyNodes());
  await world.crawl({ addresses: [hostOf(0)], concurrency: 3 });
  assertEquals(world.mostAtOnce, 3);
  assertEquals([...world.open.values()].filter((it) => it > 0), []);
});

Deno.test("crawl() visits no more nodes than allowed and says what is left", async () => {
  await using world = await World.of(fiftyNodes());
  const crawled = await world.crawl({ addresses: [hostOf(0)], maxNodes: 10 });
  assertEquals(crawled.nodes.length, 10);
  assertEquals(world.dialed.length, 10);
  const { visited, unvisited, heard } = crawled.summary;
  assertEquals(visited, 10);
  assertEquals(unvisited, (heard.ipv4 ?? 0) - 10);
});

Deno.test("crawl() never dials what is not on the internet, nor ports of other protocols", async () => {
  const inside = ["10.0.0.1", "127.0.0.1", "192.168.1.1", "169.254.169.254"];
  const never = ["0.0.0.0", "224.0.0.1", "192.0.2.1", "::1", "fe80::1"];
  const ports = ["11.9.0.1/22", "11.9.0.1/25", "11.9.0.1/6667", "11.9.0.1/0"];
  await using world = await World.of([
    { host: hostOf(0), knows: [...inside, ...never, ...ports, hostOf(1)] },
    { host: hostOf(1) },
  ]);
  const { summary, nodes } = await world.crawl({ addresses: [hostOf(0)] });
  assertEquals(world.dialed, [`${hostOf(0)}:8333`, `${hostOf(1)}:8333`]);
  assertEquals(summary.heard, { ipv4: 6 }); // with the four odd ports
  assertEquals(nodes[0]?.told, 14);
});

Deno.test("crawl() dials private addresses when asked, and never reserved ones", async () => {
  await using world = await World.of([
    { host: hostOf(0), knows: ["10.0.0.1", "169.254.169.254", "224.0.0.1"] },
    { host: "10.0.0.1" },
  ]);
  const { summary } = await world.crawl({
    addresses: [hostOf(0)],
    allowPrivate: true,
  });
  assertEquals(world.dialed, [`${hostOf(0)}:8333`, "10.0.0.1:8333"]);
  assertEquals(summary.ok, 2);
});

Deno.test("crawl() counts addresses of other networks without dialing them", async () => {
  const key = new Uint8Array(32);
  const overlay = (network: number, address: Uint8Array, port = 8333) => ({
    ...entryOf("1.2.3.4"),
    network,
    address,
    port,
  });
  const knows: AddrEntry[] = [
    overlay(BIP155.torV3, key),
    overlay(BIP155.torV3, key.with(0, 1)),
    overlay(BIP155.i2p, key, 0),
    overlay(BIP155.cjdns, key.slice(0, 16).with(0, 0xfc)),
    overlay(BIP155.yggdrasil, key.slice(0, 16).with(0, 2)),
    overlay(BIP155.torV3, key), // told twice
  ];
  await using world = await World.of([{ host: hostOf(0), knows }]);
  const crawled = await world.crawl({ addresses: [hostOf(0)] });
  assertEquals(crawled.summary.heard, {
    onion: 2,
    ipv4: 1,
    i2p: 1,
    cjdns: 1,
    yggdrasil: 1,
  });
  assertEquals(world.dialed.length, 1);
  assertEquals(crawled.summary.unvisited, 0);
});

Deno.test("crawl() waits for the answer to getaddr no longer than told", async () => {
  await using world = await World.of([{ host: hostOf(0) }]); // knows nobody
  const before = world.clock.monotonic();
  const { nodes } = await world.crawl({
    addresses: [hostOf(0)],
    addrTimeoutMs: 30_000,
  });
  assertEquals([nodes[0]?.result.ok, nodes[0]?.told], [true, 0]);
  const tookMs = world.clock.monotonic() - before;
  assert(tookMs >= 30_000 && tookMs < 31_000, `${tookMs} ms`);
});

Deno.test("crawl() accepts addr from nodes that announce 70015 and addrv2 from the others", async () => {
  const knows = [hostOf(1), hostOf(2)];
  for (const protocolVersion of [70_015, 70_016]) {
    await using world = await World.of([
      { host: hostOf(0), knows, options: { protocolVersion } },
      { host: hostOf(1) },
      { host: hostOf(2) },
    ]);
    const { summary } = await world.crawl({ addresses: [hostOf(0)] });
    assertEquals(summary.ok, 3);
  }
});

// --- Seeds -------------------------------------------------------------------

Deno.test("crawl() begins with the DNS seeds of its network, and survives those that fail", async () => {
  await using world = await World.of(fiftyNodes());
  const asked: string[] = [];
  const crawled = await world.crawl({
    resolve: (host) => {
      asked.push(host);
      if (host === "seed.btc.petertodd.net") {
        return Promise.resolve([hostOf(3), "10.0.0.1"]);
      }
      const why = `Cannot resolve ${host}: the name does not resolve`;
      return Promise.reject(new VerackError("dns", why));
    },
  });
  assertEquals(asked.length, 8);
  assertEquals(crawled.summary.ok, 43);
  const failed = crawled.events.filter(({ type }) => type === "seed-failed");
  assertEquals(failed.length, 7);
  const [heard] = crawled.events.filter(({ type }) => type === "heard");
  assert(heard?.type === "heard");
  assertEquals(heard.from, "seed.btc.petertodd.net");
  assertEquals(heard.addresses, [`${hostOf(3)}:8333`]);
});

Deno.test("crawl() looks up names among its addresses, with their ports", async () => {
  await using world = await World.of([{ host: hostOf(0), port: 9_999 }]);
  const { summary } = await world.crawl({
    addresses: ["node.example:9999"],
    resolve: (host) =>
      Promise.resolve(host === "node.example" ? [hostOf(0)] : []),
  });
  assertEquals(summary.ok, 1);
  assertEquals(world.dialed, [`${hostOf(0)}:9999`]);
});

Deno.test("crawl() ends with what a resolver does wrong", async () => {
  await using world = await World.of([]);
  const bug = new Error("A bug");
  const options = { resolve: () => Promise.reject(bug) };
  const events = crawl(world.options(options));
  assertEquals(await assertRejects(() => events.next()), bug);
});

// --- Going on ----------------------------------------------------------------

Deno.test("crawl() goes on from what another has written, visiting no node twice", async () => {
  await using world = await World.of(fiftyNodes());
  const first = await world.crawl({ addresses: [hostOf(0)], maxNodes: 20 });
  const known = await Array.fromAsync(parseCrawl(first.lines));
  const second = await world.crawl({ known });
  assertEquals(first.nodes.length + second.nodes.length, 50);
  assertEquals(new Set(world.dialed).size, 50);
  assertEquals(world.dialed.length, 50);
  const { visited, ok, heard, unvisited } = second.summary;
  assertEquals([visited, ok, unvisited], [30, 43, 0]);
  assertEquals(heard, { ipv4: 50 });
  // What the second heard is news: both files together have every address once.
  const all = [...first.heard, ...second.heard];
  assertEquals(new Set(all).size, all.length);
});

Deno.test("crawl() goes on from a broken off crawl whose last line was cut", async () => {
  await using world = await World.of(fiftyNodes());
  const lines: string[] = [];
  const options = world.options({ addresses: [hostOf(0)], concurrency: 4 });
  let isOver = false;
  const breaking = (async () => {
    for await (const event of crawl(options)) {
      lines.push(JSON.stringify(event));
      if (lines.length === 25) break;
    }
  })().finally(() => isOver = true);
  await world.clock.runUntil(() => isOver, { limitMs: 1_000_000 });
  await breaking;
  assertEquals([...world.open.values()].filter((it) => it > 0), []);
  const cut = [...lines.slice(0, -1), lines.at(-1)!.slice(0, 40)];
  const { summary } = await world.crawl({ known: parseCrawl(cut) });
  assertEquals(summary.ok, 43);
});

Deno.test("crawl() visits known nodes again when their time has come, new ones first", async () => {
  const plans = fiftyNodes().map((
    it,
  ) => ({ ...it, behaviour: "normal" } as const));
  await using world = await World.of(plans);
  const first = await world.crawl({ addresses: [hostOf(0)], maxNodes: 20 });
  const known = first.events.filter((event) =>
    event.type === "node" || event.type === "heard"
  );
  await world.clock.advance(60_000);
  const soon = await world.crawl({ known, repeatAfterMs: 3_600_000 });
  assertEquals(soon.summary.visited, 30);
  const again = await world.crawl({
    known,
    repeatAfterMs: 60_000,
    concurrency: 1,
  });
  assertEquals([again.summary.visited, again.summary.ok], [50, 50]);
  const old = new Set(first.nodes.map(({ result }) => result.address));
  const order = again.nodes.map(({ result }) => old.has(result.address));
  // Those left over come first, and what they tell before what is known.
  assert(first.summary.unvisited > 0);
  assert(order.indexOf(true) >= first.summary.unvisited, `${order}`);
});

Deno.test("crawl() visits no known node that it may not dial", async () => {
  await using world = await World.of([{ host: "10.0.0.1" }]);
  const options = { addresses: ["10.0.0.1"], allowPrivate: true };
  const { nodes: known } = await world.crawl(options);
  await world.clock.advance(1_000);
  await world.crawl({ known, repeatAfterMs: 1 });
  assertEquals(world.dialed.length, 1);
  await world.crawl({ known, repeatAfterMs: 1, allowPrivate: true });
  assertEquals(world.dialed.length, 2);
});

Deno.test("crawl() counts a node by its last visit", async () => {
  const node = { host: hostOf(0) };
  await using world = await World.of([node]);
  const first = await world.crawl({ addresses: [hostOf(0)] });
  await world.nodes[0]?.close();
  await world.clock.advance(1_000);
  const known = first.nodes;
  const second = await world.crawl({ known, repeatAfterMs: 1 });
  assertEquals([second.summary.ok, second.summary.failed], [0, {
    "connection-refused": 1,
  }]);
});

// --- Ends and misuse ---------------------------------------------------------

Deno.test("crawl() rejects with the signal's reason and leaves no connection", async () => {
  await using world = await World.of(fiftyNodes());
  const stop = new AbortController();
  const crawling = Array.fromAsync(
    crawl(world.options({ addresses: [hostOf(0)], signal: stop.signal })),
  );
  const rejected = assertRejects(() => crawling, Error, "Enough");
  await world.clock.runUntil(() => world.dialed.length > 10, {
    limitMs: 60_000,
  });
  stop.abort(new Error("Enough"));
  await rejected;
  assertEquals([...world.open.values()].filter((it) => it > 0), []);
});

Deno.test("crawl() throws at once for misuse", () => {
  const wrong: [CrawlOptions, string][] = [
    [{ network: "regtest" }, "regtest has no DNS seeds"],
    [{ addresses: ["127.0.0.1"] }, "127.0.0.1:8333 is not on the internet"],
    [{ addresses: ["169.254.0.1"], allowPrivate: true }, "169.254.0.1:8333"],
    [{ maxNodes: 0 }, "maxNodes: it is 0"],
    [{ concurrency: 0 }, "concurrency: it is 0"],
    [{ addrTimeoutMs: 0 }, "addrTimeoutMs: it is 0"],
    [{ repeatAfterMs: NaN }, "repeatAfterMs: it is NaN"],
    [{ timeoutMs: -1 }, "timeoutMs: it is -1"],
  ];
  for (const [options, message] of wrong) {
    assertThrows(() => crawl(options), RangeError, message);
  }
  assertThrows(() => crawl({ addresses: ["a b"] }), TypeError, "a b");
});
