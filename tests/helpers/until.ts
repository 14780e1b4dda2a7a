/** Waiting for a condition instead of for luck. */

const POLL_MS = 5;

/**
 * Resolves as soon as `predicate` holds.
 *
 * @param what What is waited for, as the failure says it.
 * @throws {Error} when it does not hold within `timeoutMs`.
 */
export async function until(
  what: string,
  predicate: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!await predicate()) {
    if (performance.now() > end) {
      throw new Error(`Waited ${timeoutMs} ms in vain for: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
