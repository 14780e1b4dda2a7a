/** Bounds of peer exchange and of joining a mesh, with the reason of each. */

/** How long `Node.joined` waits by default. */
export const JOIN_TIMEOUT_MS = 30_000;

/** Requests for peers that a session may make at once, and the period of one more. */
export const PEER_REQUEST_BURST = 16;
export const PEER_REQUEST_REFILL_MS = 1_000;

/**
 * Own entries that a peer may send again in a session at once, and the period of one more; others
 * are ignored. A node sends its own less often, see `OWN_ENTRY_PAUSE_MS`.
 */
export const OWN_ENTRY_BURST = 4;
export const OWN_ENTRY_REFILL_MS = 2_000;

/** How long after its last proof a peer is still gossiped. */
export const GOSSIP_FRESH_MS = 3 * 60 * 60 * 1_000;

/**
 * Up to this many members a list is requested together with their fingerprints, which saves a
 * round trip.
 */
export const MAX_INLINE_FINGERPRINTS = 16;

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

/**
 * A peer that has just joined or come back is announced to this many others, the next in the
 * order of identities and some at random, when no other has come for this time, milliseconds,
 * or twice that time has passed: most have a session with it by then, and the others learn of
 * it from a member that it has reached.
 */
export const NEWS_TOLD_TO = 4;
export const NEWS_DELAY_MS = 1_000;

/** And to so many of those that others cannot dial, so that they need not wait for their turn. */
export const NEWS_TOLD_TO_UNDIALED = 64;

/**
 * A peer that was sent a list with another in it is marked, for this time, as dialing that in a
 * list that the other gets.
 */
export const TOLD_DIALS_MS = 2_000;

/** A node that has run for so long has joined, and announces also the peers that it dials. */
export const JOINED_AFTER_MS = 2_000;

/**
 * A node that meets many members at once requests their peers only when no session has opened
 * for the first time, while it knows of members that it has not met for the second, which is
 * for so many of them, or one has been open for the third, milliseconds.
 */
export const MEETING_PAUSE_MS = 250;
export const MEETING_DIALS_MS = 1_000;
export const MEETING_DIALS = 32;
export const MEETING_PATIENCE_MS = 10_000;

/** Those that are sent a request each time the third has passed while more members come. */
export const ASKED_IN_MEETING = 3;

/** More peers than this that come at once are not announced: they learn of each other anyway. */
export const MAX_NEWS = 16;

/**
 * Peers that are asked in a round whether they reach this node, an odd number; how long after its
 * start, a change of its addresses or a new peer, and how long after the round before at least.
 */
export const REACH_ASKED = 3;
export const REACH_DELAY_MS = 5_000;
export const REACH_PAUSE_MS = 60_000;

/**
 * A round comes after half to one and a half times the first if they do, after the second if they
 * do not; as long as that is not known, after the second, doubled each time up to the first.
 */
export const REACH_PERIOD_MS = 60 * 60 * 1_000;
export const REACH_RETRY_MS = 5 * 60 * 1_000;

/** An answer that has not come by then does not count; it takes `REACH_DIAL_MS` and the way. */
export const REACH_TIMEOUT_MS = 20_000;

/** How long an answer counts beside later ones, and a session that a peer has dialed as proof. */
export const REACH_VOTE_MS = 10 * 60 * 1_000;
export const REACH_PROOF_MS = 60 * 60 * 1_000;

/** How long the addresses of one request are dialed, all at a time. */
export const REACH_DIAL_MS = 10_000;

/** Handshakes of one request: a name may lead to several IP addresses. */
export const MAX_REACH_DIALS = 4;

/** Requests that are answered at a time; the answer to one more is that none came. */
export const MAX_REACH_ANSWERS = 8;

/** Of one session, of all peers without standing, and to one IP address and port. */
export const REACH_ANSWER_BURST = 4;
export const REACH_ANSWER_REFILL_MS = 60_000;
export const REACH_STRANGERS_BURST = 16;
export const REACH_STRANGERS_REFILL_MS = 5_000;
export const REACH_TARGET_BURST = 8;
export const REACH_TARGET_REFILL_MS = 30_000;

/** IP addresses and ports that are counted so. */
export const MAX_REACH_TARGETS = 1_024;
