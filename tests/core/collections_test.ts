// The collections and rates that all of src/ shares.
import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { backoffMs } from "../../src/core/backoff.ts";
import { BoundedMap } from "../../src/core/bounded_map.ts";
import { Deque } from "../../src/core/deque.ts";
import { TaskSet } from "../../src/core/task_set.ts";
import { TokenBucket, TokenBuckets } from "../../src/core/token_bucket.ts";
import { RECONNECT } from "../../src/mesh/mesh_limits.ts";

Deno.test("BoundedMap evicts the entry that was set least recently", () => {
  const map = new BoundedMap<string, number>(3);
  for (const [index, key] of ["a", "b", "c"].entries()) map.set(key, index);
  assertEquals(map.get("a"), 0); // Reading does not count as use.
  map.set("b", 10).set("d", 3);
  assertEquals([...map], [["c", 2], ["b", 10], ["d", 3]]);
  assertEquals(map.ensure("c", () => 99), 2);
  assertEquals(map.ensure("e", () => 4), 4);
  assertEquals([...map.keys()], ["d", "c", "e"]);
  map.delete("d");
  map.set("f", 5);
  assertEquals([...map.keys()], ["c", "e", "f"]);
});

Deno.test("BoundedMap evicts entries of the named kind first, then the oldest", () => {
  const map = new BoundedMap<string, "keep" | "evict">(
    2,
    (value) => value === "evict",
  );
  map.set("a", "keep").set("b", "evict").set("c", "keep");
  assertEquals([...map.keys()], ["a", "c"]);
  map.set("d", "keep");
  assertEquals([...map.keys()], ["c", "d"]);
  map.set("e", "evict");
  assertEquals([...map.keys()], ["c", "d"]);
});

Deno.test("Deque does what an array does, whatever the order of calls", () => {
  const call = fc.oneof(
    { weight: 6, arbitrary: fc.constant("push" as const) },
    { weight: 5, arbitrary: fc.constant("shift" as const) },
    fc.constantFrom("retain" as const, "replaceFirst" as const),
  );
  fc.assert(fc.property(
    fc.nat(3_000),
    fc.array(call, { maxLength: 100 }),
    (length, calls) => {
      let array = Array.from({ length }, (_, index) => index);
      const deque = new Deque(array);
      // Far enough for the array to be made short again.
      for (let i = 0; i < length / 2; i++) {
        assertEquals(deque.shift(), array[i]);
      }
      array = array.slice(Math.ceil(length / 2));
      for (const [number, name] of calls.entries()) {
        if (name === "push") {
          array.push(number);
          deque.push(number);
        } else if (name === "shift") {
          assertEquals(deque.shift(), array.shift());
        } else if (name === "replaceFirst") {
          if (array.length > 0) array[0] = -1;
          deque.replaceFirst(-1);
        } else {
          array = array.filter((it) => it % 3 !== 0);
          deque.retain((it) => it % 3 !== 0);
        }
        assertEquals(deque.length, array.length);
        assertEquals(deque.first, array[0]);
        assertEquals(deque.last, array.at(-1));
      }
      for (const index of [-1, 0, 1, array.length - 1, array.length]) {
        assertEquals(deque.at(index), array[index]);
      }
      assertEquals([...deque], array);
      assertEquals(deque.drain(), array);
      assertEquals([deque.length, deque.shift()], [0, undefined]);
    },
  ));
});

Deno.test("TokenBucket gives a burst, then one at a time, and never saves up more than the burst", () => {
  const bucket = new TokenBucket({ burst: 3, refillMs: 100 });
  const taken = (now: number) => {
    let count = 0;
    while (bucket.take(now)) count++;
    return count;
  };
  assertEquals([0, 99, 100, 150, 399, 10_000].map(taken), [3, 0, 1, 0, 2, 3]);
  bucket.give();
  assert(bucket.has(10_000));
  assertEquals(taken(10_000), 1);
  for (let i = 0; i < 9; i++) bucket.give();
  assertEquals(taken(20_000), 3);
});

Deno.test("TokenBucket pays back what was spent beyond the burst, at its rate", () => {
  const bucket = new TokenBucket({ burst: 10, refillMs: 0.5 });
  bucket.spend(10, 0);
  assertEquals(bucket.debtMs(0), 0);
  bucket.spend(7, 0);
  assertEquals(bucket.debtMs(0), 3.5);
  assertEquals(bucket.debtMs(3), 0.5);
  assertEquals([bucket.debtMs(4), bucket.has(3.5)], [0, false]);
  assert(bucket.has(4));
});

Deno.test("TokenBuckets forgets the key that was used least recently, whose bucket is full again", () => {
  const buckets = new TokenBuckets({ burst: 1, refillMs: 1_000 }, 2);
  const take = (key: string) => buckets.of(key).take(0);
  assertEquals(["a", "b", "a", "b", "c"].map(take), [
    true,
    true,
    false,
    false,
    true,
  ]);
  assertEquals(["b", "a"].map(take), [false, true]);
});

Deno.test("reconnecting doubles its delay from 0.2 s to 60 s, with full jitter", () => {
  const ceilings: [number, number][] = [
    [0, 0],
    [1, 200],
    [2, 400],
    [3, 800],
    [9, 51_200],
    [10, 60_000],
    [1_000_000, 60_000],
  ];
  for (const [failures, ceiling] of ceilings) {
    assertEquals(backoffMs(failures, RECONNECT), ceiling);
    assertEquals(backoffMs(failures, RECONNECT, 0), 0);
    assertEquals(backoffMs(failures, RECONNECT, 0.5), ceiling / 2);
  }
});

Deno.test("TaskSet waits for all its tasks, and for those added meanwhile", async () => {
  const tasks = new TaskSet();
  await tasks.settled();
  await tasks.next();
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  tasks.add(first.promise.then(() => tasks.add(second.promise)));
  assertEquals(tasks.size, 1);
  let isSettled = false;
  const settled = tasks.settled().then(() => isSettled = true);
  first.resolve();
  await tasks.next();
  assertEquals([tasks.size, isSettled], [1, false]);
  second.resolve();
  await settled;
  assertEquals(tasks.size, 0);
});

Deno.test("TaskSet reports a task that rejects to the one that waits", async () => {
  const tasks = new TaskSet();
  tasks.add(Promise.reject(new TypeError("a mistake")));
  await assertRejects(() => tasks.settled(), TypeError, "a mistake");
  assertEquals(tasks.size, 0);
});
