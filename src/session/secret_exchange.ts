/**
 * The step of a handshake in which both ends prove a secret. The dialer is first, so that an
 * unverified dialer gets no value to test guesses on; the listener follows before it gets the
 * dialer's identity.
 *
 *     dialer   → secret
 *     listener → secret
 *
 * `mesh_profile.ts` calls it; the computation is in `identity/shared_secret.ts`.
 */
import type { VerackError } from "../core/errors.ts";
import type { VerifiedCertificate } from "../identity/certificate.ts";
import type { Identity } from "../identity/identity.ts";
import {
  type SecretContext,
  secretMac,
  type SharedSecret,
  verifySecretMac,
} from "../identity/shared_secret.ts";
import {
  decodeSecret,
  encodeSecret,
  type SecretMessage,
} from "../wire/messages/credentials.ts";
import { openError } from "./close_reason.ts";
import type { Transcript } from "../identity/proof.ts";

/** The secrets that a listener accepts. */
export interface AcceptedSecrets {
  /** Whether each dialer must show one. */
  readonly required: boolean;
  /** The key of a secret, if this node has it. */
  find(kind: SharedSecret["kind"], id: string): Uint8Array | undefined;
}

/** Settings of a {@linkcode SecretExchange}. */
export interface SecretOptions {
  readonly magic: Uint8Array;
  readonly identity: Identity;
  /** Dialer: the certificate whose key TLS has verified at the listener. */
  readonly listener?: VerifiedCertificate;
  /** Dialer: the secret to show before its own identity. */
  readonly shows?: SharedSecret;
  /** Listener: @default none is known and none is required */
  readonly accepts?: AcceptedSecrets;
}

/** The step in one handshake, at either end. */
export class SecretExchange {
  readonly #options: SecretOptions;
  readonly #transcript: Transcript;
  /** The transcript up to the dialer's `secret`, which was sent or received. */
  #before: Uint8Array | undefined;
  #shown: SharedSecret | undefined;

  /** Reads `transcript`, to which the handshake adds. */
  constructor(options: SecretOptions, transcript: Transcript) {
    this.#options = options;
    this.#transcript = transcript;
  }

  /** Listener: id of the invite of which the dialer has proven the code. */
  get invite(): string | undefined {
    return this.#shown?.kind === "invite" ? this.#shown.id : undefined;
  }

  /** The dialer's `secret` is the next message in the transcript. */
  begin(): void {
    if (this.#shown === undefined) this.#before = this.#transcript.digest();
  }

  /** Dialer: the `secret` to send, if there is one to show. */
  show(): Uint8Array<ArrayBuffer> | undefined {
    const { shows } = this.#options;
    return shows && this.#encode(shows, "dialer", this.#transcript.digest());
  }

  /**
   * Handles `secret`: returns the answer for the listener to send, nothing for the
   * dialer, false if the message is out of order; throws a `VerackError`.
   */
  receive(payload: Uint8Array): Uint8Array<ArrayBuffer> | undefined | false {
    const { listener, shows } = this.#options;
    if (this.#before === undefined || this.#shown !== undefined) return false;
    const message = decodeSecret(payload);
    const after = this.#transcript.digest();
    if (listener === undefined) {
      const secret = this.#find(message);
      this.#check(message, secret, "dialer", this.#before);
      this.#shown = secret;
      return this.#encode(secret, "listener", after);
    }
    if (shows === undefined) return false;
    this.#check(message, shows, "listener", after);
    this.#shown = shows;
    return undefined;
  }

  /** Listener: throws a `VerackError` if a secret is required and was not shown. */
  requireSecret(): void {
    const { accepts } = this.#options;
    if (!accepts?.required || this.#shown !== undefined) return;
    throw openError(
      "bad-secret",
      "the peer did not show the network's secret, needs it or an invite",
    );
  }

  #find({ kind, id }: SecretMessage): SharedSecret {
    const key = this.#options.accepts?.find(kind, id);
    if (key !== undefined) return { kind, id, key };
    if (kind === "invite") throw faultOf(kind);
    throw openError(
      "bad-secret",
      "the dialing node has a network secret and the one it dialed has none, needs it, too",
    );
  }

  #check(
    { kind, id, mac }: SecretMessage,
    secret: SharedSecret,
    by: SecretContext["by"],
    transcript: Uint8Array,
  ): void {
    const sound = kind === secret.kind && id === secret.id &&
      verifySecretMac(secret.key, this.#context(by, transcript), mac);
    if (!sound) throw faultOf(secret.kind);
  }

  #encode(
    { kind, id, key }: SharedSecret,
    by: SecretContext["by"],
    transcript: Uint8Array,
  ): Uint8Array<ArrayBuffer> {
    const mac = secretMac(key, this.#context(by, transcript));
    return encodeSecret({ kind, id, mac });
  }

  #context(by: SecretContext["by"], transcript: Uint8Array): SecretContext {
    const { magic, listener, identity } = this.#options;
    return {
      by,
      magic,
      listener: listener?.id ?? identity.id,
      transcript,
    };
  }
}

function faultOf(kind: SharedSecret["kind"]): VerackError {
  return kind === "invite"
    ? openError(
      "bad-invite",
      "the invite is unknown, used by another node or expired; ask for a new one",
    )
    : openError(
      "bad-secret",
      "the network's secret is another one, must be the same at both ends",
    );
}
