import { assertEquals, assertNotEquals } from "@std/assert";
import * as fc from "fast-check";
import {
  classifyIp,
  mayDial,
  type Scope,
  sourceOf,
} from "../../src/transport/scope.ts";

const TABLE: Record<Scope, string[]> = {
  loopback: [
    "127.0.0.1",
    "127.255.255.255",
    "::1",
    "0:0:0:0:0:0:0:1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
  ],
  private: [
    "10.0.0.0",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "::ffff:10.1.2.3",
    "::ffff:100.64.0.1",
    "fc00::1",
    "fdff:ffff::1",
    "200:1234::1",
    "3ff::1",
  ],
  public: [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "128.0.0.1",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "::ffff:1.1.1.1",
    "2606:4700::1111",
    "2a00::1",
    "2001:200::1",
    "64:ff9b::1.1.1.1",
    "2002:101:101::1",
  ],
  never: [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::2",
    "::127.0.0.1", // v4-compatible, withdrawn
    "::ffff:0.0.0.0",
    "::ffff:169.254.169.254",
    "::ffff:224.0.0.1",
    "64:ff9b::127.0.0.1", // through a NAT64 gateway
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "2002:7f00:1::1", // 6to4 around 127.0.0.1
    "2002:a00:1::1",
    "100::1",
    "2001::1", // Teredo
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "4000::1",
    "localhost",
    "example.com",
    "fe80::1%eth0",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "",
  ],
};

for (const scope of Object.keys(TABLE) as Scope[]) {
  Deno.test(`classifyIp() says ${scope} of every address that is`, () => {
    for (const ip of TABLE[scope]) assertEquals(classifyIp(ip), scope, ip);
  });
}

Deno.test("classifyIp() says the same of an IPv4 address and of its v4-mapped form", () => {
  fc.assert(fc.property(fc.ipV4(), (ip) => {
    assertEquals(classifyIp(`::ffff:${ip}`), classifyIp(ip));
  }));
});

Deno.test("classifyIp() never takes an address wrapped for a gateway for a local one", () => {
  fc.assert(fc.property(fc.ipV4(), (ip) => {
    const wrapped = classifyIp(`64:ff9b::${ip}`);
    assertEquals(wrapped, classifyIp(ip) === "public" ? "public" : "never");
  }));
});

Deno.test("mayDial() lets scopes nest and never permits what is never dialed", () => {
  const scopes: Scope[] = ["loopback", "private", "public", "never"];
  const allowed: Record<Scope, Scope[]> = {
    loopback: ["loopback", "private", "public"],
    private: ["private", "public"],
    public: ["public"],
    never: [],
  };
  for (const source of scopes) {
    for (const target of scopes) {
      assertEquals(
        mayDial(source, target),
        allowed[source].includes(target),
        `${source} to ${target}`,
      );
    }
  }
});

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
