/** Timers and a signal that many connections share. */
import { assertEquals, assertThrows } from "@std/assert";
import { SharedSignal, SharedTimers } from "../../src/core/shared_timers.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

/** A virtual clock that counts the timers that wait on it. */
class CountingClock extends VirtualClock {
  waiting = 0;

  override after(delayMs: number, callback: () => void): () => void {
    this.waiting++;
    let isOver = false;
    const end = () => {
      if (!isOver) this.waiting--;
      isOver = true;
    };
    const cancel = super.after(delayMs, () => {
      end();
      callback();
    });
    return () => {
      end();
      cancel();
    };
  }
}

Deno.test("SharedTimers calls each back when it is due, by one timer a length", async () => {
  const clock = new CountingClock();
  const timers = new SharedTimers(clock);
  const calls: string[] = [];
  const note = (name: string) => () => {
    calls.push(`${name} at ${clock.monotonic() - begun}`);
  };
  const begun = clock.monotonic();
  timers.after(100, note("a"));
  await clock.advance(30);
  timers.after(100, note("b"));
  timers.after(100, note("c"));
  timers.after(10, note("short"));
  assertEquals(clock.waiting, 2);
  await clock.advance(200);
  assertEquals(calls, ["short at 40", "a at 100", "b at 130", "c at 130"]);
  assertEquals(clock.waiting, 0);
});

Deno.test("SharedTimers leaves no timer when all are cancelled, and calls none back early", async () => {
  const clock = new CountingClock();
  const timers = new SharedTimers(clock);
  const calls: number[] = [];
  const cancel = timers.after(100, () => calls.push(1));
  await clock.advance(60);
  const cancelSecond = timers.after(100, () => calls.push(2));
  cancel();
  await clock.advance(99);
  assertEquals(calls, []);
  await clock.advance(1);
  assertEquals(calls, [2]);
  cancelSecond();
  timers.after(100, () => calls.push(3))();
  assertEquals(clock.waiting, 0);
});

Deno.test("SharedTimers goes on after a callback that throws, cancels another or sets one", async () => {
  const clock = new CountingClock();
  const timers = new SharedTimers(clock);
  const calls: string[] = [];
  timers.after(100, () => {
    cancelled();
    timers.after(100, () => calls.push("again"));
    throw new Error("of the callback");
  });
  const cancelled = timers.after(100, () => calls.push("cancelled"));
  timers.after(100, () => calls.push("other"));
  await clock.advance(100).catch(() => calls.push("threw"));
  await clock.advance(100);
  assertEquals(calls, ["threw", "other", "again"]);
  assertEquals(clock.waiting, 0);
});

Deno.test("SharedTimers remembers 64 lengths, and calls back timers of others all the same", async () => {
  const clock = new CountingClock();
  const timers = new SharedTimers(clock);
  let called = 0;
  const lengths = Array.from({ length: 100 }, (_, i) => i + 1);
  for (const ms of lengths) timers.after(ms, () => called++);
  for (const ms of lengths) timers.after(ms, () => called++);
  // One a length for the first 64, and two for each of the others.
  assertEquals(clock.waiting, 64 + 2 * 36);
  const cancel = timers.after(99, () => called++);
  cancel();
  await clock.advance(100);
  assertEquals(called, 200);
  assertEquals(clock.waiting, 0);
});

Deno.test("SharedTimers that linger keep a timer until it is due, or they are disposed of", async () => {
  const clock = new CountingClock();
  using timers = new SharedTimers(clock, { lingers: true });
  const called: number[] = [];
  timers.after(100, () => called.push(1))();
  await clock.advance(50);
  const cancel = timers.after(100, () => called.push(2));
  assertEquals(clock.waiting, 1);
  await clock.advance(99);
  assertEquals([called, clock.waiting], [[], 1]);
  await clock.advance(1);
  assertEquals([called, clock.waiting], [[2], 0]);
  cancel();
  timers.after(100, () => called.push(3))();
  assertEquals(clock.waiting, 1);
  timers[Symbol.dispose]();
  assertEquals(clock.waiting, 0);
  timers.after(100, () => called.push(4));
  await clock.advance(100);
  assertEquals([called, clock.waiting], [[2, 4], 0]);
});

Deno.test("SharedSignal calls back all that wait, at once if it has aborted, and none that was disposed of", () => {
  const controller = new AbortController();
  const signal = new SharedSignal(controller.signal);
  const calls: string[] = [];
  signal.onAbort(() => calls.push("a"));
  signal.onAbort(() => calls.push("disposed of"))[Symbol.dispose]();
  signal.onAbort(() => calls.push("b"));
  controller.abort(new RangeError("enough"));
  signal.onAbort(() => calls.push("late"));
  assertEquals(calls, ["a", "b", "late"]);
  assertEquals(signal.aborted, true);
  assertThrows(() => {
    throw signal.reason;
  }, RangeError);
  assertEquals(new SharedSignal(undefined).aborted, false);
});
