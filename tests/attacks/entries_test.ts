// What a peer says of itself is judged strictly, what it passes on leniently: a
// value that a third node made up costs its entry, not the session it came on.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Identity } from "../../src/identity/identity.ts";
import { Node } from "../../src/mesh/node.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import type { ReasonName } from "../../src/wire/messages/reason.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { handled } from "../helpers/handled.ts";
import { entryOf, stranger } from "../helpers/forged_messages.ts";
import { forgePeers, loopback } from "../helpers/forged_entry.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

const hex = (text: string) => new TextEncoder().encode(text).toHex();
const dns = (name: string, port = "0009") =>
  `d0${name.length.toString(16).padStart(2, "0")}${hex(name)}${port}`;

/** What is wrong with an entry that an honest node may pass on unseen. */
const FAULTS: Readonly<Record<string, object>> = {
  "port 0": { addresses: ["01047f0000010000"] },
  "port 0 of a DNS name": { addresses: [dns("a.example", "0000")] },
  "port 0 at the address seen": { addresses: ["d1000000"] },
  "an IP address as a DNS name": { addresses: [dns("127.0.0.1")] },
  "an IPv6 address as a DNS name": { addresses: [dns("::1")] },
  "a DNS name with a space": { addresses: [dns("a b")] },
  "an empty DNS name": { addresses: ["d0000009"] },
  "an IPv4 address of five bytes": { addresses: ["010501020304050009"] },
  "an address as seen with bytes": { addresses: ["d101010009"] },
  "a bad address behind a good one": {
    addresses: [loopback(9), "01047f0000010000"],
  },
  "a time of 2^53": { lastSeen: 2n ** 53n },
  "the largest time": { lastSeen: 2n ** 64n - 1n },
  "a name that is no UTF-8": { name: Uint8Array.of(0xff) },
};

Deno.test("an entry with a value that is not allowed is skipped, and neither its neighbours nor the session are lost", async () => {
  await using scene = await Scene.start();
  using member = await RawPeer.open(scene.victim);
  for (const [what, fields] of Object.entries(FAULTS)) {
    const [bad, good] = [stranger(), stranger()];
    const payload = forgePeers([
      { identity: bad, addresses: [loopback(9)], ...fields },
      { identity: good, addresses: [loopback(9), "7703010203000a"] },
    ]);
    await member.say(COMMAND.peers, payload);
    await handled(member);
    const known = scene.victim.peers().map((peer) => peer.id);
    assert(!known.includes(bad.id), `${what}: taken`);
    assert(known.includes(good.id), `${what}: its neighbour was lost`);
  }
  // Neither is told on: no rumour is, before it is verified.
  assert(!member.isOver);
  assertEquals(scene.log.of("peer:down"), []);
});

Deno.test("a payload that cannot be cut into entries ends the session", async (t) => {
  await using scene = await Scene.start();
  const sound = forgePeers([{
    identity: stranger(),
    addresses: [loopback(9)],
  }]);
  const forged: Readonly<Record<string, Uint8Array>> = {
    "cut short": sound.subarray(0, -3),
    "a count above its entries": Uint8Array.from([2, ...sound.subarray(1)]),
    "five addresses": forgePeers([{
      identity: stranger(),
      addresses: Array.from({ length: 5 }, () => loopback(9)),
    }]),
  };
  for (const [what, payload] of Object.entries(forged)) {
    await t.step(what, async () => {
      using member = await RawPeer.open(scene.victim);
      await member.say(COMMAND.peers, payload);
      assertEquals((await member.refusal())?.name, "protocol-error");
    });
  }
});

/** First `peers` that are refused; `own` is the sender's entry as it should be. */
const INTRODUCTIONS: readonly (readonly [
  string,
  (own: { identity: Identity; addresses: string[] }) => Uint8Array,
  ReasonName,
])[] = [
  ["no entry", () => forgePeers([]), "protocol-error"],
  [
    "a second entry",
    (own) => forgePeers([own, { ...own, identity: stranger() as Identity }]),
    "protocol-error",
  ],
  ["more to follow", (own) => forgePeers([own], 1), "protocol-error"],
  [
    "another identity",
    (own) => forgePeers([{ ...own, identity: stranger() as Identity }]),
    "protocol-error",
  ],
  [
    "a port 0",
    (own) => forgePeers([{ ...own, addresses: ["d1000000"] }]),
    "protocol-error",
  ],
  [
    "another certificate",
    (own) => {
      const { certificate } = stranger();
      const { id } = own.identity;
      const identity = { id, certificate } as Identity;
      return forgePeers([{ ...own, identity }]);
    },
    "bad-certificate",
  ],
  [
    "no certificate",
    (own) => {
      const { id } = own.identity;
      const identity = { id, certificate: new Uint8Array(0) } as Identity;
      return forgePeers([{ ...own, identity }]);
    },
    "bad-certificate",
  ],
];

Deno.test("a first peers that is not one sound entry about its sender ends the session", async (t) => {
  await using scene = await Scene.start();
  for (const [what, payload, reason] of INTRODUCTIONS) {
    await t.step(what, async () => {
      using peer = await RawPeer.open(scene.victim, {}, "verack");
      const { identity } = peer;
      const own = { identity, addresses: ["d1000009"] };
      await peer.say(COMMAND.peers, payload(own));
      const told = await peer.refusal();
      assertEquals([told?.command, told?.name], ["bye", reason], told?.text);
      peer.close();
      await until(
        "it to be forgotten",
        () => !scene.victim.peers().some((it) => it.id === identity.id),
      );
    });
  }
  assertEquals(scene.log.of("peer:up").length, 1);
});

Deno.test("four addresses that a peer names of itself are kept", async () => {
  await using scene = await Scene.start();
  const addresses = [1, 2, 3, 4].map((port) => ({ host: "127.0.0.1", port }));
  using peer = await RawPeer.open(scene.victim, { addresses });
  await handled(peer);
  const known = scene.victim.peers()
    .find((it) => it.id === peer.identity.id)?.addresses ?? [];
  assertEquals(
    known.toSorted(),
    ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", "127.0.0.1:4"],
  );
  // And told on: a member that asks for the list gets all four.
  using asker = await RawPeer.open(scene.victim);
  await asker.say(
    COMMAND.getpeers,
    new Uint8Array([...Array(32).fill(0), 1, ...Array(8).fill(0)]),
  );
  const entry = () => asker.told().find((it) => it.id === peer.identity.id);
  await until("the list", () => entry() !== undefined);
  assertEquals(entry()?.addresses.length, 4);
});

Deno.test("bytes behind the fields of a message are ignored in an open session", async () => {
  await using scene = await Scene.start();
  using peer = await RawPeer.dial(scene.victim);
  await peer.shake("verack");
  const own = forgePeers([{
    identity: peer.identity,
    addresses: ["d1000009"],
  }]);
  await peer.say(COMMAND.peers, Uint8Array.from([...own, 1, 2, 3]));
  const tail = (payload: Uint8Array) =>
    Uint8Array.from([...payload, 0xff, 0xff]);
  await peer.say(COMMAND.getpeers, tail(new Uint8Array(33)));
  await peer.say(COMMAND.peerids, tail(new Uint8Array(1)));
  await peer.say(COMMAND.missing, tail(new Uint8Array(1)));
  await peer.say(COMMAND.ping, tail(new Uint8Array(9)));
  await peer.take(COMMAND.pong);
  assert(!peer.isOver);
});

Deno.test("a ping whose text is too long or no UTF-8 ends the session", async (t) => {
  await using scene = await Scene.start();
  const texts: Readonly<Record<string, readonly number[]>> = {
    "257 bytes": [0xfd, 0x01, 0x01, ...Array(257).fill(0x61)],
    "no UTF-8": [2, 0xc3, 0x28],
    "cut short": [5, 0x61],
  };
  for (const [what, text] of Object.entries(texts)) {
    await t.step(what, async () => {
      using peer = await RawPeer.open(scene.victim);
      const payload = Uint8Array.from([...new Uint8Array(8), ...text]);
      await peer.say(COMMAND.ping, payload);
      const told = await peer.refusal();
      assertEquals(told?.name, "protocol-error");
      assertStringIncludes(told?.text ?? "", "ping");
      assertEquals(peer.count(COMMAND.pong), 0);
    });
  }
});

Deno.test("a reject in an open session ends it as bye does", async () => {
  await using scene = await Scene.start();
  using peer = await RawPeer.open(scene.victim);
  await handled(peer);
  await peer.say(COMMAND.reject, Uint8Array.of(0x04, 2, 0x68, 0x69));
  await peer.ended;
  await until("its end", () => scene.log.of("peer:down").length === 1);
  const [down] = scene.log.of("peer:down");
  assertEquals([down?.left, down?.reason], [
    false,
    "Peer refused: timeout (hi)",
  ]);
});

Deno.test("a node passes on what it has verified, and none of the gossip it skipped", async () => {
  await using node = await Node.start();
  using member = await RawPeer.open(node);
  const bad = stranger();
  await member.say(
    COMMAND.peers,
    forgePeers([{ identity: bad, addresses: ["01047f0000010000"] }]),
  );
  await member.tell([entryOf(stranger(), [{ host: "127.0.0.1", port: 9 }])]);
  await handled(member);
  using asker = await RawPeer.open(node);
  await asker.say(
    COMMAND.getpeers,
    new Uint8Array([...Array(32).fill(0), 1, ...Array(8).fill(0)]),
  );
  await until("the list", () => asker.told().length > 1);
  assertEquals(asker.told().map((entry) => entry.id), [
    node.identity.id,
    member.identity.id,
  ]);
});

Deno.test("before the first peers of a session unknown messages are ignored and known ones end it", async () => {
  await using scene = await Scene.start();
  using peer = await RawPeer.open(scene.victim, {}, "verack");
  // Of a later release, or of the handshake; and a ping, which is answered.
  for (const command of ["glitter", COMMAND.version, COMMAND.instance]) {
    await peer.say(command, new Uint8Array(3));
  }
  await peer.say(COMMAND.ping, new Uint8Array(8));
  await peer.take(COMMAND.pong);
  await peer.introduce();
  await until("it to be up", () => scene.log.of("peer:up").length === 2);

  for (const command of [COMMAND.getpeers, COMMAND.message, COMMAND.ack]) {
    using early = await RawPeer.open(scene.victim, {}, "verack");
    await early.say(command, new Uint8Array(33));
    const told = await early.refusal();
    assertEquals([told?.command, told?.name], ["bye", "protocol-error"]);
  }
});
