// Nodes that find each other on a local network in memory, in virtual time.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Node } from "../../../src/mesh/node.ts";
import type { NodeOptions } from "../../../src/mesh/options.ts";
import { MemoryLan } from "../../../src/testing/memory_lan.ts";
import { type Member, MemoryMesh } from "../../helpers/memory_mesh.ts";
import { EventLog } from "../../helpers/nodes.ts";

/** A mesh whose members are on one local network, too. */
class LanMesh extends MemoryMesh {
  readonly lan = new MemoryLan(this.clock);

  /** Starts a node that is announced, without any member to join through. */
  async join(options: NodeOptions = {}): Promise<Member> {
    const host = `10.0.0.${this.members.length + 1}`;
    return await this.start([], {
      discover: true,
      multicast: this.lan.host([host]),
      ...options,
    });
  }

  /** Packets that one of the hosts has sent. */
  sentBy({ host }: Member): string[] {
    return this.lan.sent.filter(({ from }) => from === host)
      .map(({ packet }) => JSON.stringify(packet));
  }
}

function linksOf({ node }: { readonly node: Node }): number {
  return node.sessions().length;
}

Deno.test("open nodes of one network find each other, and say so", async () => {
  await using mesh = new LanMesh();
  const alice = await mesh.join();
  const bob = await mesh.join();
  await mesh.clock.advance(3_000);
  assertEquals([linksOf(alice), linksOf(bob)], [1, 1]);
  const { discovery } = bob.node.status();
  assertEquals(discovery, {
    announced: true,
    open: true,
    networks: ["lan0"],
    found: [{ address: "10.0.0.1:8080", id: alice.node.identity.id }],
  });
  const found = [...alice.log.of("found"), ...bob.log.of("found")];
  assert(found.length >= 1);
  assertEquals(bob.log.of("peer:up").map(({ trust }) => trust), ["first-use"]);
});

Deno.test("nodes of other networks are neither dialed nor listed", async () => {
  await using mesh = new LanMesh();
  const alice = await mesh.join({ network: "one" });
  const bob = await mesh.join({ network: "two" });
  await mesh.clock.advance(60_000);
  assertEquals([linksOf(alice), linksOf(bob)], [0, 0]);
  assertEquals(bob.node.status().counters.dialsAttempted, 0);
  assertEquals(bob.node.status().discovery?.found, []);
});

Deno.test("nodes with one secret find each other by their ports alone", async () => {
  await using mesh = new LanMesh();
  const secret = "correct horse battery staple";
  const alice = await mesh.join({ secret, network: "home", name: "alice" });
  const bob = await mesh.join({ secret, network: "home", name: "bob" });
  await mesh.clock.advance(5_000);
  assertEquals([linksOf(alice), linksOf(bob)], [1, 1]);
  const all = [...mesh.sentBy(alice), ...mesh.sentBy(bob)].join("\n");
  for (const word of [alice.node.identity.id, "home", "alice", "network="]) {
    assert(!all.includes(word), word);
  }
  assertEquals(bob.node.status().discovery?.open, false);
});

Deno.test("nodes with different secrets stay apart, and do not dial each other again and again", async () => {
  await using mesh = new LanMesh();
  const alice = await mesh.join({ secret: "correct horse battery staple" });
  const bob = await mesh.join({ secret: "another battery staple" });
  await mesh.clock.advance(10 * 60_000);
  assertEquals([linksOf(alice), linksOf(bob)], [0, 0]);
  // With backoff from 10 seconds on, doubled to ten minutes.
  const { dialsAttempted } = bob.node.status().counters;
  assert(dialsAttempted >= 2 && dialsAttempted <= 8, `${dialsAttempted}`);
});

Deno.test("a closed mesh stays closed: members find each other again, and a stranger is not dialed for its proof", async () => {
  await using mesh = new LanMesh();
  const alice = await mesh.join({ admission: "closed" });
  const mallory = await mesh.join({ admission: "closed" });
  const bob = await mesh.join({ admission: "closed" });
  alice.node.admission.allow(bob.node.identity.id);
  bob.node.admission.allow(alice.node.identity.id);
  await mesh.clock.advance(60_000);
  assertEquals(alice.node.sessions().map(({ id }) => id), [
    bob.node.identity.id,
  ]);
  assertEquals(linksOf(mallory), 0);
  // None has told the other who it is: there is not even a join request.
  const requests = [alice, bob, mallory].flatMap(({ log }) =>
    log.of("join-request")
  );
  assertEquals(requests, []);
});

Deno.test("an open node does not dial what tells no names, nor does one with a secret dial open ones", async () => {
  await using mesh = new LanMesh();
  const open = await mesh.join();
  const secret = await mesh.join({ secret: "correct horse battery staple" });
  await mesh.clock.advance(60_000);
  for (const { node } of [open, secret]) {
    assertEquals(node.status().counters.dialsAttempted, 0);
  }
});

Deno.test("a node that listens on this machine alone finds others, and is not announced", async () => {
  await using mesh = new LanMesh();
  const alice = await mesh.join();
  const bob = await mesh.join({ host: "127.0.0.1" });
  await mesh.clock.advance(3_000);
  assertEquals([linksOf(alice), linksOf(bob)], [1, 1]);
  assertEquals(bob.node.status().discovery?.announced, false);
  assert(mesh.sentBy(bob).every((it) => it.includes('"isQuery":true')));
});

Deno.test("a node that listens on no address of its networks says that it is not announced", async () => {
  await using mesh = new LanMesh();
  const ip6 = mesh.lan.host([{ address: "fd00::1", prefix: 64 }]);
  const alice = await mesh.join({ host: "0.0.0.0", multicast: ip6 });
  const both = mesh.lan.host(["10.0.0.2", { address: "fd00::2", prefix: 64 }]);
  const bob = await mesh.join({ host: "0.0.0.0", multicast: both });
  const announced = [alice, bob].map(({ node }) =>
    node.status().discovery?.announced
  );
  assertEquals(announced, [false, true]);
  await mesh.clock.advance(3_000);
  assert(
    mesh.lan.sent.every(({ from, packet }) =>
      from !== "fd00::1" || packet.isQuery
    ),
  );
});

Deno.test("a node that does not listen joins those that it finds", async () => {
  await using mesh = new LanMesh();
  const alice = await mesh.join();
  const bob = await Node.start({
    listen: false,
    discover: true,
    multicast: mesh.lan.host(["10.0.0.9"]),
    transport: mesh.network.transport("10.0.0.9"),
    clock: mesh.clock,
    random: mesh.random,
  });
  mesh.members.push({ host: "10.0.0.9", node: bob, log: new EventLog(bob) });
  await mesh.clock.advance(3_000);
  assertEquals([linksOf(alice), bob.sessions().length], [1, 1]);
  assertEquals(bob.status().discovery?.announced, false);
  assertEquals(alice.node.status().discovery?.found, []);
});

Deno.test("a node is found for as long as it is there, also one that came after hours without any", async () => {
  await using mesh = new LanMesh();
  const alice = await mesh.join();
  await mesh.clock.advance(3 * 3_600_000);
  const bob = await mesh.join();
  const both = [alice, bob];
  await mesh.clock.advance(3_000);
  const before = mesh.lan.sent.length;
  for (let minute = 0; minute < 60; minute++) {
    await mesh.clock.advance(60_000);
    const found = both.map(({ node }) => node.status().discovery?.found.length);
    assertEquals(found, [1, 1], `after ${minute} minutes`);
  }
  // One asks before the time of the other is over, and all answer.
  const sent = mesh.lan.sent.length - before;
  assert(sent < 4 * 3_600 / (0.8 * 120), `${sent} packets`);
});

Deno.test("a node that is gone without a word is asked for four times at most, and is forgotten", async () => {
  await using mesh = new LanMesh();
  const alice = await mesh.join();
  const bob = await mesh.join();
  await mesh.clock.advance(10 * 60_000);
  await bob.node.close({ abrupt: true });
  const queries = () =>
    mesh.sentBy(alice).filter((it) => it.includes('"isQuery":true')).length;
  const before = queries();
  await mesh.clock.advance(3 * 60_000);
  assertEquals(alice.node.status().discovery?.found, []);
  const asked = queries() - before;
  assert(asked >= 2 && asked <= 4, `${asked} queries`);
});

Deno.test("a node that leaves says so, and is announced again where it goes", async () => {
  await using mesh = new LanMesh();
  const alice = await mesh.join();
  const place = ["10.0.0.2"];
  const bob = await mesh.join({
    multicast: mesh.lan.host(place),
    host: "0.0.0.0",
  });
  await mesh.clock.advance(3_000);
  assertEquals(alice.node.status().discovery?.found.length, 1);
  place[0] = "10.0.0.99";
  await mesh.clock.advance(4_000);
  const { found } = alice.node.status().discovery!;
  assertEquals(found.map(({ address }) => address), ["10.0.0.99:8080"]);
  const closing = bob.node.close();
  await mesh.clock.advance(5_000);
  await closing;
  const goodbyes = mesh.lan.sent.filter(({ packet }) =>
    packet.records.length > 0 && packet.records.every(({ ttl }) => ttl === 0)
  );
  assertEquals(goodbyes.map(({ from }) => from), ["10.0.0.2", "10.0.0.99"]);
  assertEquals(alice.node.status().discovery?.found, []);
});

Deno.test("without a network a node warns, and it is over when one comes", async () => {
  await using mesh = new LanMesh();
  const place: string[] = [];
  const alice = await mesh.join({ multicast: mesh.lan.host(place) });
  assertEquals(alice.node.status().discovery?.announced, false);
  await mesh.clock.advance(3_000);
  // By an event, which is not lost before the caller of `Node.start` reads events.
  assertEquals(alice.log.of("trouble").length, 1);
  const [fact] = alice.node.status().health;
  assertEquals([fact?.code, fact?.severity], ["no-multicast", "warning"]);
  assertStringIncludes(fact!.message, "no network interface is up");
  place.push("10.0.0.1");
  await mesh.clock.advance(5_000);
  assertEquals(alice.node.status().health, []);
  assertEquals(alice.log.of("resolved").length, 1);
});

Deno.test("a node that is connected is not dialed when it is announced again", async () => {
  for (const secret of [undefined, "correct horse battery staple"]) {
    await using mesh = new LanMesh();
    const options = secret === undefined ? {} : { secret };
    const alice = await mesh.join(options);
    const bob = await mesh.join(options);
    await mesh.clock.advance(5_000);
    assertEquals([linksOf(alice), linksOf(bob)], [1, 1]);
    const dials = () =>
      alice.node.status().counters.dialsAttempted +
      bob.node.status().counters.dialsAttempted;
    const before = dials();
    await mesh.clock.advance(10 * 60_000);
    assertEquals(dials(), before);
  }
});
