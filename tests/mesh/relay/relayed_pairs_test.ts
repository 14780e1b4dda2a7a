/** Pairs that cannot reach each other have a session through a member that reaches both. */
import { assert, assertEquals } from "@std/assert";
import { Identity } from "../../../src/identity/identity.ts";
import { partsOf } from "../../../src/mesh/node_parts.ts";
import { RELAY_CROWD_MS } from "../../../src/mesh/relay/relay_dialing_limits.ts";
import { type Member, MemoryMesh } from "../../helpers/memory_mesh.ts";
import { Conversation, idOf, relayedBy, viaOf } from "../../helpers/relayed.ts";

/** Hosts of a memory mesh, by the order of their start. */
function host(number: number): string {
  return `10.0.0.${number}`;
}

/** Makes all pairs unreachable but these. */
function onlyReachable(
  { network }: MemoryMesh,
  count: number,
  pairs: readonly (readonly [number, number])[],
): void {
  for (let a = 1; a <= count; a++) {
    for (let b = a + 1; b <= count; b++) {
      const isReachable = pairs.some(([x, y]) => x === a && y === b);
      if (!isReachable) network.unreachable(host(a), host(b));
    }
  }
}

/** Nothing was ever missing, for anyone. */
function assertNothingMissing(members: readonly Member[]): void {
  for (const { node, log } of members) {
    assertEquals(node.unreachable(), []);
    assertEquals(log.of("mesh").flatMap(({ missing }) => missing), []);
    const codes = node.status().health.map(({ code }) => code);
    assert(!codes.includes("unreachable-pair"), codes.join());
  }
}

/** Bob and carol, in session through alice. */
async function relayedPair(mesh: MemoryMesh) {
  onlyReachable(mesh, 3, [[1, 2], [1, 3]]);
  const alice = await mesh.start();
  const bob = await mesh.start([alice]);
  const carol = await mesh.start([alice]);
  await mesh.complete();
  await relayedBy(mesh, bob, carol, alice);
  return { alice, bob, carol };
}

Deno.test("two members that cannot reach each other are in session through the one that reaches both", async () => {
  await using mesh = new MemoryMesh();
  const { alice, bob, carol } = await relayedPair(mesh);
  assertEquals(viaOf(bob, alice), "direct");
  const conversation = new Conversation(mesh, bob, carol);
  await conversation.flow(5_000);
  await conversation.settle();
  await mesh.clock.advance(20_000);
  assertNothingMissing(mesh.members);
  assert(mesh.isComplete());
});

Deno.test("a member that relays one pair at most relays one of strangers", async () => {
  await using mesh = new MemoryMesh();
  onlyReachable(mesh, 3, [[1, 2], [1, 3]]);
  const alice = await mesh.start([], { relay: { maxPairs: 1 } });
  const bob = await mesh.start([alice]);
  const carol = await mesh.start([alice]);
  await relayedBy(mesh, bob, carol, alice);
});

Deno.test("a node that cannot be an end of relayed sessions says so of the peers that it misses", async () => {
  await using mesh = new MemoryMesh();
  onlyReachable(mesh, 3, [[1, 2], [1, 3]]);
  const alice = await mesh.start();
  const bob = await mesh.start([alice]);
  const { sessions } = partsOf(bob.node).relaying;
  Object.defineProperty(sessions, "isPossible", { value: false });
  const carol = await mesh.start([alice]);
  const missing = () => bob.node.status().notRelayed;
  await mesh.clock.runUntil(() => missing().length > 0, { limitMs: 20_000 });
  assertEquals(missing().map(({ id, reason }) => ({ id, reason })), [{
    id: idOf(carol),
    reason: "TLS cannot be run over a stream at this node",
  }]);
});

Deno.test("while a crowd arrives no relay is looked for, but not for long, as it may be silent connections", async () => {
  await using mesh = new MemoryMesh();
  onlyReachable(mesh, 3, [[1, 2], [1, 3]]);
  const alice = await mesh.start();
  const bob = await mesh.start([alice]);
  const carol = await mesh.start([alice]);
  for (const { node } of [bob, carol]) {
    // Each could be the other one, until it proves its key.
    partsOf(node).pending.add(
      { source: "10.0.0.9", isInTurn: () => true, evict: () => {} },
      () => false,
    );
  }
  // Both have heard of the other from alice by then.
  await mesh.clock.advance(RELAY_CROWD_MS - 1_000);
  assertEquals(viaOf(bob, carol), undefined);
  await relayedBy(mesh, bob, carol, alice, 5_000);
});

Deno.test("of three relays the one with the shortest round trip is taken", async () => {
  await using mesh = new MemoryMesh();
  const { network } = mesh;
  network.unreachable(host(4), host(5));
  const delays = [40, 10, 25];
  for (const [index, latencyMs] of delays.entries()) {
    for (const end of [4, 5]) {
      const between = [host(index + 1), host(end)] as const;
      network.setDelay({ latencyMs, jitterMs: 0 }, between);
    }
  }
  const relays = [await mesh.start()];
  for (const _ of [2, 3]) relays.push(await mesh.start(relays));
  await mesh.complete();
  const dave = await mesh.start(relays);
  await mesh.complete();
  const erin = await mesh.start(relays);
  await mesh.complete();
  await relayedBy(mesh, dave, erin, relays[1]!);
});

Deno.test("a chain in which each member reaches its neighbours only ends complete", async () => {
  await using mesh = new MemoryMesh();
  onlyReachable(mesh, 4, [[1, 2], [2, 3], [3, 4]]);
  const alice = await mesh.start();
  const bob = await mesh.start([alice]);
  const carol = await mesh.start([bob]);
  const dave = await mesh.start([carol]);
  await mesh.complete(mesh.members, 20_000);
  await relayedBy(mesh, alice, carol, bob);
  await relayedBy(mesh, bob, dave, carol);
  const hops = alice.node.sessions().find(({ id }) => id === idOf(dave))?.hops;
  assertEquals(hops, 3);
  const conversation = new Conversation(mesh, alice, dave);
  await conversation.flow(2_000);
  await conversation.settle();
  await mesh.clock.advance(60_000);
  assert(mesh.isComplete());
});

Deno.test("a longer chain ends complete, too", async () => {
  await using mesh = new MemoryMesh();
  const pairs = [1, 2, 3, 4, 5, 6, 7].map((a) => [a, a + 1] as const);
  onlyReachable(mesh, 8, pairs);
  for (let index = 0; index < 8; index++) {
    await mesh.start(mesh.members.slice(-1));
  }
  await mesh.complete(mesh.members, 60_000);
  const conversation = new Conversation(
    mesh,
    mesh.members[0]!,
    mesh.members[7]!,
  );
  await conversation.flow(1_000);
  await conversation.settle();
});

Deno.test("members of a closed mesh with a secret are relayed as others are", async () => {
  await using mesh = new MemoryMesh();
  onlyReachable(mesh, 3, [[1, 2], [1, 3]]);
  const secret = "a secret of sixteen characters or more";
  const options = { admission: "closed", secret } as const;
  const alice = await mesh.start([], options);
  const bob = await mesh.start([alice], options);
  const carol = await mesh.start([alice], options);
  for (const guest of [bob, carol]) {
    alice.node.admission.allow(idOf(guest));
    guest.node.admission.allow(idOf(alice));
  }
  // Bob and carol have each other by alice's attestation alone.
  await mesh.complete(mesh.members, 20_000);
  await relayedBy(mesh, bob, carol, alice);
  const conversation = new Conversation(mesh, bob, carol);
  await conversation.flow(1_000);
  await conversation.settle();
});

Deno.test("a node that restarts behind a relay is in session again, with all that was sent to it", async () => {
  await using mesh = new MemoryMesh();
  onlyReachable(mesh, 4, [[1, 2], [1, 3], [1, 4], [2, 4]]);
  const alice = await mesh.start();
  const bob = await mesh.start([alice]);
  const identity = await Identity.generate({ ephemeral: false });
  const carol = await mesh.start([alice], { identity });
  await mesh.complete();
  await relayedBy(mesh, bob, carol, alice);
  mesh.network.crash(carol.host);
  const crashed = carol.node.close({ abrupt: true });
  await mesh.clock.advance(500);
  await crashed;
  const texts: string[] = [];
  void bob.node.send(idOf(carol), "while it was away");
  const again = await mesh.start([alice], {
    identity,
    host: carol.host,
    transport: mesh.network.transport(carol.host),
  });
  void again.node.consume((it) => void texts.push(it.text()));
  await mesh.clock.runUntil(() => texts.length > 0, { limitMs: 20_000 });
  assertEquals(texts, ["while it was away"]);
  assertEquals(viaOf(bob, again), idOf(alice));
  mesh.members.splice(mesh.members.indexOf(carol), 1);
});

for (const opens of [true, false]) {
  const who = opens ? "the end that has dialed" : "the end that was dialed";
  Deno.test(`a way that opens only for ${who} the relayed session makes it a direct one`, async () => {
    await using mesh = new MemoryMesh();
    const { bob, carol } = await relayedPair(mesh);
    const hasDialed = bob.node.sessions()
      .find(({ id }) => id === idOf(carol))?.direction === "outbound";
    const [from, to] = hasDialed === opens ? [bob, carol] : [carol, bob];
    mesh.network.reachable(from.host, to.host);
    mesh.network.unreachable(to.host, from.host, { oneWay: true });
    const isDirect = () => viaOf(from, to) === "direct" && mesh.isComplete();
    await mesh.clock.runUntil(isDirect, { limitMs: 120_000 });
  });
}
