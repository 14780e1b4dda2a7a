/**
 * The accept loop's patience. `accept()` fails for passing reasons (out of
 * descriptors, a client gone before we looked), and a listener that gives up on
 * the first leaves a node deaf.
 */
import { type Clock, sleep } from "../clock.ts";
import { MAX_ACCEPT_PAUSE_MS } from "../limits.ts";

const FIRST_PAUSE_MS = 5;

/**
 * The next of `accept`, trying again after a pause for as long as it throws, or
 * `null` once `closing` has aborted. Pauses double up to
 * {@linkcode MAX_ACCEPT_PAUSE_MS}: out of descriptors, an eager loop would only
 * burn the processor that is to free them.
 */
export async function acceptRetrying<T>(
  accept: () => Promise<T>,
  clock: Clock,
  closing: AbortSignal,
): Promise<T | null> {
  for (
    let pauseMs = FIRST_PAUSE_MS;
    !closing.aborted;
    pauseMs = Math.min(pauseMs * 2, MAX_ACCEPT_PAUSE_MS)
  ) {
    try {
      return await accept();
    } catch {
      if (closing.aborted) return null;
      await sleep(clock, pauseMs, closing).catch(() => {});
    }
  }
  return null;
}
