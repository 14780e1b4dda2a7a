// Node.joined(): when a node is in its mesh, and what is said when it is not.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type ErrorCode, VerackError } from "../../../src/core/errors.ts";
import { JOIN_TIMEOUT_MS } from "../../../src/mesh/discovery/discovery_limits.ts";
import { MemoryStore } from "../../../src/mesh/peers/memory_store.ts";
import { Node } from "../../../src/mesh/node.ts";
import { startMesh } from "../../helpers/nodes.ts";
import { MemoryMesh } from "../../helpers/memory_mesh.ts";

const NOBODY = "1".repeat(64);

/** A port of 127.0.0.1 that nobody listens on. */
function deadAddress(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `127.0.0.1:${listener.addr.port}`;
}

async function fails(
  node: Node,
  code: ErrorCode,
  options?: Parameters<Node["joined"]>[0],
): Promise<string> {
  const error = await assertRejects(() => node.joined(options), VerackError);
  assertEquals(error.code, code, error.message);
  assert(error.message.startsWith("Cannot join: "), error.message);
  return error.message;
}

function has(text: string, part: string): void {
  assert(text.includes(part), `"${part}" is not in "${text}"`);
}

Deno.test("joined() resolves when all members are connected, and a broadcast reaches them at once", async () => {
  await using mesh = await startMesh(5);
  await using newcomer = await Node.start({
    connect: [mesh.nodes[2]!.address],
  });
  await newcomer.joined();
  assertEquals(newcomer.sessions().length, 5);
  assertEquals(newcomer.status().mesh.nodes, 6);
  await newcomer.joined({ timeoutMs: 0 }); // and it stays so
});

Deno.test("joined() resolves at once for the first node of a mesh", async () => {
  await using node = await Node.start();
  await node.joined({ timeoutMs: 0 });
});

Deno.test("joined() of a guest by invite resolves when the whole closed mesh is there", async () => {
  await using host = await Node.start({ admission: "closed" });
  await using first = await Node.start({ invite: host.admission.invite() });
  await first.joined();
  await using second = await Node.start({ invite: host.admission.invite() });
  await second.joined();
  assertEquals(second.sessions().length, 2);
});

Deno.test("joined() resolves through one address though the others are dead", async () => {
  await using alice = await Node.start();
  await using other = await Node.start();
  await using bob = await Node.start({
    connect: [deadAddress(), alice.address, `${NOBODY}@${other.address}`],
  });
  await bob.joined();
  assertEquals(bob.sessions().map(({ id }) => id), [
    alice.identity.id,
  ]);
});

Deno.test("joined() waits for a member that starts later", async () => {
  const address = deadAddress();
  await using bob = await Node.start({ connect: [address] });
  const joined = bob.joined();
  await fails(bob, "timeout", { timeoutMs: 50 });
  await using _alice = await Node.start({
    port: Number(address.split(":")[1]),
  });
  await joined;
  assertEquals(bob.sessions().length, 1);
});

Deno.test("joined() rejects after its time with what is wrong at each address", async () => {
  const [one, two] = [deadAddress(), deadAddress()];
  await using node = await Node.start({ connect: [one, two] });
  const message = await fails(node, "timeout", { timeoutMs: 300 });
  has(message, "took longer than 300 ms");
  has(message, `Cannot dial ${one}: nothing listens there`);
  has(message, `Cannot dial ${two}: nothing listens there`);
});

Deno.test("joined() waits 30 s unless told", async () => {
  await using mesh = new MemoryMesh();
  const first = await mesh.start();
  const { node } = await mesh.start([], { connect: ["10.0.0.99:8080"] });
  let error: unknown;
  node.joined().catch((reason) => error = reason);
  await mesh.clock.advance(JOIN_TIMEOUT_MS - 100);
  assertEquals(error, undefined);
  await mesh.clock.advance(200);
  assert(error instanceof VerackError && error.code === "timeout");
  await first.node.joined();
});

Deno.test("joined() rejects at once when another identity is at the only address", async () => {
  await using alice = await Node.start();
  await using bob = await Node.start({
    connect: [`${NOBODY}@${alice.address}`],
  });
  const message = await fails(bob, "wrong-identity");
  has(message, alice.identity.id);
  has(message, NOBODY);
});

Deno.test("joined() rejects at once when the address is of another network", async () => {
  await using alice = await Node.start();
  await using bob = await Node.start({
    network: "other",
    connect: [alice.address],
  });
  const message = await fails(bob, "bad-magic");
  has(message, alice.address);
  has(message, 'in network "main", this node in "other"');
});

Deno.test("joined() rejects at once when the address is not a verack node's", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("hello"),
  );
  const address = `127.0.0.1:${server.addr.port}`;
  await using node = await Node.start({ connect: [address] });
  has(await fails(node, "tls"), "does not speak TLS but HTTP");
});

Deno.test("joined() rejects when a closed mesh does not admit the node, and resolves once it does", async () => {
  await using alice = await Node.start({ admission: "closed" });
  await using bob = await Node.start({ connect: [alice.address] });
  has(await fails(bob, "not-admitted"), alice.address);
  const joined = bob.joined();
  await alice.admission.allow(bob.identity.id);
  // It is told of each attempt, and one may have been under way.
  await joined.catch(() => bob.joined());
  assertEquals(bob.sessions().length, 1);
});

Deno.test("joined() goes on while one of the addresses may still answer", async () => {
  await using alice = await Node.start();
  await using bob = await Node.start({
    connect: [`${NOBODY}@${alice.address}`, deadAddress()],
  });
  const message = await fails(bob, "timeout", { timeoutMs: 500 });
  has(message, "it is " + alice.identity.id);
  has(message, "nothing listens there");
});

Deno.test("joined() rejects when its signal aborts, and the node goes on", async () => {
  const address = deadAddress();
  await using bob = await Node.start({ connect: [address] });
  const controller = new AbortController();
  const { signal } = controller;
  const aborted = fails(bob, "aborted", { signal });
  controller.abort();
  await aborted;
  await fails(bob, "aborted", { signal });
  await using _alice = await Node.start({
    port: Number(address.split(":")[1]),
  });
  await bob.joined();
});

Deno.test("joined() rejects when the node closes meanwhile, and after it has closed", async () => {
  const node = await Node.start({ connect: [deadAddress()] });
  const stopped = fails(node, "stopped");
  await node.close();
  await stopped;
  await fails(node, "stopped");
});

Deno.test("joined() refuses a time that is none", async () => {
  await using node = await Node.start();
  for (const timeoutMs of [-1, NaN]) {
    await assertRejects(() => node.joined({ timeoutMs }), RangeError);
  }
});

Deno.test("joined() of a node that remembers peers resolves when each was tried, though all are away", async () => {
  await using mesh = new MemoryMesh();
  const alice = await mesh.start();
  const store = new MemoryStore();
  const bob = await mesh.start([alice], { store });
  await mesh.complete();
  await bob.node.close({ abrupt: true });
  await alice.node.close({ abrupt: true });
  const again = await mesh.start([], { store });
  let joined = false;
  const joining = again.node.joined().then(() => joined = true);
  assert(!joined);
  await mesh.clock.runUntil(() => joined, { limitMs: 20_000 });
  await joining;
  assertEquals(again.node.sessions(), []);
});

Deno.test("joined() is not held up for long by a member that no other can reach", async () => {
  await using mesh = new MemoryMesh();
  const alice = await mesh.start();
  const bob = await mesh.start([alice]);
  await mesh.complete();
  // Packets between bob and the newcomer are lost: dials hang for ten seconds.
  mesh.network.cut("10.0.0.2", "10.0.0.3");
  const carol = await mesh.start([alice]);
  let joined = false;
  carol.node.joined().then(() => joined = true);
  await mesh.clock.runUntil(() => joined, { limitMs: 4_500 });
  assertEquals(
    carol.node.sessions().map(({ id }) => id),
    [alice.node.identity.id],
  );
  assert(bob.node.sessions().length === 1);
});
