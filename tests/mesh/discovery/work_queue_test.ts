// What sessions have a node do is done by turns, within a share of the time.
import { assert, assertEquals } from "@std/assert";
import type { Clock } from "../../../src/core/clock.ts";
import {
  MAX_WORK_BYTES,
  OTHERS_WORK_SHARE,
  STANDING_WORK_SHARE,
  WORK_BURST_MS,
  WORK_OVERHEAD_BYTES,
  WORK_SLICE_MS,
} from "../../../src/mesh/discovery/discovery_limits.ts";
import {
  MAX_PAYLOAD_BYTES,
  MAX_PEERS_PER_MESSAGE,
} from "../../../src/wire/wire_limits.ts";
import { WorkQueue } from "../../../src/mesh/discovery/work_queue.ts";

/** A clock on which time passes when work is done, and between timers. */
class WorkClock implements Clock {
  #now = 0;
  #timers: { readonly at: number; readonly run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { at: this.#now + delayMs, run };
    this.#timers.push(timer);
    return () => this.#timers = this.#timers.filter((it) => it !== timer);
  }

  get timers(): number {
    return this.#timers.length;
  }

  /** Work takes time. */
  pass(ms: number): void {
    this.#now += ms;
  }

  /** Runs the next timer; false if there is none by `until`. */
  next(until = Infinity): boolean {
    const [first] = this.#timers.toSorted((a, b) => a.at - b.at);
    if (first === undefined || first.at > until) return false;
    this.#timers = this.#timers.filter((it) => it !== first);
    this.#now = Math.max(this.#now, first.at);
    first.run();
    return true;
  }
}

/** A session with a peer at a host; only what counts here. */
interface Peer {
  readonly source: string;
  readonly isFriend: boolean;
  done: number;
}

function peer(source: string, isFriend = false): Peer {
  return { source, isFriend, done: 0 };
}

/** A queue whose every step takes a millisecond. */
class Bench {
  readonly clock = new WorkClock();
  readonly stop = new AbortController();
  readonly errors: unknown[] = [];
  readonly queue = new WorkQueue<Peer>({
    clock: this.clock,
    hasStanding: ({ isFriend }) => isFriend,
    onError: (link, error) => {
      this.errors.push(error);
      this.queue.drop(link);
    },
    signal: this.stop.signal,
  });

  add(link: Peer, steps: number, bytes = 1): boolean {
    let left = steps;
    return this.queue.add(link, bytes, () => {
      this.clock.pass(1);
      link.done++;
      return --left > 0;
    });
  }
}

Deno.test("work that takes long is done in slices, and the event loop has its turn between them", () => {
  const bench = new Bench();
  const { clock, queue } = bench;
  const one = peer("a");
  bench.add(one, 500);
  let longest = one.done;
  while (one.done < 500) {
    const before = one.done;
    assert(clock.next(), `nothing goes on after ${one.done} steps`);
    longest = Math.max(longest, one.done - before);
  }
  assert(longest <= 6 * WORK_SLICE_MS, `${longest} ms at once`);
  // Nearly as quickly as without turns: the time is there.
  assert(clock.monotonic() < 1.5 * 500, `it took ${clock.monotonic()} ms`);
  assertEquals(queue.bytes, 0);
});

Deno.test("what is short is done at once", () => {
  const bench = new Bench();
  const one = peer("a");
  assert(bench.add(one, 3));
  assertEquals([one.done, bench.clock.timers], [3, 0]);
});

for (
  const [who, isFriend, share] of [
    ["peers with standing", true, STANDING_WORK_SHARE],
    ["all others", false, OTHERS_WORK_SHARE],
  ] as const
) {
  Deno.test(`the work of ${who} together has a share of the time, however many they are`, () => {
    const bench = new Bench();
    const crowd = Array.from({ length: 50 }, (_, i) => peer(`${i}`, isFriend));
    for (const one of crowd) bench.add(one, 10_000);
    const PERIOD_MS = 20_000;
    while (bench.clock.next(PERIOD_MS));
    const done = crowd.reduce((sum, one) => sum + one.done, 0);
    const allowed = WORK_BURST_MS + share * PERIOD_MS;
    assert(done <= 1.05 * allowed, `${done} ms of work in ${PERIOD_MS}`);
    assert(done >= 0.8 * allowed, `only ${done} ms of work in ${PERIOD_MS}`);
  });
}

Deno.test("a friend's work is done as quickly while strangers flood as without them", () => {
  const took = (strangers: number) => {
    const bench = new Bench();
    for (let i = 0; i < strangers; i++) bench.add(peer(`${i}`), 10_000);
    // The burst is used up: strangers' work now waits for its share.
    while (bench.clock.next(10_000));
    bench.clock.pass(10_000 - bench.clock.monotonic());
    const friend = peer("friend", true);
    const began = bench.clock.monotonic();
    bench.add(friend, 100);
    while (friend.done < 100) assert(bench.clock.next());
    return bench.clock.monotonic() - began;
  };
  const alone = took(0);
  const crowded = took(200);
  // Strangers' share, and the slices in which both are done.
  assert(crowded <= 2 * alone, `${crowded} ms, and ${alone} ms without`);
});

Deno.test("sessions take turns, by address first", () => {
  const bench = new Bench();
  const flood = Array.from({ length: 40 }, () => peer("flood"));
  for (const one of flood) bench.add(one, 10_000);
  while (bench.clock.next(10_000));
  const before = flood.map(({ done }) => done);
  const newcomer = peer("elsewhere");
  bench.add(newcomer, 40);
  while (newcomer.done < 40) assert(bench.clock.next());
  const others = flood.map(({ done }, i) => done - before[i]!);
  const sum = others.reduce((a, b) => a + b, 0);
  assert(
    sum <= 40 + 6 * WORK_SLICE_MS,
    `${sum} steps for 40 of another address`,
  );
  assert(Math.max(...others) - Math.min(...others) <= 1, `${others}`);
});

Deno.test("what waits is bounded, and a flood from one address leaves room for others", () => {
  const bench = new Bench();
  const size = 4_096;
  let taken = 0;
  for (let i = 0; i < 10_000; i++) {
    if (bench.add(peer("flood"), 1_000, size)) taken++;
  }
  assert(taken < 10_000);
  assert(bench.queue.bytes <= MAX_WORK_BYTES);
  assert(bench.add(peer("elsewhere"), 1, size));
  assert(bench.add(peer("friend", true), 1, size));
  assert(bench.queue.bytes <= 2 * MAX_WORK_BYTES);
});

Deno.test("the largest list of peers finds room if nothing else waits", () => {
  const bench = new Bench();
  const most = MAX_PAYLOAD_BYTES +
    WORK_OVERHEAD_BYTES * (1 + MAX_PEERS_PER_MESSAGE);
  assert(bench.add(peer("a"), 1_000, most));
});

Deno.test("a session that ends takes its work along", () => {
  const bench = new Bench();
  const [one, two] = [peer("a"), peer("a")];
  bench.add(one, 10_000, 1_000);
  bench.add(two, 10_000, 1_000);
  bench.queue.drop(one);
  assertEquals(bench.queue.bytes, 1_000);
  const { done } = one;
  while (bench.clock.next(5_000));
  assertEquals(one.done, done);
  bench.queue.drop(two);
  while (bench.clock.next());
  assertEquals([bench.queue.bytes, bench.clock.timers], [0, 0]);
});

Deno.test("a node that closes drops all work, and waits for none", () => {
  const bench = new Bench();
  for (let i = 0; i < 10; i++) bench.add(peer(`${i}`), 10_000);
  assert(bench.clock.timers > 0);
  bench.stop.abort();
  assertEquals([bench.queue.bytes, bench.clock.timers], [0, 0]);
  assert(!bench.add(peer("a"), 1));
  assertEquals(bench.clock.timers, 0);
});

Deno.test("a step that throws ends what its session has handed in, and nothing else", () => {
  const bench = new Bench();
  const [bad, good] = [peer("a"), peer("a")];
  bench.add(good, 100);
  let tried = 0;
  const step = () => {
    bench.clock.pass(1);
    tried++;
    throw new Error("made up");
  };
  bench.queue.add(bad, 1, step);
  bench.queue.add(bad, 1, step);
  while (good.done < 100) assert(bench.clock.next());
  assertEquals([tried, bench.errors.length], [1, 1]);
});
