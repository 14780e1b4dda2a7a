/**
 * Sends messages on one session: streams take turns by the piece, a stream's
 * messages follow one another, nothing beyond what the receiver granted leaves,
 * and no more than its peer takes within a few hundred milliseconds is on the way,
 * so that pings and acknowledgements never wait behind bulk.
 *
 * What waits to be sent is the outbox's, which is told what became of it.
 */
import { VerackError } from "../core/errors.ts";
import {
  MAX_CHUNK_BYTES,
  MAX_UNSETTLED_MESSAGES,
  MAX_WAITING_BODY_BYTES,
  MIN_CHUNK_BYTES,
  MIN_WINDOW_BYTES,
  SEND_REFILL_SHARE,
  SHARED_UNSETTLED_MESSAGES,
} from "../delivery_limits.ts";
import { COMMAND } from "../wire/commands.ts";
import { ACK_STATUS, type AckMessage } from "../wire/messages/ack.ts";
import { CHUNK_HEAD_BYTES, writeChunkHead } from "../wire/messages/message.ts";
import type { ResumeMessage } from "../wire/messages/resume.ts";
import type { FrameSink } from "./frame_sink.ts";
import { Fifo } from "../core/fifo.ts";
import type { OutgoingMessage } from "./outgoing_message.ts";
import type { SendStream } from "./send_stream.ts";

/** From how many settled entries on the array is made short again. */
const COMPACT_AT = 1_024;

/** `chunk` is put together here; the session copies it. */
const piece = new Uint8Array(CHUNK_HEAD_BYTES + MAX_CHUNK_BYTES);

/** What the senders of a node share. */
export interface SenderOptions {
  /** First bytes of every frame. */
  readonly magic: Uint8Array;
  /** Bytes that may wait in the session's queue before no more are put there. */
  readonly ahead: () => number;
  /** A message was taken, or refused for good. */
  readonly settled: (outgoing: OutgoingMessage, taken: boolean) => void;
}

/** The sending half of delivery on one session. */
export class Sender {
  readonly sink: FrameSink;
  readonly #options: SenderOptions;
  /** What its messages may count in all, and what they have counted so far. */
  #limit = MIN_WINDOW_BYTES;
  #used = 0;
  readonly #ready = new Fifo<SendStream>();
  /** Their next message does not fit what the receiver granted. */
  #blocked: SendStream[] = [];
  /** Messages by number, from `#base` on; settled ones are `undefined`. */
  #sent: (OutgoingMessage | undefined)[] = [];
  #base = 0;
  #settledUpTo = 0;
  /** Messages begun and not settled. */
  #unsettled = 0;
  #refilling = false;

  constructor(sink: FrameSink, options: SenderOptions) {
    this.sink = sink;
    this.#options = options;
  }

  /** Messages sent and not settled. */
  get inFlight(): number {
    return this.#sent.length - this.#settledUpTo;
  }

  /** Sends nothing more. */
  close(): void {
    this.#ready.clear();
    this.#blocked = [];
    this.#sent = [];
  }

  /** A stream has something to send; {@linkcode pump} sends it. */
  wake(stream: SendStream): void {
    if (stream.place !== "idle") return;
    stream.place = "ready";
    this.#ready.push(stream);
  }

  /** Sends what may be sent now. */
  pump(): void {
    const { sink } = this;
    for (
      let stream = this.#ready.peek();
      stream !== undefined;
      stream = this.#ready.peek()
    ) {
      if (!sink.isOpen) return;
      if (
        sink.queuedBytes >= this.#options.ahead() || sink.pacer.isFull
      ) {
        this.#refill();
        return;
      }
      const place = this.#sendSome(stream);
      stream.place = place;
      this.#ready.shift();
      if (place === "ready") this.#ready.push(stream);
      else if (place === "blocked") this.#blocked.push(stream);
    }
  }

  /**
   * The receiver said what became of messages.
   *
   * @throws {VerackError} `protocol` when that cannot be.
   */
  onAck(ack: AckMessage): void {
    if (ack.limit < this.#limit) {
      refuse(
        `limit is ${ack.limit}, must be at least ${this.#limit} as before`,
      );
    }
    this.#limit = ack.limit;
    for (const { first, count, status } of ack.ranges) {
      // Numbers go over the wire modulo 2^32.
      const start = (first - this.#base) >>> 0;
      if (start + count > this.#sent.length) {
        refuse(`message ${first} was not sent, or is settled`);
      }
      for (let at = start; at < start + count; at++) {
        const outgoing = this.#sent[at];
        if (outgoing === undefined) refuse("a message is settled twice");
        if (status === ACK_STATUS.credit) this.#grant(outgoing);
        else this.#settle(at, outgoing, status === ACK_STATUS.acked);
      }
    }
    this.#compact();
    const blocked = this.#blocked;
    this.#blocked = [];
    for (const stream of blocked) {
      stream.place = "ready";
      this.#ready.push(stream);
    }
    this.pump();
  }

  /**
   * The receiver has room for the rest of an offered body, of which it holds the
   * beginning from an earlier session.
   *
   * @throws {VerackError} `protocol` when that cannot be.
   */
  onResume({ number, held }: ResumeMessage): void {
    const at = (number - this.#base) >>> 0;
    const outgoing = this.#sent[at];
    if (outgoing === undefined) {
      refuse(`message ${number} was not sent, or is settled`);
    }
    const { bodyBytes } = outgoing.content;
    if (held >= bodyBytes) {
      refuse(`${held} bytes of ${bodyBytes} are held, must be fewer`);
    }
    this.#grant(outgoing);
    outgoing.sent = held;
    this.pump();
  }

  #grant(outgoing: OutgoingMessage): void {
    if (outgoing.offer !== "requested") refuse("credit was not requested");
    outgoing.offer = "granted";
    this.wake(outgoing.stream!);
  }

  #settle(at: number, outgoing: OutgoingMessage, taken: boolean): void {
    const stream = outgoing.stream!;
    if (outgoing.offer === "requested") {
      // It has it already and needs no more of it.
      stream.advance();
      this.wake(stream);
    } else if (outgoing.sent < outgoing.content.bodyBytes) {
      refuse("a message is settled before all of it was sent");
    }
    this.#sent[at] = undefined;
    stream.inFlight -= outgoing.credit;
    stream.unsettled--;
    this.#unsettled--;
    this.#options.settled(outgoing, taken);
    stream.settle();
  }

  /** Sends from one stream while it is its turn; says what it waits for then. */
  #sendSome(stream: SendStream): SendStream["place"] {
    const { pacer } = this.sink;
    // Smaller ones on a slow link, so that streams still take turns.
    const chunkBytes = Math.floor(
      Math.min(Math.max(pacer.chunkBytes, MIN_CHUNK_BYTES), MAX_CHUNK_BYTES),
    );
    for (let quota = chunkBytes; quota > 0;) {
      const outgoing = stream.next();
      if (outgoing === undefined) return "idle";
      if (outgoing.offer === "requested") return "idle";
      const begun = outgoing.sent > 0 || outgoing.offer === "granted";
      if (!begun) {
        const step = this.#begin(stream, outgoing);
        if (step !== "sends") return step;
      }
      const size = begun
        ? this.#sendPiece(outgoing, chunkBytes)
        : this.#sendHead(outgoing, chunkBytes);
      pacer.sent(size);
      quota -= size;
      if (outgoing.sent === outgoing.content.bodyBytes) stream.advance();
    }
    return "ready";
  }

  /**
   * Begins a message if it may leave now. A stream may have no more waiting at the
   * receiver than it leaves to the others, so that one that nobody takes from
   * cannot take up all of the window.
   */
  #begin(
    stream: SendStream,
    outgoing: OutgoingMessage,
  ): "sends" | "idle" | "blocked" {
    const { content } = outgoing;
    const { headCredit, bodyBytes } = content;
    const free = this.#limit - this.#used;
    const mayHave = stream.inFlight === 0 ? free : free - stream.inFlight;
    if (!this.#mayCount(stream)) return "blocked";
    // On an earlier session some of it left: its receiver may hold that.
    const resumes = outgoing.begun && bodyBytes > MAX_CHUNK_BYTES;
    if (headCredit + bodyBytes <= mayHave && !resumes) {
      this.#enter(stream, outgoing, headCredit + bodyBytes);
      return "sends";
    }
    // A short one waits for those before it, but not for other streams, which
    // nobody may ever take from.
    const waits = bodyBytes === 0 || !resumes &&
        (bodyBytes <= MAX_WAITING_BODY_BYTES && stream.inFlight > 0);
    if (waits || headCredit > mayHave) return "blocked";
    this.#enter(stream, outgoing, headCredit);
    outgoing.offer = "requested";
    this.sink.send(
      COMMAND.message,
      content.payload.subarray(0, content.headBytes),
    );
    return "idle";
  }

  /**
   * Its receiver knows again the last messages that it took: no more may be unsettled,
   * or some would come twice after a lost session. One stream leaves some to others.
   */
  #mayCount(stream: SendStream): boolean {
    const free = MAX_UNSETTLED_MESSAGES - this.#unsettled;
    return free > SHARED_UNSETTLED_MESSAGES || stream.unsettled < free;
  }

  #enter(stream: SendStream, outgoing: OutgoingMessage, credit: number): void {
    outgoing.credit = credit;
    outgoing.begun = true;
    stream.inFlight += credit;
    stream.unsettled++;
    this.#unsettled++;
    this.#used += credit;
    this.#sent.push(outgoing);
    outgoing.number = this.#base + this.#sent.length - 1;
  }

  #sendHead(outgoing: OutgoingMessage, chunkBytes: number): number {
    const { content } = outgoing;
    const { payload, headBytes, bodyBytes } = content;
    const first = Math.min(bodyBytes, chunkBytes);
    if (first < bodyBytes) {
      this.sink.send(
        COMMAND.message,
        payload.subarray(0, headBytes + first),
      );
    } else if (content.shared) {
      this.sink.sendShared(content.frame(this.#options.magic));
    } else this.sink.send(COMMAND.message, payload);
    outgoing.sent = first;
    return headBytes + first;
  }

  #sendPiece(outgoing: OutgoingMessage, chunkBytes: number): number {
    const { payload, headBytes, bodyBytes } = outgoing.content;
    const from = outgoing.sent;
    const size = Math.min(bodyBytes - from, chunkBytes);
    writeChunkHead(piece, outgoing.number);
    const at = headBytes + from;
    piece.set(payload.subarray(at, at + size), CHUNK_HEAD_BYTES);
    this.sink.send(
      COMMAND.chunk,
      piece.subarray(0, CHUNK_HEAD_BYTES + size),
    );
    outgoing.sent = from + size;
    return size;
  }

  #compact(): void {
    const { length } = this.#sent;
    let at = this.#settledUpTo;
    while (at < length && this.#sent[at] === undefined) at++;
    this.#settledUpTo = at;
    if (at === length || (at >= COMPACT_AT && 2 * at >= length)) {
      this.#sent.splice(0, at);
      this.#base += at;
      this.#settledUpTo = 0;
    }
  }

  /** Goes on when enough of the session's queue has left. */
  async #refill(): Promise<void> {
    if (this.#refilling) return;
    this.#refilling = true;
    const { ahead } = this.#options;
    await this.sink.drained(ahead() * SEND_REFILL_SHARE);
    await this.sink.pacer.ready();
    this.#refilling = false;
    this.pump();
  }
}

function refuse(what: string): never {
  throw new VerackError("protocol", `Cannot accept ack: ${what}`);
}
