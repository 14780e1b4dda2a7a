/**
 * The one error class of verack and the closed list of reasons behind it.
 *
 * A {@linkcode VerackError} is what the world did (a peer, the network, a file);
 * misuse by the caller is a built-in `TypeError` or `RangeError`. What is said to
 * a peer on the wire is in `wire/reasons.ts`.
 */

/** Every reason a {@linkcode VerackError} can have, grouped by who notices it. */
export type ErrorCode =
  // The network.
  | "refused" // nobody listens at that address
  | "unreachable" // no route, or a reset while connecting
  | "dns" // the name does not resolve
  | "timeout" // a deadline passed
  | "closed" // the other end closed, or the link broke
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
  // Who it is.
  | "self" // we reached ourselves
  | "wrong-identity" // another identity than the one asked for or on record
  | "bad-certificate" // certificate breaks the rules of identity/certificate.ts
  | "bad-proof" // signature does not verify, or is not for us
  | "demo-identity" // a published demo key used off loopback
  | "identity-in-use" // the same key is running in another process
  | "rejected" // the peer refused us; the message says why
  | "denied" // this node was told to keep the identity out
  | "not-admitted" // a closed mesh, and nobody has admitted the identity
  | "bad-secret" // the network's secret is missing or wrong
  | "bad-invite" // the invite is unknown, used or expired
  // The session.
  | "duplicate" // a second session for a pair that has one
  | "full" // a cap on connections or peers is reached
  | "slow" // peer does not read what we send
  | "dead" // peer stopped answering
  | "left" // peer said bye
  | "flood" // peer sends more than it may
  | "forgotten" // the peer was taken off the record
  // Messages.
  | "unknown-peer" // nobody of that name or identity
  | "unknown-invite" // no invite that has not ended has that id
  | "unknown-message" // nothing that was set aside has that id
  | "ambiguous" // several peers go by that name or prefix
  | "undelivered" // given up: too old, or the peer is gone for good
  | "stopped" // this node is closing
  // Our files and flags.
  | "bad-key" // not a key we can use
  | "encrypted-key" // needs a passphrase, or the passphrase is wrong
  | "mismatched-key" // key and certificate do not belong together
  | "bad-data" // the data directory cannot be used
  | "data-in-use" // another process uses the data directory
  | "bad-program" // the program that takes messages cannot be started
  | "unsafe"; // this process cannot pin certificates safely

/**
 * Something outside this program's control went wrong.
 *
 * @example
 * ```ts
 * import { VerackError } from "./errors.ts";
 *
 * const error = new VerackError("refused", "Cannot dial: nobody listens at 127.0.0.1:1");
 * console.assert(error.code === "refused");
 * ```
 */
export class VerackError extends Error {
  /** Which of the closed list of reasons it is; stable across releases. */
  readonly code: ErrorCode;

  /**
   * An error with one of the listed reasons.
   *
   * @param code The reason.
   * @param message What was being done, a colon, what stood in the way.
   * @param options `cause`: the error underneath, if any.
   */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "VerackError";
    this.code = code;
  }
}

/** The message of anything thrown, for showing to people. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
