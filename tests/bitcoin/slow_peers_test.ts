/**
 * What slow and greedy peers cost (`bitcoin_limits.ts`): a thousand open
 * connections whose read buffers are watched from underneath.
 */
import { assert, assertEquals } from "@std/assert";
import { probeAll } from "../../src/bitcoin/probe.ts";
import { respond } from "../../src/bitcoin/respond.ts";
import {
  FRAME_HEADER_BYTES,
  MAX_HANDSHAKE_PAYLOAD_BYTES,
} from "../../src/wire/wire_limits.ts";
import { BITCOIN_READ_BUFFER_BYTES } from "../../src/bitcoin/bitcoin_limits.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import type {
  Connection,
  Listener,
  Transport,
} from "../../src/transport/transport.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import { concat, frame, versionBytes } from "./raw_peer.ts";

const COUNT = 1_000;
const NODE = { host: "192.0.2.1", port: 18_444 };
/** What `bitcoin_limits.ts` promises for each, whatever it sends. */
const MOST = 2 * (FRAME_HEADER_BYTES + MAX_HANDSHAKE_PAYLOAD_BYTES);

/** Watches the buffers that connections read into. */
class BufferWatch {
  readonly #sizes = new Map<Connection, number>();
  #largest = 0;

  /** Bytes of all buffers that a read is waiting on. */
  get total(): number {
    return this.#sizes.values().reduce((sum, size) => sum + size, 0);
  }

  /** Connections that wait for bytes. */
  get readers(): number {
    return this.#sizes.size;
  }

  /** The largest buffer ever seen. */
  get largest(): number {
    return this.#largest;
  }

  watch(connection: Connection): Connection {
    const read = connection.read.bind(connection);
    connection.read = async (space) => {
      // `space` is a view into the decoder's whole buffer.
      const size = space.buffer.byteLength;
      this.#sizes.set(connection, size);
      this.#largest = Math.max(this.#largest, size);
      const count = await read(space);
      if (count === null) this.#sizes.delete(connection);
      return count;
    };
    return connection;
  }

  /** A transport whose connections, dialed and accepted, are watched. */
  around(transport: Transport): Transport {
    return {
      secure: transport.secure,
      fetchCertificate: transport.fetchCertificate,
      dial: async (address, options) =>
        this.watch(await transport.dial(address, options)),
      listen: async (address, options) =>
        this.#aroundListener(await transport.listen(address, options)),
    };
  }

  #aroundListener(listener: Listener): Listener {
    const accept = listener.accept.bind(listener);
    listener.accept = async () => {
      const incoming = await accept();
      if (incoming === null) return null;
      const open = incoming.open.bind(incoming);
      incoming.open = async (signal) => this.watch(await open(signal));
      return incoming;
    };
    return listener;
  }
}

/** A thousand clients of one responder, each sending `bytes` and nothing more. */
async function serveThousand(
  bytes: Uint8Array,
): Promise<{ total: number; largest: number; connections: number }> {
  const clock = new VirtualClock();
  const random = new SeededRandom(5);
  const network = new MemoryNetwork({ clock, random, secure: false });
  const watch = new BufferWatch();
  const transport = watch.around(network.transport(NODE.host));
  const options = { network: "regtest", transport, clock, random } as const;
  const listening = respond({ ...options, host: NODE.host });
  await clock.advance(0);
  await using node = await listening;
  const clients: Connection[] = [];
  for (let i = 0; i < COUNT; i++) {
    const from = network.transport(`198.51.100.${1 + i % 250}`);
    const dialing = from.dial(NODE, {});
    if (i % 100 === 99) await clock.advance(0);
    dialing.then((client) => clients.push(client));
  }
  await clock.runUntil(() => node.connections === COUNT, { limitMs: 1 });
  for (const client of clients) {
    for (let rest = bytes; rest.length > 0;) {
      const writing = client.write(rest);
      rest = rest.subarray(await writing);
    }
  }
  await clock.advance(1);
  assertEquals(watch.readers, COUNT);
  const { total, largest } = watch;
  const seen = { total, largest, connections: node.connections };
  for (const client of clients) client.close();
  return seen;
}

Deno.test("a thousand peers that say nothing cost the responder their small buffers", async () => {
  const { total, connections } = await serveThousand(new Uint8Array(0));
  assertEquals(connections, COUNT);
  assertEquals(total, COUNT * BITCOIN_READ_BUFFER_BYTES);
});

Deno.test("a thousand peers that announce 4 MB and send a little cost no more", async () => {
  const announced = frame("tx", new Uint8Array(100));
  new DataView(announced.buffer).setUint32(16, 4_000_000, true);
  const { total, connections } = await serveThousand(announced);
  assertEquals(connections, COUNT);
  assertEquals(total, COUNT * BITCOIN_READ_BUFFER_BYTES);
});

Deno.test("a thousand peers that send all they can cost what bitcoin_limits.ts says", async () => {
  const greedy = concat(
    frame("tx", new Uint8Array(60_000)), // passes through
    frame("tx", new Uint8Array(MAX_HANDSHAKE_PAYLOAD_BYTES)).subarray(0, -1),
  );
  const { largest, connections } = await serveThousand(greedy);
  assertEquals(connections, COUNT);
  assert(largest > BITCOIN_READ_BUFFER_BYTES, "the buffers never grew");
  assert(largest <= MOST, `${largest} bytes for one`);
});

Deno.test("a thousand probes of peers that trickle cost their small buffers", async () => {
  const clock = new VirtualClock();
  const random = new SeededRandom(6);
  const network = new MemoryNetwork({
    clock,
    random,
    secure: false,
    jitterMs: 50, // not all at once, which is more than a backlog holds
  });
  const watch = new BufferWatch();
  const listener = await network.transport(NODE.host).listen(NODE, {});
  const peers: Connection[] = [];
  const serving = (async () => {
    for (;;) {
      const incoming = await listener.accept();
      if (incoming === null) return;
      peers.push(await incoming.open());
    }
  })();
  const probing = Array.fromAsync(
    probeAll(Array(COUNT).fill(NODE), {
      network: "regtest",
      concurrency: COUNT,
      transport: watch.around(network.transport("192.0.2.2")),
      clock,
      random,
    }),
  );
  await clock.runUntil(() => watch.readers === COUNT, { limitMs: 200 });
  const version = frame("version", versionBytes());
  for (let at = 0; at < 40; at++) {
    for (const peer of peers) await peer.write(version.subarray(at, at + 1));
    await clock.advance(100);
  }
  assertEquals(watch.readers, COUNT);
  assertEquals(watch.total, COUNT * BITCOIN_READ_BUFFER_BYTES);
  await clock.advance(5_000);
  const results = await probing;
  assertEquals(results.length, COUNT);
  assert(results.every(({ error }) => error?.kind === "timeout"));
  listener.close();
  await serving;
  for (const peer of peers) peer.close();
});
