// A member, proven and let in, that tells lies about others.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { peerIdFromBytes } from "../../src/core/peer_id.ts";
import { Identity } from "../../src/identity/identity.ts";
import {
  MAX_ADDRESSES_PER_PEER,
  MAX_GOSSIP_PEERS_PER_SOURCE,
} from "../../src/mesh/mesh_limits.ts";
import { MAX_NAMED_ENDPOINTS } from "../../src/mesh/dialing/dialing_limits.ts";
import { MAX_PEERS_PER_MESSAGE } from "../../src/wire/wire_limits.ts";
import { Node } from "../../src/mesh/node.ts";
import { PeerAddresses } from "../../src/mesh/peers/peer_addresses.ts";
import { parseAddress } from "../../src/transport/address.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import {
  encodeGetPeers,
  encodePeerIds,
} from "../../src/wire/messages/peer_request.ts";
import type { PeerEntry } from "../../src/wire/messages/peers.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { handled } from "../helpers/handled.ts";
import { entryOf, stranger } from "../helpers/forged_messages.ts";
import { at, Disguise } from "../helpers/disguise.ts";
import { forgeV1 } from "../helpers/forged_v1.ts";
import { knowledge, Scene } from "../helpers/scene.ts";
import { Sink } from "../helpers/sink.ts";
import { TcpProxy } from "../helpers/tcp_proxy.ts";
import { until } from "../helpers/until.ts";
import { times } from "../helpers/crowd.ts";

const EMPTY = new Uint8Array(0);

function peerOf(node: Node, id: string) {
  return node.peers().find((peer) => peer.id === id);
}

Deno.test("an entry whose certificate is not the identity's ends its session and leaves no trace", async () => {
  await using scene = await Scene.start();
  await using sink = Sink.start();
  const bob = await Identity.generate();
  const broken = bob.certificate.slice();
  broken[broken.length - 1]! ^= 1;
  const address = parseAddress(sink.address);
  const certificates = [
    stranger().certificate,
    scene.victim.identity.certificate,
    forgeV1(bob).der,
    broken,
    bob.certificate.slice(0, -1),
    EMPTY,
  ];
  for (const certificate of certificates) {
    using mallory = await scene.join();
    await mallory.tell([
      entryOf({ id: bob.id, certificate }, [address]),
      entryOf(stranger(), [address]),
    ]);
    const told = await mallory.refusal();
    assertEquals([told?.command, told?.name], ["bye", "bad-certificate"]);
    assertStringIncludes(told?.text ?? "", bob.id.slice(0, 8));
  }
  // Nor of what stands behind it.
  const known = scene.victim.peers().map(({ addresses }) => addresses).flat();
  assert(!known.includes(sink.address));
  assertEquals(peerOf(scene.victim, bob.id), undefined);
  assertEquals(sink.arrivals, 0);
  // The true certificate is taken, and bob is looked for.
  using honest = await scene.join();
  await honest.tell([entryOf(bob, [address])]);
  await until("a dial to bob", () => sink.arrivals > 0);
  assertEquals(peerOf(scene.victim, bob.id)?.addresses, [sink.address]);
  assertEquals(peerOf(scene.victim, bob.id)?.connected, false);
  assert(!honest.isOver);
});

Deno.test("entries about ourselves and about the sender are passed over", async () => {
  await using scene = await Scene.start();
  await using sink = Sink.start();
  using mallory = await scene.join();
  const before = knowledge(scene.victim);
  const address = [parseAddress(sink.address)];
  await mallory.tell([
    entryOf(scene.victim.identity, address),
    entryOf(mallory.identity, address),
  ]);
  await handled(mallory);
  assertEquals(knowledge(scene.victim), before);
  assertEquals(sink.arrivals, 0);
});

Deno.test("a bad address for a connected peer changes nothing", async () => {
  await using scene = await Scene.start();
  await using sink = Sink.start();
  using mallory = await scene.join();
  const before = knowledge(scene.victim);
  const links = scene.victim.sessions().map((link) => link.remoteAddress);
  const { identity } = scene.member;
  await mallory.tell([entryOf(identity, [parseAddress(sink.address)])]);
  await handled(mallory);
  assertEquals(knowledge(scene.victim), before);
  assertEquals(
    scene.victim.sessions().map((link) => link.remoteAddress),
    links,
  );
  assertEquals(sink.arrivals, 0);
});

Deno.test("no number of bad addresses pushes out the one that worked", async () => {
  const identity = await Identity.generate({ ephemeral: false });
  await using bob = await Node.start({ identity });
  let to = bob.address;
  await using place = TcpProxy.start(() => to);
  await using scene = await Scene.start({ connect: [place.address] });
  await until("bob to be up", () => scene.log.of("peer:up").length === 2);
  using mallory = await scene.join();
  await bob.close({ abrupt: true });
  await until("bob to be gone", () => scene.log.of("peer:down").length === 1);
  for (let i = 0; i < 5; i++) {
    const addresses = times(4, (j) => at("127.0.0.1", 1 + 4 * i + j));
    await mallory.tell([entryOf(identity, addresses)]);
  }
  await handled(mallory);
  const { addresses } = peerOf(scene.victim, identity.id)!;
  assertEquals(addresses[0], place.address);
  assertEquals(addresses.length, MAX_ADDRESSES_PER_PEER);
  await using back = await Node.start({ identity });
  to = back.address;
  await until(
    "bob to be back",
    () => !!peerOf(scene.victim, identity.id)?.connected,
  );
});

Deno.test("an address that a peer named itself stays, also when others name it too", async () => {
  await using scene = await Scene.start();
  const identity = await Identity.generate({ ephemeral: false });
  const own = at("127.0.0.1", 7);
  const bob = await RawPeer.open(scene.victim, { identity, addresses: [own] });
  await until("bob to be up", () => scene.log.of("peer:up").length === 2);
  bob.close();
  await until("bob to be gone", () => scene.log.of("peer:down").length === 1);
  using mallory = await scene.join();
  await mallory.tell([entryOf(identity, [own])]);
  for (let i = 0; i < 5; i++) {
    const addresses = times(4, (j) => at("127.0.0.1", 1_000 + 4 * i + j));
    await mallory.tell([entryOf(identity, addresses)]);
  }
  await handled(mallory);
  const { addresses } = peerOf(scene.victim, identity.id)!;
  assertEquals(addresses[0], "127.0.0.1:7");
  assertEquals(addresses.length, MAX_ADDRESSES_PER_PEER);
});

Deno.test("100,000 identities from one source are bounded, and leave room for others", async () => {
  // Who takes a connection and says nothing: no dial ends meanwhile.
  await using sink = Sink.start();
  await using scene = await Scene.start();
  const at = [parseAddress(sink.address)];
  using mallory = await scene.join();
  using honest = await scene.join();
  const before = scene.victim.peers().length;
  const tell = async (entries: PeerEntry[]) => {
    for (let at = 0; at < entries.length; at += MAX_PEERS_PER_MESSAGE) {
      await mallory.tell(entries.slice(at, at + MAX_PEERS_PER_MESSAGE));
      // As much as may wait: what does not fit is passed over.
      if (at % 16_000 === 0) await handled(mallory);
    }
    await handled(mallory);
  };
  // Most are bare names, some are sound: certificates cost little to make.
  const names = times(97_000, () => {
    const id = peerIdFromBytes(crypto.getRandomValues(new Uint8Array(32)));
    return entryOf({ id, certificate: EMPTY }, at);
  });
  const sound = times(3_000, () => entryOf(stranger(), at));
  await tell(sound);
  assertEquals(
    scene.victim.peers().length,
    before + MAX_GOSSIP_PEERS_PER_SOURCE,
  );
  await tell(names);
  assertEquals(
    scene.victim.peers().length,
    before + MAX_GOSSIP_PEERS_PER_SOURCE,
  );
  // Her share is spent, not that of others.
  const bob = stranger();
  await honest.tell([entryOf(bob, at)]);
  await handled(honest);
  assert(peerOf(scene.victim, bob.id) !== undefined);
  // Nor the room of those who come themselves.
  assertEquals((await scene.whomVictimTells()).length, 3);
});

Deno.test("a source on the internet cannot have us dial addresses of this machine or network", async () => {
  await using sink = Sink.start();
  using sink6 = Deno.listen({ hostname: "::1", port: 0 });
  const { port } = sink;
  // Dialed last, and really nowhere.
  const last = "8.8.4.4:8333";
  const transport = new Disguise("8.8.8.8", { absent: [last] });
  await using scene = await Scene.start({ transport });
  using mallory = await scene.join();
  const inside = [
    "127.0.0.1",
    "127.3.2.1",
    "localhost",
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "192.0.2.2",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "fe80::1",
    "fd00::2",
    "ff02::1",
    // These wrap 127.0.0.1, 10.0.0.1 and 169.254.169.254.
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "2002:a9fe:a9fe::1",
  ].map((host) => at(host, port));
  inside.push(at("::1", sink6.addr.port));
  for (let i = 0; i < inside.length; i += 3) {
    // The newest is tried first, so the one outside comes last.
    const addresses = [parseAddress(last), ...inside.slice(i, i + 3)];
    const tries = transport.tried.length;
    await mallory.tell([entryOf(stranger(), addresses)]);
    await until("the list to be tried", () => transport.tried.length > tries);
  }
  assertEquals([...new Set(transport.tried)], [last]);
  assertEquals(sink.arrivals, 0);
});

Deno.test("nor with addresses that it claims for itself", async () => {
  await using sink = Sink.start();
  const last = "8.8.4.4:8333";
  const transport = new Disguise("8.8.8.8", { absent: [last] });
  await using scene = await Scene.start({ transport });
  const addresses = [
    parseAddress(last),
    parseAddress(sink.address),
    at("localhost", sink.port),
  ];
  const identity = await Identity.generate({ ephemeral: false });
  const mallory = await RawPeer.open(scene.victim, { identity, addresses });
  await until("mallory to be up", () => scene.log.of("peer:up").length === 2);
  mallory.close();
  await until("a dial back", () => transport.tried.includes(last));
  assertEquals([...new Set(transport.tried)], [last]);
  assertEquals(sink.arrivals, 0);
});

Deno.test("of a name that a source on the internet tells of, only addresses out there are dialed, and few", async () => {
  await using sink = Sink.start();
  const outside = Array.from({ length: 16 }, (_, i) => `8.8.4.${i + 1}`);
  const transport = new Disguise("8.8.8.8", {
    absent: outside.map((ip) => `${ip}:${sink.port}`),
  });
  await using scene = await Scene.start({
    transport,
    resolve: () => Promise.resolve(["127.0.0.1", ...outside]),
  });
  using mallory = await scene.join();
  await mallory.tell([entryOf(stranger(), [at("many.test", sink.port)])]);
  await until("the name to be tried", () => transport.tried.length > 0);
  await handled(mallory);
  const tried = new Set(transport.tried);
  assert(tried.size <= MAX_NAMED_ENDPOINTS, [...tried].join());
  assertEquals(sink.arrivals, 0);
});

Deno.test("a name that has led to its peer once and leads inside from then on is not dialed there", async () => {
  await using sink = Sink.start();
  await using bob = await Node.start({
    identity: await Identity.generate({ ephemeral: false }),
  });
  const there = `8.8.4.4:${sink.port}`;
  const transport = new Disguise("8.8.8.8", {
    moved: { [there]: bob.address },
  });
  let ip = "8.8.4.4";
  let lookups = 0;
  await using scene = await Scene.start({
    transport,
    resolve: () => {
      lookups++;
      return Promise.resolve([ip]);
    },
  });
  using mallory = await scene.join();
  await mallory.tell([entryOf(bob.identity, [at("bob.test", sink.port)])]);
  const { id } = bob.identity;
  await until("bob to be up", () => !!peerOf(scene.victim, id)?.connected);
  ip = "127.0.0.1";
  const before = lookups;
  await bob.close({ abrupt: true });
  await until("the name to be looked up again", () => lookups > before + 1);
  assertEquals(sink.arrivals, 0);
});

Deno.test("a source on this machine may name addresses of this machine", async () => {
  await using sink = Sink.start();
  await using scene = await Scene.start();
  using mallory = await scene.join();
  await mallory.tell([entryOf(stranger(), [at("localhost", sink.port)])]);
  await until("a dial", () => sink.arrivals > 0);
});

Deno.test("a farther source cannot take an address away that a nearer one named", () => {
  const addresses = new PeerAddresses();
  const address = parseAddress("10.0.0.1:8333");
  addresses.add(address, "gossiped", "private");
  addresses.add(address, "gossiped", "public");
  assertEquals(addresses.get(address)?.namedFrom, "private");
});

Deno.test("repeated gossip does not cause more dials", async () => {
  const identity = await Identity.generate();
  // Hangs up on everybody: each try costs it and us next to nothing.
  using target = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let dials = 0;
  const loop = (async () => {
    try {
      for await (const socket of target) {
        dials++;
        socket.close();
      }
    } catch {
      // Closed.
    }
  })();
  {
    await using scene = await Scene.start();
    using mallory = await scene.join();
    const lie = entryOf(identity, [at("127.0.0.1", target.addr.port)]);
    await mallory.tell([lie]);
    await until("the first dial", () => dials > 0);
    for (let i = 0; i < 100; i++) {
      await mallory.tell([lie]);
      await mallory.say(COMMAND.ping, new Uint8Array(8));
      await mallory.take(COMMAND.pong);
    }
    await handled(mallory);
    // Backoff alone allows a handful: one at 0.2 s, one at 0.4 s, and so on.
    assert(dials < 20, `${dials} dials for 100 times the same rumour`);
  }
  target.close();
  await loop;
});

const FLOODS: Readonly<Record<string, Uint8Array>> = {
  [COMMAND.getpeers]: encodeGetPeers({
    digest: "00".repeat(32),
    fingerprints: [],
  }),
  [COMMAND.peerids]: encodePeerIds({ fingerprints: ["00".repeat(8)] }),
};

for (const [command, payload] of Object.entries(FLOODS)) {
  Deno.test(`a flood of ${command} ends the session with a reason`, async () => {
    await using scene = await Scene.start();
    using mallory = await scene.join();
    for (let i = 0; i < 40; i++) await mallory.say(command, payload);
    const told = await mallory.refusal();
    assertEquals([told?.command, told?.name], ["bye", "protocol-error"]);
    const text = `Cannot answer ${command}: more than 16 requests`;
    assertStringIncludes(told?.text ?? "", text);
    mallory.close();
    await until("her to be down", () => scene.log.of("peer:down").length === 1);
    const [down] = scene.log.of("peer:down");
    assertEquals(down?.id, mallory.identity.id);
    assertStringIncludes(down?.reason ?? "", text);
    assert(peerOf(scene.victim, scene.member.identity.id)?.connected);
  });
}
