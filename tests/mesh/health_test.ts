// What is wrong with a node is said once, shown while it lasts, and its end said once.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Identity } from "../../src/identity/identity.ts";
import { ALARM_QUIET_MS } from "../../src/mesh/mesh_limits.ts";
import { MAX_PENDING_PER_ADDRESS } from "../../src/mesh/sessions/connection_limits.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import { Node } from "../../src/mesh/node.ts";
import type { Address } from "../../src/transport/address.ts";
import { MemoryMesh } from "../helpers/memory_mesh.ts";
import { EventLog } from "../helpers/nodes.ts";
import { until } from "../helpers/until.ts";

function codes(node: Node): string[] {
  return node.status().health.map(({ code }) => code);
}

Deno.test("a copied key is one alarm at each member and at both processes, and one end, however often it is tried", async () => {
  await using mesh = new MemoryMesh();
  const third = await mesh.start();
  const fourth = await mesh.start([third]);
  const first = await mesh.start([third]);
  await mesh.complete();
  const { identity } = first.node;
  const second = await mesh.start([third, fourth], { identity });
  await mesh.clock.advance(5 * 60_000);

  const members = [third, fourth];
  for (const { node, log } of members) {
    assertEquals(log.of("refused").map(({ actual }) => actual), [identity.id]);
    assertEquals(codes(node), ["key-in-use"]);
    assertStringIncludes(node.status().health[0]!.message, "another process");
  }
  for (const { node, log } of [first, second]) {
    assertEquals(log.of("refused").length, 1);
    assertEquals(codes(node), ["key-in-use"]);
  }
  // It began with the first attempt, and no end was said meanwhile.
  const { since } = third.node.status().health[0]!;
  assert(mesh.clock.now() - since.getTime() > 4 * 60_000);
  const all = [...members, first];
  for (const { log } of all) assertEquals(log.of("resolved"), []);

  const closing = second.node.close();
  await mesh.clock.advance(ALARM_QUIET_MS + 5_000);
  await closing;
  for (const { node, log } of all) {
    assertEquals(codes(node), []);
    assertEquals(log.of("refused").length, 1);
    assertEquals(log.of("resolved").map(({ code }) => code), ["key-in-use"]);
  }
});

Deno.test("an address that shows now one wrong identity and now another alarms once of each", async () => {
  await using mesh = new MemoryMesh();
  const wanted = await Identity.generate();
  const [a, b] = [await mesh.start(), await mesh.start()];
  let shown = a.host;
  const { network } = mesh;
  const transport = network.transport("10.0.0.9");
  const dialed = () => ({ host: shown, port: 8080 });
  const node = await mesh.start([], {
    host: "10.0.0.9",
    connect: [`${wanted.id}@10.0.0.8:8080`],
    transport: {
      ...transport,
      listen: transport.listen.bind(transport),
      dial: (_, options) => transport.dial(dialed(), options),
      fetchCertificate: (_, options) =>
        transport.fetchCertificate(dialed(), options),
    },
  });
  for (let turn = 0; turn < 6; turn++) {
    await mesh.clock.advance(90_000);
    assertEquals(codes(node.node), ["wrong-identity"]);
    shown = shown === a.host ? b.host : a.host;
  }
  assertEquals(
    node.log.of("refused").map(({ actual }) => actual).sort(),
    [a, b].map((it) => it.node.identity.id).sort(),
  );
});

Deno.test("a seed that refuses is told and shown until it answers", async () => {
  await using host = await Node.start({ admission: "closed" });
  await using guest = await Node.start({ connect: [host.address] });
  const log = new EventLog(guest);
  await until("a refusal", () => codes(guest).includes("not-admitted"));
  assertStringIncludes(guest.status().health[0]!.message, "admitted");
  host.admission.allow(guest.identity.id);
  await until("a session", () => guest.sessions().length === 1);
  await until("the end", () => log.of("resolved").length === 1);
  assertEquals(codes(guest), []);
  assertEquals(log.of("refused").length, 1);
});

Deno.test("an address at which nothing answered is no fact once its peer has dialed this node", async () => {
  await using mesh = new MemoryMesh();
  const seed = await mesh.start();
  const other = "10.0.0.2";
  const transport = mesh.network.transport(other);
  let isDown = false;
  // Once the seed is down, this node itself does not reach it again in time.
  const target = (address: Address) =>
    isDown ? { ...address, port: 1 } : address;
  const node = await mesh.start([seed], {
    transport: {
      ...transport,
      listen: transport.listen.bind(transport),
      dial: (address, options) => transport.dial(target(address), options),
      fetchCertificate: (address, options) =>
        transport.fetchCertificate(target(address), options),
    },
  });
  await mesh.complete();
  isDown = true;
  mesh.network.breakLink(seed.host, other);
  mesh.network.cut(seed.host, other);
  await mesh.clock.runUntil(() => codes(node.node).length > 0, {
    limitMs: 60_000,
  });
  mesh.network.heal();
  await mesh.complete();
  assertEquals(node.node.sessions().map((it) => it.direction), ["inbound"]);
  assertEquals(codes(node.node), []);
});

Deno.test("a name that does not resolve is shown also when its member dials", async () => {
  await using mesh = new MemoryMesh();
  const seed = await mesh.start();
  let resolves = true;
  const node = await mesh.start([], {
    connect: ["seed.example:8080"],
    resolve: () => Promise.resolve(resolves ? [seed.host] : []),
  });
  await mesh.complete();
  resolves = false;
  mesh.network.breakLink(seed.host, node.host);
  mesh.network.cut(seed.host, node.host);
  await mesh.clock.runUntil(() => codes(node.node).includes("dns"), {
    limitMs: 60_000,
  });
  mesh.network.heal();
  await mesh.complete();
  assertEquals(codes(node.node), ["dns"]);
});

Deno.test("a store that cannot write is shown until it can", async () => {
  class Failing extends MemoryStore {
    reason: string | undefined;
    failure() {
      return this.reason;
    }
    override commit() {
      this.reason = undefined;
    }
  }
  const store = new Failing();
  await using node = await Node.start({ store, heartbeatMs: 20 });
  const log = new EventLog(node);
  assertEquals(codes(node), []);
  store.reason = "Cannot write database: the disk is full";
  const [fact] = node.status().health;
  assertEquals([fact?.code, fact?.message], ["cannot-write", store.reason]);
  // Nothing else is written: the node itself finds out.
  await until("the end", () => log.of("resolved").length === 1);
  assertEquals(codes(node), []);
  assertEquals(log.of("trouble").map((it) => [it.code, it.severity]), [
    ["cannot-write", "failing"],
  ]);
});

Deno.test("a denied peer that comes again and again is told of once", async () => {
  await using mesh = new MemoryMesh();
  const member = await mesh.start();
  const denied = await mesh.start([member]);
  await mesh.complete();
  member.node.admission.deny(denied.node.identity.id);
  await mesh.clock.advance(10 * 60_000);
  assertEquals(member.log.of("refused").length, 1);
  assertEquals(denied.log.of("refused").length, 1);
  assertEquals(codes(member.node), []);
  assertEquals(codes(denied.node), ["denied"]);
});

Deno.test("silent connections that make room for others are counted as refused", async () => {
  await using node = await Node.start({ host: "127.0.0.1" });
  const port = Number(node.address.split(":").at(-1));
  const silent: Deno.Conn[] = [];
  try {
    const most = MAX_PENDING_PER_ADDRESS;
    while (silent.length < most + 3) silent.push(await Deno.connect({ port }));
    const counters = () => node.status().counters;
    await until("the evictions", () => counters().handshakesRefused === 3);
    assertEquals(counters().connectionsAccepted, most + 3);
    assertEquals(counters().handshakesFailed, 0);
  } finally {
    for (const it of silent) it.close();
  }
});
