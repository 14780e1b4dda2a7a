/** What holds for every decoder, whatever a peer sends. */
import { parsePeerId } from "../../../src/core/peer_id.ts";
import { assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { VerackError } from "../../../src/core/errors.ts";
import {
  ACK_STATUS,
  decodeAck,
  decodeResume,
  encodeAck,
  encodeResume,
} from "../../../src/wire/messages/ack.ts";
import {
  decodeAddr,
  decodeAddrV2,
  decodeFeature,
  encodeAddr,
  encodeAddrV2,
  encodeFeature,
} from "../../../src/wire/messages/bitcoin_messages.ts";
import {
  decodeChallenge,
  decodeInstance,
  decodeProof,
  decodeSecret,
  decodeWelcome,
  encodeChallenge,
  encodeInstance,
  encodeProof,
  encodeSecret,
  encodeWelcome,
} from "../../../src/wire/messages/credentials.ts";
import {
  decodeLegacyReject,
  decodeReason,
  encodeReason,
} from "../../../src/wire/messages/reason.ts";
import {
  decodeChunkHead,
  decodeMessage,
  decodeTopic,
  encodeMessage,
  writeChunkHead,
} from "../../../src/wire/messages/message_frame.ts";
import {
  decodeGetPeers,
  decodeMissing,
  decodePeerIds,
  encodeGetPeers,
  encodeMissing,
  encodePeerIds,
} from "../../../src/wire/messages/peer_request.ts";
import { decodePeers, encodePeers } from "../../../src/wire/messages/peers.ts";
import {
  decodeBitcoinPing,
  decodePing,
  decodePong,
  encodePing,
  encodePong,
} from "../../../src/wire/messages/ping.ts";
import {
  decodeVersion,
  encodeVersion,
  UNSPECIFIED_ADDRESS,
} from "../../../src/wire/messages/version.ts";
import { concat, pattern } from "../frames.ts";

const FOLDER = new URL("../../../src/wire/messages/", import.meta.url);

interface Decoder {
  readonly decode: (payload: Uint8Array) => unknown;
  /** A payload that it reads. */
  readonly valid: Uint8Array;
  /** It is one of the few whose result is a view into the payload, for speed. */
  readonly isView?: true;
  /** All of the payload belongs to its last field: nothing can follow. */
  readonly takesAll?: true;
}

const ADDRESSES = [
  { time: 1, services: 1n, network: 1, address: pattern(4), port: 1 },
  { time: 1, services: 1n, network: 2, address: pattern(17).slice(1), port: 1 },
];
const FINGERPRINTS = ["0102030405060708", "1112131415161718"];

const DECODERS: readonly Decoder[] = [
  {
    decode: decodeVersion,
    valid: encodeVersion({
      version: 70016,
      services: 1n,
      timestamp: 1n,
      addrRecv: UNSPECIFIED_ADDRESS,
      addrFrom: UNSPECIFIED_ADDRESS,
      nonce: 1n,
      userAgent: pattern(20),
      startHeight: 1,
      relay: true,
    }),
  },
  { decode: decodePing, valid: encodePing({ nonce: 1n, text: "hello" }) },
  { decode: decodeBitcoinPing, valid: encodePing({ nonce: 1n }) },
  {
    decode: decodeMissing,
    valid: encodeMissing({
      ids: [parsePeerId("5a".repeat(32)), parsePeerId("17".repeat(32))],
    }),
  },
  {
    decode: decodeMessage,
    valid: encodeMessage(pattern(16), pattern(9), pattern(300)),
    isView: true,
    takesAll: true,
  },
  {
    decode: decodeTopic,
    valid: new TextEncoder().encode("größe"),
    takesAll: true,
  },
  { decode: decodeChunkHead, valid: chunk(7, pattern(300)), takesAll: true },
  {
    decode: decodeAck,
    valid: encodeAck({
      limit: 262_144,
      ranges: [
        { first: 0, count: 3, status: ACK_STATUS.acked },
        { first: 3, count: 1, status: ACK_STATUS.rejected },
      ],
    }),
  },
  { decode: decodeResume, valid: encodeResume({ number: 7, held: 300 }) },
  { decode: decodePong, valid: encodePong({ nonce: 1n }) },
  { decode: decodeReason, valid: encodeReason({ code: 1, text: "hello" }) },
  {
    decode: decodeLegacyReject,
    valid: Uint8Array.fromHex("027478" + "12" + "0161" + "00".repeat(32)),
  },
  {
    decode: decodeFeature,
    valid: encodeFeature({ id: pattern(8), data: pattern(300) }),
  },
  { decode: decodeChallenge, valid: encodeChallenge(pattern(32)) },
  { decode: decodeInstance, valid: encodeInstance(1n) },
  {
    decode: decodeProof,
    valid: encodeProof({
      certificate: pattern(300),
      signature: pattern(70),
      extensionBlock: Uint8Array.fromHex("0102aabb" + "0700"),
    }),
  },
  {
    decode: decodeSecret,
    valid: encodeSecret({
      kind: "invite",
      id: "ab".repeat(16),
      mac: pattern(32),
    }),
  },
  {
    decode: decodeWelcome,
    valid: encodeWelcome({
      statement: Uint8Array.from(pattern(105)),
      closed: true,
      networkKey: Uint8Array.from(pattern(32)),
    }),
  },
  { decode: decodeAddr, valid: encodeAddr(ADDRESSES) },
  { decode: decodeAddrV2, valid: encodeAddrV2(ADDRESSES) },
  {
    decode: decodeGetPeers,
    valid: encodeGetPeers({
      digest: "cd".repeat(32),
      fingerprints: FINGERPRINTS,
    }),
  },
  {
    decode: decodePeerIds,
    valid: encodePeerIds({ fingerprints: FINGERPRINTS }),
  },
  {
    decode: decodePeers,
    valid: encodePeers({
      entries: [{
        id: parsePeerId("ab".repeat(32)),
        certificate: pattern(40),
        addresses: [{ host: "192.0.2.1", port: 1 }, {
          host: "a.example",
          port: 2,
        }],
        lastSeen: 1,
        flags: 1,
        name: "name",
        statement: pattern(9),
      }],
      more: false,
    }),
  },
];

function chunk(number: number, body: Uint8Array): Uint8Array {
  const head = new Uint8Array(4);
  writeChunkHead(head, number);
  return concat(head, body);
}

/** Runs a decoder and lets only `malformed` pass. */
function tryDecode(decode: Decoder["decode"], payload: Uint8Array): void {
  try {
    decode(payload);
  } catch (error) {
    if (!(error instanceof VerackError)) throw error;
    assertStrictEquals(error.code, "malformed");
  }
}

Deno.test("every decoder of src/wire/messages/ is put to the test here", () => {
  const declared = [...Deno.readDirSync(FOLDER)].flatMap(({ name }) => {
    const text = Deno.readTextFileSync(new URL(name, FOLDER));
    return [...text.matchAll(/^export (?:async )?function (decode\w+)/gm)]
      .map(([, decoder]) => decoder);
  });
  const tested = DECODERS.map(({ decode }) => decode.name);
  assertEquals(tested.sort(), declared.sort());
});

for (const { decode, valid, isView, takesAll } of DECODERS) {
  if (!takesAll) {
    Deno.test(`${decode.name}() ignores what follows the fields that it knows`, () => {
      for (const tail of [pattern(1), pattern(9), new Uint8Array(300)]) {
        assertEquals(decode(concat(valid, tail)), decode(valid));
      }
    });
  }

  Deno.test(`${decode.name}() throws nothing but malformed when fed random bytes`, () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        (payload) => tryDecode(decode, payload),
      ),
      { numRuns: 300 },
    );
  });

  Deno.test(`${decode.name}() throws nothing but malformed when a valid payload is cut or changed`, () => {
    for (let length = 0; length <= valid.length; length++) {
      tryDecode(decode, valid.subarray(0, length));
    }
    for (let at = 0; at < valid.length; at++) {
      for (const byte of [0, 1, 0x7f, 0xfc, 0xfd, 0xfe, 0xff]) {
        const payload = valid.slice();
        payload[at] = byte;
        tryDecode(decode, payload);
      }
    }
  });

  if (isView) continue;
  Deno.test(`${decode.name}() gives a result that outlives the buffer`, () => {
    // As a view into a larger buffer, as frames are, and as a Node Buffer.
    const buffer = concat(pattern(7), valid, pattern(7));
    const read = decode(buffer.subarray(7, 7 + valid.length));
    buffer.fill(0xee);
    assertEquals(read, decode(valid));
  });
}
