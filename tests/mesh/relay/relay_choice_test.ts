/** Which relay is asked, and whose offer is taken. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { parsePeerId, type PeerId } from "../../../src/core/peer_id.ts";
import {
  bestBid,
  compareCandidates,
  type RelayBid,
  type RelayCandidate,
} from "../../../src/mesh/relay/relay_choice.ts";

function id(digit: number): PeerId {
  return parsePeerId(digit.toString(16).padStart(64, "0"));
}

function bid(relay: number, it: Partial<RelayBid> = {}): RelayBid {
  return {
    relay: id(relay),
    hops: 2,
    rttMs: 100,
    measuredMs: undefined,
    load: 0,
    failedAt: undefined,
    ...it,
  };
}

function candidate(
  digit: number,
  it: Partial<RelayCandidate> = {},
): RelayCandidate {
  return {
    id: id(digit),
    isReporter: false,
    hasStanding: false,
    rttMs: 100,
    hops: 1,
    failedAt: undefined,
    ...it,
  };
}

function best(...bids: RelayBid[]): PeerId | undefined {
  return bestBid(bids)?.relay;
}

Deno.test("the offer with the shortest round trip is the best", () => {
  assertEquals(best(bid(1, { rttMs: 90 }), bid(2, { rttMs: 30 })), id(2));
  assertEquals(best(), undefined);
});

Deno.test("of offers that are close, the one with the fewest hops is the best", () => {
  const near = bid(1, { rttMs: 100, hops: 4 });
  assertEquals(best(near, bid(2, { rttMs: 120, hops: 2 })), id(2));
  assertEquals(best(near, bid(2, { rttMs: 130, hops: 2 })), id(1));
  assertEquals(
    best(bid(1, { rttMs: 0, hops: 3 }), bid(2, { rttMs: 1 })),
    id(2),
  );
});

Deno.test("a relay that is nearly full is taken only if all are", () => {
  const full = bid(1, { rttMs: 1, load: 0.9 });
  assertEquals(best(full, bid(2, { rttMs: 500, load: 0.8 })), id(2));
  assertEquals(best(full, bid(2, { rttMs: 500, load: 0.95 })), id(1));
});

Deno.test("a relay that failed for the pair comes last, whatever it offers", () => {
  const liar = bid(1, { rttMs: 0, failedAt: 7 });
  assertEquals(best(liar, bid(2, { rttMs: 900, load: 1, hops: 16 })), id(2));
  assertEquals(best(liar, bid(2, { failedAt: 8 })), id(1));
  assertEquals(best(liar), id(1));
});

Deno.test("an offer below the round trip that was measured before is not believed", () => {
  const liar = bid(1, { rttMs: 0, measuredMs: 400 });
  assertEquals(best(liar, bid(2, { rttMs: 300 })), id(2));
  assertEquals(best(liar, bid(2, { rttMs: 600 })), id(1));
});

Deno.test("an offer without a known round trip is taken if there is no other", () => {
  assertEquals(best(bid(1, { rttMs: Infinity }), bid(2)), id(2));
  const unknown = bid(1, { rttMs: Infinity, hops: 3 });
  assertEquals(best(unknown, bid(2, { rttMs: Infinity })), id(2));
});

Deno.test("relays that failed are asked last, those with standing first, then those that report the peer", () => {
  const order = [
    candidate(9, { hasStanding: true, isReporter: true }),
    candidate(8, { hasStanding: true }),
    candidate(7, { isReporter: true, rttMs: 10 }),
    candidate(6, { isReporter: true }),
    candidate(5, { isReporter: true, rttMs: undefined }),
    candidate(4, { isReporter: true, hops: 2, rttMs: 1 }),
    candidate(3),
    candidate(2, { failedAt: 1, hasStanding: true }),
    candidate(1, { failedAt: 2, hasStanding: true, isReporter: true }),
  ];
  const shuffled = order.toSorted((a, b) => a.id < b.id ? -1 : 1);
  assertEquals(shuffled.sort(compareCandidates), order);
});

Deno.test("no number of strangers comes before one relay with standing, and the order does not depend on who is first", () => {
  const any = fc.record({
    isReporter: fc.boolean(),
    rttMs: fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined }),
    hops: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(fc.property(
    fc.array(any, { maxLength: 20 }),
    fc.integer({ min: 0 }),
    (all, seed) => {
      const strangers = all.map((it, index) => candidate(index + 1, it));
      const friend = candidate(99, { hasStanding: true, hops: 16 });
      const sorted = [...strangers, friend].sort(compareCandidates);
      assertEquals(sorted[0], friend);
      const turned = sorted.toSorted((a, b) =>
        (Number.parseInt(a.id, 16) * seed) % 7 -
        (Number.parseInt(b.id, 16) * seed) % 7
      );
      assertEquals(turned.sort(compareCandidates), sorted);
    },
  ));
});
