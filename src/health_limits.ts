/**
 * Every bound of what a node says of its own health, with its reason; a part of
 * `limits.ts`, from which they are imported and which names the other parts.
 */

/**
 * A fact that is noticed by attempts, such as a copied key, is over after this without
 * one: each waits for `RECONNECT_MAX_MS` at most.
 */
export const ALARM_QUIET_MS = 180_000;

/** That descriptors are short is over when nothing was refused for it for so long. */
export const NO_DESCRIPTORS_QUIET_MS = 15_000;

/** Facts about its health that a node keeps; the oldest about others give way. */
export const MAX_HEALTH_FACTS = 64;

/** A disk that could not be written is tried again this often. */
export const HEALTH_PROBE_MS = 5_000;
