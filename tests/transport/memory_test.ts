/** The faults of the in-memory network, in virtual time. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { MEMORY_WINDOW_BYTES } from "../../src/transport/transport_limits.ts";
import {
  MemoryNetwork,
  type MemoryNetworkOptions,
} from "../../src/testing/memory_network.ts";
import type { MemoryPacket } from "../../src/testing/memory_end.ts";
import type { Connection, Listener } from "../../src/transport/transport.ts";
import { assertCode, bytes, readExactly, writeAll } from "../contract/pair.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const A = "10.0.0.1";
const B = "10.0.0.2";
const C = "10.0.0.3";
const PORT = 8080;
const credentials = {
  certificate: Uint8Array.of(1, 2, 3),
  privateKeyPem: "none is needed",
};
const pin = { certificate: credentials.certificate, serverName: "b.invalid" };

function setUp(
  options: Partial<MemoryNetworkOptions> & { seed?: number } = {},
) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork({
    clock,
    random: new SeededRandom(options.seed ?? 1),
    latencyMs: 10,
    ...options,
  });
  return { clock, network };
}

type Setup = ReturnType<typeof setUp>;

async function connect(
  { clock, network }: Setup,
  from: string = A,
  to: string = B,
  port: number = PORT,
): Promise<{ dialed: Connection; accepted: Connection; listener: Listener }> {
  const listener = await network.transport(to).listen(
    { host: to, port },
    { credentials },
  );
  const dialing = network.transport(from).dial({ host: to, port }, { pin });
  const opening = listener.accept().then((incoming) => incoming?.open());
  await clock.advance(10_000);
  const accepted = await opening;
  assert(accepted !== undefined);
  return { dialed: await dialing, accepted, listener };
}

/** Follows a promise without waiting for it. */
function watch<T>(promise: Promise<T>): {
  state: "pending" | "resolved" | "rejected";
  value?: T;
} {
  const watched: ReturnType<typeof watch<T>> = { state: "pending" };
  promise.then(
    (value) => Object.assign(watched, { state: "resolved", value }),
    () => watched.state = "rejected",
  );
  return watched;
}

Deno.test("MemoryNetwork delivers after the latency and not before", async () => {
  const setup = setUp();
  const { dialed, accepted } = await connect(setup);
  const reading = watch(accepted.read(new Uint8Array(8)));
  await dialed.write(bytes("x"));
  await setup.clock.advance(9);
  assertEquals(reading.state, "pending");
  await setup.clock.advance(1);
  assertEquals(reading.state, "resolved");
});

Deno.test("MemoryNetwork takes three ways for a handshake", async () => {
  const { clock, network } = setUp();
  const listener = await network.transport(B).listen(
    { host: B, port: PORT },
    { credentials },
  );
  const dialing = watch(
    network.transport(A).dial({ host: B, port: PORT }, { pin }),
  );
  const opening = watch(listener.accept().then((it) => it?.open()));
  await clock.advance(19);
  assertEquals([dialing.state, opening.state], ["pending", "pending"]);
  await clock.advance(1);
  assertEquals([dialing.state, opening.state], ["resolved", "pending"]);
  await clock.advance(10);
  assertEquals(opening.state, "resolved");
});

Deno.test("MemoryNetwork keeps the order of bytes whatever the jitter", async () => {
  const setup = setUp({ jitterMs: 1_000 });
  const { dialed, accepted } = await connect(setup);
  for (let i = 0; i < 100; i++) await dialed.write(Uint8Array.of(i));
  const got = readExactly(accepted, 100);
  await setup.clock.advance(100_000);
  assertEquals(await got, Uint8Array.from({ length: 100 }, (_, i) => i));
});

Deno.test("partition() holds what crosses it until heal()", async () => {
  const setup = setUp();
  const { dialed, accepted } = await connect(setup);
  setup.network.partition([[A], [B]]);
  const reading = watch(accepted.read(new Uint8Array(8)));
  await writeAll(dialed, bytes("late"));
  await setup.clock.advance(3_600_000);
  assertEquals(reading.state, "pending");
  setup.network.heal();
  await setup.clock.advance(10);
  assertEquals(reading.state, "resolved");
});

Deno.test("partition() leaves those in one group together, also the unnamed", async () => {
  const setup = setUp();
  const inside = await connect(setup, A, B);
  const unnamed = await connect(setup, C, "10.0.0.4");
  setup.network.partition([[A, B]]);
  for (const { dialed, accepted } of [inside, unnamed]) {
    await dialed.write(bytes("x"));
    const got = readExactly(accepted, 1);
    await setup.clock.advance(10);
    assertEquals(await got, bytes("x"));
  }
  const controller = new AbortController();
  const across = assertCode(
    setup.network.transport(A).dial(
      { host: "10.0.0.4", port: PORT },
      { pin, signal: controller.signal },
    ),
    "timeout",
  );
  await setup.clock.advance(60_000);
  controller.abort(new DOMException("late", "TimeoutError"));
  await across;
});

Deno.test("cut() lets writes succeed until the window is full", async () => {
  const setup = setUp();
  const { dialed } = await connect(setup);
  setup.network.cut(A, B);
  let written = 0;
  const writing = (async () => {
    for (;;) written += await dialed.write(new Uint8Array(10_000));
  })();
  const freed = assertCode(writing, "closed");
  await setup.clock.advance(60_000);
  assertEquals(written, MEMORY_WINDOW_BYTES);
  dialed.close();
  await freed;
});

Deno.test("cut() with oneWay stops one direction only", async () => {
  const setup = setUp();
  const { dialed, accepted } = await connect(setup);
  setup.network.cut(A, B, { oneWay: true });
  const there = watch(accepted.read(new Uint8Array(1)));
  const back = watch(dialed.read(new Uint8Array(1)));
  await dialed.write(bytes("x"));
  await accepted.write(bytes("y"));
  await setup.clock.advance(60_000);
  assertEquals([there.state, back.state], ["pending", "resolved"]);
});

Deno.test("cut() keeps a close from the other end until heal()", async () => {
  const setup = setUp();
  const { dialed, accepted } = await connect(setup);
  setup.network.cut(A, B);
  dialed.close();
  const reading = watch(accepted.read(new Uint8Array(1)));
  await setup.clock.advance(60_000);
  assertEquals(reading.state, "pending");
  setup.network.heal();
  await setup.clock.advance(10);
  assertEquals(reading, { state: "resolved", value: null });
});

Deno.test("halfOpen() silences a host towards all others, and heal() brings it back", async () => {
  const setup = setUp();
  const { dialed, accepted } = await connect(setup, A, B);
  const other = await connect(setup, A, C);
  setup.network.halfOpen(B);
  const silent = watch(accepted.read(new Uint8Array(1)));
  const alive = watch(other.accepted.read(new Uint8Array(1)));
  await dialed.write(bytes("x"));
  await other.dialed.write(bytes("x"));
  const dialing = watch(
    setup.network.transport(C).dial({ host: B, port: PORT }, { pin }),
  );
  await setup.clock.advance(60_000);
  assertEquals([silent.state, alive.state], ["pending", "resolved"]);
  assertEquals(dialing.state, "pending");
  setup.network.heal();
  await setup.clock.advance(10);
  assertEquals(silent.state, "resolved");
});

Deno.test("breakLink() breaks both ends at once and nothing else", async () => {
  const setup = setUp();
  const { dialed, accepted, listener } = await connect(setup, A, B);
  const other = await connect(setup, A, C);
  const reads = [dialed, accepted].map((end) =>
    assertCode(end.read(new Uint8Array(1)), "closed")
  );
  setup.network.breakLink(A, B);
  await Promise.all(reads);
  await other.dialed.write(bytes("x"));
  const got = readExactly(other.accepted, 1);
  await setup.clock.advance(10);
  await got;

  // And a new connection is possible.
  const dialing = setup.network.transport(A).dial(
    { host: B, port: PORT },
    { pin },
  );
  const opening = listener.accept().then((incoming) => incoming?.open());
  await setup.clock.advance(100);
  (await dialing).close();
  (await opening)?.close();
});

Deno.test("crash() leaves the others believing until they hear otherwise", async () => {
  const setup = setUp();
  const { dialed, accepted, listener } = await connect(setup);
  const accepting = listener.accept();
  setup.network.crash(B);
  assertEquals(await accepting, null);
  await assertCode(accepted.read(new Uint8Array(1)), "closed");
  const reading = watch(dialed.read(new Uint8Array(1)));
  await dialed.write(bytes("hello?"));
  const dialing = watch(
    setup.network.transport(A).dial({ host: B, port: PORT }, { pin }),
  );
  await setup.clock.advance(60_000);
  assertEquals([reading.state, dialing.state], ["pending", "pending"]);

  // Started again, the host knows nothing of the old connection and says so.
  await setup.network.transport(B).listen(
    { host: B, port: PORT },
    { credentials },
  );
  await dialed.write(bytes("hello?"));
  await setup.clock.advance(20);
  assertEquals(reading.state, "rejected");
});

Deno.test("crash() with reset tells the others at once", async () => {
  const setup = setUp();
  const { dialed } = await connect(setup);
  const reading = assertCode(dialed.read(new Uint8Array(1)), "closed");
  setup.network.crash(B, { reset: true });
  await setup.clock.advance(10);
  await reading;
});

Deno.test("crash() ends dials and opens of the crashed host itself", async () => {
  const setup = setUp();
  const { clock, network } = setup;
  const listener = await network.transport(B).listen(
    { host: B, port: PORT },
    { credentials },
  );
  const controller = new AbortController();
  const dialing = assertCode(
    network.transport(A).dial(
      { host: B, port: PORT },
      { pin, signal: controller.signal },
    ),
    "aborted",
  );
  await clock.advance(10);
  const incoming = await listener.accept();
  const opening = assertCode(
    incoming?.open() ?? Promise.resolve(),
    "closed",
  );
  network.crash(B);
  await opening;
  await clock.advance(60_000);
  controller.abort();
  await dialing;
});

Deno.test("unreachable() refuses dials between two hosts until reachable(), and keeps what is open", async () => {
  const setup = setUp();
  const { clock, network } = setup;
  const { dialed, accepted, listener } = await connect(setup);
  network.unreachable(A, B);
  const dial = network.transport(A).dial({ host: B, port: PORT }, { pin });
  const refused = assertCode(dial, "unreachable");
  await clock.advance(100);
  await refused;
  await writeAll(dialed, bytes("still open"));
  const read = readExactly(accepted, 10);
  await clock.advance(100);
  assertEquals(await read, bytes("still open"));
  network.reachable(A, B);
  listener.close();
  const again = await connect(setup);
  for (const it of [dialed, accepted, again.dialed, again.accepted]) it.close();
  again.listener.close();
});

Deno.test("unreachable() with oneWay leaves dials the other way possible", async () => {
  const setup = setUp();
  setup.network.unreachable(B, A, { oneWay: true });
  const { dialed, accepted, listener } = await connect(setup);
  for (const it of [dialed, accepted, listener]) it.close();
});

Deno.test("dial() reports a host that does not exist as unreachable", async () => {
  const { clock, network } = setUp();
  const dialing = assertCode(
    network.transport(A).dial({ host: "10.9.9.9", port: 1 }, { pin }),
    "unreachable",
  );
  await clock.advance(10);
  await dialing;
});

Deno.test("listen() takes the wildcard, and dial() to loopback stays on the host", async () => {
  const { clock, network } = setUp();
  const listener = await network.transport(A).listen(
    { host: "0.0.0.0", port: PORT },
    { credentials },
  );
  assertEquals(listener.address, { host: "0.0.0.0", port: PORT });
  const dialing = network.transport(A).dial(
    { host: "127.0.0.1", port: PORT },
    { pin },
  );
  const opening = listener.accept().then((incoming) => incoming?.open());
  await clock.advance(100);
  assertEquals((await opening)?.remoteAddress.host, A);
  (await dialing).close();
  await assertCode(
    network.transport(B).listen({ host: A, port: PORT }, { credentials }),
    "address-not-available",
  );
});

/** A run with a bit of everything; its packets as they arrived. */
async function trace(seed: number): Promise<MemoryPacket[]> {
  const packets: MemoryPacket[] = [];
  const setup = setUp({
    seed,
    jitterMs: 25,
    onPacket: (packet) => packets.push(packet),
  });
  const first = await connect(setup, A, B);
  const second = await connect(setup, C, B, PORT + 1);
  const drains = [first, second].map(async ({ accepted }) => {
    const buffer = new Uint8Array(1_000);
    try {
      while (await accepted.read(buffer) !== null);
    } catch {
      // Broken on purpose.
    }
  });
  for (let i = 0; i < 20; i++) {
    await first.dialed.write(new Uint8Array(100 + i));
    await second.dialed.write(new Uint8Array(5_000));
    await setup.clock.advance(7);
    if (i === 5) setup.network.partition([[A], [B, C]]);
    if (i === 15) setup.network.heal();
  }
  second.dialed.close();
  await setup.clock.advance(500);
  setup.network.breakLink(A, B);
  await setup.clock.advance(500);
  await Promise.all(drains);
  return packets;
}

Deno.test("MemoryNetwork gives the same run for the same seed, and another for another", async () => {
  const run = await trace(42);
  assert(run.length > 80, String(run.length));
  assertEquals(await trace(42), run);
  assertNotEquals(await trace(43), run);
});
