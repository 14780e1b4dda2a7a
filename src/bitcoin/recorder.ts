/**
 * Watches one connection: which messages passed and when, which version came
 * first, and what was dropped that the handshake would have needed. It judges
 * nothing; what it noted explains an end (`probe_error.ts`).
 */
import type { Clock } from "../clock.ts";
import { escapeText } from "../escape.ts";
import { VerackError } from "../errors.ts";
import { MAX_PROBE_EVENTS } from "../limits.ts";
import { faultError } from "../session/ends.ts";
import { COMMAND } from "../wire/commands.ts";
import type { Frame } from "../wire/frame.ts";
import { decodeLegacyReject } from "../wire/messages/legacy_reject.ts";
import {
  decodeVersion,
  type VersionMessage,
} from "../wire/messages/version.ts";
import type { PeerMessage } from "./probe_options.ts";
import type { ProbeErrorKind, ProbeEvent } from "./probe_result.ts";

/** Characters of a peer's `reject` that are shown. */
const REJECT_CHARS = 120;

/** A needed message that was dropped. */
export interface Dropped {
  readonly kind: ProbeErrorKind;
  /** What was wrong with it, one line. */
  readonly why: string;
}

/** Settings of a {@linkcode Recorder}. */
export interface RecorderOptions {
  readonly clock: Clock;
  /** Told of every message; what it throws is kept for {@linkcode Recorder.thrown}. */
  readonly onMessage?: ((message: PeerMessage) => void) | undefined;
}

/** What passed on one connection. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #startedAt: number;
  readonly #events: ProbeEvent[] = [];
  #version: VersionMessage | undefined;
  #versionAt = 0;
  #dropped: Dropped | undefined;
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

  /** The peer's first version that could be read, whether it was accepted or not. */
  get version(): VersionMessage | undefined {
    return this.#version;
  }

  /** The wall clock when {@linkcode version} came, milliseconds since the Unix epoch. */
  get versionAt(): number {
    return this.#versionAt;
  }

  /** The last message dropped for which the handshake may still be waiting. */
  get dropped(): Dropped | undefined {
    return this.#dropped;
  }

  /** What the peer's `reject` said (BIP61), escaped. */
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
    const { command, payload } = frame;
    const atMs = this.elapsedMs;
    const dropped = direction === "in" ? this.#judge(frame) : undefined;
    if (this.#handshaking && this.#events.length < MAX_PROBE_EVENTS) {
      this.#events.push({ direction, command, atMs });
    }
    const { onMessage } = this.#options;
    if (onMessage === undefined) return;
    const bytes = frame.dropped ?? payload.length;
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

  /** Why a message is dropped, if it is. */
  #judge(frame: Frame): ProbeErrorKind | undefined {
    const { command, fault } = frame;
    if (fault !== undefined) {
      const kind = fault === "bad-command" ? "malformed" : fault;
      // A name that cannot be read may have been that of what we wait for.
      const needed = fault === "bad-command" || this.#waitsFor(command);
      if (needed) this.#note(kind, faultError(fault).message);
      return kind;
    }
    if (command === COMMAND.version) return this.#judgeVersion(frame.payload);
    if (command === COMMAND.reject) this.#readReject(frame.payload);
    return undefined;
  }

  #judgeVersion(payload: Uint8Array): ProbeErrorKind | undefined {
    if (this.#version !== undefined) return undefined;
    try {
      this.#version = decodeVersion(payload);
      this.#versionAt = this.#options.clock.now();
      this.#dropped = undefined;
      return undefined;
    } catch (error) {
      if (!(error instanceof VerackError)) throw error;
      this.#note("malformed", error.message);
      return "malformed";
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

  #waitsFor(command: string): boolean {
    return command ===
      (this.#version === undefined ? COMMAND.version : COMMAND.verack);
  }

  #note(kind: ProbeErrorKind, why: string): void {
    if (this.#handshaking) this.#dropped = { kind, why };
  }
}
