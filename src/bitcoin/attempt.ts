/**
 * One connection to a Bitcoin peer, from dialing to the close: the handshake under
 * one deadline, then whatever the caller wants the session for. Probe and crawl
 * are made of it.
 */
import { deadline } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import {
  BITCOIN_IDLE_TIMEOUT_MS,
  BITCOIN_PING_MS,
  BITCOIN_READ_BUFFER_BYTES,
  MAX_BITCOIN_QUEUE_BYTES,
} from "../limits.ts";
import { BitcoinProfile } from "../session/bitcoin_profile.ts";
import { Session } from "../session/session.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import type { Connection } from "../transport/transport.ts";
import { COMMAND } from "../wire/commands.ts";
import type { Frame } from "../wire/frame.ts";
import type { VersionMessage } from "../wire/messages/version.ts";
import { probeError } from "./probe_error.ts";
import type { PeerMessage } from "./probe_options.ts";
import type { ProbeResult } from "./probe_result.ts";
import type { ProbeSettings } from "./probe_settings.ts";
import { Recorder } from "./recorder.ts";
import { makeResult } from "./make_result.ts";
import { versionFor } from "./version_fields.ts";

/** What to do besides the handshake. */
export interface AttemptHooks {
  readonly signal?: AbortSignal | undefined;
  /** Longest payload that is kept once the session is open, bytes. */
  readonly keepPayload: number;
  readonly onMessage?: ((message: PeerMessage) => void) | undefined;
  /** The handshake is complete; registers the handlers of the messages that follow. */
  readonly onOpen?: (session: Session) => void;
  /**
   * The handshake is complete. The session is closed when the promise settles.
   */
  readonly whileOpen?: (
    session: Session,
    result: ProbeResult,
    recorder: Recorder,
  ) => Promise<void>;
}

/**
 * Dials, does the handshake, runs `whileOpen`, closes.
 *
 * @returns The result of the handshake, and why the session ended if it did so by
 * itself afterwards.
 * @throws the signal's reason if it aborted before the handshake was complete;
 * what is wrong with us; what `whileOpen` or a callback threw.
 */
export async function attempt(
  target: Address,
  settings: ProbeSettings,
  hooks: AttemptHooks,
): Promise<{ result: ProbeResult; ended?: VerackError }> {
  const { signal } = hooks;
  signal?.throwIfAborted();
  const link = new Link(target, settings, hooks);
  const { recorder } = link;
  try {
    return await link.run();
  } catch (error) {
    if (recorder.thrown !== undefined) throw recorder.thrown.error;
    if (signal?.aborted) throw signal.reason;
    throw error;
  } finally {
    link.close();
  }
}

/** One for all: making an error costs more than any other step of a good probe. */
const PROBE_OVER = new VerackError("stopped", "The probe is over");

class Link {
  readonly recorder: Recorder;
  readonly #target: Address;
  readonly #settings: ProbeSettings;
  readonly #hooks: AttemptHooks;
  #connection: Connection | undefined;
  #session: Session | undefined;
  readonly #profile = new BitcoinProfile();
  /** Whether our verack had left when the peer's came. */
  #verackLeft = false;
  /** Announced when it was too late, which Core ends the session for. */
  #lateFeature: string | undefined;

  constructor(target: Address, settings: ProbeSettings, hooks: AttemptHooks) {
    this.#target = target;
    this.#settings = settings;
    this.#hooks = hooks;
    const { clock } = settings;
    const { onMessage } = hooks;
    this.recorder = new Recorder({ clock, profile: this.#profile, onMessage });
  }

  async run(): Promise<{ result: ProbeResult; ended?: VerackError }> {
    const { recorder } = this;
    let session: Session;
    try {
      session = await this.#shakeHands();
    } catch (error) {
      if (recorder.thrown !== undefined || this.#hooks.signal?.aborted) {
        throw error;
      }
      const connected = this.#connection !== undefined;
      const { timeoutMs } = this.#settings;
      const seen = { recorder, connected, timeoutMs };
      return { result: this.#result(probeError(error, seen)) };
    }
    const result = this.#result();
    recorder.endHandshake();
    let ended: VerackError | undefined;
    session.closed.then((error) => ended = error);
    await this.#hooks.whileOpen?.(session, result, recorder);
    if (recorder.thrown !== undefined) throw recorder.thrown.error;
    return ended === undefined ? { result } : { result, ended };
  }

  close(): void {
    this.#session?.close(PROBE_OVER);
    this.#connection?.close();
  }

  async #shakeHands(): Promise<Session> {
    const { clock, random, timeoutMs, transport, ownNonces } = this.#settings;
    const { signal, keepPayload } = this.#hooks;
    using limit = deadline(clock, timeoutMs, signal);
    const connection = await transport.dial(this.#target, {
      signal: limit.signal,
    });
    this.#connection = connection;
    const { remoteAddress } = connection;
    const local = this.#local(remoteAddress);
    ownNonces.add(local.nonce);
    try {
      const session = await Session.open({
        connection,
        role: "initiator",
        magic: this.#settings.network.magic,
        profile: this.#profile,
        local,
        onOpen: (session) => this.#onOpen(session),
        observe: (direction, frame) => this.#observe(direction, frame),
        keepPayload,
        initialReadBytes: BITCOIN_READ_BUFFER_BYTES,
        clock,
        random,
        heartbeatMs: BITCOIN_PING_MS,
        deadAfterMs: BITCOIN_IDLE_TIMEOUT_MS,
        handshakeTimeoutMs: Infinity, // The signal knows when the time is up.
        signal: limit.signal,
      });
      await this.#verackSent(session, limit.signal);
      if (this.#lateFeature !== undefined) {
        closeLate(session, this.#lateFeature);
      }
      this.#verackLeft = true;
      return session;
    } finally {
      ownNonces.delete(local.nonce);
    }
  }

  #local(remote: Address): VersionMessage {
    const { fields, clock, random } = this.#settings;
    return versionFor(fields, remote, { clock, random });
  }

  /** Complete means that our verack has left, too. */
  async #verackSent(session: Session, limit: AbortSignal): Promise<void> {
    if (this.#verackLeft) return;
    const onAbort = () =>
      session.close(
        new VerackError(
          "timeout",
          "Cannot send verack: the peer does not read",
        ),
      );
    limit.addEventListener("abort", onAbort, { once: true });
    if (limit.aborted) onAbort();
    await session.drained();
    limit.removeEventListener("abort", onAbort);
    if (!session.isOpen) throw await session.closed;
  }

  #observe(direction: "in" | "out", frame: Frame): void {
    this.recorder.observe(direction, frame);
    if (this.recorder.thrown !== undefined) this.#connection?.close();
  }

  #onOpen(session: Session): void {
    this.#session = session;
    this.#verackLeft = session.queuedBytes === 0;
    this.recorder.endHandshake();
    session.onPing(() => closeIfSlow(session));
    for (const command of LATE_FEATURES) {
      session.handle(command, () => {
        // The handshake is complete all the same, if only our verack gets away.
        if (this.#verackLeft) closeLate(session, command);
        this.#lateFeature ??= command;
      });
    }
    this.#hooks.onOpen?.(session);
  }

  #result(error?: ReturnType<typeof probeError>): ProbeResult {
    return makeResult({
      address: formatAddress(this.#target),
      network: this.#settings.network.name,
      recorder: this.recorder,
      features: [...this.#profile.announced],
      ...(error && { error }),
    });
  }
}

/** Core disconnects a peer that announces one of these after verack (BIP155, BIP339). */
export const LATE_FEATURES: readonly string[] = [
  COMMAND.sendaddrv2,
  COMMAND.wtxidrelay,
];

/** Ends a session on which one of {@linkcode LATE_FEATURES} came. */
export function closeLate(session: Session, command: string): void {
  session.close(
    new VerackError("protocol", `Peer sent ${command} after verack`),
  );
}

/** Who asks and does not read the answers is not served for ever. */
export function closeIfSlow(session: Session): void {
  const { queuedBytes } = session;
  if (queuedBytes <= MAX_BITCOIN_QUEUE_BYTES) return;
  session.close(
    new VerackError(
      "slow",
      `Peer does not read: ${queuedBytes} bytes wait for it, must be at most ${MAX_BITCOIN_QUEUE_BYTES}`,
    ),
  );
}
