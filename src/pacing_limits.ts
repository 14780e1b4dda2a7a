/**
 * What a session has on the way to its peer, with the reasons; the other bounds of a
 * session are in `limits.ts`.
 */

/**
 * What a sender of messages has on the way to one peer: the bytes of the shortest
 * round trip and of this many milliseconds, at the rate at which the peer takes
 * them; a ping waits for no longer. Within the bounds below, and the first for as
 * long as no rate is known.
 */
export const PACING_QUEUE_MS = 200;
export const INITIAL_FLIGHT_BYTES = 32_768;
export const MIN_FLIGHT_BYTES = 16_384;
export const MAX_FLIGHT_BYTES = 67_108_864;

/** Pings that measure that rate: at most so many wait, and this much is between two of them. */
export const MAX_PACING_PINGS = 8;
export const MIN_PACING_STEP_BYTES = 4_096;

/**
 * The rate is the highest of so many round trips, and of this time and two round
 * trips; the shortest round trip is measured anew so often, with little on the way.
 */
export const PACING_RATE_ROUNDS = 6;
export const PACING_RATE_MS = 2_000;
export const BASE_RTT_PERIOD_MS = 10_000;

/** A write that took so long had to wait for the peer's TCP, and shows that it goes on. */
export const WAITED_WRITE_MS = 20;
