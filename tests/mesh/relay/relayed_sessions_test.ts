import { assert, assertEquals } from "@std/assert";
import { shortId } from "../../../src/core/peer_id.ts";
import { Node } from "../../../src/mesh/node.ts";
import { partsOf } from "../../../src/mesh/node_parts.ts";
import { formatAddress } from "../../../src/transport/address.ts";
import { receiveFiles, sendFile } from "../../../src/services/mod.ts";
import { assertCode, pattern, same } from "../../contract/pair.ts";
import {
  acceptByHand,
  cutTransport,
  dialByHand,
  relayByHand,
  sessionOf,
  threeNodes,
} from "../../helpers/hand_relay.ts";
import { EventLog } from "../../helpers/nodes.ts";
import { until } from "../../helpers/until.ts";

/** Three nodes, of which the ends have a relayed session. */
async function relayedPair() {
  const nodes = await threeNodes();
  const { relay, dialing, accepting } = nodes;
  const parts = [relayByHand(relay), acceptByHand(accepting)];
  const session = await dialByHand(dialing, relay, accepting);
  await until(
    "both ends are up",
    () => dialing.sessions().length === 2 && accepting.sessions().length === 2,
  );
  return {
    ...nodes,
    session,
    async [Symbol.asyncDispose]() {
      for (const part of parts) part[Symbol.dispose]();
      await nodes[Symbol.asyncDispose]();
    },
  };
}

Deno.test("two nodes that cannot dial each other have a session through a third, of which each knows the relay", async () => {
  await using nodes = await relayedPair();
  const { relay, dialing, accepting } = nodes;
  for (
    const [node, other, direction] of [
      [dialing, accepting, "outbound"],
      [accepting, dialing, "inbound"],
    ] as const
  ) {
    const session = node.sessions()
      .find(({ id }) => id === other.identity.id);
    assert(session !== undefined);
    assertEquals(session.direction, direction);
    assertEquals(session.via, relay.identity.id);
    assertEquals(session.hops, 2);
    // As the relay is, so that shares and scope are those of its host.
    const { remoteAddress } = sessionOf(node, relay.identity.id);
    assertEquals(session.remoteAddress, formatAddress(remoteAddress));
    assertEquals(node.peer(other.identity.id)?.connected, true);
    const direct = node.sessions().find(({ id }) => id === relay.identity.id);
    assertEquals(direct?.via, undefined);
    assertEquals(direct?.hops, 1);
  }
  // The relay has a session with each of the two, and no more.
  assertEquals(relay.sessions().length, 2);
});

Deno.test("messages, requests, streams and files pass through a relay as on a direct session", async () => {
  await using nodes = await relayedPair();
  const { dialing, accepting } = nodes;
  for (const [from, to] of [[dialing, accepting], [accepting, dialing]]) {
    assert(from !== undefined && to !== undefined);
    const large = pattern(500_000);
    const sent = [
      from.send(to.identity.id, "hello"),
      from.send(to.identity.id, large),
    ];
    const bodies: Uint8Array[] = [];
    for await (const message of to.messages()) {
      assertEquals(message.from, from.identity.id);
      bodies.push(message.body);
      message.ack();
      if (bodies.length === 2) break;
    }
    await Promise.all(sent);
    assertEquals(bodies[0], new TextEncoder().encode("hello"));
    assert(same(bodies[1] ?? new Uint8Array(), large));

    using _served = to.serve(
      "reverse",
      (text) => [...String(text)].toReversed().join(""),
    );
    assertEquals(
      await from.request(to.identity.id, "reverse", "relay"),
      "yaler",
    );

    using _handled = to.handle(
      "echo/1",
      (stream) => stream.readable.pipeTo(stream.writable),
    );
    const stream = await from.open(to.identity.id, "echo/1");
    await stream.write(pattern(100_000));
    await stream.closeWrite();
    const echoed = await new Response(stream.readable).bytes();
    assert(same(echoed, pattern(100_000)));
  }
});

Deno.test("a file passes through a relay", async () => {
  await using nodes = await relayedPair();
  const { dialing, accepting } = nodes;
  const place = await Deno.makeTempDir();
  try {
    const content = pattern(1_500_000);
    await Deno.writeFile(`${place}/photo.bin`, content);
    await Deno.mkdir(`${place}/in`);
    const stop = new AbortController();
    const receiving = (async () => {
      const options = {
        dir: `${place}/in`,
        accept: () => true,
        signal: stop.signal,
      };
      for await (const step of receiveFiles(accepting, options)) {
        if (step.type === "done") break;
      }
    })();
    for await (
      const _step of sendFile(dialing, accepting.identity.id, [
        `${place}/photo.bin`,
      ])
    ) { /* until it is sent */ }
    await receiving;
    assert(same(await Deno.readFile(`${place}/in/photo.bin`), content));
  } finally {
    await Deno.remove(place, { recursive: true });
  }
});

Deno.test("a relayed session verifies no address, and none is taken from where the relay is", async () => {
  await using nodes = await relayedPair();
  const { dialing, accepting } = nodes;
  for (const [node, other] of [[dialing, accepting], [accepting, dialing]]) {
    assert(node !== undefined && other !== undefined);
    const peer = partsOf(node).table.get(other.identity.id);
    const known = peer?.addresses.list() ?? [];
    for (const { address, rank, configured } of known) {
      // What the relay has gossiped, and nothing else.
      assertEquals(formatAddress(address), other.address);
      assertEquals({ rank, configured }, {
        rank: "gossiped",
        configured: false,
      });
    }
  }
});

Deno.test("a relayed session ends with the session that carries it, and a message waits for the next", async () => {
  await using nodes = await relayedPair();
  const { relay, dialing, accepting, session } = nodes;
  const log = new EventLog(dialing);
  const { id } = accepting.identity;
  sessionOf(relay, id).channel.close(
    // As if the network between the relay and one end were cut.
    Object.assign(new Error("cut")) as never,
  );
  await session.channel.closed;
  await until(
    "the peer is down",
    () => log.of("peer:down").some((event) => event.id === id),
  );
  const { reason = "" } = log.of("peer:down").find((it) => it.id === id) ?? {};
  const via = shortId(relay.identity.id);
  assert(reason.startsWith(`Cannot read through relay ${via}: `), reason);
  const sent = dialing.send(id, "late");
  await until("the relay is back", () => relay.sessions().length === 2);
  await until(
    "the end is back",
    () => accepting.sessions().some((it) => it.id === relay.identity.id),
  );
  await dialByHand(dialing, relay, accepting);
  for await (const message of accepting.messages()) {
    assertEquals(message.text(), "late");
    message.ack();
    break;
  }
  await sent;
});

Deno.test("a node refuses a relayed session of another peer than the relay has announced", async () => {
  await using nodes = await threeNodes();
  const { relay, dialing, accepting } = nodes;
  using _accept = acceptByHand(accepting);
  {
    // The relay names itself in place of the end that dials.
    using _relay = relayByHand(relay, { claims: () => relay.identity.id });
    await assertCode(dialByHand(dialing, relay, accepting), "rejected");
  }
  const isUp = () =>
    accepting.sessions().some(({ id }) => id === dialing.identity.id);
  assertEquals(isUp(), false);
  using _relay = relayByHand(relay);
  await dialByHand(dialing, relay, accepting);
  await until("the honest one is accepted", isUp);
});

Deno.test("a node that has no TLS engine refuses to be an end of a relayed session, and says why", async () => {
  await using nodes = await threeNodes();
  const { relay, dialing, accepting } = nodes;
  const { sessions: relayedSessions } = partsOf(dialing).relaying;
  assertEquals(relayedSessions.isPossible, true);
  using _relay = relayByHand(relay);
  using _accept = acceptByHand(accepting);
  const { transport } = partsOf(dialing).options;
  Object.defineProperty(transport, "overlay", { value: undefined });
  assertEquals(relayedSessions.isPossible, false);
  const error = await assertCode(
    dialByHand(dialing, relay, accepting),
    "unsupported",
  );
  assert(error.message.includes("TLS engine"), error.message);
});

Deno.test("a peer that a closed node dialed through a relay is listed without an address to dial", async () => {
  await using nodes = await threeNodes();
  const { relay, accepting } = nodes;
  await using closed = await Node.start({
    admission: "closed",
    connect: [`${relay.identity.id}@${relay.address}`],
    relay: false,
    transport: cutTransport((port) => accepting.address.endsWith(`:${port}`)),
  });
  await until(
    "the closed node has joined",
    () => closed.sessions().some(({ id }) => id === relay.identity.id),
  );
  using _relay = relayByHand(relay);
  using _accept = acceptByHand(accepting);
  const { id } = accepting.identity;
  await assertCode(dialByHand(closed, relay, accepting), "not-admitted");
  assertEquals(closed.admission.joinRequests().map((it) => it.id), [id]);
  closed.admission.allow(id);
  assertEquals(closed.peer(id)?.addresses ?? [], []);
  await dialByHand(closed, relay, accepting);
  await until("it is admitted", () => closed.peer(id)?.connected === true);
});
