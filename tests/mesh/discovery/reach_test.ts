/** Nodes find out by themselves whether others can dial them, and are dialed accordingly. */
import { assert, assertEquals } from "@std/assert";
import {
  REACH_DELAY_MS,
  REACH_PAUSE_MS,
  REACH_RETRY_MS,
} from "../../../src/mesh/discovery/discovery_limits.ts";
import { RECONNECT_UNREACHABLE_MS } from "../../../src/mesh/mesh_limits.ts";
import { type Member, MemoryMesh } from "../../helpers/memory_mesh.ts";

/** Without relays each pair must find its own way. */
const DIRECT = { relay: false };

const FIRST_ROUND_MS = REACH_DELAY_MS + 1_000;

function ids(members: readonly Member[]): string[] {
  return members.map(({ node }) => node.identity.id).sort();
}

function reachOf({ node }: Member) {
  return node.status().reach;
}

/** Others cannot dial a member from now on; it dials them as before. */
function shut(mesh: MemoryMesh, to: Member, members = mesh.members): void {
  for (const from of members) {
    if (from !== to) {
      mesh.network.unreachable(from.host, to.host, { oneWay: true });
    }
  }
}

function opened(mesh: MemoryMesh, to: Member): void {
  for (const from of mesh.members) mesh.network.reachable(from.host, to.host);
}

async function threeAndOne(seed: number): Promise<[MemoryMesh, Member]> {
  const mesh = new MemoryMesh(seed);
  const alice = await mesh.start([], DIRECT);
  await mesh.start([alice], DIRECT);
  await mesh.start([alice], DIRECT);
  const host = `10.0.0.${mesh.members.length + 1}`;
  for (const { host: from } of mesh.members) {
    mesh.network.unreachable(from, host, { oneWay: true });
  }
  const dave = await mesh.start([alice], DIRECT);
  await mesh.complete();
  return [mesh, dave];
}

Deno.test("a member that a peer has dialed is reachable, and names that peer", async () => {
  await using mesh = new MemoryMesh(3);
  const alice = await mesh.start();
  const bob = await mesh.start([alice]);
  await mesh.complete();
  const { listening, reachable, peers } = reachOf(alice);
  assertEquals([listening, reachable], [true, true]);
  assertEquals(peers.map(({ id, reached }) => [id, reached]), [
    [bob.node.identity.id, true],
  ]);
  // The other one asks whether it is.
  assertEquals(reachOf(bob), { listening: true, peers: [] });
  await mesh.clock.advance(FIRST_ROUND_MS);
  assertEquals(reachOf(bob).reachable, true);
  assertEquals(bob.log.of("reach"), []);
});

Deno.test("that a peer near has dialed a member does not show that those far away can", async () => {
  await using mesh = new MemoryMesh(3);
  const far = "8.8.8.8";
  const outside = await mesh.start([], {
    ...DIRECT,
    host: far,
    transport: mesh.network.transport(far),
  });
  mesh.network.unreachable(far, "10.0.0.2", { oneWay: true });
  const join = { ...DIRECT, connect: [`${far}:8080`] };
  const alice = await mesh.start([], join);
  const bob = await mesh.start([], {
    ...DIRECT,
    connect: [`${far}:8080`, "10.0.0.2:8080"],
  });
  await mesh.complete([outside, alice, bob]);
  assertEquals(reachOf(alice).reachable, undefined);
  await mesh.clock.advance(FIRST_ROUND_MS);
  assert(
    reachOf(alice).peers.some(({ id, reached }) =>
      id === outside.node.identity.id && !reached
    ),
  );
});

Deno.test("a member that none can dial finds that out, says so, and is dialed seldom", async () => {
  const [mesh, dave] = await threeAndOne(4);
  await using _ = mesh;
  const others = mesh.members.filter((it) => it !== dave);
  await mesh.clock.runUntil(() => reachOf(dave).reachable === false, {
    limitMs: FIRST_ROUND_MS + 1_000,
  });
  // Those that were not connected by then are asked in another round.
  await mesh.clock.runUntil(() => reachOf(dave).peers.length === 3, {
    limitMs: REACH_PAUSE_MS + FIRST_ROUND_MS,
  });
  assertEquals(reachOf(dave).peers.map(({ id }) => id).sort(), ids(others));
  assertEquals(
    dave.log.of("reach").map(({ reachable }) => reachable),
    [false],
  );
  // None of it is a fault of the node.
  assertEquals(dave.node.status().health, []);
  // It is lost, and cannot dial either: the others try once in a while.
  await mesh.clock.advance(10_000);
  mesh.network.halfOpen(dave.host);
  await mesh.clock.runUntil(
    () => others.every(({ node }) => node.sessions().length === 2),
    { limitMs: 10_000 },
  );
  const dials = () =>
    others.map(({ node }) => node.status().counters.dialsAttempted);
  await mesh.clock.advance(30_000);
  const before = dials();
  await mesh.clock.advance(RECONNECT_UNREACHABLE_MS);
  dials().forEach((count, at) => assert(count - before[at]! <= 2, `${count}`));
  mesh.network.heal();
  await mesh.complete(mesh.members, 61_000);
});

Deno.test("when its port is opened it is known as reachable within two rounds, and dialed again at once", async () => {
  const [mesh, dave] = await threeAndOne(5);
  await using _ = mesh;
  await mesh.clock.runUntil(() => reachOf(dave).reachable === false, {
    limitMs: FIRST_ROUND_MS + 1_000,
  });
  opened(mesh, dave);
  await mesh.clock.runUntil(() => reachOf(dave).reachable === true, {
    limitMs: 3 * REACH_RETRY_MS + 1_000,
  });
  assertEquals(
    dave.log.of("reach").map(({ reachable }) => reachable),
    [false, true],
  );
});

Deno.test("a port that is closed later is noticed in the next round", async () => {
  await using mesh = new MemoryMesh(6);
  const alice = await mesh.start();
  for (let i = 0; i < 3; i++) await mesh.start([alice]);
  await mesh.complete();
  const dave = mesh.members[3]!;
  await mesh.clock.advance(FIRST_ROUND_MS);
  assertEquals(reachOf(dave).reachable, true);
  shut(mesh, dave);
  await mesh.clock.runUntil(() => reachOf(dave).reachable === false, {
    limitMs: 2.5 * 60 * 60 * 1_000,
  });
});

Deno.test("a member that advertises another port than its own is unreachable there", async () => {
  await using mesh = new MemoryMesh(7);
  const alice = await mesh.start([], DIRECT);
  const bob = await mesh.start([alice], DIRECT);
  const carol = await mesh.start([alice], {
    advertise: "10.0.0.3:9999",
    ...DIRECT,
  });
  await mesh.complete();
  await mesh.clock.runUntil(() => reachOf(carol).reachable === false, {
    limitMs: FIRST_ROUND_MS + 1_000,
  });
  // One that came later is asked in another round.
  await mesh.clock.runUntil(() => reachOf(carol).peers.length === 2, {
    limitMs: REACH_PAUSE_MS + FIRST_ROUND_MS,
  });
  assertEquals(
    reachOf(carol).peers.map(({ id }) => id).sort(),
    ids([alice, bob]),
  );
});

Deno.test("a member that does not listen says so, and asks none", async () => {
  await using mesh = new MemoryMesh(8);
  const alice = await mesh.start([], DIRECT);
  const bob = await mesh.start([alice], { listen: false });
  await mesh.complete();
  await mesh.clock.advance(FIRST_ROUND_MS);
  const expected = { listening: false, reachable: false, peers: [] };
  assertEquals(reachOf(bob), expected);
  assertEquals(alice.node.peer(bob.node.identity.id)?.connected, true);
});
