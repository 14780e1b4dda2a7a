/** Bounds of peer exchange and of joining a mesh, with the reason of each. */

/**
 * Up to this many members a list is requested together with their fingerprints, which saves a
 * round trip.
 */
export const MAX_INLINE_FINGERPRINTS = 16;

/** Peers whose report that another one is live is kept, to ask them again; a few are enough. */
export const MAX_REPORTERS_PER_PEER = 4;

/** Least time between two reports of unreachable members, on the wire and in events. */
export const MISSING_REPORT_MS = 1_000;

/** Unreachable pairs in one event: all of a small mesh that is split in half. */
export const MAX_MISSING_PAIRS = 256;

/**
 * Members reported as unreachable that are looked up at each report: each peer has an equal
 * share of them.
 */
export const MAX_MISSING_LOOKUPS = 16_384;

/**
 * Work that sessions cause beyond reading a frame, such as verifying certificates of
 * others: this many milliseconds at once, enough for a mesh of a thousand on a slow machine,
 * then a share of the time: one for peers with standing, one for all others together.
 */
export const WORK_BURST_MS = 3_000;
export const STANDING_WORK_SHARE = 0.5;
export const OTHERS_WORK_SHARE = 0.2;

/**
 * The same before the event loop continues, which has the rest of the time: at most 25 ms at
 * once, and the step that ends them.
 */
export const WORK_SLICE_MS = 5;
export const WORK_SLICE_SHARE = 0.8;

/** A step counts for no more, milliseconds: if it took longer, the process was paused. */
export const MAX_STEP_MS = 100;

/**
 * Work that waits, of either kind, bytes: as a session has at most a third, the largest list of
 * peers fits. Each entry also counts for its overhead.
 */
export const MAX_WORK_BYTES = 13_536_000;
export const WORK_OVERHEAD_BYTES = 512;

/** Least time between two walks of the table for new entries in lists of peers, milliseconds. */
export const LEARNED_PAUSE_MS = 10;

/** The list of peers that may be gossiped is made anew after this time, milliseconds. */
export const GOSSIP_LIST_MS = 250;

/** Members that are sent a request for peers when a peer was lost. */
export const ASKED_AFTER_LOSS = 3;

/** Least time between two requests for peer lists; peers accept one a second. */
export const PEER_EXCHANGE_MIN_MS = 2_000;

/**
 * A peer that has just joined or come back is announced to this many others, the next in the
 * order of identities and some at random, when no other has come for this time, milliseconds,
 * or twice that time has passed: most have a session with it by then, and the others learn of
 * it from a member that it has reached.
 */
export const NEWS_TOLD_TO = 4;
export const NEWS_DELAY_MS = 1_000;

/** A peer whose session is younger is marked in gossip as having just joined. */
export const RECENT_SESSION_MS = 2_000;

/**
 * A node that joins many members at once requests their peers only when no session has opened
 * for the first time, or one has been open for the second, milliseconds.
 */
export const MEETING_PAUSE_MS = 250;
export const MEETING_PATIENCE_MS = 10_000;

/**
 * Up to this many peers a collision costs less than waiting for the other to dial, and gossip
 * about them from all members costs little.
 */
export const COLLISION_CROWD = 16;

/**
 * When two nodes join many members at the same time, how long the one with the smaller identity
 * lets the other dial first, for each known peer, and at most while unverified connections are
 * arriving, since one may be from the other node.
 */
export const COLLISION_GRACE_PER_PEER_MS = 15;
export const COLLISION_GRACE_MAX_MS = 5_000;

/** IP addresses that are tried of a name in gossip: one of each family. */
export const MAX_NAMED_ENDPOINTS = 2;

/**
 * Members on record for one configured name: as many as addresses in one answer of its name
 * server.
 */
export const MAX_MEMBERS_PER_NAME = 16;

/**
 * How often a configured name that has led to a member is looked up again, for new members: the
 * halves of a split mesh may have no other connection.
 */
export const NAME_LOOKUP_MS = 60_000;

/** The same while dials to its addresses hang. */
export const NAME_REFRESH_MS = 3_000;

/** A dial caused by gossip gives way, after this time, to one that another source waits for. */
export const CONTESTED_DIAL_MS = 3_000;

/**
 * How long a host that led to this node itself is not dialed; a load balancer may lead to
 * another node later.
 */
export const OWN_HOST_MS = 10_000;
