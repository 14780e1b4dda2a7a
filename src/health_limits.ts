/**
 * Every bound of what a node reports of its own health, with its reason; a part of `limits.ts`,
 * from which they are imported and which names the other parts.
 */

/**
 * A fact that is noticed by attempts, such as a copied key, is over after this time without
 * one: the time between two is `RECONNECT_MAX_MS` at most.
 */
export const ALARM_QUIET_MS = 180_000;

/** A shortage of descriptors is over when no connection was refused for it for this time. */
export const NO_DESCRIPTORS_QUIET_MS = 15_000;

/** Facts about its health that a node keeps; the oldest about peers are evicted. */
export const MAX_HEALTH_FACTS = 64;

/** Period of attempts to write a disk that has failed. */
export const HEALTH_PROBE_MS = 5_000;
