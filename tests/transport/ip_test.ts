import { assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  ipFromBytes,
  ipToBytes,
  isMappedIpv4,
} from "../../src/transport/ip.ts";

const PAIRS: [string, string][] = [
  ["10.0.0.1", "00000000000000000000ffff0a000001"],
  ["0.0.0.0", "00000000000000000000ffff00000000"],
  ["::", "00000000000000000000000000000000"],
  ["::1", "00000000000000000000000000000001"],
  ["1::", "00010000000000000000000000000000"],
  ["2001:db8::8a2e:0:0:1", "20010db8000000008a2e000000000001"],
  [
    "fd87:d87e:eb43:64f2:2cf5:4dca:5941:2db7",
    "fd87d87eeb4364f22cf54dca59412db7",
  ],
  ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
];

Deno.test("ipToBytes() and ipFromBytes() agree on sixteen bytes", () => {
  for (const [host, hex] of PAIRS) {
    assertStrictEquals(ipToBytes(host).toHex(), hex);
    assertStrictEquals(ipFromBytes(Uint8Array.fromHex(hex)), host);
  }
});

Deno.test("ipFromBytes() shows IPv4 inside IPv6 as IPv4", () => {
  assertStrictEquals(ipFromBytes(ipToBytes("::ffff:1.2.3.4")), "1.2.3.4");
  assertStrictEquals(isMappedIpv4(ipToBytes("1.2.3.4")), true);
  assertStrictEquals(isMappedIpv4(ipToBytes("::1.2.3.4")), false);
});

Deno.test("ipToBytes() throws RangeError when the host is no IP address", () => {
  for (
    const host of [
      "",
      "localhost",
      "1.2.3",
      "1.2.3.256",
      "01.2.3.4",
      "[::1]",
      ":::",
      "::1%eth0",
    ]
  ) {
    assertThrows(() => ipToBytes(host), RangeError, "must be an IP address");
  }
});

Deno.test("ipToBytes() gives back any sixteen bytes that ipFromBytes() was given", () => {
  const group = fc.constantFrom(0, 0, 1, 0xffff, 0xa0b);
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const bytes = new Uint8Array(16);
      groups.forEach((value, i) =>
        new DataView(bytes.buffer).setUint16(2 * i, value)
      );
      assertStrictEquals(ipToBytes(ipFromBytes(bytes)).toHex(), bytes.toHex());
    }),
  );
});
