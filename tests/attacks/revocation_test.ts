// A member's key fell into the wrong hands: one node is told to keep it out, and
// does, whatever the key's holder and all the other nodes say.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Identity } from "../../src/identity/identity.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import { Node } from "../../src/mesh/node.ts";
import type { NodeOptions } from "../../src/mesh/options.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodeGetPeers } from "../../src/wire/messages/peer_request.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { RawListener } from "../helpers/raw_listener.ts";
import { EventLog } from "../helpers/nodes.ts";
import { until } from "../helpers/until.ts";

/** As often as peers grant it, so that whoever may hear of somebody does so soon. */
const OFTEN: NodeOptions = { peerExchangeMs: 2_000 };

/** Alice, who is told to keep mallory out, and bob, who is a friend of both. */
class Trio implements AsyncDisposable {
  readonly store = new MemoryStore();
  readonly #open = new Set<Node>();
  constructor(
    readonly alice: Node,
    readonly bob: Node,
    readonly mallory: Node,
  ) {
    for (const node of [alice, bob, mallory]) this.#open.add(node);
  }

  static async start(admission: "open" | "closed"): Promise<Trio> {
    const store = new MemoryStore();
    const identity = await Identity.generate({ ephemeral: false });
    const alice = await Node.start({ ...OFTEN, identity, store, admission });
    const others: Node[] = [];
    for (let i = 0; i < 2; i++) {
      const invite = alice.admission.invite();
      const own = await Identity.generate({ ephemeral: false });
      others.push(await Node.start({ ...OFTEN, identity: own, invite }));
    }
    const trio = Object.assign(new Trio(alice, others[0]!, others[1]!), {
      store,
    });
    await until(
      "all three to meet",
      () => [alice, ...others].every((node) => node.sessions().length === 2),
    );
    return trio;
  }

  /**
   * Alice's node is stopped and started again, with what it remembers. Meanwhile
   * carol joins bob: who meets her has heard what bob says of his friends.
   */
  async restart(options: NodeOptions = {}): Promise<Node> {
    await this.alice.close();
    const { identity } = this.alice;
    const { store } = this;
    const invite = this.bob.admission.invite();
    const carol = await Node.start({ ...OFTEN, invite });
    this.#open.add(carol);
    await until("carol to join", () => isUp(carol, this.bob));
    const again = await Node.start({ ...OFTEN, identity, store, ...options });
    this.#open.add(again);
    await until(
      "carol and bob to be met",
      () => isUp(again, carol) && isUp(again, this.bob),
    );
    return again;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#open].map((node) => node.close()));
  }
}

/** Whom a node tells a member of. */
async function told(node: Node, member: Identity): Promise<string[]> {
  using peer = await RawPeer.open(node, { identity: member });
  const before = peer.count(COMMAND.peers);
  await peer.say(
    COMMAND.getpeers,
    encodeGetPeers({ digest: "00".repeat(32), fingerprints: ["00".repeat(8)] }),
  );
  await until("the list", () => peer.count(COMMAND.peers) > before);
  return peer.told().map((entry) => entry.id);
}

const isUp = (node: Node, other: Node) =>
  node.sessions().some((link) => link.id === other.identity.id);

for (const admission of ["open", "closed"] as const) {
  Deno.test(`a denied member of a mesh with admission ${admission} is cut off and stays out`, async () => {
    await using trio = await Trio.start(admission);
    const { alice, bob, mallory } = trio;
    const { id } = mallory.identity;
    const events = new EventLog(mallory);

    // The live session is cut, and the holder of the key is told why.
    alice.admission.deny(id);
    assert(!isUp(alice, mallory), "the session still counts");
    await until("the session to end", () => events.of("peer:down").length > 0);
    assertStringIncludes(events.of("peer:down")[0]!.reason, "denied");

    // Whatever it dials with is refused: the same key, and a re-made certificate.
    const remade = await Identity.fromPem(mallory.identity.privateKeyPem);
    assert(
      remade.keyType !== "P-256" ||
        remade.certificate.toHex() !== mallory.identity.certificate.toHex(),
    );
    for (const identity of [mallory.identity, remade]) {
      using again = await RawPeer.open(alice, { identity }, "proof");
      assertEquals((await again.refusal())?.name, "denied");
    }
    // Alice tells nobody of it, though it is in the mesh as bob sees it.
    const friend = await Identity.generate();
    alice.admission.allow(friend.id);
    const list = await told(alice, friend);
    assert(list.includes(bob.identity.id), "the control is not told of");
    assert(!list.includes(id), "the denied one is told of");

    // Bob's lists do not bring it back, also not after a restart, nor does a pin.
    assert(isUp(bob, mallory), "bob has his own mind");
    const again = await trio.restart({
      admission,
      connect: [`${id}@${mallory.address}`],
    });
    assertEquals(again.admission.accessRules().map((it) => it.rule).sort(), [
      "allowed",
      "denied",
    ]);
    assert(!isUp(again, mallory), "the denied one is back");

    // Only a person at this node lifts it.
    again.admission.allow(id);
    await until("all to be whole", () => isUp(again, mallory));
  });
}

Deno.test("a denied stranger is refused by a node it dials and by a node that dials it", async () => {
  await using alice = await Node.start();
  const mallory = await Identity.generate();
  alice.admission.deny(mallory.id);
  using attacker = await RawPeer.open(alice, { identity: mallory }, "proof");
  assertEquals((await attacker.refusal())?.name, "denied");

  await using listening = await Node.start({ identity: mallory });
  const store = new MemoryStore();
  store.putAccessRule({ id: mallory.id, rule: "denied", at: 0 });
  await using dialing = await Node.start({
    store,
    connect: [listening.address],
  });
  const log = new EventLog(dialing);
  await until("the refusal", () => log.of("refused").length > 0);
  assertStringIncludes(log.of("refused")[0]!.reason, "denied");
  assertEquals(dialing.peers(), []);
  assertEquals(listening.peers(), []);
});

Deno.test("gossip does not bring back a peer that was forgotten", async () => {
  await using trio = await Trio.start("closed");
  const { alice, mallory } = trio;
  const { id } = mallory.identity;
  alice.admission.forget(id);
  assert(!alice.peers().some((peer) => peer.id === id));
  // It comes by itself, with bob's and alice's own attestations: it has to wait.
  await until(
    "the forgotten one to knock",
    () => alice.admission.joinRequests().some((peer) => peer.id === id),
  );
  const again = await trio.restart({ admission: "closed" });
  assert(!isUp(again, mallory));
  assert(!again.peers().some((peer) => peer.id === id));
  again.admission.allow(id);
  await until("the allowed one to be back", () => isUp(again, mallory), 20_000);
});

Deno.test("a peer that an open node forgot is a newcomer when it comes by itself", async () => {
  await using alice = await Node.start();
  await using bob = await Node.start({ connect: [alice.address] });
  await until("both to meet", () => isUp(alice, bob));
  const { id } = bob.identity;
  const log = new EventLog(alice);
  alice.admission.forget(id);
  assertEquals(alice.peers(), []);
  await until("bob to be back", () => isUp(alice, bob));
  assertEquals(log.of("peer:up").at(-1)?.trust, "first-use");
  assertEquals(alice.admission.accessRules(), []);
});

Deno.test("a denied peer is not dialed, whatever the source of its address", async () => {
  await using denied = await RawListener.start();
  await using control = await RawListener.start();
  const store = new MemoryStore();
  const { id } = denied.identity;
  store.putAccessRule({ id, rule: "denied", at: 0 });
  await using alice = await Node.start({
    store,
    connect: [
      `${id}@${denied.address}`,
      `${control.identity.id}@${control.address}`,
    ],
  });
  const log = new EventLog(alice);
  using _dialed = await control.next();
  assertEquals(denied.arrivals, 0);
  await until("it to be said", () => log.of("refused").length > 0);
  const [refused, ...more] = log.of("refused");
  assertEquals(more, []);
  assertEquals([refused?.address, refused?.expected], [denied.address, id]);
  assertStringIncludes(refused?.reason ?? "", "must be allowed first");
  alice.admission.allow(id);
  using _allowed = await denied.next();
});

Deno.test("an address that a denied peer had before is said not to be dialed when a person gives it again", async () => {
  const store = new MemoryStore();
  const identity = await Identity.generate({ ephemeral: false });
  await using bob = await Node.start({ identity });
  {
    await using alice = await Node.start({ store, connect: [bob.address] });
    await until("bob", () => isUp(alice, bob));
    alice.admission.deny(identity.id);
  }
  await using again = await Node.start({ store, connect: [bob.address] });
  const log = new EventLog(again);
  await until("it to be said", () => log.of("refused").length > 0);
  const [refused] = log.of("refused");
  assertEquals(refused?.expected ?? identity.id, identity.id);
  assertStringIncludes(refused?.reason ?? "", "is denied here");
  assertEquals(again.sessions(), []);
});

Deno.test("a peer that is denied between its proof and its verack is cut off", async () => {
  await using alice = await Node.start();
  const mallory = await Identity.generate();
  using peer = await RawPeer.open(alice, { identity: mallory }, "proof");
  // The proof has been judged by the time somebody else is through.
  using _other = await RawPeer.open(alice, {}, "peers");
  alice.admission.deny(mallory.id);
  await peer.say(COMMAND.verack);
  const told = await peer.refusal();
  assertEquals([told?.command, told?.name], ["bye", "denied"]);
  assert(!alice.peers().some(({ id }) => id === mallory.id));
});

Deno.test("a member of a closed mesh that is forgotten between its proof and its verack is no member any more", async () => {
  await using alice = await Node.start({ admission: "closed" });
  const identity = await Identity.generate();
  alice.admission.allow(identity.id);
  using _up = await RawPeer.open(alice, { identity });
  using held = await RawPeer.open(alice, { identity, instance: 7n }, "proof");
  // The proof has been judged by the time that of a stranger is.
  using _later = await RawPeer.open(alice, {}, "proof").then(async (peer) => {
    await peer.refusal();
    return peer;
  });
  alice.admission.forget(identity.id);
  await held.say(COMMAND.verack);
  const told = await held.refusal();
  assertEquals([told?.command, told?.name], ["bye", "not-admitted"]);
  assertEquals(alice.peers(), []);
  const [rule] = alice.admission.accessRules();
  assertEquals(rule?.rule, "forgotten");
  using again = await RawPeer.open(alice, { identity }, "proof");
  assertEquals((await again.refusal())?.name, "not-admitted");
});

Deno.test("a member of a closed mesh that is forgotten while its configured address is dialed is no member any more", async () => {
  await using listener = await RawListener.start();
  const { id } = listener.identity;
  const store = new MemoryStore();
  store.putAccessRule({ id, rule: "allowed", at: 0 });
  const connect = [listener.address];
  await using alice = await Node.start({ admission: "closed", store, connect });
  using dialed = await listener.next();
  await dialed.version();
  await dialed.features();
  await dialed.say(COMMAND.challenge, new Uint8Array(32).fill(7));
  await dialed.take(COMMAND.verack);
  alice.admission.forget(id);
  await dialed.say(COMMAND.verack);
  assertEquals((await dialed.refusal())?.name, "not-admitted");
  assertEquals(alice.peers(), []);
  assertEquals(alice.admission.accessRules().map(({ rule }) => rule), [
    "forgotten",
  ]);
});
