/**
 * The rules that the mesh adds to the shared `version`/`verack` ones: TLS proves the listener's
 * key only, so the dialer proves its own in the handshake.
 *
 *     dialer   → version
 *     listener → version, instance, nochecksum, streams, relay, challenge
 *     dialer   → secret                                    if it has one to show
 *     listener → secret                                    in answer to that
 *     dialer   → instance, nochecksum, streams, relay, proof, verack
 *     listener → verack
 *
 * The `admit` option decides on admission; `secret_exchange.ts` checks secrets.
 */
import {
  type VerifiedCertificate,
  verifyCertificate,
} from "../identity/certificate.ts";
import { type PeerId, shortId } from "../core/peer_id.ts";
import {
  type ProofContext,
  signProof,
  Transcript,
  verifyProof,
} from "../identity/proof.ts";
import type { VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { COMMAND, SESSION_COMMANDS } from "../wire/commands.ts";
import {
  decodeChallenge,
  decodeInstance,
  decodeProof,
  encodeChallenge,
  encodeExtensions,
  encodeInstance,
  encodeProof,
  PROOF_EXTENSION,
} from "../wire/messages/credentials.ts";
import type { VersionMessage } from "../wire/messages/version.ts";
import { decodeReason } from "../wire/messages/reason.ts";
import {
  codeOfReason,
  describeReason,
  openError,
  selfError,
} from "./close_reason.ts";
import type { HandshakeContext, HandshakeProfile } from "./handshake.ts";
import { SecretExchange, type SecretOptions } from "./secret_exchange.ts";

/** Protocol version of the mesh; the same number space as Bitcoin's. */
export const MESH_PROTOCOL_VERSION = 70016;

/**
 * Service bit of a node whose key lives in memory only, so that peers may drop its
 * pin when it is gone. Bits 24 to 31 are for experiments (Core's `src/protocol.h`).
 */
export const SERVICE_EPHEMERAL = 1n << 24n;

/** The other end, whose key is verified. */
export interface VerifiedPeer {
  readonly id: PeerId;
  readonly certificate: VerifiedCertificate;
  /** Random number of its process; distinguishes a restart from a second process with the key. */
  readonly instance: bigint;
  /** Whether its key lives in memory only. */
  readonly ephemeral: boolean;
  /** Attestation of a member that admitted it; not verified yet. */
  readonly attestation?: Uint8Array<ArrayBuffer>;
  /** Id of the invite of which it has proven the code. */
  readonly invite?: string;
}

/** Settings of one {@linkcode MeshProfile}. */
export interface MeshProfileOptions extends SecretOptions {
  /** Random number of this process. */
  readonly instance: bigint;
  /** Whether this node announces that it relays. @default {false} */
  readonly relays?: boolean;
  /** Dialer: attestation of the member that admitted this node. */
  readonly attestation?: Uint8Array;
  /** Listener: 32 fresh random bytes. */
  readonly challenge?: Uint8Array<ArrayBuffer>;
  /** Returns why a verified peer is refused, if it is; called before `verack` is sent. */
  readonly admit: (peer: VerifiedPeer) => VerackError | undefined;
}

const EMPTY = new Uint8Array(0);
const FEATURES: ReadonlySet<string> = new Set([
  COMMAND.nochecksum,
  COMMAND.streams,
  COMMAND.relay,
  COMMAND.instance,
]);

/** Handshake rules of a verack mesh; one object a connection. */
export class MeshProfile implements HandshakeProfile {
  readonly minimumVersion = MESH_PROTOCOL_VERSION;
  readonly strict = true;
  readonly features = FEATURES;
  readonly #options: MeshProfileOptions;
  readonly #transcript = new Transcript();
  readonly #secrets: SecretExchange;
  /** In the transcript, the dialer ends before `proof`, the listener after `challenge`. */
  #dialerDone = false;
  #listenerDone = false;
  #peerInstance: bigint | undefined;
  /** Dialer: the bytes to sign. */
  #challenge: Uint8Array | undefined;
  #peer: VerifiedPeer | undefined;
  #hasVersion = false;

  constructor(options: MeshProfileOptions) {
    this.#options = options;
    this.#secrets = new SecretExchange(options, this.#transcript);
  }

  /** The other end, once it is verified. */
  get peer(): VerifiedPeer | undefined {
    return this.#peer;
  }

  /** Whether the version of the other end was accepted. */
  get hasVersion(): boolean {
    return this.#hasVersion;
  }

  observe(direction: "in" | "out", command: string, payload: Uint8Array): void {
    const byDialer =
      (direction === "out") === (this.#options.listener !== undefined);
    if (byDialer) {
      if (command === COMMAND.secret) this.#secrets.begin();
      if (command === COMMAND.proof) this.#dialerDone = true;
      if (!this.#dialerDone) this.#transcript.addDialer(command, payload);
    } else {
      if (!this.#listenerDone) this.#transcript.addListener(command, payload);
      if (command === COMMAND.challenge) this.#listenerDone = true;
    }
  }

  beforeVersion(
    command: string,
    payload: Uint8Array,
    context: HandshakeContext,
  ): void {
    if (command === COMMAND.reject) {
      this.#onReject(payload, context);
    } else if (SESSION_COMMANDS.has(command)) {
      const detail = `${command} came before the handshake was complete`;
      context.fail(openError("protocol", detail), "early-message");
    }
  }

  onVersion(context: HandshakeContext): void {
    this.#hasVersion = true;
    const { challenge } = this.#options;
    if (challenge === undefined) return;
    this.#sendFeatures(context);
    context.send(COMMAND.challenge, encodeChallenge(challenge));
  }

  onMessage(
    command: string,
    payload: Uint8Array,
    context: HandshakeContext,
  ): void {
    switch (command) {
      case COMMAND.instance:
        this.#peerInstance ??= decodeInstance(payload);
        return;
      case COMMAND.challenge:
        return this.#onChallenge(payload, context);
      case COMMAND.secret:
        return this.#onSecret(payload, context);
      case COMMAND.proof:
        return this.#onProof(payload, context);
      default:
        return this.beforeVersion(command, payload, context);
    }
  }

  onVerack(context: HandshakeContext): void {
    if (this.#peer === undefined) {
      throw openError("protocol", "verack came before the proof");
    }
    if (context.role === "responder") context.sendVerack();
  }

  #sendFeatures(context: HandshakeContext): void {
    context.send(COMMAND.instance, encodeInstance(this.#options.instance));
    context.send(COMMAND.nochecksum, EMPTY);
    context.send(COMMAND.streams, EMPTY);
    if (this.#options.relays) context.send(COMMAND.relay, EMPTY);
  }

  /**
   * Dialer: sends its proof of the secret, or else its identity, to the listener that TLS has
   * verified.
   */
  #onChallenge(payload: Uint8Array, context: HandshakeContext): void {
    const isExpected = this.#options.listener !== undefined &&
      this.#challenge === undefined;
    if (!isExpected) throw outOfOrder(COMMAND.challenge);
    this.#challenge = decodeChallenge(payload);
    const secret = this.#secrets.show();
    if (secret === undefined) this.#proveOurselves(context);
    else context.send(COMMAND.secret, secret);
  }

  /** The dialer sends its identity once the listener has proven the secret. */
  #onSecret(payload: Uint8Array, context: HandshakeContext): void {
    const answer = this.#peer === undefined && this.#secrets.receive(payload);
    if (answer === false) throw outOfOrder(COMMAND.secret);
    if (answer === undefined) this.#proveOurselves(context);
    else context.send(COMMAND.secret, answer);
  }

  /** Dialer: sends the proof of its identity, unless the listener is refused. */
  #proveOurselves(context: HandshakeContext): void {
    const { identity, listener, magic, attestation } = this.#options;
    const challenge = this.#challenge;
    if (listener === undefined || challenge === undefined) return;
    this.#meet({ certificate: listener }, context);
    this.#sendFeatures(context);
    const extensions = attestation === undefined
      ? EMPTY
      : encodeExtensions(new Map([[PROOF_EXTENSION.attestation, attestation]]));
    const proof: ProofContext = {
      magic,
      listener: listener.id,
      dialer: identity.id,
      challenge,
      transcript: this.#transcript.digest(),
      extensions,
    };
    this.#dialerDone = true;
    context.send(
      COMMAND.proof,
      encodeProof({
        certificate: identity.certificate,
        signature: signProof(identity, proof),
        extensionBlock: extensions,
      }),
    );
    context.sendVerack();
  }

  /** Listener: verifies certificate and signature, which must be for this node. */
  #onProof(payload: Uint8Array, context: HandshakeContext): void {
    const { identity, challenge, magic } = this.#options;
    if (challenge === undefined || this.#peer !== undefined) {
      throw outOfOrder(COMMAND.proof);
    }
    this.#secrets.requireSecret();
    this.#requireInstance();
    const proof = decodeProof(payload);
    const certificate = verifyCertificate(proof.certificate);
    const valid = verifyProof(certificate, {
      magic,
      listener: identity.id,
      dialer: certificate.id,
      challenge,
      transcript: this.#transcript.digest(),
      extensions: proof.extensionBlock,
    }, proof.signature);
    if (!valid) {
      const id = shortId(certificate.id);
      const detail =
        `the proof of ${id} does not verify, must be its key's signature over this conversation`;
      throw openError("bad-proof", detail);
    }
    const attestation = proof.extensions.get(PROOF_EXTENSION.attestation);
    const { invite } = this.#secrets;
    this.#meet({
      certificate,
      ...(attestation && { attestation: attestation.slice() }),
      ...(invite !== undefined && { invite }),
    }, context);
  }

  /** Records the verified peer, or refuses it. */
  #meet(
    proven: Pick<VerifiedPeer, "certificate" | "attestation" | "invite">,
    context: HandshakeContext,
  ): void {
    const peer: VerifiedPeer = {
      ...proven,
      id: proven.certificate.id,
      instance: this.#requireInstance(),
      ephemeral: isEphemeral(context.remote),
    };
    const refusal = refuseOurselves(peer, this.#options) ??
      this.#options.admit(peer);
    if (refusal !== undefined) throw refusal;
    this.#peer = peer;
  }

  #requireInstance(): bigint {
    if (this.#peerInstance !== undefined) return this.#peerInstance;
    throw openError("protocol", "the peer did not send its instance");
  }

  #onReject(payload: Uint8Array, context: HandshakeContext): void {
    const reason = decodeReason(payload);
    const read = codeOfReason("reject", reason);
    // The reason that an unverified dialer sends must not raise an alarm here.
    const code = context.role === "initiator" || read === "self"
      ? read
      : "rejected";
    const detail = code === "bad-secret" && this.#options.shows === undefined
      ? "the peer requires its network's secret and this node has none, needs it or an invite"
      // A code that is known is shown with the error, and its name says no more.
      : `the peer refused: ${
        code === "rejected" || reason.text === ""
          ? describeReason(reason)
          : escapeText(reason.text)
      }`;
    context.fail(openError(code, detail));
  }
}

function outOfOrder(command: string): VerackError {
  return openError("protocol", `${command} came out of order`);
}

function isEphemeral(version: VersionMessage | undefined): boolean {
  return ((version?.services ?? 0n) & SERVICE_EPHEMERAL) !== 0n;
}

/** Refuses a connection to this process, or to another one with the same key. */
function refuseOurselves(
  peer: VerifiedPeer,
  { identity, instance }: MeshProfileOptions,
): VerackError | undefined {
  if (peer.id !== identity.id) return undefined;
  if (peer.instance === instance) return selfError();
  const detail = `identity ${
    shortId(peer.id)
  } is ours, and another process runs with the same key`;
  return openError("identity-in-use", detail);
}
