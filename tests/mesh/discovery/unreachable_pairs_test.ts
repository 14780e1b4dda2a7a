// Members that cannot reach each other while others reach both are named.
// `send` knows them, too.
import { parsePeerId } from "../../../src/core/peer_id.ts";
import { assert, assertEquals } from "@std/assert";
import { MAX_MISSING_PAIRS } from "../../../src/mesh/discovery/discovery_limits.ts";
import type { MissingPair } from "../../../src/mesh/events.ts";
import { COMMAND } from "../../../src/wire/commands.ts";
import type { Transport } from "../../../src/transport/transport.ts";
import { VerackError } from "../../../src/core/errors.ts";
import { encodeMissing } from "../../../src/wire/messages/peer_request.ts";
import { RawPeer } from "../../helpers/attacker.ts";
import {
  type Member,
  MemoryMesh,
  unrelayedMesh,
} from "../../helpers/memory_mesh.ts";
import { Scene } from "../../helpers/scene.ts";
import { until } from "../../helpers/until.ts";

function pair(a: Member, b: Member): MissingPair {
  const [one, two] = [a.node.identity.id, b.node.identity.id].sort();
  return [one!, two!] as MissingPair;
}

function missingOf(members: readonly Member[]): unknown[] {
  return members.map(({ node }) => node.unreachable());
}

Deno.test("two members that lose each other are named by all, until they are back", async () => {
  await using mesh = unrelayedMesh();
  const alice = await mesh.start();
  const bob = await mesh.start([alice]);
  const carol = await mesh.start([bob]);
  const dave = await mesh.start([bob]);
  const all = [alice, bob, carol, dave];
  await mesh.complete();
  mesh.network.cut(alice.host, carol.host);
  const named = () =>
    all.every(({ node }) =>
      node.unreachable().join() === pair(alice, carol).join()
    );
  await mesh.clock.runUntil(named, { limitMs: 15_000 });
  // And for as long as it lasts.
  for (let i = 0; i < 20; i++) {
    await mesh.clock.advance(3_000);
    assert(named(), `after ${3 * i} s: ${missingOf(all).join(" / ")}`);
  }
  for (const { log, node } of all) {
    const { nodes, sessions, missing } = log.of("mesh").at(-1)!;
    assertEquals([nodes, sessions], [4, node.sessions().length]);
    assertEquals(missing, [pair(alice, carol)]);
  }
  mesh.network.heal();
  await mesh.complete(all, 61_000);
  await mesh.clock.advance(3_000);
  assertEquals(missingOf(all), [[], [], [], []]);
  for (const { log } of all) {
    assertEquals(log.of("mesh").at(-1)?.missing, []);
  }
});

Deno.test("no pair is named while a mesh grows, or when a member is gone", async () => {
  await using mesh = new MemoryMesh();
  const alice = await mesh.start();
  const others: Member[] = [];
  for (let i = 0; i < 4; i++) others.push(await mesh.start([alice]));
  await mesh.complete();
  const [bob, carol] = others;
  const leave = bob!.node.close();
  mesh.network.crash(carol!.host);
  const crash = carol!.node.close({ abrupt: true });
  await mesh.clock.advance(60_000);
  await Promise.all([leave, crash]);
  for (const { log } of mesh.members) {
    assertEquals(log.of("mesh").flatMap(({ missing }) => missing), []);
  }
});

Deno.test("a way that is open in one direction only is named like one that is shut", async () => {
  await using mesh = unrelayedMesh();
  const alice = await mesh.start();
  const bob = await mesh.start([alice]);
  const carol = await mesh.start([bob]);
  await mesh.complete();
  mesh.network.cut(alice.host, carol.host, { oneWay: true });
  await mesh.clock.runUntil(
    () => bob.node.unreachable().join() === pair(alice, carol).join(),
    { limitMs: 15_000 },
  );
});

Deno.test("of a member that reports all and unknown ones as unreachable, known ones are kept", async () => {
  await using scene = await Scene.start();
  const { victim, member } = scene;
  using mallory = await RawPeer.open(victim);
  await until("her to be up", () => victim.sessions().length === 2);
  const made = Array.from(
    { length: 1_000 - 2 },
    (_, i) => parsePeerId(i.toString(16).padStart(64, "0")),
  );
  await mallory.say(
    COMMAND.missing,
    encodeMissing({
      ids: [...made, victim.identity.id, member.identity.id],
    }),
  );
  const expected = [mallory.identity.id, member.identity.id].sort().join();
  await until("it to be said", () => victim.unreachable().join() === expected);
  assert(victim.unreachable().length <= MAX_MISSING_PAIRS);
  // What she says goes with her.
  mallory.close();
  await until("it to be gone", () => victim.unreachable().length === 0);
});

/** The network of `host`, from which others are somewhere else or nowhere. */
function seen(
  mesh: MemoryMesh,
  host: string,
  from: (to: string) => string | undefined,
): Transport {
  const inner = mesh.network.transport(host);
  const via = (asked: { host: string; port: number }) => {
    const to = from(asked.host);
    if (to !== undefined) return { host: to, port: asked.port };
    throw new VerackError(
      "connection-refused",
      `Cannot dial ${asked.host}: no`,
    );
  };
  return {
    ...inner,
    dial: async (address, options) => await inner.dial(via(address), options),
    fetchCertificate: async (address, options) =>
      await inner.fetchCertificate(via(address), options),
  };
}

const PAIRS: Readonly<Record<string, (to: string) => string | undefined>> = {
  "whose ports refuse each other": () => undefined,
  "at whose addresses others answer": () => "10.0.0.1",
};

for (const [what, from] of Object.entries(PAIRS)) {
  Deno.test(`two members ${what} are named as soon as if they were silent, and can be sent to`, async () => {
    await using mesh = unrelayedMesh();
    const alice = await mesh.start();
    // Each reaches alice, and not the other.
    const way = (other: string) => (to: string) => to === other ? from(to) : to;
    const bob = await mesh.start([alice], {
      transport: seen(mesh, "10.0.0.2", way("10.0.0.3")),
    });
    const carol = await mesh.start([alice], {
      transport: seen(mesh, "10.0.0.3", way("10.0.0.2")),
    });
    const all = [alice, bob, carol];
    const named = () =>
      all.every(({ node }) =>
        node.unreachable().join() === pair(bob, carol).join()
      );
    await mesh.clock.runUntil(named, { limitMs: 10_000 });
    // And for as long as it lasts, whatever number of dials fails.
    for (let i = 0; i < 40; i++) {
      await mesh.clock.advance(3_000);
      assert(named(), `after ${3 * i} s: ${missingOf(all).join(" / ")}`);
      assert(bob.node.peer(carol.node.identity.id) !== undefined);
    }
    // Not `unknown-peer`: it waits until there is a way.
    const sending = bob.node.send(carol.node.identity.id, "later");
    let failed: unknown;
    sending.catch((error) => failed = error);
    await mesh.clock.advance(1_000);
    assertEquals(failed, undefined);
    assertEquals(bob.node.outbox.messages, 1);
  });
}
