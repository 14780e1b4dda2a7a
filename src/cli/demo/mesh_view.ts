/** The state of the whole mesh as reported by its nodes: events in, events out. */
import type { PeerId } from "../../core/peer_id.ts";
import type { NodeEvent, Trust } from "../../mesh/events.ts";
import type { DemoEvent, DemoEventOf, LinkCount } from "./demo_event.ts";

type NodeEventOf<T extends NodeEvent["type"]> = Extract<NodeEvent, { type: T }>;

/** With `--keep` strangers may cause any number. */
const MAX_REFUSALS = 1_000;

/** A node as known before it starts. */
export interface Member {
  readonly name: string;
  readonly id: PeerId;
}

/** A node, and what it reported. */
class NodeState implements Member {
  readonly name: string;
  readonly id: PeerId;
  /** Whether it was started, and has not ended. */
  running = false;
  killed = false;
  via: string | undefined;
  address: string | undefined;
  previousAddress: string | undefined;
  /** The trust that it reports in the other ends of its sessions, by name. */
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
  readonly #nodes = new Map<string, NodeState>();
  readonly #names = new Map<PeerId, string>();
  readonly #links = new Set<string>();
  /** Pairs reported to be out of each other's reach. */
  readonly #apart = new Set<string>();

  /** Why connections were refused, by the address of their other end. */
  readonly #refusals = new Map<string, string>();

  constructor(members: readonly Member[]) {
    for (const member of members) {
      this.#names.set(member.id, member.name);
      this.#nodes.set(member.name, new NodeState(member));
    }
  }

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

  /** A node ended; an event if it had not been killed. */
  ended(name: string, reason: string): DemoEvent[] {
    const node = this.#node(name);
    if (!node.running) return [];
    node.running = false;
    return [{ type: "ended", name, reason }];
  }

  /** A node reported an event. Types that are not listed here have no effect. */
  apply(name: string, event: NodeEvent): DemoEvent[] {
    const node = this.#node(name);
    switch (event.type) {
      case "listening":
        return this.#onListening(node, event.address ?? "");
      case "peer:up":
      case "peer:down":
      case "ping": {
        const peer = this.#names.get(event.id);
        if (peer === undefined) return [{ type: "other", name, event }];
        if (event.type === "ping") return this.#onPing(node, peer);
        return event.type === "peer:up"
          ? this.#onUp(node, peer, event)
          : this.#onDown(node, peer, event);
      }
      case "mesh":
        return this.#onMissing(event.missing);
      case "refused": {
        const { address, reason } = event;
        if (this.#refusals.size < MAX_REFUSALS) {
          this.#refusals.set(address, reason);
        }
        return [{ type: "refused", name, address, reason }];
      }
      case "overflow":
        // With a reason, the lines were left out on purpose and their effects are known.
        return "reason" in event ? [] : [{ type: "other", name, event }];
      case "join-request":
      case "unreachable":
        return [{ type: "other", name, event }];
      default:
        return [];
    }
  }

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

  /** Why a node refused the connection from an address, if one did. */
  refusalOf(address: string): string | undefined {
    return this.#refusals.get(address);
  }

  /** Nodes that have not yet reported the loss of the killed node. */
  stillHolding(victim: string): string[] {
    return this.#others(victim)
      .filter((name) => this.#node(name).sessions.has(victim));
  }

  /** Nodes that have not yet recognised the killed node as known. */
  notRecognising(victim: string): string[] {
    return this.#others(victim)
      .filter((name) => this.#node(name).sessions.get(victim) !== "known");
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
    return [...this.#nodes.values()].map(({ name, id, address, heard }) => ({
      type: "node",
      name,
      id,
      address: address ?? "",
      links: this.#others(name)
        .filter((other) => this.#links.has(pair(name, other))).length,
      of: this.#nodes.size - 1,
      pings: [...heard.values()].reduce((sum, count) => sum + count, 0),
      heard: heard.size,
    }));
  }

  #onListening(node: NodeState, address: string): DemoEvent[] {
    const { name, id, previousAddress, via = null } = node;
    node.address = address;
    return previousAddress === undefined
      ? [{ type: "started", name, id, address, via }]
      : [{ type: "restarted", name, id, address, previousAddress, via }];
  }

  #onUp(
    node: NodeState,
    peer: string,
    event: NodeEventOf<"peer:up">,
  ): DemoEvent[] {
    const { name } = node;
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
    const trust = (name: string, peer: string) =>
      this.#node(name).sessions.get(peer) ?? "first-use";
    for (const [name, peer] of [[dialer, acceptor], [acceptor, dialer]]) {
      if (name === undefined || peer === undefined) continue;
      const { via, killed } = this.#node(name);
      // A node that joined through the killed one has not joined anew when that returns.
      if (via === peer && !this.#node(peer).killed) {
        const shown = { name, via, trust: trust(name, peer) };
        events.unshift({ type: "joined", ...shown, ...count });
      }
      if (killed) {
        const shown = { name: peer, peer: name, trust: trust(peer, name) };
        events.push({ type: "recognised", ...shown, ...count });
      }
    }
    if (events.length === 0) {
      events.push({ type: "links", name: dialer, peer: acceptor, ...count });
    }
    if (count.links === count.of) events.push({ type: "complete", ...count });
    return events;
  }

  #onDown(
    node: NodeState,
    peer: string,
    { left, reason }: NodeEventOf<"peer:down">,
  ): DemoEvent[] {
    const { name } = node;
    node.sessions.delete(peer);
    this.#links.delete(pair(name, peer));
    const type = left ? "left" : "lost";
    return [{ type, name, peer, reason, ...this.count }];
  }

  #onMissing(pairs: NodeEventOf<"mesh">["missing"]): DemoEvent[] {
    return pairs.flatMap((ids): DemoEvent[] => {
      const [name, peer] = ids.map((id) => this.#names.get(id));
      if (name === undefined || peer === undefined) return [];
      const key = pair(name, peer);
      if (this.#links.has(key) || this.#apart.has(key)) return [];
      this.#apart.add(key);
      return [{ type: "apart", name, peer, ...this.count }];
    });
  }

  #onPing({ name, heard, announced }: NodeState, sender: string): DemoEvent[] {
    const count = heard.get(sender) ?? 0;
    heard.set(sender, count + 1);
    const others = this.#others(name);
    if (count > 0 || heard.size < others.length) return [];
    const from = others.filter((other) => !announced.has(other));
    for (const other of from) announced.add(other);
    return [{ type: "pings", name, from }];
  }

  #others(name: string): string[] {
    return [...this.#nodes.keys()].filter((other) => other !== name);
  }

  #node(name: string): NodeState {
    const node = this.#nodes.get(name);
    if (node !== undefined) return node;
    throw new TypeError(`Cannot follow ${name}: it is no node of this demo`);
  }
}

function pair(a: string, b: string): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`;
}
