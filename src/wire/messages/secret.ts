/**
 * `secret`: one end shows that it knows a secret, before the dialer says who it
 * is. What is in the code is computed in `identity/shared_secret.ts`.
 */
import { ByteReader, ByteWriter } from "../bytes.ts";

/** Which secret it is. */
export const SECRET_KIND = {
  /** The network's own. */
  network: 0,
  /** An invite's. */
  invite: 1,
} as const;

/** Payload of `secret`. */
export interface SecretMessage {
  /** One of {@linkcode SECRET_KIND}. */
  readonly kind: keyof typeof SECRET_KIND;
  /** 16 bytes in hex. */
  readonly id: string;
  /** 32 bytes. */
  readonly mac: Uint8Array;
}

const ID_BYTES = 16;
const MAC_BYTES = 32;

/** @throws {RangeError} when a field does not have its length. */
export function encodeSecret(message: SecretMessage): Uint8Array<ArrayBuffer> {
  return new ByteWriter(1 + ID_BYTES + MAC_BYTES)
    .u8(SECRET_KIND[message.kind])
    .hex("id", message.id, ID_BYTES)
    .fixedBytes("mac", message.mac, MAC_BYTES)
    .finish();
}

/** @throws {VerackError} `malformed`, also for an unknown kind, or an id of the network's secret. */
export function decodeSecret(payload: Uint8Array): SecretMessage {
  const reader = new ByteReader("secret", payload);
  const kind = reader.u8("kind");
  if (kind !== SECRET_KIND.network && kind !== SECRET_KIND.invite) {
    reader.refuse("kind", `${kind}`, "0 (network) or 1 (invite)");
  }
  const id = reader.hex("id", ID_BYTES);
  if (kind === SECRET_KIND.network && /[^0]/.test(id)) {
    reader.refuse("id", id, "all zero for the network's secret");
  }
  const mac = reader.bytes("mac", MAC_BYTES).slice();
  return {
    kind: kind === SECRET_KIND.network ? "network" : "invite",
    id,
    mac,
  };
}
