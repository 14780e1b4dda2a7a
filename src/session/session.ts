/**
 * A session: one connection, from the first byte of its handshake to its close.
 *
 * It runs the pure {@linkcode Handshake}, reads and decodes frames, gathers and
 * writes what is sent, answers `ping`, and ends politely with `bye`. One reader
 * and one writer loop; every wait has a deadline. What the messages mean, and who
 * may be at the other end, is left to the {@linkcode SessionHandler}.
 */
import type { Clock, Random } from "../clock.ts";
import { messageOf, VerackError } from "../errors.ts";
import {
  DEAD_AFTER_MS,
  FLUSH_TIMEOUT_MS,
  HANDSHAKE_TIMEOUT_MS,
  HEARTBEAT_MS,
  MAX_HANDSHAKE_PAYLOAD_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_PENDING_PINGS,
  NUDGE_AFTER_MS,
  NUDGE_DELAYS_MS,
  READ_BUFFER_MIN_BYTES,
  WRITE_TIMEOUT_MS,
} from "../limits.ts";
import type { Connection } from "../transport/transport.ts";
import { COMMAND } from "../wire/commands.ts";
import { type Frame, FrameDecoder } from "../wire/frame.ts";
import {
  decodePing,
  decodePong,
  encodePing,
  encodePong,
} from "../wire/messages/ping.ts";
import { decodeReason, encodeReason } from "../wire/messages/reason.ts";
import type { VersionMessage } from "../wire/messages/version.ts";
import { REASON, type ReasonName } from "../wire/reasons.ts";
import { describeReason } from "./describe_reason.ts";
import {
  Handshake,
  type HandshakeAction,
  type HandshakeProfile,
  type Role,
} from "./handshake.ts";
import { livenessStep } from "./liveness.ts";
import { Outbox } from "./outbox.ts";
import type { SharedFrame } from "./shared_frame.ts";

/** What the owner of a session is told, always synchronously and in order. */
export interface SessionHandler {
  /** The handshake is complete; called before any frame is handed over. */
  onOpen(session: Session): void;
  /**
   * A frame came that the session does not handle itself. Its payload is valid
   * only during the call. Throwing a {@linkcode VerackError} ends the session
   * with that reason.
   */
  onFrame(session: Session, frame: Frame): void;
  /** A ping came; its text, if any, is unescaped and bounded. */
  onPing?(session: Session, text: string | undefined): void;
  /** The session ended; called once, and only if {@linkcode onOpen} was. */
  onClose(session: Session, error: VerackError): void;
}

/** Settings of one session. */
export interface SessionOptions {
  /** Owned by the session from here on. */
  readonly connection: Connection;
  readonly role: Role;
  readonly magic: Uint8Array;
  readonly profile: HandshakeProfile;
  /** The version to send, with a fresh nonce. */
  readonly local: VersionMessage;
  readonly isOwnNonce?: (nonce: bigint) => boolean;
  readonly handler: SessionHandler;
  readonly clock: Clock;
  readonly random: Random;
  /** Deadline for the whole handshake. @default {10_000} */
  readonly handshakeTimeoutMs?: number;
  /** @default {1_000} */
  readonly heartbeatMs?: number;
  /** @default {3_000} */
  readonly deadAfterMs?: number;
  /** Aborts the handshake; an open session is ended by its methods instead. */
  readonly signal?: AbortSignal;
}

type State = "opening" | "open" | "draining" | "closed";

/** One connection with its handshake and what follows. */
export class Session {
  readonly role: Role;
  readonly connection: Connection;
  readonly #options: SessionOptions;
  readonly #handshake: Handshake;
  readonly #decoder: FrameDecoder;
  readonly #outbox = new Outbox();
  readonly #pings = new Map<bigint, PendingPing>();
  readonly #done = Promise.withResolvers<VerackError>();
  #state: State = "opening";
  #opened = false;
  #checksums = true;
  #pumping = false;
  #answered = false;
  #faulty = false;
  #endError: VerackError | undefined;
  #cancelDeadline: (() => void) | undefined;
  #cancelNudge: (() => void) | undefined;
  #drainWaiters: (() => void)[] = [];
  #lastReceived: number;
  #lastPing = -Infinity;
  #lastProgress: number;
  #rttMs: number | undefined;

  private constructor(options: SessionOptions) {
    this.#options = options;
    this.role = options.role;
    this.connection = options.connection;
    this.#handshake = new Handshake(options);
    this.#decoder = new FrameDecoder({
      magic: options.magic,
      maxPayload: MAX_HANDSHAKE_PAYLOAD_BYTES,
    });
    this.#lastReceived = this.#lastProgress = options.clock.monotonic();
  }

  /**
   * Opens a session over a connection; resolves when both `verack`s are through.
   * The connection is closed before the promise rejects.
   *
   * @throws {VerackError} what ended the handshake; `timeout` when its deadline
   * passed, `aborted` when the signal fired.
   */
  static async open(options: SessionOptions): Promise<Session> {
    const session = new Session(options);
    await session.#open();
    return session;
  }

  /** Whether messages can be sent. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Resolves, never rejects, with the reason when the session has ended. */
  get closed(): Promise<VerackError> {
    return this.#done.promise;
  }

  /** The peer's version message. */
  get remote(): VersionMessage {
    const { remote } = this.#handshake;
    if (remote === undefined) throw new TypeError("Session is not open yet");
    return remote;
  }

  /** Names of the features the peer announced. */
  get features(): ReadonlySet<string> {
    return this.#handshake.features;
  }

  /** Last measured round trip in milliseconds. */
  get rttMs(): number | undefined {
    return this.#rttMs;
  }

  /** Bytes that wait to be written. */
  get queuedBytes(): number {
    return this.#outbox.bytes;
  }

  /**
   * Queues a message; `payload` is copied. False if the session is not open, or
   * if its queue is full, which ends it as `slow`.
   */
  send(command: string, payload: Uint8Array): boolean {
    if (!this.#admit(payload.length)) return false;
    this.#push(command, payload);
    return true;
  }

  /** Like {@linkcode send}, with a message that is encoded once for many sessions. */
  sendShared(frame: SharedFrame): boolean {
    if (!this.#admit(frame.payload.length)) return false;
    this.#outbox.pushEncoded(frame.encoded(this.#checksums));
    this.#startPump();
    return true;
  }

  /** Resolves when at most `bytes` wait to be written, or the session has ended. */
  async drained(bytes = 0): Promise<void> {
    while (this.#state !== "closed" && this.#outbox.bytes > bytes) {
      await new Promise<void>((resolve) => this.#drainWaiters.push(resolve));
    }
  }

  /** Sends a ping that carries text, and measures the round trip. */
  ping(nonce: bigint, frame: SharedFrame): boolean {
    if (!this.sendShared(frame)) return false;
    this.#expectPong(nonce, () => {});
    return true;
  }

  /** Whether the peer answers a ping within `timeoutMs`. */
  probe(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const nonce = this.#randomNonce();
      if (!this.send(COMMAND.ping, encodePing({ nonce }))) {
        return resolve(false);
      }
      const cancel = this.#options.clock.after(timeoutMs, () => {
        this.#pings.delete(nonce);
        resolve(false);
      });
      this.#expectPong(nonce, (answered) => {
        cancel();
        resolve(answered);
      });
    });
  }

  /**
   * Looks after the heartbeat and the write deadline; the owner calls it several
   * times a heartbeat. `pausedMs` is how long this process itself stood still,
   * which is not held against the peer.
   */
  tick(pausedMs: number): void {
    if (this.#state !== "open") return;
    const now = this.#options.clock.monotonic();
    this.#lastReceived += pausedMs;
    this.#lastProgress += pausedMs;
    const { heartbeatMs = HEARTBEAT_MS, deadAfterMs = DEAD_AFTER_MS } =
      this.#options;
    if (this.#pumping && now - this.#lastProgress >= WRITE_TIMEOUT_MS) {
      return this.close(
        new VerackError(
          "slow",
          `Cannot send: the peer read nothing for ${WRITE_TIMEOUT_MS} ms while ${this.#outbox.bytes} bytes wait`,
        ),
      );
    }
    const step = livenessStep({
      now,
      lastReceived: this.#lastReceived,
      lastPing: this.#lastPing,
      heartbeatMs,
      deadAfterMs,
    });
    if (step === "dead") {
      this.close(
        new VerackError("dead", `Peer is silent for ${deadAfterMs} ms`),
      );
    } else if (step === "ping") {
      this.#lastPing = now;
      const nonce = this.#randomNonce();
      if (this.send(COMMAND.ping, encodePing({ nonce }))) {
        this.#expectPong(nonce, () => {});
      }
    }
  }

  /**
   * Says `bye`, goes on reading until the peer has closed its end or
   * `FLUSH_TIMEOUT_MS` have passed, then closes. Resolves when closed.
   */
  async leave(reason: ReasonName, error: VerackError): Promise<void> {
    if (this.#state === "open") {
      this.#push(COMMAND.bye, encodeReason({ code: REASON[reason], text: "" }));
      this.#drain(error);
    }
    await this.#done.promise;
  }

  /** Closes at once. */
  close(error: VerackError): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#endError = error;
    this.#cancelDeadline?.();
    this.#cancelNudge?.();
    this.connection.close();
    this.#outbox.clear();
    for (const ping of this.#pings.values()) ping.settle(false);
    this.#pings.clear();
    this.#wakeDrainWaiters();
    if (this.#opened) this.#options.handler.onClose(this, error);
    this.#done.resolve(error);
  }

  // --- Opening ---------------------------------------------------------------

  async #open(): Promise<void> {
    const { clock, signal, handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS } =
      this.#options;
    const onAbort = () => this.close(abortError(signal?.reason));
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#cancelDeadline = clock.after(handshakeTimeoutMs, () =>
      this.close(
        new VerackError(
          "timeout",
          `Cannot open session: no verack within ${handshakeTimeoutMs} ms`,
        ),
      ));
    const opened = Promise.withResolvers<void>();
    this.#onOpened = opened.resolve;
    if (this.#state === "opening") {
      this.#perform(this.#handshake.start());
      this.#scheduleNudge(0);
    }
    this.#read();
    try {
      const error = await Promise.race([opened.promise, this.#done.promise]);
      if (error !== undefined && !this.#opened) throw error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  #onOpened: () => void = () => {};

  #perform(actions: HandshakeAction[]): void {
    for (const action of actions) {
      if (action.type === "send") {
        this.#push(action.command, action.payload);
      } else if (action.type === "complete") {
        this.#complete();
      } else if (action.reject === undefined) {
        this.close(action.error);
      } else {
        const reason = {
          code: REASON[action.reject],
          text: action.error.message,
        };
        this.#push(COMMAND.reject, encodeReason(reason));
        this.#drain(action.error);
      }
    }
  }

  #complete(): void {
    const plain = this.#handshake.features.has(COMMAND.nochecksum) &&
      this.#options.profile.features.has(COMMAND.nochecksum);
    this.#checksums = !plain;
    this.#decoder.verifyChecksum = !plain;
    this.#decoder.maxPayload = MAX_PAYLOAD_BYTES;
    this.#cancelDeadline?.();
    this.#state = "open";
    this.#opened = true;
    this.#options.handler.onOpen(this);
    this.#onOpened();
  }

  /** See {@linkcode Handshake.nudge}. */
  #scheduleNudge(attempt: number): void {
    const delay = NUDGE_DELAYS_MS[attempt];
    if (delay === undefined || !this.#mustNudge) return;
    this.#cancelNudge = this.#options.clock.after(delay, () => {
      this.#cancelNudge = undefined;
      if (this.#state !== "opening") return;
      const actions = this.#handshake.nudge();
      this.#perform(actions);
      if (actions.length > 0) this.#scheduleNudge(attempt + 1);
    });
  }

  get #mustNudge(): boolean {
    return this.#options.profile.strict &&
      this.connection.peerDelaysSmallWrites === true;
  }

  // --- Reading ---------------------------------------------------------------

  /**
   * Whether what comes is thrown away: after a refusal or a broken frame nothing
   * more is believed, but closing with bytes unread would reset the connection
   * and destroy the reason that is on its way.
   */
  get #discards(): boolean {
    return this.#state === "draining" && (!this.#opened || this.#faulty);
  }

  async #read(): Promise<void> {
    const { clock } = this.#options;
    try {
      while (this.#state !== "closed") {
        const count = await this.connection.read(
          this.#discards
            ? new Uint8Array(READ_BUFFER_MIN_BYTES)
            : this.#decoder.space(),
        );
        if (count === null) {
          this.close(this.#endError ?? this.#endOfStream());
          return;
        }
        if (this.#discards) continue;
        this.#lastReceived = clock.monotonic();
        this.#answered = true;
        this.#decoder.commit(count);
        this.#consume();
        if (!this.#answered) this.#answerSoon();
      }
    } catch (error) {
      this.#failRead(error);
    }
  }

  #consume(): void {
    try {
      for (
        let frame = this.#decoder.next();
        frame !== undefined;
        frame = this.#decoder.next()
      ) {
        if (this.#state === "opening") {
          this.#perform(this.#handshake.receive(frame));
        } else {
          this.#onSessionFrame(frame);
        }
        if (this.#discards || this.#state === "closed") return;
      }
    } catch (error) {
      if (!(error instanceof VerackError)) throw error;
      this.#fault(error);
    }
  }

  #onSessionFrame(frame: Frame): void {
    const { handler, profile } = this.#options;
    if (frame.fault !== undefined) {
      // Core drops such a message and keeps the connection.
      if (!profile.strict) return;
      throw new VerackError(
        frame.fault,
        `Cannot read frame: it has a ${frame.fault.replace("-", " ")}`,
      );
    }
    switch (frame.command) {
      case COMMAND.nudge:
        return;
      case COMMAND.pong:
        return this.#onPong(frame.payload);
      case COMMAND.ping:
        this.#answered = false;
        return this.#onPing(frame.payload);
      case COMMAND.bye:
        if (profile.strict) return this.#onBye(frame.payload);
    }
    this.#answered = false;
    handler.onFrame(this, frame);
  }

  #onPing(payload: Uint8Array): void {
    const { nonce, text } = decodePing(payload);
    if (nonce !== undefined) this.send(COMMAND.pong, encodePong({ nonce }));
    this.#options.handler.onPing?.(this, text);
  }

  #onPong(payload: Uint8Array): void {
    const { nonce } = decodePong(payload);
    const ping = this.#pings.get(nonce);
    if (ping === undefined) return;
    this.#pings.delete(nonce);
    this.#rttMs = this.#options.clock.monotonic() - ping.sentAt;
    ping.settle(true);
  }

  /** The peer leaves: send what is queued, then close. */
  #onBye(payload: Uint8Array): void {
    const reason = decodeReason(payload);
    const error = new VerackError(
      codeOfBye(reason.code),
      `Peer said bye: ${describeReason(reason)}`,
    );
    if (this.#outbox.bytes === 0) return this.close(error);
    this.#drain(error);
    this.drained().then(() => this.close(error));
  }

  /** A frame broke a rule: tell the peer, then close. */
  #fault(error: VerackError): void {
    this.#faulty = true;
    if (this.#state === "draining" || !this.#options.profile.strict) {
      return this.close(error);
    }
    const command = this.#opened ? COMMAND.bye : COMMAND.reject;
    const code = error.code === "bad-magic" ? "wrong-network" : "bad-frame";
    this.#push(
      command,
      encodeReason({ code: REASON[code], text: error.message }),
    );
    this.#drain(error);
  }

  #failRead(error: unknown): void {
    this.close(
      this.#endError ??
        (error instanceof VerackError
          ? error
          : new VerackError("closed", `Session failed: ${messageOf(error)}`, {
            cause: error,
          })),
    );
  }

  #endOfStream(): VerackError {
    return new VerackError(
      "closed",
      this.#opened
        ? "Peer closed the connection without saying bye"
        : "Cannot open session: the peer closed the connection before its verack",
    );
  }

  // --- Writing ---------------------------------------------------------------

  #admit(payloadBytes: number): boolean {
    if (this.#state !== "open") return false;
    if (this.#outbox.fits(payloadBytes)) return true;
    this.close(
      new VerackError(
        "slow",
        `Cannot send: ${this.#outbox.bytes} bytes wait for the peer, and ${payloadBytes} more do not fit`,
      ),
    );
    return false;
  }

  #push(command: string, payload: Uint8Array): void {
    this.#outbox.pushFrame(
      this.#options.magic,
      command,
      payload,
      this.#checksums,
    );
    this.#startPump();
  }

  /** Starts the writer after the current turn, so that one turn makes one write. */
  #startPump(): void {
    this.#answered = true;
    if (this.#pumping) return;
    this.#pumping = true;
    this.#lastProgress = this.#options.clock.monotonic();
    queueMicrotask(() => this.#pump());
  }

  async #pump(): Promise<void> {
    const { clock } = this.#options;
    try {
      for (
        let bytes = this.#outbox.take();
        bytes !== undefined;
        bytes = this.#outbox.take()
      ) {
        let rest = bytes;
        while (rest.length > 0) {
          const count = await this.connection.write(rest);
          this.#lastProgress = clock.monotonic();
          rest = rest.subarray(count);
        }
        this.#outbox.wrote();
        if (this.#drainWaiters.length > 0) this.#wakeDrainWaiters();
      }
      this.#pumping = false;
    } catch (error) {
      this.#pumping = false;
      this.#failRead(error);
    }
  }

  #wakeDrainWaiters(): void {
    const waiters = this.#drainWaiters;
    this.#drainWaiters = [];
    for (const wake of waiters) wake();
  }

  /** No more is sent but what is queued; closes at the peer's end or the deadline. */
  #drain(error: VerackError): void {
    this.#state = "draining";
    this.#endError = error;
    this.#cancelDeadline?.();
    this.#cancelDeadline = this.#options.clock.after(
      FLUSH_TIMEOUT_MS,
      () => this.close(error),
    );
  }

  /**
   * The peer's next small write may wait for the acknowledgement of this one
   * (Nagle). If nothing else goes out soon, an empty frame carries it.
   */
  #answerSoon(): void {
    if (this.#cancelNudge !== undefined || !this.#mustNudge) return;
    this.#cancelNudge = this.#options.clock.after(NUDGE_AFTER_MS, () => {
      this.#cancelNudge = undefined;
      if (!this.#answered) this.send(COMMAND.nudge, EMPTY);
    });
  }

  // --- Pings -----------------------------------------------------------------

  #expectPong(nonce: bigint, settle: (answered: boolean) => void): void {
    if (this.#pings.size >= MAX_PENDING_PINGS) {
      const oldest = this.#pings.keys().next().value as bigint;
      this.#pings.get(oldest)?.settle(false);
      this.#pings.delete(oldest);
    }
    const sentAt = this.#options.clock.monotonic();
    this.#pings.set(nonce, { sentAt, settle });
  }

  #randomNonce(): bigint {
    return new DataView(this.#options.random.bytes(8).buffer).getBigUint64(0);
  }
}

interface PendingPing {
  readonly sentAt: number;
  readonly settle: (answered: boolean) => void;
}

const EMPTY = new Uint8Array(0);

function abortError(reason: unknown): VerackError {
  if (reason instanceof VerackError) return reason;
  const isTimeout = reason instanceof DOMException &&
    reason.name === "TimeoutError";
  return new VerackError(
    isTimeout ? "timeout" : "aborted",
    `Cannot open session: ${isTimeout ? "its time is up" : "aborted"}`,
    { cause: reason },
  );
}

function codeOfBye(code: number): "duplicate" | "identity-in-use" | "left" {
  if (code === REASON.duplicate) return "duplicate";
  return code === REASON["identity-in-use"] ? "identity-in-use" : "left";
}
