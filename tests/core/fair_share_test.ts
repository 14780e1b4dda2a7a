import { assert, assertEquals } from "@std/assert";
import type { PeerId } from "../../src/core/peer_id.ts";
import { FairShare } from "../../src/core/fair_share.ts";

const peer = (name: string) => name as PeerId;
const isKnown = (id: PeerId) => id.startsWith("known");

/** Of which strangers have half. */
function shareOf(total: number, perPeer: number): FairShare {
  const strangers = total / 2;
  return new FairShare({ total, perPeer, strangers, hasStanding: isKnown });
}

/** Takes one after the other until no more is given. */
function takeAll(share: FairShare, id: PeerId): number {
  let count = 0;
  while (share.take(id) !== undefined) count++;
  return count;
}

Deno.test("a busy peer leaves as much as it has, and one that comes later gets a part of that", () => {
  const share = shareOf(96, 96);
  assertEquals(takeAll(share, peer("known-1")), 48);
  assertEquals(takeAll(share, peer("known-2")), 24);
  assertEquals(takeAll(share, peer("known-3")), 12);
});

Deno.test("strangers together leave half to peers with standing", () => {
  const share = shareOf(64, 16);
  for (let i = 0; i < 100; i++) takeAll(share, peer(`stranger-${i}`));
  assertEquals(share.used, 32);
  assertEquals(takeAll(share, peer("known-1")), 16);
});

Deno.test("one stranger has half of what strangers have, and leaves the next a part of the rest", () => {
  const share = shareOf(16, 16);
  assertEquals(takeAll(share, peer("stranger-1")), 4);
  assertEquals(takeAll(share, peer("stranger-2")), 2);
  assertEquals(takeAll(share, peer("stranger-3")), 1);
  assertEquals(takeAll(share, peer("stranger-4")), 1);
  assertEquals(takeAll(share, peer("stranger-5")), 0);
});

Deno.test("where standing is trusted, a peer has its share whatever strangers have", () => {
  const share = new FairShare({
    total: 20,
    perPeer: 10,
    strangers: 8,
    hasStanding: isKnown,
    trustsStanding: true,
  });
  for (let i = 0; i < 8; i++) takeAll(share, peer(`stranger-${i}`));
  assertEquals(share.used, 8);
  assertEquals(takeAll(share, peer("known-1")), 10);
  assertEquals(takeAll(share, peer("known-2")), 2);
});

Deno.test("no peer has more than its share, and what it releases can be taken again", () => {
  const share = shareOf(64, 4);
  const taken = [1, 2, 3, 4].map(() => share.take(peer("known-1"), 1));
  assertEquals(share.take(peer("known-1"), 1), undefined);
  for (const it of taken) it?.[Symbol.dispose]();
  assertEquals(share.used, 0);
  assert(share.take(peer("known-1"), 4) !== undefined);
});

Deno.test("one peer that waits for much keeps no other waiting", async () => {
  const share = shareOf(64, 16);
  const first = share.take(peer("known-1"), 16);
  const second = share.wait(peer("known-1"), 16);
  const other = await share.wait(peer("known-2"), 16).taken;
  first?.[Symbol.dispose]();
  (await second.taken)[Symbol.dispose]();
  other[Symbol.dispose]();
  assertEquals(share.used, 0);
});

Deno.test("a wait that is cancelled takes nothing", () => {
  const share = shareOf(8, 4);
  const first = share.take(peer("known-1"), 4);
  share.wait(peer("known-1"), 4).cancel();
  first?.[Symbol.dispose]();
  assertEquals(share.used, 0);
});

Deno.test("what is returned can be taken again, and is returned once", () => {
  const share = new FairShare({
    total: 1,
    strangers: 1,
    hasStanding: isKnown,
  });
  const taken = share.take(peer("stranger-1"));
  assert(taken !== undefined);
  assertEquals(share.take(peer("known-1")), undefined);
  taken[Symbol.dispose]();
  taken[Symbol.dispose]();
  assertEquals(share.used, 0);
  assert(share.take(peer("stranger-2")) !== undefined);
  assertEquals(share.take(peer("stranger-2")), undefined);
});
