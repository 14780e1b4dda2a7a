/** Which kind of network an address is of, and how a crawl may treat it. */
import { assertEquals } from "@std/assert";
import {
  isBadPort,
  networkTypeOf,
  parseHeard,
  reachOf,
} from "../../src/bitcoin/frontier.ts";

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
