/** Settings of `MeshProfile`, and the peer that it verifies. */
import type { VerackError } from "../core/errors.ts";
import type { VerifiedCertificate } from "../identity/certificate.ts";
import type { Identity, PeerId } from "../identity/identity.ts";
import type { SharedSecret } from "../identity/shared_secret.ts";

/** The other end, whose key is verified. */
export interface VerifiedPeer {
  readonly id: PeerId;
  readonly certificate: VerifiedCertificate;
  /** Random number of its process; tells a restart from a second process with the key. */
  readonly instance: bigint;
  /** Whether its key lives in memory only. */
  readonly ephemeral: boolean;
  /** Statement of a member that admitted it; not verified yet. */
  readonly statement?: Uint8Array<ArrayBuffer>;
  /** Id of the invite whose code it proved to know. */
  readonly invite?: string;
}

/** The secrets that a listener accepts. */
export interface AcceptedSecrets {
  /** Whether each dialer must show one. */
  readonly required: boolean;
  /** The key of a secret, if it is known here. */
  find(kind: SharedSecret["kind"], id: string): Uint8Array | undefined;
}

/** Settings of one `MeshProfile`. */
export interface MeshProfileOptions {
  readonly magic: Uint8Array;
  readonly identity: Identity;
  /** Random number of this process. */
  readonly instance: bigint;
  /** Dialer: the certificate that TLS proved the listener to hold. */
  readonly listener?: VerifiedCertificate;
  /** Dialer: the secret to show before its own identity. */
  readonly shows?: SharedSecret;
  /** Dialer: statement of the member that admitted this node. */
  readonly statement?: Uint8Array;
  /** Listener: 32 fresh random bytes. */
  readonly challenge?: Uint8Array<ArrayBuffer>;
  /** Listener: @default none is known and none is required */
  readonly accepts?: AcceptedSecrets;
  /** Why a verified peer is refused, if it is; called before it is told that it is accepted. */
  readonly admit: (peer: VerifiedPeer) => VerackError | undefined;
}
