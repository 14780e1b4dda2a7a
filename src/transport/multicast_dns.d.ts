// Types of what is used of `npm:multicast-dns`, which ships none.

/** Options of a socket. */
export interface Options {
  /** A socket of `node:dgram`, not bound yet. */
  readonly socket: unknown;
  readonly type: "udp4" | "udp6";
  /** The group. */
  readonly ip: string;
  /** IPv4: an address of the interface; IPv6: `::%NAME`. */
  readonly interface: string;
  /** The address to bind to. */
  readonly bind: string;
}

/** A record, in either direction; what came from the network may have any value. */
export interface PacketRecord {
  readonly name: string;
  readonly type: string;
  readonly class?: string;
  readonly ttl?: number;
  readonly flush?: boolean;
  readonly data?: unknown;
}

/** A packet, likewise. */
export interface Packet {
  readonly type?: string;
  readonly flags?: number;
  readonly questions?: readonly {
    readonly name: string;
    readonly type: string;
  }[];
  readonly answers?: readonly PacketRecord[];
  readonly additionals?: readonly PacketRecord[];
}

/** Where a packet comes from. */
export interface RemoteInfo {
  readonly address: string;
  readonly port: number;
}

/** A socket of one interface. */
export interface MulticastSocket {
  on(event: "ready", listener: () => void): void;
  on(event: "error" | "warning", listener: (error: Error) => void): void;
  on(
    event: "packet",
    listener: (packet: Packet, from: RemoteInfo) => void,
  ): void;
  query(packet: Packet, done?: (error?: Error | null) => void): void;
  respond(packet: Packet, done?: (error?: Error | null) => void): void;
  destroy(done?: () => void): void;
}

/** Makes one. */
declare function multicastDns(options: Options): MulticastSocket;
export { multicastDns as default };
