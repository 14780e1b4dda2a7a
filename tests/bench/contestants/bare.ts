/**
 * What verack is compared with: the best simple code on Deno's TLS sockets that
 * does the same work. Frames of the same size (24 bytes before each payload, of
 * which only the length is used), one write for all that is queued, one read loop
 * with a buffer that grows under load, and an opening exchange of four messages of
 * the same sizes. No identities, no proofs, no bounds, no heartbeat.
 */
import type {
  Broadcast,
  Channel,
  Contestant,
  DialOptions,
  Endpoint,
  Listening,
  OpeningSizes,
  Receiver,
} from "../contestant.ts";
import {
  type BareCredentials,
  makeCredentials,
  type TlsEndpoint,
} from "./credentials.ts";

const HEADER_BYTES = 24;
const LENGTH_OFFSET = 16;
const READ_MIN_BYTES = 4_096;
const READ_MAX_BYTES = 131_072;
const EMPTY = new Uint8Array(0);
const ALPN = ["bare/1"];
const NUDGE_DELAYS_MS = [1, 2, 4, 8, 16, 32, 64, 128];

/** Bare TLS sockets as a contestant. */
export class Bare implements Contestant {
  readonly #credentials: BareCredentials;
  readonly #opening: OpeningSizes;
  readonly #answers: boolean;

  private constructor(
    credentials: BareCredentials,
    opening: OpeningSizes,
    answers: boolean,
  ) {
    this.#credentials = credentials;
    this.#opening = opening;
    this.#answers = answers;
  }

  /** @param answers Whether dialers answer whatever comes, see {@linkcode BareLink}. */
  static async create(opening: OpeningSizes, answers: boolean): Promise<Bare> {
    return new Bare(await makeCredentials(), opening, answers);
  }

  listen(accept: (channel: Channel) => Receiver): Promise<Listening> {
    const { cert, serverName } = this.#credentials;
    const listener = listenBare(this.#credentials);
    const { port } = listener.addr;
    this.#serve(listener, accept);
    return Promise.resolve({
      endpoint: { port, certificate: cert, serverName },
    });
  }

  async dial(
    endpoint: Endpoint,
    receiver: Receiver,
    options: DialOptions = {},
  ): Promise<Channel> {
    const link = new BareLink(await dialBare(endpoint as TlsEndpoint));
    await openAsDialer(link, this.#opening, options.nudge ?? true);
    link.receiver = receiver;
    link.isOpen = true;
    link.answers = this.#answers;
    return link;
  }

  broadcast(payload: Uint8Array): Broadcast {
    const frame = new Uint8Array(HEADER_BYTES + payload.length);
    new DataView(frame.buffer).setUint32(LENGTH_OFFSET, payload.length, true);
    frame.set(payload, HEADER_BYTES);
    return { sendTo: (channel) => (channel as BareLink).sendFrame(frame) };
  }

  async #serve(
    listener: Deno.TlsListener,
    accept: (channel: Channel) => Receiver,
  ): Promise<void> {
    for await (const conn of listener) {
      const link = new BareLink(conn);
      openAsAcceptor(link, this.#opening, () => {
        link.receiver = accept(link);
        link.isOpen = true;
      });
    }
  }
}

/** Listens on a free port of 127.0.0.1. */
export function listenBare(credentials: BareCredentials): Deno.TlsListener {
  const { key, cert } = credentials;
  return Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    key,
    cert,
    alpnProtocols: ALPN,
  });
}

/** Connects with the certificate as a pin and without Nagle's algorithm. */
export async function dialBare(endpoint: TlsEndpoint): Promise<Deno.TlsConn> {
  const { port, certificate, serverName } = endpoint;
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  tcp.setNoDelay(true);
  const conn = await Deno.startTls(tcp, {
    hostname: serverName,
    caCerts: [certificate],
    alpnProtocols: ALPN,
  });
  await conn.handshake();
  return conn;
}

/** One connection with its reader and its writer. */
export class BareLink implements Channel {
  receiver: Receiver = () => {};
  /** Empty frames mean nothing from then on. */
  isOpen = false;
  /**
   * Whether what comes is answered by an empty frame: it frees the other end's
   * next small write from Nagle's algorithm, which Deno cannot turn off there.
   */
  answers = false;
  readonly #conn: Deno.TlsConn;
  /** What is written now, and what gathers meanwhile; they swap. */
  #writing = new Uint8Array(1_024);
  #gathering = new Uint8Array(1_024);
  #view = new DataView(this.#gathering.buffer);
  #gathered = 0;
  #inFlight = 0;
  #pumping = false;
  #closed = false;
  #waiters: (() => void)[] = [];

  constructor(conn: Deno.TlsConn) {
    this.#conn = conn;
    this.#read();
  }

  get queuedBytes(): number {
    return this.#gathered + this.#inFlight;
  }

  send(payload: Uint8Array): void {
    const at = this.#room(HEADER_BYTES + payload.length);
    this.#view.setUint32(at + LENGTH_OFFSET, payload.length, true);
    this.#gathering.set(payload, at + HEADER_BYTES);
  }

  /** Queues an encoded frame. */
  sendFrame(frame: Uint8Array): void {
    const at = this.#room(frame.length);
    this.#gathering.set(frame, at);
  }

  async drained(bytes: number): Promise<void> {
    while (!this.#closed && this.queuedBytes > bytes) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
    this.#wake();
  }

  #room(size: number): number {
    const at = this.#gathered;
    if (at + size > this.#gathering.length) {
      const capacity = Math.max(at + size, 2 * this.#gathering.length);
      const larger = new Uint8Array(capacity);
      larger.set(this.#gathering.subarray(0, at));
      this.#gathering = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#gathered = at + size;
    if (!this.#pumping) {
      this.#pumping = true;
      queueMicrotask(() => this.#pump());
    }
    return at;
  }

  async #pump(): Promise<void> {
    try {
      while (this.#gathered > 0) {
        const bytes = this.#gathering;
        const size = this.#inFlight = this.#gathered;
        this.#gathering = this.#writing;
        this.#view = new DataView(this.#gathering.buffer);
        this.#writing = bytes;
        this.#gathered = 0;
        for (let at = 0; at < size;) {
          const count = await this.#conn.write(bytes.subarray(at, size));
          at += count;
          this.#inFlight -= count;
          if (this.#waiters.length > 0) this.#wake();
        }
      }
      this.#pumping = false;
    } catch {
      this.close();
    }
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  async #read(): Promise<void> {
    let buffer = new Uint8Array(READ_MIN_BYTES);
    let view = new DataView(buffer.buffer);
    let end = 0;
    try {
      while (true) {
        const count = await this.#conn.read(buffer.subarray(end));
        if (count === null) return this.close();
        end += count;
        const full = end === buffer.length;
        let start = 0;
        while (end - start >= HEADER_BYTES) {
          const length = view.getUint32(start + LENGTH_OFFSET, true);
          const next = start + HEADER_BYTES + length;
          if (next > end) break;
          if (length > 0 || !this.isOpen) {
            this.receiver(
              this,
              new Uint8Array(buffer.buffer, start + HEADER_BYTES, length),
            );
          }
          start = next;
        }
        if (this.answers && start > 0) this.send(EMPTY);
        if (full && buffer.length < READ_MAX_BYTES) {
          const larger = new Uint8Array(2 * buffer.length);
          larger.set(buffer.subarray(start, end));
          buffer = larger;
          view = new DataView(buffer.buffer);
        } else if (start > 0 && end > start) {
          buffer.copyWithin(0, start, end);
        }
        end -= start;
      }
    } catch {
      this.close();
    }
  }
}

/** Sends the first and third message, waits for the second and fourth. */
export function openAsDialer(
  link: BareLink,
  sizes: OpeningSizes,
  nudge: boolean,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let answers = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const schedule = (attempt: number) => {
    const delay = NUDGE_DELAYS_MS[attempt];
    if (delay === undefined) return;
    timer = setTimeout(() => {
      link.send(EMPTY);
      schedule(attempt + 1);
    }, delay);
  };
  link.receiver = () => {
    clearTimeout(timer);
    if (++answers === 1) link.send(new Uint8Array(sizes[2] - HEADER_BYTES));
    else resolve();
  };
  link.send(new Uint8Array(sizes[0] - HEADER_BYTES));
  if (nudge) schedule(0);
  return promise;
}

/** Answers the first and the third message; empty ones are nudges. */
export function openAsAcceptor(
  link: BareLink,
  sizes: OpeningSizes,
  opened: () => void,
): void {
  let messages = 0;
  link.receiver = (_, payload) => {
    if (payload.length === 0) return;
    if (++messages === 1) {
      link.send(new Uint8Array(sizes[1] - HEADER_BYTES));
    } else {
      link.send(new Uint8Array(sizes[3] - HEADER_BYTES));
      opened();
    }
  };
}
