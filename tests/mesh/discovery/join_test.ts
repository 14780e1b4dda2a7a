// How nodes find each other and come and go, over real TLS on this machine.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { VerackError } from "../../../src/core/errors.ts";
import { Identity } from "../../../src/identity/identity.ts";
import { Node } from "../../../src/mesh/node.ts";
import { tlsTransport } from "../../../src/transport/tls.ts";
import type { Transport } from "../../../src/transport/transport.ts";
import { parseInvite } from "../../../src/identity/invite.ts";
import { parseAddress } from "../../../src/transport/address.ts";
import { identities } from "../../helpers/identities.ts";
import { hasIpv6 } from "../../helpers/ipv6.ts";
import { EventLog, Mesh, startMesh } from "../../helpers/nodes.ts";
import { until } from "../../helpers/until.ts";

Deno.test("a node that joins through one member is connected to all", async () => {
  const [a, b, c] = await identities(3);
  await using alice = await Node.start({ identity: a! });
  await using bob = await Node.start({
    identity: b!,
    connect: [alice.address],
  });
  await using carol = await Node.start({
    identity: c!,
    connect: [bob.address],
  });
  const log = new EventLog(carol);
  await new Mesh([alice, bob, carol]).complete();
  const ups = log.of("peer:up");
  assertEquals(
    ups.map(({ id, address, trust }) => [id, address, trust]),
    [
      // Whoever answers at an address a person gave is not verified,
      [bob.identity.id, bob.address, "first-use"],
      // whom a member introduced is who the member says.
      [alice.identity.id, alice.address, "known"],
    ],
  );
  assertEquals(log.of("mesh").at(-1), {
    type: "mesh",
    nodes: 3,
    sessions: 2,
    missing: [],
  });
});

Deno.test("a joining node dials no peer twice", async () => {
  await using mesh = await startMesh(6);
  const dialed: string[] = [];
  const counting = counted(dialed);
  const identity = await Identity.generate();
  await using joiner = await Node.start({
    identity,
    connect: [mesh.nodes[0]!.address],
    transport: counting,
  });
  await new Mesh([...mesh.nodes, joiner]).complete();
  assertEquals(dialed.length, new Set(dialed).size, dialed.join());
  const members = mesh.nodes.map((node) => node.address);
  assert(dialed.every((address) => members.includes(address)), dialed.join());
});

Deno.test("30 nodes that start at the same moment, all through one address, end fully connected", async () => {
  const ids = await identities(30);
  const first = await Node.start({ identity: ids[0]! });
  const rest = await Promise.all(
    ids.slice(1).map((identity) =>
      Node.start({ identity, connect: [first.address] })
    ),
  );
  await using mesh = new Mesh([first, ...rest]);
  await mesh.complete();
});

Deno.test("two nodes that join at the same time through different members meet", async () => {
  await using mesh = await startMesh(3);
  const [, one, two] = mesh.nodes;
  const joined = await Promise.all(
    [one!, two!].map(async (member) =>
      Node.start({
        identity: await Identity.generate(),
        connect: [member.address],
      })
    ),
  );
  mesh.nodes.push(...joined);
  await mesh.complete();
});

Deno.test("a node that says bye has left, one that breaks off is lost", async () => {
  const mesh = await startMesh(3);
  const [alice, bob, carol] = mesh.nodes;
  const log = new EventLog(alice!);
  await bob!.close();
  await until("bob gone", () => log.of("peer:down").length === 1);
  assertEquals(log.of("peer:down")[0], {
    type: "peer:down",
    id: bob!.identity.id,
    reason: "Peer said bye: leaving",
    left: true,
  });
  await carol!.close({ abrupt: true });
  await until("carol gone", () => log.of("peer:down").length === 2);
  assertEquals(log.of("peer:down")[1]?.id, carol!.identity.id);
  assertEquals(log.of("peer:down")[1]?.left, false);
  assertEquals(log.of("mesh").at(-1), {
    type: "mesh",
    nodes: 1,
    sessions: 0,
    missing: [],
  });
  await alice!.close();
  await log.ended;
  assertEquals(log.events.at(-1)?.type, "stopped");
});

Deno.test("a peer that comes back at the same address is dialed and recognised", async () => {
  await using mesh = await startMesh(2);
  const [alice, bob] = mesh.nodes;
  const log = new EventLog(alice!);
  const port = Number(bob!.address.split(":")[1]);
  await bob!.close({ abrupt: true });
  await until("bob gone", () => log.of("peer:down").length === 1);
  // It knows nobody: alice finds it.
  mesh.nodes[1] = await Node.start({ identity: bob!.identity, port });
  await mesh.complete();
  assertEquals(log.of("peer:up").map((event) => event.trust), [
    "first-use",
    "known",
  ]);
});

Deno.test("a peer that comes back at another address is recognised", async () => {
  await using mesh = await startMesh(3);
  const [alice, bob, carol] = mesh.nodes;
  const log = new EventLog(carol!);
  await bob!.close({ abrupt: true });
  await until("bob gone", () => log.of("peer:down").length === 1);
  mesh.nodes[1] = await Node.start({
    identity: bob!.identity,
    connect: [alice!.address],
  });
  await mesh.complete();
  const up = log.of("peer:up").at(-1);
  assertEquals(up?.id, bob!.identity.id);
  assertEquals(up?.trust, "known");
});

Deno.test("a restarted node without a key of its own locks no peer out", async () => {
  const alice = await Node.start();
  const port = Number(alice.address.split(":")[1]);
  await using bob = await Node.start({ connect: [alice.address] });
  const log = new EventLog(bob);
  await until("connected", () => log.of("peer:up").length === 1);
  let running = alice;
  for (const abrupt of [true, false]) {
    const seen = log.of("peer:up").length;
    await running.close({ abrupt });
    await until("gone", () => log.of("peer:down").length === seen);
    running = await Node.start({ port });
    await until("back", () => log.of("peer:up").length === seen + 1);
  }
  assertEquals(log.of("refused"), []);
  // Nor can another node take its place unnoticed.
  const ups = log.of("peer:up").map(({ id }) => id);
  assertEquals(
    log.of("replaced"),
    ups.slice(1).map((id, index) => ({
      type: "replaced",
      address: alice.address,
      former: ups[index]!,
      id,
    })),
  );
  await running.close();
});

Deno.test("an address that does not answer is said once and tried on", async () => {
  const probe = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = probe.addr;
  probe.close();
  await using bob = await Node.start({ connect: [`127.0.0.1:${port}`] });
  const log = new EventLog(bob);
  await until("said", () => log.of("unreachable").length === 1);
  await using _alice = await Node.start({ port });
  await until("connected", () => log.of("peer:up").length === 1);
  assertEquals(log.of("unreachable").length, 1);
});

Deno.test("nodes of different networks never meet", async () => {
  await using alice = await Node.start({ network: "one" });
  const log = new EventLog(alice);
  await using bob = await Node.start({
    network: "two",
    connect: [alice.address],
  });
  const said = new EventLog(bob);
  await until(
    "refused at both ends",
    () => log.of("refused").length > 0 && said.of("refused").length > 0,
  );
  assertEquals(alice.peers(), []);
  assertEquals(bob.peers(), []);
});

Deno.test("IPv6 and DNS names work throughout", async (t) => {
  for (const [host, name] of [["::1", "[::1]"], ["127.0.0.1", "localhost"]]) {
    await t.step(name!, async () => {
      await using alice = await Node.start({ host: host! });
      const port = alice.address.split(":").at(-1);
      await using bob = await Node.start({
        host: host!,
        connect: [`${name}:${port}`],
      });
      await using carol = await Node.start({
        host: host!,
        connect: [bob.address],
      });
      await new Mesh([alice, bob, carol]).complete();
    });
  }
});

Deno.test("what a node advertises is what others are told", async () => {
  await using alice = await Node.start();
  const port = Number(alice.address.split(":")[1]);
  await using bob = await Node.start({
    advertise: `localhost:${port}`,
    connect: [alice.address],
  });
  await until(
    "connected",
    () => alice.sessions().length === 1 && bob.sessions().length === 1,
  );
  assertEquals(alice.peers()[0]?.addresses, [`localhost:${port}`]);
  assert(bob.peers()[0]?.connected);
});

Deno.test("a node that advertises several addresses is told of by all of them, the best first", async () => {
  await using alice = await Node.start();
  const port = Number(alice.address.split(":")[1]) - 1;
  const advertise = [2, 3, 4, 1].map((host) => `127.0.0.${host}:${port}`);
  await using bob = await Node.start({ advertise, connect: [alice.address] });
  await until("connected", () => alice.peers()[0]?.connected === true);
  assertEquals(alice.peers()[0]?.addresses, advertise);
  assertEquals(bob.status().advertise, advertise);
  assertEquals(
    parseInvite(bob.admission.invite()).address,
    parseAddress(advertise[0]!),
  );
  const other = "bob.example:9";
  assertEquals(
    parseInvite(bob.admission.invite({ address: other })).address,
    parseAddress(other),
  );
});

Deno.test("a node that listens on several addresses is met at each of them", async () => {
  const host = ["127.0.0.1", "127.0.0.2", ...(hasIpv6() ? ["::1"] : [])];
  await using alice = await Node.start({ host });
  assertEquals(alice.addresses.length, host.length);
  assertEquals(alice.status().addresses, alice.addresses);
  assertEquals(alice.address, alice.addresses[0]);
  for (const address of alice.addresses) {
    await using bob = await Node.start({ connect: [address] });
    await bob.joined();
    assertEquals(bob.peers()[0]?.addresses[0], address);
  }
});

Deno.test("start() refuses more addresses than an entry carries, and none to listen on", async () => {
  const advertise = [1, 2, 3, 4, 5].map((port) => `a.example:${port}`);
  await assertRejects(
    () => Node.start({ advertise }),
    RangeError,
    "advertise has 5 addresses, must have at most 4",
  );
  await assertRejects(
    () => Node.start({ advertise: ["a.example:1", "[::]:8080"] }),
    SyntaxError,
    "Cannot advertise [::]:8080: that is every address of a machine, must be one that others can dial",
  );
  for (const name of ["listen", "discover"]) {
    await assertRejects(
      () => Node.start({ [name]: "no" }),
      TypeError,
      `Cannot start node: ${name} is a string, must be true or false`,
    );
  }
  await assertRejects(
    () => Node.start({ host: [] }),
    RangeError,
    "host has 0 addresses, must have 1 to 16",
  );
});

Deno.test("ping() reaches all connected peers, and is bounded", async () => {
  await using mesh = await startMesh(4);
  const logs = mesh.nodes.map((node) => new EventLog(node));
  for (const [i, node] of mesh.nodes.entries()) {
    assertEquals(node.ping(`from ${i}`), 3);
  }
  await until("all heard", () => logs.every((l) => l.of("ping").length === 3));
  for (const [i, log] of logs.entries()) {
    assertEquals(
      log.of("ping").map(({ text, id }) => [text, id]).sort(),
      mesh.nodes.flatMap((node, j) =>
        i === j ? [] : [[`from ${j}`, node.identity.id]]
      ).sort(),
    );
  }
  const tooLong = await assertRejects(
    () => Promise.resolve().then(() => mesh.nodes[0]!.ping("x".repeat(257))),
    RangeError,
  );
  assert(tooLong.message.includes("257"));
});

Deno.test("close() is idempotent, ends the events and frees the port", async () => {
  const alice = await Node.start();
  const log = new EventLog(alice);
  await Promise.all([alice.close(), alice.close()]);
  await log.ended;
  assertEquals(log.events.at(-1), { type: "stopped" });
  const port = Number(alice.address.split(":")[1]);
  await using _again = await Node.start({ port });
  const late = await Array.fromAsync(alice.events());
  assertEquals(late, []);
});

Deno.test("Node.start() on a port in use fails and says so", async () => {
  await using alice = await Node.start();
  const port = Number(alice.address.split(":")[1]);
  const error = await assertRejects(() => Node.start({ port }), VerackError);
  assertEquals(error.code, "address-in-use");
  assert(error.message.includes(`127.0.0.1:${port}`));
});

/** TLS that notes every address that is dialed for a session. */
function counted(dialed: string[]): Transport {
  const tls = tlsTransport();
  return {
    ...tls,
    dial(address, options) {
      dialed.push(`${address.host}:${address.port}`);
      return tls.dial(address, options);
    },
  };
}
