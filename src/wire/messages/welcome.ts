/**
 * `welcome`: what a guest that came by invite needs to stay: the host's statement
 * that admits it, and the key of the network's secret if there is one.
 */
import { MAX_STATEMENT_BYTES } from "../../limits.ts";
import { ByteReader, ByteWriter } from "../bytes.ts";

/** Payload of `welcome`. */
export interface WelcomeMessage {
  /** As in `PeerEntry.statement`; empty in an open mesh. */
  readonly statement: Uint8Array<ArrayBuffer>;
  /** Whether the host admits only whom it knows; the guest then does the same. */
  readonly closed: boolean;
  /** Derived from the network's secret, 32 bytes; absent if there is none. */
  readonly networkKey?: Uint8Array<ArrayBuffer>;
}

const NETWORK_KEY_BYTES = 32;

/** @throws {RangeError} when a field is too long. */
export function encodeWelcome(
  message: WelcomeMessage,
): Uint8Array<ArrayBuffer> {
  const { statement, closed, networkKey = new Uint8Array(0) } = message;
  return new ByteWriter(64 + statement.length)
    .varBytes("statement", statement, MAX_STATEMENT_BYTES)
    .u8(closed ? 1 : 0)
    .varBytes("network key", networkKey, NETWORK_KEY_BYTES)
    .finish();
}

/** @throws {VerackError} `malformed`. */
export function decodeWelcome(payload: Uint8Array): WelcomeMessage {
  const reader = new ByteReader("welcome", payload);
  const statement = reader.varBytes("statement", MAX_STATEMENT_BYTES).slice();
  const closed = reader.u8("closed");
  if (closed > 1) reader.refuse("closed", `${closed}`, "0 or 1");
  const key = reader.varBytes("network key", NETWORK_KEY_BYTES).slice();
  if (key.length !== 0 && key.length !== NETWORK_KEY_BYTES) {
    reader.refuse("network key", `${key.length} bytes long`, "0 or 32");
  }
  return {
    statement: new Uint8Array(statement),
    closed: closed === 1,
    ...(key.length > 0 && { networkKey: new Uint8Array(key) }),
  };
}
