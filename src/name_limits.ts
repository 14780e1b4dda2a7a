/**
 * How many names a node keeps bound to identities, with the reasons; a part of the
 * bounds in `limits.ts`.
 */
import { MAX_PEERS } from "./limits.ts";

/**
 * Names bound to one peer with standing: what it was called before stays its own
 * after it was renamed. A peer without standing has one, its last.
 */
export const MAX_NAMES_PER_PEER = 4;

/**
 * Names bound to peers without standing, together. As many as there can be on
 * record, so that none of a peer on record has to go.
 */
export const MAX_NAMES_WITHOUT_STANDING = MAX_PEERS;

/** So many more may come before they are counted again, which takes a walk over all. */
export const NAME_TRIM_SLACK = 256;

/** `name-conflict` events of peers of one source: a burst, and then one each ten seconds. */
export const NAME_CONFLICTS_OF_SOURCE = {
  burst: 10,
  refillMs: 10_000,
};

/** The same of all sources together, once for the holders with standing and once for others. */
export const NAME_CONFLICTS_OF_ALL = {
  burst: 100,
  refillMs: 1_000,
};

/** Sources whose conflicts are counted; the least recent are forgotten. */
export const MAX_NAME_CONFLICT_SOURCES = 1_024;

/** All names that are bound. */
export const MAX_NAME_BINDINGS = MAX_NAMES_PER_PEER * MAX_PEERS +
  MAX_NAMES_WITHOUT_STANDING + NAME_TRIM_SLACK;
