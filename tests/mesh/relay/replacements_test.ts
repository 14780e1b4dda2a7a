// A direct session replaces a relayed one: nothing is lost, doubled or cut off.
import { assert, assertEquals } from "@std/assert";
import { VerackError } from "../../../src/core/errors.ts";
import type { PeerId } from "../../../src/core/peer_id.ts";
import { partsOf } from "../../../src/mesh/node_parts.ts";
import type { Node } from "../../../src/mesh/node.ts";
import type { PeerSession } from "../../../src/mesh/peers/peer_session.ts";
import { verifyCertificate } from "../../../src/identity/certificate.ts";
import { parseAddress } from "../../../src/transport/address.ts";
import { receiveFiles, sendFile } from "../../../src/services/mod.ts";
import { assertCode, pattern, same } from "../../contract/pair.ts";
import {
  acceptByHand,
  dialByHand,
  relayByHand,
  sessionOf,
  threeNodes,
} from "../../helpers/hand_relay.ts";
import { MemoryMesh } from "../../helpers/memory_mesh.ts";
import { EventLog } from "../../helpers/nodes.ts";
import { until } from "../../helpers/until.ts";

/** The sessions of `node` with a peer, as `direct` or the relay's id. */
function pathsTo(node: Node, id: PeerId): (PeerId | "direct")[] {
  return node.sessions().filter((it) => it.id === id)
    .map(({ via }) => via ?? "direct");
}

/** Has `from` dial `to` now, whatever else there is. */
async function dialDirectly(from: Node, to: Node): Promise<PeerSession> {
  const { options, opener } = partsOf(from);
  const address = parseAddress(to.address);
  const listener = verifyCertificate(to.identity.certificate);
  const connection = await options.transport.dial(address, {
    pin: { certificate: listener.der, serverName: listener.serverName },
  });
  return await opener.open({
    connection,
    listener,
    dialed: { address, endpoint: address },
    signal: new AbortController().signal,
  });
}

/** Three members in memory, of which the ends are joined by the first only. */
async function threeInMemory(mesh: MemoryMesh, seedOrder = false) {
  // It joins streams by hand only.
  const relay = await mesh.start([], { relay: false });
  mesh.network.unreachable("10.0.0.2", "10.0.0.3");
  const ends = [
    await mesh.start([relay], { relay: false }),
    await mesh.start([relay], { relay: false }),
  ];
  await mesh.clock.runUntil(() => relay.node.sessions().length === 2, {
    limitMs: 10_000,
  });
  ends.sort((a, b) => a.node.identity.id < b.node.identity.id ? -1 : 1);
  if (seedOrder) ends.reverse();
  const [dialing, accepting] = ends;
  assert(dialing !== undefined && accepting !== undefined);
  relayByHand(relay.node);
  acceptByHand(accepting.node);
  acceptByHand(dialing.node);
  return { relay, dialing, accepting };
}

/** Resolves with the result of `promise`, in virtual time. */
async function inTime<T>(mesh: MemoryMesh, promise: Promise<T>): Promise<T> {
  let isOver = false;
  const settled = promise.finally(() => isOver = true);
  settled.catch(() => {});
  await mesh.clock.runUntil(() => isOver, { limitMs: 60_000 });
  return await settled;
}

for (const isReversed of [false, true]) {
  const which = isReversed ? "larger" : "smaller";
  Deno.test(`a direct session, dialed by the end of ${which} id, replaces the relayed one at both ends`, async () => {
    await using mesh = new MemoryMesh();
    const { relay, dialing, accepting } = await threeInMemory(mesh, isReversed);
    const via = relay.node.identity.id;
    const ids = [dialing.node.identity.id, accepting.node.identity.id] as const;
    await inTime(mesh, dialByHand(dialing.node, relay.node, accepting.node));
    await mesh.clock.runUntil(
      () =>
        pathsTo(dialing.node, ids[1]).join() === via &&
        pathsTo(accepting.node, ids[0]).join() === via,
      { limitMs: 5_000 },
    );

    mesh.network.reachable("10.0.0.2", "10.0.0.3");
    await inTime(mesh, dialDirectly(dialing.node, accepting.node));
    await mesh.clock.runUntil(
      () =>
        pathsTo(dialing.node, ids[1]).join() === "direct" &&
        pathsTo(accepting.node, ids[0]).join() === "direct",
      { limitMs: 5_000 },
    );

    for (const [end, id] of [[dialing, ids[1]], [accepting, ids[0]]] as const) {
      // It was up all the time, and has changed its path once.
      const about = end.log.events.filter((it) => "id" in it && it.id === id);
      const types = about.map(({ type }) => type);
      assertEquals(types, ["peer:up", "path"]);
      const [up, path] = about;
      assert(up?.type === "peer:up" && path?.type === "path");
      assertEquals(up.via, via);
      assertEquals([path.via, path.hops], [undefined, 1]);
    }
  });
}

Deno.test("a relayed session beside a direct one that lives is refused as a duplicate", async () => {
  for (const isReversed of [false, true]) {
    await using mesh = new MemoryMesh();
    const { relay, dialing, accepting } = await threeInMemory(mesh, isReversed);
    const { id } = accepting.node.identity;
    mesh.network.reachable("10.0.0.2", "10.0.0.3");
    await inTime(mesh, dialDirectly(dialing.node, accepting.node));
    await mesh.clock.advance(100);
    const direct = sessionOf(dialing.node, id);
    assertEquals(direct.via, undefined);
    const relayed = await inTime(
      mesh,
      dialByHand(dialing.node, relay.node, accepting.node),
    );
    const error = await inTime(mesh, relayed.channel.closed);
    assert(/duplicate|older of two/i.test(error.message), error.message);
    assertEquals(pathsTo(dialing.node, id), ["direct"]);
    assertEquals(sessionOf(dialing.node, id), direct);
    const types = [...dialing.log.events, ...accepting.log.events]
      .map(({ type }) => type as string);
    assert(!types.includes("path"), types.join());
  }
});

Deno.test("a relayed session replaces a direct one that is broken, long before that is found dead", async () => {
  for (const isReversed of [false, true]) {
    await using mesh = new MemoryMesh();
    const { relay, dialing, accepting } = await threeInMemory(mesh, isReversed);
    const via = relay.node.identity.id;
    const ids = [dialing.node.identity.id, accepting.node.identity.id] as const;
    mesh.network.reachable("10.0.0.2", "10.0.0.3");
    await inTime(mesh, dialDirectly(dialing.node, accepting.node));
    await mesh.clock.advance(100);
    mesh.network.cut("10.0.0.2", "10.0.0.3");
    mesh.network.unreachable("10.0.0.2", "10.0.0.3");
    await inTime(mesh, dialByHand(dialing.node, relay.node, accepting.node));
    await mesh.clock.runUntil(
      () =>
        pathsTo(dialing.node, ids[1]).join() === via &&
        pathsTo(accepting.node, ids[0]).join() === via,
      { limitMs: 2_900 },
    );
    for (const [end, id] of [[dialing, ids[1]], [accepting, ids[0]]] as const) {
      assertEquals(end.log.of("peer:down"), []);
      const paths = end.log.of("path").filter((it) => it.id === id);
      assertEquals(paths.map((it) => [it.via, it.hops]), [[via, 2]]);
    }
  }
});

Deno.test("however a direct and a relayed session of a pair meet, the direct one is left at both ends", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    await using mesh = new MemoryMesh(seed);
    const { relay, dialing, accepting } = await threeInMemory(
      mesh,
      seed % 2 === 0,
    );
    mesh.network.reachable("10.0.0.2", "10.0.0.3");
    mesh.network.setDelay({ latencyMs: 1, jitterMs: seed });
    // Both ends may begin both, at about the same time.
    const [a, b] = seed % 3 === 0
      ? [accepting.node, dialing.node]
      : [dialing.node, accepting.node];
    const opening = [
      dialByHand(dialing.node, relay.node, accepting.node),
      ...(seed % 5 === 0
        ? [dialByHand(accepting.node, relay.node, dialing.node)]
        : []),
      mesh.clock.advance(seed % 7).then(() => dialDirectly(a, b)),
    ];
    const ids = [dialing.node.identity.id, accepting.node.identity.id] as const;
    await inTime(mesh, Promise.allSettled(opening));
    const sent = Array.from(
      { length: 20 },
      (_, i) => dialing.node.send(ids[1], `${i}`),
    );
    const got: string[] = [];
    const reading = accepting.node.consume((message) => {
      got.push(message.text());
    });
    await mesh.clock.runUntil(
      () =>
        pathsTo(dialing.node, ids[1]).join() === "direct" &&
        pathsTo(accepting.node, ids[0]).join() === "direct" &&
        got.length >= 20,
      { limitMs: 10_000 },
    );
    await inTime(mesh, Promise.all(sent));
    await mesh.clock.advance(35_000);
    assertEquals(got, Array.from({ length: 20 }, (_, i) => `${i}`), `${seed}`);
    assertEquals(pathsTo(dialing.node, ids[1]), ["direct"], `seed ${seed}`);
    assertEquals(pathsTo(accepting.node, ids[0]), ["direct"], `seed ${seed}`);
    for (const end of [dialing, accepting]) {
      assertEquals(end.log.of("peer:down"), [], `seed ${seed}`);
    }
    reading.catch(() => {});
  }
});

Deno.test("what runs on a relayed session ends on it, new streams are on the direct one, and messages come once and in order", async () => {
  await using nodes = await threeNodes();
  const { relay, dialing, accepting } = nodes;
  const log = new EventLog(dialing);
  using _relay = relayByHand(relay);
  using _accept = acceptByHand(accepting);
  const { id } = accepting.identity;
  const relayed = await dialByHand(dialing, relay, accepting);
  await until("up", () => accepting.sessions().length === 2);

  using _echo = accepting.handle(
    "echo/1",
    (stream) => stream.readable.pipeTo(stream.writable),
  );
  const answer = Promise.withResolvers<string>();
  using _served = accepting.serve("slow", () => answer.promise);
  const stream = await dialing.open(id, "echo/1");
  const request = dialing.request(id, "slow");
  await stream.write(new TextEncoder().encode("before "));

  const got: string[] = [];
  const consuming = accepting.consume((message) => {
    got.push(message.text());
  });
  const sent: Promise<void>[] = [];
  const sendMore = () => {
    for (let i = 0; i < 200; i++) sent.push(dialing.send(id, `${sent.length}`));
  };
  sendMore();
  nodes.isCut = false;
  const direct = await dialDirectly(dialing, accepting);
  sendMore();
  await until("primary", () => sessionOf(dialing, id) === direct);
  sendMore();
  await Promise.all(sent);
  assertEquals(got, Array.from({ length: 600 }, (_, i) => `${i}`));

  // The stream and the request are where they were.
  assertEquals(relayed.channel.isOpen, true);
  await stream.write(new TextEncoder().encode("and after"));
  await stream.closeWrite();
  assertEquals(await new Response(stream.readable).text(), "before and after");
  assertEquals(relayed.channel.isOpen, true);
  answer.resolve("answered");
  assertEquals(await request, "answered");
  await relayed.channel.closed;
  assertEquals(pathsTo(dialing, id), ["direct"]);
  await until(
    "one left",
    () => pathsTo(accepting, dialing.identity.id).join() === "direct",
  );
  assertEquals(log.of("peer:down"), []);
  assertEquals(log.of("undelivered"), []);
  consuming.catch(() => {});
});

Deno.test("a file that is under way when a direct session replaces the relayed one arrives without a new attempt", async () => {
  await using nodes = await threeNodes();
  const { relay, dialing, accepting } = nodes;
  // The relay holds the file back until there is a direct session.
  const gate = Promise.withResolvers<void>();
  let carried = 0;
  using _relay = relayByHand(relay, {
    tamper: async (from, bytes) => {
      if (from === "dialing") carried += bytes.length;
      if (carried > 400_000) await gate.promise;
      return [bytes];
    },
  });
  using _accept = acceptByHand(accepting);
  const { id } = accepting.identity;
  const relayed = await dialByHand(dialing, relay, accepting);
  await until("up", () => accepting.sessions().length === 2);
  const place = await Deno.makeTempDir();
  try {
    const content = pattern(2_000_000);
    await Deno.writeFile(`${place}/film.bin`, content);
    await Deno.mkdir(`${place}/in`);
    const steps: string[] = [];
    const receiving = (async () => {
      const options = { dir: `${place}/in`, accept: () => true };
      for await (const step of receiveFiles(accepting, options)) {
        steps.push(step.type);
        if (step.type === "end") break;
      }
    })();
    const sending = (async () => {
      for await (
        const step of sendFile(dialing, id, [`${place}/film.bin`])
      ) steps.push(step.type);
    })();
    await until("some of it is under way", () => carried > 400_000);
    nodes.isCut = false;
    const direct = await dialDirectly(dialing, accepting);
    await until("primary", () => sessionOf(dialing, id) === direct);
    assertEquals(relayed.channel.isOpen, true);
    gate.resolve();
    await Promise.all([sending, receiving]);
    assertEquals(steps.includes("retrying"), false, steps.join());
    assert(same(await Deno.readFile(`${place}/in/film.bin`), content));
    await relayed.channel.closed;
    assertEquals(pathsTo(dialing, id), ["direct"]);
  } finally {
    await Deno.remove(place, { recursive: true });
  }
});

/** Three members, of which two have a relayed session with a stream that does not end. */
async function threeWithIdleStream(mesh: MemoryMesh) {
  const members = await threeInMemory(mesh);
  const { relay, dialing, accepting } = members;
  const { id } = accepting.node.identity;
  const relayed = await inTime(
    mesh,
    dialByHand(dialing.node, relay.node, accepting.node),
  );
  await mesh.clock.advance(100);
  accepting.node.handle("idle/1", (stream) => stream.closed);
  const stream = await dialing.node.open(id, "idle/1");
  mesh.network.reachable("10.0.0.2", "10.0.0.3");
  return { ...members, id, relayed, stream };
}

Deno.test("a stream that does not end keeps a replaced session for 30 seconds, and then ends with it", async () => {
  await using mesh = new MemoryMesh();
  const { dialing, accepting, id, relayed, stream } = await threeWithIdleStream(
    mesh,
  );
  await inTime(mesh, dialDirectly(dialing.node, accepting.node));
  await mesh.clock.advance(29_000);
  assertEquals(relayed.channel.isOpen, true);
  await mesh.clock.advance(3_000);
  assertEquals(relayed.channel.isOpen, false);
  await assertCode(stream.closed, "session-lost");
  assertEquals(pathsTo(dialing.node, id), ["direct"]);
});

Deno.test("a relayed session goes on when the direct one that was to replace it breaks", async () => {
  await using mesh = new MemoryMesh();
  const { relay, dialing, accepting, id, relayed, stream } =
    await threeWithIdleStream(mesh);
  const direct = await inTime(
    mesh,
    dialDirectly(dialing.node, accepting.node),
  );
  await mesh.clock.advance(5_000);
  mesh.network.unreachable("10.0.0.2", "10.0.0.3");
  direct.channel.close(new VerackError("closed", "cut by the test"));
  await mesh.clock.advance(60_000);
  assertEquals(relayed.channel.isOpen, true);
  assertEquals(pathsTo(dialing.node, id), [relay.node.identity.id]);
  const paths = dialing.log.of("path").map(({ via }) => via);
  assertEquals(paths, [undefined, relay.node.identity.id]);
  assertEquals(dialing.log.of("peer:down"), []);
  await stream.closeWrite();
});

Deno.test("a node that closes says goodbye on relayed sessions, too", async () => {
  await using nodes = await threeNodes();
  const { relay, dialing, accepting } = nodes;
  using _relay = relayByHand(relay);
  using _accept = acceptByHand(accepting);
  await dialByHand(dialing, relay, accepting);
  const { id } = dialing.identity;
  const log = new EventLog(accepting);
  await until("up", () => log.of("peer:up").some((it) => it.id === id));
  await dialing.close();
  await until("down", () => log.of("peer:down").some((it) => it.id === id));
  const down = log.of("peer:down").find((it) => it.id === id);
  assertEquals(down?.left, true);
  assertEquals(down?.via, relay.identity.id);
});
