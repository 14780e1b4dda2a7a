/**
 * A node on a network in memory, in real time, and scripted peers that come to it
 * from whatever host a test wants.
 */
import { systemClock, systemRandom } from "../../src/core/clock.ts";
import { serverNameOf } from "../../src/core/peer_id.ts";
import { Identity } from "../../src/identity/identity.ts";
import { Node } from "../../src/mesh/node.ts";
import type { NodeOptions } from "../../src/mesh/options.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import { type AttackerOptions, RawPeer, type Step } from "./attacker.ts";
import { EventLog } from "./nodes.ts";

const HOST = "10.0.0.1";
const PORT = 8080;

/** The node, its network, and all it said. */
export class MemorySiege implements AsyncDisposable {
  readonly network: MemoryNetwork;
  readonly victim: Node;
  readonly log: EventLog;
  readonly #stack = new DisposableStack();

  private constructor(network: MemoryNetwork, victim: Node) {
    this.network = network;
    this.victim = victim;
    this.log = new EventLog(victim);
  }

  /** `options` are the node's. */
  static async start(options: NodeOptions = {}): Promise<MemorySiege> {
    const clock = systemClock;
    const network = new MemoryNetwork({ clock, random: systemRandom });
    const victim = await Node.start({
      host: HOST,
      port: PORT,
      transport: network.transport(HOST),
      ...options,
    });
    return new MemorySiege(network, victim);
  }

  /** A peer at `host` that has connected and said nothing. */
  async dial(host: string, options: AttackerOptions = {}): Promise<RawPeer> {
    const { id, certificate } = this.victim.identity;
    const connection = await this.network.transport(host).dial(
      { host: HOST, port: PORT },
      { pin: { certificate, serverName: serverNameOf(id) } },
    );
    const identity = options.identity ?? await Identity.generate();
    const peer = new RawPeer(connection, identity, id, options);
    return this.#stack.use(peer);
  }

  /** A peer at `host` that has gone through the handshake up to a step. */
  async open(
    host: string,
    options: AttackerOptions = {},
    upTo?: Step,
  ): Promise<RawPeer> {
    const peer = await this.dial(host, options);
    await peer.shake(upTo);
    return peer;
  }

  /** Whether these have a session that counts, in this order. */
  connected(...peers: readonly RawPeer[]): boolean[] {
    const links = new Set(
      this.victim.sessions().map(({ id }) => id),
    );
    return peers.map(({ identity }) => links.has(identity.id));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stack.dispose();
    await this.victim.close();
    await this.log.ended;
  }
}
