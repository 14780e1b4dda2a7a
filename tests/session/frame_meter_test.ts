// How much a peer may say: a burst, then a rate, then patience, then no more.
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  CONTROL_BURST_BYTES,
  CONTROL_BURST_FRAMES,
  CONTROL_FRAMES_PER_S,
  FLOOD_FACTOR,
  MAX_STALL_MS,
} from "../../src/session/session_limits.ts";
import { VerackError } from "../../src/core/errors.ts";
import { FrameMeter } from "../../src/session/frame_meter.ts";

const FREE = new Set(["message"]);

function say(meter: FrameMeter, frames: number, bytes = 0): void {
  for (let i = 0; i < frames; i++) meter.count("ping", bytes);
}

Deno.test("FrameMeter lets a burst pass, then has the reader wait for the rate", () => {
  const meter = new FrameMeter(FREE, 0);
  say(meter, CONTROL_BURST_FRAMES);
  assertEquals(meter.stallMs(0), 0);
  say(meter, CONTROL_FRAMES_PER_S / 100);
  assertEquals(Math.round(meter.stallMs(0)), 10);
  assertEquals(meter.stallMs(10), 0);
  say(meter, CONTROL_FRAMES_PER_S);
  assertEquals(meter.stallMs(10), MAX_STALL_MS);
  // A second later the rate has taken care of it, after a minute of all.
  assertEquals(meter.stallMs(1_010), 0);
  say(meter, CONTROL_BURST_FRAMES);
  assertEquals(meter.stallMs(61_010), 0);
});

Deno.test("FrameMeter counts bytes as well, and nothing that has its own flow control", () => {
  const meter = new FrameMeter(FREE, 0);
  for (let i = 0; i < 100; i++) meter.count("message", CONTROL_BURST_BYTES);
  assertEquals(meter.stallMs(0), 0);
  say(meter, 2, CONTROL_BURST_BYTES);
  assertEquals(meter.stallMs(0), MAX_STALL_MS);
});

Deno.test("FrameMeter gives up on who does not slow down", () => {
  const meter = new FrameMeter(FREE, 0);
  let now = 0;
  const error = assertThrows(() => {
    for (; now < 60_000; now += MAX_STALL_MS) {
      say(meter, CONTROL_FRAMES_PER_S);
      assert(meter.stallMs(now) <= MAX_STALL_MS);
    }
  }, VerackError);
  assertEquals(error.code, "flood");
  assert(
    now * 3 * CONTROL_FRAMES_PER_S / 1_000 >=
      (FLOOD_FACTOR - 1) * CONTROL_BURST_FRAMES,
  );
});
