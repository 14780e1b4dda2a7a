/** Bounds of discovery on the local network, with the reason of each. */

/** How long others keep what is announced (RFC 6762 §10 has this for records with host names). */
export const LAN_TTL_S = 120;

/** Times that others announce are held to these: no query each second, nothing kept for days. */
export const MIN_FOUND_TTL_S = 60;
export const MAX_FOUND_TTL_S = 4_500;

/** Before an answer, by chance, so that many do not answer at once (RFC 6762 §6), milliseconds. */
export const ANSWER_DELAY_MIN_MS = 20;
export const ANSWER_DELAY_MAX_MS = 120;

/** Between two packets with the same records on one network (RFC 6762 §6). */
export const ANSWER_PAUSE_MS = 1_000;

/** Announcements of a node that starts, or comes to another network (RFC 6762 §8.3). */
export const ANNOUNCEMENTS = 3;

/** The second query follows the first after this time, each later one after three times as long (RFC 6762 §5.2). */
export const QUERY_INTERVAL_MS = 1_000;
export const QUERY_GROWTH = 3;
export const MAX_QUERY_INTERVAL_MS = 3_600_000;

/** The least time between two queries for nodes that expire soon, however many there are. */
export const REFRESH_PAUSE_MS = 10_000;

/** Nodes in a query as known: what fits a packet. */
export const MAX_KNOWN_ANSWERS = 12;

/** Packets of one network that are read at once, and the period of one more; and of one address of it. */
export const LAN_PACKETS = { burst: 200, refillMs: 10 };
export const LAN_PACKETS_PER_SOURCE = { burst: 40, refillMs: 100 };

/** Addresses for which packets are counted. */
export const MAX_LAN_SOURCES = 256;

/** Nodes in one packet, and addresses of one node, that are looked at. */
export const MAX_NODES_PER_PACKET = 4;
export const MAX_ADDRESSES_PER_NODE = 4;

/** Nodes that are kept as found: more than a local network has. */
export const MAX_FOUND = 256;

/** Of these, announced from one address: several on one machine are usual, many are not. */
export const MAX_FOUND_PER_SOURCE = 16;

/** `found` events at once, and the period of one more. */
export const FOUND_EVENTS = { burst: 20, refillMs: 10_000 };

/** How often it is looked whether this machine is on other networks. */
export const NETWORKS_POLL_MS = 2_000;

/** After this time a network that could not be joined is tried again. */
export const JOIN_RETRY_MS = 60_000;

/** Networks that are joined: laptops have three, hosts of containers hundreds. */
export const MAX_NETWORKS = 8;

/** Ports below this are those of system services, to which no node is sent by an announcement. */
export const MIN_FOUND_PORT = 1_024;
