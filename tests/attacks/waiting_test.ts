// Being up for long costs an identity nothing but time: few have standing for it.
import { parsePeerId } from "../../src/core/peer_id.ts";
import { assert, assertEquals } from "@std/assert";
import {
  LAST_SEEN_SAVE_MS,
  MAX_UP_STANDING_PER_SOURCE,
  STANDING_AFTER_UP_MS,
} from "../../src/mesh/mesh_limits.ts";
import { partsOf } from "../../src/mesh/node_parts.ts";
import type { Node } from "../../src/mesh/node.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import { Peer } from "../../src/mesh/peers/peer.ts";
import { UpShare } from "../../src/mesh/peers/standing.ts";
import { plainEnvironment } from "../helpers/plain_table.ts";
import { type Member, MemoryMesh } from "../helpers/memory_mesh.ts";

function standing(node: Node): number {
  return node.peers().filter((peer) => peer.standing).length;
}

function record(name: string, source: string): Peer {
  const it = new Peer(parsePeerId(name.padEnd(64, "0")), plainEnvironment());
  it.cameFrom(source);
  return it;
}

Deno.test("of one source few have standing for being up, of all sources a share, and none loses it to another", () => {
  const records = Array.from(
    { length: 100 },
    (_, i) => record(`${i}`, i < 50 ? "crowded" : `host ${i}`),
  );
  const share = new UpShare([], 256);
  for (const it of records) share.give(it);
  const first = records.filter(({ upForLong }) => upForLong);
  assertEquals(first.length, 16);
  assertEquals(
    first.filter(({ source }) => source === "crowded").length,
    MAX_UP_STANDING_PER_SOURCE,
  );
  // After a restart they count as before.
  const again = new UpShare(records, 256);
  for (const it of records) again.give(it);
  assertEquals(records.filter(({ upForLong }) => upForLong), first);
});

for (const longMs of [0, STANDING_AFTER_UP_MS]) {
  const how = longMs === 0 ? "that have just come" : "that were up for long";
  Deno.test(`a friend finds room among strangers ${how}, whose word is not taken for where they are`, async () => {
    const maxPeers = 6;
    const store = new MemoryStore();
    await using mesh = new MemoryMesh(1, 2 * maxPeers);
    const host = await mesh.start([], { store, maxPeers });
    const friend = await mesh.start([host]);
    await mesh.complete();
    host.node.admission.allow(friend.node.identity.id);
    const closing = friend.node.close();
    await mesh.clock.advance(3_000);
    await closing;
    const strangers: Member[] = [];
    // They meet the host, and not each other.
    const options = { maxPeers: 1 };
    while (strangers.length < maxPeers + 2) {
      strangers.push(await mesh.start([host], options));
    }
    await mesh.clock.advance(5_000);
    // As if that had been an hour ago.
    for (const { sessions } of partsOf(host.node).table.values()) {
      for (const session of sessions) {
        Object.assign(session, { openedAt: session.openedAt - longMs });
      }
    }
    await mesh.clock.advance(LAST_SEEN_SAVE_MS);
    const before = standing(host.node);
    assert(before <= 1 + maxPeers / 16, `${before} have standing`);
    const identity = friend.node.identity;
    const back = await mesh.start([host], { identity });
    const isBack = () =>
      host.node.peer(identity.id)?.connected === true &&
      back.node.sessions().length > 0;
    await mesh.clock.runUntil(isBack, { limitMs: 60_000 });
  });
}
