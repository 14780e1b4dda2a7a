/**
 * verack's sessions as a contestant: the session layer over TLS, with the proof of
 * identity and the heartbeat, as the mesh opens them; without the mesh itself.
 */
import { systemClock, systemRandom } from "../../../src/core/clock.ts";
import { VerackError } from "../../../src/core/errors.ts";
import { verifyCertificate } from "../../../src/identity/certificate.ts";
import { serverNameOf } from "../../../src/core/peer_id.ts";
import { Identity } from "../../../src/identity/identity.ts";
import { HEARTBEAT_MS } from "../../../src/session/session_limits.ts";
import {
  MESH_PROTOCOL_VERSION,
  MeshProfile,
} from "../../../src/session/mesh_profile.ts";
import { Session } from "../../../src/session/session.ts";
import { networkMagic, SharedFrame } from "../../../src/wire/frame.ts";
import { tlsTransport } from "../../../src/transport/tls.ts";
import type {
  Connection,
  Incoming,
  Listener,
} from "../../../src/transport/transport.ts";
import { USER_AGENT } from "../../../src/version.ts";
import { COMMAND } from "../../../src/wire/commands.ts";
import {
  UNSPECIFIED_ADDRESS,
  type VersionMessage,
} from "../../../src/wire/messages/version.ts";
import type {
  Broadcast,
  Channel,
  Contestant,
  Endpoint,
  Listening,
  Receiver,
} from "../contestant.ts";
import type { TlsEndpoint } from "./credentials.ts";

const HOST = "127.0.0.1";
const MAGIC = networkMagic("bench");
const DONE = new VerackError("stopped", "The benchmark is done");
const TICKS_PER_HEARTBEAT = 4;
const ignore: Receiver = () => {};

/** verack as a contestant. */
export class Verack implements Contestant {
  readonly #identity: Identity;
  readonly #transport = tlsTransport();
  readonly #instance = randomU64();
  /** The heartbeat must be looked after, as `Node` does. */
  readonly #sessions = new Set<Session>();

  private constructor(identity: Identity) {
    this.#identity = identity;
    setInterval(() => {
      for (const session of this.#sessions) session.tick(0);
    }, HEARTBEAT_MS / TICKS_PER_HEARTBEAT);
  }

  static async create(): Promise<Verack> {
    return new Verack(await Identity.generate());
  }

  async listen(accept: (channel: Channel) => Receiver): Promise<Listening> {
    const { certificate, certificatePem, privateKeyPem, id } = this.#identity;
    const listener = await this.#transport.listen({ host: HOST, port: 0 }, {
      credentials: { certificate, privateKeyPem },
    });
    this.#serve(listener, accept);
    return {
      endpoint: {
        port: listener.address.port,
        certificate: certificatePem,
        serverName: serverNameOf(id),
      },
    };
  }

  async dial(endpoint: Endpoint, receiver: Receiver): Promise<Channel> {
    const { port, certificate: pem, serverName } = endpoint as TlsEndpoint;
    const body = pem.replace(/-----[^-]+-----|\s/g, "");
    const certificate = verifyCertificate(Uint8Array.fromBase64(body));
    const connection = await this.#transport.dial(
      { host: HOST, port },
      { pin: { certificate: certificate.der, serverName } },
    );
    const profile = new MeshProfile({
      magic: MAGIC,
      identity: this.#identity,
      instance: this.#instance,
      listener: certificate,
      admit: () => undefined,
    });
    const link = new VerackChannel(receiver);
    await this.#open(connection, profile, link);
    return link;
  }

  broadcast(payload: Uint8Array): Broadcast {
    const frame = new SharedFrame(MAGIC, COMMAND.message, payload);
    return {
      sendTo: (channel) => (channel as VerackChannel).session.sendShared(frame),
    };
  }

  async #serve(
    listener: Listener,
    accept: (channel: Channel) => Receiver,
  ): Promise<void> {
    for (
      let incoming = await listener.accept();
      incoming !== null;
      incoming = await listener.accept()
    ) {
      // Dialers that close in the middle are no business of the benchmark.
      this.#accept(incoming, accept).catch(() => {});
    }
  }

  async #accept(
    incoming: Incoming,
    accept: (channel: Channel) => Receiver,
  ): Promise<void> {
    const connection = await incoming.open();
    const profile = new MeshProfile({
      magic: MAGIC,
      identity: this.#identity,
      instance: this.#instance,
      challenge: systemRandom.bytes(32),
      admit: () => undefined,
    });
    const link = new VerackChannel(ignore, accept);
    await this.#open(connection, profile, link);
  }

  async #open(
    connection: Connection,
    profile: MeshProfile,
    channel: VerackChannel,
  ): Promise<Session> {
    const session = await Session.open({
      connection,
      role: channel.accepts ? "responder" : "initiator",
      magic: MAGIC,
      profile,
      local: version(),
      clock: systemClock,
      random: systemRandom,
    }, (session) => channel.onOpen(session));
    if (!session.isOpen) return session;
    this.#sessions.add(session);
    session.closed.then(() => this.#sessions.delete(session));
    return session;
  }
}

/** A session with a receiver. */
class VerackChannel implements Channel {
  session!: Session;
  receiver: Receiver;
  readonly #accept: ((channel: Channel) => Receiver) | undefined;

  constructor(receiver: Receiver, accept?: (channel: Channel) => Receiver) {
    this.receiver = receiver;
    this.#accept = accept;
  }

  get accepts(): boolean {
    return this.#accept !== undefined;
  }

  get queuedBytes(): number {
    return this.session.queuedBytes;
  }

  send(payload: Uint8Array): void {
    this.session.send(COMMAND.message, payload);
  }

  drained(bytes: number): Promise<void> {
    return this.session.drained(bytes);
  }

  close(): void {
    this.session.close(DONE);
  }

  onOpen(session: Session): void {
    this.session = session;
    session.handle(COMMAND.message, (payload) => this.receiver(this, payload));
    if (this.#accept !== undefined) this.receiver = this.#accept(this);
  }
}

function version(): VersionMessage {
  return {
    version: MESH_PROTOCOL_VERSION,
    services: 0n,
    timestamp: BigInt(Math.floor(Date.now() / 1_000)),
    addrRecv: UNSPECIFIED_ADDRESS,
    addrFrom: UNSPECIFIED_ADDRESS,
    nonce: randomU64(),
    userAgent: USER_AGENT,
    startHeight: 0,
    relay: false,
  };
}

function randomU64(): bigint {
  return new DataView(systemRandom.bytes(8).buffer).getBigUint64(0);
}
