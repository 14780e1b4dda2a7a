/** `peers` payloads with values that `encodePeers` would not write. */
import type { Identity } from "../../src/identity/identity.ts";
import { ByteWriter } from "../../src/wire/bytes.ts";

/** Fields of an entry as they stand on the wire. */
export interface ForgedEntry {
  readonly identity: Pick<Identity, "id" | "certificate">;
  /** Network id, length, bytes and port of each, in hex. */
  readonly addresses?: readonly string[];
  readonly lastSeen?: bigint;
  readonly flags?: number;
  readonly name?: Uint8Array;
}

/** An IPv4 address of this machine, as {@linkcode ForgedEntry} wants it. */
export function loopback(port: number): string {
  return `01047f000001${port.toString(16).padStart(4, "0")}`;
}

/** Payload of `peers`, with whatever is in the entries. */
export function forgePeers(
  entries: readonly ForgedEntry[],
  more = 0,
): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter().compactSize(entries.length);
  for (const entry of entries) {
    const { identity, addresses = [], name = new Uint8Array(0) } = entry;
    writer.hex("identity", identity.id, 32)
      .varBytes("certificate", identity.certificate, 2_048)
      .compactSize(addresses.length);
    for (const hex of addresses) writer.bytes(Uint8Array.fromHex(hex));
    writer.u64(entry.lastSeen ?? 0n).u8(entry.flags ?? 1)
      .varBytes("name", name, 64)
      .u8(0);
  }
  return writer.u8(more).finish();
}
