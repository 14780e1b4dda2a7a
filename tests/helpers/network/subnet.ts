/** One switch of a {@linkcode HostNetwork}, and the addresses of the hosts that are plugged in. */

/** The first words of the addresses of a subnet; one of both may be left out. */
export interface Prefixes {
  /** Three numbers of IPv4, such as `192.168.1`. */
  readonly v4?: string;
  /** Four groups of IPv6, such as `fd77:0:0:1`. */
  readonly v6?: string;
}

/** An address in the form of `ip addr`, and in that of programs. */
export interface Address {
  readonly ip: string;
  /** Bits of the prefix. */
  readonly bits: number;
}

/** A subnet: hosts on it reach each other without a router. */
export class Subnet {
  readonly name: string;
  /** The bridge in the namespace of the switches. */
  readonly bridge: string;
  readonly #prefixes: Prefixes;
  #last = 0;
  /** Where packets for elsewhere go: the first addresses of its router. */
  gateway: readonly Address[] = [];

  constructor(name: string, bridge: string, prefixes: Prefixes) {
    this.name = name;
    this.bridge = bridge;
    this.#prefixes = prefixes;
  }

  /** Addresses that no host has had, one of each family. */
  next(): readonly Address[] {
    const { v4, v6 } = this.#prefixes;
    const number = ++this.#last;
    return [
      ...(v4 === undefined ? [] : [{ ip: `${v4}.${number}`, bits: 24 }]),
      ...(v6 === undefined
        ? []
        : [{ ip: `${v6}::${number.toString(16)}`, bits: 64 }]),
    ];
  }
}
