// Two nodes that dial each other at the same instant end with exactly one session.
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { VerackError } from "../../../src/core/errors.ts";
import type { Identity } from "../../../src/identity/identity.ts";
import { Node } from "../../../src/mesh/node.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { tlsTransport } from "../../../src/transport/tls.ts";
import type { Listener, Transport } from "../../../src/transport/transport.ts";
import { Gate, gated } from "../../helpers/gate.ts";
import { identities } from "../../helpers/identities.ts";
import { EventLog } from "../../helpers/nodes.ts";
import { SeededRandom } from "../../../src/testing/seeded_random.ts";
import { until } from "../../helpers/until.ts";
import { VirtualClock } from "../../../src/testing/virtual_clock.ts";
import { parsePeerId } from "../../../src/core/peer_id.ts";
import {
  duplicateReason,
  duplicateStep,
} from "../../../src/mesh/sessions/collisions.ts";

/** Pairs that collide at the same time. */
const BATCH = 10;

Deno.test("100 collisions over TLS leave exactly one session each, never none", async () => {
  const pool = await identities(2 * BATCH);
  let met = 0;
  for (let round = 0; round < 100 / BATCH; round++) {
    const pairs = Array.from(
      { length: BATCH },
      (_, i) => collide(pool[2 * i]!, pool[2 * i + 1]!, tlsTransport()),
    );
    for (const sessions of await Promise.all(pairs)) met += sessions;
  }
  // Most pairs must really have had two connections, or this tested nothing.
  assert(met >= 150, `only ${met} connections were opened by 100 pairs`);
});

Deno.test("300 collisions in memory leave exactly one session each, whatever the order of packets", async () => {
  const pair = await identities(2);
  let met = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const order = seed % 2 === 0 ? pair : pair.toReversed();
    met += await collideInMemory(seed, order);
  }
  assert(met >= 450, `only ${met} connections were opened by 300 pairs`);
});

/** As {@linkcode collide}, in virtual time; how many connections were opened. */
async function collideInMemory(
  seed: number,
  order: readonly Identity[],
): Promise<number> {
  const clock = new VirtualClock();
  const random = new SeededRandom(seed);
  const network = new MemoryNetwork({
    clock,
    random,
    latencyMs: 1,
    jitterMs: seed % 40,
  });
  const accepted = { count: 0 };
  const [a, b] = await Promise.all(order.map((identity, i) =>
    Node.start({
      identity,
      host: `10.0.0.${i}`,
      port: 8080,
      connect: [`10.0.0.${1 - i}:8080`],
      transport: counting(network.transport(`10.0.0.${i}`), accepted),
      clock,
      random,
    })
  ));
  const nodes = [a!, b!];
  const logs = nodes.map((node) => new EventLog(node));
  try {
    const one = () =>
      nodes.every((node) => node.sessions().length === 1) &&
      a!.sessions()[0]!.direction !== b!.sessions()[0]!.direction;
    await clock.runUntil(one, { limitMs: 10_000 });
    // It stays so, and carries messages both ways.
    await clock.advance(5_000);
    assert(
      one(),
      `seed ${seed}: ${JSON.stringify(nodes.map((n) => n.sessions()))}`,
    );
    assertEquals(nodes.map((node) => node.ping("x")), [1, 1]);
    await clock.advance(200);
    for (const log of logs) {
      assertEquals(
        ["peer:up", "peer:down", "ping", "refused"].map((type) =>
          log.events.filter((event) => event.type === type).length
        ),
        [1, 0, 1, 0],
        `seed ${seed}`,
      );
    }
  } finally {
    const closing = Promise.all(nodes.map((node) => node.close()));
    await clock.advance(2_000);
    await closing;
  }
  assertEquals(clock.pending, 0, `seed ${seed}: timers left after close`);
  return accepted.count;
}

/** Two nodes whose dials wait for each other; how many connections they opened. */
async function collide(
  one: Identity,
  two: Identity,
  transport: Transport,
): Promise<number> {
  const gate = new Gate(2);
  const accepted = { count: 0 };
  const held = gated(counting(transport, accepted), gate);
  const [first, second] = await startBoth([one, two], held);
  await using a = first!;
  await using b = second!;
  const logs = [new EventLog(a), new EventLog(b)];
  await until("one session at both ends", () => {
    const [x, y] = [a.sessions(), b.sessions()];
    return x.length === 1 && y.length === 1 &&
      x[0]!.direction !== y[0]!.direction;
  });
  // The one that is left carries messages both ways.
  assertEquals([a.ping("a"), b.ping("b")], [1, 1]);
  await until("pings", () => logs.every((log) => log.of("ping").length === 1));
  for (const log of logs) {
    assertEquals(log.of("peer:up").length, 1);
    assertEquals(log.of("peer:down").length, 0);
    assertEquals(log.of("refused"), []);
  }
  return accepted.count;
}

function counting(transport: Transport, seen: { count: number }): Transport {
  return {
    ...transport,
    dial: async (address, options) => {
      const connection = await transport.dial(address, options);
      seen.count++;
      return connection;
    },
    listen: (address, options): Promise<Listener> =>
      transport.listen(address, options),
  };
}

/**
 * Two nodes that know each other's address before either listens; with other
 * ports if somebody was faster to take one.
 */
async function startBoth(
  identities: Identity[],
  transport: Transport,
): Promise<Node[]> {
  for (;;) {
    const ports = identities.map(freePort);
    const started = await Promise.allSettled(
      identities.map((identity, i) =>
        Node.start({
          identity,
          port: ports[i]!,
          connect: [`127.0.0.1:${ports[1 - i]}`],
          transport,
        })
      ),
    );
    const nodes = started.flatMap((result) =>
      result.status === "fulfilled" ? [result.value] : []
    );
    if (nodes.length === identities.length) return nodes;
    await Promise.all(nodes.map((node) => node.close()));
    for (const result of started) {
      if (result.status === "fulfilled") continue;
      assertInstanceOf(result.reason, VerackError);
      assertEquals(result.reason.code, "address-in-use");
    }
  }
}

/** A port nobody listens on now. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test("duplicateStep() lets exactly one of the two nodes decide between sessions of one process", () => {
  const [a, b] = [parsePeerId("1".repeat(64)), parsePeerId("2".repeat(64))];
  const both = { olderInstance: 5n, newerInstance: 5n, ...DIRECT };
  assertEquals(duplicateStep({ own: a, peer: b, ...both }), "decide");
  assertEquals(duplicateStep({ own: b, peer: a, ...both }), "keep-both");
  assertEquals(duplicateReason({ own: a, peer: b, ...both }), "duplicate");
});

Deno.test("duplicateStep() lets either node decide when another process has the key", () => {
  const [a, b] = [parsePeerId("1".repeat(64)), parsePeerId("2".repeat(64))];
  const other = { olderInstance: 5n, newerInstance: 6n, ...DIRECT };
  assertEquals(duplicateStep({ own: a, peer: b, ...other }), "decide");
  assertEquals(duplicateStep({ own: b, peer: a, ...other }), "decide");
  assertEquals(
    duplicateReason({ own: b, peer: a, ...other }),
    "identity-in-use",
  );
});

/** Neither session is relayed. */
const DIRECT = { isOlderRelayed: false, isNewerRelayed: false };

Deno.test("duplicateStep() has a direct session replace a relayed one at both ends, and not the other way round", () => {
  const [a, b] = [parsePeerId("1".repeat(64)), parsePeerId("2".repeat(64))];
  const both = { olderInstance: 5n, newerInstance: 5n };
  const other = { olderInstance: 5n, newerInstance: 6n };
  const better = { isOlderRelayed: true, isNewerRelayed: false };
  const worse = { isOlderRelayed: false, isNewerRelayed: true };
  const relayed = { isOlderRelayed: true, isNewerRelayed: true };
  for (const ends of [{ own: a, peer: b }, { own: b, peer: a }]) {
    assertEquals(duplicateStep({ ...ends, ...both, ...better }), "replace");
    const decides = ends.own === a ? "decide" : "keep-both";
    assertEquals(duplicateStep({ ...ends, ...both, ...worse }), decides);
    assertEquals(duplicateStep({ ...ends, ...both, ...relayed }), decides);
    // Another process may run with the key, which only a probe can tell.
    for (const paths of [better, worse, relayed]) {
      assertEquals(duplicateStep({ ...ends, ...other, ...paths }), "decide");
    }
  }
});
