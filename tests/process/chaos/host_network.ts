/**
 * Several hosts on one switch, made of Linux network namespaces: each has an
 * address of its own, and packets between any two can be dropped, one way or both.
 * Nothing outside the namespaces is touched or reached. Needs root, `ip` and `nft`.
 */
import { spawnSync } from "node:child_process";
import type { Place } from "./member.ts";

/** Our namespaces are `verack-PID-NAME`; a dead PID's are left from a crash. */
const PREFIX = "verack-";

/** Of these namespaces only: there is no way out of them. */
const SUBNET = "10.77.0";

/** A host of a {@linkcode HostNetwork}. */
export interface Host {
  readonly name: string;
  readonly namespace: string;
  /** IPv4 address. */
  readonly address: string;
}

/** The switch, the hosts, and what is dropped between them. */
export class HostNetwork implements Disposable {
  readonly #switch = `${PREFIX}${Deno.pid}-switch`;
  readonly #hosts: Host[] = [];
  /** `from>to`, by the hosts' names. */
  readonly #dropped = new Set<string>();
  #lastAddress = 0;

  /** @throws {Error} what stood in the way, see {@linkcode whyNoHosts}. */
  constructor(hosts: number) {
    removeLeftOvers();
    try {
      run("ip", "netns", "add", this.#switch);
      run("ip", "-n", this.#switch, "link", "add", "br0", "type", "bridge");
      run("ip", "-n", this.#switch, "link", "set", "br0", "up");
      for (let i = 0; i < hosts; i++) this.#add(`host-${i}`);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  get hosts(): readonly Host[] {
    return this.#hosts;
  }

  /** Where a node of that host runs. */
  placeOn(host: Host): Place {
    return {
      name: host.name,
      host: "0.0.0.0",
      reachedAt: host.address,
      launcher: ["ip", "netns", "exec", host.namespace],
    };
  }

  /** Whether packets pass between two hosts in both directions. */
  connects(a: string, b: string): boolean {
    return a === b ||
      !(this.#dropped.has(`${a}>${b}`) || this.#dropped.has(`${b}>${a}`));
  }

  /** From now on packets between the groups are dropped. */
  split(groups: readonly (readonly Host[])[]): void {
    const names = groups.map((group) => group.map(({ name }) => name));
    for (const [i, group] of names.entries()) {
      const others = names.filter((_, j) => j !== i).flat();
      for (const a of group) for (const b of others) this.#drop(a, b);
    }
    this.#apply();
  }

  /** From now on nothing passes between two hosts, or with `oneWay` nothing from `a` to `b`. */
  cut(a: Host, b: Host, options: { oneWay?: boolean } = {}): void {
    this.#drop(a.name, b.name);
    if (options.oneWay !== true) this.#drop(b.name, a.name);
    this.#apply();
  }

  /** Everything passes again. */
  heal(): void {
    this.#dropped.clear();
    this.#apply();
  }

  /** Gives a host another address in place of the one it has; its processes go on. */
  readdress(host: Host): Host {
    const moved = { ...host, address: this.#nextAddress() };
    const change = (verb: string, address: string) =>
      run("ip", "-n", host.namespace, "addr", verb, `${address}/24`, ...ETH0);
    // In this order: a second address of a subnet goes with the first one.
    change("del", host.address);
    change("add", moved.address);
    this.#hosts.splice(this.#hosts.indexOf(host), 1, moved);
    this.#apply();
    return moved;
  }

  /** Connections that a host's kernel holds established with other hosts from an address. */
  established(host: Host, address: string): number {
    const inside = ["netns", "exec", host.namespace];
    const [, ...sockets] = run("ip", ...inside, "cat", "/proc/net/tcp")
      .trim().split("\n").map((line) => line.trim().split(/\s+/));
    const own = inHex(address);
    return sockets.filter(([, local = "", remote = "", state]) =>
      state === TCP_ESTABLISHED && local.startsWith(own) &&
      !remote.startsWith(own)
    ).length;
  }

  [Symbol.dispose](): void {
    for (const { namespace } of this.#hosts) removeNamespace(namespace);
    removeNamespace(this.#switch);
  }

  #add(name: string): void {
    const namespace = `${PREFIX}${Deno.pid}-${name}`;
    run("ip", "netns", "add", namespace);
    const host = { name, namespace, address: this.#nextAddress() };
    this.#hosts.push(host);
    const inside = (...words: string[]) => run("ip", "-n", namespace, ...words);
    const port = ["peer", "name", name, "netns", this.#switch];
    inside("link", "set", "lo", "up");
    inside("link", "add", "eth0", "type", "veth", ...port);
    inside("addr", "add", `${host.address}/24`, ...ETH0);
    inside("link", "set", "eth0", "up");
    const plug = ["link", "set", name, "master", "br0", "up"];
    run("ip", "-n", this.#switch, ...plug);
  }

  #nextAddress(): string {
    return `${SUBNET}.${++this.#lastAddress}`;
  }

  #drop(from: string, to: string): void {
    this.#dropped.add(`${from}>${to}`);
  }

  /** Each host drops what it must not hear; nobody is told. */
  #apply(): void {
    for (const { name, namespace } of this.#hosts) {
      const silenced = this.#hosts
        .filter((other) => this.#dropped.has(`${other.name}>${name}`))
        .map(({ address }) => `    ip saddr ${address} drop`);
      const rules = [
        "table inet chaos",
        "delete table inet chaos",
        "table inet chaos {",
        "  chain heard {",
        "    type filter hook input priority 0;",
        ...silenced,
        "  }",
        "}",
      ];
      const nft = ["ip", "netns", "exec", namespace, "nft", "-f", "-"];
      run(...nft, { stdin: rules.join("\n") });
    }
  }
}

/** As `/proc/net/tcp` writes it. */
const TCP_ESTABLISHED = "01";

/** An IPv4 address as `/proc/net/tcp` writes it: little-endian. */
function inHex(address: string): string {
  const bytes = Uint8Array.from(address.split("."), Number).reverse();
  return `${bytes.toHex().toUpperCase()}:`;
}

const ETH0 = ["dev", "eth0"];

/** Why a {@linkcode HostNetwork} cannot be made here; `undefined` if it can. */
export function whyNoHosts(): string | undefined {
  if (Deno.build.os !== "linux") return "needs Linux";
  if (Deno.uid() !== 0) return "needs root";
  try {
    using network = new HostNetwork(2);
    network.heal();
    return undefined;
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return `needs ip netns and nft: ${said.split("\n")[0]}`;
  }
}

/** Removes what runs left that did not get to clean up, with what still runs in it. */
function removeLeftOvers(): void {
  for (const line of run("ip", "netns", "list").split("\n")) {
    const [name = ""] = line.split(" ");
    const pid = /^verack-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || exists(`/proc/${pid}`)) continue;
    for (const left of run("ip", "netns", "pids", name).split("\n")) {
      if (left === "") continue;
      try {
        Deno.kill(Number(left), "SIGKILL");
      } catch {
        // It ended meanwhile.
      }
    }
    removeNamespace(name);
  }
}

/** Its interfaces go with it, and what they were plugged into. */
function removeNamespace(name: string): void {
  try {
    run("ip", "netns", "del", name);
  } catch {
    // It was never made.
  }
}

/** Runs a program to its end; what it printed. */
function run(
  ...command: readonly (string | { readonly stdin: string })[]
): string {
  const words = command.filter((it) => typeof it === "string");
  const input = command.find((it) => typeof it !== "string")?.stdin;
  const [program = "", ...args] = words;
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    encoding: "utf8",
    ...(input !== undefined && { input }),
  });
  if (error !== undefined) throw new Error(`${program}: ${error.message}`);
  if (status === 0) return stdout;
  throw new Error(`${words.join(" ")}: ${stderr.trim() || `exit ${status}`}`);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
