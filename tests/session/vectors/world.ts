/**
 * The nodes of the recorded sessions: fixed keys, fixed chance, a clock that stands
 * at 2026-01-01 but for some milliseconds, a network without delay. What they say
 * is then the same in every run, byte for byte.
 */
import { hash } from "node:crypto";
import type { Random } from "../../../src/core/clock.ts";
import type { PeerId } from "../../../src/core/peer_id.ts";
import { Identity } from "../../../src/identity/identity.ts";
import { MemoryStore } from "../../../src/mesh/peers/memory_store.ts";
import { Node } from "../../../src/mesh/node.ts";
import type { NodeOptions } from "../../../src/mesh/options.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import type { Transport } from "../../../src/transport/transport.ts";
import { VirtualClock } from "../../../src/testing/virtual_clock.ts";

/** Who is who in a session. */
export type Role = "dialer" | "listener";

/** A key, PKCS #8 PEM, and its certificate, PEM. Ed25519: its signatures have no chance in them. */
export interface Key {
  readonly id: PeerId;
  readonly privateKey: string;
  readonly certificate: string;
}

/** The keys of the vectors; the dialer hears of `third` and cannot reach it. */
export type Keys = Readonly<Record<Role | "third", Key>>;

export const HOSTS = {
  dialer: "10.0.0.2",
  listener: "10.0.0.1",
  third: "10.0.0.3",
} as const;
export const PORT = 8080;
export const NETWORK_NAME = "vectors";

/** The same for each node, however much is drawn in other sizes in between. */
export class FixedRandom implements Random {
  readonly #label: string;
  readonly #drawn = new Map<number, number>();

  constructor(label: string) {
    this.#label = label;
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    const count = this.#drawn.get(length) ?? 0;
    this.#drawn.set(length, count + 1);
    const seed = `${this.#label} ${length} ${count}`;
    return Uint8Array.fromHex(hash("sha256", seed, "hex")).slice(0, length);
  }

  float(): number {
    return 0.5;
  }
}

/** Clock, network and what the nodes remember from one session to the next. */
export class World {
  readonly clock = new VirtualClock();
  readonly network = new MemoryNetwork({
    clock: this.clock,
    random: new FixedRandom("network"),
  });
  readonly keys: Keys;
  readonly #stores = new Map<string, MemoryStore>();

  constructor(keys: Keys) {
    this.keys = keys;
  }

  /** What the node of a role remembers; the listener knows the third node. */
  store(role: Role | "third"): MemoryStore {
    let store = this.#stores.get(role);
    if (store !== undefined) return store;
    this.#stores.set(role, store = new MemoryStore());
    if (role === "listener") {
      const { id, certificate } = this.keys.third;
      const seen = this.clock.now();
      store.putPeer({
        id,
        certificate: derOf(certificate),
        name: "third",
        trust: "known",
        ephemeral: false,
        addresses: [{
          address: { host: HOSTS.third, port: PORT },
          rank: "advertised",
          configured: false,
        }],
        firstSeen: seen,
        lastSeen: seen,
        attestation: new Uint8Array(0),
        // Closing a mesh makes a join request of a peer without standing.
        earnedStanding: true,
        upForLong: false,
        source: "",
      });
    }
    return store;
  }

  /** Starts the node of a role in a session. */
  async start(
    session: string,
    role: Role | "third",
    options: NodeOptions,
    wrap: (transport: Transport) => Transport = (it) => it,
  ): Promise<Node> {
    return await Node.start({
      identity: await identityOf(this.keys[role]),
      name: role,
      host: HOSTS[role],
      port: PORT,
      network: NETWORK_NAME,
      transport: wrap(this.network.transport(HOSTS[role])),
      clock: this.clock,
      random: new FixedRandom(`${session} ${role}`),
      store: this.store(role),
      ...options,
    });
  }
}

export async function identityOf(key: Key): Promise<Identity> {
  return await Identity.fromPem(key.privateKey, {
    certificatePem: key.certificate,
  });
}

export function derOf(pem: string): Uint8Array<ArrayBuffer> {
  const body = pem.replace(/-----[A-Z ]+-----/g, "").replace(/\s/g, "");
  return Uint8Array.fromBase64(body);
}
