import { assert, assertEquals } from "@std/assert";
import type { PeerId } from "../../src/core/peer_id.ts";
import { FairShare } from "../../src/streams/fair_share.ts";

const peer = (name: string) => name as PeerId;
const isKnown = (id: PeerId) => id.startsWith("known");

/** Takes one after the other until no more is given. */
function takeAll(share: FairShare, id: PeerId): number {
  let count = 0;
  while (share.take(id, 1) !== undefined) count++;
  return count;
}

Deno.test("a busy peer leaves as much as it has, and one that comes later gets a part of that", () => {
  const share = new FairShare({ total: 96, perPeer: 96, hasStanding: isKnown });
  assertEquals(takeAll(share, peer("known-1")), 48);
  assertEquals(takeAll(share, peer("known-2")), 24);
  assertEquals(takeAll(share, peer("known-3")), 12);
});

Deno.test("strangers together leave half to peers with standing", () => {
  const share = new FairShare({ total: 64, perPeer: 16, hasStanding: isKnown });
  for (let i = 0; i < 100; i++) takeAll(share, peer(`stranger-${i}`));
  assertEquals(share.used, 32);
  assertEquals(takeAll(share, peer("known-1")), 16);
});

Deno.test("no peer has more than its share, and what it releases can be taken again", () => {
  const share = new FairShare({ total: 64, perPeer: 4, hasStanding: isKnown });
  const taken = [1, 2, 3, 4].map(() => share.take(peer("known-1"), 1));
  assertEquals(share.take(peer("known-1"), 1), undefined);
  for (const it of taken) it?.release();
  assertEquals(share.used, 0);
  assert(share.take(peer("known-1"), 4) !== undefined);
});

Deno.test("one peer that waits for much keeps no other waiting", async () => {
  const share = new FairShare({ total: 64, perPeer: 16, hasStanding: isKnown });
  const first = share.take(peer("known-1"), 16);
  const second = share.wait(peer("known-1"), 16);
  const other = await share.wait(peer("known-2"), 16).taken;
  first?.release();
  (await second.taken).release();
  other.release();
  assertEquals(share.used, 0);
});

Deno.test("a wait that is cancelled takes nothing", () => {
  const share = new FairShare({ total: 8, perPeer: 4, hasStanding: isKnown });
  const first = share.take(peer("known-1"), 4);
  share.wait(peer("known-1"), 4).cancel();
  first?.release();
  assertEquals(share.used, 0);
});
