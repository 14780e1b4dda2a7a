/**
 * A session: one connection, from the first byte of its handshake to its close. It
 * runs the {@linkcode Handshake}, answers `ping`, checks the heartbeat and closes
 * with `bye`; every other message goes to the handler registered for its command.
 */
import type { Clock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { SessionTraffic } from "../core/node_counters.ts";
import {
  DEAD_AFTER_MS,
  FRAME_TIMEOUT_MS,
  HANDSHAKE_TIMEOUT_MS,
  HEARTBEAT_MS,
  WRITE_TIMEOUT_MS,
} from "./session_limits.ts";
import type { Connection } from "../transport/transport.ts";
import { joined } from "../wire/bytes.ts";
import { COMMAND } from "../wire/commands.ts";
import type { Frame, SharedFrame } from "../wire/frame.ts";
import {
  decodeReason,
  encodeReason,
  REASON,
  type ReasonName,
} from "../wire/messages/reason.ts";
import type { VersionMessage } from "../wire/messages/version.ts";
import {
  closedByPeerError,
  deadError,
  endOfStreamError,
  evictedError,
  faultError,
  frameTimeoutError,
  hasReason,
  queueFullError,
  reasonOf,
  stalledError,
  watchOpening,
} from "./close_reason.ts";
import { FrameStream } from "./frame_stream.ts";
import type { FrameWriter } from "./frame_writer.ts";
import { Handshake, type HandshakeAction, type Role } from "./handshake.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Pacer } from "./pacer.ts";
import { SendTurns } from "./send_turns.ts";
import type {
  FrameHandler,
  OpenHandler,
  SessionOpening,
  SessionOptions,
} from "./session_options.ts";

type Opening = SessionOpening<Session>;

const NO_FEATURES: ReadonlySet<string> = new Set();

/** One connection to one peer. */
export class Session {
  readonly role: Role;
  readonly connection: Connection;
  /** What it has sent and received. */
  readonly traffic: SessionTraffic;
  readonly #clock: Clock;
  readonly #handlers = new Map<string, FrameHandler>();
  #ended: ((error: VerackError) => void) | undefined;
  readonly #observe: SessionOptions["observe"];
  readonly #strict: boolean;
  readonly #stream: FrameStream;
  readonly #heartbeat: Heartbeat;
  readonly #closed = Promise.withResolvers<VerackError>();
  #opening: Opening | undefined;
  #opened = false;
  #remote: VersionMessage | undefined;
  #features = NO_FEATURES;
  /** Created by the first message that needs pacing. */
  #pacer: Pacer | undefined;
  #turns: SendTurns | undefined;

  private constructor(options: SessionOptions, onOpen: Opening["onOpen"]) {
    const { connection, clock, meter, random } = options;
    this.role = options.role;
    this.connection = connection;
    this.traffic = new SessionTraffic(options.counters);
    this.#clock = clock;
    this.#observe = options.observe;
    this.#strict = options.profile.strict;
    this.#opening = {
      onOpen,
      handshake: new Handshake(options),
      done: Promise.withResolvers<void>(),
      unwatch: () => {},
    };
    // Field by field, so that the rest of `options` can be collected.
    this.#stream = new FrameStream({
      connection,
      clock,
      traffic: this.traffic,
      magic: options.magic,
      keepPayload: options.keepPayload,
      initialReadBytes: options.initialReadBytes,
      meter,
      budget: options.budget,
      hasStanding: options.hasStanding,
      onFrame: (frame) => this.#onFrame(frame),
      onFault: (error) => this.#onFault(error),
      onEvict: (what) => this.closeWith(evictedError(what, this.queuedBytes)),
      onEnd: () => endOfStreamError(this.#opened),
      onClose: (error) => this.#onClose(error),
    });
    this.#heartbeat = new Heartbeat({
      clock,
      random,
      heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS,
      deadAfterMs: options.deadAfterMs ?? DEAD_AFTER_MS,
      isMesh: this.#strict,
      roundTrips: options.roundTrips,
      send: (command, payload) => {
        meter?.sent(command);
        return this.send(command, payload);
      },
    });
    this.handle(COMMAND.ping, (payload) => this.#heartbeat.onPing(payload));
    this.handle(COMMAND.pong, (payload) => this.#heartbeat.onPong(payload));
    if (!this.#strict) return;
    for (const command of [COMMAND.bye, COMMAND.reject]) {
      this.handle(command, (payload) => this.#onBye(command, payload));
    }
  }

  /**
   * Opens a session over a connection: resolves when both ends have sent `verack`, or
   * rejects with what ended the handshake once the connection is closed. `onOpen` is
   * called before anything more is read: it registers handlers.
   */
  static async open(
    options: SessionOptions,
    onOpen?: OpenHandler<Session>,
  ): Promise<Session> {
    const session = new Session(options, onOpen);
    await session.#open(session.#opening!, options);
    return session;
  }

  /**
   * Registers the one handler of a command. A command without one is ignored. The next
   * message may be in the same read as the `verack`.
   */
  handle(command: string, handler: FrameHandler): void {
    this.#handlers.set(command, handler);
  }

  /** Registers what is called for each ping, with its text, if any: unescaped and bounded. */
  onPing(listener: (text: string | undefined) => void): void {
    this.#heartbeat.onText = listener;
  }

  /** Registers what is called once, synchronously, when the open session ends. */
  onClose(listener: (error: VerackError) => void): void {
    this.#ended = listener;
  }

  get isOpen(): boolean {
    return this.#opened && this.#stream.isOpen;
  }

  /** Resolves with the reason once the connection is closed; never rejects. */
  get closed(): Promise<VerackError> {
    return this.#closed.promise;
  }

  /** The peer's version message. */
  get remote(): VersionMessage {
    if (this.#remote === undefined) throw new TypeError("Session is not open");
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

  /** The shortest one. */
  get minRttMs(): number | undefined {
    return this.#heartbeat.minRttMs;
  }

  /** Limits the unconfirmed bytes of messages. */
  get pacer(): Pacer {
    return this.#pacer ??= new Pacer({
      clock: this.#clock,
      ping: (settle) => this.#heartbeat.measure(settle),
      minRttMs: () => this.#heartbeat.minRttMs,
    });
  }

  /** The turns of messages and streams. */
  get turns(): SendTurns {
    return this.#turns ??= new SendTurns(this);
  }

  get readBufferBytes(): number {
    return this.#stream.readBufferBytes;
  }

  /** Bytes that wait to be written. */
  get queuedBytes(): number {
    return this.#stream.writer.queuedBytes;
  }

  /** See `FrameSink.send`. False if not open; a full queue ends it. */
  send(command: string, payload: Uint8Array, rest?: Uint8Array): boolean {
    if (!this.#writerFor(payload.length + (rest?.length ?? 0))) return false;
    return this.#push(command, payload, rest);
  }

  /** {@linkcode send} for up to 64 KiB of whole frames, encoded without checksums. */
  sendFrames(frames: Uint8Array): boolean {
    return this.#writerFor(frames.length)?.pushFrames(frames) ?? false;
  }

  /** {@linkcode send} for a message that is encoded once for many sessions. */
  sendShared(frame: SharedFrame): boolean {
    return this.#writerFor(frame.payload.length)?.pushShared(frame) ?? false;
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
    if (stalledMs >= WRITE_TIMEOUT_MS || stream.writer.isStalled(now)) {
      this.closeWith(stalledError(Math.max(bytes, this.queuedBytes)));
    } else if (this.#strict && stream.incompleteMs(now) >= FRAME_TIMEOUT_MS) {
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
   * Sends `bye` with the reason of `error`, reads on until the peer has closed its end or
   * `FLUSH_TIMEOUT_MS` have passed, then closes; with `discard` frames that come are not handled.
   */
  async leave(
    error: VerackError,
    options: { readonly discard?: boolean } = {},
  ): Promise<void> {
    if (this.isOpen) {
      this.#say(reasonOf(error), "");
      this.#stream.drain(error, { discard: options.discard ?? false });
    }
    await this.#closed.promise;
  }

  /** Closes without sending a reason. */
  close(error: VerackError): void {
    this.#stream.close(error);
  }

  /** Closes without waiting, after the reason if that can be written at once. */
  closeWith(error: VerackError): void {
    if (!this.#strict || !this.#stream.isOpen) return this.close(error);
    const { command, payload } = this.#reason(reasonOf(error), error.message);
    this.#stream.closeWith(error, command, payload);
  }

  async #open(opening: Opening, options: SessionOptions): Promise<void> {
    const limitMs = options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS;
    opening.unwatch = watchOpening(
      { clock: this.#clock, limitMs, signal: options.signal },
      (error) => hasReason(error) ? this.closeWith(error) : this.close(error),
    );
    if (this.#stream.isOpen) this.#perform(opening, opening.handshake.start());
    this.#stream.start();
    await opening.done.promise;
  }

  #perform(opening: Opening, actions: HandshakeAction[]): void {
    for (const action of actions) {
      if (action.type === "send") this.#push(action.command, action.payload);
      else if (action.type === "complete") this.#complete(opening);
      else if (action.reject === undefined) this.close(action.error);
      else this.#refuse(action.error, action.reject);
    }
  }

  #complete({ onOpen, handshake, done, unwatch }: Opening): void {
    this.#stream.open({ checksums: handshake.usesChecksums });
    unwatch();
    this.#opening = undefined;
    this.#opened = true;
    this.#heartbeat.opened(handshake.answersPings);
    this.#remote = handshake.remote;
    this.#features = handshake.features;
    done.resolve();
    this.#stream.readAfter(onOpen?.(this));
  }

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

  /** The peer has closed the session: sends what is queued, then closes. */
  #onBye(command: "reject" | "bye", payload: Uint8Array): void {
    const error = closedByPeerError(command, decodeReason(payload));
    this.#stream.drain(error, { discard: false });
    this.drained().then(() => this.close(error));
  }

  /** A frame broke a rule. */
  #onFault(error: VerackError): void {
    if (this.#strict && this.#stream.isOpen) {
      this.#refuse(error, reasonOf(error));
    } else this.close(error);
  }

  #onClose(error: VerackError): void {
    const opening = this.#opening;
    this.#heartbeat.stop();
    this.#pacer?.close();
    this.#ended?.(error);
    this.#stream.released.then(() => {
      opening?.unwatch();
      this.#closed.resolve(error);
      opening?.done.reject(error);
    });
  }

  #writerFor(payloadBytes: number): FrameWriter | undefined {
    if (!this.isOpen) return undefined;
    const { writer } = this.#stream;
    if (writer.fits(payloadBytes)) return writer;
    return void this.closeWith(queueFullError(this.queuedBytes, payloadBytes));
  }

  #push(command: string, payload: Uint8Array, rest?: Uint8Array): true {
    this.#observe?.("out", { command, payload: joined(payload, rest) });
    return this.#stream.writer.push(command, payload, rest);
  }

  /** Sends the reason, then closes; frames that still come are dropped. */
  #refuse(error: VerackError, reason: ReasonName): void {
    this.#say(reason, error.message);
    this.#stream.drain(error, { discard: true });
  }

  #say(reason: ReasonName, text: string): void {
    const { command, payload } = this.#reason(reason, text);
    this.#stream.writer.push(command, payload);
  }

  #reason(reason: ReasonName, text: string): Frame {
    const command = this.#opened ? COMMAND.bye : COMMAND.reject;
    return { command, payload: encodeReason({ code: REASON[reason], text }) };
  }
}
