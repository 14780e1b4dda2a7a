/** Of which kind an address is, how a crawl may treat it, and which is visited next. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  Frontier,
  isBadPort,
  networkTypeOf,
  parseHeard,
  reachOf,
} from "../../src/bitcoin/frontier.ts";
import { MAX_CRAWL_ADDRESSES } from "../../src/bitcoin/bitcoin_limits.ts";
import type { Address } from "../../src/transport/address.ts";

function at(host: string, port = 8333): Address {
  return { host, port };
}

/** The next address if there is one at once. */
async function take(frontier: Frontier): Promise<Address | "wait" | "done"> {
  const next = frontier.next().then(({ done, value }) =>
    done ? "done" : value!
  );
  const turns = (async () => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
    return "wait" as const;
  })();
  return await Promise.race([next, turns]);
}

Deno.test("Frontier gives addresses in the order in which they were heard, each once", async () => {
  const frontier = new Frontier(100);
  for (const host of ["b", "a", "b", "c", "a"]) {
    frontier.hear(at(host), { visit: "now" });
  }
  assertEquals(await take(frontier), at("b"));
  assertEquals(await take(frontier), at("a"));
  assertEquals(frontier.waiting, 1);
  assertEquals(await take(frontier), at("c"));
  for (const host of ["a", "b", "c"]) frontier.finish(at(host));
  assertEquals(await take(frontier), "done");
});

Deno.test("Frontier gives one address of a host at a time", async () => {
  const frontier = new Frontier(100);
  for (const port of [1, 2, 3]) frontier.hear(at("a", port), { visit: "now" });
  frontier.hear(at("b"), { visit: "now" });
  assertEquals(await take(frontier), at("a", 1));
  assertEquals(await take(frontier), at("b"));
  assertEquals(frontier.waiting, 2);
  const next = frontier.next();
  frontier.finish(at("a", 1));
  assertEquals((await next).value, at("a", 2));
});

Deno.test("Frontier waits while a visit may bring more, and ends when none is under way", async () => {
  const frontier = new Frontier(100);
  frontier.hear(at("a"), { visit: "now" });
  await take(frontier);
  const next = frontier.next();
  frontier.hear(at("b"), { visit: "now" });
  assertEquals((await next).value, at("b"));
  const last = frontier.next();
  frontier.finish(at("a"));
  frontier.finish(at("b"));
  assertEquals((await last).done, true);
});

Deno.test("Frontier gives repeats when nothing new is left, and nothing that is only known", async () => {
  const frontier = new Frontier(100);
  frontier.hear(at("old"), { visit: "later" });
  frontier.hear(at("known"), { visit: "never" });
  frontier.hear(at("new"), { visit: "now" });
  assertEquals(frontier.known, 3);
  assertEquals(frontier.waiting, 2);
  assertEquals(await take(frontier), at("new"));
  assertEquals(await take(frontier), at("old"));
  frontier.finish(at("new"));
  frontier.finish(at("old"));
  assertEquals(await take(frontier), "done");
});

Deno.test("Frontier gives no more than it may, and ends when it is told", async () => {
  const frontier = new Frontier(1);
  frontier.hear(at("a"), { visit: "now" });
  frontier.hear(at("b"), { visit: "now" });
  assertEquals(await take(frontier), at("a"));
  assertEquals(await take(frontier), "done");
  assertEquals([frontier.started, frontier.waiting], [1, 1]);

  const stopped = new Frontier(9);
  stopped.hear(at("a"), { visit: "now" });
  await take(stopped);
  const next = stopped.next();
  stopped.return();
  assertEquals((await next).done, true);
});

Deno.test("Frontier remembers a bounded number of addresses", () => {
  const frontier = new Frontier(1);
  let heard = 0;
  for (let i = 0; i < MAX_CRAWL_ADDRESSES + 10; i++) {
    const visit = "never";
    if (frontier.hear(at("a", i), { visit })) heard++;
  }
  assertEquals(heard, MAX_CRAWL_ADDRESSES);
});

Deno.test("Frontier gives every address once, and one of a host at a time, whatever the order", async () => {
  const address = fc.record({
    host: fc.constantFrom("a", "b", "c", "d"),
    port: fc.nat(30),
  });
  await fc.assert(fc.asyncProperty(
    fc.array(address, { maxLength: 40 }),
    fc.infiniteStream(fc.nat(99)),
    async (addresses, chance) => {
      const frontier = new Frontier(1_000);
      const key = ({ host, port }: Address) => `${host}:${port}`;
      for (const it of addresses) frontier.hear(it, { visit: "now" });
      const busy: Address[] = [];
      const given: string[] = [];
      for (;;) {
        const hosts = new Set(busy.map(({ host }) => host));
        const isStuck = addresses.every((it) =>
          hosts.has(it.host) || given.includes(key(it))
        );
        if (busy.length > 0 && (isStuck || chance.next().value! < 40)) {
          const at = chance.next().value! % busy.length;
          frontier.finish(busy.splice(at, 1)[0]!);
          continue;
        }
        const { done, value } = await frontier.next();
        if (done) break;
        assert(!hosts.has(value.host));
        busy.push(value);
        given.push(key(value));
      }
      assertEquals(given.sort(), [...new Set(addresses.map(key))].sort());
    },
  ));
});

// --- Kinds of addresses ------------------------------------------------------

const ONION = `${"a".repeat(56)}.onion`;
const I2P = `${"a".repeat(52)}.b32.i2p`;

Deno.test("networkTypeOf() tells every network of BIP155 by its text", () => {
  const types = [
    ["1.2.3.4", "ipv4"],
    ["2a00::1", "ipv6"],
    ["2001:db8::1", "ipv6"],
    ["fd00::1", "ipv6"],
    ["fc::1", "ipv6"],
    [ONION, "onion"],
    [I2P, "i2p"],
    ["fc32:17ea:e415:c3bf:9808:149d:b5a2:c9aa", "cjdns"],
    ["200:1::1", "yggdrasil"],
    ["3ff:1::1", "yggdrasil"],
    ["node.example", undefined],
  ];
  for (const [host, type] of types) assertEquals(networkTypeOf(host!), type);
});

Deno.test("reachOf() dials public addresses, counts overlays, leaves the rest", () => {
  const rows = [
    ["11.0.0.1", "dial", "dial"],
    ["2a00::1", "dial", "dial"],
    ["10.0.0.1", "never", "dial"],
    ["127.0.0.1", "never", "dial"],
    ["::1", "never", "dial"],
    ["169.254.169.254", "never", "never"],
    ["0.0.0.0", "never", "never"],
    ["fe80::1", "never", "never"],
    [ONION, "count", "count"],
    [I2P, "count", "count"],
    ["fc00:1::1", "count", "dial"],
    ["201::1", "count", "dial"],
    ["node.example", "never", "never"],
  ] as const;
  for (const [host, asked, allowed] of rows) {
    assertEquals(reachOf(host, { allowPrivate: false }), asked, host);
    assertEquals(reachOf(host, { allowPrivate: true }), allowed, host);
  }
});

Deno.test("parseHeard() reads what formatAddress() wrote, I2P's port 0 too", () => {
  assertEquals(parseHeard(`${I2P}:0`), { host: I2P, port: 0 });
  assertEquals(parseHeard("[2a00::1]:1"), { host: "2a00::1", port: 1 });
  for (const text of ["1.2.3.4:0", "1.2.3.4", "", 5, null, "a b:1"]) {
    assertEquals(parseHeard(text), undefined);
  }
});

Deno.test("isBadPort() knows ports of other protocols and none of Bitcoin's", () => {
  for (const port of [22, 25, 110, 6667]) assertEquals(isBadPort(port), true);
  for (const port of [8333, 18_333, 38_333, 443, 9050]) {
    assertEquals(isBadPort(port), false);
  }
});
