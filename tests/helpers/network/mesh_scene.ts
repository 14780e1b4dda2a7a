/**
 * Real nodes (`verack run`) on the hosts of a network, and the question that is asked after each
 * thing that happens to it: which pairs have which sessions, by what both ends say.
 */
import { assertEquals } from "@std/assert";
import { ControlClient } from "../../../src/control/control_client.ts";
import type { SessionRow } from "../../../src/control/answers.ts";
import { Place } from "../place.ts";
import type { NodeProcess } from "../process.ts";
import { until } from "../until.ts";
import { type Host, HostNetwork } from "./host_network.ts";

/** Where all nodes listen, unless told otherwise. */
export const PORT = 8080;

/** Flags of nodes that are quick to give a peer up, so that tests need not wait. */
const HASTY = ["--heartbeat=0.3", "--dead-after=1.5"];

/** How long a mesh may take to settle; far more than it does take, on starved machines too. */
const SETTLE_MS = 120_000;

/**
 * The sessions of each pair of nodes by their names, in the order in which they were started:
 * `direct`, `via NAME` or `none`.
 */
export type Sessions = Readonly<Record<string, string>>;

/** How a node is started. */
export interface SceneNodeOptions {
  /** Nodes or addresses that it joins through. */
  readonly connect?: readonly (SceneNode | string)[];
  /** More flags. */
  readonly args?: readonly string[];
  /** Where it listens, if at all. @default all addresses of IPv4 */
  readonly listen?: string | false;
  /** Permissions beside those that every node has. */
  readonly permissions?: readonly string[];
}

/** One node. */
export class SceneNode implements AsyncDisposable {
  readonly name: string;
  readonly host: Host;
  readonly process: NodeProcess;
  readonly client: ControlClient;

  constructor(
    { name, host, process, client }: Pick<
      SceneNode,
      "name" | "host" | "process" | "client"
    >,
  ) {
    this.name = name;
    this.host = host;
    this.process = process;
    this.client = client;
  }

  get id(): string {
    return this.process.id;
  }

  /** Kills it without a warning. */
  async kill(): Promise<void> {
    this.client[Symbol.dispose]();
    await this.process[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

/** A network with nodes in it. */
export class MeshScene implements AsyncDisposable {
  readonly network: HostNetwork = new HostNetwork();
  readonly place: Place = new Place();
  readonly #nodes: SceneNode[] = [];

  /** Those that run, in the order of their start. */
  get nodes(): readonly SceneNode[] {
    return this.#nodes;
  }

  /** Starts a node on a host, with the host's name; resolves when it is up. */
  async start(
    host: Host,
    { connect = [], args = [], listen = "0.0.0.0", permissions = [] }:
      SceneNodeOptions = {},
  ): Promise<SceneNode> {
    const { name } = host;
    const process = await this.place.nodeWith(
      {
        launcher: host.network.launcher,
        permissions: ["--allow-sys=networkInterfaces", ...permissions],
      },
      name,
      `--name=${name}`,
      ...(listen === false
        ? ["--no-listen"]
        : [`--host=${listen}`, `--port=${PORT}`]),
      ...(args.some((it) => it.startsWith("--heartbeat")) ? [] : HASTY),
      ...connect.map((to) => `--connect=${addressOf(to)}`),
      ...args,
    );
    const client = await ControlClient.find(this.dataOf(name));
    const node = new SceneNode({ name, host, process, client });
    this.#nodes.push(node);
    return node;
  }

  /** The data directory of a node. */
  dataOf(name: string): string {
    return `${this.place.path}/${name}`;
  }

  /** Kills a node without a warning. */
  async kill(node: SceneNode): Promise<void> {
    this.#nodes.splice(this.#nodes.indexOf(node), 1);
    await node.kill();
  }

  /** The sessions of each pair at present; where its ends differ, both. */
  async sessions(): Promise<Sessions> {
    const nodes = [...this.#nodes];
    const rows = await Promise.all(
      nodes.map(async ({ client }) => (await client.peers()).sessions),
    );
    const kind = (at: number, other: number) =>
      this.#kind(rows[at]!.filter(({ id }) => id === nodes[other]!.id));
    const pairs = nodes.flatMap((a, at) =>
      nodes.slice(at + 1).map((b, rest): [string, string] => {
        const other = at + 1 + rest;
        const [here, there] = [kind(at, other), kind(other, at)];
        const both = here === there ? here : `${here}, or ${there}`;
        return [`${a.name} ${b.name}`, both];
      })
    );
    const known = new Set(nodes.map(({ id }) => id));
    const strangers = rows.flatMap((of, at) =>
      of.filter(({ id }) => !known.has(id))
        .map(({ id }): [string, string] => [`${nodes[at]!.name} ${id}`, "any"])
    );
    return Object.fromEntries([...pairs, ...strangers]);
  }

  /**
   * Waits until these are the sessions of all nodes, and no others; of several that are all
   * right, which.
   *
   * @throws {Error} what they were instead.
   */
  async settle(...allowed: readonly Sessions[]): Promise<Sessions> {
    let last: Sessions = {};
    const same = (wanted: Sessions) =>
      Object.keys(last).length === Object.keys(wanted).length &&
      Object.entries(wanted).every(([pair, kind]) => last[pair] === kind);
    try {
      await until("sessions", async () => {
        last = await this.sessions();
        return allowed.some(same);
      }, SETTLE_MS);
    } catch {
      const said = this.#nodes.map(({ name, process }) =>
        `${name}: ${process.child.err.slice(-5).join("\n  ")}`
      );
      assertEquals(last, allowed[0], said.join("\n"));
    }
    return last;
  }

  /** What `verack links --json` of a node prints about its sessions. */
  async links(node: SceneNode): Promise<Record<string, string>> {
    const view = JSON.parse(
      await this.place.ask(node.name, "links", "--json"),
    );
    const sessions: readonly SessionRow[] = view.sessions;
    return Object.fromEntries(
      sessions.map((row) => [row.name ?? row.id, this.#kind([row])]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.kill()));
    this.network[Symbol.dispose]();
    await this.place[Symbol.asyncDispose]();
  }

  #kind(rows: readonly SessionRow[]): string {
    const kinds = rows.map((row) => {
      if (row.via === undefined) return "direct";
      const relay = this.#nodes.find(({ id }) => id === row.via);
      return `via ${relay?.name ?? row.via}`;
    });
    return kinds.length === 0 ? "none" : kinds.sort().join(" and ");
  }
}

/** What `--connect` of another node needs. */
function addressOf(to: SceneNode | string): string {
  return typeof to === "string" ? to : `${to.host.address}:${PORT}`;
}
