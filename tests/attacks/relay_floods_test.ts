// A relay as amplifier, as open proxy and as what strangers use up; and hops without end.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { NodeCounters } from "../../src/core/node_counters.ts";
import { VerackError } from "../../src/core/errors.ts";
import { logger } from "../../src/core/log.ts";
import { parsePeerId, type PeerId } from "../../src/core/peer_id.ts";
import type { Node } from "../../src/mesh/node.ts";
import type { NodeOptions } from "../../src/mesh/options.ts";
import {
  encodeRelayTarget,
  RELAY_PROTOCOL,
} from "../../src/mesh/relay/relay_format.ts";
import {
  MAX_RELAY_HOPS,
  MAX_RELAY_OFFERS_PER_PEER,
  RELAY_REQUEST_BURST,
  RELAY_TARGET_BURST,
} from "../../src/mesh/relay/relay_limits.ts";
import {
  RelayServer,
  type RelayServerOptions,
} from "../../src/mesh/relay/relay_server.ts";
import type {
  PeerStream,
  StreamHandler,
} from "../../src/streams/peer_stream.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import type { Address } from "../../src/transport/address.ts";
import { tlsTransport } from "../../src/transport/tls.ts";
import { times } from "../helpers/crowd.ts";
import { type Mesh, startMesh } from "../helpers/nodes.ts";
import {
  assertRefused,
  RelayedStreams,
  relayTo,
  requestOffer,
} from "../helpers/relay_ends.ts";
import { until } from "../helpers/until.ts";

/** Idle sessions say nothing while a test counts bytes. */
const QUIET = { heartbeatMs: 60_000, peerExchangeMs: 600_000 } as const;

/** What a refusal has besides what came: its frame and its text. */
const REFUSAL_BYTES = 320;

/** Without standing, as a member that has just come. */
function nodesOf({ nodes }: Mesh): [Node, Node, Node, ...Node[]] {
  const [relay, alice, bob, ...others] = nodes;
  assert(relay !== undefined && alice !== undefined && bob !== undefined);
  return [relay, alice, bob, ...others];
}

function trafficWith(node: Node, peer: Node): { in: number; out: number } {
  const session = node.sessions().find(({ id }) => id === peer.identity.id);
  assert(session !== undefined);
  return { in: session.bytesReceived, out: session.bytesSent };
}

function useOf(node: Node): { pairs: number; offers: number } {
  const { pairs, offers } = node.status().relay!;
  return { pairs, offers };
}

/** What the other end of a stream says, or the code of the error. */
async function endOf(stream: PeerStream): Promise<string> {
  try {
    for (;;) {
      const count = await stream.read(new Uint8Array(100));
      if (count === null) return "end";
    }
  } catch (error) {
    return error instanceof VerackError ? error.code : String(error);
  }
}

Deno.test("no more bytes leave a relay for an end than came for it, refused, declined and hung pairs included", async () => {
  await using mesh = await startMesh(3, QUIET);
  const [relay, alice, bob] = nodesOf(mesh);
  const ROUNDS = 100;
  const rounds: Readonly<
    Record<string, (at: number) => Promise<readonly PeerStream[]>>
  > = {
    "to nowhere": async () => {
      const stream = await alice.open(relay.identity.id, RELAY_PROTOCOL, {
        metadata: encodeRelayTarget(parsePeerId("ab".repeat(32))),
      });
      assertEquals(await endOf(stream), "not-connected");
      return [];
    },
    "without sense": async () => {
      const stream = await alice.open(relay.identity.id, RELAY_PROTOCOL);
      assertEquals(await endOf(stream), "failed");
      return [];
    },
    "declined": async () => {
      const { stream } = await requestOffer(alice, relay, bob.identity.id);
      await stream.closeWrite();
      assertEquals(await endOf(stream), "end");
      return [];
    },
    "hung": async () => [await relayTo(alice, relay, bob)],
  };
  const ends = new RelayedStreams(bob);
  for (const [kind, run] of Object.entries(rounds)) {
    const before = {
      alice: trafficWith(relay, alice),
      bob: trafficWith(relay, bob),
    };
    // As many as one peer may have at once, of those that stay.
    const count = kind === "hung" ? 30 : ROUNDS;
    const open: PeerStream[] = [];
    for (let at = 0; at < count; at++) open.push(...await run(at));
    if (kind === "hung") {
      await until("all are joined", () => useOf(relay).pairs === count);
    }
    const after = {
      alice: trafficWith(relay, alice),
      bob: trafficWith(relay, bob),
    };
    const came = after.alice.in - before.alice.in;
    const toBob = after.bob.out - before.bob.out;
    const toAlice = after.alice.out - before.alice.out;
    assert(toBob <= came, `${kind}: ${toBob} to the other end for ${came}`);
    assert(
      toAlice <= came + count * REFUSAL_BYTES,
      `${kind}: ${toAlice} to the asking end for ${came}`,
    );
    if (kind !== "hung") assertEquals(toBob, 0, kind);
    for (const stream of open) stream.abort();
    await until("nothing is left", () => useOf(relay).pairs === 0);
  }
  assert(ends.size > 0);
});

Deno.test("a relay opens no connection and looks no name up, whatever it is asked for", async () => {
  let dials = 0;
  const inner = tlsTransport();
  const counting: NodeOptions = {
    ...QUIET,
    transport: {
      ...inner,
      dial: (address: Address, options) => {
        dials++;
        return inner.dial(address, options);
      },
      listen: inner.listen.bind(inner),
    },
    resolve: () => {
      dials++;
      return Promise.resolve([]);
    },
  };
  await using mesh = await startMesh(3, counting);
  const [relay, alice, bob] = nodesOf(mesh);
  const ends = new RelayedStreams(bob);
  const before = dials;
  const targets = [
    "127.0.0.1:22",
    "[::1]:80",
    "example.org:443",
    `${bob.identity.id}@127.0.0.1:22`,
    `${bob.identity.id}`,
    JSON.stringify({ host: "127.0.0.1", port: 22 }),
  ];
  for (const metadata of targets) {
    const stream = await alice.open(relay.identity.id, RELAY_PROTOCOL, {
      metadata,
    });
    assertEquals(await endOf(stream), "failed", metadata);
  }
  const stream = await relayTo(alice, relay, bob);
  const end = await ends.next();
  await stream.write(new Uint8Array(1_000));
  await end.read(new Uint8Array(1_000));
  assertEquals(dials, before);
  stream.abort();
});

Deno.test("strangers have half of the pairs, one of them what it leaves to others, and members find the rest", async () => {
  await using mesh = await startMesh(6, { ...QUIET, relay: { maxPairs: 8 } });
  const [relay, member, bob, ...strangers] = nodesOf(mesh);
  relay.admission.allow(member.identity.id);
  new RelayedStreams(bob);
  const held: PeerStream[] = [];
  const counts: number[] = [];
  for (const stranger of strangers) {
    let own = 0;
    for (let at = 0; at < 8; at++) {
      const stream = await relayTo(stranger, relay, bob);
      held.push(stream);
      const { pairs } = useOf(relay);
      let isOver = false;
      const refused = endOf(stream);
      const code = await Promise.race([
        refused,
        until(
          "it is joined",
          () => useOf(relay).pairs > pairs || isOver,
        ).then(() => "joined"),
      ]);
      isOver = true;
      if (code === "joined") own++;
      else assertEquals(code, "full");
    }
    counts.push(own);
  }
  assertEquals(counts, [2, 1, 1]);
  for (let at = 0; at < 2; at++) {
    held.push(await relayTo(member, relay, bob));
    await until("the member's", () => useOf(relay).pairs === 5 + at);
  }
  assert(relay.status().counters.relaysRefusedFull > 0);
  for (const stream of held) stream.abort();
  await until("none is left", () => useOf(relay).pairs === 0);
});

Deno.test("a flood of requests for offers is bounded, and a member beside it gets its own", async () => {
  await using mesh = await startMesh(4, QUIET);
  const [relay, alice, bob, member] = nodesOf(mesh);
  assert(member !== undefined);
  relay.admission.allow(member.identity.id);
  const ends = new RelayedStreams(bob);
  const metadata = encodeRelayTarget(bob.identity.id);
  const asked = await Promise.all(times(
    900,
    () => alice.open(relay.identity.id, RELAY_PROTOCOL, { metadata }),
  ));
  const codes = asked.map(endOf);
  await until("the rest is refused", () => {
    const { relaysRefusedFull, streamsRefused } = relay.status().counters;
    return relaysRefusedFull + streamsRefused >=
      900 - MAX_RELAY_OFFERS_PER_PEER;
  });
  assertEquals(useOf(relay).offers, MAX_RELAY_OFFERS_PER_PEER);
  const { stream } = await requestOffer(member, relay, bob.identity.id);
  await stream.closeWrite();
  for (const it of asked) it.abort();
  await until("no offer is left", () => useOf(relay).offers === 0);
  await Promise.all(codes);
  // Nothing of all that has reached the other end.
  assertEquals(ends.size, 0);
  // What it may ask for at once is used up; a few more have become free meanwhile.
  assert(RELAY_REQUEST_BURST < 900);
  const late = async () => {
    for (let at = 0; at < 100; at++) {
      const { stream } = await requestOffer(alice, relay, bob.identity.id);
      stream.abort();
      await until("it is gone", () => useOf(relay).offers === 0);
    }
  };
  await assertRefused(late(), "full");
});

/** A relay on streams that a test hands it, with peers of any number of hops. */
function bareRelay(hops: Readonly<Record<string, number>>): {
  answer: (stream: Partial<PeerStream>) => Promise<void>;
  opened: string[];
  clock: VirtualClock;
} {
  const clock = new VirtualClock();
  const opened: string[] = [];
  let handler: StreamHandler = () => {};
  const table = {
    get: (id: PeerId) =>
      hops[id] === undefined ? undefined : {
        id,
        primary: {
          hops: hops[id],
          channel: { isOpen: true, minRttMs: 1 },
        },
      },
  };
  new RelayServer(
    {
      clock,
      counters: new NodeCounters(),
      log: logger("mesh"),
      own: parsePeerId("00".repeat(32)),
      table,
      rules: { ignoresGossipAbout: () => false },
      standing: { has: () => true },
      streams: {
        handle: (_: string, its: StreamHandler) => {
          handler = its;
          return { [Symbol.dispose]() {} };
        },
        open: (id: PeerId) => {
          opened.push(id);
          throw new VerackError("full", "no more streams");
        },
      },
      settings: { maxPairs: 10_000, bytesPerSecond: Infinity },
    } as unknown as RelayServerOptions,
  );
  return {
    answer: async (stream) => await handler(stream as PeerStream),
    opened,
    clock,
  };
}

/** A stream whose opener accepts every offer; resolves with the code of the refusal. */
function acceptingStream(
  peer: PeerId,
  target: PeerId,
): { stream: Partial<PeerStream>; refusal: Promise<string> } {
  const { promise, resolve } = Promise.withResolvers<string>();
  return {
    refusal: promise,
    stream: {
      peer,
      metadata: encodeRelayTarget(target),
      signal: new AbortController().signal,
      write: () => Promise.resolve(),
      read: (buffer) => {
        buffer[0] = 1;
        return Promise.resolve(1);
      },
      refuse: ({ code, message }) => resolve(`${code}: ${message}`),
    },
  };
}

Deno.test("relays of relays end at sixteen hops, whatever sessions the ends are on", async () => {
  const near = parsePeerId("01".repeat(32));
  const far = parsePeerId("02".repeat(32));
  for (let own = 1; own <= MAX_RELAY_HOPS; own++) {
    const others = MAX_RELAY_HOPS - own;
    for (const its of [others, others + 1]) {
      if (its < 1) continue;
      const { answer, opened } = bareRelay({ [near]: own, [far]: its });
      const { stream, refusal } = acceptingStream(near, far);
      await answer(stream);
      const isAllowed = own + its <= MAX_RELAY_HOPS;
      assertEquals(opened.length, isAllowed ? 1 : 0, `${own} + ${its}`);
      const code = (await refusal).split(":")[0];
      assertEquals(code, isAllowed ? "full" : "not-allowed");
    }
  }
  assertThrows(() => encodeRelayTarget("zz" as PeerId), RangeError);
});

Deno.test("pairs to one peer begin no faster than its session bears, however many peers want them", async () => {
  const target = parsePeerId("02".repeat(32));
  const openers = Array.from(
    { length: 4 },
    (_, at) => parsePeerId(`${10 + at}`.repeat(32)),
  );
  const hops = Object.fromEntries([target, ...openers].map((id) => [id, 1]));
  const { answer, opened, clock } = bareRelay(hops);
  const refusals: string[] = [];
  for (const opener of openers) {
    for (let at = 0; at < RELAY_REQUEST_BURST; at++) {
      const { stream, refusal } = acceptingStream(opener, target);
      await answer(stream);
      refusals.push(await refusal);
    }
  }
  assertEquals(opened.length, RELAY_TARGET_BURST);
  assert(refusals.at(-1)?.includes("to that peer"), refusals.at(-1));
  await clock.advance(10_000);
  const { stream } = acceptingStream(openers[0]!, target);
  await answer(stream);
  assertEquals(opened.length, RELAY_TARGET_BURST + 1);
});
