/**
 * The receiving half of a session: grants credit, assembles bodies, drops messages that
 * come again, and acknowledges. `inbox.ts` delivers to consumers.
 */
import type { Clock } from "../core/clock.ts";
import { messageOf, VerackError } from "../core/errors.ts";
import {
  ACK_DELAY_MS,
  CHUNK_TIMEOUT_MS,
  MAX_ACK_RANGES,
  MAX_REPEATED_FRAMES,
  MESSAGE_OVERHEAD_BYTES,
} from "../delivery_limits.ts";
import { COMMAND } from "../wire/commands.ts";
import { ACK_STATUS, type AckStatus, encodeAck } from "../wire/messages/ack.ts";
import {
  CHUNK_HEAD_BYTES,
  decodeChunkHead,
  decodeMessage,
} from "../wire/messages/message.ts";
import { encodeResume } from "../wire/messages/resume.ts";
import type { FrameSink } from "./frame_sink.ts";
import type { HeldBodies } from "./held_bodies.ts";
import type { Arrival, ReceiveStream } from "./incoming_message.ts";
import { IncomingMessage } from "./incoming_message.ts";
import { MessageId } from "./message_id.ts";
import type { MessageStore } from "./message_store.ts";
import type { PeerInbox } from "./peer_inbox.ts";
import {
  type Budget,
  type ReceiveBudget,
  ReceiveShare,
} from "./receive_budget.ts";
import { BufferPool } from "./buffer_pool.ts";
import type { Turns } from "./turns.ts";
import type { Unfinished } from "./unfinished.ts";
import { Window } from "./window.ts";

/** What the receivers of a node share. */
export interface ReceiverContext {
  readonly clock: Clock;
  readonly store: MessageStore | undefined;
  /** What windows may have beyond the least. */
  readonly windows: (hasStanding: boolean) => Budget;
  readonly budget: ReceiveBudget;
  readonly held: HeldBodies;
  readonly turns: Turns;
  /** A message is complete. */
  readonly arrived: (incoming: IncomingMessage) => void;
}

/** A range of `ack` that grows. */
interface OpenRange {
  readonly first: number;
  count: number;
  readonly status: AckStatus;
}

/** The receiving half of delivery on one session. */
export class Receiver {
  readonly sink: FrameSink;
  readonly #context: ReceiverContext;
  readonly #peer: PeerInbox;
  readonly #share: ReceiveShare;
  readonly #pool = new BufferPool();
  readonly #window: Window;
  #begun = 0;
  #settled = 0;
  #repeated = 0;
  readonly #unfinished = new Map<number, Unfinished>();
  #ranges: OpenRange[] = [];
  #releasedAtFlush = 0;
  #flushing = false;
  #cancelFlush: (() => void) | undefined;
  #closed = false;

  constructor(context: ReceiverContext, peer: PeerInbox, sink: FrameSink) {
    this.#context = context;
    this.#peer = peer;
    this.sink = sink;
    const { clock } = context;
    const budget = context.windows(peer.hasStanding);
    this.#window = new Window(clock, budget, () => sink.rttMs);
    this.#share = new ReceiveShare(
      (reason) => this.#timeOut(reason),
      () => peer.hasStanding,
    );
    peer.receivers.add(this);
  }

  /**
   * A `message` came.
   *
   * @throws {VerackError} `malformed`, `protocol`; `flood` beyond what was granted.
   */
  onMessage(payload: Uint8Array): void {
    this.#share.received += payload.length;
    const { total, topic, bodyOffset } = decodeMessage(payload);
    const stream = this.#peer.stream(topic);
    const id = new MessageId(payload);
    const held = payload.length - bodyOffset;
    const asks = held === 0 && total > 0;
    const number = this.#begun++;
    // The window grows by the round trip, which a busy session need not have measured.
    if (number === 0 && this.sink.rttMs === undefined) this.sink.check();
    const credit = MESSAGE_OVERHEAD_BYTES + topic.length + (asks ? 0 : total);
    this.#window.use(credit);
    if (this.#unfinished.size > 0) this.#checkOrder(stream);
    if (held === total || asks) {
      const arrival = { receiver: this, number, credit, bodyCredit: 0 };
      if (this.#knows(stream, id)) return this.#again(stream, id, arrival);
      if (!asks) {
        const body = this.#copy(payload, bodyOffset);
        const incoming = new IncomingMessage(stream, id, body, arrival);
        return this.#context.arrived(incoming);
      }
    }
    const begun = payload.subarray(bodyOffset);
    this.#begin(stream, id, begun, { number, credit, total, asks });
  }

  /**
   * A `chunk` came.
   *
   * @throws {VerackError} `malformed`, `protocol`.
   */
  onChunk(payload: Uint8Array): void {
    this.#share.received += payload.length;
    const number = decodeChunkHead(payload);
    const it = this.#unfinished.get(number);
    const size = payload.length - CHUNK_HEAD_BYTES;
    if (it === undefined || it.waits || it.filled + size > it.total) {
      throw new VerackError(
        "protocol",
        `Cannot accept piece: message ${number} does not go on with ${size} bytes`,
      );
    }
    it.body?.set(payload.subarray(CHUNK_HEAD_BYTES), it.filled);
    it.filled += size;
    it.at = this.#context.clock.monotonic();
    if (it.filled < it.total) return;
    this.#unfinished.delete(number);
    if (it.moved) return;
    const { stream, id, body, credit, bodyCredit } = it;
    if (bodyCredit > 0) this.#context.budget.finished(this.#share);
    const arrival = { receiver: this, number: it.number, credit, bodyCredit };
    if (body === undefined || this.#knows(stream, id)) {
      return this.#again(stream, id, arrival);
    }
    this.#context.arrived(new IncomingMessage(stream, id, body, arrival));
  }

  /**
   * Something came that costs its sender nothing and is of no use.
   *
   * @throws {VerackError} `flood` when that goes on.
   */
  repeated(): void {
    if (++this.#repeated <= MAX_REPEATED_FRAMES) return;
    throw new VerackError(
      "flood",
      `Cannot accept message: more than ${MAX_REPEATED_FRAMES} came again that were settled`,
    );
  }

  /** The application took a message, or refused it for good. */
  settle(arrival: Arrival, status: AckStatus): void {
    if (this.#closed) return;
    this.#settled++;
    this.#release(arrival);
    this.#acknowledge(arrival.number, status);
  }

  /** Says everything there is to say, when it is durable. */
  async flush(): Promise<void> {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    this.#flushing = false;
    if (this.#ranges.length === 0 || this.#closed) return;
    const ranges = this.#ranges;
    this.#ranges = [];
    this.#releasedAtFlush = this.#window.released;
    try {
      await this.#context.store?.committed();
    } catch (error) {
      const reason = `what was taken cannot be recorded: ${messageOf(error)}`;
      this.sink.leave(
        new VerackError("bad-data", `Cannot acknowledge: ${reason}`, {
          cause: error,
        }),
      );
      return;
    }
    if (!this.#closed) this.#say(ranges);
  }

  /** {@linkcode flush}, of what is durable already. */
  flushNow(): void {
    const ranges = this.#ranges;
    this.#ranges = [];
    if (ranges.length > 0 && !this.#closed) this.#say(ranges);
  }

  /**
   * Looks after bodies that do not go on, and windows that are not needed.
   * `pausedMs` is how long this process itself stood still.
   */
  tick(now: number, pausedMs: number): void {
    for (const it of this.#unfinished.values()) {
      it.at += pausedMs;
      if (it.waits || now - it.at < CHUNK_TIMEOUT_MS) continue;
      return this.#timeOut(
        `${it.filled} of ${it.total} bytes came and no more for ${CHUNK_TIMEOUT_MS} ms`,
      );
    }
    if (this.#window.tick(now)) this.#pool.drop();
  }

  /** The session has ended. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelFlush?.();
    this.#peer.drop(this);
    this.#context.turns.prune(this.#peer);
    this.#context.budget.leave(this.#share);
    for (const it of this.#unfinished.values()) this.#hold(it);
    this.#window.close();
    this.#unfinished.clear();
  }

  #timeOut(why: string): void {
    const reason = `Cannot accept message: ${why}`;
    this.sink.leave(new VerackError("timeout", reason));
  }

  /** A message is offered on a newer session: what has come of it here is held for that. */
  letGo(id: MessageId): void {
    const { budget } = this.#context;
    for (const it of this.#unfinished.values()) {
      if (!it.id.equals(id) || it.moved) continue;
      it.moved = true;
      if (it.bodyCredit > 0) {
        budget.finished(this.#share);
        budget.release(this.#share, it.bodyCredit);
      }
      this.#hold(it);
    }
  }

  // --- Arriving --------------------------------------------------------------

  /** A stream's messages come one after another. */
  #checkOrder(stream: ReceiveStream): void {
    for (const it of this.#unfinished.values()) {
      if (it.stream !== stream) continue;
      throw new VerackError(
        "protocol",
        `Cannot accept message: ${it.filled} of ${it.total} bytes of the one before it have come`,
      );
    }
  }

  #begin(
    stream: ReceiveStream,
    id: MessageId,
    begun: Uint8Array,
    options: { number: number; credit: number; total: number; asks: boolean },
  ): void {
    const { number, credit, total, asks } = options;
    const { clock, budget, held } = this.#context;
    // What was taken before is not needed, but comes all the same.
    const needed = !asks && !this.#peer.seen.has(id);
    const it: Unfinished = {
      stream,
      id,
      number,
      credit,
      total,
      bodyCredit: 0,
      body: needed ? new Uint8Array(total) : undefined,
      filled: begun.length,
      moved: false,
      waits: asks,
      at: clock.monotonic(),
    };
    it.body?.set(begun);
    this.#unfinished.set(number >>> 0, it);
    if (!asks || this.#resume(it)) return;
    const granted = () => {
      it.bodyCredit = total;
      it.body = new Uint8Array(total);
      it.waits = false;
      it.at = clock.monotonic();
      this.#acknowledge(number, ACK_STATUS.credit);
    };
    held.makeCredit(total, this.#peer.hasStanding);
    budget.request(this.#share, { bytes: total, granted });
  }

  /** Goes on with an offered body where an earlier session ended; false if nothing is held. */
  #resume(it: Unfinished): boolean {
    const { id, stream, total, number } = it;
    for (const other of this.#peer.receivers) {
      if (other !== this) other.letGo(id);
    }
    const { from } = this.#peer;
    const share = this.#share;
    const held = this.#context.held.take(from, id, stream.topic, total, share);
    if (held === undefined) return false;
    it.bodyCredit = total;
    it.body = held.body;
    it.filled = held.filled;
    it.waits = false;
    const resume = { number: number >>> 0, held: held.filled };
    this.sink.send(COMMAND.resume, encodeResume(resume));
    return true;
  }

  /** Holds what has come of a body for the next session, if there is room. */
  #hold(it: Unfinished): void {
    const { stream: { topic }, id, body, filled } = it;
    if (body === undefined) return;
    it.body = undefined;
    const { held, clock } = this.#context;
    const { from, hasStanding } = this.#peer;
    held.keep(
      { from, hasStanding, topic, id, body, filled },
      clock.monotonic(),
    );
  }

  #copy(payload: Uint8Array, from: number): Uint8Array<ArrayBuffer> {
    const size = payload.length - from;
    const piece = this.#pool.cut(size);
    if (piece === undefined) return payload.slice(from);
    piece.set(new Uint8Array(payload.buffer, payload.byteOffset + from, size));
    return piece;
  }

  #knows(stream: ReceiveStream, id: MessageId): boolean {
    return this.#peer.seen.has(id) || this.#waiting(stream, id) !== undefined;
  }

  /** The same message, which came by another session and is not settled. */
  #waiting(stream: ReceiveStream, id: MessageId): IncomingMessage | undefined {
    const alone = this.#peer.receivers.size === 1 &&
      (stream.current === undefined || stream.current.arrivals.length > 0);
    return alone ? undefined : stream.find(id);
  }

  /** It is here already: settled, or to be settled with the other. */
  #again(stream: ReceiveStream, id: MessageId, arrival: Arrival): void {
    const waiting = this.#waiting(stream, id);
    this.repeated();
    if (waiting === undefined) this.settle(arrival, ACK_STATUS.acked);
    else waiting.arrivals = [...waiting.arrivals, arrival];
  }

  // --- Granting and acknowledging --------------------------------------------

  #release({ credit, bodyCredit }: Arrival): void {
    this.#window.release(credit, bodyCredit);
    if (bodyCredit > 0) this.#context.budget.release(this.#share, bodyCredit);
  }

  #acknowledge(number: number, status: AckStatus): void {
    const last = this.#ranges.at(-1);
    const follows = last !== undefined &&
      last.first + last.count === number >>> 0;
    if (follows && last.status === status) {
      last.count++;
    } else this.#ranges.push({ first: number >>> 0, count: 1, status });
    if (this.#flushing) return;
    // Many are taken in one turn of the event loop; what is said when nothing is
    // left, or much could be sent again, says it for all of them.
    const { released, size } = this.#window;
    const idle = this.#settled + this.#unfinished.size === this.#begun ||
      status === ACK_STATUS.credit;
    if (idle || 4 * (released - this.#releasedAtFlush) >= size) {
      this.#flushing = true;
      queueMicrotask(() => this.flush());
    } else {
      const { clock } = this.#context;
      this.#cancelFlush ??= clock.after(ACK_DELAY_MS, () => this.flush());
    }
  }

  #say(ranges: readonly OpenRange[]): void {
    const limit = this.#window.grant();
    for (let at = 0; at < ranges.length; at += MAX_ACK_RANGES) {
      const some = ranges.length <= MAX_ACK_RANGES
        ? ranges
        : ranges.slice(at, at + MAX_ACK_RANGES);
      this.sink.send(COMMAND.ack, encodeAck({ limit, ranges: some }));
    }
  }
}
