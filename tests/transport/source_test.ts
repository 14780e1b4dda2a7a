/** What counts as one source of connections. */
import { assertEquals, assertNotEquals } from "@std/assert";
import { sourceOf } from "../../src/transport/source.ts";

Deno.test("each IPv4 address is a source of its own, also when it is mapped", () => {
  assertEquals(sourceOf("198.51.100.7"), "198.51.100.7");
  assertEquals(sourceOf("::ffff:198.51.100.7"), "198.51.100.7");
  assertNotEquals(sourceOf("198.51.100.7"), sourceOf("198.51.100.8"));
});

Deno.test("all addresses of one /64 of IPv6 are one source", () => {
  const source = sourceOf("2001:db8:1:2::3");
  assertEquals(sourceOf("2001:0db8:0001:0002:ffff::1"), source);
  assertNotEquals(sourceOf("2001:db8:1:3::3"), source);
  assertNotEquals(sourceOf("::1"), source);
});
