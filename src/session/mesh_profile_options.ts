/** What `mesh_profile.ts` is given, and what it finds out. */
import type { VerackError } from "../core/errors.ts";
import type { VerifiedCertificate } from "../identity/certificate.ts";
import type { Identity, PeerId } from "../identity/identity.ts";
import type { SharedSecret } from "../identity/shared_secret.ts";

/** Who is at the other end, proven. */
export interface VerifiedPeer {
  readonly identity: PeerId;
  readonly certificate: VerifiedCertificate;
  /** Random number of the process that runs there; tells a restart from a twin. */
  readonly instance: bigint;
  /** Whether its key is gone when its process ends. */
  readonly ephemeral: boolean;
  /** By which it says that a member admitted it; not judged yet. */
  readonly statement?: Uint8Array<ArrayBuffer>;
  /** Id of the invite whose code it proved to know. */
  readonly invite?: string;
}

/** The secrets that a listener takes. */
export interface AcceptedSecrets {
  /** Whether nobody gets on without showing one. */
  readonly required: boolean;
  /** The key of a secret, if it is one of ours. */
  find(kind: SharedSecret["kind"], id: string): Uint8Array | undefined;
}

/** Settings of one `MeshProfile`. */
export interface MeshProfileOptions {
  readonly magic: Uint8Array;
  readonly identity: Identity;
  /** This process's random number. */
  readonly instance: bigint;
  /** Dialer: the certificate that TLS proved the listener to hold. */
  readonly listener?: VerifiedCertificate;
  /** Dialer: the secret to show before anything about us. */
  readonly shows?: SharedSecret;
  /** Dialer: by which a member admitted us. */
  readonly statement?: Uint8Array;
  /** Listener: 32 fresh random bytes. */
  readonly challenge?: Uint8Array<ArrayBuffer>;
  /** Listener: @default none is known and none is asked for */
  readonly accepts?: AcceptedSecrets;
  /** Why a verified peer is refused, if it is; called before it is told that it is accepted. */
  readonly admit: (peer: VerifiedPeer) => VerackError | undefined;
}
