/**
 * A stream and a socket that are joined: what comes from one is sent to the other, each
 * direction with its own end, and no faster than the other end takes it.
 */
import { VerackError } from "../../core/errors.ts";
import { writeAll } from "../../core/write_all.ts";
import { netError, socketAddress } from "../../transport/net_errors.ts";
import type { PeerStream } from "../../streams/peer_stream.ts";
import type { ReplyReader } from "./forward_wire.ts";
import {
  MAX_FORWARD_BUFFER_BYTES,
  MIN_FORWARD_BUFFER_BYTES,
} from "../services_limits.ts";

/** A socket of Deno's own, TCP or Unix. */
export type Socket = Pick<
  Deno.Conn,
  "read" | "write" | "closeWrite" | "remoteAddr" | typeof Symbol.dispose
>;

/** One forwarded connection. */
export class ForwardedConnection {
  readonly #stream: PeerStream;
  readonly #socket: Socket;
  readonly #now: () => number;
  #sentBytes = 0;
  #receivedBytes = 0;
  #lastAt: number;
  #ends = 0;

  /**
   * Owns both from construction on.
   *
   * @param now The monotonic clock, milliseconds.
   */
  constructor(stream: PeerStream, socket: Socket, now: () => number) {
    this.#stream = stream;
    this.#socket = socket;
    this.#now = now;
    this.#lastAt = now();
  }

  /** Bytes of the socket that were sent to the peer. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Bytes of the peer that were written to the socket. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Whether one direction has ended. */
  get isHalfClosed(): boolean {
    return this.#ends > 0;
  }

  /** When a byte last came through, monotonic clock. */
  get lastAt(): number {
    return this.#lastAt;
  }

  /**
   * Carries bytes until both directions have ended. Bytes of the socket are sent at once, those
   * of the stream are written when `reply` is complete. Then, or on failure, both are closed.
   *
   * @param reply Reads the reply of the peer, if this end has opened the stream.
   * @param onReply Called when the reply is that there is a connection.
   * @throws {VerackError} The refusal of the peer; as `PeerStream.read`; `closed` when the
   * socket broke.
   */
  async run(reply?: ReplyReader, onReply?: () => void): Promise<void> {
    const outbound = this.#toPeer();
    const inbound = this.#fromPeer(reply, onReply);
    // The other one ends as its end is closed; it then throws, or not, for that reason alone.
    const either = Promise.all([outbound, inbound]);
    try {
      await either;
    } catch (error) {
      this.abort(error);
      await Promise.allSettled([outbound, inbound]);
      throw error;
    } finally {
      this.#socket[Symbol.dispose]();
      await this.#stream[Symbol.asyncDispose]();
    }
  }

  /** Closes both ends at once, which ends {@linkcode run}. */
  abort(reason: unknown): void {
    this.#stream.abort(reason);
    this.#socket[Symbol.dispose]();
  }

  async #toPeer(): Promise<void> {
    const stream = this.#stream;
    let buffer = new Uint8Array(MIN_FORWARD_BUFFER_BYTES);
    for (;;) {
      const count = await this.#readSocket(buffer);
      if (count === null) break;
      try {
        await stream.write(buffer.subarray(0, count));
      } catch (error) {
        // Else the peer only reads no more, and may still send.
        if (stream.signal.aborted) throw error;
        break;
      }
      this.#sentBytes += count;
      this.#lastAt = this.#now();
      if (count === buffer.length) buffer = longer(buffer);
    }
    this.#ends++;
    // After a refusal to read there is nothing to end.
    await stream.closeWrite().catch(() => {});
  }

  async #fromPeer(reply?: ReplyReader, onReply?: () => void): Promise<void> {
    const stream = this.#stream;
    let buffer = new Uint8Array(MIN_FORWARD_BUFFER_BYTES);
    let isReplied = reply === undefined;
    for (;;) {
      const count = await stream.read(buffer);
      if (count === null) break;
      const bytes = buffer.subarray(0, count);
      const rest = isReplied ? bytes : reply?.push(bytes);
      if (rest === undefined) continue;
      if (!isReplied) onReply?.();
      isReplied = true;
      try {
        await writeAll(this.#socket, rest);
      } catch {
        // Reading from the socket shows whether it is gone as a whole.
        stream.stopReading();
        break;
      }
      this.#receivedBytes += rest.length;
      this.#lastAt = this.#now();
      if (count === buffer.length) buffer = longer(buffer);
    }
    if (!isReplied) {
      throw new VerackError(
        "closed",
        "Cannot forward: the peer ended the stream without a reply",
      );
    }
    this.#ends++;
    await this.#socket.closeWrite().catch(() => {});
  }

  async #readSocket(buffer: Uint8Array): Promise<number | null> {
    try {
      return await this.#socket.read(buffer);
    } catch (error) {
      throw netError(error, "read", socketAddress(this.#socket.remoteAddr));
    }
  }
}

function longer(buffer: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return buffer.length >= MAX_FORWARD_BUFFER_BYTES
    ? buffer
    : new Uint8Array(Math.min(4 * buffer.length, MAX_FORWARD_BUFFER_BYTES));
}
