/** Bounds of frames and messages on the wire, with the reason of each. */

/** Header of a frame: magic, command, length, checksum (bitcoin `src/protocol.h`). */
export const FRAME_HEADER_BYTES = 24;

/** Largest payload of an open session; Core's `MAX_PROTOCOL_MESSAGE_LENGTH` (`src/net.h`). */
export const MAX_PAYLOAD_BYTES = 4_000_000;

/**
 * Largest payload before a session is open. A proof with a 2 KiB certificate and
 * an RSA-4096 signature fits four times; an unverified peer can use no more than this.
 */
export const MAX_HANDSHAKE_PAYLOAD_BYTES = 16_384;

/** User agent in `version`, bytes; Core's `MAX_SUBVERSION_LENGTH` (`src/net_processing.h`). */
export const MAX_USER_AGENT_BYTES = 256;

/** Core's `MAX_SIZE` for any CompactSize length (`src/serialize.h`). */
export const MAX_COMPACT_SIZE = 0x02000000;

/** Text that a mesh `ping` may carry, UTF-8 bytes; it is shown on one line. */
export const MAX_PING_TEXT_BYTES = 256;

/** Reason text in `bye` and `reject`, UTF-8 bytes; it is shown on one line. */
export const MAX_REASON_TEXT_BYTES = 256;

/** Name and data of a `feature` (BIP434), bytes. */
export const MAX_FEATURE_ID_BYTES = 80;
export const MAX_FEATURE_DATA_BYTES = 512;

/** Entries in one `addr`, `addrv2` or `peers`; Core's `MAX_ADDR_TO_SEND`. */
export const MAX_PEERS_PER_MESSAGE = 1_000;

/** Length of an address in BIP155's encoding, bytes. */
export const MAX_ADDRESS_BYTES = 512;

/** The longest `addrv2` there can be: 1,000 entries with addresses of 512 bytes. */
export const MAX_ADDR_PAYLOAD_BYTES = 3 +
  MAX_PEERS_PER_MESSAGE * (4 + 9 + 1 + 3 + MAX_ADDRESS_BYTES + 2);

/** Addresses in one entry of `peers`; a node has a public, a private and a DNS one at most. */
export const MAX_ADDRESSES_PER_ENTRY = 4;

/** Name of a node in `peers`, UTF-8 bytes; it is shown in one column. */
export const MAX_PEER_NAME_BYTES = 64;

/** Fingerprints in one `getpeers` or `peerids`; twice the peers a node remembers, 64 KB. */
export const MAX_FINGERPRINTS = 8_000;

/** Attestation by which a member admits a peer: identity, time, an RSA-4096 signature. */
export const MAX_ATTESTATION_BYTES = 32 + 8 + 3 + 512;

/** Extension block of a proof; two HMACs fit ten times. */
export const MAX_EXTENSION_BLOCK_BYTES = 1_024;

/** Largest signature in a proof: RSA-4096. */
export const MAX_SIGNATURE_BYTES = 512;

/** Read buffer of an idle session. Small, because most sessions of a mesh are idle: a ping fits. */
export const READ_BUFFER_MIN_BYTES = 1_024;

/** Buffers of that size kept for reuse by all sessions of the process: 256 KiB. */
export const MAX_SPARE_READ_BUFFERS = 256;

/** The same when busy, and the step in which large frames are read; a read that fills it makes it grow so fast. */
export const READ_BUFFER_MAX_BYTES = 131_072;
export const READ_BUFFER_GROWTH = 4;

/** Small reads in a row that make it small again; or silence, before so many large ones. */
export const READ_BUFFER_SHRINK_READS = 4;
export const READ_BUFFER_KEEP_READS = 16;

/** Body of a message: as large as the largest payload of a frame. */
export const MAX_BODY_BYTES = MAX_PAYLOAD_BYTES;

/** Topic of a message, UTF-8 bytes. */
export const MAX_TOPIC_BYTES = 128;

/**
 * Bytes of a body in one frame. Two frames fill a write block, and a ping waits a third
 * of a millisecond behind one of them at a gigabit a second.
 */
export const MAX_CHUNK_BYTES = 32_000;

/** Ranges in one `ack`: all messages of a window, if no two neighbours have one status. */
export const MAX_ACK_RANGES = 2_048;

/**
 * Bytes of a stream in one `data`: a control frame of another stream waits an eighth of a
 * millisecond behind it at a gigabit a second.
 */
export const MAX_STREAM_DATA_BYTES = 16_384;

/** Bytes that the end which opens a stream may send before it is granted any: a short request. */
export const UNCREDITED_STREAM_BYTES = 65_536;

/** Name of a stream's protocol, characters of ASCII; it is shown in one column. */
export const MAX_PROTOCOL_NAME_BYTES = 64;

/** What the opener of a stream sends with the name, bytes. */
export const MAX_STREAM_METADATA_BYTES = 1_024;

/** Text of a `reset`, UTF-8 bytes; it is shown on one line. */
export const MAX_STREAM_RESET_TEXT_BYTES = 256;
