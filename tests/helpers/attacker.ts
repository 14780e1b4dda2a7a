/**
 * A scripted peer that keeps to the protocol exactly as far as it is told: it
 * dials a node, or is dialed by one, over real TLS, does as much of the handshake
 * as a test wants, and sends any bytes it likes.
 *
 * It decides nothing by itself but for answering `ping`. What it must not do (hold
 * a key that is not its own) is done by handing it parts of others.
 */
import { judgeCertificate } from "../../src/identity/certificate.ts";
import {
  Identity,
  type IdentityId,
  identityName,
} from "../../src/identity/identity.ts";
import { proofStatement } from "../../src/identity/proof.ts";
import { messageOf } from "../../src/errors.ts";
import type { Node } from "../../src/mesh/node.ts";
import {
  MESH_PROTOCOL_VERSION,
  SERVICE_EPHEMERAL,
} from "../../src/session/mesh_profile.ts";
import { Transcript } from "../../src/session/transcript.ts";
import {
  type Address,
  formatAddress,
  parseAddress,
} from "../../src/transport/address.ts";
import { tlsTransport } from "../../src/transport/tls.ts";
import type { Connection, Listener } from "../../src/transport/transport.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import {
  encodeFrame,
  FrameDecoder,
  networkMagic,
} from "../../src/wire/frame.ts";
import { encodeInstance } from "../../src/wire/messages/instance.ts";
import { AS_SEEN_HOST } from "../../src/wire/messages/peer_address.ts";
import {
  decodePeers,
  encodePeers,
  PEER_FLAG,
  type PeerEntry,
} from "../../src/wire/messages/peers.ts";
import { decodePing, encodePong } from "../../src/wire/messages/ping.ts";
import { encodeProof } from "../../src/wire/messages/proof.ts";
import { decodeReason } from "../../src/wire/messages/reason.ts";
import {
  encodeVersion,
  type VersionMessage,
} from "../../src/wire/messages/version.ts";
import { reasonName } from "../../src/wire/reasons.ts";
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

/** The steps of a dialer's handshake, each done when the one before is. */
export const STEPS = [
  /** `version` is sent. */
  "version",
  /** The listener's `challenge` is here. */
  "challenge",
  /** `instance` and `nochecksum` are sent. */
  "features",
  /** `proof` is sent. */
  "proof",
  /** `verack` is sent, and the listener's is here. */
  "verack",
  /** The first `peers` is sent, and the listener's is here. */
  "peers",
] as const;

/** One of {@linkcode STEPS}. */
export type Step = typeof STEPS[number];

/** What differs from an honest peer. */
export interface AttackerOptions {
  /** Whose certificate is shown. @default a fresh one */
  readonly identity?: Identity;
  /** Whose key signs the proof. @default that of `identity` */
  readonly signer?: Identity;
  /** Process number. @default a fixed one */
  readonly instance?: bigint;
  /** @default {"main"} */
  readonly network?: string;
  /** Fields of `version` that differ. */
  readonly version?: Partial<VersionMessage>;
  /** What the first `peers` says of itself. @default {"the address you see", port 9} */
  readonly addresses?: readonly Address[];
}

/** One connection of an attacker with a node. */
export class RawPeer implements Disposable {
  /** Every frame that came, oldest first. */
  readonly frames: RawFrame[] = [];
  readonly identity: Identity;
  readonly connection: Connection;
  /** Resolves, never rejects, when the other end has closed, or we have. */
  readonly ended: Promise<void>;
  /** Whether pings are answered. */
  answersPings = true;
  /** Whether every byte is written by itself. */
  bytewise = false;
  /** Every sound frame that was sent, as bytes: what somebody on the way might record. */
  readonly sent: Uint8Array[] = [];
  /** What the node's challenge asked to be signed. */
  challenge: Uint8Array | undefined;
  readonly #options: AttackerOptions;
  readonly #magic: Uint8Array;
  readonly #listener: IdentityId;
  readonly #dials: boolean;
  readonly #transcript = new Transcript();
  #proofSent = false;
  #challengeSeen = false;
  #taken = 0;
  #reading = Promise.withResolvers<void>();
  #closed = false;
  #lastWrite: Promise<void> = Promise.resolve();

  /**
   * @param listener Who accepted the connection: the node, or for a connection
   * that the node dialed, ourselves.
   */
  constructor(
    connection: Connection,
    identity: Identity,
    listener: IdentityId,
    options: AttackerOptions = {},
  ) {
    this.connection = connection;
    this.identity = identity;
    this.#options = options;
    this.#magic = networkMagic(options.network ?? "main");
    this.#listener = listener;
    this.#dials = listener !== identity.id || options.signer !== undefined;
    this.#reading.resolve();
    this.ended = this.#read();
  }

  /** Dials a node as an honest peer would, pinned; TLS is done when it resolves. */
  static async dial(
    node: Node,
    options: AttackerOptions = {},
  ): Promise<RawPeer> {
    const identity = options.identity ?? await Identity.generate();
    const connection = await dialTls(node);
    return new RawPeer(connection, identity, node.identity.id, options);
  }

  /** Dials and goes through all of the handshake, or up to a step. */
  static async open(
    node: Node,
    options: AttackerOptions = {},
    upTo: Step = "peers",
  ): Promise<RawPeer> {
    const peer = await RawPeer.dial(node, options);
    try {
      await peer.shake(upTo);
      return peer;
    } catch (error) {
      peer.close();
      throw error;
    }
  }

  /** The other end has closed, or we have. */
  get isOver(): boolean {
    return this.#closed;
  }

  // --- Handshake ---------------------------------------------------------------

  /** Does the steps of a dialer up to one. */
  async shake(upTo: Step = "peers"): Promise<void> {
    for (const step of STEPS.slice(0, STEPS.indexOf(upTo) + 1)) {
      await this.#step(step);
    }
  }

  /** Does the steps of a dialer from one on, when those before were done by hand. */
  async shakeOn(from: Step): Promise<void> {
    for (const step of STEPS.slice(STEPS.indexOf(from))) await this.#step(step);
  }

  /** Answers a node that dialed us, as an honest listener would. */
  async answer(): Promise<void> {
    await this.take(COMMAND.version);
    await this.version();
    await this.features();
    await this.say(COMMAND.challenge, new Uint8Array(32).fill(7));
    await this.take(COMMAND.verack);
    await this.say(COMMAND.verack);
    await this.introduce();
    await this.take(COMMAND.peers);
  }

  async #step(step: Step): Promise<void> {
    switch (step) {
      case "version":
        return await this.version();
      case "challenge":
        this.challenge = await this.take(COMMAND.challenge);
        return;
      case "features":
        return await this.features();
      case "proof":
        return await this.say(COMMAND.proof, this.proof());
      case "verack":
        await this.say(COMMAND.verack);
        await this.take(COMMAND.verack);
        return;
      case "peers":
        await this.introduce();
        await this.take(COMMAND.peers);
        return;
      default:
        return step satisfies never;
    }
  }

  async version(): Promise<void> {
    const nowhere = { services: 0n, ip: new Uint8Array(16), port: 0 };
    await this.say(
      COMMAND.version,
      encodeVersion({
        version: MESH_PROTOCOL_VERSION,
        services: this.identity.ephemeral ? SERVICE_EPHEMERAL : 0n,
        timestamp: 0n,
        addrRecv: nowhere,
        addrFrom: nowhere,
        nonce: new DataView(crypto.getRandomValues(new Uint8Array(8)).buffer)
          .getBigUint64(0),
        userAgent: EMPTY,
        startHeight: 0,
        relay: false,
        ...this.#options.version,
      }),
    );
  }

  async features(): Promise<void> {
    const { instance = 0xa77acce4n } = this.#options;
    await this.say(COMMAND.instance, encodeInstance(instance));
    await this.say(COMMAND.nochecksum);
  }

  /** Payload of `proof` over the conversation so far; may be made only once. */
  proof(): Uint8Array<ArrayBuffer> {
    const { challenge } = this;
    if (challenge === undefined) throw new TypeError("No challenge came yet");
    const { signer = this.identity } = this.#options;
    const statement = proofStatement({
      magic: this.#magic,
      listener: this.#listener,
      dialer: this.identity.id,
      challenge,
      transcript: this.#transcript.digest(),
      extensions: EMPTY,
    });
    this.#proofSent = true;
    return encodeProof({
      certificate: this.identity.certificate,
      signature: signer.sign(statement),
      extensionBlock: EMPTY,
    });
  }

  /** Sends the first `peers`, about ourselves. */
  async introduce(): Promise<void> {
    const { addresses = [{ host: AS_SEEN_HOST, port: 9 }] } = this.#options;
    await this.tell([entryOf(this.identity, addresses)]);
  }

  // --- Sending -----------------------------------------------------------------

  /** Sends a frame that is sound, whatever it says. */
  async say(command: string, payload: Uint8Array = EMPTY): Promise<void> {
    if (this.#dials && command === COMMAND.proof) this.#proofSent = true;
    if (this.#dials && !this.#proofSent) {
      this.#transcript.addDialer(command, payload);
    }
    const frame = encodeFrame(this.#magic, command, payload);
    this.sent.push(frame);
    await this.sendBytes(frame);
  }

  /** Sends a `peers` message. */
  async tell(entries: readonly PeerEntry[]): Promise<void> {
    await this.say(COMMAND.peers, encodePeers({ entries, more: false }));
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
      magic: this.#magic,
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
    if (this.#dials && !this.#challengeSeen) {
      this.#transcript.addListener(command, payload);
    }
    if (command === COMMAND.challenge) this.#challengeSeen = true;
    if (command !== COMMAND.ping || !this.answersPings) return;
    const { nonce } = decodePing(payload);
    if (nonce !== undefined) this.say(COMMAND.pong, encodePong({ nonce }));
  }

  #heard(): string {
    return this.frames.map(({ command }) => command).join(", ") || "nothing";
  }
}

/** Somebody whom nodes dial. */
export class RawListener implements AsyncDisposable {
  readonly identity: Identity;
  readonly address: string;
  /** Everybody who came and completed TLS; looks at the certificate are gone at once. */
  readonly peers: RawPeer[] = [];
  /** How many connections arrived. */
  arrivals = 0;
  readonly #listener: Listener;
  readonly #loop: Promise<void>;
  readonly #options: AttackerOptions;
  readonly #tasks = new Set<Promise<void>>();

  private constructor(
    listener: Listener,
    identity: Identity,
    options: AttackerOptions,
  ) {
    this.#listener = listener;
    this.identity = identity;
    this.address = formatAddress(listener.address);
    this.#options = options;
    this.#loop = this.#accept();
  }

  /** Listens; `address` is `host:port` to listen on, a free port of 127.0.0.1 by default. */
  static async start(
    options: AttackerOptions & { readonly address?: string } = {},
  ): Promise<RawListener> {
    const identity = options.identity ?? await Identity.generate();
    const address = options.address === undefined
      ? { host: "127.0.0.1", port: 0 }
      : parseAddress(options.address);
    const listener = await tlsTransport().listen(address, {
      credentials: {
        certificate: identity.certificate,
        privateKeyPem: identity.privateKeyPem,
      },
    });
    return new RawListener(listener, identity, options);
  }

  /** The first that has said `version` and nobody has taken yet. */
  async next(): Promise<RawPeer> {
    let found: RawPeer | undefined;
    await until("a node to dial and say version", () => {
      found = this.peers.find((peer) => peer.count(COMMAND.version) > 0);
      return found !== undefined;
    });
    const peer = found!;
    this.peers.splice(this.peers.indexOf(peer), 1);
    return peer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#loop;
    await Promise.all(this.#tasks);
    for (const peer of this.peers) peer.close();
  }

  async #accept(): Promise<void> {
    for (;;) {
      const incoming = await this.#listener.accept();
      if (incoming === null) return;
      this.arrivals++;
      const task = incoming.open().then((connection) => {
        const { identity } = this;
        this.peers.push(
          new RawPeer(connection, identity, identity.id, this.#options),
        );
      }, (error) => void messageOf(error)).finally(() =>
        this.#tasks.delete(task)
      );
      this.#tasks.add(task);
    }
  }
}

/** An entry of `peers` about an identity, true or not. */
export function entryOf(
  identity: Pick<Identity, "id" | "certificate">,
  addresses: readonly Address[],
  fields: Partial<PeerEntry> = {},
): PeerEntry {
  return {
    identity: identity.id,
    certificate: identity.certificate,
    addresses,
    lastSeen: 0,
    flags: PEER_FLAG.live,
    name: "",
    ...fields,
  };
}

/** A TLS connection to a node, pinned, and nothing said on it. */
export async function dialTls(node: Node): Promise<Connection> {
  const { certificate, id } = node.identity;
  return await tlsTransport().dial(parseAddress(node.address), {
    pin: {
      certificate: judgeCertificate(certificate).der,
      serverName: identityName(id),
    },
  });
}

/** A frame of which any part may be wrong. */
export function brokenFrame(parts: {
  readonly magic?: Uint8Array;
  readonly network?: string;
  /** The 12 bytes as they are. */
  readonly command?: string;
  /** What the header says, whatever is sent. */
  readonly length?: number;
  readonly checksum?: number;
  readonly payload?: Uint8Array;
}): Uint8Array<ArrayBuffer> {
  const { payload = EMPTY, command = "ping" } = parts;
  const magic = parts.magic ?? networkMagic(parts.network ?? "main");
  const frame = encodeFrame(magic, "ping", payload);
  for (let i = 0; i < 12; i++) {
    frame[4 + i] = i < command.length ? command.charCodeAt(i) : 0;
  }
  const view = new DataView(frame.buffer);
  if (parts.length !== undefined) view.setUint32(16, parts.length, true);
  if (parts.checksum !== undefined) view.setUint32(20, parts.checksum, true);
  return frame;
}
