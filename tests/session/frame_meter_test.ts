// How much a peer may say: a burst, then a rate, then a pause, then no more; what all
// peers without standing may say together, and whose turn it is.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  CONTROL_BURST_BYTES,
  CONTROL_BURST_FRAMES,
  CONTROL_FRAMES_PER_S,
  FLOOD_FACTOR,
  MAX_STALL_MS,
  STRANGERS_BURST_BYTES,
  STRANGERS_BURST_FRAMES,
  STRANGERS_FRAMES_PER_S,
} from "../../src/session/session_limits.ts";
import { VerackError } from "../../src/core/errors.ts";
import { FrameMeter, StrangersMeter } from "../../src/session/frame_meter.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

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

Deno.test("FrameMeter ends a session that does not slow down", () => {
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

function sayAll(meter: StrangersMeter, frames: number, bytes = 0): void {
  for (let at = 0; at < frames; at++) meter.count(bytes);
}

Deno.test("StrangersMeter lets a burst pass, of frames and of bytes, then the rate", async () => {
  const clock = new VirtualClock();
  const meter = new StrangersMeter(clock);
  sayAll(meter, STRANGERS_BURST_FRAMES);
  assert(meter.isFree);
  sayAll(meter, STRANGERS_FRAMES_PER_S / 100);
  assert(!meter.isFree);
  await clock.advance(9);
  assert(!meter.isFree);
  await clock.advance(1);
  assert(meter.isFree);
  await clock.advance(60_000);
  assert(meter.isFree);
  sayAll(meter, 2, STRANGERS_BURST_BYTES);
  assert(!meter.isFree);
  await clock.advance(4_001);
  assert(meter.isFree);
});

Deno.test("StrangersMeter gives turns by source, however many sessions one has, and none twice", async () => {
  const clock = new VirtualClock();
  const meter = new StrangersMeter(clock);
  sayAll(meter, STRANGERS_BURST_FRAMES + STRANGERS_FRAMES_PER_S / 100);
  const turns: string[] = [];
  const frames = STRANGERS_FRAMES_PER_S / 100;
  const wait = (source: string, name: string) =>
    meter.wait(source, () => {
      turns.push(name);
      sayAll(meter, frames);
      return name === "b1";
    });
  const waits = [..."123456"].map((it) => wait("a", `a${it}`));
  const withdrawn = wait("c", "c1");
  waits.push(wait("b", "b1"), wait("b", "b2"));
  withdrawn.cancel();
  assertEquals(await withdrawn.done, false);
  assertEquals(turns, []);
  await clock.advance(10);
  assertEquals(turns, ["a1"]);
  // Nothing is handled before those that wait.
  assert(!meter.isFree);
  await clock.advance(80);
  assertEquals(turns, ["a1", "b1", "a2", "b2", "a3", "a4", "a5", "a6"]);
  assertEquals(
    (await Promise.all(waits.map(({ done }) => done))).filter((it) => it)
      .length,
    1,
  );
  await clock.advance(10);
  assert(meter.isFree);
});

Deno.test("StrangersMeter passes on what handling throws, and goes on", async () => {
  const clock = new VirtualClock();
  const meter = new StrangersMeter(clock);
  sayAll(meter, STRANGERS_BURST_FRAMES + 1);
  const fails = assertRejects(
    () =>
      meter.wait("a", () => {
        throw new TypeError("no");
      }).done,
    TypeError,
  );
  const next = meter.wait("a", () => true);
  await clock.advance(10);
  await fails;
  assert(await next.done);
});

Deno.test("FrameMeter has a share only as long as its peer has no standing", () => {
  const meter = new StrangersMeter(new VirtualClock());
  let isFriend = false;
  const share = { meter, source: "a", hasStanding: () => isFriend };
  const one = new FrameMeter(new Set(["message"]), 0, share);
  assertEquals(one.share, share);
  isFriend = true;
  assertEquals(one.share, undefined);
  assertEquals(one.count("message", 1), false);
  assertEquals(one.count("ping", 1), true);
  assertEquals(new FrameMeter(new Set(), 0).share, undefined);
});
