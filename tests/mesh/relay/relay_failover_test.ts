/** What happens to a relayed pair when its relay dies, or only seems to live. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { PeerId } from "../../../src/core/peer_id.ts";
import { STABLE_SESSION_MS } from "../../../src/mesh/mesh_limits.ts";
import { partsOf } from "../../../src/mesh/node_parts.ts";
import {
  MAX_PENDING_RELAYED_PER_RELAY,
  RELAY_REFUSED_MS,
} from "../../../src/mesh/relay/relay_dialing_limits.ts";
import {
  encodeRelayedHead,
  RELAYED_PROTOCOL,
} from "../../../src/mesh/relay/relay_format.ts";
import { type Member, MemoryMesh } from "../../helpers/memory_mesh.ts";
import { Conversation, idOf, relayedBy, viaOf } from "../../helpers/relayed.ts";

/** Dave and erin, who cannot reach each other, and relays that are `latenciesMs` away from both. */
class Pair implements AsyncDisposable {
  readonly mesh = new MemoryMesh();
  readonly relays: Member[] = [];
  dave!: Member;
  erin!: Member;

  /** `prepare` is called once both ends have sessions with the relays. */
  static async start(
    latenciesMs: readonly number[],
    prepare?: (pair: Pair) => void,
  ): Promise<Pair> {
    const pair = new Pair();
    const { mesh, relays } = pair;
    const ends = [1, 2].map((it) => `10.0.0.${latenciesMs.length + it}`);
    mesh.network.unreachable(ends[0]!, ends[1]!);
    for (const [index, latencyMs] of latenciesMs.entries()) {
      for (const end of ends) {
        const between = [`10.0.0.${index + 1}`, end] as const;
        mesh.network.setDelay({ latencyMs, jitterMs: 0 }, between);
      }
    }
    for (const _ of latenciesMs) relays.push(await mesh.start(relays));
    await mesh.complete();
    pair.dave = await mesh.start(relays);
    await mesh.complete();
    pair.erin = await mesh.start(relays);
    if (prepare !== undefined) {
      const ids = relays.map(idOf);
      await mesh.clock.runUntil(
        () => ids.every((id) => pair.erin.node.peer(id)?.connected === true),
        { limitMs: 5_000 },
      );
      prepare(pair);
    }
    await mesh.complete();
    return pair;
  }

  /** The relay of the pair, as both ends say. */
  get relay(): Member | undefined {
    const { dave, erin } = this;
    const via = viaOf(dave, erin);
    return viaOf(erin, dave) !== via
      ? undefined
      : this.relays.find((it) => idOf(it) === via);
  }

  async relayedBy(relay: Member | undefined, limitMs = 10_000): Promise<void> {
    assert(relay !== undefined);
    await relayedBy(this.mesh, this.dave, this.erin, relay, limitMs);
  }

  /** The process of a relay is killed: its peers get resets. */
  async kill(relay: Member): Promise<void> {
    this.mesh.network.crash(relay.host, { reset: true });
    const closing = relay.node.close({ abrupt: true });
    await this.mesh.clock.advance(10);
    await closing;
    this.mesh.members.splice(this.mesh.members.indexOf(relay), 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mesh[Symbol.asyncDispose]();
  }
}

Deno.test("the next best relay takes over at once, and no message is lost or doubled", async () => {
  await using pair = await Pair.start([30, 10, 20]);
  const { mesh, dave, erin } = pair;
  const [far, near, middle] = pair.relays;
  await pair.relayedBy(near);
  const conversation = new Conversation(mesh, dave, erin);
  await conversation.flow(1_000);
  const killed = pair.kill(near!);
  conversation.say();
  await killed;
  await pair.relayedBy(middle, 1_000);
  // A session that was short would have the next one wait.
  await conversation.flow(STABLE_SESSION_MS, 500);
  await pair.kill(middle!);
  await pair.relayedBy(far, 1_000);
  await conversation.flow(1_000);
  await conversation.settle();
});

Deno.test("all relays die and come back, and what waited is delivered once", async () => {
  await using pair = await Pair.start([10, 20]);
  const { mesh, dave, erin, relays } = pair;
  await pair.relayedBy(relays[0]);
  const conversation = new Conversation(mesh, dave, erin);
  await conversation.flow(500);
  for (let round = 0; round < 3; round++) {
    for (const relay of relays) mesh.network.partition([[relay.host]]);
    mesh.network.partition(relays.map(({ host }) => [host]));
    await mesh.clock.runUntil(
      () => viaOf(dave, erin) === undefined && viaOf(erin, dave) === undefined,
      { limitMs: 20_000 },
    );
    conversation.say();
    await mesh.clock.advance(5_000);
    mesh.network.heal();
    mesh.network.unreachable(dave.host, erin.host);
    await mesh.clock.runUntil(() => pair.relay !== undefined, {
      limitMs: 61_000,
    });
    await conversation.flow(500);
  }
  await conversation.settle();
});

Deno.test("a relay that keeps its sessions but drops what it carries is replaced, and comes last", async () => {
  await using pair = await Pair.start([10, 20]);
  const { mesh, dave, erin } = pair;
  const [near, middle] = pair.relays;
  await pair.relayedBy(near);
  const conversation = new Conversation(mesh, dave, erin);
  await conversation.flow(500);
  for (const it of partsOf(near!.node).relaying.server.pairs) {
    it.refuse(new Error() as never);
  }
  conversation.say();
  await pair.relayedBy(middle, 2_000);
  await conversation.flow(500);
  // The other one is taken although it failed when there is no choice.
  await pair.kill(middle!);
  await pair.relayedBy(near, 2_000);
  await conversation.flow(500);
  await conversation.settle();
});

Deno.test("a relay through which the peer had no room is preferred again a minute later", async () => {
  await using pair = await Pair.start([10, 20, 30], ({ relays, erin }) => {
    const [near] = relays;
    for (let i = 0; i < MAX_PENDING_RELAYED_PER_RELAY; i++) {
      const from = `${i}`.padStart(64, "a") as PeerId;
      partsOf(near!.node).streaming.open(idOf(erin), RELAYED_PROTOCOL, {
        metadata: encodeRelayedHead({ from, hops: 2 }),
      });
    }
  });
  const { mesh } = pair;
  const [near, middle] = pair.relays;
  await pair.relayedBy(middle);
  await mesh.clock.advance(RELAY_REFUSED_MS + 20_000);
  await pair.kill(middle!);
  await pair.relayedBy(near, 2_000);
});

Deno.test("a peer that refuses relayed sessions is the reason, by its own words", async () => {
  await using mesh = new MemoryMesh();
  mesh.network.unreachable("10.0.0.2", "10.0.0.3");
  const alice = await mesh.start();
  const bob = await mesh.start([alice]);
  const carol = await mesh.start([alice]);
  bob.node.admission.deny(idOf(carol));
  const reason = () => partsOf(carol.node).relaying.reasonFor(idOf(bob));
  await mesh.clock.runUntil(() => reason() !== undefined, { limitMs: 60_000 });
  assertMatch(reason()!, /it is denied here/);
});

/** What is wrong with a member as a pair has no session. */
function factsOfPairs({ node }: Member): string[] {
  return node.status().health
    .filter(({ code }) => code === "unreachable-pair")
    .map(({ message }) => message);
}

Deno.test("why no member relays a stranger of an open mesh is in the status, which is no alarm", async () => {
  await using mesh = new MemoryMesh();
  mesh.network.unreachable("10.0.0.2", "10.0.0.3");
  const alice = await mesh.start([], { relay: false });
  const bob = await mesh.start([alice]);
  const carol = await mesh.start([alice]);
  const whyNot = ({ node }: Member) =>
    node.status().notRelayed.map(({ id, reason }) => ({ id, reason }));
  const reason = "no member that relays is connected";
  await mesh.clock.runUntil(
    () => whyNot(bob).length > 0 && whyNot(carol).length > 0,
    { limitMs: 20_000 },
  );
  await mesh.clock.advance(2_000);
  assertEquals(whyNot(bob), [{ id: idOf(carol), reason }]);
  assertEquals(whyNot(carol), [{ id: idOf(bob), reason }]);
  // It is no pair of alice's.
  assertEquals(whyNot(alice), []);
  for (const member of mesh.members) assertEquals(factsOfPairs(member), []);
  const dave = await mesh.start([alice]);
  await relayedBy(mesh, bob, carol, dave);
  await mesh.clock.advance(3_000);
  for (const member of mesh.members) assertEquals(whyNot(member), []);
});

Deno.test("members of a closed mesh that none relays are an alarm, though they have never met", async () => {
  await using mesh = new MemoryMesh();
  mesh.network.unreachable("10.0.0.2", "10.0.0.3");
  const options = { admission: "closed" } as const;
  const alice = await mesh.start([], { ...options, relay: false });
  const guests = [
    await mesh.start([alice], options),
    await mesh.start([alice], options),
  ];
  for (const guest of guests) {
    alice.node.admission.allow(idOf(guest));
    guest.node.admission.allow(idOf(alice));
  }
  await mesh.clock.runUntil(
    () => mesh.members.every((it) => factsOfPairs(it).length === 1),
    { limitMs: 60_000 },
  );
});

Deno.test("a pair without any relay is reported with the reason, until there is one", async () => {
  await using mesh = new MemoryMesh();
  mesh.network.unreachable("10.0.0.2", "10.0.0.3");
  const alice = await mesh.start([], { relay: false });
  const bob = await mesh.start([alice]);
  const carol = await mesh.start([alice]);
  bob.node.admission.allow(idOf(carol));
  carol.node.admission.allow(idOf(bob));
  const facts = factsOfPairs;
  await mesh.clock.runUntil(
    () => facts(bob).length > 0 && facts(carol).length > 0,
    { limitMs: 20_000 },
  );
  await mesh.clock.advance(2_000);
  assert(
    facts(bob)[0]?.includes("no member that relays is connected"),
    facts(bob)[0],
  );
  assertEquals(bob.node.unreachable(), [
    [idOf(bob), idOf(carol)].sort() as never,
  ]);
  const dave = await mesh.start([alice]);
  await mesh.complete(mesh.members, 20_000);
  await relayedBy(mesh, bob, carol, dave);
  await mesh.clock.advance(3_000);
  for (const member of mesh.members) {
    assertEquals(facts(member), []);
    assertEquals(member.node.unreachable(), []);
    assertEquals(member.log.of("mesh").at(-1)?.missing, []);
  }
});
