import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ipFromBytes, ipToBytes } from "../../../src/transport/ip.ts";
import {
  decodeVersion,
  encodeVersion,
  UNSPECIFIED_ADDRESS,
  type VersionAddress,
  type VersionMessage,
} from "../../../src/wire/messages/version.ts";
import frames from "../../vectors/bitcoin_frames.json" with { type: "json" };
import payloads from "../../vectors/bitcoin_payloads.json" with {
  type: "json",
};
import { assertVerackError } from "../frames.ts";

const RECORDED = [
  ...frames.map((vector) => ({ ...vector, hex: vector.hex.slice(48) })),
  ...payloads,
].filter(({ command }) => command === "version");

const MESSAGE: VersionMessage = {
  version: 70016,
  services: 2n ** 64n - 1n,
  timestamp: 1_700_000_000n,
  addrRecv: { services: 1n, ip: ipToBytes("1.2.3.4"), port: 8333 },
  addrFrom: UNSPECIFIED_ADDRESS,
  nonce: 0x0102030405060708n,
  userAgent: new TextEncoder().encode("/verack:0.1.0/"),
  startHeight: -7,
  relay: false,
};
const ENCODED = encodeVersion(MESSAGE);
/** Where the optional groups of {@linkcode ENCODED} begin. */
const GROUPS = { addrFrom: 46, userAgent: 80, startHeight: 95, relay: 99 };

function shown(address: VersionAddress): unknown {
  return {
    services: String(address.services),
    host: ipFromBytes(address.ip),
    port: address.port,
  };
}

Deno.test("decodeVersion() reads every field of the recorded messages", () => {
  assertStrictEquals(RECORDED.length, 4);
  for (const { hex, version } of RECORDED) {
    const read = decodeVersion(Uint8Array.fromHex(hex));
    const fields = {
      ...read,
      services: String(read.services),
      timestamp: String(read.timestamp),
      addrRecv: shown(read.addrRecv),
      addrFrom: shown(read.addrFrom),
      nonce: String(read.nonce),
      userAgent: new TextDecoder().decode(read.userAgent),
    };
    assertEquals<unknown>(fields, version);
  }
});

Deno.test("encodeVersion() gives the recorded bytes, with relay where it was left out", () => {
  for (const { name, hex } of RECORDED) {
    const again = encodeVersion(decodeVersion(Uint8Array.fromHex(hex))).toHex();
    assertStrictEquals(
      again,
      name.includes("without relay") ? `${hex}01` : hex,
    );
  }
});

Deno.test("decodeVersion() takes Core's defaults when the optional groups are missing", () => {
  const full = decodeVersion(ENCODED);
  assertEquals(full, MESSAGE);
  const noRelay = { ...full, relay: true };
  assertEquals(decodeVersion(ENCODED.subarray(0, GROUPS.relay)), noRelay);
  const noHeight = { ...noRelay, startHeight: -1 };
  assertEquals(
    decodeVersion(ENCODED.subarray(0, GROUPS.startHeight)),
    noHeight,
  );
  const noAgent = { ...noHeight, userAgent: new Uint8Array(0) };
  assertEquals(decodeVersion(ENCODED.subarray(0, GROUPS.userAgent)), noAgent);
  const short = { ...noAgent, addrFrom: UNSPECIFIED_ADDRESS, nonce: 1n };
  assertEquals(decodeVersion(ENCODED.subarray(0, GROUPS.addrFrom)), short);
});

Deno.test("decodeVersion() takes any relay byte but zero for true", () => {
  for (
    const [byte, relay] of [[0, false], [1, true], [2, true], [
      255,
      true,
    ]] as const
  ) {
    const bytes = ENCODED.slice();
    bytes[GROUPS.relay] = byte;
    assertStrictEquals(decodeVersion(bytes).relay, relay);
  }
});

Deno.test("decodeVersion() allows a user agent of 256 bytes of any kind and not one more", () => {
  const longest = { ...MESSAGE, userAgent: new Uint8Array(256).fill(0xff) };
  assertEquals(decodeVersion(encodeVersion(longest)), longest);
  assertThrows(
    () => encodeVersion({ ...MESSAGE, userAgent: new Uint8Array(257) }),
    RangeError,
    "user agent",
  );
  const tooLong = new Uint8Array([
    ...ENCODED.subarray(0, GROUPS.userAgent),
    ...[0xfd, 0x01, 0x01],
    ...new Uint8Array(257 + 5),
  ]);
  assertVerackError(() => decodeVersion(tooLong), "malformed");
});

Deno.test("decodeVersion() throws malformed when the user agent's length is not in its shortest form", () => {
  const bytes = new Uint8Array([
    ...ENCODED.subarray(0, GROUPS.userAgent),
    ...[0xfd, 0x05, 0x00],
    ...new Uint8Array(5 + 5),
  ]);
  assertVerackError(() => decodeVersion(bytes), "malformed");
});
