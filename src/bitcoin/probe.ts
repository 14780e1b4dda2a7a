/**
 * `probe()` and `probeAll()`: do the handshake with one Bitcoin node, or with many, and return
 * the results. One connection, from dialing to the close, is {@linkcode attempt}, which a crawl
 * uses as well.
 */
import { type Clock, DeadlineError } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { type Inputs, pool } from "../core/pool.ts";
import { SharedSignal } from "../core/shared_timers.ts";
import { MAX_HANDSHAKE_PAYLOAD_BYTES } from "../wire/wire_limits.ts";
import {
  BITCOIN_IDLE_TIMEOUT_MS,
  BITCOIN_PING_MS,
  BITCOIN_PROBE_CONCURRENCY,
  BITCOIN_READ_BUFFER_BYTES,
  BITCOIN_TICK_MS,
  MAX_BITCOIN_CONCURRENCY,
  MAX_BITCOIN_QUEUE_BYTES,
} from "./bitcoin_limits.ts";
import { BitcoinProfile } from "../session/bitcoin_profile.ts";
import { Session } from "../session/session.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import type { Connection } from "../transport/transport.ts";
import { COMMAND } from "../wire/commands.ts";
import {
  checkCount,
  type PeerMessage,
  type ProbeAllOptions,
  type ProbeOptions,
  type ProbeSettings,
  probeSettings,
  targetOf,
  versionFor,
} from "./probe_options.ts";
import { plainError, type ProbeResult } from "./probe_result.ts";
import { Recorder, withEnd } from "./recorder.ts";

/**
 * Does the handshake with the node at `address` by Bitcoin Core's rules and resolves with the
 * result, whatever the peer or the network does. With
 * `stay` it resolves when the session is over. Needs `--allow-net`.
 *
 * @param address `host:port` or a host alone, which means the network's port.
 * @throws {TypeError} when `address` is no address, {RangeError} when an option
 * is out of its range.
 * @throws {VerackError} for what is wrong with us: `permission`, and `full` when
 * we have no descriptor left.
 * @throws the signal's reason when it aborts before the handshake is complete,
 * and what a callback throws.
 *
 * @example
 * ```ts
 * import { probe } from "./probe.ts";
 * import { respond } from "./respond.ts";
 *
 * await using node = await respond({ network: "regtest", port: 0 });
 * const result = await probe(node.address, { network: "regtest" });
 * console.assert(result.ok && result.protocolVersion === 70016);
 * ```
 */
export async function probe(
  address: string | Address,
  options: ProbeOptions = {},
): Promise<ProbeResult> {
  const settings = probeSettings(options);
  const target = targetOf(address, settings.network.port);
  using signal = new SharedSignal(options.signal);
  return await probeTarget(target, settings, { ...options, signal });
}

/**
 * Probes each of `addresses` as {@linkcode probe} does, at most `concurrency` at
 * once, each with its own deadline, and gives the results in order of completion.
 *
 * Addresses are pulled one by one, when another probe can start; results that have not been
 * consumed count as probes. `break` aborts the probes under way and waits for them.
 *
 * @throws {TypeError} {RangeError} at once for misuse, and from the iteration for
 * an address that is none.
 * @throws from the iteration: as {@linkcode probe}, and what `addresses` throws.
 *
 * @example
 * ```ts
 * import { probeAll } from "./probe.ts";
 * import { respond } from "./respond.ts";
 *
 * await using node = await respond({ network: "regtest", port: 0 });
 * for await (const result of probeAll([node.address], { network: "regtest" })) {
 *   console.assert(result.ok);
 * }
 * ```
 */
export function probeAll(
  addresses: Inputs<string | Address>,
  options: ProbeAllOptions = {},
): AsyncGenerator<ProbeResult, void, void> {
  if (typeof addresses === "string") {
    throw new TypeError(
      "Cannot probe: addresses is a string, must be an iterable of addresses",
    );
  }
  const { signal, onOpen, onMessage } = options;
  const settings = probeSettings(options);
  const concurrency = checkCount(
    "concurrency",
    options.concurrency ?? BITCOIN_PROBE_CONCURRENCY,
    MAX_BITCOIN_CONCURRENCY,
  );
  let stops: SharedSignal | undefined;
  const work = (address: string | Address, stop: AbortSignal) => {
    stops ??= new SharedSignal(stop); // It is the same for all.
    const target = targetOf(address, settings.network.port);
    const name = formatAddress(target);
    return probeTarget(target, settings, {
      signal: stops,
      ...(onOpen && { onOpen }),
      ...(onMessage && { onMessage: (message) => onMessage(message, name) }),
    });
  };
  return pool(addresses, work, { concurrency, signal });
}

async function probeTarget(
  target: Address,
  settings: ProbeSettings,
  options: Pick<ProbeOptions, "onOpen" | "onMessage"> & {
    readonly signal: SharedSignal;
  },
): Promise<ProbeResult> {
  const { signal, onOpen, onMessage } = options;
  const { result, ended } = await attempt(target, settings, {
    signal,
    keepPayload: MAX_HANDSHAKE_PAYLOAD_BYTES,
    onMessage,
    whileOpen: (session, result, recorder) => {
      recorder.guard(() => onOpen?.(result));
      if (!settings.stay || recorder.thrown !== undefined) return;
      return untilOver(session, settings.clock, signal);
    },
  });
  const error = settings.stay && ended ? plainError(ended) : undefined;
  return error === undefined ? result : withEnd(result, error);
}

/** Resolves when the session has ended. A silent peer is pinged, then disconnected, as by Core. */
async function untilOver(
  session: Session,
  clock: Clock,
  signal: SharedSignal,
): Promise<void> {
  let cancel = () => {};
  const tick = () => {
    session.tick(0);
    cancel = clock.after(BITCOIN_TICK_MS, tick);
  };
  tick();
  using _stop = signal.onAbort(() => session.close(PROBE_OVER));
  await session.closed;
  cancel();
}

// --- One connection ----------------------------------------------------------

/** What to do besides the handshake. */
export interface AttemptHooks {
  readonly signal: SharedSignal;
  /** Longest payload that is kept once the session is open, bytes. */
  readonly keepPayload: number;
  readonly onMessage?: ((message: PeerMessage) => void) | undefined;
  /** The handshake is complete; registers the handlers of the messages that follow. */
  readonly onOpen?: (session: Session) => void;
  /** The handshake is complete. Without a promise the session is closed, else when it settles. */
  readonly whileOpen: (
    session: Session,
    result: ProbeResult,
    recorder: Recorder,
  ) => Promise<void> | void;
}

/** Shared, because making an error costs more than any other step of a successful probe. */
const PROBE_OVER = new VerackError("stopped", "The probe is over");

/**
 * Dials, does the handshake, runs `whileOpen`, closes. Resolves with the result of
 * the handshake, and why the session ended if it did so by itself afterwards.
 *
 * Throws the signal's reason if it aborted before the handshake was complete, what
 * is wrong with us, and what `whileOpen` or a callback threw.
 */
export async function attempt(
  target: Address,
  settings: ProbeSettings,
  hooks: AttemptHooks,
): Promise<{ result: ProbeResult; ended?: VerackError }> {
  const { signal } = hooks;
  if (signal.aborted) throw signal.reason;
  const link = new Attempt(target, settings, hooks);
  const { recorder } = link;
  try {
    return await link.run();
  } catch (error) {
    if (recorder.thrown !== undefined) throw recorder.thrown.error;
    if (signal.aborted) throw signal.reason;
    throw error;
  } finally {
    link.close();
  }
}

class Attempt {
  readonly recorder: Recorder;
  readonly #target: Address;
  readonly #settings: ProbeSettings;
  readonly #hooks: AttemptHooks;
  readonly #profile = new BitcoinProfile();
  #connection: Connection | undefined;
  #session: Session | undefined;
  /** Whether our verack had been sent when the peer's came. */
  #verackLeft = false;
  /** A feature that was announced after verack, for which Core ends the session. */
  #lateFeature: string | undefined;
  /** Settled when reading goes on after the handshake, or the session is closed. */
  readonly #readOn = Promise.withResolvers<void>();

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
    const address = formatAddress(this.#target);
    const target = { address, network: this.#settings.network.name };
    let session: Session;
    try {
      session = await this.#shakeHands();
    } catch (error) {
      if (recorder.thrown !== undefined || this.#hooks.signal.aborted) {
        throw error;
      }
      const connected = this.#connection !== undefined;
      const { timeoutMs } = this.#settings;
      const failure = recorder.failure(error, { connected, timeoutMs });
      return { result: recorder.result(target, failure) };
    }
    const result = recorder.result(target);
    let ended: VerackError | undefined;
    session.closed.then((error) => ended = error);
    const isOver = this.#hooks.whileOpen(session, result, recorder);
    if (isOver !== undefined) {
      this.#readOn.resolve();
      await isOver;
    }
    if (recorder.thrown !== undefined) throw recorder.thrown.error;
    return ended === undefined ? { result } : { result, ended };
  }

  close(): void {
    this.#session?.close(PROBE_OVER);
    this.#connection?.close();
    this.#readOn.resolve();
  }

  async #shakeHands(): Promise<Session> {
    const { clock, random, transport, ownNonces, fields, network } =
      this.#settings;
    using limit = this.#limit();
    const { signal } = limit;
    const connection = await transport.dial(this.#target, { signal });
    this.#connection = connection;
    const local = versionFor(fields, connection.remoteAddress, {
      clock,
      random,
    });
    ownNonces.add(local.nonce);
    try {
      const session = await Session.open({
        connection,
        role: "initiator",
        magic: network.magic,
        profile: this.#profile,
        local,
        observe: (direction, frame) => {
          this.recorder.observe(direction, frame);
          if (this.recorder.thrown !== undefined) connection.close();
        },
        keepPayload: this.#hooks.keepPayload,
        initialReadBytes: BITCOIN_READ_BUFFER_BYTES,
        clock,
        random,
        heartbeatMs: BITCOIN_PING_MS,
        deadAfterMs: BITCOIN_IDLE_TIMEOUT_MS,
        handshakeTimeoutMs: Infinity, // The signal knows when the time is up.
        signal,
      }, (session) => this.#onOpen(session));
      await this.#verackSent(session, signal);
      if (this.#lateFeature !== undefined) {
        closeLate(session, this.#lateFeature);
      }
      this.#verackLeft = true;
      return session;
    } finally {
      ownNonces.delete(local.nonce);
    }
  }

  /** Aborts at the deadline, or when the probe is to be given up. */
  #limit(): { readonly signal: AbortSignal } & Disposable {
    const { clock, timeoutMs } = this.#settings;
    const controller = new AbortController();
    const message = `Signal timed out after ${timeoutMs} ms`;
    const cancel = clock.after(
      timeoutMs,
      () => controller.abort(new DeadlineError(message)),
    );
    const stop = this.#hooks.signal.onAbort(() =>
      controller.abort(this.#hooks.signal.reason)
    );
    return {
      signal: controller.signal,
      [Symbol.dispose]() {
        cancel();
        stop[Symbol.dispose]();
      },
    };
  }

  /** The handshake is complete only when our verack has been sent, too. */
  async #verackSent(session: Session, limit: AbortSignal): Promise<void> {
    if (this.#verackLeft) return;
    const onAbort = () => {
      const message = "Cannot send verack: the peer does not read";
      session.close(new VerackError("timeout", message));
    };
    limit.addEventListener("abort", onAbort, { once: true });
    if (limit.aborted) onAbort();
    await session.drained();
    if (!session.isOpen) throw await session.closed;
  }

  /** A probe that is over now needs no further read, which would fail when it closes. */
  #onOpen(session: Session): Promise<void> {
    this.#session = session;
    this.#verackLeft = session.queuedBytes === 0;
    this.recorder.endHandshake();
    handleCommon(session, (command) => {
      // The handshake is complete all the same if our verack can be sent.
      if (this.#verackLeft) closeLate(session, command);
      this.#lateFeature ??= command;
    });
    this.#hooks.onOpen?.(session);
    return this.#readOn.promise;
  }
}

// --- Rules of every open session ---------------------------------------------

/**
 * Closes a session at too many requests without a read of the answers. Core disconnects when one
 * of two features is announced after verack (BIP155, BIP339): for these `onLate` is called.
 */
export function handleCommon(
  session: Session,
  onLate: (command: string) => void = (command) => closeLate(session, command),
): void {
  session.onPing(() => {
    const { queuedBytes } = session;
    if (queuedBytes <= MAX_BITCOIN_QUEUE_BYTES) return;
    session.close(
      new VerackError(
        "slow",
        `Peer does not read: ${queuedBytes} bytes wait for it, must be at most ${MAX_BITCOIN_QUEUE_BYTES}`,
      ),
    );
  });
  for (const command of [COMMAND.sendaddrv2, COMMAND.wtxidrelay]) {
    session.handle(command, () => onLate(command));
  }
}

function closeLate(session: Session, command: string): void {
  session.close(
    new VerackError("protocol", `Peer sent ${command} after verack`),
  );
}
