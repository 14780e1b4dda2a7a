/**
 * Runs seeds in a thread of its own. Gets a range, answers with one report a seed;
 * a schedule does not notice where it runs.
 */
import type { Kind } from "./kinds.ts";
import { type Report, runSeed } from "./report.ts";

/** Seeds to run. */
export interface Range {
  readonly kind: Kind;
  readonly from: number;
  readonly count: number;
}

/** What `self` is here, as far as it is used. */
interface WorkerScope {
  onmessage: (event: MessageEvent<Range>) => void;
  postMessage(report: Report): void;
}

const scope = globalThis as unknown as WorkerScope;

scope.onmessage = async ({ data: { kind, from, count } }) => {
  for (let seed = from; seed < from + count; seed++) {
    scope.postMessage(await runSeed(kind, seed));
  }
};
