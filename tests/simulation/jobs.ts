/** Runs many seeds in several threads; which one runs a seed changes nothing about it. */
import type { Report } from "./report.ts";
import type { Range } from "./worker.ts";

/** Seeds that a thread gets at once: few, so that all end together. */
const SEEDS_AT_ONCE = 20;

/**
 * Runs seeds in `jobs` threads. Reports come in any order.
 *
 * @throws {Error} when a thread dies.
 */
export async function runJobs(
  seeds: Range,
  jobs: number,
  onReport: (report: Report) => void,
): Promise<void> {
  let next = seeds.from;
  const end = seeds.from + seeds.count;
  await Promise.all(Array.from({ length: jobs }, () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const worker = new Worker(new URL("./worker.ts", import.meta.url), {
      type: "module",
    });
    let left = 0;
    const give = () => {
      if (next >= end) return resolve();
      left = Math.min(SEEDS_AT_ONCE, end - next);
      worker.postMessage(
        { kind: seeds.kind, from: next, count: left } satisfies Range,
      );
      next += left;
    };
    worker.onmessage = ({ data }: MessageEvent<Report>) => {
      onReport(data);
      if (--left === 0) give();
    };
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`A thread died: ${event.message}`));
    };
    give();
    return promise.finally(() => worker.terminate());
  }));
}
