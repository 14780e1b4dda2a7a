// What all peers without standing may say together, and whose turn it is.
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  STRANGERS_BURST_BYTES,
  STRANGERS_BURST_FRAMES,
  STRANGERS_FRAMES_PER_S,
} from "../../src/session/session_limits.ts";
import { FrameMeter, StrangersMeter } from "../../src/session/frame_meter.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

function say(meter: StrangersMeter, frames: number, bytes = 0): void {
  for (let at = 0; at < frames; at++) meter.count(bytes);
}

Deno.test("StrangersMeter lets a burst pass, of frames and of bytes, then the rate", async () => {
  const clock = new VirtualClock();
  const meter = new StrangersMeter(clock);
  say(meter, STRANGERS_BURST_FRAMES);
  assert(meter.isFree);
  say(meter, STRANGERS_FRAMES_PER_S / 100);
  assert(!meter.isFree);
  await clock.advance(9);
  assert(!meter.isFree);
  await clock.advance(1);
  assert(meter.isFree);
  await clock.advance(60_000);
  assert(meter.isFree);
  say(meter, 2, STRANGERS_BURST_BYTES);
  assert(!meter.isFree);
  await clock.advance(4_001);
  assert(meter.isFree);
});

Deno.test("StrangersMeter gives turns by source, however many sessions one has, and none twice", async () => {
  const clock = new VirtualClock();
  const meter = new StrangersMeter(clock);
  say(meter, STRANGERS_BURST_FRAMES + STRANGERS_FRAMES_PER_S / 100);
  const turns: string[] = [];
  const frames = STRANGERS_FRAMES_PER_S / 100;
  const wait = (source: string, name: string) =>
    meter.wait(source, () => {
      turns.push(name);
      say(meter, frames);
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
  say(meter, STRANGERS_BURST_FRAMES + 1);
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
