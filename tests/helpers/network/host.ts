/** A host of a {@linkcode HostNetwork}: a namespace with interfaces on subnets. */
import type { Namespace } from "./namespace.ts";
import type { Address, Subnet } from "./subnet.ts";

/** A cable: one end is an interface of the host, the other a port of a switch. */
interface Plug {
  readonly subnet: Subnet;
  readonly device: string;
  readonly port: string;
  addresses: readonly Address[];
}

/** A machine with addresses of its own. */
export class Host implements Disposable {
  readonly name: string;
  readonly #namespace: Namespace;
  readonly #switches: Namespace;
  readonly #newPort: () => string;
  readonly #plugs: Plug[] = [];
  #devices = 0;

  /** @param newPort A name that no port of the switches has. */
  constructor(
    name: string,
    { namespace, switches, newPort }: {
      readonly namespace: Namespace;
      readonly switches: Namespace;
      readonly newPort: () => string;
    },
  ) {
    this.name = name;
    this.#namespace = namespace;
    this.#switches = switches;
    this.#newPort = newPort;
  }

  /** The namespace that it is. */
  get network(): Namespace {
    return this.#namespace;
  }

  /** Name of its namespace. */
  get namespace(): string {
    return this.#namespace.name;
  }

  /** Its first address. */
  get address(): string {
    const [first] = this.addresses;
    if (first === undefined) throw new Error(`${this.name} has no address`);
    return first;
  }

  /** All addresses that it has at present. */
  get addresses(): readonly string[] {
    return this.#plugs.flatMap((it) => it.addresses.map(({ ip }) => ip));
  }

  /** Its address on a subnet, of IPv4 if it has one. */
  on(subnet: Subnet): string {
    return this.#on(subnet).addresses[0]!.ip;
  }

  /** Its interface on a subnet. */
  deviceOn(subnet: Subnet): string {
    return this.#on(subnet).device;
  }

  /** Connects it to a subnet by a new interface, and routes through the subnet's router, if any. */
  plug(subnet: Subnet): void {
    const device = `eth${this.#devices++}`;
    const port = this.#newPort();
    const peer = ["peer", "name", port, "netns", this.#switches.name];
    this.#namespace.ip("link", "add", device, "type", "veth", ...peer);
    this.#switches.ip("link", "set", port, "master", subnet.bridge, "up");
    const addresses = subnet.next();
    const plug = { subnet, device, port, addresses };
    this.#plugs.push(plug);
    this.#namespace.ipBatch([
      ...addresses.map((it) => addressLine("add", it, device)),
      `link set ${device} up`,
    ]);
    this.#route(plug);
  }

  /** Pulls the cable out for good: the interface is gone, with its addresses and routes. */
  unplug(subnet: Subnet): void {
    const plug = this.#on(subnet);
    this.#plugs.splice(this.#plugs.indexOf(plug), 1);
    this.#namespace.ip("link", "del", plug.device);
  }

  /** Has another address in place of the one on a subnet, of which nothing on it is told. */
  readdress(subnet: Subnet | undefined = this.#plugs[0]?.subnet): void {
    if (subnet === undefined) throw new Error(`${this.name} is not plugged in`);
    const plug = this.#on(subnet);
    const former = plug.addresses;
    plug.addresses = subnet.next();
    // In this order: a second address of a subnet goes with the first one.
    this.#namespace.ipBatch([
      ...former.map((it) => addressLine("del", it, plug.device)),
      ...plug.addresses.map((it) => addressLine("add", it, plug.device)),
    ]);
    this.#route(plug);
  }

  [Symbol.dispose](): void {
    this.#namespace[Symbol.dispose]();
  }

  #on(subnet: Subnet): Plug {
    const plug = this.#plugs.find((it) => it.subnet === subnet);
    if (plug !== undefined) return plug;
    throw new Error(`${this.name} is not on ${subnet.name}`);
  }

  /** Its own addresses are no way out of a subnet. */
  #route({ subnet, addresses, device }: Plug): void {
    const own = new Set(addresses.map(({ ip }) => ip));
    const lines = subnet.gateway.filter(({ ip }) => !own.has(ip))
      .map(({ ip }) => `route replace default via ${ip} dev ${device}`);
    if (lines.length > 0) this.#namespace.ipBatch(lines);
  }
}

function addressLine(verb: string, { ip, bits }: Address, device: string) {
  const nodad = ip.includes(":") && verb === "add" ? " nodad" : "";
  return `addr ${verb} ${ip}/${bits} dev ${device}${nodad}`;
}
