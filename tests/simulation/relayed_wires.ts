/**
 * The truth about relayed connections: which two parties have an end of each, though its bytes
 * pass others. Both ends are found by what the overlay of the memory network sends first, which
 * is another value each time.
 */
import type { Connection, Overlay } from "../../src/transport/transport.ts";
import type { Party } from "./wires.ts";

/** So much is sent first, see `MemoryOverlay`. */
const HELLO_BYTES = 16;

/** What happens on the relayed connections of one party. */
export interface RelayedEvents {
  /** An end has completed its handshake. */
  opened(connection: Connection, key: string, end: "dialer" | "listener"): void;
  /** Bytes that this end has given to it, before they are sealed. */
  wrote(connection: Connection, data: Uint8Array): void;
  /** Bytes have come to this end. */
  read(connection: Connection, key: string): void;
}

/** An overlay that reports what `party` does with it. */
export function watchedOverlay(
  overlay: Overlay,
  events: RelayedEvents,
): Overlay {
  return {
    dial: async (carrier, options) => {
      const head = new Head(carrier);
      return watched(await overlay.dial(head, options), head, "dialer", events);
    },
    accept: async (carrier, options) => {
      const head = new Head(carrier);
      return watched(
        await overlay.accept(head, options),
        head,
        "listener",
        events,
      );
    },
  };
}

/** The key of a relayed connection as its party hears of silence on it. */
export type Listening = Party & { heard?(connection: string): void };

function watched(
  connection: Connection,
  head: Head,
  end: "dialer" | "listener",
  events: RelayedEvents,
): Connection {
  const { key } = head;
  const { localAddress, remoteAddress } = connection;
  const it: Connection = {
    localAddress,
    remoteAddress,
    read: async (buffer) => {
      const count = await connection.read(buffer);
      if (count !== null) events.read(it, key);
      return count;
    },
    write: (data) => {
      events.wrote(it, data);
      return connection.write(data);
    },
    close: () => connection.close(),
  };
  events.opened(it, key, end);
  return it;
}

/** A carrier that notes the first bytes: those that the dialing end writes, and the other reads. */
class Head implements Connection {
  readonly localAddress;
  readonly remoteAddress;
  readonly #carrier: Connection;
  readonly #first: number[] = [];
  #isDialer: boolean | undefined;

  constructor(carrier: Connection) {
    this.#carrier = carrier;
    this.localAddress = carrier.localAddress;
    this.remoteAddress = carrier.remoteAddress;
  }

  get key(): string {
    return `relayed ${Uint8Array.from(this.#first).toHex()}`;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    this.#isDialer ??= false;
    const count = await this.#carrier.read(buffer);
    if (!this.#isDialer && count !== null) {
      this.#note(buffer.subarray(0, count));
    }
    return count;
  }

  write(data: Uint8Array): Promise<number> {
    this.#isDialer ??= true;
    if (this.#isDialer) this.#note(data);
    return this.#carrier.write(data);
  }

  close(): void {
    this.#carrier.close();
  }

  #note(data: Uint8Array): void {
    const missing = HELLO_BYTES - this.#first.length;
    this.#first.push(...data.subarray(0, missing));
  }
}
