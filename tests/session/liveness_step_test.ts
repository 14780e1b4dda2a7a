// When a silent peer is pinged and given up: the pure rule.
import { assertEquals } from "@std/assert";
import { livenessStep } from "../../src/session/liveness.ts";

Deno.test("livenessStep() pings an idle peer once a heartbeat and gives it up after three", () => {
  const table: [number, number, string][] = [
    // idle, since the last ping, step
    [0, Infinity, "wait"],
    [999, Infinity, "wait"],
    [1_000, Infinity, "ping"],
    [1_500, 500, "wait"],
    [2_000, 1_000, "ping"],
    [2_999, 100, "wait"],
    [3_000, 1_000, "dead"],
  ];
  for (const [idle, sincePing, step] of table) {
    assertEquals(
      livenessStep({
        now: 10_000,
        lastReceived: 10_000 - idle,
        lastAccepted: -Infinity,
        lastWritten: 10_000,
        lastPing: 10_000 - sincePing,
        heartbeatMs: 1_000,
        deadAfterMs: 3_000,
      }),
      step,
      `idle ${idle}`,
    );
  }
});

Deno.test("livenessStep() takes what a peer's TCP accepts for a sign of life, and speaks to a peer that only sends", () => {
  const table: [number, number, number, string][] = [
    // since the last byte in, the last accepted, the last written, step
    [2_000, 100, 100, "ping"],
    [5_000, 2_999, 100, "ping"],
    [5_000, 3_000, 100, "dead"],
    [100, Infinity, 900, "wait"],
    [100, Infinity, 1_000, "ping"],
    [100, Infinity, 60_000, "ping"],
  ];
  for (const [received, accepted, written, step] of table) {
    const state = {
      now: 100_000,
      lastReceived: 100_000 - received,
      lastAccepted: 100_000 - accepted,
      lastWritten: 100_000 - written,
      lastPing: -Infinity,
      heartbeatMs: 1_000,
      deadAfterMs: 3_000,
    };
    assertEquals(livenessStep(state), step);
    const pinged = livenessStep({ ...state, lastPing: 99_500 });
    assertEquals(pinged, step === "ping" ? "wait" : step);
  }
});
