import { assert, assertEquals } from "@std/assert";
import { parsePeerId } from "../../src/core/peer_id.ts";
import { ForwardRoom } from "../../src/services/forwarding/forward_room.ts";

const peer = (digit: number) => parsePeerId(`${digit}`.repeat(64));
const LIMITS = { all: 20, perPeer: 10, strangers: 8 };

Deno.test("one stranger has half of what strangers have, and leaves the next a part of the rest", () => {
  const room = new ForwardRoom(LIMITS);
  assertEquals(fill(room, 1, false), 4);
  assertEquals(fill(room, 2, false), 2);
  assertEquals(fill(room, 3, false), 1);
  assertEquals(fill(room, 4, false), 1);
  assertEquals(fill(room, 5, false), 0);
});

Deno.test("strangers leave peers with standing their room, and one of these leaves some to the others", () => {
  const room = new ForwardRoom(LIMITS);
  for (let i = 0; i < 8; i++) fill(room, i, false);
  assertEquals(room.taken, 8);
  assertEquals(fill(room, 8, true), 10);
  assertEquals(fill(room, 9, true), 2);
});

Deno.test("a place that is given back can be taken again, and is given back once", () => {
  const room = new ForwardRoom({ all: 1, perPeer: 1, strangers: 1 });
  const place = room.take(peer(1), false);
  assert(place !== undefined);
  assertEquals(room.take(peer(2), true), undefined);
  place[Symbol.dispose]();
  place[Symbol.dispose]();
  assertEquals(room.taken, 0);
  assert(room.take(peer(2), false) !== undefined);
  assertEquals(room.take(peer(2), false), undefined);
});

/** As many places as a peer gets. */
function fill(room: ForwardRoom, digit: number, hasStanding: boolean): number {
  let count = 0;
  while (room.take(peer(digit), hasStanding) !== undefined) count++;
  return count;
}
