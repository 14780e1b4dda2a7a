// Many identities that want to be all that a node sees.
import { assert, assertEquals } from "@std/assert";
import { Identity } from "../../src/identity/identity.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import { Node } from "../../src/mesh/node.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { identities } from "../helpers/identities.ts";
import { Mesh } from "../helpers/nodes.ts";
import { until } from "../helpers/until.ts";

const MAX_PEERS = 8;
const SYBILS = 100;

/** All sybils at once, round after round; those that are let in stay. */
async function besiege(victim: Node): Promise<RawPeer[]> {
  const inside: RawPeer[] = [];
  for (let i = 0; i < SYBILS; i += 50) {
    await Promise.all(Array.from({ length: 50 }, async () => {
      const identity = await Identity.generate();
      const peer = await RawPeer.open(victim, { identity }).catch(() => {});
      if (peer !== undefined) inside.push(peer);
    }));
  }
  return inside;
}

Deno.test("a restarted node has room for peers with standing, however many strangers were first", async () => {
  const [own, ...rest] = await identities(4);
  const store = new MemoryStore();
  const start = () =>
    Node.start({ identity: own!, store, maxPeers: MAX_PEERS });
  const first = await start();
  const friends = await Promise.all(
    rest.map((identity) => Node.start({ identity, connect: [first.address] })),
  );
  await new Mesh([first, ...friends]).complete();
  for (const { id } of rest) first.admission.allow(id);
  const ports = friends.map(({ address }) => Number(address.split(":")[1]));
  await first.close();
  // The friends cannot be reached as yet: the strangers are first.
  for (const friend of friends) await friend.close({ abrupt: true });
  await using victim = await start();
  const sybils = await besiege(victim);
  try {
    // An open mesh does let strangers in, but for the room kept for the friends.
    await until(
      "strangers to be in",
      () => victim.sessions().length === MAX_PEERS - rest.length,
    );
    const back = await Promise.all(
      rest.map((identity, i) => Node.start({ identity, port: ports[i]! })),
    );
    await using _ = new Mesh(back);
    const linked = () => new Set(victim.sessions().map(({ id }) => id));
    await until(
      "all friends to be linked",
      () => rest.every(({ id }) => linked().has(id)),
    );
    assertEquals(victim.sessions().length, MAX_PEERS);
    assert(sybils.some((sybil) => linked().has(sybil.identity.id)));
  } finally {
    for (const sybil of sybils) sybil.close();
  }
});
