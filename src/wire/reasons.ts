/**
 * Why a node refuses (`reject`) or leaves (`bye`): the one list of codes that go
 * over the wire. The payload is in `messages/reason.ts`.
 *
 * A code keeps its meaning for ever; new ones are appended to their group, and a
 * node shows those it does not know by number.
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

/** One line about each reason, for people. */
export const REASON_TEXT: Readonly<Record<ReasonName, string>> = {
  "protocol-error": "a message broke the rules or came in the wrong order",
  "bad-frame": "a frame had a wrong magic, command, length or checksum",
  "early-message": "a message came before the handshake was complete",
  "timeout": "the handshake took too long",
  "too-many-frames": "too many frames came before the handshake was complete",
  "obsolete": "the protocol version is too old",
  "wrong-network": "the other end belongs to another network",
  "bad-certificate": "the certificate breaks the rules or is not this key's",
  "bad-proof": "the proof of the key does not verify here",
  "self": "a node reached itself",
  "identity-in-use": "the same key is running in another process",
  "demo-identity": "a published demo key was used off this machine",
  "denied": "this identity is not welcome",
  "not-admitted": "this identity is not known here and waits to be admitted",
  "bad-secret": "the network's secret is missing or wrong",
  "bad-invite": "the invite is unknown, used or expired",
  "full": "no room for another connection",
  "leaving": "the node is shutting down",
  "duplicate": "another session between the two nodes is kept",
  "slow": "the other end does not read what is sent to it",
  "dead": "the other end stopped answering",
  "flood": "the other end sends more than it may",
  "forgotten": "the other end was taken off the record",
};

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
