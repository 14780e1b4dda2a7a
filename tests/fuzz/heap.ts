/** What is really in use on the heap, garbage collected. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** Bytes in use after everything that nobody holds is gone. */
export function liveHeapBytes(): number {
  // Finalizers of the first run free what the second collects.
  collect();
  collect();
  return Deno.memoryUsage().heapUsed;
}
