/** Members that accept no connections: they dial all the others, and are full members. */
import { assertEquals, assertRejects } from "@std/assert";
import { assertFails } from "../../helpers/assert_fails.ts";
import { Node } from "../../../src/mesh/node.ts";
import type { NodeOptions } from "../../../src/mesh/options.ts";
import type { Transport } from "../../../src/transport/transport.ts";
import { type Member, MemoryMesh } from "../../helpers/memory_mesh.ts";

/** Without relays each pair must find its own way. */
const DIRECT = { relay: false };

/** Starts a member that does not listen. */
async function startSilent(
  mesh: MemoryMesh,
  connect: readonly Member[],
  options: NodeOptions = DIRECT,
): Promise<Member> {
  const host = `10.0.0.${mesh.members.length + 1}`;
  const transport: Transport = {
    ...mesh.network.transport(host),
    listen: () => Promise.reject(new Error("must not listen")),
  };
  return await mesh.start(connect, { listen: false, transport, ...options });
}

function byId(member: Member, other: Member) {
  return member.node.peer(other.node.identity.id);
}

Deno.test("a member that does not listen has sessions with all members, also with those that come after it", async () => {
  await using mesh = new MemoryMesh(7);
  const alice = await mesh.start([], DIRECT);
  const bob = await mesh.start([alice], DIRECT);
  const carol = await startSilent(mesh, [alice]);
  await mesh.complete();
  assertEquals(carol.node.address, "");
  assertEquals(carol.node.status().address, undefined);
  const dave = await mesh.start([bob], DIRECT);
  await mesh.complete(mesh.members, 4_000);
  for (const other of [alice, bob, dave]) {
    assertEquals(byId(other, carol)?.addresses, []);
    const [session] = carol.node.sessions().filter(({ id }) =>
      id === other.node.identity.id
    );
    assertEquals(session?.direction, "outbound");
  }
  const { log } = carol;
  assertEquals(log.of("listening"), [
    { type: "listening", id: carol.node.identity.id, addresses: [] },
  ]);
});

Deno.test("it is back by itself when its sessions are lost, and others dial it never", async () => {
  await using mesh = new MemoryMesh(8);
  const alice = await mesh.start([], DIRECT);
  const bob = await mesh.start([alice], DIRECT);
  const carol = await startSilent(mesh, [alice]);
  await mesh.complete();
  const dials = () =>
    [alice, bob].map(({ node }) => node.status().counters.dialsAttempted);
  const before = dials();
  for (const { host } of [alice, bob]) mesh.network.breakLink(host, carol.host);
  await mesh.clock.runUntil(() => !mesh.isComplete(), { limitMs: 1_000 });
  await mesh.complete(mesh.members, 15_000);
  await mesh.clock.advance(60_000);
  assertEquals(dials(), before);
});

Deno.test("two members that do not listen are named as unreachable by all, and by no other pair", async () => {
  await using mesh = new MemoryMesh(9);
  const alice = await mesh.start([], DIRECT);
  const carol = await startSilent(mesh, [alice]);
  const dave = await startSilent(mesh, [alice]);
  const pair = [carol, dave].map(({ node }) => node.identity.id).sort().join();
  await mesh.clock.runUntil(
    () => mesh.members.every(({ node }) => node.unreachable().join() === pair),
    { limitMs: 15_000 },
  );
  assertEquals(byId(carol, dave)?.addresses, []);
  assertEquals(byId(carol, dave)?.connected, false);
});

Deno.test("where a third member relays, two members that do not listen have a session all the same", async () => {
  await using mesh = new MemoryMesh(11);
  const alice = await mesh.start();
  const carol = await startSilent(mesh, [alice], {});
  const dave = await startSilent(mesh, [alice], {});
  await mesh.complete();
  const [relayed] = carol.node.sessions().filter(({ id }) =>
    id === dave.node.identity.id
  );
  assertEquals(relayed?.via, alice.node.identity.id);
  await mesh.clock.advance(60_000);
  assertEquals(mesh.isComplete(), true);
  assertEquals(alice.node.unreachable(), []);
});

Deno.test("an invite of a node that does not listen is refused, and says where to make one", async () => {
  await using mesh = new MemoryMesh(10);
  const alice = await startSilent(mesh, []);
  for (const options of [{}, { address: "192.0.2.1:8080" }]) {
    const error = await assertFails(
      () => Promise.resolve().then(() => alice.node.admission.invite(options)),
      "no-listener",
    );
    assertEquals(
      error.message,
      "Cannot invite: this node does not listen, so that no guest can connect to it; make the invite at a member that listens",
    );
  }
});

Deno.test("start() refuses what only a listener has with listen: false", async () => {
  for (
    const [name, value] of [
      ["host", "127.0.0.1"],
      ["port", 0],
      ["advertise", "192.0.2.1:8080"],
    ] as const
  ) {
    await assertRejects(
      () => Node.start({ listen: false, [name]: value }),
      TypeError,
      `Cannot start node: listen is false and ${name} is ${
        JSON.stringify(value)
      }, must be one or the other`,
    );
  }
});
