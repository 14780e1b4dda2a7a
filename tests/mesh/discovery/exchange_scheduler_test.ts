// What a node requests and reports while so many members come that the mesh takes long to form.
import { assertEquals } from "@std/assert";
import { parsePeerId } from "../../../src/core/peer_id.ts";
import {
  ASKED_IN_MEETING,
  MEETING_DIALS,
  MEETING_DIALS_MS,
  MEETING_PATIENCE_MS,
} from "../../../src/mesh/discovery/discovery_limits.ts";
import {
  ExchangeScheduler,
  type ExchangeSchedulerOptions,
} from "../../../src/mesh/discovery/exchange_scheduler.ts";
import {
  UnreachablePairs,
  type UnreachablePairsOptions,
} from "../../../src/mesh/discovery/unreachable_pairs.ts";
import type { Introduction } from "../../../src/mesh/peers/peer_events.ts";
import { VirtualClock } from "../../../src/testing/virtual_clock.ts";

function idOf(i: number) {
  return parsePeerId(i.toString(16).padStart(64, "0"));
}

Deno.test("while members come without end, few of them are asked at once, and all when no more come", async () => {
  const clock = new VirtualClock();
  const asked = new Set<unknown>();
  const reports = { size: 4 * MEETING_DIALS, open: () => [] };
  const options = {
    clock,
    random: { float: () => 0.5 },
    own: idOf(0),
    peerExchangeMs: 3_600_000,
    deadAfterMs: 3_000,
    table: { connected: () => [], get: () => undefined },
    reports,
    states: { of: () => ({ askedAt: -Infinity }) },
    events: { on: () => {} },
    actions: { ask: (session: unknown) => asked.add(session), tell() {} },
  };
  const scheduler = new ExchangeScheduler(
    options as unknown as ExchangeSchedulerOptions,
  );
  const pauseMs = 3 * MEETING_DIALS_MS;
  const met = 2 * MEETING_PATIENCE_MS / pauseMs;
  for (let i = 0; i < met; i++) {
    const session = {
      direction: "inbound",
      openedAt: clock.monotonic(),
      channel: { isOpen: true },
      remote: { id: idOf(1 + i) },
    };
    scheduler.met({ session, wasReported: true } as unknown as Introduction);
    for (let ms = 0; ms < pauseMs; ms += 250) {
      await clock.advance(250);
      scheduler.tick(clock.monotonic());
    }
    const periods = Math.floor(clock.monotonic() / MEETING_PATIENCE_MS);
    assertEquals(asked.size <= periods * ASKED_IN_MEETING, true, `${i}`);
  }
  // The fewer are to be met, the sooner it is known that no more come.
  reports.size = 1;
  await clock.advance(MEETING_PATIENCE_MS / 2);
  scheduler.tick(clock.monotonic());
  assertEquals(asked.size, Math.ceil(met));
});

Deno.test("a member that waits for its turn to be dialed is not reported as unreachable", () => {
  const peer = {
    id: idOf(1),
    reportedAt: 0,
    confirmedAt: 60_000,
    failures: 0,
    addresses: { size: 1 },
  };
  const options = {
    own: idOf(0),
    magic: new Uint8Array(4),
    heartbeatMs: 1_000,
    deadAfterMs: 3_000,
    table: { connected: () => [], get: () => undefined },
    standing: { has: () => false },
    reports: { open: () => [peer] },
    states: {},
    events: { on: () => {}, emit: () => {} },
  };
  const pairs = new UnreachablePairs(
    options as unknown as UnreachablePairsOptions,
  );
  pairs.tick(60_000);
  assertEquals(pairs.pairs, []);
  // It was dialed in vain, or cannot be dialed.
  peer.failures = 1;
  pairs.tick(62_000);
  assertEquals(pairs.pairs, [[idOf(0), idOf(1)]]);
  peer.failures = 0;
  peer.addresses.size = 0;
  pairs.tick(64_000);
  assertEquals(pairs.pairs, [[idOf(0), idOf(1)]]);
});
