/**
 * Where a relayed peer is said to be: a member that names ever new addresses of it makes a node
 * dial no more than any other gossip does, and neither ends the relayed session nor keeps the
 * direct one away for long.
 */
import { assert, assertEquals } from "@std/assert";
import { partsOf } from "../../src/mesh/node_parts.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodePeers, PEER_FLAG } from "../../src/wire/messages/peers.ts";
import { entryOf } from "../helpers/forged_messages.ts";
import { MemoryMesh } from "../helpers/memory_mesh.ts";
import { idOf, relayedBy, viaOf } from "../helpers/relayed.ts";

const FLOOD_MS = 60_000;
const EACH_MS = 100;
/** Two a second: a hint each 10 s and the backoff begin rounds of at most 8 addresses. */
const MOST_DIALS = 120;

Deno.test("false addresses of a relayed peer cost few dials, and the direct session comes all the same", async () => {
  await using mesh = new MemoryMesh();
  mesh.network.unreachable("10.0.0.3", "10.0.0.4");
  const alice = await mesh.start();
  const mallory = await mesh.start([alice], { relay: false });
  const bob = await mesh.start([alice]);
  const carol = await mesh.start([alice]);
  await mesh.complete(mesh.members, 30_000);
  await relayedBy(mesh, bob, carol, alice, 30_000);
  const { counters } = partsOf(bob.node);
  const before = counters.dialsAttempted;
  const { channel } = partsOf(mallory.node).table.get(bob.node.identity.id)!
    .primary!;
  for (let told = 0; told < FLOOD_MS / EACH_MS; told++) {
    const addresses = [1, 2, 3, 4].map((last) => ({
      host: `10.9.${told % 250}.${last}`,
      port: 8080,
    }));
    const flags = PEER_FLAG.live;
    const entries = [entryOf(carol.node.identity, addresses, { flags })];
    channel.send(COMMAND.peers, encodePeers({ more: true, entries }));
    await mesh.clock.advance(EACH_MS);
  }
  const dials = counters.dialsAttempted - before;
  assert(dials <= MOST_DIALS, `${dials} dials`);
  assertEquals(
    bob.node.sessions().filter(({ id }) => id === idOf(carol)).length,
    1,
  );
  mesh.network.reachable("10.0.0.3", "10.0.0.4");
  await mesh.clock.runUntil(() => viaOf(bob, carol) === "direct", {
    limitMs: 120_000,
  });
});
