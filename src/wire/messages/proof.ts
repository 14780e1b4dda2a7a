/**
 * `proof`: the dialer's certificate and its signature over the conversation.
 *
 * Only the layout is here; what is signed is in `identity/proof.ts`, whether the
 * certificate may be used in `identity/certificate.ts`.
 */
import {
  MAX_CERTIFICATE_BYTES,
  MAX_EXTENSION_BLOCK_BYTES,
  MAX_SIGNATURE_BYTES,
} from "../../limits.ts";
import { ByteReader, ByteWriter } from "../bytes.ts";

/** Types of extensions. */
export const PROOF_EXTENSION = {
  /** By which a member admits the dialer (`identity/attestation.ts`). */
  statement: 3,
} as const;

/** What {@linkcode encodeProof} takes. */
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
  /** The same block read: type to value, also of types that nobody knows yet. */
  readonly extensions: ReadonlyMap<number, Uint8Array>;
}

/**
 * Certificate, signature and extension block, each with its length in front.
 *
 * @throws {RangeError} when a field is too long.
 */
export function encodeProof(proof: ProofFields): Uint8Array<ArrayBuffer> {
  const { certificate, signature, extensionBlock } = proof;
  return new ByteWriter(16 + certificate.length + signature.length)
    .varBytes("certificate", certificate, MAX_CERTIFICATE_BYTES)
    .varBytes("signature", signature, MAX_SIGNATURE_BYTES)
    .varBytes("extension block", extensionBlock, MAX_EXTENSION_BLOCK_BYTES)
    .finish();
}

/**
 * Reads a proof; extensions of unknown types are kept.
 *
 * @throws {VerackError} `malformed`.
 */
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
 *
 * @throws {RangeError} when a type is not 0 to 255 or the block gets too long.
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
