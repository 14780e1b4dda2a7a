/**
 * Whether the clock of this machine lets any certificate be valid. A board without a
 * battery starts on 1970-01-01, where TLS refuses every certificate, and says only
 * that the peer's is invalid.
 */
import { type Clock, systemClock } from "../core/clock.ts";

/** First moment of every certificate of this program, milliseconds since the Unix epoch. */
export const CERTIFICATES_VALID_FROM_MS = 86_400_000;

/** What is wrong with the clock, and what to do; `undefined` if nothing is. */
export function clockFault(
  clock: Pick<Clock, "now"> = systemClock,
): string | undefined {
  const now = clock.now();
  if (now >= CERTIFICATES_VALID_FROM_MS) return undefined;
  return `the clock of this machine says ${
    toText(now)
  }, and certificates are valid from ${
    toText(CERTIFICATES_VALID_FROM_MS)
  } on; set the clock, or wait until it is set, and try again`;
}

function toText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
