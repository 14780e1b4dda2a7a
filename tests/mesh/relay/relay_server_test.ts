// Relays by real nodes over real sockets; the ends speak the protocols by hand.
import { assert, assertEquals } from "@std/assert";
import { decodeRelayedHead } from "../../../src/mesh/relay/relay_format.ts";
import type { Node } from "../../../src/mesh/node.ts";
import { partsOf } from "../../../src/mesh/node_parts.ts";
import { type Mesh, startMesh } from "../../helpers/nodes.ts";
import {
  assertRefused,
  RelayedStreams,
  relayTo,
  requestOffer,
} from "../../helpers/relay_ends.ts";
import { readExactly } from "../../contract/pair.ts";
import { until } from "../../helpers/until.ts";

const UTF8 = new TextEncoder();

function three({ nodes }: Mesh): [Node, Node, Node] {
  const [a, r, b] = nodes;
  assert(a !== undefined && r !== undefined && b !== undefined);
  return [a, r, b];
}

function pairsOf(node: Node): number {
  return partsOf(node).relaying.use?.pairs ?? 0;
}

async function readText(
  stream: Parameters<typeof readExactly>[0],
  text: string,
): Promise<void> {
  const bytes = await readExactly(stream, UTF8.encode(text).length);
  assertEquals(new TextDecoder().decode(bytes), text);
}

Deno.test("a relay offers, opens a stream to the other end once the offer is accepted, and carries bytes and ends both ways", async () => {
  await using mesh = await startMesh(3);
  const [alice, relay, bob] = three(mesh);
  const ends = new RelayedStreams(bob);

  const { stream, offer } = await requestOffer(alice, relay, bob.identity.id);
  assertEquals(offer.hops, 2);
  assertEquals(offer.load, 0);
  assert(offer.rttMs === Infinity || offer.rttMs < 10_000);
  assertEquals(ends.size, 0);
  assertEquals(pairsOf(relay), 0);

  // The go, and at once what the ends say.
  await stream.write(Uint8Array.of(1, ...UTF8.encode("hello")));
  const end = await ends.next();
  assertEquals(end.peer, relay.identity.id);
  assertEquals(decodeRelayedHead(end.metadata), {
    from: alice.identity.id,
    hops: 2,
  });
  await readText(end, "hello");
  assertEquals(pairsOf(relay), 1);
  await end.write(UTF8.encode("good day"));
  await readText(stream, "good day");

  // Half of it ends, the other goes on.
  await stream.closeWrite();
  assertEquals(await end.read(new Uint8Array(9)), null);
  await end.write(UTF8.encode("more"));
  await readText(stream, "more");
  await end.closeWrite();
  assertEquals(await stream.read(new Uint8Array(9)), null);
  await until("the relay has dropped the pair", () => pairsOf(relay) === 0);
  const { relayedBytes, relaysOpened } = relay.status().counters;
  assertEquals([relayedBytes, relaysOpened], [17, 1]);
});

Deno.test("how one end ends, the other is told with code and text", async () => {
  await using mesh = await startMesh(3);
  const [alice, relay, bob] = three(mesh);
  // Nothing handles relayed/1 there.
  partsOf(bob).relaying.arrivals.stop();
  const unhandled = await relayTo(alice, relay, bob);
  await assertRefused(unhandled.read(new Uint8Array(1)), "unknown-protocol");

  const ends = new RelayedStreams(bob);
  const aborted = await relayTo(alice, relay, bob);
  (await ends.next()).abort("enough of that");
  const error = await assertRefused(aborted.read(new Uint8Array(1)), "failed");
  // No more than that, which a chain of relays would make longer and longer.
  assert(
    error.message.endsWith("failed at the peer: enough of that"),
    error.message,
  );

  const gone = await relayTo(alice, relay, bob);
  const end = await ends.next();
  gone.abort("here too");
  const other = await assertRefused(end.read(new Uint8Array(1)), "failed");
  assert(other.message.includes("here too"), other.message);
  await until("no pair is left", () => pairsOf(relay) === 0);
});

Deno.test("a pair ends when the session of either end with the relay does", async () => {
  await using mesh = await startMesh(3);
  const [alice, relay, bob] = three(mesh);
  const ends = new RelayedStreams(bob);
  const stream = await relayTo(alice, relay, bob);
  await ends.next();
  await bob.close({ abrupt: true });
  await assertRefused(stream.read(new Uint8Array(1)), "session-lost");
  await until("the pair is gone", () => pairsOf(relay) === 0);
});

Deno.test("nothing is relayed to the relay itself, to the opener, or to a peer without a session", async () => {
  await using mesh = await startMesh(3);
  const [alice, relay, bob] = three(mesh);
  const ends = new RelayedStreams(bob);
  const ask = (target: string) => requestOffer(alice, relay, target);
  await assertRefused(ask(relay.identity.id), "not-allowed");
  await assertRefused(ask(alice.identity.id), "not-allowed");
  await assertRefused(ask("ab".repeat(32)), "not-connected");
  relay.admission.deny(bob.identity.id);
  await assertRefused(ask(bob.identity.id), "not-connected");
  assertEquals(ends.size, 0);
  const { counters } = relay.status();
  assertEquals(counters.relaysRefusedOther, 2);
  assertEquals(counters.relaysRefusedNotConnected, 2);
});

Deno.test("a node with relay: false neither announces nor does it", async () => {
  await using mesh = await startMesh(3, { relay: false });
  const [alice, relay, bob] = three(mesh);
  await assertRefused(
    requestOffer(alice, relay, bob.identity.id),
    "unknown-protocol",
  );
  const features = (node: Node) =>
    partsOf(node).sessions.all().map(({ channel }) =>
      channel.features.has("relay")
    );
  assertEquals(features(alice), [false, false]);
  await using others = await startMesh(2);
  assertEquals(features(others.nodes[0]!), [true]);
});
