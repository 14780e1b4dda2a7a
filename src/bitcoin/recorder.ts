/**
 * Watches one connection: which messages passed and when, and what was dropped
 * that the handshake would have needed. It judges nothing; what it noted explains
 * a failure (`probe_result.ts`).
 */
import type { Clock } from "../core/clock.ts";
import { escapeText } from "../core/escape.ts";
import { VerackError } from "../core/errors.ts";
import { MAX_PROBE_EVENTS } from "./bitcoin_limits.ts";
import type { BitcoinProfile } from "../session/bitcoin_profile.ts";
import { faultError } from "../session/close_reason.ts";
import { COMMAND } from "../wire/commands.ts";
import type { Frame } from "../wire/frame.ts";
import { decodeLegacyReject } from "../wire/messages/reason.ts";
import {
  decodeVersion,
  type VersionMessage,
} from "../wire/messages/version.ts";
import type { PeerMessage } from "./probe_options.ts";
import type {
  Dropped,
  ProbeErrorKind,
  ProbeEvent,
  Recorded,
} from "./probe_result.ts";

/** Characters of a peer's `reject` that are shown. */
const REJECT_CHARS = 120;

/** Settings of a {@linkcode Recorder}. */
export interface RecorderOptions {
  readonly clock: Clock;
  /** Knows which version was accepted. */
  readonly profile: BitcoinProfile;
  /** Told of every message; what it throws is kept for {@linkcode Recorder.thrown}. */
  readonly onMessage?: ((message: PeerMessage) => void) | undefined;
}

/** What passed on one connection. */
export class Recorder implements Recorded {
  readonly #options: RecorderOptions;
  readonly #startedAt: number;
  readonly #events: ProbeEvent[] = [];
  /** The last version before one was accepted: decoded only when it is needed. */
  #versionPayload: Uint8Array | undefined;
  #versionAt = 0;
  #dropped: Dropped & { readonly awaited: string } | undefined;
  #reject: string | undefined;
  #handshaking = true;
  #thrown: { readonly error: unknown } | undefined;

  /** Begins to count the time. */
  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#startedAt = options.clock.monotonic();
  }

  /** Milliseconds since the beginning, to the microsecond. */
  get elapsedMs(): number {
    const elapsed = this.#options.clock.monotonic() - this.#startedAt;
    return Math.round(elapsed * 1_000) / 1_000;
  }

  /** The messages of the handshake. */
  get events(): readonly ProbeEvent[] {
    return this.#events;
  }

  /** The version that was accepted, or the last one if it can be read at all. */
  get version(): VersionMessage | undefined {
    const read = this.#options.profile.remote ?? this.#readVersion();
    return read instanceof VerackError ? undefined : read;
  }

  get versionAt(): number {
    return this.#versionAt;
  }

  get awaited(): "version" | "verack" {
    return this.#options.profile.remote === undefined
      ? COMMAND.version
      : COMMAND.verack;
  }

  get dropped(): Dropped | undefined {
    const { awaited } = this;
    if (this.#dropped?.awaited === awaited) return this.#dropped;
    const read = awaited === COMMAND.version ? this.#readVersion() : undefined;
    return read instanceof VerackError
      ? { kind: "malformed", why: read.message }
      : undefined;
  }

  get reject(): string | undefined {
    return this.#reject;
  }

  /** What a callback threw: a mistake of the caller, not of the peer. */
  get thrown(): { readonly error: unknown } | undefined {
    return this.#thrown;
  }

  /** The handshake is over: messages are passed on, but no longer kept. */
  endHandshake(): void {
    this.#handshaking = false;
  }

  /** A message passed. */
  observe(direction: "in" | "out", frame: Frame): void {
    const { command } = frame;
    const atMs = this.elapsedMs;
    if (this.#handshaking) {
      if (this.#events.length < MAX_PROBE_EVENTS) {
        this.#events.push({ direction, command, atMs });
      }
      if (direction === "in") this.#note(frame);
    }
    const { onMessage } = this.#options;
    if (onMessage === undefined) return;
    const { payload, dropped: bytes = payload.length } = frame;
    const dropped = direction === "in" ? this.#fault(frame) : undefined;
    const message = { direction, command, payload, bytes, atMs };
    this.guard(() =>
      onMessage(dropped === undefined ? message : { ...message, dropped })
    );
  }

  /** Calls back; what it throws is kept, and nothing is called after that. */
  guard(callback: () => void): void {
    if (this.#thrown !== undefined) return;
    try {
      callback();
    } catch (error) {
      this.#thrown = { error };
    }
  }

  /** Keeps what may explain a failure. */
  #note({ command, payload, fault }: Frame): void {
    const { awaited } = this;
    if (fault !== undefined) {
      // A name that cannot be read may have been that of what we wait for.
      if (fault !== "bad-command" && command !== awaited) return;
      const kind = kindOf(fault);
      this.#dropped = { kind, why: faultError(fault).message, awaited };
    } else if (command === COMMAND.reject) {
      this.#readReject(payload);
    } else if (command === COMMAND.version && awaited === COMMAND.version) {
      this.#versionPayload = payload.slice();
      this.#versionAt = this.#options.clock.now();
      this.#dropped = undefined;
    }
  }

  /** Why a message is dropped, if it is. */
  #fault({ command, fault }: Frame): ProbeErrorKind | undefined {
    if (fault !== undefined) return kindOf(fault);
    const isFirst = command === COMMAND.version && this.#handshaking &&
      this.awaited === COMMAND.version;
    const read = isFirst ? this.#readVersion() : undefined;
    return read instanceof VerackError ? "malformed" : undefined;
  }

  #readVersion(): VersionMessage | VerackError | undefined {
    if (this.#versionPayload === undefined) return undefined;
    try {
      return decodeVersion(this.#versionPayload);
    } catch (error) {
      if (error instanceof VerackError) return error;
      throw error;
    }
  }

  #readReject(payload: Uint8Array): void {
    try {
      const { reason } = decodeLegacyReject(payload);
      this.#reject = escapeText(reason, { max: REJECT_CHARS });
    } catch (error) {
      if (!(error instanceof VerackError)) throw error;
    }
  }
}

function kindOf(fault: NonNullable<Frame["fault"]>): ProbeErrorKind {
  return fault === "bad-command" ? "malformed" : fault;
}
