/**
 * The streams of one session: opens them, hands frames to them, and sends theirs in the turns of
 * `stream_turns.ts`. What no honest peer sends ends the session.
 */
import type { Clock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import type { NodeCounters } from "../core/node_counters.ts";
import { type PeerId, shortId } from "../core/peer_id.ts";
import type { FrameSink } from "../delivery/frame_sink.ts";
import type { TurnTaker } from "../session/send_turns.ts";
import { COMMAND, STREAM_COMMANDS } from "../wire/commands.ts";
import {
  DATA_HEAD_BYTES,
  decodeCredit,
  decodeDataHead,
  decodeEnd,
  decodeOpen,
  decodeReset,
  encodeCredit,
  encodeEnd,
  encodeOpen,
  encodeReset,
  RESET_CODE,
  writeDataHead,
} from "../wire/messages/stream_frames.ts";
import { UNCREDITED_STREAM_BYTES } from "../wire/wire_limits.ts";
import { MultiplexedStream, type StreamLink } from "./multiplexed_stream.ts";
import type { AdmittedStream, StreamHandlers } from "./stream_handlers.ts";
import { StreamMeter } from "./stream_meter.ts";
import { StreamTurns } from "./stream_turns.ts";
import {
  MAX_RELAYED_QUEUE_BYTES,
  MAX_RELAYED_WINDOW_BYTES,
  MAX_STREAM_WINDOW_BYTES,
  MAX_STREAMS_PER_SESSION,
  MIN_STREAM_WINDOW_BYTES,
  WINDOW_GROWTH_MS,
  WINDOW_GROWTH_ROUND_TRIPS,
} from "./streams_limits.ts";
import { type StreamMemory, UnreadShare } from "./stream_memory.ts";

/** The session of a multiplexer; a `Session` is one. */
export interface StreamSink extends FrameSink {
  /** The initiator's streams have odd numbers. */
  readonly role: "initiator" | "responder";
  /** Shortest round trip of the session, milliseconds, if one was measured. */
  readonly minRttMs: number | undefined;
}

/** What the multiplexers of a node share. */
export interface MultiplexerOptions {
  readonly clock: Clock;
  readonly counters: NodeCounters;
  readonly handlers: StreamHandlers;
  readonly memory: StreamMemory;
  /** Bytes that may wait in the queue of a session. */
  readonly ahead: () => number;
  readonly hasStanding: (peer: PeerId) => boolean;
  /** A handler has thrown. */
  readonly onFailed: (stream: MultiplexedStream, error: unknown) => void;
}

/** The head of a `data`; the session copies it. */
const dataHead = new Uint8Array(DATA_HEAD_BYTES);

/** The streams of one session. */
export class Multiplexer implements StreamLink, TurnTaker {
  readonly peer: PeerId;
  readonly #sink: StreamSink;
  readonly #options: MultiplexerOptions;
  readonly #streams = new Map<number, MultiplexedStream>();
  readonly #share: UnreadShare;
  readonly #meter = new StreamMeter();
  /** Numbers of the next own stream and of the last one of the peer. */
  #nextId: number;
  #lastPeerId: number;
  #own = 0;
  #theirs = 0;
  readonly #turns: StreamTurns;
  /** Of the streams that a relay joins: made for the first of them. */
  #relayedTurns: StreamTurns | undefined;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: MultiplexerOptions, peer: PeerId, sink: StreamSink) {
    this.peer = peer;
    this.#sink = sink;
    this.#options = options;
    this.#turns = new StreamTurns(options.clock, options.ahead);
    this.#share = new UnreadShare(() => options.hasStanding(peer));
    const isInitiator = sink.role === "initiator";
    this.#nextId = isInitiator ? 1 : 2;
    this.#lastPeerId = isInitiator ? 0 : -1;
    sink.handle(COMMAND.open, (it) => this.#onOpen(it));
    sink.handle(COMMAND.data, (it) => this.#onData(it));
    sink.handle(COMMAND.credit, (it) => this.#onCredit(it));
    sink.handle(COMMAND.end, (it) => this.#onEnd(it));
    sink.handle(COMMAND.reset, (it) => this.#onReset(it));
  }

  /** Streams that have not ended. */
  get size(): number {
    return this.#streams.size;
  }

  /** Resolves when there are no streams. */
  async idle(): Promise<void> {
    if (this.size === 0) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  /** Opens a stream; `full` if there are too many. */
  open(
    protocol: string,
    metadata: Uint8Array,
    isRelayed = false,
  ): MultiplexedStream {
    if (this.#own >= MAX_STREAMS_PER_SESSION || this.#nextId > 0xffff_ffff) {
      throw new VerackError(
        "full",
        `Cannot open stream to ${
          shortId(this.peer)
        }: ${this.#own} are open, the most one session may have`,
      );
    }
    this.#meter.requireOpenable(
      this.#own,
      this.#options.clock.monotonic(),
      `Cannot open stream to ${shortId(this.peer)}`,
    );
    const id = this.#nextId;
    this.#nextId += 2;
    this.#sink.send(
      COMMAND.open,
      encodeOpen({
        stream: id,
        credit: MIN_STREAM_WINDOW_BYTES,
        protocol,
        metadata,
      }),
    );
    this.#own++;
    this.#options.counters.streamsOpened++;
    return this.#add(
      { id, protocol, metadata, isOwn: true, isRelayed },
      UNCREDITED_STREAM_BYTES,
    );
  }

  /** The session has ended, or the node closes: what still comes is ignored. */
  close(error: VerackError): void {
    for (const command of STREAM_COMMANDS) {
      this.#sink.handle(command, () => {});
    }
    for (const stream of [...this.#streams.values()]) stream.fail(error);
    this.#sink.turns.leave(this);
    this.#turns.clear();
    if (this.#relayedTurns === undefined) return;
    this.#sink.turns.leave(this.#relayedTurns);
    this.#relayedTurns.clear();
  }

  // --- Frames that come ----------------------------------------------------------

  #onOpen(payload: Uint8Array): void {
    const { stream: id, credit, protocol, metadata } = decodeOpen(payload);
    const isTheirs = (id - this.#lastPeerId) % 2 === 0;
    if (!isTheirs || id <= this.#lastPeerId) {
      throw new VerackError(
        "protocol",
        `Cannot accept open: stream is ${id}, must be above ${this.#lastPeerId} and ${
          this.#lastPeerId % 2 === 0 ? "even" : "odd"
        }`,
      );
    }
    this.#lastPeerId = id;
    const admitted = this.#theirs < MAX_STREAMS_PER_SESSION
      ? this.#options.handlers.admit(protocol, this.peer)
      : "full";
    if (typeof admitted === "string") {
      this.#options.counters.streamsRefused++;
      const code = admitted === "full"
        ? RESET_CODE.full
        : RESET_CODE.unknownProtocol;
      this.#sink.send(
        COMMAND.reset,
        encodeReset({ stream: id, code, text: "" }),
      );
      this.#meter.ended(UNCREDITED_STREAM_BYTES);
      this.#meter.abandoned(this.#options.clock.monotonic());
      return;
    }
    this.#theirs++;
    this.#options.counters.streamsAccepted++;
    const { isRelayed } = admitted;
    const head = { id, protocol, metadata, isOwn: false, isRelayed };
    this.#run(this.#add(head, credit), admitted);
  }

  #onData(payload: Uint8Array): void {
    const id = decodeDataHead(payload);
    const bytes = payload.subarray(DATA_HEAD_BYTES);
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#late("data", id, bytes.length);
    stream.receive(bytes);
  }

  #onCredit(payload: Uint8Array): void {
    const { stream: id, bytes } = decodeCredit(payload);
    this.#meter.credit();
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#late("credit", id, 0);
    stream.granted(bytes);
  }

  #onEnd(payload: Uint8Array): void {
    const id = decodeEnd(payload);
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#late("end", id, 0);
    stream.ended();
  }

  #onReset(payload: Uint8Array): void {
    const { stream: id, code, text } = decodeReset(payload);
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#late("reset", id, 0);
    const now = this.#options.clock.monotonic();
    if (stream.isOwn) {
      const isRefused = code === RESET_CODE.unknownProtocol ||
        code === RESET_CODE.full;
      if (isRefused) this.#meter.ownAbandoned(now);
    } else if (code !== RESET_CODE.unread) this.#meter.abandoned(now);
    stream.reset(code, text);
  }

  /** A frame has come for a stream that is not open here. */
  #late(command: string, id: number, bytes: number): void {
    const isTheirs = (id - this.#lastPeerId) % 2 === 0;
    const wasOpened = isTheirs ? id <= this.#lastPeerId : id < this.#nextId;
    if (!wasOpened || id === 0) {
      throw new VerackError(
        "protocol",
        `Cannot accept ${command}: stream ${id} was not opened`,
      );
    }
    this.#meter.late(bytes);
  }

  #add(
    head: ConstructorParameters<typeof MultiplexedStream>[1],
    credit: number,
  ): MultiplexedStream {
    const now = this.#options.clock.monotonic();
    const stream = new MultiplexedStream(this, head, credit, now);
    this.#streams.set(head.id, stream);
    return stream;
  }

  /** Runs the handler of a stream; when it has returned, the stream is disposed of. */
  async #run(
    stream: MultiplexedStream,
    { handler, place }: AdmittedStream,
  ): Promise<void> {
    try {
      await handler(stream);
      await stream[Symbol.asyncDispose]();
    } catch (error) {
      if (stream.failed(error)) this.#options.onFailed(stream, error);
    } finally {
      place[Symbol.dispose]();
    }
  }

  // --- What streams need -----------------------------------------------------------

  maySend(
    { isRelayed }: MultiplexedStream,
    bytes: number,
    isFirst: boolean,
  ): boolean {
    const { turns } = this.#sink;
    // What is relayed overtakes nothing of the node's own.
    if (isRelayed) return turns.maySend(this);
    if (!isFirst) return turns.maySend(this);
    if (!turns.mayOvertake(bytes, this.ahead())) return false;
    this.#turns.overtook(bytes);
    this.#relayedTurns?.overtook(bytes);
    return true;
  }

  sendData(stream: MultiplexedStream, bytes: Uint8Array): void {
    writeDataHead(dataHead, 0, stream.id);
    this.#sink.send(COMMAND.data, dataHead, bytes);
    this.#sink.pacer.sent(bytes.length);
    this.#meter.sent();
  }

  sendCredit({ id }: MultiplexedStream, bytes: number): void {
    this.#sink.send(COMMAND.credit, encodeCredit({ stream: id, bytes }));
  }

  sendEnd({ id }: MultiplexedStream): void {
    this.#sink.send(COMMAND.end, encodeEnd(id));
  }

  sendReset(
    { id, isOwn }: MultiplexedStream,
    code: number,
    text: string,
  ): void {
    if (isOwn && code !== RESET_CODE.unread) {
      this.#meter.ownAbandoned(this.#options.clock.monotonic());
    }
    this.#sink.send(COMMAND.reset, encodeReset({ stream: id, code, text }));
  }

  wake(stream: MultiplexedStream, hasSent: boolean): void {
    const { isRelayed } = stream;
    if (!isRelayed && !hasSent) this.#relayedTurns?.overtook(0);
    const turns = isRelayed
      ? this.#relayedTurns ??= new StreamTurns(
        this.#options.clock,
        () => this.ahead(),
      )
      : this.#turns;
    turns.add(stream, hasSent);
    this.#sink.turns.wake(isRelayed ? turns : this);
  }

  nextWindow(stream: MultiplexedStream, window: number): number {
    const { clock, memory } = this.#options;
    const now = clock.monotonic();
    const { windowAt } = stream;
    stream.windowAt = now;
    const { minRttMs } = this.#sink;
    if (minRttMs === undefined) {
      this.#sink.check();
      return window;
    }
    const limitMs = WINDOW_GROWTH_ROUND_TRIPS * minRttMs + WINDOW_GROWTH_MS;
    const isLimiting = now - windowAt < limitMs;
    const most = stream.isRelayed
      ? MAX_RELAYED_WINDOW_BYTES
      : MAX_STREAM_WINDOW_BYTES;
    if (!isLimiting || window >= most) return window;
    const hasGrown = memory.growWindow(this.#share, window, stream.isRelayed);
    return hasGrown ? 2 * window : window;
  }

  maxQueueBytes({ isRelayed }: MultiplexedStream): number {
    const { maxQueueBytes } = this.#options.memory;
    return isRelayed
      ? Math.min(maxQueueBytes, MAX_RELAYED_QUEUE_BYTES)
      : maxQueueBytes;
  }

  queuedChanged(change: number): void {
    this.#options.memory.queued(change);
  }

  heldChanged(stream: MultiplexedStream, change: number): void {
    this.#options.memory.changed(this.#share, stream, change);
  }

  finished(stream: MultiplexedStream): void {
    if (!this.#streams.delete(stream.id)) return;
    if (this.size === 0) {
      this.#idle?.resolve();
      this.#idle = undefined;
    }
    if (stream.isOwn) this.#own--;
    else this.#theirs--;
    this.#options.memory.returnWindow(
      this.#share,
      stream.window - MIN_STREAM_WINDOW_BYTES,
      stream.isRelayed,
    );
    this.#meter.ended(stream.receiveCredit);
  }

  // --- Turns -----------------------------------------------------------------------

  ahead(): number {
    return this.#options.ahead();
  }

  get needsShortQueue(): boolean {
    return this.#turns.needsShortQueue;
  }

  takeTurn(): boolean {
    return this.#turns.takeTurn();
  }
}
