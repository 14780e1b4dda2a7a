/** A bounded number of jobs at once, over inputs that are pulled when there is room. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { pool } from "../../src/core/pool.ts";

/** Jobs that end when they are told to. */
class Jobs {
  readonly started: number[] = [];
  readonly aborted: number[] = [];
  readonly #running = new Map<number, PromiseWithResolvers<string>>();

  readonly work = (input: number, signal: AbortSignal): Promise<string> => {
    this.started.push(input);
    const job = Promise.withResolvers<string>();
    this.#running.set(input, job);
    signal.addEventListener("abort", () => {
      if (!this.#running.delete(input)) return;
      this.aborted.push(input);
      job.reject(signal.reason);
    });
    return job.promise;
  };

  finish(input: number): void {
    this.#running.get(input)?.resolve(`done ${input}`);
    this.#running.delete(input);
  }

  fail(input: number, error: Error): void {
    this.#running.get(input)?.reject(error);
  }
}

/** Numbers from 0, noting how many were pulled and whether they were given back. */
function source(count = Infinity): {
  numbers: Generator<number>;
  pulled: () => number;
  returned: () => boolean;
} {
  let pulled = 0;
  let returned = false;
  function* numbers(): Generator<number> {
    try {
      while (pulled < count) yield pulled++;
    } finally {
      returned = true;
    }
  }
  return {
    numbers: numbers(),
    pulled: () => pulled,
    returned: () => returned,
  };
}

async function turns(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

Deno.test("pool() gives results in order of completion", async () => {
  const jobs = new Jobs();
  const results = pool([0, 1, 2], jobs.work, { concurrency: 3 });
  const first = results.next();
  await turns();
  jobs.finish(2);
  assertEquals((await first).value, "done 2");
  jobs.finish(0);
  assertEquals((await results.next()).value, "done 0");
  jobs.finish(1);
  assertEquals((await results.next()).value, "done 1");
  assertEquals((await results.next()).done, true);
});

Deno.test("pool() pulls an endless input only as it has room", async () => {
  const jobs = new Jobs();
  const { numbers, pulled, returned } = source();
  const results = pool(numbers, jobs.work, { concurrency: 4 });
  assertEquals(pulled(), 0, "pulled before anybody asked");
  const first = results.next();
  await turns();
  assertEquals(jobs.started, [0, 1, 2, 3]);
  jobs.finish(1);
  jobs.finish(2);
  await first;
  await turns();
  // One result is out; the other waits and takes room until it is taken.
  assertEquals(pulled(), 4);
  await results.next();
  assertEquals(pulled(), 5);
  await results.return();
  assert(returned());
  assertEquals(jobs.aborted, [0, 3, 4]);
});

Deno.test("pool() goes on giving results while a slow input makes it wait", async () => {
  const jobs = new Jobs();
  const more = Promise.withResolvers<void>();
  async function* slow(): AsyncGenerator<number> {
    yield 0;
    await more.promise;
    yield 1;
  }
  const results = pool(slow(), jobs.work, { concurrency: 8 });
  const first = results.next();
  await turns();
  jobs.finish(0);
  assertEquals((await first).value, "done 0");
  const second = results.next();
  more.resolve();
  await turns();
  jobs.finish(1);
  assertEquals((await second).value, "done 1");
  assertEquals((await results.next()).done, true);
});

Deno.test("pool() stops at break without waiting for an input that says nothing", async () => {
  const never = Promise.withResolvers<void>();
  async function* silent(): AsyncGenerator<number> {
    yield 0;
    await never.promise;
  }
  for await (
    const result of pool(silent(), (it) => Promise.resolve(it), {
      concurrency: 2,
    })
  ) {
    assertEquals(result, 0);
    break;
  }
  never.resolve();
});

Deno.test("pool() waits for the jobs it aborted", async () => {
  let cleaned = 0;
  const work = async (input: number, signal: AbortSignal): Promise<number> => {
    if (input === 0) return 0;
    await new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => resolve())
    );
    await turns();
    cleaned++;
    throw signal.reason;
  };
  for await (const _ of pool(source().numbers, work, { concurrency: 5 })) break;
  assertEquals(cleaned, 4);
});

Deno.test("pool() rejects with the signal's reason and aborts its jobs", async () => {
  const jobs = new Jobs();
  const stop = new AbortController();
  const { numbers, returned } = source();
  const results = pool(numbers, jobs.work, {
    concurrency: 2,
    signal: stop.signal,
  });
  const first = results.next();
  await turns();
  const reason = new Error("Enough");
  stop.abort(reason);
  assertEquals(await assertRejects(() => first), reason);
  assertEquals(jobs.aborted, [0, 1]);
  assert(returned());
  const late = pool([1], jobs.work, { concurrency: 1, signal: stop.signal });
  assertEquals(await assertRejects(() => late.next()), reason);
});

Deno.test("pool() ends with the error of a job, and aborts the others", async () => {
  const jobs = new Jobs();
  const { numbers, returned } = source();
  const results = pool(numbers, jobs.work, { concurrency: 3 });
  const first = results.next();
  await turns();
  const bug = new Error("A bug");
  jobs.fail(1, bug);
  assertEquals(await assertRejects(() => first), bug);
  assertEquals(jobs.aborted.includes(0) && jobs.aborted.includes(2), true);
  assert(returned());
});

Deno.test("pool() ends with the error of its input", async () => {
  const bug = new Error("A bug");
  function* broken(): Generator<number> {
    yield 0;
    throw bug;
  }
  async function* brokenLater(): AsyncGenerator<number> {
    yield 0;
    await Promise.reject(bug);
  }
  for (const inputs of [broken(), brokenLater()]) {
    const jobs = new Jobs();
    const results = pool(inputs, jobs.work, { concurrency: 2 });
    assertEquals(await assertRejects(() => results.next()), bug);
    assertEquals(jobs.aborted, [0]);
  }
});

Deno.test("pool() runs every input once and never more at once than allowed", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.nat(20), { maxLength: 60 }),
    fc.integer({ min: 1, max: 9 }),
    async (delays, concurrency) => {
      let running = 0;
      let most = 0;
      const work = async (index: number): Promise<number> => {
        most = Math.max(most, ++running);
        for (let i = 0; i < delays[index]!; i++) await Promise.resolve();
        running--;
        return index;
      };
      const inputs = delays.keys();
      const results = await Array.fromAsync(
        pool(inputs, work, { concurrency }),
      );
      assertEquals(results.sort((a, b) => a - b), [...delays.keys()]);
      assert(most <= concurrency);
    },
  ));
});
