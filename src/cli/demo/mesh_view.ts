/**
 * What is known of the whole mesh from what each of its nodes says: pure
 * bookkeeping, events in, happenings out. Starting and killing nodes, and waiting
 * for things to happen, is left to `scenario.ts`.
 */
import type { PeerId } from "../../identity/identity.ts";
import type { Direction, NodeEvent, Trust } from "../../mesh/events.ts";
import type { DemoEvent, LinkCount } from "./demo_event.ts";

/** A node as the demo knows it before it starts. */
export interface Member {
  readonly name: string;
  readonly identity: PeerId;
}

/** What a node said of its session with another one. */
interface Side {
  readonly direction: Direction;
  readonly trust: Trust;
}

interface NodeState extends Member {
  /** Told to start and not known to have ended. */
  running: boolean;
  killed: boolean;
  via: string | undefined;
  address: string | undefined;
  previousAddress: string | undefined;
  /** Sessions it says it has, by name of the other end. */
  readonly sides: Map<string, Side>;
  /** Pings it showed since the last start of either end, by sender. */
  readonly heard: Map<string, number>;
  /** Senders of whom a `pings` happening told. */
  readonly announced: Set<string>;
}

/** All nodes of a demo and what they said. */
export class MeshView {
  readonly #nodes: ReadonlyMap<string, NodeState>;
  readonly #names: ReadonlyMap<PeerId, string>;
  readonly #links = new Set<string>();
  /** Pairs that are known to be out of each other's reach. */
  readonly #apart = new Set<string>();
  readonly #lostBy = new Map<string, Set<string>>();
  readonly #recognisedBy = new Map<string, Map<string, Trust>>();

  constructor(members: readonly Member[]) {
    this.#nodes = new Map(members.map(({ name, identity }) => [name, {
      name,
      identity,
      running: false,
      killed: false,
      via: undefined,
      address: undefined,
      previousAddress: undefined,
      sides: new Map<string, Side>(),
      heard: new Map<string, number>(),
      announced: new Set<string>(),
    }]));
    this.#names = new Map(
      members.map(({ name, identity }) => [identity, name]),
    );
  }

  // --- What happened ---------------------------------------------------------

  /** A node is about to be started, alone or through another one. */
  begin(name: string, via?: string): DemoEvent[] {
    const node = this.#node(name);
    const again = node.killed;
    node.running = true;
    node.via = via;
    node.previousAddress = node.address;
    node.address = undefined;
    return [{ type: "starting", name, via: via ?? null, again }];
  }

  /** A node is being killed; what it said until now counts no more. */
  kill(name: string): DemoEvent[] {
    const node = this.#node(name);
    node.running = false;
    node.killed = true;
    node.sides.clear();
    node.heard.clear();
    node.announced.clear();
    for (const other of this.#nodes.values()) {
      other.heard.delete(name);
      other.announced.delete(name);
    }
    this.#lostBy.set(name, new Set());
    this.#recognisedBy.set(name, new Map());
    return [{ type: "killed", name }];
  }

  /** A node ended without being asked. */
  ended(name: string, reason: string): DemoEvent[] {
    const node = this.#node(name);
    if (!node.running) return [];
    node.running = false;
    return [{ type: "ended", name, reason }];
  }

  /** A node said something. */
  apply(name: string, event: NodeEvent): DemoEvent[] {
    const node = this.#node(name);
    switch (event.type) {
      case "listening":
        return this.#onListening(node, event.address);
      case "peer:up":
        return this.#onUp(node, event);
      case "peer:down":
        return this.#onDown(node, event);
      case "ping":
        return this.#onPing(node, event);
      case "refused": {
        const { address, reason } = event;
        return [{ type: "refused", name, address, reason }];
      }
      case "overflow":
        // A node that leaves lines out has lost none.
        return "reason" in event ? [] : [{ type: "other", name, event }];
      case "pending":
      case "unreachable":
        return [{ type: "other", name, event }];
      case "replaced": // That a node was restarted is told already.
      case "undelivered": // The demo sends none.
      case "set-aside":
      case "name-conflict":
      case "resolved":
        return [];
      case "mesh": // We count ourselves.
        return this.#onMissing(event.missing);
      case "stopped": // The end of the process says more.
        return [];
      default:
        return event satisfies never;
    }
  }

  // --- What is known ---------------------------------------------------------

  /** How many links there are, and how many there can be. */
  get count(): LinkCount {
    const nodes = this.#nodes.size;
    return { links: this.#links.size, of: nodes * (nodes - 1) / 2 };
  }

  /** How many links are still missing among the nodes that listen. */
  get linksToCome(): number {
    const listening = [...this.#nodes.values()]
      .filter(({ running, address }) => running && address !== undefined);
    return listening.length * (listening.length - 1) / 2 - this.#links.size;
  }

  /** Whether every node has a session with every other. */
  get complete(): boolean {
    return this.#links.size === this.count.of;
  }

  /** Pairs (who, of whom) of which pings were shown. */
  get pingPairs(): number {
    return [...this.#nodes.values()]
      .reduce((sum, { heard }) => sum + heard.size, 0);
  }

  /** Whether every node has shown pings of every other. */
  get allHeard(): boolean {
    return this.pingPairs === this.#nodes.size * (this.#nodes.size - 1);
  }

  /** Where a node listens, if it does. */
  addressOf(name: string): string | undefined {
    return this.#node(name).address;
  }

  /** Whether a node was started and has not ended. */
  isRunning(name: string): boolean {
    return this.#node(name).running;
  }

  /** Nodes that have not yet said that they lost the one that was killed. */
  stillHolding(victim: string): string[] {
    const lost = this.#lostBy.get(victim);
    return this.#others(victim).filter((name) => !lost?.has(name));
  }

  /** Nodes that have not yet recognised the one that was killed as known. */
  notRecognising(victim: string): string[] {
    const trusts = this.#recognisedBy.get(victim);
    return this.#others(victim).filter((name) => trusts?.get(name) !== "known");
  }

  /** The links that are not there, as `alice-bob`. */
  missingLinks(): string[] {
    const names = [...this.#nodes.keys()];
    return names.flatMap((a, i) => names.slice(i + 1).map((b) => pair(a, b)))
      .filter((key) => !this.#links.has(key));
  }

  /** Whose pings were not shown by whom, as `alice's by bob`. */
  missingPings(): string[] {
    return [...this.#nodes.values()].flatMap(({ name, heard }) =>
      this.#others(name).filter((other) => !heard.has(other))
        .map((other) => `${other}'s by ${name}`)
    );
  }

  /** The table of nodes. */
  rows(): Extract<DemoEvent, { type: "node" }>[] {
    return [...this.#nodes.values()].map((node) => ({
      type: "node",
      name: node.name,
      identity: node.identity,
      address: node.address ?? "",
      links: this.#others(node.name)
        .filter((other) => this.#links.has(pair(node.name, other))).length,
      of: this.#nodes.size - 1,
      pings: [...node.heard.values()].reduce((sum, count) => sum + count, 0),
      heard: node.heard.size,
    }));
  }

  // --- Events ----------------------------------------------------------------

  #onListening(node: NodeState, address: string): DemoEvent[] {
    const { name, identity, previousAddress } = node;
    const via = node.via ?? null;
    node.address = address;
    return previousAddress === undefined
      ? [{ type: "started", name, identity, address, via }]
      : [{ type: "restarted", name, identity, address, previousAddress, via }];
  }

  #onUp(
    node: NodeState,
    event: Extract<NodeEvent, { type: "peer:up" }>,
  ): DemoEvent[] {
    const peer = this.#names.get(event.identity);
    if (peer === undefined) return [{ type: "other", name: node.name, event }];
    const { direction, trust } = event;
    node.sides.set(peer, { direction, trust });
    this.#recognisedBy.get(peer)?.set(node.name, trust);
    const back = this.#node(peer).sides.get(node.name);
    const key = pair(node.name, peer);
    if (back === undefined || this.#links.has(key)) return [];
    this.#links.add(key);
    this.#apart.delete(key);
    return direction === "outbound"
      ? this.#linked(node.name, peer)
      : this.#linked(peer, node.name);
  }

  /** Both ends of a link have said so; `name` is the one that dialed. */
  #linked(name: string, peer: string): DemoEvent[] {
    const { count } = this;
    const joiner = [name, peer].find((it) =>
      this.#node(it).via === (it === name ? peer : name)
    );
    const known = [name, peer].find((it) => this.#recognisedBy.has(it));
    const happenings: DemoEvent[] = [];
    if (joiner !== undefined) {
      const via = joiner === name ? peer : name;
      const trust = this.#trust(joiner, via);
      happenings.push({ type: "joined", name: joiner, via, trust, ...count });
    }
    if (known !== undefined) {
      const other = known === name ? peer : name;
      const trust = this.#trust(other, known);
      happenings.push(
        { type: "recognised", name: other, peer: known, trust, ...count },
      );
    }
    if (happenings.length === 0) {
      happenings.push({ type: "links", name, peer, ...count });
    }
    if (this.complete) happenings.push({ type: "complete", ...count });
    return happenings;
  }

  #onDown(
    node: NodeState,
    event: Extract<NodeEvent, { type: "peer:down" }>,
  ): DemoEvent[] {
    const { name } = node;
    const peer = this.#names.get(event.identity);
    if (peer === undefined) return [{ type: "other", name, event }];
    node.sides.delete(peer);
    this.#links.delete(pair(name, peer));
    this.#lostBy.get(peer)?.add(name);
    const { left, reason } = event;
    const type = left ? "left" : "lost";
    return [{ type, name, peer, reason, ...this.count }];
  }

  #onMissing(
    pairs: Extract<NodeEvent, { type: "mesh" }>["missing"],
  ): DemoEvent[] {
    return pairs.flatMap((identities): DemoEvent[] => {
      const [name, peer] = identities.map((it) => this.#names.get(it));
      if (name === undefined || peer === undefined) return [];
      const key = pair(name, peer);
      if (this.#links.has(key) || this.#apart.has(key)) return [];
      this.#apart.add(key);
      return [{ type: "apart", name, peer, ...this.count }];
    });
  }

  #onPing(
    node: NodeState,
    event: Extract<NodeEvent, { type: "ping" }>,
  ): DemoEvent[] {
    const { name, heard, announced } = node;
    const sender = this.#names.get(event.identity);
    if (sender === undefined) return [{ type: "other", name, event }];
    const count = heard.get(sender) ?? 0;
    heard.set(sender, count + 1);
    const others = this.#others(name);
    if (count > 0 || heard.size < others.length) return [];
    const from = others.filter((other) => !announced.has(other));
    for (const other of from) announced.add(other);
    return [{ type: "pings", name, from }];
  }

  #trust(name: string, peer: string): Trust {
    return this.#node(name).sides.get(peer)?.trust ?? "first-use";
  }

  #others(name: string): string[] {
    return [...this.#nodes.keys()].filter((other) => other !== name);
  }

  #node(name: string): NodeState {
    const node = this.#nodes.get(name);
    if (node === undefined) {
      throw new TypeError(`Cannot follow ${name}: it is no node of this demo`);
    }
    return node;
  }
}

function pair(a: string, b: string): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`;
}
