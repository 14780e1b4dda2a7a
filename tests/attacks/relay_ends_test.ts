// Ends of relayed pairs that hang, die at any moment, read nothing, or send what they like: the
// relay keeps nothing of them, and no other pair suffers. In virtual time.
import { assert, assertEquals } from "@std/assert";
import {
  RELAY_HALF_CLOSED_MS,
  RELAY_IDLE_MS,
  RELAY_OFFER_MS,
  RELAY_START_MS,
} from "../../src/mesh/relay/relay_limits.ts";
import type { NodeOptions } from "../../src/mesh/options.ts";
import type { PeerStream } from "../../src/streams/peer_stream.ts";
import { type Member, MemoryMesh } from "../helpers/memory_mesh.ts";
import {
  RelayedStreams,
  relayTo,
  requestOffer,
} from "../helpers/relay_ends.ts";

/** A relay, and two ends that are in session with each other anyway. */
class Trio implements AsyncDisposable {
  readonly mesh = new MemoryMesh();
  relay!: Member;
  alice!: Member;
  bob!: Member;
  ends!: RelayedStreams;

  static async start(options: NodeOptions = {}): Promise<Trio> {
    const trio = new Trio();
    const { mesh } = trio;
    trio.relay = await mesh.start([], options);
    trio.alice = await mesh.start([trio.relay]);
    trio.bob = await mesh.start([trio.relay]);
    await mesh.complete();
    trio.ends = new RelayedStreams(trio.bob.node);
    return trio;
  }

  /** What is due within so long happens, and what it gives rise to. */
  async pass(ms: number): Promise<void> {
    await this.mesh.clock.advance(ms);
  }

  async offered(): Promise<PeerStream> {
    const { alice, bob, relay } = this;
    const asking = requestOffer(alice.node, relay.node, bob.node.identity.id);
    await this.pass(50);
    return (await asking).stream;
  }

  async joined(): Promise<{ stream: PeerStream; end: PeerStream }> {
    const { alice, bob, relay } = this;
    const joining = relayTo(alice.node, relay.node, bob.node);
    await this.pass(100);
    const stream = await joining;
    return { stream, end: await this.ends.next() };
  }

  /** Nothing of a pair or an offer is left at the relay. */
  assertNothing(what: string): void {
    const { node } = this.relay;
    const { pairs, offers } = node.status().relay!;
    assertEquals({ what, pairs, offers, streams: node.status().streams }, {
      what,
      pairs: 0,
      offers: 0,
      streams: 0,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mesh[Symbol.asyncDispose]();
  }
}

/** The code with which a read of a stream rejects; `open` if it waits. */
async function codeOf(stream: PeerStream): Promise<string> {
  const read = stream.read(new Uint8Array(9)).then(
    (count) => `${count} bytes`,
    ({ code }) => code,
  );
  let turns = 0;
  const waiting = (async () => {
    while (turns++ < 50) await Promise.resolve();
    return "open";
  })();
  return await Promise.race([read, waiting]);
}

Deno.test("an offer that is not accepted ends after ten seconds", async () => {
  await using trio = await Trio.start();
  const stream = await trio.offered();
  await trio.pass(RELAY_OFFER_MS - 1_000);
  assertEquals(trio.relay.node.status().relay?.offers, 1);
  await trio.pass(1_500);
  assertEquals(await codeOf(stream), "timeout");
  trio.assertNothing("undecided");
  assertEquals(trio.ends.size, 0);
});

Deno.test("a pair of which one end says nothing is closed, whichever it is", async () => {
  await using trio = await Trio.start();
  for (const silent of ["both", "dialing", "accepting"]) {
    const { stream, end } = await trio.joined();
    if (silent === "dialing") await end.write(new Uint8Array(10));
    if (silent === "accepting") await stream.write(new Uint8Array(10));
    await trio.pass(RELAY_START_MS - 2_000);
    assertEquals(trio.relay.node.status().relay?.pairs, 1, silent);
    await trio.pass(4_000);
    trio.assertNothing(silent);
    if (silent !== "accepting") assertEquals(await codeOf(end), "timeout");
  }
});

Deno.test("a pair without a byte is closed after two minutes, and one that is half closed after ten seconds", async () => {
  await using trio = await Trio.start();
  const first = await trio.joined();
  await first.stream.write(new Uint8Array(10));
  await first.end.write(new Uint8Array(10));
  await trio.pass(RELAY_IDLE_MS - 5_000);
  assertEquals(trio.relay.node.status().relay?.pairs, 1);
  await trio.pass(8_000);
  trio.assertNothing("idle");

  const second = await trio.joined();
  await second.stream.write(new Uint8Array(10));
  await second.end.write(new Uint8Array(10));
  await second.stream.closeWrite();
  await trio.pass(RELAY_HALF_CLOSED_MS - 3_000);
  assertEquals(trio.relay.node.status().relay?.pairs, 1);
  await trio.pass(5_000);
  trio.assertNothing("half closed");
});

Deno.test("whichever end dies, at whichever moment and however, no stream is left at the relay", async () => {
  const MOMENTS = ["offered", "accepted", "joined", "talking", "half"] as const;
  const DEATHS = ["abort", "crash"] as const;
  for (const moment of MOMENTS) {
    for (const death of DEATHS) {
      for (const who of ["dialing", "accepting"] as const) {
        const what = `${who} ${death} when ${moment}`;
        await using trio = await Trio.start();
        const { mesh, alice, bob } = trio;
        let stream = await trio.offered();
        let end: PeerStream | undefined;
        if (moment === "accepted") await stream.write(Uint8Array.of(1, 2, 3));
        else if (moment !== "offered") {
          await stream.closeWrite();
          await trio.pass(100);
          ({ stream, end } = await trio.joined());
          if (moment !== "joined") {
            await stream.write(new Uint8Array(50_000));
            await end.write(new Uint8Array(50_000));
          }
          if (moment === "half") {
            const closing = stream.closeWrite();
            await trio.pass(100);
            await closing;
          }
        }
        const dying = who === "dialing" ? alice : bob;
        if (death === "abort") {
          const its = who === "dialing" ? stream : end;
          its?.abort();
        } else {
          mesh.network.crash(dying.host, { reset: true });
          const closing = dying.node.close({ abrupt: true });
          await trio.pass(10);
          await closing;
          mesh.members.splice(mesh.members.indexOf(dying), 1);
        }
        // An offer that is not accepted by an end that lives has its own deadline.
        await trio.pass(RELAY_START_MS + RELAY_OFFER_MS);
        trio.assertNothing(what);
      }
    }
  }
});

Deno.test("an end that reads nothing holds up its own pair, which holds little, and no other", async () => {
  await using trio = await Trio.start();
  const { stream, end } = await trio.joined();
  await end.write(new Uint8Array(1));
  const other = await trio.joined();
  let written = 0;
  const writing = (async () => {
    const block = new Uint8Array(16_384);
    for (;;) {
      await stream.write(block);
      written += block.length;
    }
  })().catch(() => {});
  await trio.pass(5_000);
  const before = written;
  await trio.pass(5_000);
  assertEquals(written, before, "it stands still");
  // Windows of both legs and the queues of both sending ends.
  assert(written < 500_000, `${written} bytes`);

  const sent = new Uint8Array(200_000).fill(7);
  const sending = other.stream.write(sent);
  let received = 0;
  const reading = (async () => {
    const buffer = new Uint8Array(50_000);
    while (received < sent.length) {
      received += await other.end.read(buffer) ?? 0;
    }
  })();
  await trio.pass(2_000);
  await Promise.all([sending, reading]);
  assertEquals(received, sent.length);
  stream.abort();
  await writing;
});

Deno.test("no more is relayed in a second than the rate, and a node that closes waits for none of it", async () => {
  const bytesPerSecond = 100_000;
  await using trio = await Trio.start({ relay: { bytesPerSecond } });
  const pairs = [await trio.joined(), await trio.joined()];
  let received = 0;
  for (const { stream, end } of pairs) {
    (async () => {
      for (;;) await stream.write(new Uint8Array(20_000));
    })().catch(() => {});
    (async () => {
      const buffer = new Uint8Array(50_000);
      for (;;) {
        const count = await end.read(buffer);
        received += count ?? 0;
      }
    })().catch(() => {});
  }
  await trio.pass(5_000);
  const before = received;
  await trio.pass(10_000);
  const rate = (received - before) / 10;
  assert(rate > 0.9 * bytesPerSecond && rate < 1.1 * bytesPerSecond, `${rate}`);
  const use = trio.relay.node.status().relay!;
  assertEquals(use.maxBytesPerSecond, bytesPerSecond);
  assert(use.bytesPerSecond < 1.5 * bytesPerSecond, `${use.bytesPerSecond}`);
  // A dialing end sees that another relay would be better.
  const { alice, bob, relay } = trio;
  const asking = requestOffer(alice.node, relay.node, bob.node.identity.id);
  await trio.pass(1_000);
  const { stream, offer } = await asking;
  assertEquals(offer.load, 1);
  stream.abort();
});

Deno.test("a node that is told which pairs to join by a peer that is no end of them joins none", async () => {
  await using trio = await Trio.start();
  const { alice, bob, relay } = trio;
  const ids = `${alice.node.identity.id}${bob.node.identity.id}`;
  const stream = await bob.node.open(relay.node.identity.id, "relay/1", {
    metadata: Uint8Array.fromHex(ids),
  });
  await trio.pass(100);
  assertEquals(await codeOf(stream), "failed");
  trio.assertNothing("two ids");
});
