/**
 * Bounds of how the members of a mesh learn of each other, and meet.
 */

/** Up to so many members a list is asked for with their fingerprints at once, which saves a round trip. */
export const MAX_INLINE_FINGERPRINTS = 16;

/** Peers whose word that another one is live is kept; a few are enough to ask them again. */
export const MAX_REPORTERS_PER_PEER = 4;

/** Least time between two reports of missing members, on the wire and to listeners. */
export const MISSING_REPORT_MS = 1_000;

/** Missing pairs that are told at once: a split in half of a small mesh, whole. */
export const MAX_MISSING_PAIRS = 256;

/** Members that are asked whom they see when a peer was lost. */
export const ASKED_AFTER_LOSS = 3;

/** Least time between two requests for peer lists; peers grant one a second. */
export const PEER_EXCHANGE_MIN_MS = 2_000;

/**
 * A peer that has just joined or come back is told to so many others, the next in the
 * order of identities and some chosen by chance, when no other has come for so long,
 * milliseconds, or twice as long has passed: most have met it by then, and those it
 * cannot reach itself hear of it from one or another of the members that it did reach.
 */
export const NEWS_TOLD_TO = 4;
export const NEWS_DELAY_MS = 1_000;

/** A peer whose session is younger is told of as one that has just joined. */
export const RECENT_SESSION_MS = 2_000;

/**
 * Who joins a crowd asks those it meets for their peers only when it has met nobody
 * for so long, or one of them so long ago, milliseconds.
 */
export const MEETING_PAUSE_MS = 250;
export const MEETING_PATIENCE_MS = 10_000;

/**
 * Up to so many peers a collision costs less than waiting for the other to dial,
 * and to be told of them by everybody costs nothing.
 */
export const COLLISION_CROWD = 16;

/**
 * How long the smaller of two nodes that join a crowd together lets the other dial
 * first, for each peer known, and how long at the most while strangers are still
 * arriving, one of whom it may be.
 */
export const COLLISION_GRACE_PER_PEER_MS = 15;
export const COLLISION_GRACE_MAX_MS = 5_000;

/** Of a name that a peer told of, so many IP addresses are tried: one of each family. */
export const MAX_NAMED_ENDPOINTS = 2;

/**
 * Members that one configured name is known to lead to: as many as one answer of
 * its name server.
 */
export const MAX_MEMBERS_PER_NAME = 16;

/**
 * How often a configured name that has led to a member is looked up again, for
 * members that it leads to by then: two halves of a mesh may know no other way.
 */
export const NAME_LOOKUP_MS = 60_000;

/** The same while addresses that it led to hang. */
export const NAME_REFRESH_MS = 3_000;

/** A dial to a peer we only heard of gives way to one that another source waits for after this long. */
export const CONTESTED_DIAL_MS = 3_000;

/**
 * So long a host that led to this node itself is left alone: behind the address of a
 * balancer there may be another by then.
 */
export const OWN_HOST_MS = 10_000;
