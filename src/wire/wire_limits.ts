/** Bounds of messages on the wire, with the reason of each. */
import { MAX_PAYLOAD_BYTES } from "../limits.ts";

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
