// Configured names: with several addresses, with several members, and with others
// tomorrow than today.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Node } from "../../../src/mesh/node.ts";
import type { NodeOptions } from "../../../src/mesh/options.ts";
import { parseAddress } from "../../../src/transport/address.ts";
import type { Resolver } from "../../../src/transport/resolve.ts";
import { Disguise } from "../../helpers/disguise.ts";
import { hasIpv6 } from "../../helpers/ipv6.ts";
import { MemoryMesh } from "../../helpers/memory_mesh.ts";
import { EventLog, Mesh } from "../../helpers/nodes.ts";
import { Sink } from "../../helpers/sink.ts";
import { until } from "../../helpers/until.ts";
import { lasting } from "../../helpers/identities.ts";

const NAME = "mesh.test";

/** Every name leads to these; an array that is changed later changes the name. */
function leadsTo(...ips: string[]): Resolver {
  return () => Promise.resolve([...ips]);
}

function portOf(node: { readonly address: string }): number {
  return parseAddress(node.address).port;
}

/**
 * Two nodes that do not know each other, at one port of 127.0.0.1 and 127.0.0.2. They are told
 * of the name, too; the operating system's look-ups outlast a node.
 */
async function twoAtOnePort(): Promise<[Node, Node, number]> {
  const options: NodeOptions = { resolve: leadsTo("127.0.0.1", "127.0.0.2") };
  const one = await Node.start({ ...options, identity: await lasting() });
  const port = portOf(one);
  const two = await Node.start({
    ...options,
    identity: await lasting(),
    host: "127.0.0.2",
    port,
  });
  return [one, two, port];
}

function alarms(log: EventLog): string[] {
  return [...log.of("refused"), ...log.of("unreachable")]
    .map(({ reason }) => reason);
}

Deno.test("a name that leads to two nodes has both as peers, and raises no alarm", async () => {
  const [alice, bob, port] = await twoAtOnePort();
  await using mesh = new Mesh([alice, bob]);
  const carol = await Node.start({
    connect: [`${NAME}:${port}`],
    resolve: leadsTo("127.0.0.1", "127.0.0.2"),
  });
  const log = new EventLog(carol);
  mesh.nodes.push(carol);
  await mesh.complete();
  assertEquals(alarms(log), []);
});

Deno.test("a name whose answers take turns leads to the node that each look-up is about", async () => {
  const [alice, bob, port] = await twoAtOnePort();
  await using mesh = new Mesh([alice, bob]);
  const answers = [["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"]];
  let lookups = 0;
  const transport = new Disguise("127.0.0.1");
  const carol = await Node.start({
    connect: [`${NAME}:${port}`],
    transport,
    resolve: () => Promise.resolve(answers[lookups++ % 2]!),
  });
  const log = new EventLog(carol);
  mesh.nodes.push(carol);
  await mesh.complete();
  assertEquals(alarms(log), []);
  // What is connected to is an IP address, never a name that is resolved once more.
  assert(
    transport.tried.every((address) => address.startsWith("127.0.0.")),
    transport.tried.join(),
  );
});

const OTHERS: Readonly<
  Record<string, (hostname: string, port: number) => AsyncDisposable>
> = {
  "is silent": (hostname, port) => Sink.start({ hostname, port }),
  "speaks SSH": (hostname, port) =>
    Sink.start({ hostname, port, greeting: "SSH-2.0-OpenSSH_9.6\r\n" }),
  "refuses": () => ({ [Symbol.asyncDispose]: () => Promise.resolve() }),
};

for (const [what, start] of Object.entries(OTHERS)) {
  for (const pinned of [false, true]) {
    Deno.test(`a first address that ${what} does not keep a node from the second${pinned ? " of a pinned name" : ""}`, async () => {
      await using alice = await Node.start({ host: "127.0.0.2" });
      const port = portOf(alice);
      await using _other = start("127.0.0.1", port);
      const pin = pinned ? `${alice.identity.id}@` : "";
      await using bob = await Node.start({
        connect: [`${pin}${NAME}:${port}`],
        resolve: leadsTo("127.0.0.1", "127.0.0.2"),
      });
      const log = new EventLog(bob);
      // Not after the ten seconds that a dial may take.
      await until("them to meet", () => bob.sessions().length === 1, 5_000);
      assertEquals(bob.sessions()[0]?.id, alice.identity.id);
      assertEquals(alarms(log), []);
    });
  }
}

Deno.test({
  name:
    "localhost is joined on 127.0.0.1 when something else has the port on ::1",
  ignore: !hasIpv6(),
  async fn() {
    await using alice = await Node.start();
    const port = portOf(alice);
    await using other = Sink.start({ hostname: "::1", port });
    await using bob = await Node.start({
      connect: [`localhost:${port}`],
      resolve: leadsTo("::1", "127.0.0.1"),
    });
    await until("them to meet", () => bob.sessions().length === 1, 5_000);
    assertEquals(other.arrivals, 1);
  },
});

Deno.test("of a name with an identity the address that has it is found, and another is no alarm", async () => {
  const [alice, bob, port] = await twoAtOnePort();
  await using _nodes = new Mesh([alice, bob]);
  await using carol = await Node.start({
    connect: [`${bob.identity.id}@${NAME}:${port}`],
    resolve: leadsTo("127.0.0.1", "127.0.0.2"),
  });
  const log = new EventLog(carol);
  await until("bob to be up", () => log.of("peer:up").length > 0);
  const [up] = log.of("peer:up");
  assertEquals([up?.id, up?.trust], [bob.identity.id, "pinned"]);
  assertEquals(alarms(log), []);
});

Deno.test("a name at none of whose addresses is the identity asked for is refused, with all that is there", async () => {
  const [alice, bob, port] = await twoAtOnePort();
  await using _nodes = new Mesh([alice, bob]);
  const wanted = await lasting();
  await using carol = await Node.start({
    connect: [`${wanted.id}@${NAME}:${port}`],
    resolve: leadsTo("127.0.0.1", "127.0.0.2"),
  });
  const log = new EventLog(carol);
  await until("a refusal", () => log.of("refused").length > 0);
  const [refused] = log.of("refused");
  assertEquals(refused?.address, `${NAME}:${port}`);
  assertEquals(refused?.expected, wanted.id);
  for (const { identity } of [alice, bob]) {
    assertStringIncludes(refused?.reason ?? "", identity.id);
  }
  assertEquals(log.of("peer:up"), []);
});

Deno.test("two identities can be asked for behind one name", async () => {
  const [alice, bob, port] = await twoAtOnePort();
  await using mesh = new Mesh([alice, bob]);
  const carol = await Node.start({
    connect: [alice, bob].map((it) => `${it.identity.id}@${NAME}:${port}`),
    resolve: leadsTo("127.0.0.1", "127.0.0.2"),
  });
  const log = new EventLog(carol);
  mesh.nodes.push(carol);
  await mesh.complete();
  assertEquals(log.of("peer:up").map(({ trust }) => trust), [
    "pinned",
    "pinned",
  ]);
  assertEquals(alarms(log), []);
});

Deno.test("a stranger at a name whose member is away is refused, and welcome once it is back", async () => {
  const [alice, bob, port] = await twoAtOnePort();
  await using _nodes = new Mesh([alice, bob]);
  const answer = ["127.0.0.1"];
  await using carol = await Node.start({
    connect: [`${NAME}:${port}`],
    resolve: () => Promise.resolve([...answer]),
  });
  const log = new EventLog(carol);
  await until("alice to be up", () => log.of("peer:up").length === 1);
  await alice.close({ abrupt: true });
  answer[0] = "127.0.0.2";
  await until("a refusal", () => log.of("refused").length > 0);
  const [refused] = log.of("refused");
  assertEquals(refused?.expected, alice.identity.id);
  assertEquals(refused?.actual, bob.identity.id);
  assertEquals(carol.sessions(), []);
  await using _back = await Node.start({
    identity: alice.identity,
    port,
    resolve: leadsTo("127.0.0.2"),
  });
  answer.push("127.0.0.1");
  await until("both to be up", () => carol.sessions().length === 2);
  assertEquals(log.of("refused").length, 1);
});

/** Where a name leads a replica at first. */
const FIRST: Readonly<Record<string, (own: string) => string[]>> = {
  "reach themselves": (own) => [own],
  "reach nothing": () => [],
  "reach themselves and a host that is off": (own) => [own, "10.98.0.1"],
};

for (const [what, first] of Object.entries(FIRST)) {
  Deno.test(`three replicas that ${what} first are one mesh seconds after their name leads to all`, async () => {
    await using mesh = new MemoryMesh();
    mesh.network.crash("10.98.0.1");
    const connect = [`${NAME}:8080`];
    for (let i = 1; i <= 3; i++) {
      await mesh.start([], {
        connect,
        resolve: () =>
          Promise.resolve(
            mesh.clock.monotonic() < 200_000
              ? first(`10.0.0.${i}`)
              : ["10.0.0.1", "10.0.0.2", "10.0.0.3"],
          ),
      });
    }
    await mesh.clock.advance(200_000);
    assert(mesh.members.every(({ node }) => node.sessions().length === 0));
    await mesh.complete(mesh.members, 10_000);
    for (const { log } of mesh.members) {
      // Said once, not at each attempt.
      assertEquals(alarms(log).length, 1, alarms(log).join());
    }
  });
}

Deno.test("an address of a balancer that leads to ourselves first leads to others next", async () => {
  await using mesh = new MemoryMesh();
  const alice = await mesh.start();
  let to = "10.0.0.2";
  const inner = mesh.network.transport("10.0.0.2");
  // One address for all, which leads to another replica each time.
  const via = (asked: { host: string; port: number }) =>
    asked.host === "10.9.9.9" ? { host: to, port: asked.port } : asked;
  await mesh.start([], {
    connect: ["10.9.9.9:8080"],
    transport: {
      ...inner,
      dial: (address, options) => inner.dial(via(address), options),
      fetchCertificate: (address, options) =>
        inner.fetchCertificate(via(address), options),
    },
  });
  await mesh.clock.advance(60_000);
  to = alice.host;
  await mesh.complete(mesh.members, 20_000);
});

Deno.test("two halves that each found themselves by a name become one when it leads to both", async () => {
  await using mesh = new MemoryMesh();
  const halves = [["10.0.0.1", "10.0.0.2"], ["10.0.0.3", "10.0.0.4"]];
  let answers = halves;
  for (let i = 0; i < 4; i++) {
    await mesh.start([], {
      connect: [`${NAME}:8080`],
      resolve: () => Promise.resolve(answers[i >> 1]!),
    });
  }
  const [a, b, c, d] = mesh.members;
  await mesh.complete([a!, b!]);
  await mesh.complete([c!, d!]);
  answers = [halves.flat(), halves.flat()];
  await mesh.complete(mesh.members, 100_000);
});

Deno.test("a member that moves to a new address of its name is found there", async () => {
  await using mesh = new MemoryMesh();
  const alice = await mesh.start();
  let answer = [alice.host];
  const bob = await mesh.start([], {
    connect: [`${NAME}:8080`],
    resolve: () => Promise.resolve(answer),
  });
  await mesh.complete();
  mesh.network.crash(alice.host);
  const gone = alice.node.close({ abrupt: true });
  await mesh.clock.runUntil(() => bob.node.sessions().length === 0, {
    limitMs: 10_000,
  });
  await gone;
  // Its key lived in memory, so the one that is there now is another.
  const carol = await mesh.start();
  answer = [carol.host];
  await mesh.complete([bob, carol], 20_000);
  assertEquals(bob.log.of("refused"), []);
});
