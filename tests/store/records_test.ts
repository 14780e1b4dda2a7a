// What a person decides about others while the node does not run.
import { assertEquals, assertThrows } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import { VerackError } from "../../src/core/errors.ts";
import { parsePeerId, type PeerId } from "../../src/core/peer_id.ts";
import { Identity } from "../../src/identity/identity.ts";
import { issueAttestation } from "../../src/identity/attestation.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import { Records } from "../../src/store/records.ts";
import { SqliteStore } from "../../src/store/sqlite_store.ts";
import { peerId, place, samplePeer } from "./sample_peer.ts";

/** Begins like `peerId(1)` for so many digits. */
function lookalike(digits: number): PeerId {
  return parsePeerId(peerId(1).slice(0, digits) + "f".repeat(64 - digits));
}

Deno.test("peers are listed with the member that admitted them and the rule about them", async () => {
  const store = new MemoryStore();
  const issuer = await Identity.generate();
  const context = { magic: Uint8Array.of(1, 2, 3, 4), subject: peerId(1) };
  store.putPeer(
    samplePeer(1, { attestation: issueAttestation(issuer, context, 1) }),
  );
  store.putPeer(samplePeer(2, { attestation: Uint8Array.of(1) }));
  const records = new Records(store);
  records.deny(peerId(2), 5);
  records.deny(peerId(3), 6);
  assertEquals(
    records.peers().map((peer) => [peer.admittedBy, peer.rule]),
    [[undefined, "denied"], [issuer.id, undefined]],
  );
  assertEquals(records.accessRules(), [
    { id: peerId(2), rule: "denied" },
    { id: peerId(3), rule: "denied" },
  ]);
});

Deno.test("a peer that is forgotten is off the record, and noted as forgotten", () => {
  const store = new MemoryStore();
  store.putPeer(samplePeer(1));
  const records = new Records(store);
  assertEquals(records.forget(peerId(1).slice(0, 8), 7), peerId(1));
  assertEquals(store.peers(), []);
  assertEquals(store.accessRules(), [
    { id: peerId(1), rule: "forgotten", at: 7 },
  ]);
});

Deno.test("a peer that asked to join where it was dialed is on record when it is allowed", () => {
  for (const direction of ["outbound", "inbound"] as const) {
    const store = new MemoryStore();
    const address = { host: "10.0.0.1", port: 8_080 };
    store.putJoinRequest({
      id: peerId(1),
      certificate: Uint8Array.of(1),
      address,
      direction,
      firstSeen: 1,
      lastSeen: 2,
    });
    const records = new Records(store);
    records.allow(peerId(1), 3);
    assertEquals(records.joinRequests(), []);
    assertEquals(
      records.peers().map((peer) => [
        peer.rule,
        peer.addresses[0]?.address,
      ]),
      direction === "outbound" ? [["allowed", address]] : [],
    );
  }
});

Deno.test("first digits that mean two peers are refused, and both are named", () => {
  const store = new MemoryStore();
  store.putPeer(samplePeer(1));
  store.putPeer(samplePeer(2, { id: lookalike(12) }));
  const records = new Records(store);
  for (const action of ["deny", "forget"] as const) {
    const error = assertThrows(
      () => records[action](peerId(1).slice(0, 12), 1),
      VerackError,
    );
    assertEquals(error.code, "ambiguous");
    for (const id of [peerId(1), lookalike(12)]) {
      assertEquals(error.message.includes(id), true, error.message);
    }
    for (const text of ["0101010", "01010101f", "zzzzzzzz", "peer 1 ☃\0!"]) {
      const error = assertThrows(() => records[action](text, 1), VerackError);
      assertEquals(error.code, "unknown-peer");
    }
  }
  assertEquals(store.accessRules(), []);
  assertEquals(records.forget(peerId(1).slice(0, 13), 1), peerId(1));
});

Deno.test("the node itself is neither denied nor forgotten, by its id or first digits", () => {
  const store = new MemoryStore();
  store.putSetting("data.identity", Uint8Array.fromHex(peerId(1)));
  const records = new Records(store);
  for (const action of ["deny", "forget"] as const) {
    for (const digits of [8, 64]) {
      assertThrows(
        () => records[action](peerId(1).slice(0, digits), 1),
        RangeError,
        "is this node itself",
      );
    }
  }
  assertEquals(store.accessRules(), []);
});

Deno.test("messages that wait for a peer are dropped when it is denied or forgotten, and those of others stay", () => {
  for (const action of ["deny", "forget"] as const) {
    using file = place();
    for (
      const store of [
        new MemoryStore(),
        SqliteStore.open(file.path, { clock: systemClock }),
      ]
    ) {
      using _closed = { [Symbol.dispose]: () => store.close() };
      store.putPeer(samplePeer(1));
      for (const to of [[1], [2], [1, 2]]) {
        const message = {
          id: Uint8Array.from({ length: 16 }, () => to.length),
          topic: "",
          body: Uint8Array.from(to),
          createdAt: 1,
          ttlMs: 1_000,
        };
        store.messages.putOutgoing(message, to.map(peerId));
      }
      new Records(store)[action](peerId(1).slice(0, 8), 1);
      assertEquals(
        [...store.messages.outgoing()].map(({ message, to }) => [
          [...message.body],
          to,
        ]),
        [[[2], [peerId(2)]], [[1, 2], [peerId(2)]]],
      );
    }
  }
});

Deno.test("no peer is allowed by the first digits of an identity", () => {
  const store = new MemoryStore();
  store.putPeer(samplePeer(1));
  const records = new Records(store);
  for (const text of [peerId(1).slice(0, 63), `${peerId(1)}0`, ""]) {
    assertThrows(() => records.allow(text, 1), SyntaxError);
  }
  assertEquals(store.accessRules(), []);
});

Deno.test("a name is given to a peer when it is allowed, and taken when it is denied or forgotten", () => {
  for (const decision of ["deny", "forget"] as const) {
    const store = new MemoryStore();
    store.putPeer(samplePeer(1, { name: "bob" }));
    store.putPeer(samplePeer(2, { name: "Bob" }));
    const bound = (byte: number, confirmed = true) => ({
      name: "bob",
      id: peerId(byte),
      ephemeral: false,
      confirmed,
    });
    store.putNameBinding(bound(1, false));
    const records = new Records(store);
    assertEquals(
      records.peers().map(({ nameHeldBy }) => nameHeldBy),
      [peerId(1), undefined],
    );
    assertThrows(() => records.allow(peerId(2), 5, "two words"), RangeError);
    assertEquals([store.accessRules(), store.nameBindings()], [[], [
      bound(1, false),
    ]]);
    records.allow(peerId(2), 5, "BOB");
    assertEquals(store.nameBindings(), [bound(2)]);
    records[decision](peerId(2), 6);
    assertEquals(store.nameBindings(), []);
  }
});

Deno.test("a guest that is denied or forgotten has no invite any more, one that is allowed has, and so have others", () => {
  for (
    const [action, left] of [["deny", 1], ["forget", 1], ["allow", 2]] as const
  ) {
    const store = new MemoryStore();
    const expiresAt = Date.now() + 1_000_000;
    const key = Uint8Array.of(1);
    for (const n of [1, 2]) {
      const id = `${n}`.repeat(32);
      store.putInvite({ id, key, expiresAt, usedBy: peerId(n) });
    }
    const records = new Records(store);
    records[action](peerId(1), 1);
    assertEquals(
      records.invites().map(({ usedBy }) => usedBy),
      [
        peerId(1),
        peerId(2),
      ].slice(-left),
    );
    assertEquals(store.invites().length, left);
  }
});

Deno.test("first digits of an id revoke an invite if no other has them", () => {
  const store = new MemoryStore();
  const ids = ["a".repeat(32), "a".repeat(9) + "b".repeat(23)];
  const expiresAt = Date.now() + 1_000_000;
  for (const id of ids) {
    store.putInvite({ id, key: new Uint8Array(), expiresAt });
  }
  const records = new Records(store);
  for (
    const [text, code] of [
      ["a".repeat(9), "ambiguous"],
      ["a".repeat(7), "unknown-invite"],
      ["", "unknown-invite"],
      ["b".repeat(32), "unknown-invite"],
    ] as const
  ) {
    const error = assertThrows(() => records.revoke(text), VerackError);
    assertEquals(error.code, code);
  }
  assertEquals(records.revoke("A".repeat(10)).id, ids[0]);
  assertEquals(store.invites().map(({ id }) => id), [ids[1]]);
});

Deno.test("a peer is denied and forgotten by the name that it has or was given, as at a running node", () => {
  for (const action of ["deny", "forget"] as const) {
    for (const text of ["mallory", "MALLORY", "eva", "former"]) {
      const store = new MemoryStore();
      store.putPeer(samplePeer(1, { name: "mallory" }));
      store.putPeer(samplePeer(2, { name: "bob" }));
      const bound = { id: peerId(1), ephemeral: false };
      store.putNameBinding({ ...bound, name: "former", confirmed: false });
      const records = new Records(store);
      records.allow(peerId(1), 1, "Eva");
      assertEquals(
        records.peers().map(({ boundName }) => boundName),
        [undefined, "eva"],
      );
      assertEquals(records[action](text, 5), peerId(1));
      assertEquals(store.nameBindings(), []);
    }
  }
});

Deno.test("a name that one peer was given and another has means neither when it is denied", () => {
  const store = new MemoryStore();
  store.putPeer(samplePeer(1, { name: "eve" }));
  store.putPeer(samplePeer(2, { name: "eva" }));
  const records = new Records(store);
  records.allow(peerId(1), 1, "eva");
  const error = assertThrows(() => records.deny("eva", 2), VerackError);
  assertEquals(error.code, "ambiguous");
  // A name that only a binding knows is enough.
  store.deletePeer(peerId(1));
  store.deletePeer(peerId(2));
  assertEquals(records.deny("eva", 2), peerId(1));
});
