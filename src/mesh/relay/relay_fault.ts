/** What an error says about a relay: pure. */
import type { ErrorCode } from "../../core/error_code.ts";
import type { VerackError } from "../../core/errors.ts";

/** Codes by which the end of a relayed session is a decision of one of its ends. */
const DECIDED_BY_ENDS: ReadonlySet<ErrorCode> = new Set([
  "bad-invite",
  "bad-secret",
  "demo-identity",
  "denied",
  "duplicate",
  "forgotten",
  "identity-in-use",
  "left",
  "not-admitted",
  "obsolete",
  "rejected",
  "self",
  "stopped",
  "unsupported",
]);

/** Codes by which a relay that keeps the rules refuses to relay. */
const REFUSED_BY_RELAY: ReadonlySet<ErrorCode> = new Set([
  "full",
  "not-allowed",
  "not-connected",
  "session-lost",
  "stopped",
  "unknown-protocol",
  "unsupported",
]);

/**
 * Whether a relay may have caused this end of a handshake or session: all that the other end
 * has not said inside it. A relay that only drops what it has accepted looks like one that
 * lost its session with the other end.
 */
export function isRelayFault({ code }: VerackError): boolean {
  return !DECIDED_BY_ENDS.has(code);
}

/** Whether a relay that was asked has refused, which says nothing against it. */
export function isRefusalOfRelay({ code }: VerackError): boolean {
  return REFUSED_BY_RELAY.has(code);
}
