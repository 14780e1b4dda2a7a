/**
 * The sending direction of a stream: what waits for credit or for its turn. Bytes that may leave
 * at once are not copied here.
 */
import { VerackError } from "../core/errors.ts";
import { ByteQueue } from "./byte_queue.ts";
import { mayBeIgnored } from "./receive_half.ts";
import { MAX_CREDIT_BYTES, TURN_BYTES } from "./streams_limits.ts";

/** What a {@linkcode SendHalf} needs of its stream. */
export interface SendOwner {
  /** Whether a stream without backlog may send a frame of so many bytes now. */
  maySend(bytes: number, isFirst: boolean): boolean;
  /** Sends one frame of data. */
  sendBytes(bytes: Uint8Array): void;
  sendEnd(): void;
  /** Something waits for a turn, of which some was sent without one if `hasSent`. */
  wake(hasSent: boolean): void;
  /** This direction has ended. */
  sendEnded(): void;
  /** Bytes that may wait before writes do. */
  readonly maxQueueBytes: number;
  /** The memory of what waits grew or shrank. */
  queuedChanged(change: number): void;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const DONE: Promise<void> = Promise.resolve();

/** Bytes of two blocks of a queue on their way to a frame, which copies them. */
const chunk = new Uint8Array(TURN_BYTES);

/** Writes one stream. */
export class SendHalf {
  readonly #owner: SendOwner;
  #credit: number;
  #queue: ByteQueue | undefined;
  #state: "open" | "ending" | "ended" = "open";
  #error: VerackError | undefined;
  #failed = false;
  /** Writes that wait for room, and `closeWrite` for the end. */
  #writers: Waiter[] = [];
  #closers: Waiter[] = [];
  #onFailed: ((error: VerackError) => void) | undefined;

  constructor(owner: SendOwner, credit: number) {
    this.#owner = owner;
    this.#credit = credit;
  }

  /** Whether neither its end nor an error has come. */
  get isOpen(): boolean {
    return this.#state !== "ended";
  }

  /** With what writes reject, if the peer or the stream has ended them. */
  get error(): VerackError | undefined {
    return this.#error;
  }

  /** Bytes that wait. */
  get queuedBytes(): number {
    return this.#queue?.length ?? 0;
  }

  /** Whether a turn would send something. */
  get isReady(): boolean {
    const waiting = this.queuedBytes;
    return waiting > 0 ? this.#credit > 0 : this.#state === "ending";
  }

  /** Calls `listener` with the error once writes reject though the direction has not ended. */
  whenFailed(listener: (error: VerackError) => void): void {
    if (this.#error === undefined) this.#onFailed = listener;
    else listener(this.#error);
  }

  /** See `PeerStream.write`. */
  write(bytes: Uint8Array): Promise<void> {
    if (!(bytes instanceof Uint8Array)) {
      return mayBeIgnored(
        new TypeError("Cannot write: bytes must be a Uint8Array"),
      );
    }
    if (this.#error !== undefined) return mayBeIgnored(this.#error);
    if (this.#state !== "open") {
      return mayBeIgnored(
        new TypeError("Cannot write: the own direction has ended"),
      );
    }
    const sent = this.queuedBytes === 0 ? this.#sendNow(bytes) : 0;
    if (sent === bytes.length) return DONE;
    const queue = this.#queue ??= new ByteQueue();
    const before = queue.heldBytes;
    queue.push(sent === 0 ? bytes : bytes.subarray(sent));
    this.#owner.queuedChanged(queue.heldBytes - before);
    this.#owner.wake(sent > 0);
    if (queue.length <= this.#owner.maxQueueBytes) return DONE;
    return waitIn(this.#writers);
  }

  /** See `PeerStream.closeWrite`. */
  close(): Promise<void> {
    if (this.#failed) return mayBeIgnored(this.#error);
    if (this.#state === "ended") return DONE;
    this.#state = "ending";
    if (this.queuedBytes === 0) {
      this.#end();
      return DONE;
    }
    return waitIn(this.#closers);
  }

  /** The peer has granted more; `protocol` if it is more than any grants. */
  granted(bytes: number): void {
    this.#credit += bytes;
    if (this.#credit > MAX_CREDIT_BYTES) {
      throw new VerackError(
        "protocol",
        `Cannot accept credit: ${this.#credit} bytes, must be at most ${MAX_CREDIT_BYTES}`,
      );
    }
    // It has had its turns before it waited for credit.
    if (this.isReady) this.#owner.wake(true);
  }

  /** Sends one frame; returns how many bytes. */
  takeTurn(): number {
    const queue = this.#queue;
    const waiting = queue?.length ?? 0;
    const count = Math.min(waiting, this.#credit, TURN_BYTES);
    if (count > 0) {
      const before = queue!.heldBytes;
      const bytes = queue!.takeTogether(count, chunk);
      this.#owner.queuedChanged(queue!.heldBytes - before);
      this.#credit -= count;
      this.#owner.sendBytes(bytes);
    }
    if (waiting === count && this.#state === "ending") this.#end();
    else if (waiting - count <= this.#owner.maxQueueBytes) {
      release(this.#writers);
    }
    return count;
  }

  /** The peer reads no more: what waits is dropped, and writes reject. */
  stopped(error: VerackError): void {
    if (this.#state === "ended") return;
    this.#error = error;
    this.#drop();
    reject(this.#writers, error);
    release(this.#closers);
    this.#onFailed?.(error);
    this.#owner.sendEnded();
  }

  /** The stream has failed. */
  fail(error: VerackError): void {
    if (this.#state === "ended") return;
    this.#error = error;
    this.#failed = true;
    this.#drop();
    reject(this.#writers, error);
    reject(this.#closers, error);
    this.#onFailed?.(error);
  }

  #sendNow(bytes: Uint8Array): number {
    let sent = 0;
    const { length } = bytes;
    while (sent < length) {
      const count = Math.min(length - sent, this.#credit, TURN_BYTES);
      if (count === 0 || !this.#owner.maySend(count, sent === 0)) break;
      this.#credit -= count;
      this.#owner.sendBytes(
        count === length ? bytes : bytes.subarray(sent, sent + count),
      );
      sent += count;
    }
    return sent;
  }

  #end(): void {
    this.#state = "ended";
    this.#owner.sendEnd();
    release(this.#writers);
    release(this.#closers);
    this.#owner.sendEnded();
  }

  #drop(): void {
    this.#state = "ended";
    if (this.#queue === undefined) return;
    this.#owner.queuedChanged(-this.#queue.heldBytes);
    this.#queue.clear();
    this.#queue = undefined;
  }
}

function waitIn(waiters: Waiter[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => {});
  waiters.push({ resolve, reject });
  return promise;
}

function release(waiters: Waiter[]): void {
  if (waiters.length === 0) return;
  for (const { resolve } of waiters.splice(0)) resolve();
}

function reject(waiters: Waiter[], error: unknown): void {
  for (const { reject } of waiters.splice(0)) reject(error);
}
