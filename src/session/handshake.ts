/**
 * The `version`/`verack` state machine that opens every session: frames and
 * events in, actions out; no sockets, no timers, no clock.
 *
 * It holds the rules that Bitcoin and the mesh share, which are Bitcoin Core's
 * (`src/net_processing.cpp`, `ProcessMessage`):
 *
 * - the initiator speaks first, the responder says nothing until it has a version;
 * - before the peer's `version` everything else is ignored, also `verack`;
 * - a second `version` or `verack` is ignored, the first version's fields stay;
 * - a version below the minimum ends the connection without a `verack`;
 * - unknown messages are ignored at any time;
 * - complete = the peer's `version` came, its `verack` came after it, ours was sent.
 *
 * What differs (features, proof of identity, strictness) is in a
 * {@linkcode HandshakeProfile}. Moving the bytes is left to `session.ts`.
 */
import { type ErrorCode, VerackError } from "../core/errors.ts";
import { MAX_HANDSHAKE_FRAMES } from "../limits.ts";
import { COMMAND } from "../wire/commands.ts";
import type { Frame } from "../wire/frame.ts";
import {
  decodeVersion,
  encodeVersion,
  type VersionMessage,
} from "../wire/messages/version.ts";
import type { ReasonName } from "../wire/reasons.ts";
import { faultError, reasonOf } from "./close_reason.ts";

/** Who opened the connection. */
export type Role = "initiator" | "responder";

/** What the driver must do, in order. */
export type HandshakeAction =
  | {
    readonly type: "send";
    readonly command: string;
    readonly payload: Uint8Array;
  }
  /** The session is open; no more frames go through the handshake. */
  | { readonly type: "complete" }
  /** Close the connection, after telling the peer `reject` if there is one. */
  | {
    readonly type: "fail";
    readonly error: VerackError;
    readonly reject?: ReasonName;
  };

/** What a profile can see and do while it handles a message. */
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
  /** Queues our `verack`; a second call is a bug. */
  sendVerack(): void;
  /** Ends the handshake. */
  fail(code: ErrorCode, message: string, reject?: ReasonName): void;
}

/**
 * The part of a handshake in which Bitcoin and the mesh differ. One object a
 * connection, so that it can keep state.
 */
export interface HandshakeProfile {
  /** Peers below are disconnected. */
  readonly minimumVersion: number;
  /**
   * Whether a frame with a fault (checksum, command) or a payload that breaks its
   * rules ends the connection (mesh), or is dropped and forgotten (Bitcoin Core).
   */
  readonly strict: boolean;
  /** Commands that announce a feature when they come between version and verack. */
  readonly features: ReadonlySet<string>;
  /** Pings are answered if the lower of both versions is above this. @default {-Infinity} */
  readonly pongsAbove?: number;
  /** Sees every message of the handshake in both directions, in order. */
  observe?(direction: "in" | "out", command: string, payload: Uint8Array): void;
  /** A message before the peer's version, which Core ignores. */
  beforeVersion?(
    command: string,
    payload: Uint8Array,
    context: HandshakeContext,
  ): void;
  /** The peer's version was accepted (and ours, if we respond, is queued). */
  onVersion(context: HandshakeContext): void;
  /** Any message but version and verack, between version and verack. */
  onMessage(
    command: string,
    payload: Uint8Array,
    context: HandshakeContext,
  ): void;
  /** The peer's verack arrived. */
  onVerack(context: HandshakeContext): void;
}

/** Settings of one {@linkcode Handshake}. */
export interface HandshakeOptions {
  readonly role: Role;
  readonly profile: HandshakeProfile;
  /** The version to send; its nonce is fresh for every connection. */
  readonly local: VersionMessage;
  /**
   * Whether a nonce is one of our own unfinished outbound connections, which
   * makes the inbound connection that carries it a connection to ourselves
   * (Core's `CheckIncomingNonce`).
   */
  readonly isOwnNonce?: (nonce: bigint) => boolean;
}

const EMPTY = new Uint8Array(0);

/** One handshake, from the first byte to the second `verack` or a failure. */
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

  /** Whether the handshake goes on, succeeded or failed. */
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

  /** Whether our `verack` is out: what we send from here on follows the features. */
  get verackSent(): boolean {
    return this.#verackSent;
  }

  /** Whether the peer's `verack` came: what it sends from here on follows the features. */
  get verackReceived(): boolean {
    return this.#verackReceived;
  }

  /** The connection is there: the initiator says `version`, the responder nothing. */
  start(): HandshakeAction[] {
    if (this.role === "initiator") this.#sendVersion();
    return this.#takeActions();
  }

  /** One frame came. */
  receive(frame: Frame): HandshakeAction[] {
    if (this.#state !== "running") {
      throw new TypeError(
        `Cannot receive a frame: the handshake is ${this.#state}`,
      );
    }
    this.#frames++;
    // Core puts up with any number until the deadline.
    if (this.#profile.strict && this.#frames > MAX_HANDSHAKE_FRAMES) {
      this.fail(
        "protocol",
        `Cannot open session: more than ${MAX_HANDSHAKE_FRAMES} messages before verack`,
        "too-many-frames",
      );
    } else if (frame.fault !== undefined) {
      // Core drops such a message and keeps the connection; over TLS a fault
      // cannot be an accident of the network, so the mesh closes.
      if (this.#profile.strict) {
        const error = faultError(frame.fault);
        this.fail(error.code, error.message, reasonOf(error));
      }
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

  fail(code: ErrorCode, message: string, reject?: ReasonName): void {
    if (this.#state !== "running") return;
    this.#state = "failed";
    const error = new VerackError(code, message);
    this.#actions.push(
      reject === undefined
        ? { type: "fail", error }
        : { type: "fail", error, reject },
    );
  }

  #dispatch(command: string, payload: Uint8Array): void {
    this.#profile.observe?.("in", command, payload);
    try {
      if (command === COMMAND.version) {
        if (this.#remote === undefined) this.#onVersion(decodeVersion(payload));
      } else if (this.#remote === undefined) {
        this.#profile.beforeVersion?.(command, payload, this);
      } else if (this.#verackReceived) {
        // Ours is still due; nothing may come before it but what is ignored.
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
      // Core logs a payload it cannot parse and goes on; a bad version thus ends
      // in the handshake's deadline.
      if (this.#profile.strict) {
        this.fail(error.code, error.message, reasonOf(error));
      }
    }
  }

  #onVersion(remote: VersionMessage): void {
    if (remote.version < this.#profile.minimumVersion) {
      return this.fail(
        "obsolete",
        `Cannot open session: protocol version is ${remote.version}, must be >= ${this.#profile.minimumVersion}`,
        this.#profile.strict ? "obsolete" : undefined,
      );
    }
    // Core checks only what comes in; a dialer that hears its own nonce back
    // has reached itself, or an echo, just the same.
    const own = this.role === "responder"
      ? this.#isOwnNonce(remote.nonce)
      : remote.nonce === this.local.nonce;
    if (own) {
      return this.fail(
        "self",
        "Cannot open session: the connection leads back to this node",
        this.#profile.strict ? "self" : undefined,
      );
    }
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
