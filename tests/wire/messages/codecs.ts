/** Every message of the wire: an example with its bytes, what may be written, and what is refused. */
import fc from "fast-check";
import { parsePeerId, peerIdFromBytes } from "../../../src/core/peer_id.ts";
import * as ack from "../../../src/wire/messages/ack.ts";
import * as bitcoin from "../../../src/wire/messages/bitcoin_messages.ts";
import * as credentials from "../../../src/wire/messages/credentials.ts";
import * as message from "../../../src/wire/messages/message_frame.ts";
import * as request from "../../../src/wire/messages/peer_request.ts";
import * as peers from "../../../src/wire/messages/peers.ts";
import * as ping from "../../../src/wire/messages/ping.ts";
import * as reach from "../../../src/wire/messages/reach.ts";
import * as reason from "../../../src/wire/messages/reason.ts";
import * as streams from "../../../src/wire/messages/stream_frames.ts";
import * as version from "../../../src/wire/messages/version.ts";
import { MAX_CERTIFICATE_BYTES } from "../../../src/transport/transport_limits.ts";
import { concat, pattern } from "../frames.ts";

/** One message. */
export interface Codec<T = unknown> {
  readonly decode: (payload: Uint8Array) => T;
  readonly encode?: (value: T) => Uint8Array;
  /** A value, and its bytes in hex. */
  readonly example: readonly [T, string];
  /** Lengths at which the example may end, besides its own. */
  readonly ends?: readonly number[];
  /** All that may be written. */
  readonly any?: fc.Arbitrary<T>;
  /** What is not written, but for the fields of the example. */
  readonly unfit?: readonly (Partial<T> | T)[];
  /** What is not read, and words of the reason where it matters. */
  readonly refused?: readonly (string | readonly [string, string])[];
  /** What is read, too. */
  readonly read?: readonly (readonly [string, unknown])[];
  /** Its result is a view into the payload, for speed. */
  readonly isView?: true;
  /** All of the payload belongs to its last field: nothing can follow. */
  readonly takesAll?: true;
}

/** Checks the types of one message among all. */
function codec<T>(it: Codec<T>): Codec {
  return it as Codec;
}

const bytes = (minLength: number, maxLength = minLength) =>
  fc.uint8Array({ minLength, maxLength });
const peerId = bytes(32).map(peerIdFromBytes);
const hex = (length: number) => bytes(length).map((it) => it.toHex());
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const i32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const ID = parsePeerId("ab".repeat(32));
const OTHER_ID = parsePeerId("17".repeat(32));

/** An entry of `peers` with an address of each kind. */
export const PEER_ENTRY: peers.PeerEntry = {
  id: ID,
  certificate: pattern(5),
  addresses: [
    { host: "192.0.2.1", port: 8080 },
    { host: "2001:db8::1", port: 1 },
    { host: "node.example", port: 65_535 },
    { host: "", port: 8080 },
  ],
  lastSeen: 1_700_000_000,
  flags: peers.PEER_FLAG.live | peers.PEER_FLAG.ephemeral,
  name: "größe",
  attestation: pattern(3),
};

const NO_BYTES = new Uint8Array(0);
const FINGERPRINTS = ["0102030405060708", "ff".repeat(8)];
const ADDR_HEX = "01000000" + "0100000000000000";
const ADDRS = [
  { time: 1, services: 1n, network: 1, address: pattern(4), port: 1 },
  { time: 1, services: 1n, network: 2, address: pattern(17).slice(1), port: 2 },
];

const addrs = fc.array(
  fc.record({
    time: fc.nat(0xffff_ffff),
    services: u64,
    port: fc.nat(65_535),
    address: fc.oneof(
      bytes(4).map((address) => ({ network: 1, address })),
      bytes(15).map((tail) => ({
        network: 2,
        address: concat(Uint8Array.of(0x20), tail),
      })),
    ),
  }).map(({ address, ...rest }) => ({ ...rest, ...address })),
  { maxLength: 5 },
);

const u32 = fc.integer({ min: 1, max: 0xffff_ffff });
const NAME_CHARACTERS = Array.from(
  { length: 0x7e - 0x20 },
  (_, at) => String.fromCharCode(0x21 + at),
);

const versionAddress = fc.record({
  services: u64,
  ip: bytes(16),
  port: fc.nat(65_535),
});

const peerEntry = fc.record({
  id: peerId,
  certificate: bytes(0, 100),
  addresses: fc.array(
    fc.record({
      host: fc.constantFrom(
        "",
        "192.0.2.1",
        "::1",
        "2001:db8::a:b",
        "node.example",
        "localhost",
        "a-b_c.example.",
      ),
      port: fc.integer({ min: 1, max: 65_535 }),
    }),
    { maxLength: 4 },
  ),
  lastSeen: fc.maxSafeNat(),
  flags: fc.nat(255),
  name: fc.string({ maxLength: 10 }),
  attestation: bytes(0, 100),
});

/** All messages. */
export const CODECS: readonly Codec[] = [
  codec({
    decode: reach.decodeReach,
    encode: (it) =>
      reach.encodeReach({
        nonce: it.nonce,
        addresses: it.addresses.flatMap((address) => address ?? []),
      }),
    example: [
      {
        nonce: 0x0102030405060708n,
        addresses: [
          { host: "192.0.2.1", port: 8080 },
          { host: "", port: 1 },
        ],
      },
      "0807060504030201" + "02" + "0104c00002011f90" + "d1000001",
    ],
    any: fc.record({
      nonce: u64,
      addresses: fc.array(
        fc.record({
          host: fc.constantFrom("", "192.0.2.1", "2001:db8::1", "node.example"),
          port: fc.integer({ min: 1, max: 65_535 }),
        }),
        { maxLength: 4 },
      ),
    }),
    unfit: [
      { nonce: -1n },
      { addresses: Array(5).fill({ host: "", port: 1 }) },
      { addresses: [{ host: "192.0.2.1", port: 0 }] },
    ],
    read: [
      // An address of a kind that is not known, here Tor's.
      ["0807060504030201" + "01" + "0420" + "ab".repeat(32) + "0001", {
        nonce: 0x0102030405060708n,
        addresses: [undefined],
      }],
    ],
    refused: [
      "05", // more than there may be
      "01" + "0104c00002010000", // port 0
      "01" + "0103c000020001", // a wrong length
    ].map((tail) => "0807060504030201" + tail),
  }),
  codec({
    decode: reach.decodeReached,
    encode: reach.encodeReached,
    example: [
      {
        nonce: 0x0102030405060708n,
        results: ["reached", "failed", "skipped"],
      },
      "0807060504030201" + "03" + "000102",
    ],
    any: fc.record({
      nonce: u64,
      results: fc.array(
        fc.constantFrom("reached" as const, "failed" as const),
        { maxLength: 4 },
      ),
    }),
    unfit: [{ nonce: 2n ** 64n }, { results: Array(5).fill("failed") }],
    read: [
      ["0807060504030201" + "01" + "63", {
        nonce: 0x0102030405060708n,
        results: ["skipped"],
      }],
    ],
    refused: ["0807060504030201" + "05" + "0000000000"],
  }),
  codec({
    decode: version.decodeVersion,
    encode: version.encodeVersion,
    example: [
      {
        version: 70016,
        services: 1n,
        timestamp: -1n,
        addrRecv: { services: 1n, ip: pattern(16), port: 8333 },
        addrFrom: version.UNSPECIFIED_ADDRESS,
        nonce: 0x0102030405060708n,
        userAgent: pattern(3),
        startHeight: -7,
        relay: false,
      },
      "80110100" + "0100000000000000" + "ff".repeat(8) +
      "0100000000000000" + pattern(16).toHex() + "208d" + "00".repeat(26) +
      "0807060504030201" + "03000102" + "f9ffffff" + "00",
    ],
    ends: [46, 80, 84, 88],
    any: fc.record({
      version: i32,
      services: u64,
      timestamp: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      addrRecv: versionAddress,
      addrFrom: versionAddress,
      nonce: u64,
      userAgent: bytes(0, 256),
      startHeight: i32,
      relay: fc.boolean(),
    }),
    unfit: [{ userAgent: pattern(257) }, { services: 2n ** 64n }, {
      startHeight: 2 ** 31,
    }],
  }),
  codec({
    decode: ping.decodePing,
    encode: ping.encodePing,
    example: [
      { nonce: 0x0102030405060708n, text: "hé" },
      "080706050403020103" + "68c3a9",
    ],
    ends: [8],
    any: fc.tuple(
      u64,
      fc.option(fc.string({ unit: "grapheme", maxLength: 20 })),
    ).map(
      ([nonce, text]) => text === null ? { nonce } : { nonce, text },
    ),
    unfit: [{ text: "ä".repeat(128) + "a" }, { nonce: -1n }],
    read: [
      ["0807060504030201", { nonce: 0x0102030405060708n }],
      // Behind the text a later release may say more.
      ["0807060504030201" + "016162", {
        nonce: 0x0102030405060708n,
        text: "a",
      }],
    ],
    refused: [
      "02c328", // no UTF-8
      "0261", // cut short
      "fd0100" + "61", // length not in its shortest form
      "fd0101" + "61".repeat(257), // too long
      "ff",
    ].map((tail) => "0807060504030201" + tail),
  }),
  codec({
    decode: ping.decodeBitcoinPing,
    example: [{ nonce: 1n }, "0100000000000000"],
    ends: [0],
    read: [["", {}], ["0100000000000000" + "02c328", { nonce: 1n }]],
  }),
  codec({
    decode: ping.decodePong,
    encode: ping.encodePong,
    example: [{ nonce: 0x0102030405060708n }, "0807060504030201"],
    any: u64.map((nonce) => ({ nonce })),
  }),
  codec({
    decode: reason.decodeReason,
    encode: reason.encodeReason,
    example: [{ code: reason.REASON.leaving, text: "bye" }, "4003627965"],
    any: fc.record({
      code: fc.nat(255),
      text: fc.string({ unit: "grapheme", maxLength: 20 }),
    }),
    unfit: [{ code: 256 }],
    refused: ["01fd0101" + "61".repeat(257)],
    // The code counts, whatever the text.
    read: [["2002c328", { code: 0x20, text: "\ufffd(" }]],
  }),
  codec({
    decode: reason.decodeLegacyReject,
    encode: reason.encodeLegacyReject,
    example: [
      { command: pattern(2), code: 0x12, reason: pattern(1) },
      "020001" + "12" + "0100",
    ],
    any: fc.record({
      command: bytes(0, 12),
      code: fc.nat(255),
      reason: bytes(0, 256),
    }),
    unfit: [{ command: pattern(13) }, { code: 256 }, { reason: pattern(257) }],
    refused: ["0d" + "61".repeat(13) + "0100"],
  }),
  codec({
    decode: bitcoin.decodeFeature,
    encode: bitcoin.encodeFeature,
    example: [
      { id: new TextEncoder().encode("bip9"), data: Uint8Array.of(1, 2) },
      "0462697039" + "020102",
    ],
    any: fc.record({ id: bytes(4, 80), data: bytes(0, 512) }),
    unfit: [{ id: pattern(3) }, { id: pattern(81) }, { data: pattern(513) }],
    refused: [
      "03616161" + "00",
      "00" + "00",
      "51" + "61".repeat(81) + "00",
      "0461616161" + "fd0102" + "00".repeat(513),
    ],
  }),
  codec({
    decode: bitcoin.decodeAddr,
    encode: bitcoin.encodeAddr,
    example: [
      ADDRS,
      "02" + ADDR_HEX + "00000000000000000000ffff00010203" + "0001" +
      ADDR_HEX + "0102030405060708090a0b0c0d0e0f10" + "0002",
    ],
    any: addrs,
    unfit: [
      [{ ...ADDRS[0]!, network: 4, address: pattern(32) }],
      Array(1001).fill(ADDRS[0]),
    ],
    refused: ["fde903" + "00".repeat(1001 * 30), [
      "fde803" + "00".repeat(100),
      "count at offset 3",
    ]],
  }),
  codec({
    decode: bitcoin.decodeAddrV2,
    encode: bitcoin.encodeAddrV2,
    example: [
      ADDRS,
      "02" + "01000000" + "01" + "010400010203" + "0001" +
      "01000000" + "01" + "02100102030405060708090a0b0c0d0e0f10" + "0002",
    ],
    any: addrs,
    unfit: [
      [{ ...ADDRS[0]!, address: pattern(5) }],
      Array(1001).fill(ADDRS[0]),
    ],
    refused: [
      "fde903" + ("00000000" + "00" + "010400010203" + "0001").repeat(1001),
      ["fde803" + "00".repeat(100), "count at offset 3"],
      // A known network with another length.
      "01" + "00000000" + "00" + "0105" + "0102030405" + "208d",
    ],
  }),
  codec({
    decode: credentials.decodeInstance,
    encode: credentials.encodeInstance,
    example: [0xfedcba9876543210n, "1032547698badcfe"],
    any: u64,
    unfit: [-1n, 2n ** 64n],
  }),
  codec({
    decode: credentials.decodeChallenge,
    encode: credentials.encodeChallenge,
    example: [pattern(32), pattern(32).toHex()],
    any: bytes(32).map((it) => new Uint8Array(it)),
    unfit: [pattern(0), pattern(31), pattern(33)],
  }),
  codec({
    decode: credentials.decodeSecret,
    encode: credentials.encodeSecret,
    example: [
      { kind: "invite", id: "ab".repeat(16), mac: pattern(32) },
      "01" + "ab".repeat(16) + pattern(32).toHex(),
    ],
    any: fc.record({
      kind: fc.constant("invite" as const),
      id: hex(16),
      mac: bytes(32),
    }),
    unfit: [{ id: "ab" }, { mac: pattern(31) }],
    read: [["00".repeat(49), {
      kind: "network",
      id: "00".repeat(16),
      mac: new Uint8Array(32),
    }]],
    refused: ["02" + "00".repeat(48), "00" + "01" + "00".repeat(47)],
  }),
  codec<credentials.ProofMessage>({
    decode: credentials.decodeProof,
    encode: credentials.encodeProof,
    example: [
      {
        certificate: pattern(3),
        signature: pattern(2),
        extensionBlock: Uint8Array.fromHex("0102aabb" + "0700" + "ff01cc"),
        extensions: new Map([
          [1, Uint8Array.of(0xaa, 0xbb)],
          [7, NO_BYTES],
          [255, Uint8Array.of(0xcc)],
        ]),
      },
      "03000102" + "020001" + "09" + "0102aabb" + "0700" + "ff01cc",
    ],
    any: fc.record({
      certificate: bytes(0, 400),
      signature: bytes(0, 100),
      extensions: fc.uniqueArray(fc.tuple(fc.nat(255), bytes(0, 60)), {
        maxLength: 8,
        selector: ([type]) => type,
      }).map((entries) => new Map(entries)),
    }).map((fields) => ({
      ...fields,
      extensionBlock: credentials.encodeExtensions(fields.extensions),
    })),
    unfit: [
      { certificate: pattern(MAX_CERTIFICATE_BYTES + 1) },
      { signature: pattern(513) },
      { extensionBlock: pattern(1025) },
    ],
    refused: [
      "fd0108" + "00".repeat(2100),
      "00fd0102" + "00".repeat(600),
      // Types that do not ascend, cut extensions, a long form of a length.
      ...["02000100", "01000100", "01", "0102aa", "01fd0100aa", "01fd"].map(
        (block) => "0000" + `0${block.length / 2}` + block,
      ),
    ],
  }),
  codec({
    decode: credentials.decodeWelcome,
    encode: credentials.encodeWelcome,
    example: [
      { attestation: pattern(3), closed: true, networkKey: pattern(32) },
      "03000102" + "01" + "20" + pattern(32).toHex(),
    ],
    unfit: [{ attestation: pattern(556) }, { networkKey: pattern(33) }],
    read: [["000000", { attestation: NO_BYTES, closed: false }]],
    refused: ["000200", "0001" + "1f" + "00".repeat(31)],
  }),
  codec({
    decode: request.decodeGetPeers,
    encode: request.encodeGetPeers,
    example: [
      { digest: ID, fingerprints: FINGERPRINTS },
      ID + "02" + FINGERPRINTS.join(""),
    ],
    any: fc.record({
      digest: hex(32),
      fingerprints: fc.array(hex(8), { maxLength: 300 }),
    }),
    unfit: [{ digest: "ab" }, { fingerprints: ["00"] }],
  }),
  codec({
    decode: request.decodePeerIds,
    encode: request.encodePeerIds,
    example: [{ fingerprints: FINGERPRINTS }, "02" + FINGERPRINTS.join("")],
    any: fc.record({ fingerprints: fc.array(hex(8), { maxLength: 300 }) }),
    unfit: [
      { fingerprints: ["00"] },
      { fingerprints: Array(8001).fill("00".repeat(8)) },
    ],
    read: [[
      "fd401f" + "00".repeat(64_000),
      { fingerprints: Array(8000).fill("00".repeat(8)) },
    ]],
    refused: ["fd411f" + "00".repeat(64_008)],
  }),
  codec({
    decode: request.decodeMissing,
    encode: request.encodeMissing,
    example: [
      { ids: [ID, OTHER_ID] },
      "02" + ID + OTHER_ID,
    ],
    any: fc.record({ ids: fc.array(peerId, { maxLength: 9 }) }),
    unfit: [{ ids: ["ab" as typeof ID] }, {
      ids: Array(1001).fill(ID),
    }],
    refused: ["fde903" + "00".repeat(32_032)],
  }),
  codec({
    decode: peers.decodePeers,
    encode: peers.encodePeers,
    example: [
      {
        entries: [PEER_ENTRY],
        more: true,
        skipped: 0,
      },
      "01" + ID + "050001020304" + "04" +
      "0104c0000201" + "1f90" +
      "021020010db8000000000000000000000001" + "0001" +
      "d00c" + "6e6f64652e6578616d706c65" + "ffff" +
      "d100" + "1f90" +
      "00f1536500000000" + "03" + "076772c3b6c39f65" +
      "03000102" + "01",
    ],
    any: fc.record({
      entries: fc.array(peerEntry, { maxLength: 4 }),
      more: fc.boolean(),
      skipped: fc.constant(0),
    }),
    refused: [
      "fde903", // 1,001 entries
      "01" + ID + "fd0108", // 2,049 bytes of certificate
      "01" + ID + "00" + "05", // five addresses
      "01" + ID + "0000" + "00".repeat(8) + "00" + "41" + "61".repeat(65) +
      "0000", // a long name
      "01" + ID + "0000" + "00".repeat(8) + "00" + "00" + "fd2c02" +
      "00".repeat(556) + "00", // 556 bytes of attestation
      "00" + "02", // more is neither 0 nor 1
      // A count that the payload cannot hold, before an entry is read.
      ["fde803" + "00".repeat(1000), "count at offset 3"],
    ],
  }),
  codec({
    decode: ack.decodeAck,
    encode: ack.encodeAck,
    example: [
      {
        limit: 2 ** 40 + 1,
        ranges: [
          { first: 0xffff_fffe, count: 3, status: 0 },
          { first: 1, count: 1, status: 2 },
        ],
      },
      "0100000000010000" + "02" + "feffffff0300000000" + "010000000100000002",
    ],
    any: fc.record({
      limit: fc.maxSafeNat(),
      ranges: fc.array(
        fc.record({
          first: fc.nat(0xffff_ffff),
          count: fc.integer({ min: 1, max: 0xffff_ffff }),
          status: fc.constantFrom(0 as const, 1 as const, 2 as const),
        }),
        { minLength: 1, maxLength: 300 },
      ),
    }),
    unfit: [
      { limit: -1 },
      { limit: 2 ** 53 },
      { ranges: [{ first: 2 ** 32, count: 1, status: 0 }] },
      { ranges: Array(2049).fill({ first: 0, count: 1, status: 0 }) },
    ],
    refused: [
      "0000010000000000" + "00", // nothing is settled
      "0000010000000000" + "01" + "00000000" + "00000000" + "00",
      "0000010000000000" + "01" + "00000000" + "01000000" + "03", // status
      "0000000000002000" + "01" + "00000000" + "01000000" + "00", // 2^53
      "0000010000000000" + "fd",
      "0000010000000000" + "fd0100" + "00000000" + "01000000" + "00",
      "0000010000000000" + "fd0108" + "00".repeat(2049 * 9),
    ],
  }),
  codec({
    decode: ack.decodeResume,
    encode: ack.encodeResume,
    example: [{ number: 0x01020304, held: 0x0a0b0c }, "04030201" + "0c0b0a00"],
    any: fc.record({
      number: fc.nat(0xffff_ffff),
      held: fc.integer({ min: 1, max: 0xffff_ffff }),
    }),
    unfit: [{ number: 2 ** 32 }, { held: -1 }],
    refused: ["04030201" + "00000000"],
  }),
  codec({
    decode: message.decodeMessage,
    example: [
      { total: 3, bodyOffset: 23 },
      pattern(16).toHex() + "03000000" + "026869" + "010203",
    ],
    ends: [23, 24, 25],
    isView: true,
    takesAll: true,
  }),
  codec({
    decode: message.decodeChunkHead,
    example: [0x01020304, "04030201" + "0000"],
    ends: [5],
    takesAll: true,
  }),
  codec({
    decode: message.decodeTopic,
    example: ["gr", "6772"],
    ends: [0, 1],
    refused: ["ff"],
    takesAll: true,
  }),
  codec({
    decode: streams.decodeOpen,
    encode: streams.encodeOpen,
    example: [
      {
        stream: 0x01020304,
        credit: 0xfffefdfc,
        protocol: "a~!/1",
        metadata: pattern(2),
      },
      "04030201" + "fcfdfeff" + "05617e212f31" + "020001",
    ],
    any: fc.record({
      stream: u32,
      credit: fc.nat(0xffff_ffff),
      protocol: fc.string({
        unit: fc.constantFrom(...NAME_CHARACTERS),
        minLength: 1,
        maxLength: 64,
      }),
      metadata: fc.oneof(bytes(0, 8), bytes(0xfb, 0xff), bytes(0, 1024)),
    }),
    unfit: [
      { stream: 0 },
      { stream: 2 ** 32 },
      { stream: 1.5 },
      { credit: -1 },
      { credit: 2 ** 32 },
      { protocol: "" },
      { protocol: "a".repeat(65) },
      { protocol: "a b" },
      { protocol: "ä" },
      { protocol: "a\x7f" },
      { metadata: pattern(1025) },
    ],
    read: [
      ["01000000" + "00000000" + "0161" + "00", {
        stream: 1,
        credit: 0,
        protocol: "a",
        metadata: NO_BYTES,
      }],
      [
        "ffffffff" + "00000000" + "40" + "7e".repeat(64) + "fd0004" +
        "ab".repeat(1024),
        {
          stream: 0xffff_ffff,
          credit: 0,
          protocol: "~".repeat(64),
          metadata: new Uint8Array(1024).fill(0xab),
        },
      ],
    ],
    refused: [
      ["00000000" + "00000000" + "0161" + "00", "stream is 0"],
      ["01000000" + "00000000" + "00" + "0000", "protocol has 0 bytes"],
      ["01000000" + "00000000" + "41" + "61".repeat(65) + "00", "65 bytes"],
      // A space, a control character, and what is not ASCII.
      ...["20", "0a", "7f", "c3"].map((byte): [string, string] => [
        "01000000" + "00000000" + "0261" + byte + "00",
        `protocol has byte ${Number(`0x${byte}`)}`,
      ]),
      // A name that takes all that is left, or more.
      ["01000000" + "00000000" + "026161", "before the metadata"],
      ["01000000" + "00000000" + "406161", "before the metadata"],
      ["01000000" + "00000000" + "0161" + "fd0104" + "00".repeat(1025), "1025"],
      ["01000000" + "00000000" + "0161" + "fdfc00" + "00".repeat(252), "few"],
      ["01000000" + "00000000" + "0161" + "fd", "metadata size"],
      ["01000000" + "00000000" + "0161" + "fe00040000", "metadata size"],
      ["01000000" + "00000000" + "0161" + "fffdff00", "metadata size"],
      ["01000000" + "00000000" + "0161" + "03aabb", "2 bytes left"],
    ],
  }),
  codec({
    decode: streams.decodeDataHead,
    example: [0x81020304, "04030281" + "0000"],
    ends: [5],
    read: [["01000000" + "00".repeat(16_384), 1]],
    refused: [
      ["", "-4 bytes of a stream"],
      ["01000000", "0 bytes of a stream, must have 1 to 16384"],
      ["01000000" + "00".repeat(16_385), "16385 bytes of a stream"],
    ],
    takesAll: true,
  }),
  codec({
    decode: streams.decodeCredit,
    encode: streams.encodeCredit,
    example: [
      { stream: 0x01020304, bytes: 0xff0b0c0d },
      "04030201" + "0d0c0bff",
    ],
    any: fc.record({ stream: u32, bytes: u32 }),
    unfit: [{ stream: 0 }, { stream: 2 ** 32 }, { bytes: 0 }, {
      bytes: 2 ** 32,
    }, { bytes: 0.5 }],
    refused: [["04030201" + "00000000", "it is of 0 bytes"]],
  }),
  codec({
    decode: streams.decodeEnd,
    encode: streams.encodeEnd,
    example: [0x01020304, "04030201"],
    any: u32,
    unfit: [0, -1, 2 ** 32, NaN],
  }),
  codec({
    decode: streams.decodeReset,
    encode: streams.encodeReset,
    example: [
      {
        stream: 0x01020304,
        code: streams.RESET_CODE.failed,
        text: "größe",
      },
      "04030201" + "04" + "0767" + "72c3b6c39f65",
    ],
    any: fc.record({
      stream: u32,
      code: fc.nat(255),
      text: fc.string({ unit: "grapheme", maxLength: 20 }),
    }),
    unfit: [{ stream: 0 }, { code: 256 }],
    refused: ["04030201" + "00" + "fd0101" + "61".repeat(257)],
    // The code counts, whatever the text, and one of a later release is no error.
    read: [["04030201" + "ff" + "02c328", {
      stream: 0x01020304,
      code: 255,
      text: "\ufffd(",
    }]],
  }),
];
