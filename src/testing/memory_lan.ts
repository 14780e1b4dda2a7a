/** A local network in memory, for discovery: every packet reaches all that have joined it. */
import type { Clock } from "../core/clock.ts";
import type { Address } from "../transport/address.ts";
import type { LinkAddress, LocalNetwork } from "../transport/local_networks.ts";
import type {
  DnsPacket,
  MulticastDns,
  MulticastReceiver,
} from "../transport/multicast_dns.ts";

/** A packet that was sent. */
export interface SentPacket {
  /** The address of the host. */
  readonly from: string;
  /** What it has sent. */
  readonly packet: DnsPacket;
}

interface Place {
  readonly address: string;
  readonly receiver: MulticastReceiver;
}

/** One such network, of IPv4 addresses `10.0.0.0/24`. */
export class MemoryLan {
  /** All packets, oldest first. */
  readonly sent: SentPacket[] = [];
  readonly #clock: Clock;
  readonly #places = new Set<Place>();

  /** Packets arrive a millisecond later by this clock. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many have joined. */
  get size(): number {
    return this.#places.size;
  }

  /** Multicast DNS as a host with these addresses has it; an array that changes moves the host. */
  host(
    addresses: readonly (string | LinkAddress)[],
    name = "lan0",
  ): MulticastDns {
    const networks = (): LocalNetwork[] =>
      addresses.length === 0 ? [] : [{
        name,
        addresses: addresses.map((it) =>
          typeof it === "string" ? { address: it, prefix: 24 } : it
        ),
      }];
    return {
      check: () => {},
      networks,
      join: (network, _family, receiver) => {
        const address = network.addresses[0]?.address ?? "";
        const place: Place = { address, receiver };
        this.#places.add(place);
        return Promise.resolve({
          send: (packet) => this.send(packet, address),
          close: () => {
            this.#places.delete(place);
            return Promise.resolve();
          },
        });
      },
    };
  }

  /** Sends a packet as if from an address and port, which need not be of any host. */
  send(packet: DnsPacket, from: string, port = 5353): void {
    this.sent.push({ from, packet });
    const address: Address = { host: from, port };
    for (const { receiver } of this.#places) {
      this.#clock.after(1, () => {
        if (receiver.accepts(address)) receiver.packet(packet, address);
      });
    }
  }
}
