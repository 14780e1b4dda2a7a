/**
 * A peer under the control of a test: bare frames over a real socket, no rules of
 * its own. It reads all the time and remembers what came.
 */
import { encodeFrame } from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import {
  decodeVersion,
  encodeVersion,
  UNSPECIFIED_ADDRESS,
  type VersionMessage,
} from "../../src/wire/messages/version.ts";
import type { Address } from "../../src/transport/address.ts";
import { NETWORKS } from "../../src/bitcoin/networks.ts";

/** Magic of the network that all these tests play on. */
export const MAGIC = NETWORKS.regtest.magic;
export const EMPTY = new Uint8Array(0);

/** A message that came, with its payload copied. */
export interface Received {
  readonly command: string;
  readonly payload: Uint8Array;
}

/** A version as Core sends it, with some fields changed. */
export function version(fields: Partial<VersionMessage> = {}): VersionMessage {
  return {
    version: 70016,
    services: 0x409n,
    timestamp: 1_767_225_600n,
    addrRecv: UNSPECIFIED_ADDRESS,
    addrFrom: UNSPECIFIED_ADDRESS,
    nonce: 0x0123_4567_89ab_cdefn,
    userAgent: new TextEncoder().encode("/Satoshi:29.0.0/"),
    startHeight: 900_000,
    relay: true,
    ...fields,
  };
}

/** The payload of {@linkcode version}. */
export function versionBytes(
  fields: Partial<VersionMessage> = {},
): Uint8Array<ArrayBuffer> {
  return encodeVersion(version(fields));
}

/** A frame of {@linkcode MAGIC}. */
export function frame(
  command: string,
  payload: Uint8Array = EMPTY,
): Uint8Array<ArrayBuffer> {
  return encodeFrame(MAGIC, command, payload);
}

/** The header of a message that announces `length` bytes, of which none follow. */
export function headerOf(
  command: string,
  length: number,
): Uint8Array<ArrayBuffer> {
  const header = frame(command);
  new DataView(header.buffer).setUint32(16, length, true);
  return header;
}

/** A frame with another checksum than its payload's. */
export function brokenChecksum(
  frame: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  return frame.with(23, (frame[23] ?? 0) ^ 1);
}

/** One array of several. */
export function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** Bytes in pieces of this size. */
export function pieces(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from(
    { length: Math.ceil(bytes.length / size) },
    (_, n) => bytes.subarray(n * size, (n + 1) * size),
  );
}

/**
 * One thing that a script does: sends bytes; waits for a message, as in `"<verack"`, or
 * for the other end to close; ends its own bytes; or calls a function.
 */
export type Step =
  | Uint8Array
  | `<${string}`
  | "closed"
  | "finish"
  | ((peer: RawPeer) => unknown);

/** One end of a connection. */
export class RawPeer implements Disposable {
  /** All messages so far, oldest first. */
  readonly received: Received[] = [];
  readonly #socket: Deno.TcpConn;
  readonly #decoder = new FrameDecoder({ magic: MAGIC, maxPayload: 4_000_000 });
  readonly #ended: Promise<void>;
  #isOver = false;
  #change = Promise.withResolvers<void>();

  constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
    this.#ended = this.#read();
  }

  /** Dials a responder. */
  static async connect({ host, port }: Address): Promise<RawPeer> {
    const socket = await Deno.connect({ hostname: host, port });
    socket.setNoDelay(true);
    return new RawPeer(socket);
  }

  /** Resolves when the other end has closed, or the connection broke. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Names of all messages so far. */
  get commands(): string[] {
    return this.received.map(({ command }) => command);
  }

  /** The other end's version. */
  get version(): VersionMessage {
    return decodeVersion(this.find("version").payload);
  }

  /** The first message of that name that came. */
  find(command: string): Received {
    const found = this.received.find((it) => it.command === command);
    if (found !== undefined) return found;
    throw new Error(`No ${command} came, only ${this.commands}`);
  }

  /** Waits for the message of that name, or for the `count`th. */
  async expect(command: string, count = 1): Promise<Received> {
    for (;;) {
      const found = this.received.filter((it) => it.command === command);
      if (found.length >= count) return found[count - 1]!;
      if (this.#isOver) {
        throw new Error(`Closed before ${command}, got ${this.commands}`);
      }
      await this.#change.promise;
    }
  }

  /** Sends a message. */
  async send(command: string, payload: Uint8Array = EMPTY): Promise<void> {
    await this.sendBytes(frame(command, payload));
  }

  /** Sends bytes of any kind in one go. */
  async sendBytes(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      rest = rest.subarray(await this.#socket.write(rest));
    }
  }

  /** Says version and waits for the other end's verack, as who dials. */
  async open(fields: Partial<VersionMessage> = {}): Promise<void> {
    await this.send("version", versionBytes(fields));
    await this.expect("verack");
    await this.send("verack");
  }

  /** Proves that everything sent so far was read: a ping is answered after it. */
  async settled(nonce: number): Promise<void> {
    const before = this.received.filter((it) => it.command === "pong").length;
    await this.send("ping", new Uint8Array(8).fill(nonce));
    await this.expect("pong", before + 1);
  }

  /** Does one step after the other. */
  async play(script: Iterable<Step>): Promise<void> {
    for (const step of script) {
      if (typeof step === "function") await step(this);
      else if (typeof step !== "string") await this.sendBytes(step);
      else if (step === "closed") await this.ended;
      else if (step === "finish") await this.finish();
      else await this.expect(step.slice(1));
    }
  }

  /** No more bytes from here. */
  async finish(): Promise<void> {
    await this.#socket.closeWrite();
  }

  close(): void {
    this.#socket[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const count = await this.#socket.read(this.#decoder.space());
        if (count === null) return;
        this.#decoder.commit(count);
        for (let it; (it = this.#decoder.next()) !== undefined;) {
          const { command, payload } = it;
          this.received.push({ command, payload: payload.slice() });
        }
        this.#turn();
      }
    } catch {
      // Closed here, or reset by the other end.
    } finally {
      this.#isOver = true;
      this.#turn();
    }
  }

  #turn(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}

/** Listens on loopback and plays a script with everybody who dials. */
export class ScriptedNode implements AsyncDisposable {
  readonly peers: RawPeer[] = [];
  readonly #listener: Deno.TcpListener;
  readonly #serving: Promise<void>;
  #failure: { error: unknown } | undefined;

  constructor(script: (peer: RawPeer) => Promise<unknown>) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#serving = this.#serve(script);
  }

  get address(): Address {
    const { hostname, port } = this.#listener.addr as Deno.NetAddr;
    return { host: hostname, port };
  }

  /** Waits for the scripts, then closes everything; throws what a script has thrown. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
    for (const peer of this.peers) peer.close();
    await Promise.all(this.peers.map((peer) => peer.ended));
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #serve(script: (peer: RawPeer) => Promise<unknown>): Promise<void> {
    const scripts: Promise<unknown>[] = [];
    for await (const socket of this.#listener) {
      socket.setNoDelay(true);
      const peer = new RawPeer(socket);
      this.peers.push(peer);
      scripts.push(
        script(peer).catch((error) => {
          // The other end may leave in the middle of the script.
          const { BrokenPipe, ConnectionReset } = Deno.errors;
          const hasLeft = error instanceof BrokenPipe ||
            error instanceof ConnectionReset;
          if (!hasLeft) this.#failure ??= { error };
          peer.close();
        }),
      );
    }
    await Promise.all(scripts);
  }
}
