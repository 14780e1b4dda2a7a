/**
 * The step of a handshake in which both ends show that they know a secret: the
 * dialer first, so that a stranger who dials gets nothing to try guesses on; the
 * listener then, before it is told who dials.
 *
 *     dialer   → secret
 *     listener → secret
 *
 * Pure; when it is called is in `mesh_profile.ts`, what is computed in
 * `identity/shared_secret.ts`.
 */
import { type ErrorCode, VerackError } from "../core/errors.ts";
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
} from "../wire/messages/secret.ts";
import type { MeshProfileOptions } from "./mesh_profile_options.ts";
import type { Transcript } from "./transcript.ts";

/** The code of an error here, which is also the reason the peer is told. */
type SecretFault = Extract<ErrorCode, "bad-secret" | "bad-invite">;

/** A secret that was not shown, or is another one. */
export class SecretError extends VerackError {
  declare readonly code: SecretFault;

  constructor(code: SecretFault, why: string) {
    super(code, `Cannot open session: ${why}`);
  }
}

/** That step of one handshake, at either end. */
export class SecretExchange {
  readonly #options: MeshProfileOptions;
  readonly #transcript: Transcript;
  /** The transcript up to the dialer's `secret`, once that came or went. */
  #before: Uint8Array | undefined;
  #shown: SharedSecret | undefined;

  /** @param transcript Kept by the handshake; only read here. */
  constructor(options: MeshProfileOptions, transcript: Transcript) {
    this.#options = options;
    this.#transcript = transcript;
  }

  /** Listener: id of the invite that the dialer proved to know. */
  get invite(): string | undefined {
    return this.#shown?.kind === "invite" ? this.#shown.id : undefined;
  }

  /** The dialer's `secret` is the next in the transcript. */
  begin(): void {
    if (this.#shown === undefined) this.#before = this.#transcript.digest();
  }

  /** Dialer: the `secret` to send, if there is one to show. */
  show(): Uint8Array<ArrayBuffer> | undefined {
    const { shows } = this.#options;
    return shows && this.#encode(shows, "dialer", this.#transcript.digest());
  }

  /**
   * A `secret` came. The listener gets the answer to send, the dialer nothing;
   * false if none may come now.
   *
   * @throws {SecretError} when it is not ours, or not known to the other end.
   * @throws {VerackError} `malformed`.
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

  /**
   * Listener: before the dialer's proof is looked at.
   *
   * @throws {SecretError} when it had to show a secret and did not.
   */
  requireSecret(): void {
    const { accepts } = this.#options;
    if (!accepts?.required || this.#shown !== undefined) return;
    throw new SecretError(
      "bad-secret",
      "the peer did not show the network's secret, needs --secret-file, or --join-file with an invite",
    );
  }

  #find({ kind, id }: SecretMessage): SharedSecret {
    const key = this.#options.accepts?.find(kind, id);
    if (key !== undefined) return { kind, id, key };
    if (kind === "invite") throw faultOf(kind);
    throw new SecretError(
      "bad-secret",
      "the dialing node has a network secret and the one it dialed has none, needs --secret-file",
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
      listener: listener?.identity ?? identity.id,
      transcript,
    };
  }
}

function faultOf(kind: SharedSecret["kind"]): SecretError {
  return kind === "invite"
    ? new SecretError(
      "bad-invite",
      "the invite is unknown, used by somebody else or expired; ask for a new one",
    )
    : new SecretError(
      "bad-secret",
      "the network's secret is another one, must be the same at both ends",
    );
}
