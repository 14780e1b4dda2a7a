/** `probe()`: its result, its errors, its deadline and how it is called. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import fc from "fast-check";
import { probe } from "../../src/bitcoin/probe.ts";
import type {
  PeerMessage,
  ProbeOptions,
} from "../../src/bitcoin/probe_options.ts";
import type { ProbeResult } from "../../src/bitcoin/probe_result.ts";
import { respond } from "../../src/bitcoin/respond.ts";
import { VerackError } from "../../src/core/errors.ts";
import { MAX_PROBE_EVENTS } from "../../src/bitcoin/bitcoin_limits.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import type { Connection, Transport } from "../../src/transport/transport.ts";
import { tcpTransport } from "../../src/transport/tcp.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import { until } from "../helpers/until.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import { concat, frame, ScriptedNode, versionBytes } from "./raw_peer.ts";

/** A port at which nobody listens: one that was just given back. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

/** A transport whose dials fail, or do not end. */
function brokenTransport(
  dial: (signal: AbortSignal | undefined) => Promise<never>,
): Transport {
  const never = () => Promise.reject(new Error("Not used"));
  return {
    secure: false,
    dial: (_, { signal }) => dial(signal),
    fetchCertificate: never,
    listen: never,
  };
}

/** Dials that wait for the signal, as into a black hole. */
const BLACK_HOLE = brokenTransport((signal) =>
  new Promise((_, reject) =>
    signal?.addEventListener("abort", () =>
      reject(
        new VerackError("timeout", "Cannot dial: no answer", {
          cause: signal.reason,
        }),
      ))
  )
);

Deno.test("probe() gives exactly the contract as JSON", async () => {
  await using node = await respond({
    network: "regtest",
    port: 0,
    services: 0x409n,
    userAgent: "/Satoshi:29.0.0/",
    startHeight: 12,
  });
  const result = await probe(node.address, { network: "regtest" });
  const json = JSON.parse(JSON.stringify(result));
  assertEquals(Object.keys(json), [
    "address",
    "network",
    "ok",
    "protocolVersion",
    "services",
    "servicesHex",
    "userAgent",
    "startHeight",
    "relay",
    "timeOffsetSeconds",
    "features",
    "events",
    "durationMs",
  ]);
  const { address, timeOffsetSeconds, events, durationMs, ...rest } = json;
  assertEquals(rest, {
    network: "regtest",
    ok: true,
    protocolVersion: 70016,
    services: ["NETWORK", "WITNESS", "NETWORK_LIMITED"],
    servicesHex: "0000000000000409",
    userAgent: "/Satoshi:29.0.0/",
    startHeight: 12,
    relay: true,
    features: ["wtxidrelay", "sendaddrv2"],
  });
  assertEquals(address, `127.0.0.1:${node.address.port}`);
  assert(Math.abs(timeOffsetSeconds) <= 1);
  assert(durationMs > 0);
  let last = 0;
  for (const event of events) {
    assertEquals(Object.keys(event), ["direction", "command", "atMs"]);
    assert(event.atMs >= last && event.atMs <= durationMs);
    last = event.atMs;
  }
  assertEquals({ ...result }, { ...json });
  assertEquals(result.version?.startHeight, 12);
});

Deno.test("probe() leaves out what is unknown when nothing listens", async () => {
  const port = freePort();
  const result = await probe({ host: "127.0.0.1", port }, {});
  assertEquals(Object.keys(JSON.parse(JSON.stringify(result))), [
    "address",
    "network",
    "ok",
    "events",
    "durationMs",
    "error",
  ]);
  assertEquals([result.ok, result.events], [false, []]);
  assertEquals(result.error?.kind, "connection-refused");
  assertStringIncludes(result.error?.message ?? "", `127.0.0.1:${port}`);
});

for (
  const code of ["unreachable", "dns", "connection-refused", "closed"] as const
) {
  Deno.test(`probe() reports ${code} when dialing fails so`, async () => {
    const transport = brokenTransport(() =>
      Promise.reject(new VerackError(code, "Cannot dial x:1: it is so"))
    );
    const { error } = await probe("192.0.2.1", { transport });
    assertEquals(error?.kind, code);
    assertStringIncludes(error?.message ?? "", "it is so");
  });
}

for (const code of ["permission", "full"] as const) {
  Deno.test(`probe() rejects with ${code}, which is wrong with us`, async () => {
    const wrong = new VerackError(code, "Cannot dial: our fault");
    const transport = brokenTransport(() => Promise.reject(wrong));
    assertEquals(
      await assertRejects(() => probe("192.0.2.1", { transport })),
      wrong,
    );
  });
}

Deno.test("probe() counts dialing in its deadline", async () => {
  const clock = new VirtualClock();
  const probing = probe("192.0.2.1", {
    clock,
    transport: BLACK_HOLE,
    timeoutMs: 700,
  });
  await clock.advance(699);
  assertEquals(clock.pending, 1);
  await clock.advance(1);
  const { error, durationMs } = await probing;
  assertEquals(error, {
    kind: "timeout",
    message: "Cannot dial: no connection within 700 ms",
  });
  assertEquals(durationMs, 700);
  assertEquals(clock.pending, 0);
});

Deno.test("probe() gives the handshake what dialing left of the time", async () => {
  const clock = new VirtualClock();
  const random = new SeededRandom(3);
  const network = new MemoryNetwork({
    clock,
    random,
    secure: false,
    latencyMs: 400,
  });
  const host = "192.0.2.1";
  const listening = respond({
    host,
    network: "regtest",
    transport: network.transport(host),
    clock,
    random,
  });
  await clock.advance(0);
  await using _node = await listening;
  const probeFor = async (timeoutMs: number): Promise<ProbeResult> => {
    const probing = probe(`${host}:18444`, {
      network: "regtest",
      transport: network.transport("192.0.2.2"),
      clock,
      random,
      timeoutMs,
    });
    await clock.advance(timeoutMs);
    return await probing;
  };
  // Dialing takes 800 ms, version and its answer 800 more.
  assertEquals((await probeFor(1_599)).error?.kind, "timeout");
  const result = await probeFor(1_601);
  assertEquals([result.ok, result.durationMs], [true, 1_600]);
});

/** A connection that brings a whole answer at once and sends only our version. */
function halfDeaf(write: () => Promise<number>): Transport {
  const answer = concat(frame("version", versionBytes()), frame("verack"));
  const closed = Promise.withResolvers<null>();
  let writes = 0;
  let reads = 0;
  const connection: Connection = {
    localAddress: { host: "127.0.0.1", port: 1 },
    remoteAddress: { host: "127.0.0.1", port: 2 },
    read(space) {
      if (reads++ > 0) return closed.promise;
      space.set(answer);
      return Promise.resolve(answer.length);
    },
    write: (data) => writes++ === 0 ? Promise.resolve(data.length) : write(),
    close: () => closed.resolve(null),
  };
  return { ...BLACK_HOLE, dial: () => Promise.resolve(connection) };
}

Deno.test("probe() is not complete before its own verack has left", async () => {
  const clock = new VirtualClock();
  const stuck = Promise.withResolvers<number>();
  const probing = probe("127.0.0.1:2", {
    network: "regtest",
    clock,
    transport: halfDeaf(() => stuck.promise),
  });
  await clock.advance(5_000);
  const { ok, error, version } = await probing;
  assertEquals([ok, error?.kind], [false, "timeout"]);
  assertStringIncludes(error?.message ?? "", "the peer does not read");
  assertEquals(version?.startHeight, 900_000);
  stuck.resolve(1);
});

Deno.test("probe() reports closed when the link breaks before its verack has left", async () => {
  const broken = new VerackError("closed", "Cannot write to x: reset");
  const { error } = await probe("127.0.0.1:2", {
    network: "regtest",
    transport: halfDeaf(() => Promise.reject(broken)),
  });
  assertEquals(error?.kind, "closed");
  assertStringIncludes(error?.message ?? "", "reset");
});

Deno.test("probe() shows a user agent that is no UTF-8 byte by byte", async () => {
  const userAgent = Uint8Array.of(0x2f, 0xc3, 0x28, 0xe2, 0x82, 0xac, 0x2f);
  await using node = await respond({ network: "regtest", port: 0, userAgent });
  const result = await probe(node.address, { network: "regtest" });
  assertEquals(result.userAgent, "/\\xc3(€/");
  assertEquals(result.version?.userAgent, userAgent);
});

// --- Misuse ------------------------------------------------------------------

Deno.test("probe() rejects with TypeError when the address is none", async () => {
  for (
    const address of ["", "a b", "1.2.3.4:0", "1.2.3.4:65536", "[::1", "::1]:1"]
  ) {
    await assertRejects(
      () => probe(address),
      TypeError,
      "Cannot parse address",
    );
  }
  for (const port of [0, -1, 1.5, NaN]) {
    await assertRejects(() => probe({ host: "::1", port }), TypeError);
  }
});

Deno.test("probe() rejects with RangeError when an option is out of its range", async () => {
  const wrong: ProbeOptions[] = [
    { timeoutMs: 0 },
    { timeoutMs: NaN },
    { timeoutMs: 2 ** 31 },
    { protocolVersion: 2 ** 31 },
    { protocolVersion: 1.5 },
    { startHeight: NaN },
    { services: -1n },
    { services: 2n ** 64n },
    { userAgent: "x".repeat(257) },
    { userAgent: "ü".repeat(129) },
    { magic: "00" },
    { network: "mainne" as "mainnet" },
  ];
  for (const options of wrong) {
    await assertRejects(() => probe("127.0.0.1:1", options), RangeError);
  }
});

Deno.test("probe() takes the network's port for an address without one", async () => {
  const transport = brokenTransport(() =>
    Promise.reject(new VerackError("connection-refused", "Cannot dial: no"))
  );
  for (
    const [text, address] of [
      ["192.0.2.1", "192.0.2.1:38333"],
      ["2001:DB8::1", "[2001:db8::1]:38333"],
      ["[2001:db8::1]:1", "[2001:db8::1]:1"],
      ["Node.Example:7", "node.example:7"],
    ] as const
  ) {
    const result = await probe(text, { network: "signet", transport });
    assertEquals(result.address, address);
  }
});

// --- Signals -------------------------------------------------------------------

Deno.test("probe() rejects with the signal's reason, whenever it aborts", async () => {
  const reason = new Error("Enough");
  await assertRejects(
    () => probe("127.0.0.1:1", { signal: AbortSignal.abort(reason) }),
    Error,
    "Enough",
  );
  const stop = new AbortController();
  const dialing = probe("192.0.2.1", {
    transport: BLACK_HOLE,
    signal: stop.signal,
  });
  stop.abort(reason);
  assertEquals(await assertRejects(() => dialing), reason);

  const later = new AbortController();
  await using node = new ScriptedNode(async (peer) => {
    await peer.expect("version");
    later.abort(reason);
    await peer.ended;
  });
  const probing = probe(node.address, {
    network: "regtest",
    signal: later.signal,
  });
  assertEquals(await assertRejects(() => probing), reason);
});

Deno.test("probe() leaves no listener with a signal that lives on", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...of: Parameters<typeof addEventListener>) => {
    listeners++;
    addEventListener.apply(signal, of);
  };
  signal.removeEventListener = (
    ...of: Parameters<typeof removeEventListener>
  ) => {
    listeners--;
    removeEventListener.apply(signal, of);
  };
  const port = freePort();
  await probe(`127.0.0.1:${port}`, { network: "regtest", signal });
  assertEquals(listeners, 0);
});

Deno.test("probe() that stays ends with its result when the signal aborts", async () => {
  await using node = await respond({ network: "regtest", port: 0 });
  const stop = new AbortController();
  const opened: ProbeResult[] = [];
  const result = await probe(node.address, {
    network: "regtest",
    stay: true,
    signal: stop.signal,
    onOpen: (result) => {
      opened.push(result);
      stop.abort();
    },
  });
  assertEquals(opened, [result]);
  assertEquals([result.ok, result.ended], [true, undefined]);
  await until("the responder to notice", () => node.connections === 0);
});

Deno.test("probe() that stays tells how the peer left, and still says ok", async () => {
  const node = await respond({ network: "regtest", port: 0 });
  const result = await probe(node.address, {
    network: "regtest",
    stay: true,
    onOpen: () => void node.close(),
  });
  assertEquals([result.ok, result.ended?.kind], [true, "closed"]);
  assertEquals("ended" in JSON.parse(JSON.stringify(result)), false);
  await node.closed;
});

Deno.test("probe() that stays pings a silent peer and gives it up after 20 minutes", async () => {
  const clock = new VirtualClock();
  const opened = Promise.withResolvers<void>();
  await using node = new ScriptedNode(async (peer) => {
    await peer.expect("version");
    await peer.send("version", versionBytes());
    await peer.send("verack");
    await peer.expect("ping");
    await peer.ended;
  });
  const probing = probe(node.address, {
    network: "regtest",
    clock,
    stay: true,
    onOpen: () => opened.resolve(),
  });
  await opened.promise;
  await clock.advance(125_000);
  await node.peers[0]!.expect("ping");
  await clock.advance(1_100_000);
  const { ok, ended } = await probing;
  assertEquals([ok, ended?.kind], [true, "timeout"]);
  assertEquals(clock.pending, 0);
});

Deno.test("probe() shows a session's messages in both directions as they pass", async () => {
  const stop = new AbortController();
  const seen: PeerMessage[] = [];
  await using node = new ScriptedNode(async (peer) => {
    await peer.expect("version");
    await peer.send("version", versionBytes());
    await peer.send("verack");
    await peer.expect("verack");
    await peer.send("ping", Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    await peer.expect("pong");
    stop.abort();
  });
  await probe(node.address, {
    network: "regtest",
    stay: true,
    signal: stop.signal,
    onMessage: (message) =>
      seen.push({ ...message, payload: message.payload.slice() }),
  });
  assertEquals(
    seen.map(({ direction, command }) => `${direction} ${command}`),
    [
      "out version",
      "in version",
      "out wtxidrelay",
      "out sendaddrv2",
      "out verack",
      "in verack",
      "in ping",
      "out pong",
    ],
  );
  assertEquals(seen.at(-1)?.payload, seen.at(-2)?.payload);
  assertEquals(seen.at(-1)?.bytes, 8);
});

Deno.test("probe() rejects with what a callback throws, and closes", async () => {
  await using node = await respond({ network: "regtest", port: 0 });
  const bug = new Error("A bug of the caller");
  const fail = () => {
    throw bug;
  };
  for (const stay of [false, true]) {
    for (const callback of [{ onOpen: fail }, { onMessage: fail }]) {
      const options = { network: "regtest", stay, ...callback } as const;
      const thrown = await assertRejects(() => probe(node.address, options));
      assertEquals(thrown, bug);
    }
  }
  await until("every connection to end", () => node.connections === 0);
});

Deno.test("probe() lends its nonce to ownNonces while the handshake runs", async () => {
  const ownNonces = new Set<bigint>();
  await using node = await respond({ network: "regtest", port: 0, ownNonces });
  const options = { network: "regtest", ownNonces } as const;
  const { error } = await probe(node.address, options);
  assertEquals(error?.kind, "closed"); // the responder left without a word
  assertEquals(ownNonces.size, 0);
  assert((await probe(node.address, { network: "regtest" })).ok);
});

// --- Bounds ------------------------------------------------------------------------

Deno.test("probe() lists a bounded number of messages, whatever a peer sends", async () => {
  const noise = concat(
    ...Array.from({ length: 5_000 }, (_, i) => frame(`noise${i}`)),
  );
  await using node = new ScriptedNode(async (peer) => {
    await peer.sendBytes(noise);
    await peer.send("version", versionBytes());
    await peer.send("verack");
    await peer.ended;
  });
  const result = await probe(node.address, { network: "regtest" });
  assert(result.ok);
  assertEquals(result.events.length, MAX_PROBE_EVENTS);
});

Deno.test("probe() does not read on once the handshake is complete, which would fail at the close", async () => {
  await using node = await respond({ network: "regtest", port: 0 });
  let reading = 0;
  const readingAtClose: number[] = [];
  const tcp = tcpTransport();
  const transport: Transport = {
    ...tcp,
    dial: async (address, options) => {
      const connection = await tcp.dial(address, options);
      return {
        localAddress: connection.localAddress,
        remoteAddress: connection.remoteAddress,
        write: (data) => connection.write(data),
        read: (buffer) => {
          reading++;
          return connection.read(buffer).finally(() => reading--);
        },
        close: () => {
          readingAtClose.push(reading);
          connection.close();
        },
      };
    },
  };
  const result = await probe(node.address, { network: "regtest", transport });
  assert(result.ok);
  assertEquals(new Set(readingAtClose), new Set([0]));
});

Deno.test("probe() never rejects for any bytes a peer may send", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.uint8Array({ maxLength: 120 }).map((it) => frame("version", it)),
          fc.constantFrom(
            frame("version", versionBytes()),
            frame("verack"),
            frame("ping", new Uint8Array(8)),
            frame("version", versionBytes()).subarray(0, 30),
          ),
        ),
        { maxLength: 6 },
      ),
      async (parts) => {
        await using node = new ScriptedNode(async (peer) => {
          await peer.sendBytes(concat(...parts));
          await peer.finish();
          await peer.ended;
        });
        const result = await probe(node.address, { network: "regtest" });
        assertEquals(result.ok, result.error === undefined);
        assert(/^[\x20-\x7e]*$/.test(result.error?.message ?? ""));
      },
    ),
    { numRuns: 200 },
  );
});
