/** Whether one more message of a kept topic fits, and whose. */
import { assert, assertEquals } from "@std/assert";
import {
  MAX_KEPT_BYTES,
  MAX_KEPT_MESSAGES,
} from "../../src/delivery/delivery_limits.ts";
import { KeptUsage } from "../../src/delivery/kept_usage.ts";
import type { PeerId } from "../../src/core/peer_id.ts";
import { peerId } from "../helpers/fake_frame_sink.ts";

const FRIENDS = 10;

const isFriend = (peer: PeerId) => peer < peerId(FRIENDS);

/** Keeps messages of a sender as long as they fit; how many. */
function fill(usage: KeptUsage, from: PeerId, bytes: number): number {
  const sender = usage.sender(from);
  let count = 0;
  while (usage.fits(sender, bytes)) {
    usage.tally(sender, bytes, 1);
    count++;
  }
  return count;
}

for (const bytes of [1, 4_000_000]) {
  Deno.test(`however many strangers fill their share with messages of ${bytes} bytes, half is left to friends, and some to each`, () => {
    const usage = new KeptUsage(isFriend);
    const most = Math.min(
      MAX_KEPT_MESSAGES,
      Math.floor(MAX_KEPT_BYTES / bytes),
    );
    let strangers = 0;
    for (let at = 0; at < 200; at++) {
      strangers += fill(usage, peerId(FRIENDS + at), bytes);
    }
    assert(strangers <= most / 2 && strangers >= most / 4, `${strangers}`);
    const first = fill(usage, peerId(1), bytes);
    assert(first >= Math.floor(most / 4), `${first}`);
    assert(fill(usage, peerId(2), bytes) >= Math.floor(most / 8));
    assert(usage.messages <= most && usage.bytes <= MAX_KEPT_BYTES);
  });
}

Deno.test("one sender leaves as much as it has, and gets more when others leave", () => {
  const usage = new KeptUsage(() => true);
  const [a, b] = [peerId(1), peerId(2)];
  assertEquals(fill(usage, a, 1), MAX_KEPT_MESSAGES / 2);
  assertEquals(fill(usage, b, 1), MAX_KEPT_MESSAGES / 4);
  const sender = usage.sender(a);
  while (sender.messages > 0) usage.tally(sender, 1, -1);
  assertEquals([usage.messages, usage.bytes], [25_000, 25_000]);
  assert(fill(usage, b, 1) > 0);
});

Deno.test("a sender that gains standing leaves the share of strangers with all that it has", () => {
  const friends = new Set<PeerId>();
  const usage = new KeptUsage((peer) => friends.has(peer));
  const stranger = fill(usage, peerId(1), 1);
  assertEquals(stranger, MAX_KEPT_MESSAGES / 4);
  friends.add(peerId(1));
  usage.refresh();
  assertEquals(fill(usage, peerId(2), 1), stranger);
  assert(fill(usage, peerId(1), 1) > 0);
});
