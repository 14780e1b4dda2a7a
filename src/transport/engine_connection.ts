/**
 * A {@linkcode Connection} over a {@linkcode TlsEngine}, either end of TLS, and what carries its
 * ciphertext: Deno's TCP, or another connection. Reads from that only while it is read from, into
 * the buffer it is given.
 */
import { VerackError } from "../core/errors.ts";
import type { Address } from "./address.ts";
import { failure, netError, socketAddress } from "./net_errors.ts";
import type { TlsEngine } from "./tls_engine.ts";
import { MAX_CIPHERTEXT_BYTES, WRITE_BLOCK_BYTES } from "./transport_limits.ts";
import type { Connection } from "./transport.ts";

/** Least read from the network; also the buffer that a session has while it is idle. */
const MIN_READ_BYTES = 1_024;

/** From this size on ciphertext is freed once it is sent: the next is then put where it was. */
const MIN_FREED_BYTES = 4_096;

const NOTHING = new Uint8Array(0);

/** What carries ciphertext; disposing of it frees it at once. */
export type ByteChannel = Pick<Connection, "read" | "write"> & Disposable;

/** The two ends of a connection. */
export type ConnectionEnds = Pick<
  Connection,
  "localAddress" | "remoteAddress"
>;

/** TLS over a channel, which it owns from construction on. */
export class EngineConnection implements Connection {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly #channel: ByteChannel;
  /** Exists once the other end has said something, and until the end. */
  #engine: TlsEngine | undefined;
  #isWriting = false;
  #isClosed = false;
  #hasEnded = false;
  /** Why nothing works any more. */
  #error: unknown;
  /** How much to read at once; grows while reads are filled. */
  #want = MIN_READ_BYTES;
  /** For reads that are larger than the buffer that is given. */
  #own: Uint8Array | undefined;

  private constructor(
    channel: ByteChannel,
    { localAddress, remoteAddress }: ConnectionEnds,
  ) {
    this.#channel = channel;
    this.localAddress = localAddress;
    this.remoteAddress = remoteAddress;
  }

  /** TLS over Deno's TCP. */
  static overTcp(tcp: Deno.TcpConn): EngineConnection {
    return new EngineConnection(tcp, {
      localAddress: socketAddress(tcp.localAddr),
      remoteAddress: socketAddress(tcp.remoteAddr),
    });
  }

  /** TLS over another connection. */
  static over(carrier: Connection): EngineConnection {
    const channel: ByteChannel = {
      read: (buffer) => carrier.read(buffer),
      write: (data) => carrier.write(data),
      [Symbol.dispose]: () => carrier.close(),
    };
    return new EngineConnection(channel, carrier);
  }

  /**
   * Completes the handshake as the accepting end, and returns the protocol that was agreed. The
   * engine is made once the first bytes have arrived, so that a connection that says nothing costs
   * no more than a socket.
   */
  async handshake(make: () => TlsEngine): Promise<string | undefined> {
    const engine = await this.#shakeHands("accept", make);
    return engine.protocol;
  }

  /** Completes the handshake as the dialing end, with an engine that it owns. */
  async dial(engine: TlsEngine): Promise<void> {
    this.#engine = engine;
    await this.#send(engine.drain());
    await this.#shakeHands("dial", () => engine);
  }

  async #shakeHands(
    action: "accept" | "dial",
    make: () => TlsEngine,
  ): Promise<TlsEngine> {
    const buffer = new Uint8Array(MIN_READ_BYTES);
    for (;;) {
      const count = await this.#channel.read(buffer);
      if (count === null || this.#isClosed) {
        const detail = "the other end hung up";
        throw failure("closed", action, this.remoteAddress, detail);
      }
      const engine = this.#engine ??= make();
      // What came behind the handshake is kept for the first read.
      engine.decrypt(buffer.subarray(0, count), NOTHING);
      const isDone = engine.isSecure && engine.error === undefined;
      // Session tickets, which the accepting end has to send then, leave with its first write.
      if (isDone && action === "accept") return engine;
      const sending = this.#send(engine.drain());
      if (engine.error !== undefined) {
        // An alert. That it cannot be sent must not hide what is wrong.
        await sending.catch(() => {});
        throw engine.error;
      }
      await sending;
      if (isDone) return engine;
    }
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      const engine = this.#working("read");
      const kept = engine.take(buffer);
      if (kept > 0) return kept;
      this.#check("read", engine);
      if (this.#hasEnded || engine.hasEnded) return null;
      const into = this.#readInto(buffer);
      let count: number | null;
      try {
        count = await this.#channel.read(into);
      } catch (error) {
        this.#error ??= error;
        continue;
      }
      if (count === null) {
        this.#hasEnded = true;
        continue;
      }
      if (this.#isClosed) continue;
      const ciphertext = count === into.length ? into : into.subarray(0, count);
      const decrypted = engine.decrypt(ciphertext, buffer);
      this.#fit(into.length, count);
      if (decrypted > 0) return decrypted;
    }
  }

  async write(data: Uint8Array): Promise<number> {
    const engine = this.#working("write");
    this.#check("write", engine);
    if (data.length === 0) return 0;
    const block = data.length > WRITE_BLOCK_BYTES
      ? data.subarray(0, WRITE_BLOCK_BYTES)
      : data;
    this.#isWriting = true;
    try {
      const ciphertext = engine.encrypt(block);
      const count = await this.#channel.write(ciphertext);
      if (count < ciphertext.length) {
        await this.#send(ciphertext.subarray(count));
      }
      if (ciphertext.length >= MIN_FREED_BYTES) freeNow(ciphertext);
    } catch (error) {
      this.#error ??= error;
    }
    this.#isWriting = false;
    this.#working("write");
    this.#check("write", engine);
    return block.length;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const engine = this.#engine;
    this.#engine = undefined;
    this.#own = undefined;
    const isWhole = engine?.isSecure && engine.error === undefined &&
      this.#error === undefined;
    if (!isWhole || this.#isWriting) {
      // A peer that does not read would keep a graceful end waiting for ever.
      this.#channel[Symbol.dispose]();
    } else {
      // One turn of the event loop for TLS's goodbye, which lets the other end tell
      // an end from a cut; then the descriptor is free, whatever the peer does.
      this.#send(engine.end()).catch(() => {});
      setImmediate(() => this.#channel[Symbol.dispose]());
    }
    engine?.free();
  }

  /** The engine; throws once the connection is closed. */
  #working(action: "read" | "write"): TlsEngine {
    if (this.#engine !== undefined) return this.#engine;
    const detail = "the connection was closed here";
    throw failure("closed", action, this.remoteAddress, detail);
  }

  /** Throws if the connection is broken. */
  #check(action: "read" | "write", engine: TlsEngine): void {
    const cause = this.#error ?? engine.error;
    if (cause === undefined) return;
    const { message } = netError(cause, action, this.remoteAddress);
    throw new VerackError("closed", message, { cause });
  }

  async #send(ciphertext: Uint8Array): Promise<void> {
    for (let at = 0; at < ciphertext.length;) {
      const rest = at === 0 ? ciphertext : ciphertext.subarray(at);
      at += await this.#channel.write(rest);
    }
  }

  #readInto(buffer: Uint8Array): Uint8Array {
    if (buffer.length < this.#want) {
      return this.#own ??= new Uint8Array(this.#want);
    }
    return buffer.length > MAX_CIPHERTEXT_BYTES
      ? buffer.subarray(0, MAX_CIPHERTEXT_BYTES)
      : buffer;
  }

  /** Fits the next read to the last, which put `count` bytes into a buffer of `length`. */
  #fit(length: number, count: number): void {
    const want = count === length
      ? Math.max(this.#want, Math.min(length * 4, MAX_CIPHERTEXT_BYTES))
      : count < length / 4
      ? MIN_READ_BYTES
      : this.#want;
    if (want === this.#want) return;
    this.#want = want;
    this.#own = undefined;
  }
}

/** Frees the memory now, since much would wait for the garbage collector. */
function freeNow({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
