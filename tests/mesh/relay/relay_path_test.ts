/** What a node remembers of the relays to one peer. */
import { assert, assertEquals } from "@std/assert";
import { parsePeerId, type PeerId } from "../../../src/core/peer_id.ts";
import { STABLE_SESSION_MS } from "../../../src/mesh/mesh_limits.ts";
import {
  RELAY_FAILED_MS,
  RELAY_NEWS_MS,
  RELAY_ORPHAN_MS,
  RELAY_REFUSED_MS,
  RELAY_RETRY,
} from "../../../src/mesh/relay/relay_dialing_limits.ts";
import { RelayPath } from "../../../src/mesh/relay/relay_path.ts";

const ONE = id(1);
const TWO = id(2);

function id(digit: number): PeerId {
  return parsePeerId(digit.toString(16).padStart(64, "0"));
}

function failed(path: RelayPath, now: number, asked: PeerId[] = [ONE]): void {
  const reason = `none at ${now}`;
  path.attemptFailed({ asked: new Set(asked), reason, chance: 1, now });
}

function lost(path: RelayPath, now: number, livedMs: number, ms = 40): void {
  path.sessionLost({ livedMs, measuredMs: ms, relay: ONE, chance: 1, now });
}

Deno.test("attempts that fail are farther and farther apart, up to a minute", () => {
  const path = new RelayPath();
  const waits: number[] = [];
  for (let i = 0; i < 9; i++) {
    failed(path, 1_000);
    waits.push(path.dueAt - 1_000);
  }
  const { minMs, maxMs } = RELAY_RETRY;
  assertEquals(waits.slice(0, 3), [minMs, 2 * minMs, 4 * minMs]);
  assertEquals(waits.at(-1), maxMs);
  assertEquals(path.reason, "none at 1000");
  path.resumed();
  assertEquals([path.failures, path.dueAt], [0, -Infinity]);
  path.connected();
  assertEquals(path.reason, undefined);
});

Deno.test("another relay is due at once when a relayed session is lost, and not again if that is short", () => {
  const path = new RelayPath();
  lost(path, 50_000, STABLE_SESSION_MS);
  assertEquals([path.dueAt, path.lostAt(50_000)], [50_000, 50_000]);
  path.connected();
  lost(path, 51_000, 900);
  assertEquals(path.dueAt, 51_000);
  lost(path, 52_000, 900);
  assertEquals(path.dueAt, 52_000 + RELAY_RETRY.minMs);
  lost(path, 53_000, 900);
  assertEquals(path.dueAt, 53_000 + 2 * RELAY_RETRY.minMs);
  lost(path, 99_000, STABLE_SESSION_MS);
  assertEquals(path.dueAt, 99_000);
});

Deno.test("a lost session is looked after without a report for ten seconds, for one attempt", () => {
  const path = new RelayPath();
  lost(path, 1_000, 0);
  assertEquals(path.lostAt(1_000 + RELAY_ORPHAN_MS), undefined);
  assertEquals(path.lostAt(999 + RELAY_ORPHAN_MS), 1_000);
  failed(path, 2_000);
  assertEquals(path.lostAt(2_000), undefined);
  lost(path, 3_000, 0);
  path.left();
  assertEquals(path.lostAt(3_000), undefined);
});

Deno.test("a relay that failed is remembered longer than one that refused", () => {
  const path = new RelayPath();
  path.relayRefused(ONE, 1_000);
  path.relayFailed(TWO, 2_000);
  assertEquals(path.failedAt(ONE, 2_000), undefined);
  assertEquals(path.avoidedAt(ONE, 999 + RELAY_REFUSED_MS), 1_000);
  assertEquals(path.avoidedAt(ONE, 1_000 + RELAY_REFUSED_MS), undefined);
  assertEquals(path.avoidedAt(TWO, 1_999 + RELAY_FAILED_MS), 2_000);
  assertEquals(path.failedAt(TWO, 2_000 + RELAY_FAILED_MS), undefined);
});

Deno.test("the round trip of a lost session is remembered of its relay", () => {
  const path = new RelayPath();
  lost(path, 1_000, 0, 70);
  path.relayFailed(ONE, 1_000);
  assertEquals([path.measuredMs(ONE), path.measuredMs(TWO)], [70, undefined]);
});

Deno.test("a reporter that was not asked brings an attempt forward, once in a while", () => {
  const path = new RelayPath();
  failed(path, 0);
  failed(path, 0);
  failed(path, 0);
  path.hurryBy([ONE], RELAY_NEWS_MS);
  assert(path.dueAt > RELAY_NEWS_MS);
  path.hurryBy([ONE, TWO], RELAY_NEWS_MS - 1);
  assert(path.dueAt > RELAY_NEWS_MS);
  path.hurryBy([ONE, TWO], RELAY_NEWS_MS);
  assertEquals(path.dueAt, RELAY_NEWS_MS);
  // A relay that comes back counts as one that was not asked.
  failed(path, 10_000, [ONE, TWO]);
  path.relayLost(TWO);
  path.hurryBy([ONE, TWO], 10_000 + RELAY_NEWS_MS);
  assertEquals(path.dueAt, 10_000 + RELAY_NEWS_MS);
});
