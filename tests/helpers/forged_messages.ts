/** Messages and frames that an honest node would not send. */
import type { Identity } from "../../src/identity/identity.ts";
import type { Address } from "../../src/transport/address.ts";
import { encodeFrame, networkMagic } from "../../src/wire/frame.ts";
import { forge, idOf, keyOf } from "../identity/forgery.ts";
import { PEER_FLAG, type PeerEntry } from "../../src/wire/messages/peers.ts";

/** A peer that exists in gossip only; much faster made than an `Identity`. */
export function stranger(): Pick<Identity, "id" | "certificate"> {
  const key = keyOf("Ed25519");
  return { id: idOf(key.spki), certificate: forge(key) };
}

/** An entry of `peers` about an identity, true or not. */
export function entryOf(
  identity: Pick<Identity, "id" | "certificate">,
  addresses: readonly Address[],
  fields: Partial<PeerEntry> = {},
): PeerEntry {
  return {
    id: identity.id,
    certificate: identity.certificate,
    addresses,
    lastSeen: 0,
    flags: PEER_FLAG.live,
    name: "",
    attestation: new Uint8Array(0),
    ...fields,
  };
}

/** A frame of which any part may be wrong. */
export function brokenFrame(parts: {
  readonly magic?: Uint8Array;
  readonly network?: string;
  /** The 12 bytes as they are. */
  readonly command?: string;
  /** What the header says, whatever is sent. */
  readonly length?: number;
  readonly checksum?: number;
  readonly payload?: Uint8Array;
}): Uint8Array<ArrayBuffer> {
  const { payload = new Uint8Array(0), command = "ping" } = parts;
  const magic = parts.magic ?? networkMagic(parts.network ?? "main");
  const frame = encodeFrame(magic, "ping", payload);
  for (let i = 0; i < 12; i++) {
    frame[4 + i] = i < command.length ? command.charCodeAt(i) : 0;
  }
  const view = new DataView(frame.buffer);
  if (parts.length !== undefined) view.setUint32(16, parts.length, true);
  if (parts.checksum !== undefined) view.setUint32(20, parts.checksum, true);
  return frame;
}
