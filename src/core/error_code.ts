/**
 * What each error code means, in one table: whether to retry, the reason that is sent to a peer
 * and how a received one is read, how it is reported, and its HTTP status. Numbers of reasons
 * on the wire are in `wire/messages/reason.ts`.
 */

/** Every code of a `VerackError`, grouped by where it occurs. */
export type ErrorCode =
  // The network.
  | "connection-refused" // nothing listens at that address
  | "unreachable" // no route, or a reset while connecting
  | "dns" // the name does not resolve
  | "timeout" // a deadline passed
  | "closed" // the other end closed, or the connection broke
  | "aborted" // our own AbortSignal fired
  | "address-in-use" // cannot listen: port taken
  | "address-not-available" // cannot listen: not an address of this machine
  | "permission" // Deno refused; the message names the flag to add
  | "tls" // TLS failed for a reason not listed below
  | "alpn" // the other end does not speak verack/1
  | "wrong-certificate" // another certificate than the pinned one
  // The bytes.
  | "bad-magic" // another network, or no verack at all
  | "bad-checksum"
  | "bad-command" // command field is not NUL-padded ASCII
  | "oversize" // length above what the state allows
  | "malformed" // payload breaks the rules of its message
  | "protocol" // a message that may not come in this state
  | "obsolete" // protocol version below our minimum
  // The identity of the other end.
  | "self" // we reached ourselves
  | "wrong-identity" // another identity than the one asked for or on record
  | "bad-certificate" // certificate breaks the rules of identity/certificate.ts
  | "bad-proof" // signature does not verify, or is not for us
  | "demo-identity" // a published demo key used off loopback
  | "identity-in-use" // the same key is running in another process
  | "rejected" // the peer refused us; the message says why
  | "denied" // this node has denied the identity
  | "not-admitted" // a closed mesh has not admitted the identity
  | "bad-secret" // the network's secret is missing or wrong
  | "bad-invite" // the invite is unknown, used or expired
  // The session.
  | "duplicate" // a second session for a pair that has one
  | "full" // a cap on connections or peers is reached
  | "slow" // the peer does not read what we send
  | "dead" // the peer stopped answering
  | "left" // the peer sent bye
  | "flood" // the peer sends more than is allowed
  | "forgotten" // the peer was taken off the record
  // Messages.
  | "unknown-peer" // no peer of that name or identity
  | "unknown-invite" // no invite that has not ended has that id
  | "unknown-message" // no dead letter, or no leased message, has that id
  | "unknown-topic" // messages of that topic are not kept
  | "ambiguous" // several peers have that name or prefix
  | "undelivered" // given up: too old, or the peer is gone for good
  | "stopped" // this node is closing
  // Streams and requests.
  | "not-connected" // there is no session with the peer at present
  | "no-listener" // this node does not listen, so that no other can connect to it
  | "unsupported" // the peer's version has no streams
  | "unknown-protocol" // the peer does not handle that protocol
  | "session-lost" // the session of the stream ended before the stream did
  | "reset" // the peer aborted the stream
  | "unknown-method" // the peer does not serve that method
  | "bad-input" // the body of the request does not match its schema
  | "bad-output" // the answer to the request does not match its schema
  | "failed" // what handles the stream or the request at the peer failed
  | "not-allowed" // no rule of the peer allows what was asked of it
  // Our files and flags.
  | "bad-key" // not a key we can use
  | "encrypted-key" // needs a passphrase, or the passphrase is wrong
  | "mismatched-key" // key and certificate do not belong together
  | "bad-data" // the data directory cannot be used
  | "data-in-use" // another process uses the data directory
  | "no-file" // a file or folder that is to be sent cannot be read
  | "bad-program" // the program that receives messages cannot be started
  | "unsafe"; // this process cannot pin certificates safely

/** How the program handles one error code. */
export interface ErrorFacts {
  /** Whether the same may succeed later though nothing is changed here. */
  readonly retryable?: true;
  /** The reason that is sent to a peer whose session ends with it. @default {"protocol-error"} */
  readonly reason?: string;
  /** The message in which a received `reason` is read as this code, not as `rejected`. */
  readonly readFrom?: "reject" | "bye";
  /** One end refused the other, which is an alarm; else it was not reached. */
  readonly isRefusal?: true;
  /** Addresses that fail with it are not dialed again before the settings change. */
  readonly stopsDialing?: true;
  /** How often the end of an inbound connection is an event. @default {"always"} */
  readonly inboundEvent?: "never" | "once";
  /** Status of an answer of the control API. @default {500} */
  readonly status?: number;
}

/** The facts of each code. */
const FACTS = {
  "connection-refused": { retryable: true },
  "unreachable": { retryable: true },
  "dns": { retryable: true },
  "timeout": { retryable: true, reason: "timeout", status: 504 },
  "closed": { retryable: true, inboundEvent: "never" },
  "aborted": { retryable: true, inboundEvent: "never" },
  "address-in-use": {},
  "address-not-available": {},
  "permission": {},
  "tls": { isRefusal: true },
  "alpn": { isRefusal: true },
  "wrong-certificate": { retryable: true, isRefusal: true },
  "bad-magic": { reason: "wrong-network", isRefusal: true },
  "bad-checksum": { retryable: true, reason: "bad-frame", isRefusal: true },
  "bad-command": { retryable: true, reason: "bad-frame", isRefusal: true },
  "oversize": { retryable: true, reason: "bad-frame", isRefusal: true },
  "malformed": { retryable: true, isRefusal: true },
  "protocol": { retryable: true, isRefusal: true },
  "obsolete": { reason: "obsolete", isRefusal: true },
  "self": {
    retryable: true,
    reason: "self",
    readFrom: "reject",
    isRefusal: true,
    stopsDialing: true,
    inboundEvent: "never",
  },
  "wrong-identity": { isRefusal: true },
  "bad-certificate": { reason: "bad-certificate", isRefusal: true },
  "bad-proof": { reason: "bad-proof", isRefusal: true },
  "demo-identity": {
    reason: "demo-identity",
    isRefusal: true,
    inboundEvent: "once",
  },
  "identity-in-use": {
    retryable: true,
    reason: "identity-in-use",
    readFrom: "bye",
    isRefusal: true,
  },
  "rejected": {
    retryable: true,
    isRefusal: true,
    inboundEvent: "never",
    status: 409,
  },
  "denied": {
    reason: "denied",
    readFrom: "reject",
    isRefusal: true,
    stopsDialing: true,
    inboundEvent: "once",
    status: 409,
  },
  "not-admitted": {
    reason: "not-admitted",
    readFrom: "reject",
    isRefusal: true,
    inboundEvent: "never",
  },
  "bad-secret": {
    reason: "bad-secret",
    readFrom: "reject",
    isRefusal: true,
  },
  "bad-invite": {
    reason: "bad-invite",
    readFrom: "reject",
    isRefusal: true,
    inboundEvent: "once",
  },
  "duplicate": {
    retryable: true,
    reason: "duplicate",
    readFrom: "bye",
    inboundEvent: "never",
  },
  "full": { retryable: true, reason: "full", status: 503 },
  "slow": { retryable: true, reason: "slow" },
  "dead": { retryable: true, reason: "dead" },
  "left": { retryable: true, reason: "leaving", readFrom: "bye" },
  "flood": { retryable: true, reason: "flood" },
  "forgotten": { retryable: true, reason: "forgotten" },
  "unknown-peer": { status: 404 },
  "unknown-invite": { status: 404 },
  "unknown-message": { status: 404 },
  "unknown-topic": { status: 404 },
  "ambiguous": { status: 409 },
  "undelivered": { status: 504 },
  "stopped": { retryable: true, reason: "leaving", status: 503 },
  "not-connected": { retryable: true, status: 409 },
  "no-listener": { status: 409 },
  "unsupported": { status: 409 },
  "unknown-protocol": { status: 404 },
  "session-lost": { retryable: true, status: 503 },
  "reset": { status: 409 },
  "unknown-method": { status: 404 },
  "bad-input": { status: 422 },
  "bad-output": { status: 502 },
  "failed": { status: 502 },
  "not-allowed": { status: 403 },
  "bad-key": {},
  "encrypted-key": {},
  "mismatched-key": {},
  "bad-data": { reason: "full" },
  "data-in-use": { retryable: true },
  "no-file": { status: 404 },
  "bad-program": {},
  "unsafe": { isRefusal: true },
} as const satisfies Readonly<Record<ErrorCode, ErrorFacts>>;

/** The reasons that are sent to peers, by name. */
export type SentReason = Extract<
  typeof FACTS[ErrorCode],
  { reason: string }
>["reason"];

/** The facts of a code. */
export function factsOf(code: ErrorCode): ErrorFacts {
  return FACTS[code];
}

/** Every code whose facts pass a filter. */
export function codesWhere(
  holds: (facts: ErrorFacts) => boolean,
): ReadonlySet<ErrorCode> {
  const codes = Object.keys(FACTS) as ErrorCode[];
  return new Set(codes.filter((code) => holds(FACTS[code])));
}
