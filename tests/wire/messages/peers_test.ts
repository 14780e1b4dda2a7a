import type { PeerId } from "../../../src/core/peer_id.ts";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  MAX_ATTESTATION_BYTES,
  MAX_PAYLOAD_BYTES,
} from "../../../src/wire/wire_limits.ts";
import { MAX_CERTIFICATE_BYTES } from "../../../src/transport/transport_limits.ts";
import {
  decodePeers,
  encodePeers,
  type PeerEntry,
} from "../../../src/wire/messages/peers.ts";
import { assertVerackError } from "../frames.ts";
import { PEER_ENTRY } from "./codecs.ts";

const ENTRY = PEER_ENTRY;
const ENCODED = encodePeers({ entries: [ENTRY], more: true });

/** A `peers` with one entry that has this one address, as hex. */
function peersWith(address: string): Uint8Array {
  return Uint8Array.fromHex(
    "01" + "ab".repeat(32) + "00" + "01" + address + "0000000000000000" + "00" +
      "00" + "00" + "00",
  );
}

Deno.test("decodePeers() leaves out addresses it cannot dial and keeps their entry", () => {
  const skipped = [
    "7703010203" + "1f90", // unknown kind
    "7700" + "0000", // unknown kind without bytes or port
    "030a" + "00".repeat(10) + "1f90", // Tor v2
    "0420" + "00".repeat(32) + "1f90", // Tor v3
    "0520" + "00".repeat(32) + "0000", // I2P
    "0610" + "fc".repeat(16) + "1f90", // CJDNS
    "0710" + "02".repeat(16) + "1f90", // Yggdrasil
    "021000000000000000000000ffff01020304" + "1f90", // IPv4 inside IPv6
  ];
  for (const address of skipped) {
    const { entries } = decodePeers(peersWith(address));
    assertStrictEquals(entries.length, 1);
    assertEquals(entries[0]?.addresses, [], address);
  }
});

Deno.test("decodePeers() leaves out an entry with an address of a known kind that is none", () => {
  const bad = [
    "0105" + "0102030405" + "1f90",
    "0204" + "01020304" + "1f90",
    "0421" + "00".repeat(33) + "1f90",
    "d000" + "1f90", // empty name
    "d00161" + "0000", // port 0
    "010401020304" + "0000",
    "d10101" + "1f90", // "as seen" with bytes
    "d100" + "0000",
    "d00461002e62" + "1f90", // NUL in the name
    "d00361c3a4" + "1f90", // not ASCII
    "d007312e322e332e34" + "1f90", // an IP address is no name
    "d0033a3a31" + "1f90",
    "d0" + "40" + "61".repeat(64) + "1f90", // label too long
  ];
  for (const address of bad) {
    const { entries, skipped, fault } = decodePeers(peersWith(address));
    assertEquals([entries, skipped], [[], 1], address);
    assertStrictEquals(fault?.code, "malformed");
  }
  // Nobody can tell where such an entry ends.
  const endless = "99fd0102" + "00".repeat(513) + "1f90"; // above 512 bytes
  assertVerackError(() => decodePeers(peersWith(endless)), "malformed");
});

Deno.test("decodePeers() leaves out an entry with a value that is not allowed, and keeps its neighbours", () => {
  const id = "ab".repeat(32);
  const rest = "00" + "00" + "00"; // flags, name, attestation
  const bad = {
    "a time of 2^53": "0000" + "0000000000002000" + rest,
    "the largest time": "0000" + "ff".repeat(8) + rest,
    "a name that is no UTF-8": "0000" + "00".repeat(8) + "00" + "0180" + "00",
  };
  const neighbour = ENCODED.toHex().slice(2, -2);
  for (const [what, tail] of Object.entries(bad)) {
    const hex = "03" + neighbour + id + tail + neighbour + "01";
    const read = decodePeers(Uint8Array.fromHex(hex));
    assertEquals(read.entries, [ENTRY, ENTRY], what);
    assertEquals([read.skipped, read.more], [1, true], what);
    assertStrictEquals(read.fault?.code, "malformed", what);
  }
});

Deno.test("decodePeers() reads DNS names in lower case", () => {
  const { entries } = decodePeers(peersWith("d003" + "412e42" + "1f90"));
  assertEquals(entries[0]?.addresses, [{ host: "a.b", port: 8080 }]);
});

Deno.test("encodePeers() throws RangeError when a field does not fit", () => {
  const bad: Partial<PeerEntry>[] = [
    { id: "ab" as PeerId },
    { id: "AB".repeat(32) as PeerId },
    { certificate: new Uint8Array(MAX_CERTIFICATE_BYTES + 1) },
    { addresses: Array.from({ length: 5 }, () => ({ host: "::1", port: 1 })) },
    { addresses: [{ host: "Example", port: 1 }] },
    { addresses: [{ host: "no name", port: 1 }] },
    { addresses: [{ host: "::1", port: 0 }] },
    { addresses: [{ host: "::1", port: 65_536 }] },
    { lastSeen: -1 },
    { lastSeen: 1.5 },
    { flags: 256 },
    { name: "a".repeat(65) },
  ];
  for (const fields of bad) {
    const entries = [{ ...ENTRY, ...fields }];
    assertThrows(() => encodePeers({ entries, more: false }), RangeError);
  }
  const entries = Array.from({ length: 1001 }, () => ENTRY);
  assertThrows(() => encodePeers({ entries, more: false }), RangeError);
});

Deno.test("encodePeers() fits the largest message there can be into one frame", () => {
  const label = "a".repeat(63);
  const host = `${label}.${label}.${label}.${"b".repeat(61)}`;
  const largest: PeerEntry = {
    ...ENTRY,
    certificate: new Uint8Array(MAX_CERTIFICATE_BYTES),
    addresses: Array.from({ length: 4 }, () => ({ host, port: 1 })),
    name: "a".repeat(64),
    attestation: new Uint8Array(MAX_ATTESTATION_BYTES),
  };
  const entries = Array.from({ length: 1000 }, () => largest);
  const payload = encodePeers({ entries, more: false });
  assertStrictEquals(payload.length < MAX_PAYLOAD_BYTES, true);
  assertStrictEquals(decodePeers(payload).entries.length, 1000);
});
