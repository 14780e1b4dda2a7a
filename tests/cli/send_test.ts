// How `verack broadcast` ends.
import { parsePeerId, type PeerId } from "../../src/core/peer_id.ts";
import { assertEquals } from "@std/assert";
import { broadcastExit } from "../../src/cli/send.ts";

Deno.test("a broadcast fails if a peer with standing does not get it, or if no peer does, and not because of strangers", () => {
  const [friend, stranger] = [
    parsePeerId("a".repeat(64)),
    parsePeerId("b".repeat(64)),
  ];
  const failed = (id: PeerId, standing: boolean) => ({
    id,
    standing,
    reason: "full",
  });
  const none = { delivered: [], waiting: [], failed: [] };
  const toStranger = [failed(stranger!, false)];
  assertEquals(broadcastExit(none), 0);
  assertEquals(broadcastExit({ ...none, delivered: [friend!] }), 0);
  const delivered = [friend!];
  assertEquals(broadcastExit({ ...none, delivered, failed: toStranger }), 0);
  const waiting = [friend!];
  assertEquals(broadcastExit({ ...none, waiting, failed: toStranger }), 0);
  assertEquals(broadcastExit({ ...none, failed: toStranger }), 1);
  const toFriend = [failed(friend!, true)];
  assertEquals(broadcastExit({ ...none, delivered, failed: toFriend }), 1);
});
