/** The state of the whole mesh as reported by its nodes: events in, events out. */
import type { PeerId } from "../../identity/identity.ts";
import type { NodeEvent, Trust } from "../../mesh/events.ts";
import type { DemoEvent, DemoEventOf, LinkCount } from "./demo_event.ts";

type NodeEventOf<T extends NodeEvent["type"]> = Extract<NodeEvent, { type: T }>;

/** A node as known before it starts. */
export interface Member {
  readonly name: string;
  readonly id: PeerId;
}

class NodeState {
  readonly name: string;
  readonly id: PeerId;
  /** Told to start, and not known to have ended. */
  running = false;
  killed = false;
  via: string | undefined;
  address: string | undefined;
  previousAddress: string | undefined;
  /** How far it trusts the other ends of its sessions, by name. */
  readonly sessions = new Map<string, Trust>();
  /** Pings it showed since the last start of either end, by sender. */
  readonly heard = new Map<string, number>();
  /** Senders named in a `pings` event already. */
  readonly announced = new Set<string>();

  constructor({ name, id }: Member) {
    this.name = name;
    this.id = id;
  }
}

/** All nodes of a demo and what they reported. */
export class MeshView {
  readonly #nodes: ReadonlyMap<string, NodeState>;
  readonly #names: ReadonlyMap<PeerId, string>;
  readonly #links = new Set<string>();
  /** Pairs reported to be out of each other's reach. */
  readonly #apart = new Set<string>();

  constructor(members: readonly Member[]) {
    this.#nodes = new Map(members.map((it) => [it.name, new NodeState(it)]));
    this.#names = new Map(
      members.map(({ name, id }) => [id, name]),
    );
  }

  // --- Input -----------------------------------------------------------------

  /** A node is about to be started, alone or through another one. */
  begin(name: string, via?: string): DemoEvent[] {
    const node = this.#node(name);
    node.running = true;
    node.via = via;
    node.previousAddress = node.address;
    node.address = undefined;
    return [{ type: "starting", name, via: via ?? null, again: node.killed }];
  }

  /** A node is being killed; what it reported until now no longer counts. */
  kill(name: string): DemoEvent[] {
    const node = this.#node(name);
    node.running = false;
    node.killed = true;
    node.sessions.clear();
    node.heard.clear();
    node.announced.clear();
    for (const other of this.#nodes.values()) {
      other.heard.delete(name);
      other.announced.delete(name);
    }
    return [{ type: "killed", name }];
  }

  /** A node ended; tells only if it had not been killed. */
  ended(name: string, reason: string): DemoEvent[] {
    const node = this.#node(name);
    if (!node.running) return [];
    node.running = false;
    return [{ type: "ended", name, reason }];
  }

  /** A node reported an event. */
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
      case "mesh":
        return this.#onMissing(event.missing);
      case "refused": {
        const { address, reason } = event;
        return [{ type: "refused", name, address, reason }];
      }
      case "overflow":
        // With a reason, the lines were left out on purpose and their effects are known.
        return "reason" in event ? [] : [{ type: "other", name, event }];
      case "join-request":
      case "unreachable":
        return [{ type: "other", name, event }];
      case "replaced": // A restart is told already.
      case "undelivered": // The demo sends no messages.
      case "dead-letter":
      case "name-conflict":
      case "resolved":
      case "stopped": // The end of the process says more.
        return [];
      default:
        return event satisfies never;
    }
  }

  // --- State -----------------------------------------------------------------

  /** How many links there are, and how many there can be. */
  get count(): LinkCount {
    const nodes = this.#nodes.size;
    return { links: this.#links.size, of: nodes * (nodes - 1) / 2 };
  }

  /** How many links are still missing among the nodes that listen. */
  get linksToCome(): number {
    const { length } = [...this.#nodes.values()]
      .filter(({ running, address }) => running && address !== undefined);
    return length * (length - 1) / 2 - this.#links.size;
  }

  /** Pairs of sender and receiver of which pings were shown. */
  get pingPairs(): number {
    return [...this.#nodes.values()]
      .reduce((sum, { heard }) => sum + heard.size, 0);
  }

  /** The address at which a node listens, if it does. */
  addressOf(name: string): string | undefined {
    return this.#node(name).address;
  }

  /** Nodes that have not yet reported the loss of the killed node. */
  stillHolding(victim: string): string[] {
    return this.#others(victim)
      .filter((name) => this.#node(name).sessions.has(victim));
  }

  /** Nodes that have not yet recognised the killed node as known. */
  notRecognising(victim: string): string[] {
    return this.#others(victim).filter((name) =>
      this.#node(name).sessions.get(victim) !== "known"
    );
  }

  /** The links that are missing, as `alice-bob`. */
  missingLinks(): string[] {
    const names = [...this.#nodes.keys()];
    return names.flatMap((a, i) => names.slice(i + 1).map((b) => pair(a, b)))
      .filter((key) => !this.#links.has(key));
  }

  /** The pings that are missing, as `alice's by bob`. */
  missingPings(): string[] {
    return [...this.#nodes.values()].flatMap(({ name, heard }) =>
      this.#others(name).filter((other) => !heard.has(other))
        .map((other) => `${other}'s by ${name}`)
    );
  }

  /** The table of nodes. */
  rows(): DemoEventOf<"node">[] {
    return [...this.#nodes.values()].map((node) => ({
      type: "node",
      name: node.name,
      id: node.id,
      address: node.address ?? "",
      links: this.#others(node.name)
        .filter((other) => this.#links.has(pair(node.name, other))).length,
      of: this.#nodes.size - 1,
      pings: [...node.heard.values()].reduce((sum, count) => sum + count, 0),
      heard: node.heard.size,
    }));
  }

  // --- Events of nodes ---------------------------------------------------------

  #onListening(node: NodeState, address: string): DemoEvent[] {
    const { name, id, previousAddress, via = null } = node;
    node.address = address;
    return previousAddress === undefined
      ? [{ type: "started", name, id, address, via }]
      : [{ type: "restarted", name, id, address, previousAddress, via }];
  }

  #onUp(node: NodeState, event: NodeEventOf<"peer:up">): DemoEvent[] {
    const { name } = node;
    const peer = this.#names.get(event.id);
    if (peer === undefined) return [{ type: "other", name, event }];
    node.sessions.set(peer, event.trust);
    const key = pair(name, peer);
    if (!this.#node(peer).sessions.has(name) || this.#links.has(key)) return [];
    this.#links.add(key);
    this.#apart.delete(key);
    return event.direction === "outbound"
      ? this.#linked(name, peer)
      : this.#linked(peer, name);
  }

  /** Both ends have reported the session that `dialer` opened. */
  #linked(dialer: string, acceptor: string): DemoEvent[] {
    const { count } = this;
    const events: DemoEvent[] = [];
    const ends = [[dialer, acceptor], [acceptor, dialer]] as const;
    // A node that joined through the killed one has not joined anew when that returns.
    const joined = ends.find(([name, via]) =>
      this.#node(name).via === via && !this.#node(via).killed
    );
    if (joined !== undefined) {
      const [name, via] = joined;
      const trust = this.#trust(name, via);
      events.push({ type: "joined", name, via, trust, ...count });
    }
    const back = ends.find(([peer]) => this.#node(peer).killed);
    if (back !== undefined) {
      const [peer, name] = back;
      const trust = this.#trust(name, peer);
      events.push({ type: "recognised", name, peer, trust, ...count });
    }
    if (events.length === 0) {
      events.push({ type: "links", name: dialer, peer: acceptor, ...count });
    }
    if (count.links === count.of) events.push({ type: "complete", ...count });
    return events;
  }

  #onDown(node: NodeState, event: NodeEventOf<"peer:down">): DemoEvent[] {
    const { name } = node;
    const peer = this.#names.get(event.id);
    if (peer === undefined) return [{ type: "other", name, event }];
    node.sessions.delete(peer);
    this.#links.delete(pair(name, peer));
    const { left, reason } = event;
    const type = left ? "left" : "lost";
    return [{ type, name, peer, reason, ...this.count }];
  }

  #onMissing(pairs: NodeEventOf<"mesh">["missing"]): DemoEvent[] {
    return pairs.flatMap((identities): DemoEvent[] => {
      const [name, peer] = identities.map((it) => this.#names.get(it));
      if (name === undefined || peer === undefined) return [];
      const key = pair(name, peer);
      if (this.#links.has(key) || this.#apart.has(key)) return [];
      this.#apart.add(key);
      return [{ type: "apart", name, peer, ...this.count }];
    });
  }

  #onPing(node: NodeState, event: NodeEventOf<"ping">): DemoEvent[] {
    const { name, heard, announced } = node;
    const sender = this.#names.get(event.id);
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
    return this.#node(name).sessions.get(peer) ?? "first-use";
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
