/**
 * The sending half of a session: streams take turns chunk by chunk, within the credit
 * that the receiver granted. Only what the peer receives in a few hundred milliseconds
 * is in flight, so that pings and acknowledgements do not wait behind bulk.
 */
import type { Clock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { Deque } from "../core/deque.ts";
import {
  MAX_UNSETTLED_MESSAGES,
  MAX_WAITING_BODY_BYTES,
  MIN_CHUNK_BYTES,
  MIN_WINDOW_BYTES,
  SHARED_UNSETTLED_MESSAGES,
} from "./delivery_limits.ts";
import type { TurnTaker } from "../session/send_turns.ts";
import { FRAME_HEADER_BYTES, MAX_CHUNK_BYTES } from "../wire/wire_limits.ts";
import { COMMAND } from "../wire/commands.ts";
import {
  ACK_STATUS,
  type AckMessage,
  type ResumeMessage,
} from "../wire/messages/ack.ts";
import {
  CHUNK_HEAD_BYTES,
  writeChunkHead,
} from "../wire/messages/message_frame.ts";
import type { FrameBlock } from "./frame_memory.ts";
import type { FrameSink } from "./frame_sink.ts";
import type { OutgoingMessage, SendStream } from "./outgoing_message.ts";

/** `chunk` is assembled here; the session copies it. */
const chunk = new Uint8Array(CHUNK_HEAD_BYTES + MAX_CHUNK_BYTES);

/** Settings that the senders of a node share. */
export interface SenderOptions {
  readonly clock: Clock;
  /** First word of every frame, `magicWord`'s. */
  readonly magic: number;
  /** Bytes that may wait in the session's queue. */
  readonly ahead: () => number;
  /** A message was acked, or rejected. */
  readonly onSettled: (
    outgoing: OutgoingMessage,
    acked: boolean,
    now: number,
  ) => void;
}

/** The sending half of delivery on one session. */
export class Sender implements TurnTaker {
  readonly needsShortQueue = false;
  readonly sink: FrameSink;
  readonly #options: SenderOptions;
  /** Credit granted, and credit used, since the session began. */
  #limit = MIN_WINDOW_BYTES;
  #used = 0;
  readonly #ready = new Deque<SendStream>();
  /** Streams whose next message has too little credit. */
  #blocked: SendStream[] = [];
  /** Messages begun, the oldest of which is not settled and has the number `#base`. */
  readonly #sent = new Deque<OutgoingMessage>();
  #base = 0;
  #unsettled = 0;
  /** Frames one after the other in one block, which are sent together. */
  #run: FrameBlock | undefined;
  #runStart = 0;
  #runEnd = 0;
  #runPayload = 0;

  constructor(sink: FrameSink, options: SenderOptions) {
    this.sink = sink;
    this.#options = options;
  }

  /** Sends nothing more. */
  close(): void {
    this.sink.turns.leave(this);
    this.#ready.clear();
    this.#blocked = [];
    this.#sent.clear();
  }

  /** Queues a stream that has something to send; {@linkcode pump} sends it. */
  wake(stream: SendStream): void {
    if (stream.place !== "idle") return;
    stream.place = "ready";
    this.#ready.push(stream);
  }

  /** Sends what may be sent now. */
  pump(): void {
    if (this.#ready.first !== undefined) this.sink.turns.wake(this);
  }

  ahead(): number {
    return this.#options.ahead();
  }

  takeTurn(): boolean {
    const stream = this.#ready.first;
    if (stream === undefined) return false;
    const place = this.#sendSome(stream);
    stream.place = place;
    this.#ready.shift();
    if (place === "ready") this.#ready.push(stream);
    else if (place === "blocked") this.#blocked.push(stream);
    return this.#ready.first !== undefined;
  }

  /** Settles messages, and takes credit; `protocol` if that contradicts what was sent. */
  onAck(ack: AckMessage): void {
    if (ack.limit < this.#limit) {
      refuse(
        `limit is ${ack.limit}, must be at least ${this.#limit} as before`,
      );
    }
    this.#limit = ack.limit;
    // Read once for all messages of one frame.
    const now = this.#options.clock.monotonic();
    for (const { first, count, status } of ack.ranges) {
      // Numbers go over the wire modulo 2^32.
      const start = (first - this.#base) >>> 0;
      if (start + count > this.#sent.length) {
        refuse(`message ${first} was not sent, or is settled`);
      }
      for (let at = start; at < start + count; at++) {
        const outgoing = this.#sent.at(at)!;
        if (outgoing.credit === 0) refuse("a message is settled twice");
        if (status === ACK_STATUS.credit) this.#grant(outgoing);
        else this.#settle(outgoing, status === ACK_STATUS.acked, now);
      }
    }
    while (this.#sent.first?.credit === 0) {
      this.#sent.shift();
      this.#base++;
    }
    const blocked = this.#blocked;
    this.#blocked = [];
    for (const stream of blocked) {
      stream.place = "ready";
      this.#ready.push(stream);
    }
    this.pump();
  }

  /** The receiver grants credit for an offered body of which it holds the beginning. */
  onResume({ number, held }: ResumeMessage): void {
    const outgoing = this.#sent.at((number - this.#base) >>> 0);
    if (outgoing === undefined || outgoing.credit === 0) {
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

  #settle(outgoing: OutgoingMessage, acked: boolean, now: number): void {
    const stream = outgoing.stream!;
    if (outgoing.offer === "requested") {
      // The receiver acked the message before, so that its body is not needed.
      stream.advance();
      this.wake(stream);
    } else if (outgoing.sent < outgoing.content.bodyBytes) {
      refuse("a message is settled before all of it was sent");
    }
    stream.inFlight -= outgoing.credit;
    outgoing.credit = 0;
    stream.unsettled--;
    this.#unsettled--;
    this.#options.onSettled(outgoing, acked, now);
    stream.settle();
  }

  /** Sends a turn's worth of one stream; returns which queue it goes to. */
  #sendSome(stream: SendStream): SendStream["place"] {
    // Smaller chunks on a slow link, so that turns stay short.
    const wanted = Math.max(this.sink.pacer.chunkBytes, MIN_CHUNK_BYTES);
    const chunkBytes = Math.floor(Math.min(wanted, MAX_CHUNK_BYTES));
    let place: SendStream["place"] = "ready";
    for (let quota = chunkBytes; quota > 0 && place === "ready";) {
      const outgoing = stream.next();
      if (outgoing === undefined || outgoing.offer === "requested") {
        place = "idle";
      } else if (outgoing.sent > 0 || outgoing.offer === "granted") {
        quota -= this.#sendChunk(stream, outgoing, chunkBytes);
      } else {
        place = this.#begin(stream, outgoing);
        if (place !== "ready") break;
        quota -= this.#sendHead(stream, outgoing, chunkBytes);
      }
    }
    this.#flush();
    return place;
  }

  /**
   * Begins a message if there is credit: `ready` if it is to be sent. A stream may use as
   * much as it leaves to the others, so that one without a consumer cannot use up the window.
   */
  #begin(
    stream: SendStream,
    outgoing: OutgoingMessage,
  ): SendStream["place"] {
    const { content } = outgoing;
    const { headCredit, bodyBytes } = content;
    const available = this.#limit - this.#used - stream.inFlight;
    if (!this.#mayBegin(stream)) return "blocked";
    // Some of it was sent on an earlier session: the receiver may hold that.
    const resumes = outgoing.begun && bodyBytes > MAX_CHUNK_BYTES;
    if (headCredit + bodyBytes <= available && !resumes) {
      this.#enter(stream, outgoing, headCredit + bodyBytes);
      return "ready";
    }
    // A short body waits for those before it in its stream, but not for other
    // streams, which may never get a consumer.
    const waits = bodyBytes === 0 || !resumes &&
        (bodyBytes <= MAX_WAITING_BODY_BYTES && stream.inFlight > 0);
    if (waits || headCredit > available) return "blocked";
    this.#enter(stream, outgoing, headCredit);
    outgoing.offer = "requested";
    this.#flush();
    this.sink.send(COMMAND.message, content.payload(0, content.headBytes));
    return "idle";
  }

  /**
   * The receiver remembers the ids of so many messages: with more unsettled, some would
   * be delivered twice after a lost session. One stream leaves some to the others.
   */
  #mayBegin(stream: SendStream): boolean {
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
    this.sink.traffic.sentMessage();
    outgoing.number = this.#base + this.#sent.length;
    this.#sent.push(outgoing);
  }

  /** Sends a message, or the beginning of a longer one; returns how many bytes of payload. */
  #sendHead(
    stream: SendStream,
    outgoing: OutgoingMessage,
    chunkBytes: number,
  ): number {
    const { content } = outgoing;
    const { block, start, headBytes, bodyBytes } = content;
    const first = Math.min(bodyBytes, chunkBytes);
    const size = headBytes + first;
    if (content.isDivisible) content.writeHeader(this.#options.magic, size);
    if (this.#run !== block || this.#runEnd !== start) {
      this.#flush();
      this.#run = block;
      this.#runStart = start;
    }
    this.#runEnd = start + FRAME_HEADER_BYTES + size;
    this.#runPayload += size;
    outgoing.sent = first;
    if (first === bodyBytes) stream.advance();
    return size;
  }

  #sendChunk(
    stream: SendStream,
    outgoing: OutgoingMessage,
    chunkBytes: number,
  ): number {
    this.#flush();
    const { content, sent } = outgoing;
    const { headBytes, bodyBytes } = content;
    const size = Math.min(bodyBytes - sent, chunkBytes);
    const at = headBytes + sent;
    writeChunkHead(chunk, outgoing.number);
    chunk.set(content.payload(at, at + size), CHUNK_HEAD_BYTES);
    this.sink.send(COMMAND.chunk, chunk.subarray(0, CHUNK_HEAD_BYTES + size));
    this.sink.pacer.sent(size);
    outgoing.sent = sent + size;
    if (outgoing.sent === bodyBytes) stream.advance();
    return size;
  }

  /** Sends the run. */
  #flush(): void {
    if (this.#run === undefined) return;
    this.sink.sendFrames(
      this.#run.bytes.subarray(this.#runStart, this.#runEnd),
    );
    this.#run = undefined;
    this.sink.pacer.sent(this.#runPayload);
    this.#runPayload = 0;
  }
}

function refuse(what: string): never {
  throw new VerackError("protocol", `Cannot accept ack: ${what}`);
}
