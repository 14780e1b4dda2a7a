/**
 * The security layer of the network in memory over a connection that exists already, with what
 * TLS promises to its ends: the pin is proven, and what carries the bytes can neither read nor
 * change, reorder or repeat them unnoticed. There is no cryptography: both ends are in this
 * process and get their keys through it, and records are masked and summed.
 */
import type { Random } from "../core/clock.ts";
import { writeAll } from "../core/write_all.ts";
import type { Address } from "../transport/address.ts";
import { abortError, failure } from "../transport/net_errors.ts";
import { sameBytes } from "../transport/tls_safety.ts";
import type {
  Connection,
  Credentials,
  Overlay,
  Pin,
} from "../transport/transport.ts";

/** What the dialing end sends in the clear: it names the keys. */
const HELLO_BYTES = 16;
/** Length (u16) and sum (u32) of a record. */
const HEAD_BYTES = 6;
/** As in TLS. */
const MAX_RECORD_BYTES = 16_384;

const FINISHED = Uint8Array.of(1);

/** The keys of the two directions. */
interface Keys {
  readonly dialer: number;
  readonly acceptor: number;
}

/** The security layer of all hosts of one network. */
export class MemoryOverlay implements Overlay {
  readonly #random: Random;
  /** Of dials that no end has accepted yet, by their hello. */
  readonly #offered = new Map<string, Keys>();

  constructor(random: Random) {
    this.#random = random;
  }

  async dial(
    carrier: Connection,
    { pin, signal }: { pin?: Pin; signal?: AbortSignal },
  ): Promise<Connection> {
    if (pin === undefined) {
      carrier.close();
      throw new TypeError("Cannot dial: pin is undefined, must be given");
    }
    const hello = this.#random.bytes(HELLO_BYTES);
    const keys = { dialer: this.#key(), acceptor: this.#key() };
    this.#offered.set(hello.toHex(), keys);
    try {
      return await guarded(carrier, "dial", signal, async () => {
        await writeAll(carrier, hello);
        const connection = new SealedConnection(
          carrier,
          keys.dialer,
          keys.acceptor,
        );
        const shown = await connection.readRecord();
        if (shown === null) throw hungUp("dial", carrier.remoteAddress);
        if (!sameBytes(shown, pin.certificate)) {
          throw failure(
            "wrong-certificate",
            "dial",
            carrier.remoteAddress,
            "the other end shows another certificate than the pinned one",
          );
        }
        await connection.write(FINISHED);
        return connection;
      });
    } finally {
      this.#offered.delete(hello.toHex());
    }
  }

  async accept(
    carrier: Connection,
    { credentials, signal }: {
      credentials?: Credentials;
      signal?: AbortSignal;
    },
  ): Promise<Connection> {
    if (credentials === undefined) {
      carrier.close();
      throw new TypeError(
        "Cannot accept: credentials are undefined, must be given",
      );
    }
    return await guarded(carrier, "accept", signal, async () => {
      const address = carrier.remoteAddress;
      const hello = await readFully(carrier, HELLO_BYTES);
      if (hello === null) throw hungUp("accept", address);
      const keys = this.#offered.get(hello.toHex());
      if (keys === undefined) {
        throw failure("tls", "accept", address, "no dial sent this hello");
      }
      // Once, so that a recorded one is of no use.
      this.#offered.delete(hello.toHex());
      const connection = new SealedConnection(
        carrier,
        keys.acceptor,
        keys.dialer,
      );
      await writeAll(connection, credentials.certificate);
      const finished = await connection.readRecord();
      if (finished === null) throw hungUp("accept", address);
      return connection;
    });
  }

  #key(): number {
    return new DataView(this.#random.bytes(4).buffer).getUint32(0);
  }
}

/** One end; owns `carrier`. */
class SealedConnection implements Connection {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly #carrier: Connection;
  readonly #own: number;
  readonly #other: number;
  #sent = 0;
  #received = 0;
  /** What did not fit into the buffer of a read. */
  #rest = new Uint8Array(0);
  #error: unknown;

  constructor(carrier: Connection, own: number, other: number) {
    this.#carrier = carrier;
    this.#own = own;
    this.#other = other;
    this.localAddress = carrier.localAddress;
    this.remoteAddress = carrier.remoteAddress;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#rest.length === 0) {
      const record = await this.readRecord();
      if (record === null) return null;
      this.#rest = record;
    }
    const count = Math.min(buffer.length, this.#rest.length);
    buffer.set(this.#rest.subarray(0, count));
    this.#rest = this.#rest.subarray(count);
    return count;
  }

  /** The next record; `null` at the end, also within a record. */
  async readRecord(): Promise<Uint8Array<ArrayBuffer> | null> {
    if (this.#error !== undefined) throw this.#error;
    const head = await readFully(this.#carrier, HEAD_BYTES);
    if (head === null) return null;
    const view = new DataView(head.buffer);
    const length = view.getUint16(0);
    const record = length > MAX_RECORD_BYTES
      ? undefined
      : await readFully(this.#carrier, length);
    if (record === null) return null;
    const key = keyOf(this.#other, this.#received++);
    if (record === undefined || sumOf(record, key) !== view.getUint32(2)) {
      this.#error = failure(
        "closed",
        "read",
        this.remoteAddress,
        "a record was changed on its way",
      );
      throw this.#error;
    }
    mask(record, key);
    return record;
  }

  async write(data: Uint8Array): Promise<number> {
    const plain = data.subarray(0, MAX_RECORD_BYTES);
    if (plain.length === 0) return 0;
    const record = new Uint8Array(HEAD_BYTES + plain.length);
    const body = record.subarray(HEAD_BYTES);
    body.set(plain);
    const key = keyOf(this.#own, this.#sent++);
    mask(body, key);
    const view = new DataView(record.buffer);
    view.setUint16(0, plain.length);
    view.setUint32(2, sumOf(body, key));
    await writeAll(this.#carrier, record);
    return plain.length;
  }

  close(): void {
    this.#carrier.close();
  }
}

/** Runs a handshake; the carrier is closed when `signal` aborts, or if it fails. */
async function guarded(
  carrier: Connection,
  action: "dial" | "accept",
  signal: AbortSignal | undefined,
  handshake: () => Promise<Connection>,
): Promise<Connection> {
  const onAbort = () => carrier.close();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    const connection = await handshake();
    signal?.throwIfAborted();
    return connection;
  } catch (error) {
    carrier.close();
    if (signal?.aborted) {
      throw abortError(signal, action, carrier.remoteAddress);
    }
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

async function readFully(
  carrier: Connection,
  length: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await carrier.read(bytes.subarray(at));
    if (count === null) return null;
    at += count;
  }
  return bytes;
}

function hungUp(action: "dial" | "accept", address: Address): Error {
  return failure("closed", action, address, "the other end hung up");
}

/** The key of one record, never 0. */
function keyOf(key: number, sequence: number): number {
  return (Math.imul(key ^ sequence, 0x9e3779b1) ^ sequence) >>> 0 || 1;
}

/** FNV-1a with a key: any one byte that is changed changes it. */
function sumOf(bytes: Uint8Array, key: number): number {
  let sum = 0x811c9dc5 ^ key;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193);
  return sum >>> 0;
}

/** Masks or unmasks, by xorshift. */
function mask(bytes: Uint8Array, key: number): void {
  let state = key;
  for (let at = 0; at < bytes.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at]! ^= state;
  }
}
