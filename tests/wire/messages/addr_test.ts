import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  hostOfNetworkAddress,
  networkAddressOfIp,
} from "../../../src/wire/bip155.ts";
import {
  type AddrEntry,
  decodeAddr,
  decodeAddrV2,
  encodeAddr,
  encodeAddrV2,
} from "../../../src/wire/messages/bitcoin_messages.ts";
import frames from "../../vectors/bitcoin_frames.json" with { type: "json" };
import payloads from "../../vectors/bitcoin_payloads.json" with {
  type: "json",
};
import { assertVerackError, concat } from "../frames.ts";

const RECORDED = [
  ...frames.map((vector) => ({
    ...vector,
    hex: vector.hex.slice(48),
    lossy: false,
  })),
  ...payloads,
];

function shown(entry: AddrEntry): unknown {
  return {
    time: entry.time,
    services: String(entry.services),
    host: hostOfNetworkAddress(entry),
    port: entry.port,
  };
}

function entry(host: string): AddrEntry {
  return { time: 1, services: 1n, ...networkAddressOfIp(host), port: 8333 };
}

for (
  const [command, decode, encode] of [
    ["addr", decodeAddr, encodeAddr],
    ["addrv2", decodeAddrV2, encodeAddrV2],
  ] as const
) {
  Deno.test(`${decode.name}() reads the recorded entries and ${encode.name}() writes them`, () => {
    const vectors = RECORDED.filter((vector) => vector.command === command);
    assertStrictEquals(vectors.length >= 2, true);
    for (const { hex, addr, lossy } of vectors) {
      const entries = decode(Uint8Array.fromHex(hex));
      assertEquals<unknown>(entries.map(shown), addr);
      if (lossy !== true) assertStrictEquals(encode(entries).toHex(), hex);
    }
  });

  Deno.test(`${decode.name}() allows 1,000 entries and not one more`, () => {
    const entries = Array.from({ length: 1000 }, () => entry("1.2.3.4"));
    const payload = encode(entries);
    assertStrictEquals(decode(payload).length, 1000);
    assertThrows(
      () => encode([...entries, entry("::1")]),
      RangeError,
      "there are 1001",
    );
    // 1,001 in place of 1,000, and the entry that makes it true.
    const one = encode([entry("1.2.3.4")]).subarray(1);
    const many = concat(Uint8Array.fromHex("fde903"), payload.subarray(3), one);
    assertVerackError(() => decode(many), "malformed");
  });
}

Deno.test("decodeAddr() reads IPv4 inside IPv6 as IPv4", () => {
  const [read] = decodeAddr(encodeAddr([entry("1.2.3.4")]));
  assertEquals(read, entry("1.2.3.4"));
});

Deno.test("decodeAddrV2() reads services as CompactSize of up to 64 bits", () => {
  const all = { ...entry("1.2.3.4"), services: 2n ** 64n - 1n };
  assertEquals(decodeAddrV2(encodeAddrV2([all])), [all]);
});

Deno.test("decodeAddrV2() leaves out what Core ignores and keeps the entries around it", () => {
  const ignored = [
    "021000000000000000000000ffff01020304",
    "0210fd87d87eeb430102030405060708090a",
    "030af1f2f3f4f5f6f7f8f9fa",
    "0610fd000001000200030004000500060007",
    "aa0401020304",
    "aa00",
  ];
  for (const address of ignored) {
    const payload = concat(
      new Uint8Array([3]),
      encodeAddrV2([entry("1.2.3.4")]).subarray(1),
      Uint8Array.fromHex("00000000" + "00" + address + "208d"),
      encodeAddrV2([entry("2001:db8::1")]).subarray(1),
    );
    assertEquals(decodeAddrV2(payload), [
      entry("1.2.3.4"),
      entry("2001:db8::1"),
    ]);
  }
});
