/**
 * The truth about connections: who really is at either end, whatever the nodes
 * believe. A party's transport is wrapped, and writes down each connection as it
 * comes to be.
 */
import type { PeerId } from "../../src/core/peer_id.ts";
import { FRAME_HEADER_BYTES } from "../../src/wire/wire_limits.ts";
import { type Address, formatAddress } from "../../src/transport/address.ts";
import type { MemoryPacket } from "../../src/testing/memory_end.ts";
import {
  type Listening,
  type RelayedEvents,
  watchedOverlay,
} from "./relayed_wires.ts";
import type {
  Connection,
  Incoming,
  Listener,
  Transport,
} from "../../src/transport/transport.ts";

/** Somebody who dials and listens: one process. */
export interface Party {
  readonly identity: { readonly id: PeerId };
  readonly label: string;
}

/** One connection. */
export interface Wire {
  dialer?: Party;
  listener?: Party;
}

/** Every connection of a simulation. */
export class Wires {
  readonly #wires = new Map<string, Wire>();
  /** Who has listened where, by `host:port`. */
  readonly #listened = new Map<string, Set<PeerId>>();
  /** `X>Y`: X has sent its last word of a handshake to Y. */
  readonly #proven = new Set<string>();

  /** Keys of relayed connections, the same at both ends. */
  readonly #relayed = new WeakMap<Connection, string>();
  /** How many relayed connections there were. */
  relayed = 0;

  /**
   * A transport that writes down what `party` does with it. `passes` resolves when a dial may
   * go on, and rejects when it does not reach its target.
   */
  of(
    party: Party,
    transport: Transport,
    passes: (address: Address, signal?: AbortSignal) => Promise<void> = () =>
      Promise.resolve(),
  ): Transport {
    const { overlay } = transport;
    return {
      ...transport,
      overlay: overlay && watchedOverlay(overlay, this.#relayedEvents(party)),
      fetchCertificate: async (address, options) => {
        await passes(address, options.signal);
        return await transport.fetchCertificate(address, options);
      },
      dial: async (address, options) => {
        await passes(address, options.signal);
        const connection = await transport.dial(address, options);
        this.#wire(connection, "dialer").dialer = party;
        return connection;
      },
      listen: async (address, options) => {
        const listener = await transport.listen(address, options);
        this.#hosts(listener.address).add(party.identity.id);
        return this.#listener(party, listener);
      },
    };
  }

  /** Who is at the other end of `connection`, which `end` dialed or accepted. */
  opposite(
    connection: Connection,
    end: "dialer" | "listener",
  ): Party | undefined {
    const wire = this.#wire(connection, end);
    return end === "dialer" ? wire.listener : wire.dialer;
  }

  /** The same value at both ends of a connection. */
  key(connection: Connection, end: "dialer" | "listener"): string {
    const relayed = this.#relayed.get(connection);
    if (relayed !== undefined) return relayed;
    const { localAddress, remoteAddress } = connection;
    const [from, to] = end === "dialer"
      ? [localAddress, remoteAddress]
      : [remoteAddress, localAddress];
    return `${formatAddress(from)}>${formatAddress(to)}`;
  }

  /** The name of a connection under which its party has heard its bytes. */
  heardKey(connection: Connection): string {
    const { localAddress, remoteAddress } = connection;
    return this.#relayed.get(connection) ??
      `${formatAddress(remoteAddress)}>${formatAddress(localAddress)}`;
  }

  /** Identities that have listened at an address so far. */
  listenedAt(address: Address): ReadonlySet<PeerId> {
    return this.#hosts(address);
  }

  /** A packet arrived: perhaps somebody has just finished a handshake. */
  onPacket({ from, to, data }: MemoryPacket): void {
    if (data === undefined || !hasVerack(data)) return;
    const dialed = this.#wires.get(`${from}>${to}`);
    const { dialer, listener } = dialed ?? this.#wires.get(`${to}>${from}`) ??
      {};
    if (dialer === undefined || listener === undefined) return;
    const [a, b] = [dialer.identity.id, listener.identity.id];
    this.#proven.add(dialed === undefined ? `${b}>${a}` : `${a}>${b}`);
  }

  /** Whether a party with the identity `from` has finished a handshake with one with `to`. */
  hasProven(from: PeerId, to: PeerId): boolean {
    return this.#proven.has(`${from}>${to}`);
  }

  /** How many connections there were. */
  get size(): number {
    return this.#wires.size;
  }

  #relayedEvents(party: Listening): RelayedEvents {
    const ends = new WeakMap<Connection, "dialer" | "listener">();
    return {
      opened: (connection, key, end) => {
        if (end === "dialer") this.relayed++;
        this.#relayed.set(connection, key);
        ends.set(connection, end);
        this.#wires.getOrInsertComputed(key, () => ({}))[end] = party;
      },
      wrote: (connection, data) => {
        if (!hasVerack(data)) return;
        const other = this.opposite(connection, ends.get(connection)!);
        if (other === undefined) return;
        this.#proven.add(`${party.identity.id}>${other.identity.id}`);
      },
      read: (_connection, key) => party.heard?.(key),
    };
  }

  #hosts(address: Address): Set<PeerId> {
    return this.#listened.getOrInsertComputed(
      formatAddress(address),
      () => new Set(),
    );
  }

  #wire(connection: Connection, end: "dialer" | "listener"): Wire {
    const key = this.key(connection, end);
    return this.#wires.getOrInsertComputed(key, () => ({}));
  }

  #listener(party: Party, listener: Listener): Listener {
    const accepted = (incoming: Incoming): Incoming => ({
      remoteAddress: incoming.remoteAddress,
      open: async (signal) => {
        const connection = await incoming.open(signal);
        this.#wire(connection, "listener").listener = party;
        return connection;
      },
      close: () => incoming.close(),
    });
    return {
      address: listener.address,
      accept: async () => {
        const incoming = await listener.accept();
        return incoming === null ? null : accepted(incoming);
      },
      close: () => listener.close(),
    };
  }
}

const VERACK = new TextEncoder().encode("verack\0");

/** Whether one of the frames in a packet, which begins with a frame, is `verack`. */
function hasVerack(data: Uint8Array): boolean {
  for (let at = 0; at + FRAME_HEADER_BYTES <= data.length;) {
    if (VERACK.every((byte, i) => data[at + 4 + i] === byte)) return true;
    at += FRAME_HEADER_BYTES +
      (data[at + 16]! | data[at + 17]! << 8 | data[at + 18]! << 16);
  }
  return false;
}
