import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  BIP155,
  hostOfNetworkAddress,
  isIgnoredAddress,
  networkAddressOfIp,
  readNetworkAddress,
  writeNetworkAddress,
} from "../../src/wire/bip155.ts";
import { ByteReader, ByteWriter } from "../../src/wire/bytes.ts";
import vectors from "../vectors/bip155.json" with { type: "json" };
import { assertVerackError } from "./frames.ts";

function reader(hex: string): ByteReader {
  return new ByteReader("addrv2", Uint8Array.fromHex(hex));
}

Deno.test("readNetworkAddress() and hostOfNetworkAddress() read Core's valid addresses", () => {
  for (const { hex, network, host } of vectors.valid) {
    const bytes = reader(hex);
    const address = readNetworkAddress(bytes);
    bytes.end();
    assertStrictEquals(address.network, network);
    assertStrictEquals(hostOfNetworkAddress(address), host);
    const writer = new ByteWriter();
    writeNetworkAddress(writer, address);
    assertStrictEquals(writer.finish().toHex(), hex);
  }
});

Deno.test("isIgnoredAddress() is true for what Core ignores, which still is read to its end", () => {
  for (const { hex, why } of vectors.ignored) {
    const bytes = reader(hex);
    const address = readNetworkAddress(bytes);
    bytes.end();
    assertStrictEquals(isIgnoredAddress(address), true, why);
    assertStrictEquals(hostOfNetworkAddress(address), undefined, why);
  }
});

Deno.test("readNetworkAddress() throws malformed for what Core refuses", () => {
  for (const { hex } of vectors.malformed) {
    assertVerackError(() => readNetworkAddress(reader(hex)), "malformed");
  }
});

Deno.test("readNetworkAddress() allows 512 bytes of an unknown network and not one more", () => {
  const allowed = reader("99fd0002" + "00".repeat(512));
  assertStrictEquals(readNetworkAddress(allowed).address.length, 512);
  const refused = reader("99fd0102" + "00".repeat(513));
  assertVerackError(() => readNetworkAddress(refused), "malformed");
});

Deno.test("readNetworkAddress() throws malformed when a Yggdrasil address is not sixteen bytes", () => {
  const good = readNetworkAddress(
    reader("0710" + "0200" + "00".repeat(13) + "01"),
  );
  assertStrictEquals(hostOfNetworkAddress(good), "200::1");
  assertVerackError(
    () => readNetworkAddress(reader("070401020304")),
    "malformed",
  );
});

Deno.test("writeNetworkAddress() throws RangeError when the length is not the network's", () => {
  assertThrows(
    () =>
      writeNetworkAddress(new ByteWriter(), {
        network: 1,
        address: new Uint8Array(16),
      }),
    RangeError,
    "it has 16 bytes, must have 4",
  );
});

Deno.test("networkAddressOfIp() never writes IPv4 inside IPv6, which receivers ignore", () => {
  const expected = {
    network: BIP155.ipv4,
    address: new Uint8Array([1, 2, 3, 4]),
  };
  assertEquals(networkAddressOfIp("1.2.3.4"), expected);
  assertEquals(networkAddressOfIp("::ffff:1.2.3.4"), expected);
  assertStrictEquals(networkAddressOfIp("::1").network, BIP155.ipv6);
  assertThrows(() => networkAddressOfIp("example.com"), RangeError);
});
