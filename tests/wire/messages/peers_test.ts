import {
  parsePeerId,
  type PeerId,
  peerIdFromBytes,
} from "../../../src/core/peer_id.ts";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  MAX_ATTESTATION_BYTES,
  MAX_FINGERPRINTS,
  MAX_PAYLOAD_BYTES,
} from "../../../src/wire/wire_limits.ts";
import { MAX_CERTIFICATE_BYTES } from "../../../src/transport/transport_limits.ts";
import {
  decodeGetPeers,
  decodePeerIds,
  encodeGetPeers,
  encodePeerIds,
} from "../../../src/wire/messages/peer_request.ts";
import {
  decodePeers,
  encodePeers,
  PEER_FLAG,
  type PeerEntry,
} from "../../../src/wire/messages/peers.ts";
import { assertVerackError, concat, pattern } from "../frames.ts";

const ENTRY: PeerEntry = {
  id: parsePeerId("ab".repeat(32)),
  certificate: pattern(5),
  addresses: [
    { host: "192.0.2.1", port: 8080 },
    { host: "2001:db8::1", port: 1 },
    { host: "node.example", port: 65_535 },
    { host: "", port: 8080 },
  ],
  lastSeen: 1_700_000_000,
  flags: PEER_FLAG.live | PEER_FLAG.ephemeral,
  name: "größe",
  statement: pattern(3),
};
const ENCODED = encodePeers({ entries: [ENTRY], more: true });

/** A `peers` with one entry that has this one address, as hex. */
function peersWith(address: string): Uint8Array {
  return Uint8Array.fromHex(
    "01" + "ab".repeat(32) + "00" + "01" + address + "0000000000000000" + "00" +
      "00" + "00" + "00",
  );
}

Deno.test("encodePeers() writes the layout that decodePeers() reads", () => {
  assertStrictEquals(
    ENCODED.toHex(),
    "01" + "ab".repeat(32) + "050001020304" + "04" +
      "0104c0000201" + "1f90" +
      "021020010db8000000000000000000000001" + "0001" +
      "d00c" + "6e6f64652e6578616d706c65" + "ffff" +
      "d100" + "1f90" +
      "00f1536500000000" + "03" + "076772c3b6c39f65" +
      "03000102" + "01",
  );
  assertEquals(decodePeers(ENCODED), {
    entries: [ENTRY],
    more: true,
    skipped: 0,
  });
});

Deno.test("decodePeers() throws malformed when cut at any offset", () => {
  for (let length = 0; length < ENCODED.length; length++) {
    assertVerackError(
      () => decodePeers(ENCODED.subarray(0, length)),
      "malformed",
    );
  }
});

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
  const rest = "00" + "00" + "00"; // flags, name, statement
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

Deno.test("decodePeers() throws malformed when a field is above its limit", () => {
  const id = "ab".repeat(32);
  const bad = [
    "fde903", // 1,001 entries
    "01" + id + "fd0108", // 2,049 bytes of certificate
    "01" + id + "00" + "05", // five addresses
    "01" + id + "00" + "00" + "0000000000000000" + "00" + "41" +
    "61".repeat(65) + "00" + "00",
    "01" + id + "00" + "00" + "0000000000000000" + "00" + "00" +
    "fd2c02" + "00".repeat(556) + "00", // 556 bytes of statement
    "00" + "02", // more is neither 0 nor 1
  ];
  for (const hex of bad) {
    const payload = concat(Uint8Array.fromHex(hex));
    assertVerackError(() => decodePeers(payload), "malformed");
  }
});

Deno.test("decodePeers() refuses a count that the payload cannot hold before it reads an entry", () => {
  const payload = concat(Uint8Array.fromHex("fde803"), new Uint8Array(1000));
  const error = assertVerackError(() => decodePeers(payload), "malformed");
  assertStrictEquals(error.message.includes("count"), true);
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
    statement: new Uint8Array(MAX_ATTESTATION_BYTES),
  };
  const entries = Array.from({ length: 1000 }, () => largest);
  const payload = encodePeers({ entries, more: false });
  assertStrictEquals(payload.length < MAX_PAYLOAD_BYTES, true);
  assertStrictEquals(decodePeers(payload).entries.length, 1000);
});

Deno.test("decodePeers() gives back what encodePeers() was given", () => {
  const host = fc.constantFrom(
    "",
    "192.0.2.1",
    "::1",
    "2001:db8::a:b",
    "node.example",
    "localhost",
    "a-b_c.example.",
  );
  const one = fc.record({
    id: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(peerIdFromBytes),
    certificate: fc.uint8Array({ maxLength: 100 }),
    addresses: fc.array(
      fc.record({ host, port: fc.integer({ min: 1, max: 65_535 }) }),
      {
        maxLength: 4,
      },
    ),
    lastSeen: fc.maxSafeNat(),
    flags: fc.nat(255),
    name: fc.string({ maxLength: 10 }),
    statement: fc.uint8Array({ maxLength: 100 }),
  });
  fc.assert(
    fc.property(
      fc.array(one, { maxLength: 4 }),
      fc.boolean(),
      (entries, more) => {
        assertEquals<unknown>(decodePeers(encodePeers({ entries, more })), {
          entries,
          more,
          skipped: 0,
        });
      },
    ),
  );
});

Deno.test("encodeGetPeers() writes digest and fingerprints", () => {
  const digest = "cd".repeat(32);
  const asked = { digest, fingerprints: ["0102030405060708", "ff".repeat(8)] };
  assertStrictEquals(
    encodeGetPeers(asked).toHex(),
    digest + "02" + "0102030405060708" + "ff".repeat(8),
  );
  assertEquals(decodeGetPeers(encodeGetPeers(asked)), asked);
  const digestOnly = { digest, fingerprints: [] };
  assertEquals(decodeGetPeers(encodeGetPeers(digestOnly)), digestOnly);
});

Deno.test("decodePeerIds() gives back what encodePeerIds() was given", () => {
  const fingerprint = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((b) =>
    b.toHex()
  );
  fc.assert(
    fc.property(fc.array(fingerprint, { maxLength: 300 }), (fingerprints) => {
      const message = { fingerprints };
      assertEquals(decodePeerIds(encodePeerIds(message)), message);
    }),
  );
});

Deno.test("decodeGetPeers() and decodePeerIds() throw malformed when cut at any offset", () => {
  const fingerprints = ["0102030405060708", "1112131415161718"];
  const asked = encodeGetPeers({ digest: "cd".repeat(32), fingerprints });
  const answer = encodePeerIds({ fingerprints });
  for (let length = 0; length < asked.length; length++) {
    assertVerackError(
      () => decodeGetPeers(asked.subarray(0, length)),
      "malformed",
    );
  }
  for (let length = 0; length < answer.length; length++) {
    assertVerackError(
      () => decodePeerIds(answer.subarray(0, length)),
      "malformed",
    );
  }
});

Deno.test("encodePeerIds() allows MAX_FINGERPRINTS and not one more", () => {
  const most = Array.from({ length: MAX_FINGERPRINTS }, () => "00".repeat(8));
  assertStrictEquals(
    decodePeerIds(encodePeerIds({ fingerprints: most })).fingerprints.length,
    MAX_FINGERPRINTS,
  );
  const tooMany = { fingerprints: [...most, "00".repeat(8)] };
  assertThrows(() => encodePeerIds(tooMany), RangeError, "there are 8001");
  assertThrows(() => encodePeerIds({ fingerprints: ["00"] }), RangeError);
  const payload = concat(
    Uint8Array.fromHex("fd411f"),
    new Uint8Array(8 * 8001),
  );
  assertVerackError(() => decodePeerIds(payload), "malformed");
});
