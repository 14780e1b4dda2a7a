// A member that sends its own entry again and again, or that of another.
import { assert, assertEquals } from "@std/assert";
import { Identity } from "../../src/identity/identity.ts";
import { OWN_ENTRY_BURST } from "../../src/mesh/discovery/discovery_limits.ts";
import { MAX_ADDRESSES_PER_PEER } from "../../src/mesh/mesh_limits.ts";
import type { PeerInfo } from "../../src/mesh/peers/peer_info.ts";
import { type Address, parseAddress } from "../../src/transport/address.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import {
  encodePeers,
  PEER_FLAG,
  type PeerEntry,
} from "../../src/wire/messages/peers.ts";
import type { RawPeer } from "../helpers/attacker.ts";
import { entryOf, stranger } from "../helpers/forged_messages.ts";
import { handled } from "../helpers/handled.ts";
import { Scene } from "../helpers/scene.ts";
import { Sink } from "../helpers/sink.ts";
import { until } from "../helpers/until.ts";

const at = (port: number): Address => ({ host: "127.0.0.1", port });

async function update(
  peer: RawPeer,
  addresses: readonly Address[],
  fields: Partial<PeerEntry> = {},
): Promise<void> {
  const entries = [entryOf(peer.identity, addresses, fields)];
  await peer.say(COMMAND.peers, encodePeers({ entries, more: true }));
}

function known({ victim }: Scene, { identity }: RawPeer): PeerInfo | undefined {
  return victim.peer(identity.id);
}

Deno.test("a peer that sends its own entry again replaces what it advertised, also for others", async () => {
  await using scene = await Scene.start();
  using bob = await scene.join({ name: "bob" });
  assertEquals(known(scene, bob)?.addresses, ["127.0.0.1:9"]);
  await update(bob, [at(10), at(11)], { name: "bobby" });
  await until("the update", () => known(scene, bob)?.name === "bobby");
  assertEquals(known(scene, bob)?.addresses, ["127.0.0.1:10", "127.0.0.1:11"]);
  await update(bob, [], { flags: PEER_FLAG.live | PEER_FLAG.unreachable });
  await until("the end", () => known(scene, bob)?.addresses.length === 0);
  assert(!bob.isOver);
  assertEquals(known(scene, bob)?.connected, true);
});

Deno.test("own entries beyond the budget of a session are ignored, and none ends it", async () => {
  await using scene = await Scene.start();
  using mallory = await scene.join();
  for (let port = 100; port < 120; port++) await update(mallory, [at(port)]);
  await handled(mallory);
  const addresses = known(scene, mallory)?.addresses ?? [];
  assertEquals(addresses.length, 1);
  // A slow machine may have granted a few more.
  const [last = 0] = addresses.map((it) => parseAddress(it).port);
  assert(last >= 99 + OWN_ENTRY_BURST && last < 119, `${last}`);
  assert(!mallory.isOver);
  assert(addresses.length <= MAX_ADDRESSES_PER_PEER);
});

Deno.test("an own entry with the certificate of another ends the session", async () => {
  await using scene = await Scene.start();
  using mallory = await scene.join();
  const { certificate } = stranger();
  const entries = [entryOf({ id: mallory.identity.id, certificate }, [at(10)])];
  await mallory.say(COMMAND.peers, encodePeers({ entries, more: true }));
  const told = await mallory.refusal();
  assertEquals([told?.command, told?.name], ["bye", "bad-certificate"]);
});

Deno.test("an entry about another that is connected is no update of it", async () => {
  await using scene = await Scene.start();
  using mallory = await scene.join();
  const before = scene.victim.peer(scene.member.identity.id)?.addresses;
  const flags = PEER_FLAG.live | PEER_FLAG.unreachable;
  const entries = [entryOf(scene.member.identity, [], { flags })];
  await mallory.say(COMMAND.peers, encodePeers({ entries, more: true }));
  await handled(mallory);
  assertEquals(
    scene.victim.peer(scene.member.identity.id)?.addresses,
    before,
  );
});

Deno.test("gossip that nothing dials a peer does not keep a node from trying", async () => {
  await using scene = await Scene.start();
  await using sink = Sink.start();
  using mallory = await scene.join();
  const bob = await Identity.generate();
  const flags = PEER_FLAG.live | PEER_FLAG.unreachable;
  const entry = entryOf(bob, [parseAddress(sink.address)], { flags });
  await mallory.tell([entry]);
  await until("a dial to bob", () => sink.arrivals > 0);
});

Deno.test("a peer in gossip without an address is on record only while its teller reports it live", async () => {
  await using scene = await Scene.start();
  using mallory = await scene.join();
  const bob = await Identity.generate();
  const flags = PEER_FLAG.live | PEER_FLAG.unreachable;
  const isKnown = () => scene.victim.peer(bob.id) !== undefined;
  for (const useless of [PEER_FLAG.live, PEER_FLAG.unreachable]) {
    await mallory.tell([entryOf(bob, [], { flags: useless })]);
    await handled(mallory);
    assertEquals(isKnown(), false);
  }
  await mallory.tell([entryOf(bob, [], { flags })]);
  await until("bob", isKnown);
  assertEquals(scene.victim.peer(bob.id)?.addresses, []);
  await mallory.tell([]);
  await until("bob to be forgotten", () => !isKnown());
  await mallory.tell([entryOf(bob, [], { flags })]);
  await until("bob again", isKnown);
  mallory.close();
  await until("bob to be forgotten", () => !isKnown());
});
