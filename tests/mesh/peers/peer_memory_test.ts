// What a node still knows when it starts again with what it remembered.
import { parsePeerId } from "../../../src/core/peer_id.ts";
import { assert, assertEquals } from "@std/assert";
import { VerackError } from "../../../src/core/errors.ts";
import { verifyCertificate } from "../../../src/identity/certificate.ts";
import { MemoryStore } from "../../../src/mesh/peers/memory_store.ts";
import { Node } from "../../../src/mesh/node.ts";
import type { StoredPeer } from "../../../src/mesh/peers/node_store.ts";
import type { NodeOptions } from "../../../src/mesh/options.ts";
import { parseAddress } from "../../../src/transport/address.ts";
import { MAX_STRANGER_PEERS } from "../../../src/mesh/mesh_limits.ts";
import { EventLog, Mesh } from "../../helpers/nodes.ts";
import {
  plainMemory,
  plainTable,
  recalled,
} from "../../helpers/plain_table.ts";
import { until } from "../../helpers/until.ts";
import { lasting } from "../../helpers/identities.ts";

async function start(options: NodeOptions = {}): Promise<Node> {
  return await Node.start({ identity: await lasting(), ...options });
}

Deno.test("a node that starts again with its store is back with all members, without an address", async () => {
  await using alice = await start();
  await using bob = await start({ connect: [alice.address] });
  const store = new MemoryStore();
  const identity = await lasting();
  await using first = await Node.start({
    identity,
    store,
    connect: [bob.address],
  });
  await new Mesh([alice, bob, first]).complete();
  await first.close();
  const before = store.peers();

  await using again = await Node.start({ identity, store });
  assertEquals(
    again.peers().map((peer) => peer.firstSeen?.getTime()),
    before.map((peer) => peer.firstSeen),
  );
  const log = new EventLog(again);
  await new Mesh([alice, bob, again]).complete();
  assertEquals(log.of("peer:up").map(({ trust }) => trust), ["known", "known"]);
});

Deno.test("of two peers the one that was there last is dialed first", async () => {
  await using alice = await start();
  await using bob = await start();
  const store = new MemoryStore();
  const identity = await lasting();
  const connect = [alice.address, bob.address];
  await using first = await Node.start({ identity, store, connect });
  await until("both", () => first.sessions().length === 2);
  await alice.close();
  await until("one of them gone", () => first.sessions().length === 1);
  // Within one millisecond both would have been there last.
  const goneAt = Date.now();
  await until("a later time", () => Date.now() > goneAt);
  await first.close();
  assertEquals(
    store.peers().map((peer) => peer.id),
    [bob.identity.id, alice.identity.id],
  );
  await using again = await Node.start({ identity, store });
  assertEquals(
    again.peers().map((peer) => peer.id),
    [bob.identity.id, alice.identity.id],
  );
});

Deno.test("a peer known by gossip only is not put on record", async () => {
  await using alice = await start();
  // Has no room for a second peer, so it is never proven to the third node.
  await using bob = await start({ maxPeers: 1, connect: [alice.address] });
  await until("the first pair", () => bob.sessions().length === 1);
  const store = new MemoryStore();
  await using node = await start({ store, connect: [alice.address] });
  await until("to hear of both", () => node.peers().length === 2);
  await node.close();
  assertEquals(
    store.peers().map((peer) => peer.id),
    [alice.identity.id],
  );
});

Deno.test("a record with another peer's certificate, or an invalid one, is dropped", async () => {
  const [alice, bob] = [await lasting(), await lasting()];
  const store = new MemoryStore();
  const record = (id: string, certificate: Uint8Array): StoredPeer => ({
    id: id as StoredPeer["id"],
    certificate: Uint8Array.from(certificate),
    name: "",
    trust: "known",
    ephemeral: false,
    addresses: [],
    firstSeen: 1,
    lastSeen: 1,
    attestation: new Uint8Array(0),
    earnedStanding: false,
    upForLong: false,
    source: "",
  });
  store.putPeer(record(alice.id, bob.certificate));
  store.putPeer(record("00".repeat(32), new Uint8Array(2_000)));
  store.putPeer(record(bob.id, bob.certificate));
  await using node = await start({ store });
  assertEquals(node.peers().map((peer) => peer.id), [bob.id]);
  assertEquals(store.peers().map((peer) => peer.id), [bob.id]);
});

Deno.test("an address that was trusted on first use is not trusted anew after a restart", async () => {
  const store = new MemoryStore();
  const identity = await lasting();
  const alice = await start();
  const { address } = alice;
  const first = await Node.start({ identity, store, connect: [address] });
  await until("the first contact", () => first.sessions().length === 1);
  await first.close();
  await alice.close();
  const before = store.peers();
  const { port } = parseAddress(address);
  await using mallory = await start({ port });

  for (const connect of [[], [address]]) {
    await using again = await Node.start({ identity, store, connect });
    const log = new EventLog(again);
    await until("the refusal", () => log.of("refused").length === 1);
    const [refused] = log.of("refused");
    assertEquals(refused?.expected, alice.identity.id);
    assertEquals(refused?.actual, mallory.identity.id);
    // Whatever else is dialed at the start has had its turn when this is through.
    await using honest = await Node.start({ connect: [again.address] });
    await until("an honest peer", () => again.sessions().length > 0);
    await until("its own side", () => honest.sessions().length > 0);
    assertEquals(
      again.sessions().map((link) => link.id),
      [honest.identity.id],
    );
    await honest.close();
    await until("it off the record", () => store.peers().length === 1);
  }
  assertEquals(store.peers(), before);

  // A person who says who is there now is believed.
  await using told = await Node.start({
    identity,
    store,
    connect: [`${mallory.identity.id}@${address}`],
  });
  await until("the one asked for", () => told.sessions().length === 1);
});

Deno.test("a seed whose key ended with its process gives way to the next node there, after a restart too", async () => {
  const store = new MemoryStore();
  const identity = await lasting();
  const seed = await Node.start();
  const { address } = seed;
  const first = await Node.start({ identity, store, connect: [address] });
  await until("the first contact", () => first.sessions().length === 1);
  await first.close({ abrupt: true });
  await seed.close({ abrupt: true });
  const { port } = parseAddress(address);
  await using successor = await Node.start({ port });

  await using again = await Node.start({ identity, store });
  await until("the successor", () => again.sessions().length === 1);
  assertEquals(again.sessions()[0]?.id, successor.identity.id);
  assertEquals(
    store.peers().map((peer) => peer.id),
    [successor.identity.id],
  );
});

Deno.test("a peer whose key lived in memory and that said bye is off the record", async () => {
  const store = new MemoryStore();
  const guest = await Node.start();
  await using _node = await start({ store, connect: [guest.address] });
  await until("it on record", () => store.peers().length === 1);
  await guest.close();
  await until("it off the record", () => store.peers().length === 0);
});

Deno.test("a peer that was forgotten stays off the record, whatever of it ends later", async () => {
  const store = new MemoryStore();
  await using alice = await start();
  await using node = await start({ store, connect: [alice.address] });
  await new Mesh([alice, node]).complete();
  assertEquals(store.peers().length, 1);
  node.admission.forget(alice.identity.id);
  await until("the session's end", () => alice.sessions().length === 0);
  assertEquals(store.peers(), []);

  // A dial that was under way may end with news of an address.
  const identity = await lasting();
  const table = plainTable();
  const memory = plainMemory(table, store, identity.id);
  const record = table.ensure(alice.identity.id)!;
  const certificate = verifyCertificate(alice.identity.certificate);
  recalled(record, { certificate, lastSeen: 1 });
  memory.save(record);
  assertEquals(store.peers().length, 1);
  table.forget(record);
  memory.save(record);
  assertEquals(store.peers(), []);
});

Deno.test("no more peers are remembered than fit the table, and those seen last", async () => {
  const ours = await lasting();
  const identities = Array.from(
    { length: MAX_STRANGER_PEERS + 2 },
    (_, index) => parsePeerId(index.toString(16).padStart(64, "0")),
  );
  const store = new MemoryStore();
  const table = plainTable();
  const memory = plainMemory(table, store, ours.id);
  for (const [index, id] of identities.entries()) {
    const record = table.ensure(id)!;
    const certificate = verifyCertificate(ours.certificate);
    recalled(record, { certificate, lastSeen: index + 1 });
    memory.save(record);
  }
  assertEquals(
    store.peers().map((peer) => peer.id),
    identities.slice(2).reverse(),
  );
});

Deno.test("a node whose store fails meets others all the same", async () => {
  class Full extends MemoryStore {
    tries = 0;
    override putPeer(): void {
      this.tries++;
      throw new VerackError("bad-data", "Cannot write: the disk is full");
    }
  }
  const store = new Full();
  await using alice = await start();
  await using bob = await start({ store, connect: [alice.address] });
  await new Mesh([alice, bob]).complete();
  assert(store.tries > 0);
});
