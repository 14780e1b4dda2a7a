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

/**
 * Members that peers say they miss and that are looked up at each report: each peer
 * has an equal share of them.
 */
export const MAX_MISSING_LOOKUPS = 16_384;

/**
 * Work that sessions cause beyond reading a frame, such as verifying certificates of
 * others: so many milliseconds at once, enough for a mesh of a thousand on a slow
 * machine, then a share of the time: one for peers with standing, one for all others
 * together.
 */
export const WORK_BURST_MS = 3_000;
export const STANDING_WORK_SHARE = 0.5;
export const OTHERS_WORK_SHARE = 0.2;

/**
 * The same before the event loop has its turn, which it has for the rest of the time:
 * the longest work at once is 25 ms, and the step that ends it.
 */
export const WORK_SLICE_MS = 5;
export const WORK_SLICE_SHARE = 0.8;

/** A step counts for no more, milliseconds: then it was the process that stood still. */
export const MAX_STEP_MS = 100;

/**
 * Work that waits, of either kind, bytes: as a session has at most a third, the
 * largest list of peers fits. Each entry counts for what it takes besides.
 */
export const MAX_WORK_BYTES = 13_536_000;
export const WORK_OVERHEAD_BYTES = 512;

/** News from lists of peers are acted on, by walks of the table, once in so many milliseconds. */
export const LEARNED_PAUSE_MS = 10;

/** The list of those that may be told of is made anew after so many milliseconds. */
export const GOSSIP_LIST_MS = 250;

/** Members that are asked for the peers they see when a peer was lost. */
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
 * A node that joins a crowd asks those it meets for their peers only when it has met none
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
 * arriving, one of which it may be.
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
