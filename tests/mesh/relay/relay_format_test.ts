import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { VerackError } from "../../../src/core/errors.ts";
import { peerIdFromBytes } from "../../../src/core/peer_id.ts";
import {
  decodeRelayedHead,
  decodeRelayGo,
  decodeRelayOffer,
  decodeRelayTarget,
  encodeRelayedHead,
  encodeRelayOffer,
  encodeRelayTarget,
  RELAY_GO,
  RELAY_OFFER_BYTES,
} from "../../../src/mesh/relay/relay_format.ts";
import { MAX_RELAY_HOPS } from "../../../src/mesh/relay/relay_limits.ts";

const id = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(peerIdFromBytes);
const hops = fc.integer({ min: 2, max: MAX_RELAY_HOPS });

Deno.test("the target of relay/1 is the 32 bytes of its id, and nothing else is read as one", () => {
  const target = peerIdFromBytes(
    Uint8Array.from({ length: 32 }, (_, at) => at),
  );
  const bytes = encodeRelayTarget(target);
  assertEquals(bytes.toHex(), target);
  assertEquals(decodeRelayTarget(bytes), target);
  for (const length of [0, 31, 33, 1_024]) {
    malformed(() => decodeRelayTarget(new Uint8Array(length)));
  }
});

Deno.test("an offer has its hops, its round trip and its load in six bytes", () => {
  const bytes = encodeRelayOffer({ hops: 3, rttMs: 258.4, load: 0.5 });
  assertEquals(bytes.toHex(), "030201000080");
  assertEquals(bytes.length, RELAY_OFFER_BYTES);
  const { load, ...offer } = decodeRelayOffer(bytes);
  assertEquals(offer, { hops: 3, rttMs: 258 });
  assert(Math.abs(load - 0.5) < 1 / 255);
});

Deno.test("every offer that may be written is read again, and a round trip that is not known stays so", () => {
  fc.assert(fc.property(
    hops,
    fc.oneof(fc.nat(0xffff_fffe), fc.constant(Infinity)),
    fc.double({ min: 0, max: 1, noNaN: true }),
    (hops, rttMs, load) => {
      const read = decodeRelayOffer(encodeRelayOffer({ hops, rttMs, load }));
      assertEquals({ ...read, load: 0 }, { hops, rttMs, load: 0 });
      assert(Math.abs(read.load - load) <= 1 / 255);
    },
  ));
  for (const rttMs of [NaN, -1, Infinity, 2 ** 40]) {
    const bytes = encodeRelayOffer({ hops: 2, rttMs, load: NaN });
    assertEquals(decodeRelayOffer(bytes), {
      hops: 2,
      rttMs: Infinity,
      load: 1,
    });
  }
});

Deno.test("the head of relayed/1 has the dialing end and the hops", () => {
  fc.assert(fc.property(id, hops, (from, hops) => {
    const bytes = encodeRelayedHead({ from, hops });
    assertEquals(bytes.length, 33);
    assertEquals(decodeRelayedHead(bytes), { from, hops });
  }));
});

Deno.test("hops below two and above sixteen are neither written nor read", () => {
  const from = peerIdFromBytes(new Uint8Array(32));
  for (const hops of [-1, 0, 1, MAX_RELAY_HOPS + 1, 255, 2.5, NaN]) {
    assertThrows(
      () => encodeRelayOffer({ hops, rttMs: 1, load: 0 }),
      RangeError,
      `hops is ${hops}`,
    );
    assertThrows(() => encodeRelayedHead({ from, hops }), RangeError);
    if (!(hops >= 0 && Number.isInteger(hops))) continue;
    malformed(() => decodeRelayOffer(Uint8Array.of(hops, 0, 0, 0, 0, 0)));
    const head = new Uint8Array(33);
    head[32] = hops;
    malformed(() => decodeRelayedHead(head));
  }
});

Deno.test("any bytes at all are read, or refused as malformed", () => {
  const readers = [decodeRelayTarget, decodeRelayOffer, decodeRelayedHead];
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 64 }),
        fc.uint8Array({ minLength: 32, maxLength: 33 }),
        fc.uint8Array({ minLength: 6, maxLength: 6 }),
      ),
      (bytes) => {
        for (const read of readers) {
          try {
            read(bytes);
          } catch (error) {
            assert(error instanceof VerackError, String(error));
            assertEquals(error.code, "malformed");
          }
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

Deno.test("an offer is accepted by one byte, and by no other", () => {
  for (let byte = 0; byte < 256; byte++) {
    if (byte === RELAY_GO[0]) decodeRelayGo(byte);
    else malformed(() => decodeRelayGo(byte));
  }
});

function malformed(read: () => unknown): void {
  const error = assertThrows(read, VerackError);
  assertEquals(error.code, "malformed");
}
