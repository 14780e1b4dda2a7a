import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { parsePeerId } from "../../src/core/peer_id.ts";
import {
  formatForwardRule,
  hostFault,
  parseForwardRule,
  parseForwardTarget,
  parseListenAddress,
  ruleAllows,
} from "../../src/services/forwarding/forward_target.ts";

const ALICE = parsePeerId("a".repeat(64));
const BOB = parsePeerId("b".repeat(64));

Deno.test("a target is a port at 127.0.0.1, or a host and a port, and has one spelling", () => {
  const spellings: readonly [text: string, host: string, port: number][] = [
    ["5432", "127.0.0.1", 5432],
    ["127.0.0.1:5432", "127.0.0.1", 5432],
    ["localhost:22", "localhost", 22],
    ["LocalHost.:22", "localhost", 22],
    ["[::1]:80", "::1", 80],
    ["[0:0:0:0:0:0:0:1]:80", "::1", 80],
    ["[::FFFF:127.0.0.1]:80", "127.0.0.1", 80],
    ["DB.Internal.:1", "db.internal", 1],
    ["10.0.0.7:65535", "10.0.0.7", 65535],
  ];
  for (const [text, host, port] of spellings) {
    assertEquals(parseForwardTarget(text), { host, port }, text);
  }
});

Deno.test("what is no address to connect to is refused, with a reason", () => {
  const refused = [
    "",
    "0",
    "127.0.0.1:0",
    "65536",
    "bob",
    "127.1:80",
    "2130706433:80",
    "0x7f000001:80",
    "0x7f.1:80",
    "017700000001:80",
    "a.0x7f:80",
    "0.0.0.0:80",
    "0.1.2.3:80",
    "[::]:80",
    "[::ffff:0.0.0.0]:80",
    "::1:80",
    "[fe80::1%eth0]:80",
    "127.0.0.1 :80",
    "127.0.0.1:80 ",
    "http://127.0.0.1:80",
    "a..b:80",
    "user@127.0.0.1:80",
    "127.0.0.1:80-81",
  ];
  for (const text of refused) {
    assertThrows(() => parseForwardTarget(text), SyntaxError, "Cannot ", text);
  }
});

Deno.test("a socket to listen on has an address of this machine, and may have port 0", () => {
  assertEquals(parseListenAddress("0"), { host: "127.0.0.1", port: 0 });
  assertEquals(parseListenAddress("localhost:80"), {
    host: "127.0.0.1",
    port: 80,
  });
  assertEquals(parseListenAddress("0.0.0.0:80"), { host: "0.0.0.0", port: 80 });
  assertEquals(parseListenAddress("[::]:80"), { host: "::", port: 80 });
  for (const text of ["example.com:80", "65536", "", "127.1:80"]) {
    assertThrows(() => parseListenAddress(text), SyntaxError, "Cannot ", text);
  }
});

Deno.test("a rule allows its host and its ports, and nothing else", () => {
  const one = parseForwardRule("5432", "connect");
  const allows = (host: string, port: number) =>
    ruleAllows(one, { host, port }, BOB);
  assert(allows("127.0.0.1", 5432));
  assert(!allows("127.0.0.1", 5431));
  assert(!allows("127.0.0.1", 5433));
  assert(!allows("127.0.0.2", 5432));
  assert(!allows("localhost", 5432));
  assert(!allows("::1", 5432));
  const range = parseForwardRule("[::1]:8000-8010", "connect");
  for (const [port, allowed] of [[7999, 0], [8000, 1], [8010, 1], [8011, 0]]) {
    const address = { host: "::1", port: port! };
    assertEquals(ruleAllows(range, address, BOB), allowed === 1);
  }
});

Deno.test("a rule with an identity is for that peer alone", () => {
  const rule = parseForwardRule(`${ALICE}@db.internal:5432`, "connect");
  const address = { host: "db.internal", port: 5432 };
  assert(ruleAllows(rule, address, ALICE));
  assert(!ruleAllows(rule, address, BOB));
});

Deno.test("a rule that is none is refused, also one for the first digits of an identity", () => {
  const refused = [
    "aaaaaaaa@22",
    "alice@22",
    `${ALICE.toUpperCase()}@22`,
    "@22",
    "*",
    "*:22",
    "22-21",
    "22-65536",
    "22-",
    "-22",
    "127.0.0.1",
    "0.0.0.0:22",
  ];
  for (const text of refused) {
    assertThrows(
      () => parseForwardRule(text, "connect"),
      SyntaxError,
      "Cannot ",
      text,
    );
  }
});

Deno.test("a rule is shown as it is read", () => {
  for (
    const text of [
      "127.0.0.1:22",
      "[::1]:8000-8010",
      `${ALICE}@db.internal:5432`,
      `${BOB}@[2001:db8::1]:1-65535`,
    ]
  ) {
    assertEquals(formatForwardRule(parseForwardRule(text, "connect")), text);
  }
  assertEquals(
    formatForwardRule(parseForwardRule("0", "listen")),
    "127.0.0.1:0",
  );
});

Deno.test("what the parser gives is canonical, for any text", () => {
  const host = fc.oneof(
    fc.domain(),
    fc.ipV4(),
    fc.ipV6().map((ip) => `[${ip}]`),
    fc.ipV4Extended(),
    fc.string(),
  );
  fc.assert(fc.property(host, fc.nat(70_000), (host, port) => {
    let target;
    try {
      target = parseForwardTarget(`${host}:${port}`);
    } catch (error) {
      assert(error instanceof SyntaxError);
      return;
    }
    assertEquals(hostFault(target.host, "connect"), undefined);
  }));
});
