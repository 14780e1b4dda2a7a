import { assertEquals } from "@std/assert";
import type { Clock } from "../../src/core/clock.ts";
import { SILENCE_CHECK_TURNS } from "../../src/session/session_limits.ts";
import { Heartbeat, type Progress } from "../../src/session/heartbeat.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";

/** A clock whose time and whose turns pass one without the other, as in a process with too much to do. */
class CrowdedClock implements Clock {
  time = 0;
  #timers = new Set<() => void>();

  now(): number {
    return this.time;
  }

  monotonic(): number {
    return this.time;
  }

  after(_delayMs: number, callback: () => void): () => void {
    this.#timers.add(callback);
    return () => this.#timers.delete(callback);
  }

  get timers(): number {
    return this.#timers.size;
  }

  turn(times: number): void {
    for (let i = 0; i < times; i++) {
      const due = [...this.#timers];
      this.#timers.clear();
      for (const callback of due) callback();
    }
  }
}

function heartbeatOn(clock: Clock): { heartbeat: Heartbeat; pings: number[] } {
  const pings: number[] = [];
  const heartbeat = new Heartbeat({
    clock,
    random: new SeededRandom(1),
    heartbeatMs: 1_000,
    deadAfterMs: 3_000,
    isMesh: true,
    send: () => pings.push(clock.monotonic()) > 0,
  });
  return { heartbeat, pings };
}

/** Nothing came after `lastReceived`, and nothing waits to be sent. */
function silentSince(clock: Clock, lastReceived: number): Progress {
  const lastWritten = clock.monotonic();
  return { lastReceived, lastAccepted: -Infinity, lastWritten };
}

/** Beats four times a second until `untilMs`; what the last beat said. */
function beat(
  clock: CrowdedClock,
  heartbeat: Heartbeat,
  lastReceived: number,
  untilMs: number,
  turns: number,
): string {
  let said = "alive";
  while (clock.time < untilMs && said === "alive") {
    clock.time += 250;
    said = heartbeat.beat(silentSince(clock, lastReceived));
    clock.turn(turns);
  }
  return said;
}

Deno.test("a silent peer is pinged each heartbeat, and dead on time where little happens", () => {
  const clock = new CrowdedClock();
  const { heartbeat, pings } = heartbeatOn(clock);
  assertEquals(beat(clock, heartbeat, 0, 10_000, SILENCE_CHECK_TURNS), "dead");
  assertEquals(clock.time, 3_000);
  assertEquals(pings, [1_000, 2_000]);
});

Deno.test("a peer whose answer may lie unread in a busy process is not dead yet", () => {
  const clock = new CrowdedClock();
  const { heartbeat } = heartbeatOn(clock);
  assertEquals(beat(clock, heartbeat, 0, 4_000, 10), "alive");
  // Its answer is read at last.
  assertEquals(beat(clock, heartbeat, 3_900, 6_000, 10), "alive");
  // It is silent ever after, and the process gets round to all that came.
  assertEquals(beat(clock, heartbeat, 3_900, 20_000, 100), "dead");
});

Deno.test("a heartbeat that is stopped leaves no timer behind, and no other without its own", () => {
  const clock = new CrowdedClock();
  const [a, b] = [heartbeatOn(clock).heartbeat, heartbeatOn(clock).heartbeat];
  beat(clock, a, 0, 1_750, 0);
  beat(clock, b, 0, 2_000, 0);
  assertEquals(clock.timers, 1);
  a.stop();
  assertEquals(clock.timers, 1);
  clock.turn(SILENCE_CHECK_TURNS);
  clock.time = 3_000;
  assertEquals(b.beat(silentSince(clock, 0)), "dead");
  b.stop();
  assertEquals(clock.timers, 0);
});
