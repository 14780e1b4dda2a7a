/** Real nodes on this machine, for tests. */
import { Node } from "../../src/mesh/node.ts";
import type { NodeEvent } from "../../src/mesh/events.ts";
import type { NodeOptions } from "../../src/mesh/options.ts";
import { identities } from "./identities.ts";
import { until } from "./until.ts";

/** Much longer than thirty nodes of one process take on a busy machine. */
const COMPLETE_MS = 90_000;

/** Everything a node said, and what it says from now on. */
export class EventLog {
  readonly events: NodeEvent[] = [];
  readonly #done: Promise<void>;

  constructor(node: Node) {
    this.#done = this.#collect(node);
  }

  /** The events of one type, oldest first. */
  of<T extends NodeEvent["type"]>(
    type: T,
  ): Extract<NodeEvent, { type: T }>[] {
    return this.events.filter((
      event,
    ): event is Extract<NodeEvent, { type: T }> => event.type === type);
  }

  /** Resolves when the node has closed and said its last word. */
  get ended(): Promise<void> {
    return this.#done;
  }

  async #collect(node: Node): Promise<void> {
    for await (const event of node.events()) this.events.push(event);
  }
}

/** `count` nodes of one mesh that join through the first, all closed at the end. */
export async function startMesh(
  count: number,
  options: NodeOptions = {},
): Promise<Mesh> {
  const ids = await identities(count);
  const nodes: Node[] = [];
  for (const identity of ids) {
    const connect = nodes[0] === undefined ? [] : [nodes[0].address];
    nodes.push(await Node.start({ identity, connect, ...options }));
  }
  const mesh = new Mesh(nodes);
  await mesh.complete();
  return mesh;
}

/** Several nodes. */
export class Mesh implements AsyncDisposable {
  readonly nodes: Node[];

  constructor(nodes: Node[]) {
    this.nodes = nodes;
  }

  /** Resolves when every node has exactly one session with every other. */
  async complete(): Promise<void> {
    await until(
      `${this.nodes.length} nodes fully connected`,
      () => this.nodes.every((node) => connectedTo(node, this.nodes)),
      COMPLETE_MS,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()));
  }
}

function connectedTo(node: Node, nodes: readonly Node[]): boolean {
  const others = nodes.filter((other) => other !== node)
    .map((other) => other.identity.id).sort();
  const linked = node.sessions().map((link) => link.id).sort();
  return linked.join() === others.join();
}
