/**
 * Reasons of `reject` and `bye` on the wire. A number keeps its meaning for ever;
 * new ones are appended to their group, and unknown ones are shown by number.
 * Which error is told by which reason is in `core/error_code.ts`.
 */

/** Name to code. Codes below 0x40 refuse a handshake, those above end a session. */
export const REASON = {
  // What came over the wire.
  "protocol-error": 0x01,
  "bad-frame": 0x02,
  "early-message": 0x03,
  "timeout": 0x04,
  "too-many-frames": 0x05,
  "obsolete": 0x06,
  "wrong-network": 0x07,
  // Who it is.
  "bad-certificate": 0x10,
  "bad-proof": 0x11,
  "self": 0x12,
  "identity-in-use": 0x13,
  "demo-identity": 0x14,
  "denied": 0x15,
  "not-admitted": 0x16,
  "bad-secret": 0x17,
  "bad-invite": 0x18,
  // No room.
  "full": 0x20,
  // Why an open session ends.
  "leaving": 0x40,
  "duplicate": 0x41,
  "slow": 0x42,
  "dead": 0x43,
  "flood": 0x44,
  "forgotten": 0x45,
} as const;

/** The name of a reason. */
export type ReasonName = keyof typeof REASON;

const nameByCode: ReadonlyMap<number, ReasonName> = new Map(
  (Object.keys(REASON) as ReasonName[]).map((name) => [REASON[name], name]),
);

/** The name behind a code, or `undefined` when this release knows none. */
export function knownReason(code: number): ReasonName | undefined {
  return nameByCode.get(code);
}

/** The name behind a code, or `unknown (N)`. */
export function reasonName(code: number): string {
  return nameByCode.get(code) ?? `unknown (${code})`;
}
