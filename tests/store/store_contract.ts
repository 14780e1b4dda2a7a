/** What every store must do, on disk or not: one suite for all of them. */
import { assert, assertEquals } from "@std/assert";
import type { PeerId } from "../../src/core/peer_id.ts";
import type {
  JoinRequest,
  NodeStore,
} from "../../src/mesh/peers/node_store.ts";
import { peerId, samplePeer } from "./sample_peer.ts";

/**
 * Runs the suite.
 *
 * @param make A store with nothing in it.
 * @param again The same store after a restart.
 */
export function storeContract(
  name: string,
  make: () => NodeStore,
  again: (store: NodeStore) => NodeStore,
): void {
  const test = (what: string, steps: (store: NodeStore) => NodeStore) =>
    Deno.test(`${name} ${what}`, () => steps(make()).close());

  test("keeps peers, seen last first, and replaces and drops them", (store) => {
    store.putPeer(samplePeer(1));
    store.putPeer(samplePeer(2));
    store.putPeer(samplePeer(3));
    store = again(store);
    assertEquals(store.peers(), [3, 2, 1].map((byte) => samplePeer(byte)));
    const changed = samplePeer(1, {
      addresses: samplePeer(1).addresses.slice(2),
      lastSeen: 9_999,
      trust: "pinned",
      ephemeral: true,
      attestation: new Uint8Array(0),
      name: "",
    });
    store.putPeer(changed);
    store.deletePeer(peerId(2));
    store.deletePeer(peerId(99));
    store = again(store);
    assertEquals(store.peers(), [changed, samplePeer(3)]);
    return store;
  });

  test("tells of peers in short, and drops all but some", (store) => {
    for (const byte of [1, 2, 3, 4]) store.putPeer(samplePeer(byte));
    store.putPeer(samplePeer(5, { addresses: [], trust: "pinned" }));
    store = again(store);
    assertEquals(
      [...store.peerHeads()].map((it) =>
        [
          it.id,
          it.trust,
          it.isConfigured,
          it.earnedStanding,
          it.upForLong,
        ].join()
      ),
      [
        `${peerId(5)},pinned,false,false,false`,
        ...[4, 3, 2, 1].map((byte) =>
          `${peerId(byte)},known,true,${byte % 2 === 0},${byte % 3 === 0}`
        ),
      ],
    );
    store.trimPeers([peerId(1), peerId(3), peerId(99)]);
    for (let start = 0; start < 2; start++) {
      assertEquals(store.peers(), [samplePeer(3), samplePeer(1)]);
      store = again(store);
    }
    // Its addresses are written again, though they are as before.
    store.putPeer(samplePeer(4));
    store.trimPeers([peerId(4)]);
    store = again(store);
    assertEquals(store.peers(), [samplePeer(4)]);
    return store;
  });

  test("keeps rules", (store) => {
    store.putAccessRule({ id: peerId(1), rule: "allowed", at: 1 });
    store.putAccessRule({ id: peerId(2), rule: "denied", at: 2 });
    store.putAccessRule({ id: peerId(3), rule: "forgotten", at: 3 });
    store.putAccessRule({ id: peerId(1), rule: "denied", at: 4 });
    store.deleteAccessRule(peerId(2));
    store = again(store);
    const rules = store.accessRules().sort((a, b) => a.at - b.at);
    assertEquals(rules, [
      { id: peerId(3), rule: "forgotten", at: 3 },
      { id: peerId(1), rule: "denied", at: 4 },
    ]);
    return store;
  });

  test("keeps join requests", (store) => {
    const waiting: JoinRequest = {
      id: peerId(7),
      certificate: Uint8Array.of(7),
      address: { host: "10.0.0.1", port: 50_000 },
      direction: "inbound",
      firstSeen: 1,
      lastSeen: 2,
    };
    store.putJoinRequest({ ...waiting, lastSeen: 1 });
    store.putJoinRequest(waiting);
    store.putJoinRequest({ ...waiting, id: peerId(8) });
    store.deleteJoinRequest(peerId(8));
    store = again(store);
    assertEquals(store.joinRequests(), [waiting]);
    return store;
  });

  test("keeps invites and the guests that used them", (store) => {
    const invite = {
      id: "00".repeat(16),
      key: Uint8Array.of(1),
      expiresAt: 5,
    };
    store.putInvite(invite);
    store = again(store);
    assertEquals(store.invites(), [invite]);
    const used = { ...invite, usedBy: peerId(1) };
    store.putInvite(used);
    store = again(store);
    assertEquals(store.invites(), [used]);
    store.deleteInvite(invite.id);
    assertEquals(store.invites(), []);
    return store;
  });

  test("keeps names and what they mean, the oldest first", (store) => {
    const binding = (byte: number, name: string, changes = {}) => ({
      name,
      id: peerId(byte),
      ephemeral: false,
      confirmed: false,
      ...changes,
    });
    store.putNameBinding(binding(1, "bob"));
    store.putNameBinding(binding(2, "zo\u00eb", { ephemeral: true }));
    store.putNameBinding(binding(1, "gone"));
    store.deleteNameBinding("gone");
    store = again(store);
    assertEquals(store.nameBindings(), [
      binding(1, "bob"),
      binding(2, "zo\u00eb", { ephemeral: true }),
    ]);
    store.putNameBinding(binding(3, "bob", { confirmed: true }));
    store = again(store);
    assertEquals(store.nameBindings(), [
      binding(2, "zo\u00eb", { ephemeral: true }),
      binding(3, "bob", { confirmed: true }),
    ]);
    return store;
  });

  test("keeps settings", (store) => {
    assertEquals(store.setting("a"), undefined);
    store.putSetting("a", Uint8Array.of(1));
    store.putSetting("a", Uint8Array.of(2, 3));
    store = again(store);
    assertEquals(store.setting("a"), Uint8Array.of(2, 3));
    return store;
  });

  messageContract(test, again);
}

function messageContract(
  test: (what: string, steps: (store: NodeStore) => NodeStore) => void,
  again: (store: NodeStore) => NodeStore,
): void {
  const body = new Uint8Array(8).fill(7).subarray(2, 5);
  const message = (byte: number) => ({
    id: new Uint8Array(16).fill(byte),
    topic: "news\0x",
    body,
    createdAt: 100,
    ttlMs: 1_000,
  });
  const [a, b] = [peerId(1), peerId(2)];

  test("keeps a message for each receiver until it is deleted", (store) => {
    const first = store.messages.putOutgoing(message(1), [a, b]);
    const second = store.messages.putOutgoing(message(2), [a]);
    store = again(store);
    const { messages } = store;
    const outgoing = () =>
      [...messages.outgoing()].flatMap(({ message, key, to }) =>
        to.map((one) =>
          `${
            message.id[0]
          } ${message.topic} ${message.body} ${message.createdAt} ${message.ttlMs} ${key} ${one}`
        )
      );
    const line = (byte: number, key: number, to: PeerId) =>
      `${byte} news\0x 7,7,7 100 1000 ${key} ${to}`;
    assertEquals(outgoing(), [
      line(1, first, a),
      line(1, first, b),
      line(2, second, a),
    ]);
    assertEquals([...messages.awaited()], [a]);
    messages.deleteOutgoing(first, a);
    messages.deleteOutgoing(first, a);
    assertEquals([...messages.awaited()].toSorted(), [a, b]);
    assertEquals(outgoing(), [line(1, first, b), line(2, second, a)]);
    messages.deleteOutgoing(first, b);
    messages.deleteOutgoing(second, a);
    assertEquals(outgoing(), []);
    return store;
  });

  test("keeps the newest ids that were seen of each sender", (store) => {
    for (let byte = 1; byte <= 4; byte++) {
      for (const from of [a, b]) {
        store.messages.putSeen({ from, id: message(byte).id, at: byte });
      }
    }
    store = again(store);
    const { messages } = store;
    messages.trimSeen(a, 2);
    messages.trimSeen(a, 2);
    messages.trimSeen(peerId(9), 2);
    const seen = (of: PeerId) => [...messages.seenBy(of)].map((id) => id[0]);
    assertEquals(seen(a), [3, 4]);
    assertEquals(seen(b), [1, 2, 3, 4]);
    assertEquals([...messages.senders()], [b, a]);
    messages.putDeliveryCount({
      from: a,
      id: message(1).id,
      deliveryCount: 1,
      at: 3,
    });
    messages.expireSeen(4);
    assertEquals(seen(a).concat(seen(b)), [4, 4]);
    assertEquals([...messages.deliveryCounts()], []);
    messages.putSeen({ from: a, id: message(5).id, at: 5 });
    messages.trimSeen(a, 1);
    assertEquals(seen(a), [5]);
    assertEquals([...messages.senders()], [a, b]);
    return store;
  });

  for (const drop of ["one by one", "few of many", "all but one"]) {
    test(`drops all that it has of senders, ${drop}`, (store) => {
      const senders = [1, 2, 3, 4, 5].map(peerId);
      for (const from of senders) {
        for (let byte = 1; byte <= 3; byte++) {
          const { id } = message(byte);
          store.messages.putSeen({ from, id, at: byte });
        }
        const { id } = message(9);
        store.messages.putDeliveryCount({ from, id, deliveryCount: 1, at: 9 });
      }
      const only = peerId(6);
      store.messages.putDeliveryCount({
        from: only,
        id: message(9).id,
        deliveryCount: 1,
        at: 9,
      });
      store = again(store);
      assertEquals(
        [...store.messages.senders()],
        [...senders.toReversed(), only],
      );
      const kept = drop === "few of many" ? senders.slice(1) : [peerId(2)];
      if (drop === "one by one") {
        for (const from of [...senders, only]) {
          if (!kept.includes(from)) store.messages.deleteSender(from);
        }
      } else store.messages.trimSenders(kept);
      for (let start = 0; start < 2; start++) {
        const { messages } = store;
        assertEquals([...messages.senders()], kept.toReversed());
        const refused = [...messages.deliveryCounts()].map(({ from }) => from);
        assertEquals(refused.sort(), [...kept].sort());
        for (const from of kept) {
          assertEquals([...messages.seenBy(from)].map((id) => id[0]), [
            1,
            2,
            3,
          ]);
        }
        store = again(store);
      }
      // Once more, now that there is something to replace.
      store.messages.putSeen({ from: only, id: message(1).id, at: 1 });
      store.messages.trimSenders([only]);
      assertEquals([...store.messages.senders()], [only]);
      return store;
    });
  }

  test("keeps the newest tries", (store) => {
    for (let byte = 1; byte <= 4; byte++) {
      const { id } = message(byte);
      const from = peerId(byte);
      store.messages.putDeliveryCount({ from, id, deliveryCount: 1, at: byte });
    }
    store.messages.trimDeliveryCounts(2);
    store = again(store);
    const tries = [...store.messages.deliveryCounts()].map(({ at }) => at);
    assertEquals(tries, [3, 4]);
    return store;
  });

  test("counts tries, and sets messages aside", (store) => {
    const { id } = message(1);
    store.messages.putDeliveryCount({ from: a, id, deliveryCount: 1, at: 1 });
    store.messages.putDeliveryCount({ from: a, id, deliveryCount: 2, at: 2 });
    store = again(store);
    let { messages } = store;
    assertEquals([...messages.deliveryCounts()], [
      { from: a, id, deliveryCount: 2, at: 2 },
    ]);
    messages.deleteDeliveryCount(a, id);
    assertEquals([...messages.deliveryCounts()], []);
    const aside = { from: a, id, topic: "\0", body, reason: "n\0o", at: 3 };
    messages.putDeadLetter(aside);
    messages.putDeadLetter({ ...aside, from: b });
    messages.deleteDeadLetter(b, id);
    store = again(store);
    ({ messages } = store);
    const [kept] = [...messages.deadLetters()];
    assertEquals({ ...kept, body: [...kept!.body] }, {
      ...aside,
      body: [7, 7, 7],
    });
    return store;
  });

  test("keeps messages of kept topics, oldest first, with their delivery counts", (store) => {
    const kept = (byte: number, topic: string) => ({
      from: peerId(byte),
      id: message(byte).id,
      topic,
      body: Uint8Array.of(byte, 0),
      at: byte,
      deliveryCount: 0,
    });
    for (const topic of ["jobs", "a\0b", "jobs"]) {
      store.messages.putKeptTopic(topic);
    }
    const keys = [kept(1, "jobs"), kept(2, "a\0b"), kept(3, "jobs")]
      .map((one) => store.messages.putKept(one));
    store.messages.putKeptDeliveryCount(keys[1]!, 4);
    store = again(store);
    const { messages } = store;
    const heads = () =>
      [...messages.keptHeads()].map(({ key, from, topic, ...it }) => [
        keys.indexOf(key),
        from,
        topic,
        it.at,
        it.bytes,
        it.deliveryCount,
      ]);
    assertEquals([...messages.keptTopics()].sort(), ["a\0b", "jobs"]);
    assertEquals(heads(), [
      [0, peerId(1), "jobs", 1, 2, 0],
      [1, peerId(2), "a\0b", 2, 2, 4],
      [2, peerId(3), "jobs", 3, 2, 0],
    ]);
    assertEquals(messages.kept(keys[1]!), {
      ...kept(2, "a\0b"),
      deliveryCount: 4,
    });
    messages.deleteKept(keys[0]!);
    assertEquals(messages.kept(keys[0]!), undefined);
    const later = messages.putKept(kept(4, "jobs"));
    assert(later > keys[2]!);
    messages.deleteKeptTopic("jobs");
    store = again(store);
    assertEquals([...store.messages.keptTopics()], ["a\0b"]);
    assertEquals([...store.messages.keptHeads()].map(({ key }) => key), [
      keys[1],
    ]);
    return store;
  });
}
