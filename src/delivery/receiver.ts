/**
 * The receiving half of a session: checks that credit is kept, assembles bodies, and
 * recognises messages that come again. `inbox.ts` delivers them, `acknowledger.ts`
 * acknowledges them.
 */
import type { Clock } from "../core/clock.ts";
import { BufferPool } from "../core/buffer_pool.ts";
import { VerackError } from "../core/errors.ts";
import type { NodeCounters } from "../core/node_counters.ts";
import { COMMAND } from "../wire/commands.ts";
import {
  ACK_STATUS,
  type AckStatus,
  encodeResume,
} from "../wire/messages/ack.ts";
import {
  CHUNK_HEAD_BYTES,
  decodeChunkHead,
  decodeMessage,
  MESSAGE_HEAD_BYTES,
} from "../wire/messages/message_frame.ts";
import { Acknowledger } from "./acknowledger.ts";
import {
  CHUNK_TIMEOUT_MS,
  MAX_REPEATED_FRAMES,
  MESSAGE_OVERHEAD_BYTES,
} from "./delivery_limits.ts";
import type { FrameSink } from "./frame_sink.ts";
import type { HeldBodies } from "./held_bodies.ts";
import {
  IncomingMessage,
  type MessageSession,
  type PeerInbox,
  type ReceiveStream,
} from "./incoming_message.ts";
import type { MessageStore } from "./message_store.ts";
import { type ReceiveBudget, ReceiveShare } from "./receive_budget.ts";
import { ReceiveWindow, type WindowBudget } from "./receive_window.ts";
import { MessageId } from "./seen_ids.ts";

/** What the receivers of a node share. */
export interface ReceiverOptions {
  readonly clock: Clock;
  readonly counters: NodeCounters;
  readonly store: MessageStore | undefined;
  readonly windows: WindowBudget;
  readonly budget: ReceiveBudget;
  readonly held: HeldBodies;
  /** A message is complete. */
  readonly onMessage: (incoming: IncomingMessage) => void;
  /** A session with a peer has ended. */
  readonly onClosed: (peer: PeerInbox) => void;
}

/** A body of which more is to come on a session. */
interface PartialBody {
  readonly incoming: IncomingMessage;
  readonly total: number;
  /** Absent until it has credit, and when it is not needed. */
  body: Uint8Array<ArrayBuffer> | undefined;
  filled: number;
  /** A newer session goes on with it; the rest that comes here is dropped. */
  moved: boolean;
  /** Its sender waits for credit. */
  isOffer: boolean;
  /** Monotonic clock, milliseconds, of its last chunk. */
  at: number;
}

/** Receives messages on one session. */
export class Receiver implements MessageSession {
  readonly #sink: FrameSink;
  readonly #options: ReceiverOptions;
  readonly #peer: PeerInbox;
  readonly #share: ReceiveShare;
  readonly #pool = new BufferPool();
  readonly #window: ReceiveWindow;
  readonly #acks: Acknowledger;
  /** Messages begun, settled, and known before. */
  #begun = 0;
  #settled = 0;
  #repeated = 0;
  /** By number, modulo 2^32. */
  readonly #partial = new Map<number, PartialBody>();
  #closed = false;

  constructor(options: ReceiverOptions, peer: PeerInbox, sink: FrameSink) {
    const { clock, store, windows } = options;
    this.#options = options;
    this.#peer = peer;
    this.#sink = sink;
    const window = new ReceiveWindow(clock, windows, sink, peer.hasStanding);
    this.#window = window;
    this.#acks = new Acknowledger({
      clock,
      store,
      sink,
      window,
      isIdle: () => this.#settled + this.#partial.size === this.#begun,
    });
    this.#share = new ReceiveShare(
      (reason) => this.#timeOut(reason),
      () => peer.hasStanding,
    );
    peer.sessions.add(this);
  }

  /** Handles `message`; `flood` when it uses more credit than was granted. */
  onMessage(payload: Uint8Array): void {
    this.#share.received += payload.length;
    const { total, bodyOffset } = decodeMessage(payload);
    const stream = this.#peer.stream(payload, MESSAGE_HEAD_BYTES, bodyOffset);
    const filled = payload.length - bodyOffset;
    const isOffer = filled === 0 && total > 0;
    const number = this.#begun++;
    // The window grows by the round trip, which a busy session may not have measured.
    if (number === 0 && this.#sink.rttMs === undefined) this.#sink.check();
    const credit = MESSAGE_OVERHEAD_BYTES + bodyOffset - MESSAGE_HEAD_BYTES +
      (isOffer ? 0 : total);
    this.#window.use(credit);
    if (this.#partial.size > 0) this.#checkOrder(stream);
    const id = new MessageId(payload);
    const incoming = new IncomingMessage(stream, id, this, number, credit);
    if (filled === total || isOffer) {
      if (this.#knows(incoming)) return this.#again(incoming);
      if (!isOffer) {
        this.#copy(payload, bodyOffset, incoming);
        return this.#complete(incoming);
      }
    }
    this.#begin(incoming, total, payload.subarray(bodyOffset));
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
    const { incoming, body } = it;
    if (incoming.bodyCredit > 0) this.#options.budget.finished(this.#share);
    if (body === undefined || this.#knows(incoming)) {
      return this.#again(incoming);
    }
    incoming.bytes = body;
    this.#complete(incoming);
  }

  #complete(incoming: IncomingMessage): void {
    this.#sink.traffic.receivedMessage();
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

  settle({ number, credit, bodyCredit }: IncomingMessage, status: AckStatus) {
    if (this.#closed) return;
    this.#settled++;
    this.#window.release(credit, bodyCredit);
    if (bodyCredit > 0) this.#options.budget.release(this.#share, bodyCredit);
    this.#acks.acknowledge(number, status);
  }

  /** Sends all acknowledgements, which must be durable. */
  flushNow(): void {
    this.#acks.flushNow();
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
    this.#acks.close();
    this.#peer.leave(this);
    this.#options.onClosed(this.#peer);
    this.#options.budget.leave(this.#share);
    for (const it of this.#partial.values()) this.#hold(it);
    this.#window.close();
    this.#partial.clear();
  }

  moveBody(id: MessageId): void {
    const { budget } = this.#options;
    for (const it of this.#partial.values()) {
      const { messageId, bodyCredit } = it.incoming;
      if (!messageId.equals(id) || it.moved) continue;
      it.moved = true;
      if (bodyCredit > 0) {
        budget.finished(this.#share);
        budget.release(this.#share, bodyCredit);
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
    for (const { incoming, filled, total } of this.#partial.values()) {
      if (incoming.stream !== stream) continue;
      throw new VerackError(
        "protocol",
        `Cannot accept message: ${filled} of ${total} bytes of the one before it have come`,
      );
    }
  }

  #begin(
    incoming: IncomingMessage,
    total: number,
    beginning: Uint8Array,
  ): void {
    const it: PartialBody = {
      incoming,
      total,
      body: undefined,
      filled: beginning.length,
      moved: false,
      isOffer: beginning.length === 0,
      at: this.#options.clock.monotonic(),
    };
    this.#partial.set(incoming.number >>> 0, it);
    if (it.isOffer) {
      if (!this.#resume(it)) this.#requestCredit(it);
      return;
    }
    // The body of an acked message comes all the same, but is not needed.
    if (this.#peer.seen.has(incoming.messageId)) return;
    it.body = new Uint8Array(total);
    it.body.set(beginning);
  }

  #requestCredit(it: PartialBody): void {
    const { budget, held, clock } = this.#options;
    const { incoming, total } = it;
    const granted = () => {
      incoming.bodyCredit = total;
      it.body = new Uint8Array(total);
      it.isOffer = false;
      it.at = clock.monotonic();
      this.#acks.acknowledge(incoming.number, ACK_STATUS.credit);
    };
    held.giveWay(total, this.#peer.hasStanding);
    budget.request(this.#share, { bytes: total, granted });
  }

  /** Goes on with an offered body where an earlier session ended; false if nothing is held. */
  #resume(it: PartialBody): boolean {
    const { incoming, total } = it;
    for (const session of this.#peer.sessions) {
      if (session !== this) session.moveBody(incoming.messageId);
    }
    const held = this.#options.held.take(incoming, total, this.#share);
    if (held === undefined) return false;
    incoming.bodyCredit = total;
    it.body = held.body;
    it.filled = held.filled;
    it.isOffer = false;
    const resume = { number: incoming.number >>> 0, held: held.filled };
    this.#sink.send(COMMAND.resume, encodeResume(resume));
    return true;
  }

  /** Holds the beginning of a body for the next session, if there is credit for it. */
  #hold(it: PartialBody): void {
    const { incoming, body, filled } = it;
    if (body === undefined) return;
    it.body = undefined;
    const now = this.#options.clock.monotonic();
    this.#options.held.keep(incoming, { body, filled }, now);
  }

  /** Copies the body, and with it the head of a short message: one array less. */
  #copy(payload: Uint8Array, from: number, incoming: IncomingMessage): void {
    const block = this.#pool.put(payload);
    if (block === undefined) incoming.bytes = payload.slice(from);
    else incoming.place(block, payload.length - from);
  }

  // --- Messages that come again ----------------------------------------------

  #knows(incoming: IncomingMessage): boolean {
    return this.#peer.seen.has(incoming.messageId) ||
      this.#waiting(incoming) !== undefined;
  }

  /** The same message, which came by another session and is not settled. */
  #waiting(
    { stream, messageId }: IncomingMessage,
  ): IncomingMessage | undefined {
    const isAlone = this.#peer.sessions.size === 1 &&
      stream.delivered?.hasSession !== false;
    return isAlone ? undefined : stream.find(messageId);
  }

  /** Acks a message that was acked before, or settles it together with the other. */
  #again(incoming: IncomingMessage): void {
    const waiting = this.#waiting(incoming);
    this.#options.counters.messagesRepeated++;
    this.repeated();
    if (waiting === undefined) this.settle(incoming, ACK_STATUS.acked);
    else (waiting.twins ??= []).push(incoming);
  }
}
