/**
 * `reach` and `reached`: a node requests that a peer dials its addresses, and learns which of them
 * answered with its key. Which addresses are dialed, and how often, is decided in
 * `mesh/discovery/reach_answers.ts`.
 */
import { MAX_ADDRESSES_PER_ENTRY } from "../wire_limits.ts";
import { ByteReader, ByteWriter } from "../bytes.ts";
import {
  type PeerAddress,
  readPeerAddress,
  writePeerAddress,
} from "./peers.ts";

/** What became of one address, as it is on the wire. */
const REACH_STATUS = {
  /** The key of the requesting node is there. */
  reached: 0,
  /** It was dialed in vain. */
  failed: 1,
  /** It was not dialed. */
  skipped: 2,
} as const;

/** The name of a status. */
export type ReachStatus = keyof typeof REACH_STATUS;

const STATUSES = Object.keys(REACH_STATUS) as ReachStatus[];

/** Payload of `reach`. */
export interface ReachMessage {
  /** A random number that the answer repeats, unsigned 64 bits. */
  readonly nonce: bigint;
  /** At most `MAX_ADDRESSES_PER_ENTRY`; `undefined` for one of an unknown kind. */
  readonly addresses: readonly (PeerAddress | undefined)[];
}

/** Payload of `reached`. */
export interface ReachedMessage {
  /** That of the request. */
  readonly nonce: bigint;
  /** What became of each address, in the order of the request. */
  readonly results: readonly ReachStatus[];
}

export function encodeReach(
  { nonce, addresses }: {
    readonly nonce: bigint;
    readonly addresses: readonly PeerAddress[];
  },
): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(64).u64(nonce)
    .count("addresses", addresses.length, MAX_ADDRESSES_PER_ENTRY);
  for (const address of addresses) writePeerAddress(writer, address);
  return writer.finish();
}

export function decodeReach(payload: Uint8Array): ReachMessage {
  const reader = new ByteReader("reach", payload);
  const nonce = reader.u64("nonce");
  const count = reader.compactSize("address count", MAX_ADDRESSES_PER_ENTRY);
  const addresses = Array.from(
    { length: count },
    () => readPeerAddress(reader),
  );
  return { nonce, addresses };
}

export function encodeReached(
  { nonce, results }: ReachedMessage,
): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(16).u64(nonce)
    .count("results", results.length, MAX_ADDRESSES_PER_ENTRY);
  for (const status of results) writer.u8(REACH_STATUS[status]);
  return writer.finish();
}

/** Reads `reached`; a status of a later release is read as `skipped`. */
export function decodeReached(payload: Uint8Array): ReachedMessage {
  const reader = new ByteReader("reached", payload);
  const nonce = reader.u64("nonce");
  const count = reader.compactSize("result count", MAX_ADDRESSES_PER_ENTRY);
  const results = Array.from(
    { length: count },
    () => STATUSES[reader.u8("status")] ?? "skipped",
  );
  return { nonce, results };
}
