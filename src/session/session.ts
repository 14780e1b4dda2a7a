/**
 * A session: one connection, from the first byte of its handshake to its close. It
 * runs the {@linkcode Handshake}, answers `ping`, checks the heartbeat and closes
 * with `bye`; every other message goes to the handler registered for its command.
 */
import { FRAME_TIMEOUT_MS } from "./session_limits.ts";
import { VerackError } from "../core/errors.ts";
import { DEAD_AFTER_MS, HEARTBEAT_MS, WRITE_TIMEOUT_MS } from "../limits.ts";
import type { Clock } from "../core/clock.ts";
import type { Connection } from "../transport/transport.ts";
import { COMMAND } from "../wire/commands.ts";
import type { Frame } from "../wire/frame.ts";
import {
  decodeBitcoinPing,
  decodePing,
  encodePong,
} from "../wire/messages/ping.ts";
import { decodeReason, encodeReason, REASON } from "../wire/messages/reason.ts";
import type { VersionMessage } from "../wire/messages/version.ts";
import { FrameStream } from "./frame_stream.ts";
import {
  abortError,
  byeError,
  deadError,
  endOfStreamError,
  evictedError,
  faultError,
  frameTimeoutError,
  isTold,
  queueFullError,
  reasonOf,
  rejectError,
  stalledError,
} from "./close_reason.ts";
import { Handshake, type HandshakeAction, type Role } from "./handshake.ts";
import { Heartbeat } from "./heartbeat.ts";
import { watchOpening } from "./opening_deadline.ts";
import { Pacer } from "./pacer.ts";
import type { FrameHandler, SessionOptions } from "./session_options.ts";
import type { SharedFrame } from "./shared_frame.ts";

export type { FrameHandler, SessionOptions } from "./session_options.ts";

/** State of the handshake. */
interface Opening {
  readonly options: SessionOptions;
  readonly handshake: Handshake;
  readonly done: PromiseWithResolvers<void>;
  cancelDeadline: () => void;
}

const NO_FEATURES: ReadonlySet<string> = new Set();

/** One connection to one peer. */
export class Session {
  readonly role: Role;
  readonly connection: Connection;
  readonly #clock: Clock;
  readonly #handlers = new Map<string, FrameHandler>();
  #pinged: ((text: string | undefined) => void) | undefined;
  #ended: ((error: VerackError) => void) | undefined;
  readonly #observe: SessionOptions["observe"];
  readonly #strict: boolean;
  readonly #stream: FrameStream;
  readonly #heartbeat: Heartbeat;
  readonly #closed = Promise.withResolvers<VerackError>();
  /** Dropped when the session is open, to keep open sessions small. */
  #opening: Opening | undefined;
  #opened = false;
  #remote: VersionMessage | undefined;
  #features = NO_FEATURES;
  #answersPings = false;
  /** Created by the first message that needs pacing. */
  #pacer: Pacer | undefined;

  private constructor(options: SessionOptions) {
    this.role = options.role;
    this.connection = options.connection;
    this.#clock = options.clock;
    this.#observe = options.observe;
    this.#strict = options.profile.strict;
    this.#opening = {
      options,
      handshake: new Handshake(options),
      done: Promise.withResolvers<void>(),
      cancelDeadline: () => {},
    };
    this.#stream = new FrameStream({
      ...options,
      onFrame: (frame) => this.#onFrame(frame),
      onFault: (error) => this.#onFault(error),
      onEvict: (what) => this.closeWith(evictedError(what, this.queuedBytes)),
      onEnd: () => endOfStreamError(this.#opened),
      onClose: (error) => this.#onClose(error),
    });
    const { heartbeatMs = HEARTBEAT_MS, deadAfterMs = DEAD_AFTER_MS } = options;
    this.#heartbeat = new Heartbeat({
      ...options,
      heartbeatMs,
      deadAfterMs,
      sendPing: (payload) => this.send(COMMAND.ping, payload),
    });
    this.handle(COMMAND.ping, (payload) => this.#onPing(payload));
    this.handle(COMMAND.pong, (payload) => this.#heartbeat.onPong(payload));
    if (!this.#strict) return;
    for (const command of [COMMAND.bye, COMMAND.reject]) {
      this.handle(command, (payload) => this.#onBye(command, payload));
    }
  }

  /**
   * Opens a session over a connection: resolves when both ends have sent `verack`.
   * It rejects with what ended the handshake once the connection is closed.
   */
  static async open(options: SessionOptions): Promise<Session> {
    const session = new Session(options);
    await session.#open(session.#opening!);
    return session;
  }

  /**
   * Registers the one handler of a command. A command without one is ignored. Call
   * it in `onOpen`: the next message may be in the same read as the `verack`.
   */
  handle(command: string, handler: FrameHandler): void {
    this.#handlers.set(command, handler);
  }

  /** Registers what is called for each ping, with its text, if any: unescaped and bounded. */
  onPing(listener: (text: string | undefined) => void): void {
    this.#pinged = listener;
  }

  /** Registers what is called once, synchronously, when the open session ends. */
  onClose(listener: (error: VerackError) => void): void {
    this.#ended = listener;
  }

  /** Whether messages can be sent. */
  get isOpen(): boolean {
    return this.#opened && this.#stream.isOpen;
  }

  /** Resolves, never rejects, with the reason once the connection is closed. */
  get closed(): Promise<VerackError> {
    return this.#closed.promise;
  }

  /** The peer's version message. */
  get remote(): VersionMessage {
    if (this.#remote === undefined) {
      throw new TypeError("Session is not open yet");
    }
    return this.#remote;
  }

  /** Features that the peer announced. */
  get features(): ReadonlySet<string> {
    return this.#features;
  }

  /** Last measured round trip in milliseconds. */
  get rttMs(): number | undefined {
    return this.#heartbeat.rttMs;
  }

  /** Limits the unconfirmed bytes of messages. */
  get pacer(): Pacer {
    return this.#pacer ??= new Pacer({
      clock: this.#clock,
      ping: (settle) => this.#heartbeat.measure(settle),
      minRttMs: () => this.#heartbeat.minRttMs,
    });
  }

  /** Size of the read buffer, bytes. */
  get readBufferBytes(): number {
    return this.#stream.readBufferBytes;
  }

  /** Bytes that wait to be written. */
  get queuedBytes(): number {
    return this.#stream.writer.queuedBytes;
  }

  /** Queues a message, of which it copies `payload`. False if not open; a full queue ends it. */
  send(command: string, payload: Uint8Array): boolean {
    if (!this.#admit(payload.length)) return false;
    this.#push(command, payload);
    return true;
  }

  /** {@linkcode send} for a message that is encoded once for many sessions. */
  sendShared(frame: SharedFrame): boolean {
    if (!this.#admit(frame.payload.length)) return false;
    this.#stream.writer.pushShared(frame);
    return true;
  }

  /** Resolves when at most `bytes` wait to be written, or the session has ended. */
  drained(bytes = 0): Promise<void> {
    return this.#stream.writer.drained(bytes);
  }

  /** Sends a ping that many sessions share, and measures the round trip. */
  ping(nonce: bigint, frame: SharedFrame): boolean {
    if (!this.sendShared(frame)) return false;
    this.#heartbeat.expect(nonce);
    return true;
  }

  /** Whether the peer answers a ping in time. */
  probe(timeoutMs: number): Promise<boolean> {
    return this.#heartbeat.probe(timeoutMs);
  }

  /**
   * Checks heartbeat and deadlines; to be called several times a heartbeat.
   * `pausedMs` is how long this process was suspended, which does not count.
   */
  tick(pausedMs: number): void {
    if (!this.isOpen) return;
    const stream = this.#stream;
    stream.compensate(pausedMs);
    const now = this.#clock.monotonic();
    this.#pacer?.compensate(pausedMs);
    const [stalledMs, bytes] = this.#pacer?.stall(now) ?? [0, 0];
    if (Math.max(stalledMs, stream.writer.stalledMs(now)) >= WRITE_TIMEOUT_MS) {
      const waiting = Math.max(bytes, this.queuedBytes);
      this.closeWith(stalledError(waiting));
    } else if (
      this.#strict &&
      stream.incompleteMs(now) >= FRAME_TIMEOUT_MS
    ) {
      void this.leave(frameTimeoutError(), { discard: true });
    } else if (this.#heartbeat.beat(stream.progress) === "dead") {
      this.closeWith(deadError(stream.silentMs(now)));
    }
  }

  /** Pings now, so that a broken connection is noticed. */
  check(): void {
    if (this.isOpen) this.#heartbeat.check();
  }

  /**
   * Sends `bye` with the reason of `error`, reads on until the peer has closed its end or `FLUSH_TIMEOUT_MS`
   * have passed, then closes; with `discard` what still comes is not handled.
   */
  async leave(
    error: VerackError,
    options: { readonly discard?: boolean } = {},
  ): Promise<void> {
    if (this.isOpen) {
      this.#say(COMMAND.bye, error, "");
      this.#stream.drain(error, { discard: options.discard ?? false });
    }
    await this.#closed.promise;
  }

  /** Closes without telling the peer anything. */
  close(error: VerackError): void {
    this.#stream.close(error);
  }

  /** Closes without waiting, and tells the peer why if that can be written at once. */
  closeWith(error: VerackError): void {
    if (!this.#strict || !this.#stream.isOpen) return this.close(error);
    const command = this.#opened ? COMMAND.bye : COMMAND.reject;
    const code = REASON[reasonOf(error)];
    const payload = encodeReason({ code, text: error.message });
    this.#stream.closeWith(error, command, payload);
  }

  // --- Opening ---------------------------------------------------------------

  async #open(opening: Opening): Promise<void> {
    const { signal } = opening.options;
    const end = (error: VerackError) =>
      isTold(error) ? this.closeWith(error) : this.close(error);
    opening.cancelDeadline = watchOpening(opening.options, end);
    if (signal?.aborted) end(abortError(signal.reason));
    else this.#perform(opening, opening.handshake.start());
    this.#stream.start();
    await opening.done.promise;
  }

  #perform(opening: Opening, actions: HandshakeAction[]): void {
    for (const action of actions) {
      if (action.type === "send") {
        this.#push(action.command, action.payload);
      } else if (action.type === "complete") {
        this.#complete(opening);
      } else if (action.reject === undefined) {
        this.close(action.error);
      } else {
        const { error, reject } = action;
        const text = error.message;
        const payload = encodeReason({ code: REASON[reject], text });
        this.#stream.writer.push(COMMAND.reject, payload);
        this.#stream.drain(action.error, { discard: true });
      }
    }
  }

  #complete({ options, handshake, done, cancelDeadline }: Opening): void {
    const { onOpen, profile } = options;
    const { features, pongsAbove = -Infinity } = profile;
    const plain = features.has(COMMAND.nochecksum) &&
      handshake.features.has(COMMAND.nochecksum);
    this.#stream.open({ checksums: !plain });
    cancelDeadline();
    this.#opening = undefined;
    this.#opened = true;
    this.#heartbeat.opened();
    this.#remote = handshake.remote;
    this.#features = handshake.features;
    this.#answersPings = handshake.commonVersion > pongsAbove;
    done.resolve();
    onOpen?.(this);
  }

  // --- Frames ----------------------------------------------------------------

  #onFrame(frame: Frame): void {
    this.#observe?.("in", frame);
    const opening = this.#opening;
    if (opening !== undefined) {
      return this.#perform(opening, opening.handshake.receive(frame));
    }
    try {
      if (frame.fault !== undefined) throw faultError(frame.fault);
      this.#handlers.get(frame.command)?.(frame.payload);
    } catch (error) {
      // Bitcoin Core drops a message it cannot parse and keeps the connection.
      if (this.#strict || !(error instanceof VerackError)) throw error;
    }
  }

  #onPing(payload: Uint8Array): void {
    const decode = this.#strict ? decodePing : decodeBitcoinPing;
    const { nonce, text }: { nonce?: bigint; text?: string } = decode(payload);
    if (nonce !== undefined && this.#answersPings) {
      this.send(COMMAND.pong, encodePong({ nonce }));
    }
    this.#pinged?.(text);
  }

  /** Sends what is queued, then closes. A `reject` here has crossed our `verack`. */
  #onBye(command: string, payload: Uint8Array): void {
    const reason = decodeReason(payload);
    const error = (command === COMMAND.bye ? byeError : rejectError)(reason);
    this.#stream.drain(error, { discard: false });
    this.drained().then(() => this.close(error));
  }

  /** A frame broke a rule: tells the peer, then closes. */
  #onFault(error: VerackError): void {
    if (!this.#strict || !this.#stream.isOpen) return this.close(error);
    const command = this.#opened ? COMMAND.bye : COMMAND.reject;
    this.#say(command, error, error.message);
    this.#stream.drain(error, { discard: true });
  }

  #onClose(error: VerackError): void {
    this.#opening?.cancelDeadline();
    this.#heartbeat.stop();
    this.#pacer?.close();
    this.#ended?.(error);
    const done = this.#opening?.done;
    this.#stream.released.then(() => this.#closed.resolve(error));
    this.#stream.released.then(() => done?.reject(error));
  }

  // --- Sending ---------------------------------------------------------------

  #admit(payloadBytes: number): boolean {
    if (!this.isOpen) return false;
    if (this.#stream.writer.fits(payloadBytes)) return true;
    this.closeWith(queueFullError(this.queuedBytes, payloadBytes));
    return false;
  }

  #push(command: string, payload: Uint8Array): void {
    this.#observe?.("out", { command, payload });
    this.#stream.writer.push(command, payload);
  }

  #say(command: string, error: VerackError, text: string): void {
    const code = REASON[reasonOf(error)];
    this.#stream.writer.push(command, encodeReason({ code, text }));
  }
}
