/** Bounds of streams and requests, with the reason of each. */
import { MAX_BODY_BYTES } from "../wire/wire_limits.ts";

/** Body of a request and of an answer: as large as a message. More is for a stream. */
export const MAX_REQUEST_BYTES = MAX_BODY_BYTES;

/** Name of a method, UTF-8 bytes: as long as a topic. */
export const MAX_METHOD_BYTES = 128;

/** Code of an application's error; message, UTF-16 units; both and data as JSON, bytes. */
export const MAX_ERROR_CODE_CHARS = 64;
export const MAX_ERROR_MESSAGE_CHARS = 1_024;
export const MAX_ERROR_BYTES = 65_536;

/** Issues of a schema that an error tells: a screen of text. */
export const MAX_SHOWN_ISSUES = 4;

/** How long a request may take if the caller does not say, and the longest: a timer's, 24 days. */
export const REQUEST_TIMEOUT_MS = 30_000;
export const MAX_REQUEST_TIMEOUT_MS = 2_147_483_647;

/**
 * Requests to one peer at a time, half of a session's streams in one direction; more wait for
 * these. The same number of one peer is served, so that a caller that keeps to it is not refused.
 */
export const MAX_REQUESTS_PER_PEER = 128;

/** Requests that wait to be sent to one peer. */
export const MAX_WAITING_REQUESTS = 16_384;

/** Requests served at a time if the application does not say: those of eight busy peers. */
export const MAX_SERVED_REQUESTS = 1_024;

/**
 * Bodies that come in and answers that go out, all peers together and of one peer: room for
 * sixteen and for four of the largest.
 */
export const MAX_SERVED_BYTES = 67_108_864;
export const MAX_SERVED_BYTES_PER_PEER = 16_777_216;

/** Bodies and answers that are not counted in it: those of all requests take 16 MiB. */
export const UNCOUNTED_BODY_BYTES = 16_384;

/** Share of both for all peers without standing together. */
export const STRANGERS_REQUEST_SHARE = 0.5;

/** A body must have come, and an answer gone, within this; the largest then needs a third of a megabit a second. */
export const REQUEST_TRANSFER_MS = 120_000;
