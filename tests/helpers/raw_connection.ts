/**
 * One end of a connection, as frames and as bytes: what comes is kept, what is
 * sent may be anything. Nothing is decided here; the handshake is in `attacker.ts`.
 */
import type { Connection } from "../../src/transport/transport.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodeFrame, networkMagic } from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import { decodePeers, type PeerEntry } from "../../src/wire/messages/peers.ts";
import { decodePing, encodePong } from "../../src/wire/messages/ping.ts";
import { decodeReason, reasonName } from "../../src/wire/messages/reason.ts";
import { until } from "./until.ts";

const EMPTY = new Uint8Array(0);

/** A frame that came, and a copy of its payload. */
export interface RawFrame {
  readonly command: string;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** What a `reject` or `bye` said. */
export interface ToldReason {
  readonly command: "reject" | "bye";
  readonly name: string;
  readonly text: string;
}

/** Owns a connection, reads all that comes, and answers `ping`. */
export class RawConnection implements Disposable {
  /** Every frame that came, oldest first. */
  readonly frames: RawFrame[] = [];
  /** Every sound frame that was sent, as bytes: what somebody on the way might record. */
  readonly sent: Uint8Array[] = [];
  readonly connection: Connection;
  /** First bytes of every frame. */
  readonly magic: Uint8Array;
  /** Resolves, never rejects, when the other end has closed, or we have. */
  readonly ended: Promise<void>;
  /** Whether pings are answered. */
  answersPings = true;
  /** Whether every byte is written by itself. */
  bytewise = false;
  /** How many frames {@linkcode take} has passed over. */
  #taken = 0;
  #reading = Promise.withResolvers<void>();
  #closed = false;
  #lastWrite: Promise<void> = Promise.resolve();

  constructor(connection: Connection, network = "main") {
    this.connection = connection;
    this.magic = networkMagic(network);
    this.#reading.resolve();
    this.ended = this.#read();
  }

  /** The other end has closed, or we have. */
  get isOver(): boolean {
    return this.#closed;
  }

  /** A sound frame is about to be sent. */
  protected onSend(_command: string, _payload: Uint8Array): void {}

  /** A frame came. */
  protected onReceive(_command: string, _payload: Uint8Array): void {}

  // --- Sending -----------------------------------------------------------------

  /** Sends a frame that is sound, whatever it says. */
  async say(command: string, payload: Uint8Array = EMPTY): Promise<void> {
    this.onSend(command, payload);
    const frame = encodeFrame(this.magic, command, payload);
    this.sent.push(frame);
    await this.sendBytes(frame);
  }

  /** Sends any bytes, after what is being sent. Never rejects: the other end may be gone. */
  sendBytes(bytes: Uint8Array): Promise<void> {
    return this.#lastWrite = this.#lastWrite.then(() => this.#write(bytes));
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length && !this.#closed;) {
        const rest = this.bytewise
          ? bytes.subarray(at, at + 1)
          : bytes.subarray(at);
        at += await this.connection.write(rest);
      }
    } catch {
      // Being hung up on is what attackers are used to.
    }
  }

  // --- Receiving ---------------------------------------------------------------

  /** The payload of the next frame with this command; others before it are passed over. */
  async take(command: string): Promise<Uint8Array<ArrayBuffer>> {
    await until(
      `${command} from the node, which sent ${this.#heard()}`,
      () =>
        this.#closed ||
        this.frames.slice(this.#taken).some((f) => f.command === command),
    );
    const at = this.frames.findIndex((frame, index) =>
      index >= this.#taken && frame.command === command
    );
    const frame = this.frames[at];
    if (frame === undefined) {
      throw new Error(`No ${command} came before the end: ${this.#heard()}`);
    }
    this.#taken = at + 1;
    return frame.payload;
  }

  /** How many frames with this command came. */
  count(command: string): number {
    return this.frames.filter((frame) => frame.command === command).length;
  }

  /** The entries of all `peers` that came. */
  told(): PeerEntry[] {
    return this.frames.filter(({ command }) => command === COMMAND.peers)
      .flatMap(({ payload }) => decodePeers(payload).entries);
  }

  /** Waits for the end of the connection; what the node said why, if it did. */
  async refusal(): Promise<ToldReason | undefined> {
    await until(
      `a refusal, after ${this.#heard()}`,
      () => this.#closed || this.#reason() !== undefined,
    );
    return this.#reason();
  }

  #reason(): ToldReason | undefined {
    const frame = this.frames.findLast(({ command }) =>
      command === COMMAND.reject || command === COMMAND.bye
    );
    if (frame === undefined) return undefined;
    const { code, text } = decodeReason(frame.payload);
    const command = frame.command === COMMAND.bye ? "bye" : "reject";
    return { command, name: reasonName(code), text };
  }

  /** Reads no more until {@linkcode resume}; what was begun is still read. */
  pause(): void {
    this.#reading = Promise.withResolvers<void>();
  }

  /** Reads on. */
  resume(): void {
    this.#reading.resolve();
  }

  /** Hangs up. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#reading.resolve();
    this.connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #read(): Promise<void> {
    const decoder = new FrameDecoder({
      magic: this.magic,
      maxPayload: 4_000_000,
      verifyChecksum: false,
    });
    try {
      while (!this.#closed) {
        await this.#reading.promise;
        const count = await this.connection.read(decoder.space());
        if (count === null) break;
        decoder.commit(count);
        for (let f = decoder.next(); f !== undefined; f = decoder.next()) {
          this.#onFrame(f.command, f.payload.slice());
        }
      }
    } catch {
      // The end, one way or another.
    }
    this.#closed = true;
  }

  #onFrame(command: string, payload: Uint8Array<ArrayBuffer>): void {
    this.frames.push({ command, payload });
    this.onReceive(command, payload);
    if (command !== COMMAND.ping || !this.answersPings) return;
    const { nonce } = decodePing(payload);
    if (nonce !== undefined) this.say(COMMAND.pong, encodePong({ nonce }));
  }

  #heard(): string {
    return this.frames.map(({ command }) => command).join(", ") || "nothing";
  }
}
