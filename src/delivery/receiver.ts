/**
 * The receiving half of a session: grants credit, assembles bodies, recognises messages
 * that come again, and acknowledges. `inbox.ts` delivers them to consumers.
 */
import type { Clock } from "../core/clock.ts";
import { messageOf, VerackError } from "../core/errors.ts";
import {
  ACK_DELAY_MS,
  CHUNK_TIMEOUT_MS,
  MAX_REPEATED_FRAMES,
  MESSAGE_OVERHEAD_BYTES,
} from "./delivery_limits.ts";
import { MAX_ACK_RANGES } from "../wire/wire_limits.ts";
import { COMMAND } from "../wire/commands.ts";
import {
  ACK_STATUS,
  type AckStatus,
  encodeAck,
  encodeResume,
} from "../wire/messages/ack.ts";
import {
  CHUNK_HEAD_BYTES,
  decodeChunkHead,
  decodeMessage,
} from "../wire/messages/message_frame.ts";
import { BufferPool } from "./buffer_pool.ts";
import type { FairQueue } from "./fair_queue.ts";
import type { FrameSink } from "./frame_sink.ts";
import type { HeldBodies } from "./held_bodies.ts";
import { MessageId } from "./message_id.ts";
import type { MessageStore } from "./message_store.ts";
import {
  type Arrival,
  type ArrivalSession,
  IncomingMessage,
  type PartialBody,
  type PeerInbox,
  type ReceiveStream,
} from "./peer_inbox.ts";
import { type ReceiveBudget, ReceiveShare } from "./receive_budget.ts";
import { ReceiveWindow, type WindowBudget } from "./receive_window.ts";

/** What the receivers of a node share. */
export interface ReceiverOptions {
  readonly clock: Clock;
  readonly store: MessageStore | undefined;
  readonly windows: (hasStanding: boolean) => WindowBudget;
  readonly budget: ReceiveBudget;
  readonly held: HeldBodies;
  readonly queue: FairQueue;
  /** A message is complete. */
  readonly onMessage: (incoming: IncomingMessage) => void;
}

/** A range of `ack` that grows. */
interface OpenRange {
  readonly first: number;
  count: number;
  readonly status: AckStatus;
}

/** Receives messages on one session. */
export class Receiver implements ArrivalSession {
  readonly #sink: FrameSink;
  readonly #options: ReceiverOptions;
  readonly #peer: PeerInbox;
  readonly #share: ReceiveShare;
  readonly #pool = new BufferPool();
  readonly #window: ReceiveWindow;
  /** Messages begun, settled, and known before. */
  #begun = 0;
  #settled = 0;
  #repeated = 0;
  readonly #partial = new Map<number, PartialBody>();
  #ranges: OpenRange[] = [];
  #releasedAtFlush = 0;
  #flushing = false;
  #cancelFlush: (() => void) | undefined;
  #closed = false;

  constructor(options: ReceiverOptions, peer: PeerInbox, sink: FrameSink) {
    this.#options = options;
    this.#peer = peer;
    this.#sink = sink;
    const { clock } = options;
    const budget = options.windows(peer.hasStanding);
    this.#window = new ReceiveWindow(clock, budget, () => sink.rttMs);
    this.#share = new ReceiveShare(
      (reason) => this.#timeOut(reason),
      () => peer.hasStanding,
    );
    peer.receivers.add(this);
  }

  /** Handles `message`; `flood` when it uses more credit than was granted. */
  onMessage(payload: Uint8Array): void {
    this.#share.received += payload.length;
    const { total, topic, bodyOffset } = decodeMessage(payload);
    const stream = this.#peer.stream(topic);
    const id = new MessageId(payload);
    const held = payload.length - bodyOffset;
    const isOffer = held === 0 && total > 0;
    const number = this.#begun++;
    // The window grows by the round trip, which a busy session may not have measured.
    if (number === 0 && this.#sink.rttMs === undefined) this.#sink.check();
    const credit = MESSAGE_OVERHEAD_BYTES + topic.length +
      (isOffer ? 0 : total);
    this.#window.use(credit);
    if (this.#partial.size > 0) this.#checkOrder(stream);
    if (held === total || isOffer) {
      const arrival = { receiver: this, number, credit, bodyCredit: 0 };
      if (this.#knows(stream, id)) return this.#again(stream, id, arrival);
      if (!isOffer) {
        const body = this.#copy(payload, bodyOffset);
        const incoming = new IncomingMessage(stream, id, body, arrival);
        return this.#options.onMessage(incoming);
      }
    }
    this.#begin({
      stream,
      id,
      number,
      credit,
      total,
      bodyCredit: 0,
      // The body of an acked message comes all the same, but is not needed.
      body: isOffer || this.#peer.seen.has(id)
        ? undefined
        : new Uint8Array(total),
      filled: held,
      moved: false,
      isOffer,
      at: this.#options.clock.monotonic(),
    }, payload.subarray(bodyOffset));
  }

  /** Handles `chunk`; `protocol` when no message goes on with it. */
  onChunk(payload: Uint8Array): void {
    this.#share.received += payload.length;
    const number = decodeChunkHead(payload);
    const it = this.#partial.get(number);
    const size = payload.length - CHUNK_HEAD_BYTES;
    if (it === undefined || it.isOffer || it.filled + size > it.total) {
      throw new VerackError(
        "protocol",
        `Cannot accept chunk: message ${number} does not go on with ${size} bytes`,
      );
    }
    it.body?.set(payload.subarray(CHUNK_HEAD_BYTES), it.filled);
    it.filled += size;
    it.at = this.#options.clock.monotonic();
    if (it.filled < it.total) return;
    this.#partial.delete(number);
    if (it.moved) return;
    const { stream, id, body, credit, bodyCredit } = it;
    if (bodyCredit > 0) this.#options.budget.finished(this.#share);
    const arrival = { receiver: this, number: it.number, credit, bodyCredit };
    if (body === undefined || this.#knows(stream, id)) {
      return this.#again(stream, id, arrival);
    }
    const incoming = new IncomingMessage(stream, id, body, arrival);
    this.#options.onMessage(incoming);
  }

  /** Counts a frame that costs its sender nothing and is of no use; `flood` if they go on. */
  repeated(): void {
    if (++this.#repeated <= MAX_REPEATED_FRAMES) return;
    throw new VerackError(
      "flood",
      `Cannot accept message: more than ${MAX_REPEATED_FRAMES} came again that were settled`,
    );
  }

  settle(arrival: Arrival, status: AckStatus): void {
    if (this.#closed) return;
    const { number, credit, bodyCredit } = arrival;
    this.#settled++;
    this.#window.release(credit, bodyCredit);
    if (bodyCredit > 0) this.#options.budget.release(this.#share, bodyCredit);
    this.#acknowledge(number, status);
  }

  /** Sends all acknowledgements once they are durable. */
  async flush(): Promise<void> {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    this.#flushing = false;
    if (this.#ranges.length === 0 || this.#closed) return;
    const ranges = this.#ranges;
    this.#ranges = [];
    this.#releasedAtFlush = this.#window.released;
    try {
      await this.#options.store?.committed();
    } catch (error) {
      const reason = `acks cannot be recorded: ${messageOf(error)}`;
      this.#sink.leave(
        new VerackError("bad-data", `Cannot acknowledge: ${reason}`, {
          cause: error,
        }),
      );
      return;
    }
    if (!this.#closed) this.#send(ranges);
  }

  /** Sends all acknowledgements, which must be durable. */
  flushNow(): void {
    const ranges = this.#ranges;
    this.#ranges = [];
    if (ranges.length > 0 && !this.#closed) this.#send(ranges);
  }

  /**
   * Ends the session if a body does not go on, and shrinks an idle window.
   *
   * @param pausedMs How long this process itself was paused.
   */
  tick(now: number, pausedMs: number): void {
    for (const it of this.#partial.values()) {
      it.at += pausedMs;
      if (it.isOffer || now - it.at < CHUNK_TIMEOUT_MS) continue;
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
    this.#peer.leave(this);
    this.#options.queue.prune(this.#peer);
    this.#options.budget.leave(this.#share);
    for (const it of this.#partial.values()) this.#hold(it);
    this.#window.close();
    this.#partial.clear();
  }

  moveBody(id: MessageId): void {
    const { budget } = this.#options;
    for (const it of this.#partial.values()) {
      if (!it.id.equals(id) || it.moved) continue;
      it.moved = true;
      if (it.bodyCredit > 0) {
        budget.finished(this.#share);
        budget.release(this.#share, it.bodyCredit);
      }
      this.#hold(it);
    }
  }

  #timeOut(why: string): void {
    const reason = `Cannot accept message: ${why}`;
    this.#sink.leave(new VerackError("timeout", reason));
  }

  // --- Bodies ----------------------------------------------------------------

  /** The body of a message is complete before the next message of its stream begins. */
  #checkOrder(stream: ReceiveStream): void {
    for (const it of this.#partial.values()) {
      if (it.stream !== stream) continue;
      throw new VerackError(
        "protocol",
        `Cannot accept message: ${it.filled} of ${it.total} bytes of the one before it have come`,
      );
    }
  }

  #begin(it: PartialBody, beginning: Uint8Array): void {
    const { number, total, isOffer } = it;
    it.body?.set(beginning);
    this.#partial.set(number >>> 0, it);
    if (!isOffer || this.#resume(it)) return;
    const { clock, budget, held } = this.#options;
    const granted = () => {
      it.bodyCredit = total;
      it.body = new Uint8Array(total);
      it.isOffer = false;
      it.at = clock.monotonic();
      this.#acknowledge(number, ACK_STATUS.credit);
    };
    held.giveWay(total, this.#peer.hasStanding);
    budget.request(this.#share, { bytes: total, granted });
  }

  /** Goes on with an offered body where an earlier session ended; false if nothing is held. */
  #resume(it: PartialBody): boolean {
    const { id, stream, total, number } = it;
    for (const other of this.#peer.receivers) {
      if (other !== this) other.moveBody(id);
    }
    const { from } = this.#peer;
    const share = this.#share;
    const held = this.#options.held.take(from, id, stream.topic, total, share);
    if (held === undefined) return false;
    it.bodyCredit = total;
    it.body = held.body;
    it.filled = held.filled;
    it.isOffer = false;
    const resume = { number: number >>> 0, held: held.filled };
    this.#sink.send(COMMAND.resume, encodeResume(resume));
    return true;
  }

  /** Holds the beginning of a body for the next session, if there is credit for it. */
  #hold(it: PartialBody): void {
    const { stream: { topic }, id, body, filled } = it;
    if (body === undefined) return;
    it.body = undefined;
    const { from, hasStanding } = this.#peer;
    this.#options.held.keep(
      { from, hasStanding, topic, id, body, filled },
      this.#options.clock.monotonic(),
    );
  }

  #copy(payload: Uint8Array, from: number): Uint8Array<ArrayBuffer> {
    const size = payload.length - from;
    const body = this.#pool.cut(size);
    if (body === undefined) return payload.slice(from);
    body.set(new Uint8Array(payload.buffer, payload.byteOffset + from, size));
    return body;
  }

  // --- Messages that come again ----------------------------------------------

  #knows(stream: ReceiveStream, id: MessageId): boolean {
    return this.#peer.seen.has(id) || this.#waiting(stream, id) !== undefined;
  }

  /** The same message, which came by another session and is not settled. */
  #waiting(stream: ReceiveStream, id: MessageId): IncomingMessage | undefined {
    const alone = this.#peer.receivers.size === 1 &&
      (stream.current === undefined || stream.current.arrivals.length > 0);
    return alone ? undefined : stream.find(id);
  }

  /** Acks a message that was acked before, or settles it together with the other. */
  #again(stream: ReceiveStream, id: MessageId, arrival: Arrival): void {
    const waiting = this.#waiting(stream, id);
    this.repeated();
    if (waiting === undefined) this.settle(arrival, ACK_STATUS.acked);
    else waiting.arrivals = [...waiting.arrivals, arrival];
  }

  // --- Acknowledgements ------------------------------------------------------

  #acknowledge(number: number, status: AckStatus): void {
    const last = this.#ranges.at(-1);
    const follows = last !== undefined &&
      last.first + last.count === number >>> 0;
    if (follows && last.status === status) {
      last.count++;
    } else this.#ranges.push({ first: number >>> 0, count: 1, status });
    if (this.#flushing) return;
    // One ack covers all messages of a turn of the event loop. It is not delayed
    // when nothing is left to settle, or when the sender needs credit.
    const { released, size } = this.#window;
    const idle = this.#settled + this.#partial.size === this.#begun ||
      status === ACK_STATUS.credit;
    if (idle || 4 * (released - this.#releasedAtFlush) >= size) {
      this.#flushing = true;
      queueMicrotask(() => this.flush());
    } else {
      const { clock } = this.#options;
      this.#cancelFlush ??= clock.after(ACK_DELAY_MS, () => this.flush());
    }
  }

  #send(ranges: readonly OpenRange[]): void {
    const limit = this.#window.grant();
    for (let at = 0; at < ranges.length; at += MAX_ACK_RANGES) {
      const some = ranges.length <= MAX_ACK_RANGES
        ? ranges
        : ranges.slice(at, at + MAX_ACK_RANGES);
      this.#sink.send(COMMAND.ack, encodeAck({ limit, ranges: some }));
    }
  }
}
