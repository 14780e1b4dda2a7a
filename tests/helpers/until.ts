/**
 * Waiting for a condition, in place of sleeping and hoping. The deadline is only
 * there so that a test which cannot succeed says what it waited for.
 */

const POLL_MS = 5;

/**
 * Resolves once `predicate` holds; it is asked at once, then every few milliseconds.
 *
 * @param what What is waited for, to end the sentence "Still waiting for …".
 * @param timeoutMs Gives up after this long.
 * @throws {Error} naming `what` when the time is up; whatever `predicate` throws.
 */
export async function until(
  what: string,
  predicate: () => boolean | Promise<boolean>,
  timeoutMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!await predicate()) {
    if (performance.now() > deadline) {
      throw new Error(`Still waiting for ${what} after ${timeoutMs} ms`);
    }
    await new Promise<void>((resolve) => setTimeout(resolve, POLL_MS));
  }
}
