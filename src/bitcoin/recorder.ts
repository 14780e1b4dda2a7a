/**
 * Records the messages of one connection and their times, and those that were dropped although
 * the handshake required them; makes the result.
 */
import { type Clock, isTimeout } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import type { BitcoinProfile } from "../session/bitcoin_profile.ts";
import { faultError } from "../session/close_reason.ts";
import { COMMAND } from "../wire/commands.ts";
import type { Frame } from "../wire/frame.ts";
import { decodeLegacyReject } from "../wire/messages/reason.ts";
import {
  decodeVersion,
  type VersionMessage,
} from "../wire/messages/version.ts";
import { MAX_PROBE_EVENTS } from "./bitcoin_limits.ts";
import { networkOfMagic } from "./networks.ts";
import type { PeerMessage } from "./probe_options.ts";
import {
  bounded,
  escaped,
  kindOf,
  type ProbeError,
  type ProbeErrorKind,
  type ProbeEvent,
  type ProbeResult,
} from "./probe_result.ts";
import { serviceNames, servicesHex } from "./service_flags.ts";

/** Characters of a peer's `reject` that are shown. */
const REJECT_CHARS = 120;

const BEGIN = "Cannot complete handshake: ";

/** `JSON.rawJSON` (ECMAScript proposal JSON.parse source text access): digits as they are. */
const RAW_JSON = (JSON as { rawJSON?: (text: string) => unknown }).rawJSON;

const UTF8 = new TextDecoder();

/** A message that was dropped although the handshake waited for it. */
interface Dropped {
  readonly kind: ProbeErrorKind;
  readonly why: string;
  readonly awaited: string;
}

/** Settings of a {@linkcode Recorder}. */
export interface RecorderOptions {
  readonly clock: Clock;
  /** The handshake, which has the version that was accepted. */
  readonly profile: BitcoinProfile;
  /** Called with every message; what it throws is kept for {@linkcode Recorder.thrown}. */
  readonly onMessage?: ((message: PeerMessage) => void) | undefined;
}

/** What passed on one connection. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #startedAt: number;
  readonly #events: ProbeEvent[] = [];
  /** The last version before one was accepted: decoded only when it is needed. */
  #versionPayload: Uint8Array | undefined;
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

  /** What a callback threw: a mistake of the caller, not of the peer. */
  get thrown(): { readonly error: unknown } | undefined {
    return this.#thrown;
  }

  /** The handshake is over: messages are passed to the callback, but no longer recorded. */
  endHandshake(): void {
    this.#handshaking = false;
  }

  /** Records a message. */
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

  /**
   * The result at this moment. Its enumerable properties are the JSON contract, in that
   * order, and none is there that is unknown.
   */
  result(
    target: { readonly address: string; readonly network: string },
    error?: ProbeError,
  ): ProbeResult {
    const version = this.#version;
    const offset = version && timeOffset(version, this.#versionAt);
    const contract = {
      ...target,
      ok: error === undefined,
      ...(version && {
        protocolVersion: version.version,
        services: serviceNames(version.services),
        servicesHex: servicesHex(version.services),
        userAgent: shown(version.userAgent),
        startHeight: version.startHeight,
        relay: version.relay,
        timeOffsetSeconds: Number(offset),
        features: [...this.#options.profile.announced],
      }),
      events: this.#events.slice(),
      durationMs: this.elapsedMs,
      ...(error && { error }),
    };
    return Object.defineProperties(contract, {
      version: { value: version },
      ended: { value: undefined, configurable: true },
      toJSON: { value: () => withExactOffset(contract, offset) },
    }) as ProbeResult & typeof contract;
  }

  /**
   * Why the handshake failed; throws `error` if neither the peer nor the network caused it.
   * `timeoutMs` is its deadline.
   */
  failure(
    error: unknown,
    seen: { readonly connected: boolean; readonly timeoutMs: number },
  ): ProbeError {
    const kind = kindOf(error);
    if (kind === undefined) throw error;
    const { cause, code, message } = error as VerackError;
    if (kind === "bad-magic") {
      const hint = hintOfMagic(message);
      return { kind, message: bounded(escaped(message) + hint) };
    }
    if (kind !== "timeout" && kind !== "closed") {
      return { kind, message: bounded(escaped(message)) };
    }
    const awaited = seen.connected ? this.#awaited : "connection";
    let how = escaped(bare(message));
    if (isTimeout(cause)) {
      how = `no ${awaited} within ${seen.timeoutMs} ms`;
    } else if (code === "closed" && message.startsWith("Cannot open session")) {
      // The stream ended without a reason; any other `closed` has its own.
      how = `the peer closed the connection before its ${awaited}`;
    }
    const dropped = this.#droppedAwaited();
    if (dropped !== undefined) {
      const why = escaped(bare(dropped.why));
      how = `${BEGIN}its ${awaited} was dropped (${why}); ${how}`;
      return { kind: dropped.kind, message: bounded(how) };
    }
    if (this.#reject !== undefined) how += `; it said "${this.#reject}"`;
    const begin = seen.connected ? BEGIN : "Cannot dial: ";
    return { kind, message: bounded(begin + how) };
  }

  /** The version that was accepted, or the last one if it can be read at all. */
  get #version(): VersionMessage | undefined {
    const read = this.#options.profile.remote ?? this.#readVersion();
    return read instanceof VerackError ? undefined : read;
  }

  /** The message that the handshake waits for. */
  get #awaited(): "version" | "verack" {
    return this.#options.profile.remote === undefined
      ? COMMAND.version
      : COMMAND.verack;
  }

  #droppedAwaited(): Pick<Dropped, "kind" | "why"> | undefined {
    const awaited = this.#awaited;
    if (this.#dropped?.awaited === awaited) return this.#dropped;
    const read = awaited === COMMAND.version ? this.#readVersion() : undefined;
    return read instanceof VerackError
      ? { kind: "malformed", why: read.message }
      : undefined;
  }

  /** Keeps what may explain a failure. */
  #note({ command, payload, fault }: Frame): void {
    const awaited = this.#awaited;
    if (fault !== undefined) {
      // A command that cannot be read may have been the one that is awaited.
      if (fault !== "bad-command" && command !== awaited) return;
      const kind = kindOfFault(fault);
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
    if (fault !== undefined) return kindOfFault(fault);
    const isFirst = command === COMMAND.version && this.#handshaking &&
      this.#awaited === COMMAND.version;
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

function kindOfFault(fault: NonNullable<Frame["fault"]>): ProbeErrorKind {
  return fault === "bad-command" ? "malformed" : fault;
}

/** Adds the end of the session to a result. */
export function withEnd(result: ProbeResult, ended: ProbeError): ProbeResult {
  return Object.defineProperty(result, "ended", { value: ended });
}

/** An offset beyond 2^53 keeps its digits in JSON. */
function withExactOffset(
  contract: { readonly timeOffsetSeconds?: number },
  offset: bigint | undefined,
): Record<string, unknown> {
  const { timeOffsetSeconds: rounded } = contract;
  return rounded === undefined || Number.isSafeInteger(rounded) || !RAW_JSON
    ? { ...contract }
    : { ...contract, timeOffsetSeconds: RAW_JSON(`${offset}`) };
}

/** Most user agents are plain ASCII, which is much faster to escape as text. */
function shown(userAgent: Uint8Array): string {
  const isPlain = userAgent.every((byte) => byte >= 0x20 && byte < 0x7f);
  return escapeText(isPlain ? UTF8.decode(userAgent) : userAgent);
}

/** Core: theirs minus ours; a negative time counts as 0. */
function timeOffset({ timestamp }: VersionMessage, nowMs: number): bigint {
  const theirs = timestamp < 0n ? 0n : timestamp;
  return theirs - BigInt(Math.floor(nowMs / 1_000));
}

/** The cause in an error message, after "Cannot …: ". */
function bare(message: string): string {
  return message.replace(/^Cannot .*?: /, "");
}

/** What a wrong magic may mean; the bytes are only ever shown as hex. */
function hintOfMagic(message: string): string {
  const seen = /magic is ([0-9a-f]{8}),/.exec(message)?.[1];
  const other = seen === undefined ? undefined : networkOfMagic(seen);
  return other === undefined
    ? "; it may be on another network, or speak the v2 transport (BIP324) only"
    : `; the peer is on ${other.name}`;
}
