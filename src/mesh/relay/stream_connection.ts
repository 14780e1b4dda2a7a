/**
 * A stream to a peer as a {@linkcode Connection}: what carries a relayed session. Its addresses
 * are those of the session with the relay, so that scope and share of a relayed peer are those of
 * its relay.
 */
import type { Clock } from "../../core/clock.ts";
import { messageOf, VerackError } from "../../core/errors.ts";
import { shortId } from "../../core/peer_id.ts";
import { FLUSH_TIMEOUT_MS } from "../../session/session_limits.ts";
import type { PeerStream } from "../../streams/peer_stream.ts";
import type { Address } from "../../transport/address.ts";
import { WRITE_BLOCK_BYTES } from "../../transport/transport_limits.ts";
import type { Connection } from "../../transport/transport.ts";

/** Owns its stream from construction on. */
export class StreamConnection implements Connection {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly #stream: PeerStream;
  readonly #clock: Clock;
  #isClosed = false;
  #isWriting = false;

  constructor(
    stream: PeerStream,
    { localAddress, remoteAddress }: Pick<
      Connection,
      "localAddress" | "remoteAddress"
    >,
    clock: Clock,
  ) {
    this.#stream = stream;
    this.#clock = clock;
    this.localAddress = localAddress;
    this.remoteAddress = remoteAddress;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#isClosed) throw this.#error("read");
    try {
      const count = await this.#stream.read(buffer);
      if (!this.#isClosed) return count;
    } catch (error) {
      throw this.#error("read", error);
    }
    // Closing ends a read that waits as if the other end had ended.
    throw this.#error("read");
  }

  async write(data: Uint8Array): Promise<number> {
    if (this.#isClosed) throw this.#error("write");
    if (data.length === 0) return 0;
    const block = data.length > WRITE_BLOCK_BYTES
      ? data.subarray(0, WRITE_BLOCK_BYTES)
      : data;
    this.#isWriting = true;
    try {
      await this.#stream.write(block);
    } catch (error) {
      throw this.#error("write", error);
    } finally {
      this.#isWriting = false;
    }
    return block.length;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const stream = this.#stream;
    // A peer that grants no credit would keep what is being written waiting for ever.
    if (this.#isWriting) return stream.abort();
    stream.stopReading();
    const cancel = this.#clock.after(FLUSH_TIMEOUT_MS, () => stream.abort());
    stream.closeWrite().catch(() => {}).finally(cancel);
  }

  #error(action: "read" | "write", cause?: unknown): VerackError {
    const detail = this.#isClosed
      ? "the connection was closed here"
      : messageOf(cause);
    const relay = shortId(this.#stream.peer);
    const message = `Cannot ${action} through relay ${relay}: ${detail}`;
    return new VerackError("closed", message, { cause });
  }
}
