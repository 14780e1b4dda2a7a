/**
 * What a node may cost in memory and on disk when every limit is reached at once:
 * one term for each kind of thing that others can make it hold. `docs/limits.md`
 * shows both tables, tests compare them with a real node and a real database.
 *
 * Sizes of what is not a buffer of ours were measured on Deno 2.9, and rounded up.
 */
import {
  MAX_DEAD_LETTER_BYTES,
  MAX_DEAD_LETTERS,
  MAX_DELIVERY_COUNTS,
  MAX_KEPT_BYTES,
  MAX_KEPT_MESSAGES,
  MAX_OUTBOX_BYTES,
  MAX_OUTBOX_MESSAGES,
  MAX_SEEN_SENDERS,
  MESSAGE_OVERHEAD_BYTES,
  MIN_WINDOW_BYTES,
  RECEIVE_BUDGET_BYTES,
  SEEN_IDS_PER_SENDER,
  SEEN_IDS_SLACK,
  WINDOW_BUDGET_BYTES,
} from "../../src/delivery/delivery_limits.ts";
import {
  MAX_SESSIONS,
  MAX_TOTAL_FRAME_BYTES,
  MAX_TOTAL_QUEUE_BYTES,
} from "../../src/session/session_limits.ts";
import {
  MAX_HANDLED_STREAMS,
  MAX_UNREAD_BYTES,
  MAX_WRITE_QUEUES_BYTES,
} from "../../src/streams/streams_limits.ts";
import {
  MAX_DIAL_TARGETS,
  MAX_FOUND_TARGETS,
} from "../../src/mesh/dialing/dialing_limits.ts";
import { MAX_FOUND } from "../../src/mesh/discovery/lan_limits.ts";
import { MAX_EXTRA_SESSIONS } from "../../src/mesh/sessions/connection_limits.ts";
import {
  MAX_FORMER_MEMBERS,
  MAX_INVITES,
  MAX_NAME_BINDINGS,
  MAX_PEERS,
  MAX_PENDING_CONNECTIONS,
  MAX_PENDING_PEERS,
  MAX_QUEUED_EVENTS,
} from "../../src/mesh/mesh_limits.ts";
import {
  MAX_MISSING_PAIRS,
  MAX_WORK_BYTES,
} from "../../src/mesh/discovery/discovery_limits.ts";
import {
  MAX_RELAY_BUFFER_BYTES,
  MAX_RELAY_OFFERS,
  MAX_RELAY_PAIRS,
} from "../../src/mesh/relay/relay_limits.ts";
import {
  MAX_FORWARD_BUFFER_BYTES,
  MAX_FORWARDED,
} from "../../src/services/services_limits.ts";
import {
  MAX_SERVED_BYTES,
  MAX_SERVED_REQUESTS,
  UNCOUNTED_BODY_BYTES,
} from "../../src/streams/streams_limits.ts";
import { WRITE_BLOCK_BYTES } from "../../src/transport/transport_limits.ts";
import {
  FRAME_HEADER_BYTES,
  MAX_HANDSHAKE_PAYLOAD_BYTES,
  MAX_PAYLOAD_BYTES,
  READ_BUFFER_MAX_BYTES,
} from "../../src/wire/wire_limits.ts";
import {
  MAX_VERIFIED_CERTIFICATES,
  NETWORK_KEY_COST,
} from "../../src/identity/identity_limits.ts";

import { FILE_HEADER_BYTES } from "../../src/services/files/file_codec.ts";
import {
  FILE_CHUNK_BYTES,
  FILE_WINDOW,
  MAX_FILE_MESSAGE_BYTES,
  MAX_FILES_FINISHING,
  MAX_PATH_BYTES,
  MAX_TRANSFERS,
  SMALL_FILE_BYTES,
} from "../../src/services/files/files_limits.ts";

/** A TLS connection: rustls, its buffers, the objects around them. */
const CONNECTION_BYTES = 102_400;

/** A session besides its buffers. */
const SESSION_BYTES = 8_192;

/** A peer on record: certificate, parsed key, eight addresses, attestation, name. */
const PEER_BYTES = 12_288;

/** A peer that nobody has admitted: certificate, address, times. */
const PENDING_PEER_BYTES = 4_096;

/** A member without a record: its identity, and the attestation that admitted it. */
const FORMER_MEMBER_BYTES = 1_024;

/** An invite: id, key, who used it. */
const INVITE_BYTES = 512;

/** A name, the identity it means, and their places in two maps. */
const NAME_BINDING_BYTES = 512;

/** A target that was dialed: its address as text, how often. */
const DIAL_TARGET_BYTES = 512;

/** A certificate that was verified, and its parsed key. */
const VERIFIED_BYTES = 3_072;

/** An identity in a list: a reference, as the text is shared with the table. */
const REFERENCE_BYTES = 8;

/** An entry about a peer: identity, certificate, four DNS names, the rest. */
const MAX_PEER_ENTRY_BYTES = 4_096;

/** An event that waits: texts of 512 characters, two identities. */
const EVENT_BYTES = 2_048;

/** A node that was announced: four addresses, a label, an identity, the name of its network. */
const FOUND_BYTES = 1_024;

/** An id of a message in a window of those seen. */
const SEEN_ID_BYTES = 28;

/** A message of a kept topic without its body, and what its sender has under the topic. */
const KEPT_ENTRY_BYTES = 512;

/** A stream with its two directions, and what runs its handler, without their bytes. */
const STREAM_BYTES = 2_048;

/**
 * A transfer of files: two buffers for data and two to hash parts, small files that are being
 * written and one that comes, a message, and what was announced with its paths.
 */
const TRANSFER_BYTES = 4 * (FILE_CHUNK_BYTES + FILE_HEADER_BYTES) +
  (MAX_FILES_FINISHING + 1) * SMALL_FILE_BYTES +
  (MAX_FILE_MESSAGE_BYTES + FILE_HEADER_BYTES + 4_096) +
  FILE_WINDOW * 2 * MAX_PATH_BYTES;

/** A forwarded connection besides its buffers: a socket, a stream, the objects around them. */
const FORWARDED_BYTES = 4_096;

/** A relayed pair besides its buffers: two streams and the objects around them. */
const RELAYED_PAIR_BYTES = 12_288;

/** An offer: a stream, its handler, a timer. */
const RELAY_OFFER_BYTES = 4_096;

/** Deno itself, our code, and garbage that V8 has not collected yet. */
const RUNTIME_BYTES = 268_435_456;

/** Rows of the largest size, with their part of every index. */
const PEER_ROW_BYTES = 7_680;
const PENDING_PEER_ROW_BYTES = 4_608;
const INVITE_ROW_BYTES = 256;
const OUTGOING_ROW_BYTES = 256;
const DEAD_LETTER_ROW_BYTES = 1_024;
const KEPT_ROW_BYTES = 256;
const DELIVERY_COUNT_ROW_BYTES = 96;
const SEEN_ROW_BYTES = 136;
const NAME_ROW_BYTES = 320;

/** A body of a little more than one page takes two, which no longer one exceeds. */
const STORED_BODY_FACTOR = 2;

/** Schema, settings, pages of tables that are empty. */
const EMPTY_DATABASE_BYTES = 262_144;

/** One kind of thing that takes memory or disk. */
export interface WorstCaseTerm {
  /** What it is. */
  readonly what: string;
  /** The most there can be. */
  readonly count: number;
  /** Bytes of one. */
  readonly each: number;
}

/** Settings of a node that its memory depends on. */
export interface WorstCaseOptions {
  /** See `NodeOptions.maxPeers`. @default {1_024} */
  readonly maxPeers?: number;
  /** How many listen to `Node.events()`. @default {1} */
  readonly listeners?: number;
}

/** All terms, largest limits assumed; the sum is {@linkcode worstCaseBytes}. */
export function worstCaseTerms(
  options: WorstCaseOptions = {},
): WorstCaseTerm[] {
  const { maxPeers = MAX_SESSIONS, listeners = 1 } = options;
  const largestFrame = FRAME_HEADER_BYTES + MAX_PAYLOAD_BYTES;
  return [
    {
      what: "connections whose peer is not proven",
      count: MAX_PENDING_CONNECTIONS,
      each: CONNECTION_BYTES +
        2 * (FRAME_HEADER_BYTES + MAX_HANDSHAKE_PAYLOAD_BYTES),
    },
    {
      what: "sessions, with read buffer and write block",
      count: maxPeers + MAX_EXTRA_SESSIONS,
      each: CONNECTION_BYTES + SESSION_BYTES + READ_BUFFER_MAX_BYTES +
        WRITE_BLOCK_BYTES,
    },
    {
      what: "queues of all sessions, and a frame that is being added",
      count: 1,
      each: MAX_TOTAL_QUEUE_BYTES + largestFrame,
    },
    {
      // While one grows, the old one is there as well.
      what: "buffers of large frames, old and new",
      count: 2,
      each: MAX_TOTAL_FRAME_BYTES,
    },
    { what: "peers on record", count: MAX_PEERS, each: PEER_BYTES },
    {
      what: "peers that wait to be admitted",
      count: MAX_PENDING_PEERS,
      each: PENDING_PEER_BYTES,
    },
    {
      what: "members whose record was dropped",
      count: MAX_FORMER_MEMBERS,
      each: FORMER_MEMBER_BYTES,
    },
    {
      what: "targets whose dials in vain are counted",
      count: MAX_DIAL_TARGETS,
      each: DIAL_TARGET_BYTES,
    },
    {
      what: "invites that have not expired",
      count: MAX_INVITES,
      each: INVITE_BYTES,
    },
    {
      what: "names bound to identities",
      count: MAX_NAME_BINDINGS,
      each: NAME_BINDING_BYTES,
    },
    {
      // RFC 7914 §2: 128 r N.
      what: "deriving the key of the network's secret, at the start",
      count: 1,
      each: 128 * 8 * NETWORK_KEY_COST,
    },
    {
      what: "verified certificates",
      count: MAX_VERIFIED_CERTIFICATES,
      each: VERIFIED_BYTES,
    },
    {
      what: "members that peers say they miss",
      count: maxPeers * MAX_MISSING_PAIRS,
      each: REFERENCE_BYTES,
    },
    {
      what: "entries about peers, encoded once for many lists",
      count: MAX_PEERS,
      each: MAX_PEER_ENTRY_BYTES,
    },
    {
      what: "nodes found on the local network, and their addresses",
      count: MAX_FOUND + MAX_FOUND_TARGETS,
      each: FOUND_BYTES,
    },
    {
      // Of peers with standing, and of all others.
      what: "gossip that waits to be worked off",
      count: 2,
      each: MAX_WORK_BYTES,
    },
    {
      what: "events that wait for a listener",
      count: listeners * MAX_QUEUED_EVENTS,
      each: EVENT_BYTES,
    },
    {
      what: "messages to send: bodies",
      count: 1,
      each: MAX_OUTBOX_BYTES,
    },
    {
      what: "messages to send: what each takes besides",
      count: MAX_OUTBOX_MESSAGES,
      each: MESSAGE_OVERHEAD_BYTES,
    },
    {
      what: "messages received: least window of each session",
      count: maxPeers,
      each: MIN_WINDOW_BYTES,
    },
    {
      what: "messages received: what windows have beyond, and large bodies",
      count: 1,
      each: WINDOW_BUDGET_BYTES + RECEIVE_BUDGET_BYTES,
    },
    {
      what: "requests: bodies that come in and answers that go out",
      count: 1,
      each: MAX_SERVED_BYTES + 2 * MAX_SERVED_REQUESTS * UNCOUNTED_BODY_BYTES,
    },
    {
      what: "streams: what has come and is not read",
      count: 1,
      each: MAX_UNREAD_BYTES,
    },
    {
      what: "streams: what waits to be sent",
      count: 1,
      each: MAX_WRITE_QUEUES_BYTES,
    },
    {
      what: "streams that are handled, of four protocols",
      count: 4 * MAX_HANDLED_STREAMS,
      each: STREAM_BYTES,
    },
    {
      what: "dead letters",
      count: 1,
      each: MAX_DEAD_LETTER_BYTES,
    },
    {
      what: "messages of kept topics, without their bodies",
      count: MAX_KEPT_MESSAGES,
      each: KEPT_ENTRY_BYTES,
    },
    {
      what: "ids of messages seen, by sender",
      count: MAX_SEEN_SENDERS * SEEN_IDS_PER_SENDER,
      each: SEEN_ID_BYTES,
    },
    {
      what: "files that come in: buffers of a transfer, what is announced",
      count: MAX_TRANSFERS,
      each: TRANSFER_BYTES,
    },
    {
      what: "relayed pairs, a buffer for each direction",
      count: MAX_RELAY_PAIRS,
      each: RELAYED_PAIR_BYTES + 2 * MAX_RELAY_BUFFER_BYTES,
    },
    {
      what: "offers to relay that are not decided",
      count: MAX_RELAY_OFFERS,
      each: RELAY_OFFER_BYTES,
    },
    {
      what: "forwarded connections, a buffer for each direction",
      count: MAX_FORWARDED,
      each: FORWARDED_BYTES + 2 * MAX_FORWARD_BUFFER_BYTES,
    },
    { what: "Deno, code, garbage", count: 1, each: RUNTIME_BYTES },
  ];
}

/**
 * The most memory that others can make a node take, bytes.
 */
export function worstCaseBytes(options: WorstCaseOptions = {}): number {
  return worstCaseTerms(options)
    .reduce((sum, { count, each }) => sum + count * each, 0);
}

/** All terms of the database, largest limits assumed. */
export function worstCaseDiskTerms(): WorstCaseTerm[] {
  return [
    { what: "rows of peers on record", count: MAX_PEERS, each: PEER_ROW_BYTES },
    {
      what: "rows of peers that wait to be admitted",
      count: MAX_PENDING_PEERS,
      each: PENDING_PEER_ROW_BYTES,
    },
    { what: "rows of invites", count: MAX_INVITES, each: INVITE_ROW_BYTES },
    {
      what: "rows of messages to send",
      count: MAX_OUTBOX_MESSAGES,
      each: OUTGOING_ROW_BYTES,
    },
    {
      what: "their bodies",
      count: STORED_BODY_FACTOR,
      each: MAX_OUTBOX_BYTES,
    },
    {
      what: "rows of dead letters",
      count: MAX_DEAD_LETTERS,
      each: DEAD_LETTER_ROW_BYTES,
    },
    {
      what: "bodies of dead letters",
      count: STORED_BODY_FACTOR,
      each: MAX_DEAD_LETTER_BYTES,
    },
    {
      what: "rows of messages of kept topics",
      count: MAX_KEPT_MESSAGES,
      each: KEPT_ROW_BYTES,
    },
    {
      what: "bodies of messages of kept topics",
      count: STORED_BODY_FACTOR,
      each: MAX_KEPT_BYTES,
    },
    {
      what: "rows of delivery counts of nacked messages",
      count: MAX_DELIVERY_COUNTS,
      each: DELIVERY_COUNT_ROW_BYTES,
    },
    {
      what: "rows of ids of messages seen",
      count: MAX_SEEN_SENDERS * (SEEN_IDS_PER_SENDER + SEEN_IDS_SLACK),
      each: SEEN_ROW_BYTES,
    },
    {
      what: "rows of names",
      count: MAX_NAME_BINDINGS,
      each: NAME_ROW_BYTES,
    },
    {
      what: "schema, settings, empty pages",
      count: 1,
      each: EMPTY_DATABASE_BYTES,
    },
  ];
}

/**
 * The most bytes of disk that others can make a node's database take. While a group
 * of writes is committed, its write-ahead log takes as much as these changed.
 */
export function worstCaseDiskBytes(): number {
  return worstCaseDiskTerms()
    .reduce((sum, { count, each }) => sum + count * each, 0);
}
