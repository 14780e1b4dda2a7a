/**
 * A scripted peer that keeps to the protocol exactly as far as it is told: it
 * dials a node, or is dialed by one, over real TLS, does as much of the handshake
 * as a test wants, and sends any bytes it likes.
 *
 * It decides nothing by itself but for answering `ping`. What it must not do (hold
 * a key that is not its own) is done by handing it parts of others. Who is dialed
 * is in `raw_listener.ts`, messages that lie in `forged_messages.ts`.
 */
import { verifyCertificate } from "../../src/identity/certificate.ts";
import { type PeerId, serverNameOf } from "../../src/core/peer_id.ts";
import { Identity } from "../../src/identity/identity.ts";
import { proofBytes, Transcript } from "../../src/identity/proof.ts";
import {
  secretMac,
  type SharedSecret,
} from "../../src/identity/shared_secret.ts";
import type { Node } from "../../src/mesh/node.ts";
import {
  MESH_PROTOCOL_VERSION,
  SERVICE_EPHEMERAL,
} from "../../src/session/mesh_profile.ts";
import { type Address, parseAddress } from "../../src/transport/address.ts";
import { tlsTransport } from "../../src/transport/tls.ts";
import type { Connection } from "../../src/transport/transport.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import {
  encodeExtensions,
  encodeInstance,
  encodeProof,
  encodeSecret,
  PROOF_EXTENSION,
} from "../../src/wire/messages/credentials.ts";
import {
  AS_SEEN_HOST,
  encodePeers,
  type PeerEntry,
} from "../../src/wire/messages/peers.ts";
import {
  encodeVersion,
  type VersionMessage,
} from "../../src/wire/messages/version.ts";
import { entryOf } from "./forged_messages.ts";
import { RawConnection } from "./raw_connection.ts";

const EMPTY = new Uint8Array(0);

/** The steps of a dialer's handshake, each done when the one before is. */
export const STEPS = [
  /** `version` is sent. */
  "version",
  /** The listener's `challenge` is here. */
  "challenge",
  /** `instance`, `nochecksum` and `streams` are sent. */
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
  /** The secret that is shown after the challenge. @default none */
  readonly shows?: SharedSecret;
  /** By which it says that a member admitted it. @default none */
  readonly attestation?: Uint8Array;
  /** Whether it announces streams, as peers of older releases do not. @default {true} */
  readonly streams?: boolean;
  /** What the first `peers` says of itself. @default {"the address you see", port 9} */
  readonly addresses?: readonly Address[];
  /** What the first `peers` says it is called. @default {""} */
  readonly name?: string;
}

/** One connection of an attacker with a node. */
export class RawPeer extends RawConnection {
  readonly identity: Identity;
  /** What the node's challenge asked to be signed. */
  challenge: Uint8Array | undefined;
  readonly #options: AttackerOptions;
  readonly #listener: PeerId;
  /** When we were dialed: the secret of which we show that we know it. */
  knows: SharedSecret | undefined;
  readonly #transcript = new Transcript();
  #proofSent = false;
  #challengeSeen = false;

  /**
   * @param listener Who accepted the connection: the node, or for a connection
   * that the node dialed, ourselves.
   */
  constructor(
    connection: Connection,
    identity: Identity,
    listener: PeerId,
    options: AttackerOptions = {},
  ) {
    super(connection, options.network);
    this.identity = identity;
    this.#options = options;
    this.#listener = listener;
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
    if (this.knows !== undefined) {
      await this.take(COMMAND.secret);
      await this.say(COMMAND.secret, this.secret(this.knows));
    }
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
        if (this.#options.shows === undefined) return;
        await this.say(COMMAND.secret, this.secret(this.#options.shows));
        await this.take(COMMAND.secret);
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
    if (this.#options.streams ?? true) await this.say(COMMAND.streams);
  }

  /** Payload of `secret` over the conversation so far. */
  secret(secret: SharedSecret): Uint8Array<ArrayBuffer> {
    const { kind, id, key } = secret;
    const mac = secretMac(key, {
      by: this.#isListener ? "listener" : "dialer",
      magic: this.magic,
      listener: this.#listener,
      transcript: this.#transcript.digest(),
    });
    return encodeSecret({ kind, id, mac });
  }

  /** Payload of `proof` over the conversation so far; may be made only once. */
  proof(): Uint8Array<ArrayBuffer> {
    const { challenge } = this;
    if (challenge === undefined) throw new TypeError("No challenge came yet");
    const { signer = this.identity, attestation } = this.#options;
    const extensions = attestation === undefined ? EMPTY : encodeExtensions(
      new Map([[PROOF_EXTENSION.attestation, attestation]]),
    );
    const signed = proofBytes({
      magic: this.magic,
      listener: this.#listener,
      dialer: this.identity.id,
      challenge,
      transcript: this.#transcript.digest(),
      extensions,
    });
    this.#proofSent = true;
    return encodeProof({
      certificate: this.identity.certificate,
      signature: signer.sign(signed),
      extensionBlock: extensions,
    });
  }

  /** Sends the first `peers`, about ourselves. */
  async introduce(): Promise<void> {
    const { addresses = [{ host: AS_SEEN_HOST, port: 9 }], name = "" } =
      this.#options;
    await this.tell([entryOf(this.identity, addresses, { name })]);
  }

  /** Sends a `peers` message. */
  async tell(entries: readonly PeerEntry[]): Promise<void> {
    await this.say(COMMAND.peers, encodePeers({ entries, more: false }));
  }

  protected override onSend(command: string, payload: Uint8Array): void {
    this.#record(this.#isListener ? "listener" : "dialer", command, payload);
  }

  protected override onReceive(command: string, payload: Uint8Array): void {
    this.#record(this.#isListener ? "dialer" : "listener", command, payload);
  }

  get #isListener(): boolean {
    return this.#listener === this.identity.id;
  }

  #record(
    by: "dialer" | "listener",
    command: string,
    payload: Uint8Array,
  ): void {
    if (by === "dialer") {
      if (command === COMMAND.proof) this.#proofSent = true;
      if (!this.#proofSent) this.#transcript.addDialer(command, payload);
      return;
    }
    if (!this.#challengeSeen) this.#transcript.addListener(command, payload);
    if (command === COMMAND.challenge) this.#challengeSeen = true;
  }
}

/** A TLS connection to a node, pinned, and nothing said on it. */
export async function dialTls(node: Node): Promise<Connection> {
  const { certificate, id } = node.identity;
  return await tlsTransport().dial(parseAddress(node.address), {
    pin: {
      certificate: verifyCertificate(certificate).der,
      serverName: serverNameOf(id),
    },
  });
}
