/**
 * Every bound of a node, with its reason. A reader can work out a node's
 * worst-case memory from this file alone; nothing else in `src/` invents a limit.
 */

// --- Frames ---------------------------------------------------------------

/** Header of a frame: magic, command, length, checksum (bitcoin `src/protocol.h`). */
export const FRAME_HEADER_BYTES = 24;

/** Largest payload of an open session; Core's `MAX_PROTOCOL_MESSAGE_LENGTH` (`src/net.h`). */
export const MAX_PAYLOAD_BYTES = 4_000_000;

/**
 * Largest payload before a session is open. A proof with a 2 KiB certificate and
 * an RSA-4096 signature fits four times; a stranger can hold no more than this.
 */
export const MAX_HANDSHAKE_PAYLOAD_BYTES = 16_384;

/** Most frames a peer may send before its session is open; real ones send at most 8. */
export const MAX_HANDSHAKE_FRAMES = 64;

/** User agent in `version`, bytes; Core's `MAX_SUBVERSION_LENGTH` (`src/net_processing.h`). */
export const MAX_USER_AGENT_BYTES = 256;

/** Core's `MAX_SIZE` for any CompactSize length (`src/serialize.h`). */
export const MAX_COMPACT_SIZE = 0x02000000;

/** Text that a mesh `ping` may carry, UTF-8 bytes; it is shown on one line. */
export const MAX_PING_TEXT_BYTES = 256;

/** Reason text in `bye` and `reject`, UTF-8 bytes; it is shown on one line. */
export const MAX_REASON_TEXT_BYTES = 256;

/** Entries in one `addr`, `addrv2` or `peers`; Core's `MAX_ADDR_TO_SEND`. */
export const MAX_PEERS_PER_MESSAGE = 1_000;

/** Length of an address in BIP155's encoding, bytes. */
export const MAX_ADDRESS_BYTES = 512;

// --- Identity ---------------------------------------------------------------

/** Largest certificate; ours are about 450 bytes (P-256) to 1.4 KiB (RSA-4096). */
export const MAX_CERTIFICATE_BYTES = 2_048;

/** Largest signature in a proof: RSA-4096. */
export const MAX_SIGNATURE_BYTES = 512;

/** Largest key or certificate file that is read; a PEM RSA-4096 key is 3.2 KiB. */
export const MAX_KEY_FILE_BYTES = 65_536;

// --- Buffers ----------------------------------------------------------------

/** Read buffer of an idle connection. Small, because a mesh is mostly idle sessions. */
export const READ_BUFFER_MIN_BYTES = 4_096;

/** Read buffer of a busy connection, and the step in which large frames are read. */
export const READ_BUFFER_MAX_BYTES = 131_072;

/** Frames are gathered into writes of this size; rustls splits them into 16 KiB records. */
export const WRITE_BLOCK_BYTES = 65_536;
