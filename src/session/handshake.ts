/**
 * The `version`/`verack` state machine that opens every session: frames in, actions
 * out; no sockets, no timers, no clock.
 *
 * It holds the rules that Bitcoin and the mesh share, which are Bitcoin Core's
 * (`src/net_processing.cpp`, `ProcessMessage`):
 *
 * - the initiator sends first, the responder nothing until it has a version;
 * - before the peer's `version` everything else is ignored, also `verack`;
 * - a second `version` or `verack` is ignored, the first version's fields stay;
 * - a version below the minimum ends the connection without a `verack`;
 * - unknown messages are ignored at any time;
 * - it is complete when the peer's `version` and then its `verack` have come, and
 *   ours is sent.
 *
 * What differs (features, proof of identity, strictness) is in a
 * {@linkcode HandshakeProfile}.
 */
import { VerackError } from "../core/errors.ts";
import { MAX_HANDSHAKE_FRAMES } from "./session_limits.ts";
import { COMMAND } from "../wire/commands.ts";
import type { Frame } from "../wire/frame.ts";
import {
  decodeVersion,
  encodeVersion,
  type VersionMessage,
} from "../wire/messages/version.ts";
import type { ReasonName } from "../wire/messages/reason.ts";
import { faultError, openError, reasonOf, selfError } from "./close_reason.ts";

/** Which end this is: the initiator opened the connection. */
export type Role = "initiator" | "responder";

/** Actions for the session, in order. */
export type HandshakeAction =
  | {
    readonly type: "send";
    readonly command: string;
    readonly payload: Uint8Array;
  }
  /** The session is open: further frames do not go to the handshake. */
  | { readonly type: "complete" }
  /** Close the connection, after sending `reject` if there is one. */
  | {
    readonly type: "fail";
    readonly error: VerackError;
    readonly reject: ReasonName | undefined;
  };

/** The part of a handshake that a profile may use while it handles a message. */
export interface HandshakeContext {
  readonly role: Role;
  /** The version we send. */
  readonly local: VersionMessage;
  /** The peer's version; present from {@linkcode HandshakeProfile.onVersion} on. */
  readonly remote: VersionMessage | undefined;
  /** The lower of both protocol versions. */
  readonly commonVersion: number;
  /** Names of the feature messages the peer sent between version and verack. */
  readonly features: ReadonlySet<string>;
  /** Queues a message. */
  send(command: string, payload: Uint8Array): void;
  /** Sends our `verack`, once. */
  sendVerack(): void;
  /** Ends the handshake without sending the reason of a thrown error. */
  fail(error: VerackError, reject?: ReasonName): void;
}

/** The part of a handshake in which Bitcoin and the mesh differ; one object a connection. */
export interface HandshakeProfile {
  /** Peers with a lower version are disconnected. */
  readonly minimumVersion: number;
  /**
   * Whether a frame with a fault (checksum, command) or a malformed payload ends
   * the connection (mesh), or is dropped (Bitcoin Core).
   */
  readonly strict: boolean;
  /** Commands that announce a feature when they come between version and verack. */
  readonly features: ReadonlySet<string>;
  /** Pings are answered if the lower version is above this. @default {-Infinity} */
  readonly pongsAbove?: number;
  /** Sees every message of the handshake in both directions, in order. */
  observe?(direction: "in" | "out", command: string, payload: Uint8Array): void;
  /** Handles a message before the peer's version, which Core ignores. */
  beforeVersion?(
    command: string,
    payload: Uint8Array,
    context: HandshakeContext,
  ): void;
  /** The peer's version is accepted, and that of a responder is queued. */
  onVersion(context: HandshakeContext): void;
  /** Handles any other message between version and verack. */
  onMessage(
    command: string,
    payload: Uint8Array,
    context: HandshakeContext,
  ): void;
  /** Handles the peer's verack. */
  onVerack(context: HandshakeContext): void;
}

/** Settings of one {@linkcode Handshake}. */
export interface HandshakeOptions {
  readonly role: Role;
  readonly profile: HandshakeProfile;
  /** The version to send; its nonce is fresh for every connection. */
  readonly local: VersionMessage;
  /**
   * Whether a nonce is that of an outbound connection of ours that is opening: the
   * connection on which it comes leads back here (Core's `CheckIncomingNonce`).
   */
  readonly isOwnNonce?: (nonce: bigint) => boolean;
}

const EMPTY = new Uint8Array(0);

/** One handshake, until it is complete or has failed. */
export class Handshake implements HandshakeContext {
  readonly role: Role;
  readonly local: VersionMessage;
  readonly #profile: HandshakeProfile;
  readonly #isOwnNonce: (nonce: bigint) => boolean;
  readonly #features = new Set<string>();
  #remote: VersionMessage | undefined;
  #verackSent = false;
  #verackReceived = false;
  #state: "running" | "complete" | "failed" = "running";
  #frames = 0;
  #actions: HandshakeAction[] = [];

  constructor(options: HandshakeOptions) {
    this.role = options.role;
    this.local = options.local;
    this.#profile = options.profile;
    this.#isOwnNonce = options.isOwnNonce ?? (() => false);
  }

  /** Whether the handshake goes on, is complete or has failed. */
  get state(): "running" | "complete" | "failed" {
    return this.#state;
  }

  get remote(): VersionMessage | undefined {
    return this.#remote;
  }

  get commonVersion(): number {
    return Math.min(
      this.local.version,
      this.#remote?.version ?? this.local.version,
    );
  }

  get features(): ReadonlySet<string> {
    return this.#features;
  }

  /** Whether frames of the open session have checksums: unless both ends announced `nochecksum`. */
  get usesChecksums(): boolean {
    return !this.#profile.features.has(COMMAND.nochecksum) ||
      !this.#features.has(COMMAND.nochecksum);
  }

  /** Whether the peer supports `pong`. */
  get answersPings(): boolean {
    return this.commonVersion > (this.#profile.pongsAbove ?? -Infinity);
  }

  /** Starts: the initiator sends `version`. */
  start(): HandshakeAction[] {
    if (this.role === "initiator") this.#sendVersion();
    return this.#takeActions();
  }

  /** Handles one frame. */
  receive(frame: Frame): HandshakeAction[] {
    if (this.#state !== "running") {
      throw new TypeError(
        `Cannot receive a frame: the handshake is ${this.#state}`,
      );
    }
    this.#frames++;
    // Core accepts any number until the deadline.
    if (this.#profile.strict && this.#frames > MAX_HANDSHAKE_FRAMES) {
      const detail = `more than ${MAX_HANDSHAKE_FRAMES} messages before verack`;
      this.fail(openError("protocol", detail), "too-many-frames");
    } else if (frame.fault !== undefined) {
      // Core drops such a message and keeps the connection; over TLS a fault
      // cannot be an accident of the network, so the mesh closes.
      if (this.#profile.strict) this.#refuse(faultError(frame.fault));
    } else {
      this.#dispatch(frame.command, frame.payload);
    }
    return this.#takeActions();
  }

  send(command: string, payload: Uint8Array): void {
    if (this.#state !== "running") return;
    this.#profile.observe?.("out", command, payload);
    this.#actions.push({ type: "send", command, payload });
  }

  sendVerack(): void {
    if (this.#verackSent) {
      throw new TypeError("Cannot send verack: sent before");
    }
    this.send(COMMAND.verack, EMPTY);
    this.#verackSent = true;
    this.#completeIfDone();
  }

  fail(error: VerackError, reject?: ReasonName): void {
    if (this.#state !== "running") return;
    this.#state = "failed";
    this.#actions.push({ type: "fail", error, reject });
  }

  #dispatch(command: string, payload: Uint8Array): void {
    this.#profile.observe?.("in", command, payload);
    try {
      if (command === COMMAND.version) {
        if (this.#remote === undefined) this.#onVersion(decodeVersion(payload));
      } else if (this.#remote === undefined) {
        this.#profile.beforeVersion?.(command, payload, this);
      } else if (this.#verackReceived) {
        // Our verack is still due: further messages are ignored.
      } else if (command === COMMAND.verack) {
        this.#verackReceived = true;
        this.#profile.onVerack(this);
        this.#completeIfDone();
      } else {
        if (this.#profile.features.has(command)) this.#features.add(command);
        this.#profile.onMessage(command, payload, this);
      }
    } catch (error) {
      if (!(error instanceof VerackError)) throw error;
      // Core logs a payload that it cannot parse, so that a bad version ends at the
      // handshake's deadline.
      if (this.#profile.strict) this.fail(error, reasonOf(error));
    }
  }

  /** Ends the handshake; Bitcoin has no message for the reason. */
  #refuse(error: VerackError): void {
    this.fail(error, this.#profile.strict ? reasonOf(error) : undefined);
  }

  #onVersion(remote: VersionMessage): void {
    if (remote.version < this.#profile.minimumVersion) {
      const { version: actual } = remote;
      const { minimumVersion: expected } = this.#profile;
      const detail = `protocol version is ${actual}, must be >= ${expected}`;
      return this.#refuse(openError("obsolete", detail, { expected, actual }));
    }
    // Core checks inbound connections only; a dialer that receives its own nonce
    // has reached itself, or an echo.
    const own = this.role === "responder"
      ? this.#isOwnNonce(remote.nonce)
      : remote.nonce === this.local.nonce;
    if (own) return this.#refuse(selfError());
    this.#remote = remote;
    if (this.role === "responder") this.#sendVersion();
    this.#profile.onVersion(this);
  }

  #sendVersion(): void {
    this.send(COMMAND.version, encodeVersion(this.local));
  }

  #completeIfDone(): void {
    if (this.#state !== "running") return;
    if (!this.#verackSent || !this.#verackReceived) return;
    this.#state = "complete";
    this.#actions.push({ type: "complete" });
  }

  #takeActions(): HandshakeAction[] {
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }
}
