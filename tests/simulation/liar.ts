/**
 * A malicious peer: it holds a key of its own, proves it and keeps to the
 * protocol, or not, and lies about others.
 */
import { verifyCertificate } from "../../src/identity/certificate.ts";
import { parsePeerId, serverNameOf } from "../../src/core/peer_id.ts";
import type { Identity } from "../../src/identity/identity.ts";
import { networkSecret } from "../../src/identity/shared_secret.ts";
import {
  MESH_PROTOCOL_VERSION,
  MeshProfile,
} from "../../src/session/mesh_profile.ts";
import { Session } from "../../src/session/session.ts";
import type { Address } from "../../src/transport/address.ts";
import type {
  Connection,
  Incoming,
  Listener,
  Transport,
} from "../../src/transport/transport.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { networkMagic } from "../../src/wire/frame.ts";
import {
  AS_SEEN_HOST,
  encodePeers,
  type PeerEntry,
} from "../../src/wire/messages/peers.ts";
import { encodeGetPeers } from "../../src/wire/messages/peer_request.ts";
import { entryOf } from "../helpers/forged_messages.ts";
import type { SeededRandom } from "../../src/testing/seeded_random.ts";
import type { ProcessClock } from "./clock.ts";
import type { Lie } from "./schedule.ts";
import type { Party } from "./wires.ts";

/** Port all nodes and liars listen on. */
export const PORT = 8080;

/** What a liar knows and abuses. */
export interface LiarScene {
  readonly clock: ProcessClock;
  readonly random: SeededRandom;
  readonly transport: Transport;
  /** Nodes that run, and where. */
  readonly targets: () => readonly {
    readonly identity: Identity;
    readonly host: string;
  }[];
  /** All of them, whether they run or not, and where they are or were last. */
  readonly members: readonly {
    readonly identity: Identity;
    readonly host: string;
  }[];
  /** Identities nobody runs. */
  readonly strangers: readonly Identity[];
  /** Addresses where nothing answers. */
  readonly nowhere: readonly string[];
  /** Of the mesh's secret, if it has learnt that. */
  readonly networkKey: Uint8Array<ArrayBuffer> | undefined;
}

/** One malicious peer. */
export class Liar implements Party {
  readonly label: string;
  readonly identity: Identity;
  readonly host: string;
  #scene: LiarScene | undefined;
  #listener: Listener | undefined;
  readonly #sessions = new Set<Session>();
  readonly #connections = new Set<Connection>();
  readonly #stop = new AbortController();
  #instance = 1n;

  constructor(label: string, identity: Identity, host: string) {
    this.label = label;
    this.identity = identity;
    this.host = host;
  }

  /** Listens from now on, so that who believes it can dial it. */
  async start(scene: LiarScene): Promise<void> {
    this.#scene = scene;
    const { certificate, privateKeyPem } = this.identity;
    this.#listener = await scene.transport.listen(
      { host: this.host, port: PORT },
      { credentials: { certificate, privateKeyPem } },
    );
    this.#accept(this.#listener);
  }

  /** Hangs up on everybody. */
  stop(): void {
    this.#stop.abort(new Error("The liar is gone"));
    this.#listener?.close();
    for (const connection of this.#connections) connection.close();
  }

  /** Does one bad thing to every node it has a session with; first it gets one. */
  async lie(lie: Lie): Promise<void> {
    const { random, targets } = this.#live();
    const running = targets();
    const target = running[random.below(running.length)];
    if (target === undefined) return;
    switch (lie) {
      case "silence":
        await this.#connect(target);
        return;
      case "garbage": {
        const connection = await this.#connect(target);
        await connection?.write(random.bytes(200)).catch(() => {});
        return;
      }
      case "twin":
        this.#instance++;
        await this.#open(target, [as()]);
        return;
      case "own-addresses":
        await this.#open(target, running.map(({ host }) => address(host)));
        return;
      case "again":
        await Promise.all(
          Array.from({ length: 6 }, () => this.#open(target, [as()])),
        );
        return;
    }
    if (this.#sessions.size === 0) await this.#open(target, [as()]);
    for (const session of this.#sessions) {
      if (lie === "requests") {
        const request = encodeGetPeers({
          digest: "00".repeat(32),
          fingerprints: [],
        });
        for (let i = 0; i < 20; i++) session.send(COMMAND.getpeers, request);
      } else {
        for (let i = 0; i < 3; i++) this.#tell(session, this.#entries(lie));
      }
    }
  }

  #entries(lie: Lie): PeerEntry[] {
    const { random, strangers, nowhere, members } = this.#live();
    const hosts = [this.host, ...nowhere, ...members.map(({ host }) => host)];
    const some = () => address(hosts[random.below(hosts.length)]!);
    switch (lie) {
      case "wrong-address":
        return members.map(({ identity }) =>
          entryOf(identity, [some(), some(), some()], {
            flags: random.below(8),
          })
        );
      case "wrong-identity":
        return strangers.slice(0, 4).map((stranger) =>
          entryOf(stranger, [some()])
        );
      case "wrong-certificate":
        return members.map(({ identity }, i) =>
          entryOf({
            id: identity.id,
            certificate: strangers[i % strangers.length]!.certificate,
          }, [some()])
        );
      case "unknown":
        return strangers.map((stranger) =>
          entryOf(stranger, [some(), some()], {
            lastSeen: Number.MAX_SAFE_INTEGER,
          })
        );
      default: // "flood"
        return Array.from({ length: 200 }, () =>
          entryOf({
            id: parsePeerId(random.bytes(32).toHex()),
            certificate: strangers[0]!.certificate,
          }, [some()]));
    }
  }

  // --- Sessions ----------------------------------------------------------------

  async #connect(
    target: { identity: Identity; host: string },
  ): Promise<Connection | undefined> {
    const { transport } = this.#live();
    const { certificate, id } = target.identity;
    try {
      const connection = await transport.dial(address(target.host), {
        pin: { certificate, serverName: serverNameOf(id) },
        signal: this.#stop.signal,
      });
      this.#connections.add(connection);
      return connection;
    } catch {
      return undefined; // It may be gone, or a fault lie between.
    }
  }

  async #open(
    target: { identity: Identity; host: string },
    addresses: readonly Address[],
  ): Promise<void> {
    const connection = await this.#connect(target);
    if (connection === undefined) return;
    const listener = verifyCertificate(target.identity.certificate);
    await this.#shake(connection, addresses, { listener });
  }

  async #accept(listener: Listener): Promise<void> {
    for (
      let incoming = await listener.accept();
      incoming !== null;
      incoming = await listener.accept()
    ) this.#serve(incoming);
  }

  async #serve(incoming: Incoming): Promise<void> {
    try {
      const connection = await incoming.open(this.#stop.signal);
      this.#connections.add(connection);
      const challenge = this.#live().random.bytes(32);
      await this.#shake(connection, [as()], { challenge });
    } catch {
      // Who only looked at the certificate hangs up.
    }
  }

  async #shake(
    connection: Connection,
    addresses: readonly Address[],
    role:
      | { readonly listener: ReturnType<typeof verifyCertificate> }
      | { readonly challenge: Uint8Array<ArrayBuffer> },
  ): Promise<void> {
    const { clock, networkKey, random } = this.#live();
    const magic = networkMagic("main");
    const profile = new MeshProfile({
      magic,
      ...(networkKey && {
        shows: networkSecret(networkKey),
        accepts: { required: false, find: () => networkKey },
      }),
      identity: this.identity,
      instance: this.#instance,
      admit: () => undefined,
      ...role,
    });
    const onOpen = (session: Session) => {
      this.#sessions.add(session);
      session.onClose(() => this.#sessions.delete(session));
      this.#tell(session, [entryOf(this.identity, addresses.slice(0, 4))]);
    };
    const nowhere = { services: 0n, ip: new Uint8Array(16), port: 0 };
    try {
      await Session.open({
        connection,
        role: "listener" in role ? "initiator" : "responder",
        magic,
        profile,
        clock,
        random,
        local: {
          version: MESH_PROTOCOL_VERSION,
          services: 0n,
          timestamp: 0n,
          addrRecv: nowhere,
          addrFrom: nowhere,
          nonce: new DataView(random.bytes(8).buffer).getBigUint64(0),
          userAgent: new Uint8Array(0),
          startHeight: 0,
          relay: false,
        },
      }, onOpen);
    } catch {
      // Being refused is what liars are used to.
    }
  }

  #tell(session: Session, entries: readonly PeerEntry[]): void {
    session.send(COMMAND.peers, encodePeers({ entries, more: false }));
  }

  #live(): LiarScene {
    if (this.#scene === undefined) throw new TypeError("Liar is not started");
    return this.#scene;
  }
}

/** "The address you see me at". */
function as(): Address {
  return { host: AS_SEEN_HOST, port: PORT };
}

function address(host: string): Address {
  return { host, port: PORT };
}
