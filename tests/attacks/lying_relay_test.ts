/**
 * What a hostile relay, and hostile reports of peers, can make an end of relayed sessions do.
 * Mallory offers more than any honest relay; alice relays as she should.
 */
import { assert, assertEquals } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import { partsOf } from "../../src/mesh/node_parts.ts";
import {
  MAX_PENDING_RELAYED_PER_RELAY,
  MAX_RELAY_ATTEMPTS_PER_SOURCE,
  RELAY_ANSWER_MS,
  RELAYED_BURST,
} from "../../src/mesh/relay/relay_dialing_limits.ts";
import type { PeerStream } from "../../src/streams/peer_stream.ts";
import { HostileRelay, reportLive, swallow } from "../helpers/hostile_relay.ts";
import { identities } from "../helpers/identities.ts";
import { type Member, MemoryMesh } from "../helpers/memory_mesh.ts";
import { Conversation, idOf, relayedBy, viaOf } from "../helpers/relayed.ts";

/** Mallory and alice reach all; bob and carol do not reach each other. */
class Quartet implements AsyncDisposable {
  readonly mesh = new MemoryMesh();
  mallory!: Member;
  alice!: Member;
  bob!: Member;
  carol!: Member;

  /** `prepare` is called once mallory runs, before bob and carol do. */
  static async start(
    prepare: (mallory: Member) => void,
    options: { readonly alice?: boolean } = {},
  ): Promise<Quartet> {
    const quartet = new Quartet();
    const { mesh } = quartet;
    mesh.network.unreachable("10.0.0.3", "10.0.0.4");
    quartet.mallory = await mesh.start();
    prepare(quartet.mallory);
    quartet.alice = await mesh.start([quartet.mallory], {
      relay: options.alice ?? true,
    });
    await mesh.complete();
    quartet.bob = await mesh.start([quartet.alice, quartet.mallory]);
    quartet.carol = await mesh.start([quartet.alice, quartet.mallory]);
    return quartet;
  }

  /** The ends of the pair. */
  get ends(): readonly [Member, Member] {
    return [this.bob, this.carol];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mesh[Symbol.asyncDispose]();
  }
}

const LIES: Readonly<Record<string, (stream: PeerStream) => Promise<void>>> = {
  "drops what it has accepted": (stream) => Promise.resolve(stream.abort()),
  "refuses what it has offered": (stream) =>
    Promise.resolve(stream.refuse(new VerackError("full", "I am full"))),
  "swallows what it has accepted": swallow,
  "answers by bytes that mean nothing": async (stream) => {
    await stream.write(new Uint8Array(5_000).fill(0x16));
    await swallow(stream);
  },
  "echoes what it gets": async (stream) => {
    const buffer = new Uint8Array(16_384);
    for (;;) {
      const count = await stream.read(buffer);
      if (count === null) return;
      await stream.write(buffer.slice(0, count));
    }
  },
};

Deno.test("relays that refuse what they have offered keep no pair apart, however many they are", async () => {
  await using mesh = new MemoryMesh();
  mesh.network.unreachable("10.0.0.5", "10.0.0.6");
  const honest = await mesh.start();
  const liars: HostileRelay[] = [];
  for (let i = 0; i < 3; i++) {
    const { node } = await mesh.start([honest]);
    liars.push(
      new HostileRelay(
        node,
        (stream) => stream.refuse(new VerackError("full", "I am full")),
      ),
    );
  }
  await mesh.complete();
  const dave = await mesh.start(mesh.members.slice(0, 4));
  const erin = await mesh.start(mesh.members.slice(0, 4));
  await relayedBy(mesh, dave, erin, honest, 15_000);
  for (const { accepted } of liars) assert(accepted <= 2, `${accepted} times`);
});

for (const [what, serve] of Object.entries(LIES)) {
  Deno.test(`a relay that offers most and ${what} keeps no pair apart, and is taken only where there is no other`, async () => {
    let relay!: HostileRelay;
    await using quartet = await Quartet.start(({ node }) => {
      relay = new HostileRelay(node, (stream) => serve(stream));
    });
    const { alice, bob, carol, mallory, mesh } = quartet;
    await relayedBy(mesh, bob, carol, alice, 30_000);
    // Each end has been taken in once, at most.
    assert(relay.accepted <= 2, `${relay.accepted} times`);
    const conversation = new Conversation(mesh, bob, carol);
    await conversation.flow(1_000);
    // Alice is the only honest relay, and has to be looked for anew.
    for (let round = 0; round < 3; round++) {
      mesh.network.breakLink(alice.host, bob.host);
      await conversation.flow(1_000);
      await relayedBy(mesh, bob, carol, alice, 15_000);
    }
    assert(relay.accepted <= 2 + 2 * 3, `${relay.accepted} times`);
    await conversation.settle();
    assertEquals(viaOf(bob, mallory), "direct");
    // Nor is it when the honest one dies, and another one is there.
    const { accepted } = relay;
    const dave = await mesh.start([alice]);
    await mesh.complete(mesh.members, 20_000);
    mesh.network.crash(alice.host, { reset: true });
    const closing = alice.node.close({ abrupt: true });
    await relayedBy(mesh, bob, carol, dave, 5_000);
    await closing;
    assertEquals(relay.accepted, accepted);
  });
}

Deno.test("a relay that never answers delays a pair by no more than its deadline", async () => {
  await using quartet = await Quartet.start(({ node }) => {
    new HostileRelay(node, swallow, null);
  });
  const { alice, bob, carol, mesh } = quartet;
  await relayedBy(mesh, bob, carol, alice, 5_000 + RELAY_ANSWER_MS);
});

Deno.test("a relayed session of which nothing comes any more ends by its own liveness, and another relay is taken", async () => {
  let isOpen = true;
  await using quartet = await Quartet.start(({ node }) => {
    new HostileRelay(
      node,
      async (stream, target, relay) => {
        const other = await relay.open(target, stream.peer);
        await relay.join(stream, other, () => isOpen);
      },
    );
  });
  const { alice, bob, carol, mallory, mesh } = quartet;
  await relayedBy(mesh, bob, carol, mallory);
  const conversation = new Conversation(mesh, bob, carol);
  await conversation.flow(2_000);
  isOpen = false;
  conversation.say();
  // Three heartbeats, and an answer of alice.
  await relayedBy(mesh, bob, carol, alice, 6_000);
  await conversation.flow(1_000);
  await conversation.settle();
});

Deno.test("a relay cannot pose as another peer, nor join a pair to a peer of its choice", async () => {
  const seen: string[] = [];
  await using quartet = await Quartet.start(({ node }) => {
    new HostileRelay(node, async (stream, _target, relay) => {
      // An end that dials the other gets alice, with her own certificate.
      const [other] = node.sessions().filter(({ id }) =>
        id !== stream.peer && quartet?.alice && id === idOf(quartet.alice)
      );
      if (other === undefined) return stream.abort();
      seen.push(other.id);
      await relay.join(stream, await relay.open(other.id, stream.peer));
    });
  }, { alice: false });
  const { alice, bob, carol, mesh } = quartet;
  await mesh.clock.advance(120_000);
  assert(seen.length > 0);
  assertEquals([viaOf(bob, carol), viaOf(carol, bob)], [undefined, undefined]);
  for (const end of [bob, carol]) {
    assertEquals(viaOf(alice, end), "direct");
    assertEquals(viaOf(end, alice), "direct");
  }
});

Deno.test("a relay that claims another dialing end than there is brings no session about", async () => {
  await using quartet = await Quartet.start(({ node }) => {
    new HostileRelay(
      node,
      async (stream, target, relay) => {
        const claimed = (await identities(9))[8]!.id;
        await relay.join(stream, await relay.open(target, claimed));
      },
    );
  }, { alice: false });
  const { bob, carol, mesh } = quartet;
  await mesh.clock.advance(60_000);
  assertEquals([viaOf(bob, carol), viaOf(carol, bob)], [undefined, undefined]);
  const refused = [bob, carol].flatMap(({ log }) => log.of("refused"));
  assert(
    refused.some(({ reason }) => reason.includes("the relay has announced")),
    JSON.stringify(refused),
  );
  for (const { via } of refused) {
    assert(mesh.members.some((it) => idOf(it) === via), `via ${via}`);
  }
});

Deno.test("streams for this node itself, for the relay, and for a denied peer are refused at once", async () => {
  let relay!: HostileRelay;
  await using quartet = await Quartet.start(({ node }) => {
    relay = new HostileRelay(node, swallow);
  });
  const { alice, bob, carol, mallory, mesh } = quartet;
  await mesh.clock.advance(5_000);
  bob.node.admission.deny(idOf(carol));
  const claims = { "itself": bob, "relay": mallory, "denied": carol };
  for (const [word, claimed] of Object.entries(claims)) {
    const stream = await relay.open(idOf(bob), idOf(claimed));
    const { promise, resolve } = Promise.withResolvers<Error>();
    stream.read(new Uint8Array(1)).catch(resolve);
    await mesh.clock.advance(100);
    const error = await promise;
    assert(error.message.includes(word), error.message);
  }
  assertEquals(partsOf(bob.node).relaying.arrivals.size, 0);
  assertEquals(viaOf(bob, alice), "direct");
});

Deno.test("a relay that floods an end with streams has a few of them pending, and takes room from no other relay", async () => {
  let relay!: HostileRelay;
  await using quartet = await Quartet.start(({ node }) => {
    relay = new HostileRelay(node, swallow);
  }, { alice: false });
  const { bob, carol, mesh } = quartet;
  await mesh.clock.advance(5_000);
  const { arrivals } = partsOf(bob.node).relaying;
  let refused = 0;
  const flood = async () => {
    for (let i = 0; i < 100; i++) {
      const claimed = (await identities(9))[8]!.id;
      const stream = await relay.open(idOf(bob), claimed);
      stream.read(new Uint8Array(1)).catch(() => refused++);
    }
  };
  await flood();
  await mesh.clock.advance(500);
  assertEquals(arrivals.size, MAX_PENDING_RELAYED_PER_RELAY);
  assert(refused >= 100 - RELAYED_BURST, `${refused} refused`);
  // Another relay is not held up by that.
  const dave = await mesh.start([quartet.alice]);
  await flood();
  await relayedBy(mesh, bob, carol, dave, 40_000);
  assert(arrivals.size <= MAX_PENDING_RELAYED_PER_RELAY + 1);
});

Deno.test("connections that fail at once do not let a relay bring more than its rate", async () => {
  let relay!: HostileRelay;
  await using quartet = await Quartet.start(({ node }) => {
    relay = new HostileRelay(node, swallow);
  }, { alice: false });
  const { bob, mesh } = quartet;
  await mesh.clock.advance(5_000);
  const claimed = (await identities(9))[8]!.id;
  const reasons: string[] = [];
  for (let i = 0; i < 2 * RELAYED_BURST; i++) {
    const stream = await relay.open(idOf(bob), claimed);
    stream.read(new Uint8Array(1)).catch(({ message }) =>
      reasons.push(message)
    );
    stream.write(new Uint8Array(100)).catch(() => {});
    await stream.closeWrite().catch(() => {});
    await mesh.clock.advance(20);
  }
  const full = reasons.filter((it) => it.includes("may come at once")).length;
  assert(full >= RELAYED_BURST / 2, `${full} of ${reasons.length} refused`);
});

Deno.test("peers that do not exist, however many are reported, hold up no peer that does", async () => {
  let relay!: HostileRelay;
  await using quartet = await Quartet.start(({ node }) => {
    relay = new HostileRelay(node, swallow, null);
  });
  const { alice, bob, carol, mallory, mesh } = quartet;
  await relayedBy(mesh, bob, carol, alice, 20_000);
  const sybils = (await identities(40)).slice(8);
  reportLive(mallory.node, bob.node, sybils);
  await mesh.clock.advance(3_000);
  const { dialer } = partsOf(bob.node).relaying;
  for (let i = 0; i < 200; i++) {
    await mesh.clock.advance(100);
    assert(dialer.size <= MAX_RELAY_ATTEMPTS_PER_SOURCE, `${dialer.size}`);
  }
  mesh.network.breakLink(alice.host, bob.host);
  await mesh.clock.advance(1_000);
  // As soon as alice is back, and an answer of mallory is not waited for.
  await relayedBy(mesh, bob, carol, alice, 10_000);
  assert(relay.asked < 10 * sybils.length, `${relay.asked} streams`);
});
