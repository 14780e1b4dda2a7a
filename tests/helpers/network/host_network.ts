/**
 * Hosts, switches and routers made of Linux network namespaces: each host has addresses of its
 * own, and packets between any two can be dropped or rejected, one way or both. Addresses are
 * those of the real world where a node treats public ones in another way; nothing outside the
 * namespaces is reached. Needs root, `ip` and `nft`.
 */
import { Host } from "./host.ts";
import { Namespace, namespacePrefix, removeLeftOvers } from "./namespace.ts";
import { Router, type RouterOptions } from "./router.ts";
import { type Prefixes, Subnet } from "./subnet.ts";

export { Host, Router, Subnet };
export { whyNoNamespaces as whyNoHosts } from "./namespace.ts";

/** How packets between two hosts are kept from passing. */
export interface CutOptions {
  /** Packets of the first to the second only. */
  readonly oneWay?: boolean;
  /** The sender is told at once. */
  readonly reject?: boolean;
}

/** A kind of rule that a host has against packets. */
type Verdict = "drop" | "reject with tcp reset";

/** All hosts, and what does not pass between them. */
export class HostNetwork implements Disposable {
  readonly #prefix = namespacePrefix();
  readonly #stack = new DisposableStack();
  readonly #switches: Namespace;
  readonly #hosts: Host[] = [];
  /** By `from>to`, the hosts' names. */
  readonly #cut = new Map<string, Verdict>();
  #bridges = 0;
  #ports = 0;

  /**
   * @param hosts So many on one switch to begin with, all of which reach each other.
   * @throws {Error} what stood in the way, see {@linkcode whyNoHosts}.
   */
  constructor(hosts = 0) {
    removeLeftOvers();
    this.#switches = this.#namespace("switches");
    try {
      if (hosts === 0) return;
      const subnet = this.subnet("switch", { v4: "10.77.0" });
      for (let i = 0; i < hosts; i++) this.host(`host-${i}`, subnet);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Those that are no routers. */
  get hosts(): readonly Host[] {
    return this.#hosts;
  }

  /** A switch. */
  subnet(name: string, prefixes: Prefixes): Subnet {
    const bridge = `br${this.#bridges++}`;
    // Without a querier snooping would only lose multicast packets.
    const kind = ["type", "bridge", "mcast_snooping", "0"];
    this.#switches.ip("link", "add", bridge, ...kind);
    this.#switches.ip("link", "set", bridge, "up");
    return new Subnet(name, bridge, prefixes);
  }

  /** A host on these subnets; its first address is that on the first. */
  host(name: string, ...subnets: readonly Subnet[]): Host {
    const host = this.#newHost(name);
    for (const subnet of subnets) host.plug(subnet);
    this.#hosts.push(host);
    return host;
  }

  /** A router; to be made before the hosts behind it, which use it for all that is not near. */
  router(name: string, options: RouterOptions): Router {
    const host = this.#newHost(name);
    for (const subnet of options.inside) {
      host.plug(subnet);
      const ip = host.on(subnet);
      subnet.gateway = [{ ip, bits: 0 }];
    }
    host.plug(options.outside);
    return new Router(host, options);
  }

  /**
   * A line between two hosts alone, as VPNs make them: an address for each that only the other
   * reaches, no broadcast, and smaller packets.
   */
  tunnel(a: Host, b: Host, device: string, addresses: [string, string]): void {
    const other = ["peer", "name", device, "netns", b.namespace];
    a.network.ip("link", "add", device, "type", "veth", ...other);
    const [ofA, ofB] = addresses;
    for (const [host, own, far] of [[a, ofA, ofB], [b, ofB, ofA]] as const) {
      host.network.ipBatch([
        `addr add ${own} peer ${far}/32 dev ${device}`,
        `link set ${device} mtu 1280 multicast off up`,
      ]);
    }
  }

  /** Whether packets pass between two hosts in both directions. */
  connects(a: string, b: string): boolean {
    return a === b ||
      !(this.#cut.has(`${a}>${b}`) || this.#cut.has(`${b}>${a}`));
  }

  /** From now on packets between the groups are dropped. */
  split(groups: readonly (readonly Host[])[]): void {
    for (const [i, group] of groups.entries()) {
      const others = groups.filter((_, j) => j !== i).flat();
      for (const a of group) {
        for (const b of others) this.#cut.set(`${a.name}>${b.name}`, "drop");
      }
    }
    this.#apply();
  }

  /** From now on nothing passes between two hosts by the addresses that they have. */
  cut(a: Host, b: Host, { oneWay, reject }: CutOptions = {}): void {
    const verdict = reject === true ? "reject with tcp reset" : "drop";
    this.#cut.set(`${a.name}>${b.name}`, verdict);
    if (oneWay !== true) this.#cut.set(`${b.name}>${a.name}`, verdict);
    this.#apply();
  }

  /** Everything passes again between two hosts, or all. */
  heal(...pair: [] | [Host, Host]): void {
    const [a, b] = pair;
    if (a === undefined || b === undefined) this.#cut.clear();
    else {
      this.#cut.delete(`${a.name}>${b.name}`);
      this.#cut.delete(`${b.name}>${a.name}`);
    }
    this.#apply();
  }

  /** Gives a host another address in place of its first; its processes go on. The former one. */
  readdress(host: Host): string {
    const former = host.address;
    host.readdress();
    this.#apply();
    return former;
  }

  /** Connections that a host's kernel holds established with other hosts from an address. */
  established(host: Host, address: string): number {
    const [, ...sockets] = host.network.exec(["cat", "/proc/net/tcp"])
      .trim().split("\n").map((line) => line.trim().split(/\s+/));
    const own = inHex(address);
    return sockets.filter(([, local = "", remote = "", state]) =>
      state === TCP_ESTABLISHED && local.startsWith(own) &&
      !remote.startsWith(own)
    ).length;
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }

  #newHost(name: string): Host {
    return new Host(name, {
      namespace: this.#namespace(name),
      switches: this.#switches,
      newPort: () => `port${this.#ports++}`,
    });
  }

  #namespace(name: string): Namespace {
    return this.#stack.use(new Namespace(`${this.#prefix}${name}`));
  }

  /** Each host filters what must not come to it. */
  #apply(): void {
    for (const host of this.#hosts) {
      const rules = this.#hosts.flatMap((other) => {
        const verdict = this.#cut.get(`${other.name}>${host.name}`);
        if (verdict === undefined) return [];
        return other.addresses.map((ip) => {
          const family = ip.includes(":") ? "ip6" : "ip";
          const of = verdict === "drop" ? "" : " meta l4proto tcp";
          return `${family} saddr ${ip}${of} ${verdict}`;
        });
      });
      host.network.table("inet", "cuts", [
        "chain heard { type filter hook input priority -10",
        // What rejects the packets of the other host comes as a reset.
        ...(rules.some((it) => it.includes("reject"))
          ? ["tcp flags & rst == rst accept"]
          : []),
        ...rules,
        "}",
      ]);
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
