/** Nodes on a network in memory, in virtual time: hosts `10.0.0.1` and on, port 8080. */
import type { Identity } from "../../src/identity/identity.ts";
import { Node } from "../../src/mesh/node.ts";
import type { NodeOptions } from "../../src/mesh/options.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import { identities } from "./identities.ts";
import { EventLog } from "./nodes.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

/** One node and all it said. */
export interface Member {
  readonly host: string;
  readonly node: Node;
  readonly log: EventLog;
}

/** A network, its clock, and the nodes on it; closed when disposed of. */
export class MemoryMesh implements AsyncDisposable {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly network: MemoryNetwork;
  readonly members: Member[] = [];
  readonly #identities: Promise<Identity[]>;
  readonly #defaults: NodeOptions;

  /** `defaults` are options of every node. */
  constructor(
    seed = 1,
    most = 8,
    clock = new VirtualClock(),
    defaults: NodeOptions = {},
  ) {
    this.#defaults = defaults;
    this.clock = clock;
    this.random = new SeededRandom(seed);
    this.network = new MemoryNetwork({
      clock: this.clock,
      random: this.random,
      latencyMs: 1,
      jitterMs: 4,
    });
    this.#identities = identities(most);
  }

  /** Starts the next node; `connect` are members to join through. */
  async start(
    connect: readonly Member[] = [],
    options: NodeOptions = {},
  ): Promise<Member> {
    const index = this.members.length;
    const host = `10.0.0.${index + 1}`;
    const identity = (await this.#identities)[index];
    if (identity === undefined) throw new TypeError("Too many members");
    const node = await Node.start({
      identity,
      ...(options.listen !== false && { host, port: 8080 }),
      connect: connect.map((member) => `${member.host}:8080`),
      transport: this.network.transport(host),
      clock: this.clock,
      random: this.random,
      ...this.#defaults,
      ...options,
    });
    const member = { host, node, log: new EventLog(node) };
    this.members.push(member);
    return member;
  }

  /** Whether each of these has one session with each of the others, and no more. */
  isComplete(members: readonly Member[] = this.members): boolean {
    return members.every(({ node }) => {
      const others = members.map((member) => member.node.identity.id)
        .filter((id) => id !== node.identity.id).sort();
      const linked = node.sessions().map((link) => link.id).sort();
      return linked.join() === others.join();
    });
  }

  /** Lets time pass until these are fully connected. */
  async complete(
    members: readonly Member[] = this.members,
    limitMs = 10_000,
  ): Promise<void> {
    await this.clock.runUntil(() => this.isComplete(members), { limitMs });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.network.heal();
    const closing = Promise.all(this.members.map(({ node }) => node.close()));
    await this.clock.advance(3_000);
    await closing;
  }
}

/** The same without relays, where a pair that is cut off has no session at all. */
export function unrelayedMesh(): MemoryMesh {
  return new MemoryMesh(undefined, undefined, undefined, { relay: false });
}
