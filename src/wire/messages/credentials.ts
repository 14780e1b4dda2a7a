/**
 * The messages by which two nodes of a mesh prove their identities, and the welcome of a guest:
 * `instance`, `challenge`, `secret`, `proof`, `welcome`. Only their layout is here; what is
 * signed is in `identity/proof.ts` and `identity/shared_secret.ts`.
 */
import {
  MAX_ATTESTATION_BYTES,
  MAX_EXTENSION_BLOCK_BYTES,
  MAX_SIGNATURE_BYTES,
} from "../wire_limits.ts";
import { MAX_CERTIFICATE_BYTES } from "../../transport/transport_limits.ts";
import { ByteReader, ByteWriter } from "../bytes.ts";

// --- instance: a random number of the process, which distinguishes a restart from a twin ---

export function encodeInstance(instance: bigint): Uint8Array<ArrayBuffer> {
  return new ByteWriter(16).u64(instance).finish();
}

export function decodeInstance(payload: Uint8Array): bigint {
  return new ByteReader("instance", payload).u64("instance");
}

// --- challenge: what the dialer is to sign, fresh for every connection ------------

/** Length of a challenge; as random as an identity is. */
export const CHALLENGE_BYTES = 32;

export function encodeChallenge(
  challenge: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return new ByteWriter(CHALLENGE_BYTES)
    .fixedBytes("challenge", challenge, CHALLENGE_BYTES)
    .finish();
}

export function decodeChallenge(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const reader = new ByteReader("challenge", payload);
  return reader.bytes("challenge", CHALLENGE_BYTES).slice();
}

// --- secret: one end proves a secret, before the dialer sends its identity ---------

/** Which secret it is. */
export const SECRET_KIND = {
  /** The network's own. */
  network: 0,
  /** An invite's. */
  invite: 1,
} as const;

/** Payload of `secret`. */
export interface SecretMessage {
  readonly kind: keyof typeof SECRET_KIND;
  /** 16 bytes in hex; all zero for the network's secret. */
  readonly id: string;
  /** 32 bytes. */
  readonly mac: Uint8Array;
}

const SECRET_ID_BYTES = 16;
const MAC_BYTES = 32;

export function encodeSecret(message: SecretMessage): Uint8Array<ArrayBuffer> {
  return new ByteWriter(1 + SECRET_ID_BYTES + MAC_BYTES)
    .u8(SECRET_KIND[message.kind])
    .hex("id", message.id, SECRET_ID_BYTES)
    .fixedBytes("mac", message.mac, MAC_BYTES)
    .finish();
}

export function decodeSecret(payload: Uint8Array): SecretMessage {
  const reader = new ByteReader("secret", payload);
  const number = reader.u8("kind");
  if (number > SECRET_KIND.invite) {
    reader.refuse("kind", `${number}`, "0 (network) or 1 (invite)");
  }
  const kind = number === SECRET_KIND.network ? "network" : "invite";
  const id = reader.hex("id", SECRET_ID_BYTES);
  if (kind === "network" && /[^0]/.test(id)) {
    reader.refuse("id", id, "all zero for the network's secret");
  }
  return { kind, id, mac: reader.bytes("mac", MAC_BYTES).slice() };
}

// --- proof: the dialer's certificate and its signature over the conversation ------

/** Types of extensions. */
export const PROOF_EXTENSION = {
  /** The attestation by which a member admits the dialer (`identity/attestation.ts`). */
  attestation: 3,
} as const;

/** The fields of {@linkcode encodeProof}. */
export interface ProofFields {
  /** X.509 DER, at most `MAX_CERTIFICATE_BYTES`. */
  readonly certificate: Uint8Array;
  /** At most `MAX_SIGNATURE_BYTES`. */
  readonly signature: Uint8Array;
  /** The entries as they are signed, without the length in front; empty for none. */
  readonly extensionBlock: Uint8Array;
}

/** Payload of `proof`. */
export interface ProofMessage extends ProofFields {
  /** The same block read: type to value, also of unknown types. */
  readonly extensions: ReadonlyMap<number, Uint8Array>;
}

export function encodeProof(proof: ProofFields): Uint8Array<ArrayBuffer> {
  const { certificate, signature, extensionBlock } = proof;
  return new ByteWriter(16 + certificate.length + signature.length)
    .varBytes("certificate", certificate, MAX_CERTIFICATE_BYTES)
    .varBytes("signature", signature, MAX_SIGNATURE_BYTES)
    .varBytes("extension block", extensionBlock, MAX_EXTENSION_BLOCK_BYTES)
    .finish();
}

export function decodeProof(payload: Uint8Array): ProofMessage {
  const reader = new ByteReader("proof", payload);
  const certificate = reader.varBytes("certificate", MAX_CERTIFICATE_BYTES);
  const signature = reader.varBytes("signature", MAX_SIGNATURE_BYTES);
  const block = reader.varBytes("extension block", MAX_EXTENSION_BLOCK_BYTES);
  return {
    certificate: certificate.slice(),
    signature: signature.slice(),
    extensionBlock: block.slice(),
    extensions: decodeExtensions(block),
  };
}

/**
 * An extension block: for each entry type (u8), CompactSize length and value, by
 * ascending type, so that one set of extensions has one encoding.
 */
export function encodeExtensions(
  extensions: ReadonlyMap<number, Uint8Array>,
): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter();
  for (const [type, value] of [...extensions].sort(([a], [b]) => a - b)) {
    writer.u8(type).varBytes("extension", value, MAX_EXTENSION_BLOCK_BYTES);
  }
  if (writer.length > MAX_EXTENSION_BLOCK_BYTES) {
    throw new RangeError(
      `Cannot encode extensions: block has ${writer.length} bytes, must have at most ${MAX_EXTENSION_BLOCK_BYTES}`,
    );
  }
  return writer.finish();
}

function decodeExtensions(block: Uint8Array): Map<number, Uint8Array> {
  const reader = new ByteReader("extension block", block);
  const extensions = new Map<number, Uint8Array>();
  let last = -1;
  while (reader.remaining > 0) {
    const type = reader.u8("type");
    if (type <= last) reader.refuse("type", `${type}`, `above ${last}`);
    last = type;
    const value = reader.varBytes("value", MAX_EXTENSION_BLOCK_BYTES);
    extensions.set(type, value.slice());
  }
  return extensions;
}

// --- welcome: what makes a guest that came by invite a member ----------------------

/** Payload of `welcome`. */
export interface WelcomeMessage {
  /** By which the host admits the guest, as `PeerEntry.attestation`; empty in an open mesh. */
  readonly attestation: Uint8Array<ArrayBuffer>;
  /** Whether the host's admission is closed; the guest's then is, too. */
  readonly closed: boolean;
  /** Derived from the network's secret, 32 bytes; absent if there is none. */
  readonly networkKey?: Uint8Array<ArrayBuffer>;
}

const NETWORK_KEY_BYTES = 32;

export function encodeWelcome(
  message: WelcomeMessage,
): Uint8Array<ArrayBuffer> {
  const { attestation, closed, networkKey = new Uint8Array(0) } = message;
  return new ByteWriter(64 + attestation.length)
    .varBytes("attestation", attestation, MAX_ATTESTATION_BYTES)
    .u8(closed ? 1 : 0)
    .varBytes("network key", networkKey, NETWORK_KEY_BYTES)
    .finish();
}

export function decodeWelcome(payload: Uint8Array): WelcomeMessage {
  const reader = new ByteReader("welcome", payload);
  const attestation = reader.varBytes("attestation", MAX_ATTESTATION_BYTES);
  const closed = reader.bool("closed");
  const key = reader.varBytes("network key", NETWORK_KEY_BYTES);
  if (key.length !== 0 && key.length !== NETWORK_KEY_BYTES) {
    reader.refuse("network key", `${key.length} bytes long`, "0 or 32");
  }
  return {
    attestation: new Uint8Array(attestation),
    closed,
    ...(key.length > 0 && { networkKey: new Uint8Array(key) }),
  };
}
