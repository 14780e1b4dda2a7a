// Strangers that take all the sessions of a node.
import { assertEquals } from "@std/assert";
import {
  MAX_SESSIONS_PER_PEER,
  MAX_STRANGER_EXTRA_SESSIONS,
} from "../../src/mesh/sessions/connection_limits.ts";
import { Identity } from "../../src/identity/identity.ts";
import { partsOf } from "../../src/mesh/node_parts.ts";
import { Node } from "../../src/mesh/node.ts";
import type { NodeOptions } from "../../src/mesh/options.ts";
import type { RawPeer } from "../helpers/attacker.ts";
import { MemorySiege } from "../helpers/memory_siege.ts";
import { until } from "../helpers/until.ts";

const BUSY = "10.0.1.1";
const OTHER = "10.0.1.2";

/** What a peer was told at the end of its connection, or at that of its handshake. */
async function told(peer: RawPeer): Promise<string | undefined> {
  return (await peer.refusal())?.name;
}

/** An identity that the node has let in by hand, so that it has standing. */
async function friendOf({ victim }: MemorySiege): Promise<Identity> {
  const friend = await Identity.generate();
  victim.admission.allow(friend.id);
  return friend;
}

/** A stranger that does not wait for the end of its handshake, which may not come. */
async function refused(siege: MemorySiege, host: string): Promise<string> {
  const peer = await siege.open(host, {}, "proof");
  const name = await told(peer) ?? "";
  peer.close();
  return name;
}

Deno.test("strangers that were in once take none of the room kept for a peer with standing", async () => {
  await using siege = await MemorySiege.start({ maxPeers: 4 });
  const identity = await friendOf(siege);
  const friend = await siege.open("10.0.9.9", { identity });
  await until("the friend", () => siege.connected(friend)[0]!);
  friend.close();
  await until("its end", () => siege.victim.sessions().length === 0);
  // Each has proven its key, and goes.
  const keys = await Promise.all([1, 2, 3, 4].map(() => Identity.generate()));
  for (const key of keys) {
    const peer = await siege.open(BUSY, { identity: key });
    peer.close();
    await until("its end", () => siege.victim.sessions().length === 0);
  }
  const back: RawPeer[] = [];
  for (const key of keys.slice(0, 3)) {
    back.push(await siege.open(BUSY, { identity: key }));
  }
  const last = await siege.open(BUSY, { identity: keys[3]! }, "proof");
  assertEquals(await told(last), "full");
  // It comes from where it never was, and none gives way for it.
  const again = await siege.open("10.0.9.8", { identity });
  await until("the friend", () => siege.connected(again)[0]!);
  assertEquals(siege.connected(...back), [true, true, true]);
});

Deno.test("a peer with standing gets in when strangers have all sessions, and the last of the busiest source gives way", async () => {
  await using siege = await MemorySiege.start({ maxPeers: 4 });
  const friend = await Identity.generate();
  const first = await siege.open(BUSY);
  const other = await siege.open(OTHER);
  const second = await siege.open(BUSY);
  const third = await siege.open(BUSY);
  // The control: without standing it is refused.
  const early = await siege.open(BUSY, { identity: friend }, "proof");
  assertEquals(await told(early), "full");
  siege.victim.admission.allow(friend.id);
  const peer = await siege.open(BUSY, { identity: friend });
  assertEquals(await told(third), "full");
  await until("the friend", () => siege.connected(peer)[0]!);
  assertEquals(siege.connected(first, second, third, other), [
    true,
    true,
    false,
    true,
  ]);
  const down = siege.log.of("peer:down");
  assertEquals(down.map(({ id }) => id), [third.identity.id]);
});

Deno.test("strangers of several sources share the room by turns, and a /64 of IPv6 is one source", async () => {
  await using siege = await MemorySiege.start({ maxPeers: 5 });
  const busy: RawPeer[] = [];
  for (let at = 1; at <= 5; at++) {
    busy.push(await siege.open(`2001:db8:0:1::${at}`));
  }
  assertEquals(await refused(siege, "2001:db8:0:1::7"), "full");
  const others: RawPeer[] = [];
  for (let at = 1; at <= 2; at++) {
    others.push(await siege.open("2001:db8:0:2::1"));
    assertEquals(await told(busy[5 - at]!), "full");
  }
  assertEquals(siege.connected(...busy, ...others), [
    ...[true, true, true],
    ...[false, false],
    ...[true, true],
  ]);
  // One more would only have them change places.
  assertEquals(await refused(siege, "2001:db8:0:1::8"), "full");
  assertEquals(await refused(siege, "2001:db8:0:2::8"), "full");
  const late = await siege.open("10.0.1.3");
  await until("a third source", () => siege.connected(late)[0]!);
});

Deno.test("an address given by a person and a guest by invite find room among strangers", async () => {
  const address = "10.0.5.5:8080";
  await using siege = await MemorySiege.start({
    maxPeers: 3,
    connect: [address],
  });
  const { victim, network } = siege;
  const strangers: RawPeer[] = [];
  for (const at of [1, 2, 3]) strangers.push(await siege.open(`10.0.2.${at}`));
  // The control: no source has more than it.
  assertEquals(await refused(siege, BUSY), "full");
  const start = (host: string, options: NodeOptions) =>
    Node.start({ host, transport: network.transport(host), ...options });
  const linked = (node: Node) =>
    victim.sessions().some(({ id }) => id === node.identity.id);
  await using seed = await start("10.0.5.5", { port: 8080 });
  await until("the address to be dialed", () => linked(seed));
  const invite = victim.admission.invite();
  await using guest = await start("10.0.5.6", { invite });
  await until("the guest", () => linked(guest));
  assertEquals(siege.connected(...strangers).filter(Boolean).length, 1);
  assertEquals([linked(seed), linked(guest)], [true, true]);
});

Deno.test("no peer with standing gives way, whatever comes", async () => {
  await using siege = await MemorySiege.start({ maxPeers: 2 });
  const friends: RawPeer[] = [];
  for (const _ of [1, 2]) {
    const identity = await friendOf(siege);
    friends.push(await siege.open(BUSY, { identity }));
  }
  await until("both", () => siege.victim.sessions().length === 2);
  assertEquals(await refused(siege, OTHER), "full");
  const third = await friendOf(siege);
  const peer = await siege.open(OTHER, { identity: third }, "proof");
  assertEquals(await told(peer), "full");
  assertEquals(siege.connected(...friends), [true, true]);
});

Deno.test("handshakes that go on at the same time do not fill more than there is room", async () => {
  await using siege = await MemorySiege.start({ maxPeers: 2 });
  const peers: RawPeer[] = [];
  for (const _ of [1, 2, 3, 4]) {
    peers.push(await siege.open(BUSY, {}, "features"));
  }
  // All are proven while no session is open.
  await Promise.all(peers.map((peer) => peer.shakeOn("proof").catch(() => {})));
  await until("two to be told", () => peers.filter(isOver).length === 2);
  await until("two to be in", () => siege.victim.sessions().length === 2);
  for (const peer of peers.filter(isOver)) {
    assertEquals(await told(peer), "full");
  }
});

Deno.test("strangers with several sessions each leave room for the second one of a peer with standing", async () => {
  const perPeer = MAX_SESSIONS_PER_PEER - 1;
  const count = Math.ceil(MAX_STRANGER_EXTRA_SESSIONS / perPeer);
  const keys = await Promise.all(
    Array.from({ length: count + 3 }, () => Identity.generate()),
  );
  // The greater of two identities leaves it to the smaller one to close sessions.
  const [identity, ...smaller] = keys.sort((a, b) => a.id < b.id ? 1 : -1);
  await using siege = await MemorySiege.start({ identity: identity! });
  const [one, two, ...strangers] = smaller;
  const second = async (key: Identity) => {
    await siege.open(OTHER, { identity: key });
    const extra = await siege.dial(OTHER, { identity: key });
    const opened = extra.shake("verack").then(() => "open");
    return await opened.catch(() => told(extra));
  };
  assertEquals(await second(one!), "open");
  for (const key of strangers) {
    for (let session = 0; session <= perPeer; session++) {
      await siege.open(BUSY, { identity: key }, "verack").catch(() => {});
    }
  }
  const extra = [...partsOf(siege.victim).table.values()].reduce(
    (sum, { sessions: links }) => sum + Math.max(0, links.length - 1),
    0,
  );
  assertEquals(extra, MAX_STRANGER_EXTRA_SESSIONS);
  assertEquals(await second(two!), "duplicate");
  assertEquals(await second(await friendBelow(siege)), "open");
});

Deno.test("strangers that find no room again and again are told once", async () => {
  await using siege = await MemorySiege.start({ maxPeers: 2 });
  for (const _ of [1, 2]) await siege.open(BUSY);
  for (let at = 0; at < 20; at++) {
    assertEquals(await refused(siege, BUSY), "full");
  }
  // A refusal is told when its connection is closed.
  await until(
    "all to be gone",
    () => partsOf(siege.victim).pending.size === 0,
  );
  await until("one to be told", () => siege.log.of("refused").length > 0);
  const identity = await friendOf(siege);
  const friend = await siege.open(BUSY, { identity });
  await until(
    "an event that follows",
    () => siege.log.of("peer:up").length > 2,
  );
  assertEquals(siege.connected(friend), [true]);
  assertEquals(siege.log.of("refused").length, 1);
});

async function friendBelow(siege: MemorySiege): Promise<Identity> {
  for (;;) {
    const friend = await Identity.generate();
    if (friend.id > siege.victim.identity.id) continue;
    siege.victim.admission.allow(friend.id);
    return friend;
  }
}

function isOver(peer: RawPeer): boolean {
  return peer.isOver;
}
