// A node that is starved of processor time begins fewer dials, so that those under way succeed.
import { assert, assertEquals } from "@std/assert";
import type { PeerId } from "../../../src/core/peer_id.ts";
import { DialBudget } from "../../../src/mesh/dialing/dial_budget.ts";
import { DialWindow } from "../../../src/mesh/dialing/dial_window.ts";
import {
  CONTESTED_DIAL_MS,
  DIAL_GROWTH_MS,
  LAG_SAMPLE_MS,
  MAX_CONCURRENT_DIALS,
  MIN_DIALS,
  SLOW_DIAL_MS,
  STARVED_CONTESTED_DIAL_MS,
  STARVED_LAG_MS,
} from "../../../src/mesh/dialing/dialing_limits.ts";
import { VirtualClock } from "../../../src/testing/virtual_clock.ts";

/** A clock of a process that can be starved: its timers come late. */
class LateClock extends VirtualClock {
  lateMs = 0;

  override monotonic(): number {
    return super.monotonic() + this.lateMs;
  }
}

function setUp() {
  const clock = new LateClock();
  const starved: number[] = [];
  const state = { isUsed: true, grown: 0 };
  const window = new DialWindow({
    clock,
    isUsed: () => state.isUsed,
    onGrown: () => state.grown++,
    onStarved: (ms) => starved.push(ms),
  });
  return { clock, state, starved, window };
}

Deno.test("a node whose timers fire late begins fewer dials, and more again when they are in time", async () => {
  const { clock, state, starved, window } = setUp();
  window.watch();
  await clock.advance(10 * LAG_SAMPLE_MS);
  assertEquals(window.limit, MAX_CONCURRENT_DIALS);
  assert(!window.isStarved);

  clock.lateMs += STARVED_LAG_MS;
  await clock.advance(LAG_SAMPLE_MS);
  assertEquals(window.limit, MAX_CONCURRENT_DIALS / 2);
  assert(window.isStarved);
  for (let i = 0; i < 10; i++) {
    clock.lateMs += STARVED_LAG_MS;
    await clock.advance(LAG_SAMPLE_MS);
  }
  assertEquals(window.limit, MIN_DIALS);
  // How long dials were held up by this process is told.
  assertEquals(starved, Array(11).fill(STARVED_LAG_MS));

  await clock.advance(10 * DIAL_GROWTH_MS);
  assertEquals(window.limit, MIN_DIALS + 10);
  assertEquals(state.grown, 10);
  await clock.advance(MAX_CONCURRENT_DIALS * DIAL_GROWTH_MS);
  assertEquals(window.limit, MAX_CONCURRENT_DIALS);

  state.isUsed = false;
  await clock.advance(LAG_SAMPLE_MS);
  assertEquals(clock.pending, 0);
});

Deno.test("dials that take long until they succeed make the window smaller, once for all that were under way", async () => {
  const { clock, window } = setUp();
  await clock.advance(1_000);
  const begunAt = clock.monotonic();
  await clock.advance(SLOW_DIAL_MS - 1);
  window.succeeded(begunAt);
  assertEquals(window.limit, MAX_CONCURRENT_DIALS);
  await clock.advance(1);
  for (let i = 0; i < 8; i++) window.succeeded(begunAt);
  assertEquals(window.limit, MAX_CONCURRENT_DIALS / 2);
  const later = clock.monotonic();
  await clock.advance(SLOW_DIAL_MS);
  window.succeeded(later);
  assertEquals(window.limit, MAX_CONCURRENT_DIALS / 4);
});

Deno.test("the window limits dials to peers without standing, leaves a part for each source, and gives slow dials more time", () => {
  const window = { limit: 8, isStarved: true };
  const budget = new DialBudget(window);
  const [liar, other] = ["liar", "other"] as PeerId[];
  const begins = (begin: () => boolean) => {
    let count = 0;
    while (begin()) count++;
    return count;
  };
  assertEquals(begins(() => budget.beginKnown("verified")), 8);
  assertEquals(
    begins(() => budget.beginKnown("standing")),
    MAX_CONCURRENT_DIALS,
  );
  assertEquals(begins(() => budget.begin(liar!, 0)), 6);
  assertEquals(begins(() => budget.begin(other!, 0)), 2);
  assert(budget.isFull);
  assertEquals(budget.size, 8 + MAX_CONCURRENT_DIALS + 8);

  let ended = 0;
  budget.track({
    source: liar!,
    progressAt: 0,
    giveWay: () => ended++,
  });
  const third = "third" as PeerId;
  // Time for which this process was starved does not count.
  budget.compensate(500);
  assertEquals(
    budget.makeRoom(third, CONTESTED_DIAL_MS + 500),
    STARVED_CONTESTED_DIAL_MS + 500,
  );
  window.isStarved = false;
  assertEquals(
    budget.makeRoom(third, CONTESTED_DIAL_MS),
    CONTESTED_DIAL_MS + 500,
  );
  assertEquals(ended, 0);
  assertEquals(
    budget.makeRoom(third, CONTESTED_DIAL_MS + 500),
    Infinity,
  );
  assertEquals(ended, 1);
});
