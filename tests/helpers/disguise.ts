/**
 * TLS on this machine that looks like the internet: whoever connects seems to come
 * from `host`, and every address that is dialed is written down.
 */
import { VerackError } from "../../src/core/errors.ts";
import {
  type Address,
  formatAddress,
  parseAddress,
} from "../../src/transport/address.ts";
import { tlsTransport } from "../../src/transport/tls.ts";
import type {
  Connection,
  Credentials,
  Incoming,
  Listener,
  Pin,
  Transport,
} from "../../src/transport/transport.ts";

/** A transport for one node. */
export class Disguise implements Transport {
  readonly secure = true;
  /** Every address that was dialed or looked at, in order: `host:port`. */
  readonly tried: string[] = [];
  readonly #inner = tlsTransport();
  readonly #host: string;
  readonly #absent: ReadonlySet<string>;
  readonly #moved: ReadonlyMap<string, string>;

  /**
   * @param host Where those who connect seem to come from.
   * @param options `absent`: addresses that are never really dialed, because this
   * machine cannot reach them or must not; `moved`: addresses, each with the one
   * on this machine that is really dialed.
   */
  constructor(
    host: string,
    options: {
      readonly absent?: readonly string[];
      readonly moved?: Readonly<Record<string, string>>;
    } = {},
  ) {
    this.#host = host;
    this.#absent = new Set(options.absent);
    this.#moved = new Map(Object.entries(options.moved ?? {}));
  }

  async dial(
    address: Address,
    options: { pin?: Pin; signal?: AbortSignal },
  ): Promise<Connection> {
    const to = this.#note(address);
    const connection = await this.#inner.dial(to, options);
    return to === address ? connection : seenAt(connection, address);
  }

  async fetchCertificate(
    address: Address,
    options: { signal?: AbortSignal },
  ): Promise<Uint8Array<ArrayBuffer>> {
    return await this.#inner.fetchCertificate(this.#note(address), options);
  }

  async listen(
    address: Address,
    options: { credentials?: Credentials },
  ): Promise<Listener> {
    const listener = await this.#inner.listen(address, options);
    const disguise = (incoming: Incoming) => this.#disguise(incoming);
    return {
      address: listener.address,
      async accept() {
        const incoming = await listener.accept();
        return incoming && disguise(incoming);
      },
      close: () => listener.close(),
    };
  }

  #note(address: Address): Address {
    const shown = formatAddress(address);
    this.tried.push(shown);
    const moved = this.#moved.get(shown);
    if (moved !== undefined) return parseAddress(moved);
    if (!this.#absent.has(shown)) return address;
    throw new VerackError("unreachable", `Cannot dial ${shown}: not really`);
  }

  #disguise(incoming: Incoming): Incoming {
    const { port } = incoming.remoteAddress;
    const remoteAddress = { host: this.#host, port };
    return {
      remoteAddress,
      async open(signal) {
        return seenAt(await incoming.open(signal), remoteAddress);
      },
      close: () => incoming.close(),
    };
  }
}

/** `connection`, whose other end seems to be elsewhere. */
function seenAt(connection: Connection, remoteAddress: Address): Connection {
  return new Proxy(connection, {
    get(target, name) {
      if (name === "remoteAddress") return remoteAddress;
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** `host:port` as an address. */
export function at(host: string, port: number): Address {
  return parseAddress(
    host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
  );
}
