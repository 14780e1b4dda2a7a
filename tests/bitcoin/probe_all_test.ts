/** `probeAll()`: many probes at once on real sockets. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { BehaviourName } from "../../src/bitcoin/behaviours.ts";
import { probeAll } from "../../src/bitcoin/probe.ts";
import type { ProbeResult } from "../../src/bitcoin/probe_result.ts";
import { respond, type Responder } from "../../src/bitcoin/respond.ts";
import { type Address, formatAddress } from "../../src/transport/address.ts";
import { until } from "../helpers/until.ts";
import { sleep } from "../../src/core/clock.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const REGTEST = { network: "regtest" } as const;

function start(
  behaviour: BehaviourName,
  options: { clock?: VirtualClock } = {},
): Promise<Responder> {
  return respond({ ...REGTEST, port: 0, behaviour, ...options });
}

Deno.test("probeAll() probes 200 nodes at once, each with its own deadline, though some hang", async () => {
  const clock = new VirtualClock();
  await using good = await start("normal");
  await using mute = await start("mute");
  await using silent = await start("no-verack");
  const nodes = [good, good, good, mute, silent];
  const addresses = Array.from(
    { length: 200 },
    (_, i) => nodes[i % nodes.length]!.address,
  );
  const results: ProbeResult[] = [];
  const collecting = (async () => {
    const options = { ...REGTEST, clock, concurrency: 200 };
    for await (const result of probeAll(addresses, options)) {
      results.push(result);
    }
  })();
  await until("the good ones", () => results.length === 120);
  assert(results.every(({ ok }) => ok), "the others hold nobody up");
  await until(
    "the hanging ones to have got as far as they get",
    () => mute.accepted === 40 && silent.completed === 40,
  );
  await clock.advance(4_999);
  assertEquals(results.length, 120);
  await clock.advance(1);
  await collecting;
  const late = results.slice(120);
  assertEquals(late.length, 80);
  for (const { error, durationMs } of late) {
    assertEquals([error?.kind, durationMs], ["timeout", 5_000]);
  }
});

Deno.test("probeAll() gives up each of 200 silent nodes among 600 at its own time, and no other", async () => {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  const network = new MemoryNetwork({
    clock,
    random,
    secure: false,
    latencyMs: 20,
  });
  const startAt = (host: string, behaviour: BehaviourName) =>
    respond({
      ...REGTEST,
      host,
      behaviour,
      transport: network.transport(host),
      clock,
      random,
    });
  await using _good = await startAt("192.0.2.1", "normal");
  await using _mute = await startAt("192.0.2.2", "mute");
  /** One more starts each 3 ms, so that each has a deadline of its own. */
  async function* addresses(): AsyncGenerator<Address> {
    for (let i = 0; i < 600; i++) {
      await sleep(clock, 3);
      yield { host: `192.0.2.${i % 3 === 1 ? 2 : 1}`, port: 18444 };
    }
  }
  const begunAt = clock.monotonic();
  const ended: { result: ProbeResult; atMs: number }[] = [];
  const collecting = (async () => {
    const options = {
      ...REGTEST,
      clock,
      random,
      transport: network.transport("192.0.2.9"),
      concurrency: 600,
    };
    for await (const result of probeAll(addresses(), options)) {
      ended.push({ result, atMs: clock.monotonic() - begunAt });
    }
  })();
  await clock.runUntil(() => ended.length === 600, { limitMs: 20_000 });
  await collecting;
  const failed = ended.filter(({ result }) => !result.ok);
  assertEquals(ended.length - failed.length, 400);
  assertEquals(
    failed.map(({ result, atMs }) => `${result.error?.kind} at ${atMs}`),
    Array.from({ length: 200 }, (_, i) => `timeout at ${5_006 + 9 * i}`),
  );
});

Deno.test("probeAll() pulls addresses as it has room and never has more connections open", async () => {
  const clock = new VirtualClock();
  await using mute = await start("mute");
  let pulled = 0;
  function* addresses(): Generator<Address> {
    for (;;) {
      pulled++;
      yield mute.address;
    }
  }
  const results = probeAll(addresses(), { ...REGTEST, clock, concurrency: 16 });
  const first = results.next();
  await until("16 connections", () => mute.connections === 16);
  assertEquals(pulled, 16);
  await clock.advance(5_000);
  assertEquals((await first).value?.error?.kind, "timeout");
  for (let taken = 1; taken < 16; taken++) await results.next();
  // Each result that was taken made room for one more, and no more than one.
  assertEquals(pulled, 31);
  await until("the next ones", () => mute.accepted === 31);
  await results.return();
  await until("all to be gone", () => mute.connections === 0);
  assertEquals(mute.accepted, 31);
});

Deno.test("probeAll() closes everything and gives the input back at break", async () => {
  await using good = await start("normal");
  await using mute = await start("mute");
  let returned = false;
  function* addresses(): Generator<string> {
    try {
      for (;;) {
        yield formatAddress(mute.address);
        yield formatAddress(mute.address);
        yield formatAddress(good.address);
      }
    } finally {
      returned = true;
    }
  }
  for await (const { ok } of probeAll(addresses(), REGTEST)) {
    assert(ok);
    break;
  }
  assert(returned);
  await until(
    "every connection to end",
    () => good.connections === 0 && mute.connections === 0,
  );
});

Deno.test("probeAll() rejects with the signal's reason and closes everything", async () => {
  await using mute = await start("mute");
  const stop = new AbortController();
  const probing = Array.fromAsync(
    probeAll(Array(10).fill(mute.address), { ...REGTEST, signal: stop.signal }),
  );
  await until("10 connections", () => mute.connections === 10);
  stop.abort(new Error("Enough"));
  await assertRejects(() => probing, Error, "Enough");
  await until("all to be gone", () => mute.connections === 0);
});

Deno.test("probeAll() takes addresses as they come from an asynchronous source", async () => {
  await using good = await start("normal");
  const more = Promise.withResolvers<void>();
  async function* lines(): AsyncGenerator<string> {
    yield formatAddress(good.address);
    await more.promise;
    yield formatAddress(good.address);
  }
  const results = probeAll(lines(), REGTEST);
  assertEquals((await results.next()).value?.ok, true);
  more.resolve();
  assertEquals((await results.next()).value?.ok, true);
  assertEquals((await results.next()).done, true);
});

Deno.test("probeAll() throws at once for misuse, and from the iteration for a bad address", async () => {
  assertThrows(() => probeAll("127.0.0.1:1"), TypeError, "is a string");
  for (const concurrency of [0, 1.5, NaN, 1e9]) {
    assertThrows(
      () => probeAll([], { concurrency }),
      RangeError,
      "concurrency",
    );
  }
  assertThrows(() => probeAll([], { timeoutMs: -1 }), RangeError);
  const results = probeAll(["not an address"], REGTEST);
  await assertRejects(() => results.next(), TypeError, "not an address");
});

Deno.test("probeAll() tells whose messages it shows", async () => {
  await using one = await start("normal");
  await using two = await start("normal");
  const seen = new Set<string>();
  const opened: string[] = [];
  const addresses = [one.address, two.address];
  await Array.fromAsync(probeAll(addresses, {
    ...REGTEST,
    onMessage: (_, address) => seen.add(address),
    onOpen: ({ address }) => opened.push(address),
  }));
  assertEquals(seen, new Set(addresses.map(formatAddress)));
  assertEquals(new Set(opened), seen);
});
