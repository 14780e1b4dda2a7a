/** Names and digits of all 64 service bits. */
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  SERVICE_FLAG,
  serviceNames,
  servicesHex,
} from "../../src/bitcoin/service_flags.ts";

Deno.test("serviceNames() names what Core nodes offer today", () => {
  assertEquals(serviceNames(0xc4dn), [
    "NETWORK",
    "BLOOM",
    "WITNESS",
    "COMPACT_FILTERS",
    "NETWORK_LIMITED",
    "P2P_V2",
  ]);
});

Deno.test("serviceNames() shows bits without a name as such", () => {
  assertEquals(serviceNames(1n << 63n | 1n << 24n | 1n << 5n), [
    "UNKNOWN[2^5]",
    "UNKNOWN[2^24]",
    "UNKNOWN[2^63]",
  ]);
  assertEquals(serviceNames(0n), []);
});

Deno.test("SERVICE_FLAG has one bit a name", () => {
  for (const [name, bit] of Object.entries(SERVICE_FLAG)) {
    assertEquals(serviceNames(bit), [name]);
  }
});

Deno.test("servicesHex() keeps every bit, in 16 digits", () => {
  fc.assert(fc.property(fc.bigInt(0n, 2n ** 64n - 1n), (services) => {
    const hex = servicesHex(services);
    assertEquals(hex.length, 16);
    assertEquals(BigInt(`0x${hex}`), services);
    const bits = services.toString(2).replaceAll("0", "").length;
    assertEquals(serviceNames(services).length, bits);
  }));
});

Deno.test("serviceNames() and servicesHex() throw RangeError for what is not 64 bits", () => {
  for (const services of [-1n, 2n ** 64n]) {
    assertThrows(() => serviceNames(services), RangeError, `${services}`);
    assertThrows(() => servicesHex(services), RangeError, `${services}`);
  }
});
