// A node that stood still: what it holds against others, and how it comes back.
import { assert, assertEquals } from "@std/assert";
import type { Tick } from "../../src/mesh/pause_detector.ts";
import { PauseDetector } from "../../src/mesh/pause_detector.ts";
import { REVIVE_SPREAD_MS } from "../../src/mesh/dialing/dialing_limits.ts";
import { MemoryMesh } from "../helpers/memory_mesh.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

/** A clock whose process can be stopped: time goes on, timers come when it goes on. */
class StoppableClock extends VirtualClock {
  stoppedMs = 0;

  override monotonic(): number {
    return super.monotonic() + this.stoppedMs;
  }
}

Deno.test("a late tick is time we stood still, and a long one is a waking", async () => {
  const clock = new StoppableClock();
  const ticks: Tick[] = [];
  const ticker = new PauseDetector({
    clock,
    heartbeatMs: 1_000,
    deadAfterMs: 3_000,
    onTick: (tick) => ticks.push(tick),
  });
  const told = () =>
    ticks.map(({ pausedMs, hasResumed }) => [pausedMs, hasResumed]);
  await clock.advance(500);
  clock.stoppedMs += 1_000;
  await clock.advance(250);
  clock.stoppedMs += 60_000;
  await clock.advance(250);
  assertEquals(told(), [
    [0, false],
    [0, false],
    [1_000, false],
    [60_000, true],
  ]);
  ticks.length = 0;
  // A laptop slept, and its monotonic clock with it.
  clock.wallOffsetMs += 3_600_000;
  await clock.advance(250);
  // Somebody set the clock back: years ago is no waking.
  clock.wallOffsetMs -= 10 * 365 * 86_400_000;
  await clock.advance(250);
  assertEquals(told(), [[0, true], [0, false]]);
  ticker.stop();
  assertEquals(clock.pending, 0);
});

Deno.test("a node that slept while its clocks stood still dials postponed peers at once", async () => {
  await using mesh = new MemoryMesh();
  const alice = await mesh.start([], { connect: ["10.0.0.2:8080"] });
  const bob = await mesh.start();
  await mesh.complete();
  await bob.node.close({ abrupt: true });
  mesh.network.crash(bob.host, { reset: true });
  // Until bob's backoff has grown long.
  await mesh.clock.advance(600_000);
  mesh.members.pop();
  const back = await mesh.start();
  assertEquals(alice.node.sessions().length, 0);
  mesh.clock.wallOffsetMs += 3_600_000;
  await mesh.complete([alice, back], 250 + REVIVE_SPREAD_MS + 100);
});

Deno.test("a clock that is set back harms no session", async () => {
  await using mesh = new MemoryMesh();
  const alice = await mesh.start();
  const bob = await mesh.start([alice]);
  await mesh.complete();
  for (const years of [-20, 10, -10]) {
    mesh.clock.wallOffsetMs = years * 365 * 86_400_000;
    await mesh.clock.advance(5_000);
  }
  for (const { node, log } of [alice, bob]) {
    assertEquals(log.of("peer:down"), []);
    assert(node.sessions().length === 1);
  }
});
