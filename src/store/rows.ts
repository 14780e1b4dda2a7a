/**
 * How values of ours stand in columns and back: identities as 32 bytes, times as
 * whole milliseconds, truths as 0 and 1. The schema's checks have been made when a
 * row is read (`database.ts`), so that reading takes it at its word.
 */
import type { PeerId } from "../identity/identity.ts";

/** What node:sqlite gives for a row. */
export type Row = Record<string, unknown>;

/** Identities as one parameter, JSON. */
export const LISTED = "(SELECT unhex(value) FROM json_each(?))";

/** An identity for a column. */
export function peerIdBlob(id: PeerId): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(id);
}

/** A moment for a column; clocks of tests have fractions. */
export function wholeMs(at: number): number {
  return Math.trunc(at);
}

/** An identity from a column. */
export function toPeerId(value: unknown): PeerId {
  return toBytes(value).toHex() as PeerId;
}

/**
 * Text of others from a column that was read as a blob (`CAST(… AS BLOB)`):
 * node:sqlite ends text at the first NUL when it reads it.
 */
export function toText(value: unknown): string {
  return new TextDecoder().decode(toBytes(value));
}

/** Bytes from a column. */
export function toBytes(value: unknown): Uint8Array<ArrayBuffer> {
  return value as Uint8Array<ArrayBuffer>;
}
