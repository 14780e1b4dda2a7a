/**
 * What the mesh adds to the shared `version`/`verack` rules: the dialer, whom TLS
 * leaves unknown, proves its key before anything about it is believed.
 *
 *     dialer   → version
 *     listener → version, instance, nochecksum, challenge
 *     dialer   → instance, nochecksum, proof, verack
 *     listener → verack
 *
 * Pure like the machine it plugs into: who may come in is asked of `admit`, and
 * the certificate TLS proved is handed in.
 */
import {
  judgeCertificate,
  type JudgedCertificate,
} from "../identity/certificate.ts";
import {
  type Identity,
  type IdentityId,
  shortId,
} from "../identity/identity.ts";
import {
  type ProofContext,
  signProof,
  verifyProof,
} from "../identity/proof.ts";
import { VerackError } from "../errors.ts";
import { COMMAND } from "../wire/commands.ts";
import {
  decodeChallenge,
  encodeChallenge,
} from "../wire/messages/challenge.ts";
import { decodeInstance, encodeInstance } from "../wire/messages/instance.ts";
import { decodeProof, encodeProof } from "../wire/messages/proof.ts";
import type { VersionMessage } from "../wire/messages/version.ts";
import { decodeReason } from "../wire/messages/reason.ts";
import { REASON, type ReasonName } from "../wire/reasons.ts";
import { describeReason } from "./describe_reason.ts";
import type { HandshakeContext, HandshakeProfile } from "./handshake.ts";
import { Transcript } from "./transcript.ts";

/** Protocol version of the mesh; the same number space as Bitcoin's. */
export const MESH_PROTOCOL_VERSION = 70016;

/**
 * Service bit of a node whose key lives in memory only: who pinned it may let the
 * pin lapse when it is gone. Bits 24 to 31 are free for experiments (Core's
 * `src/protocol.h`).
 */
export const SERVICE_EPHEMERAL = 1n << 24n;

/** Who is at the other end, proven. */
export interface ProvenPeer {
  readonly identity: IdentityId;
  readonly certificate: JudgedCertificate;
  /** Random number of the process that runs there; tells a restart from a twin. */
  readonly instance: bigint;
  /** Whether its key is gone when its process ends. */
  readonly ephemeral: boolean;
}

/** Why a proven peer may not come in. */
export interface Refusal {
  readonly error: VerackError;
  readonly reject: ReasonName;
}

/** Settings of one {@linkcode MeshProfile}. */
export interface MeshProfileOptions {
  readonly magic: Uint8Array;
  readonly identity: Identity;
  /** This process's random number. */
  readonly instance: bigint;
  /** Dialer: the certificate that TLS proved the listener to hold. */
  readonly listener?: JudgedCertificate;
  /** Listener: 32 fresh random bytes. */
  readonly challenge?: Uint8Array<ArrayBuffer>;
  /** Asked once the peer is proven, before it learns that it is accepted. */
  readonly admit: (peer: ProvenPeer) => Refusal | undefined;
}

const EMPTY = new Uint8Array(0);
const FEATURES: ReadonlySet<string> = new Set([
  COMMAND.nochecksum,
  COMMAND.instance,
]);
/** What only an open session may carry; sent earlier it ends the connection. */
const SESSION_COMMANDS: ReadonlySet<string> = new Set([
  COMMAND.ping,
  COMMAND.pong,
  COMMAND.getpeers,
  COMMAND.peers,
  COMMAND.peerids,
  COMMAND.message,
  COMMAND.ack,
  COMMAND.bye,
]);

/** Handshake rules of a verack mesh, one object a connection. */
export class MeshProfile implements HandshakeProfile {
  readonly minimumVersion = MESH_PROTOCOL_VERSION;
  readonly strict = true;
  readonly features = FEATURES;
  readonly #options: MeshProfileOptions;
  readonly #transcript = new Transcript();
  /** The dialer's half ends before `proof`, the listener's after `challenge`. */
  #dialerDone = false;
  #listenerDone = false;
  #peerInstance: bigint | undefined;
  #peer: ProvenPeer | undefined;

  constructor(options: MeshProfileOptions) {
    this.#options = options;
  }

  /** The other end, once it is proven. */
  get peer(): ProvenPeer | undefined {
    return this.#peer;
  }

  observe(direction: "in" | "out", command: string, payload: Uint8Array): void {
    const byDialer =
      (direction === "out") === (this.#options.listener !== undefined);
    if (byDialer) {
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
      context.fail(
        "protocol",
        `Cannot open session: ${command} came before the handshake was complete`,
        "early-message",
      );
    }
  }

  onVersion(context: HandshakeContext): void {
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
    if (command === COMMAND.instance) {
      this.#peerInstance ??= decodeInstance(payload);
    } else if (command === COMMAND.challenge) {
      this.#onChallenge(payload, context);
    } else if (command === COMMAND.proof) {
      this.#onProof(payload, context);
    } else {
      this.beforeVersion(command, payload, context);
    }
  }

  onVerack(context: HandshakeContext): void {
    if (this.#peer === undefined) {
      return context.fail(
        "protocol",
        "Cannot open session: verack came before the proof",
        "protocol-error",
      );
    }
    if (context.role === "responder") context.sendVerack();
  }

  #sendFeatures(context: HandshakeContext): void {
    context.send(COMMAND.instance, encodeInstance(this.#options.instance));
    context.send(COMMAND.nochecksum, EMPTY);
  }

  /** Dialer: TLS proved the listener; now decide whether to show who we are. */
  #onChallenge(payload: Uint8Array, context: HandshakeContext): void {
    const { identity, listener, magic } = this.#options;
    if (listener === undefined || this.#peer !== undefined) {
      return this.#outOfOrder(COMMAND.challenge, context);
    }
    const challenge = decodeChallenge(payload);
    if (!this.#meet(listener, context)) return;
    this.#sendFeatures(context);
    const proof: ProofContext = {
      magic,
      listener: listener.identity,
      dialer: identity.id,
      challenge,
      transcript: this.#transcript.digest(),
      extensions: EMPTY,
    };
    this.#dialerDone = true;
    context.send(
      COMMAND.proof,
      encodeProof({
        certificate: identity.certificate,
        signature: signProof(identity, proof),
        extensionBlock: EMPTY,
      }),
    );
    context.sendVerack();
  }

  /** Listener: certificate → key → identity → signature, all of it for us. */
  #onProof(payload: Uint8Array, context: HandshakeContext): void {
    const { identity, challenge, magic } = this.#options;
    if (challenge === undefined || this.#peer !== undefined) {
      return this.#outOfOrder(COMMAND.proof, context);
    }
    const proof = decodeProof(payload);
    let certificate: JudgedCertificate;
    try {
      certificate = judgeCertificate(proof.certificate);
    } catch (error) {
      if (!(error instanceof VerackError)) throw error;
      return context.fail(error.code, error.message, "bad-certificate");
    }
    const valid = verifyProof(certificate, {
      magic,
      listener: identity.id,
      dialer: certificate.identity,
      challenge,
      transcript: this.#transcript.digest(),
      extensions: proof.extensionBlock,
    }, proof.signature);
    if (!valid) {
      return context.fail(
        "bad-proof",
        `Cannot open session: the proof of ${
          shortId(certificate.identity)
        } does not verify, must be its key's signature over this conversation`,
        "bad-proof",
      );
    }
    this.#meet(certificate, context);
  }

  /** Records who is there, or refuses; true if the handshake goes on. */
  #meet(certificate: JudgedCertificate, context: HandshakeContext): boolean {
    const instance = this.#peerInstance;
    if (instance === undefined) {
      context.fail(
        "protocol",
        "Cannot open session: the peer did not send its instance",
        "protocol-error",
      );
      return false;
    }
    const peer: ProvenPeer = {
      identity: certificate.identity,
      certificate,
      instance,
      ephemeral: isEphemeral(context.remote),
    };
    const refusal = this.#ourselves(peer) ?? this.#options.admit(peer);
    if (refusal !== undefined) {
      context.fail(refusal.error.code, refusal.error.message, refusal.reject);
      return false;
    }
    this.#peer = peer;
    return true;
  }

  #ourselves(peer: ProvenPeer): Refusal | undefined {
    const { identity, instance } = this.#options;
    if (peer.identity !== identity.id) return undefined;
    if (peer.instance === instance) {
      return {
        error: new VerackError(
          "self",
          "Cannot open session: the connection leads back to this node",
        ),
        reject: "self",
      };
    }
    return {
      error: new VerackError(
        "identity-in-use",
        `Cannot open session: identity ${
          shortId(peer.identity)
        } is ours, and another process runs with the same key`,
      ),
      reject: "identity-in-use",
    };
  }

  #onReject(payload: Uint8Array, context: HandshakeContext): void {
    const reason = decodeReason(payload);
    context.fail(
      reason.code === REASON.self ? "self" : "rejected",
      `Cannot open session: the peer refused: ${describeReason(reason)}`,
    );
  }

  #outOfOrder(command: string, context: HandshakeContext): void {
    context.fail(
      "protocol",
      `Cannot open session: ${command} came out of order`,
      "protocol-error",
    );
  }
}

function isEphemeral(version: VersionMessage | undefined): boolean {
  return ((version?.services ?? 0n) & SERVICE_EPHEMERAL) !== 0n;
}
