/**
 * A network inside the process: named hosts, latency, and the faults that real
 * networks have. Time comes from a {@linkcode Clock} and chance from a
 * {@linkcode Random}, so that the same seed gives the same run, packet for packet.
 *
 * What one connection does is in `memory_end.ts`. There is no cryptography: a pin is compared
 * with the listener's certificate byte for byte.
 */
import type { Clock, Random } from "../core/clock.ts";
import type { Address } from "../transport/address.ts";
import { abortError, failure } from "../transport/net_errors.ts";
import { plainOverlay } from "../transport/tcp.ts";
import { MemoryOverlay } from "./memory_overlay.ts";
import { MemoryHandshake, MemoryListener } from "./memory_handshake.ts";
import {
  Lane,
  type LaneOwner,
  MemoryEnd,
  type MemoryPacket,
} from "./memory_end.ts";
import type {
  Connection,
  Credentials,
  Listener,
  Overlay,
  Pin,
  Transport,
} from "../transport/transport.ts";

/** Options of {@linkcode MemoryNetwork}. */
export interface MemoryNetworkOptions {
  clock: Clock;
  random: Random;
  /** Least time of a packet on the wire, milliseconds. @default {0} */
  latencyMs?: number;
  /** Most that is added to it at random, milliseconds. @default {0} */
  jitterMs?: number;
  /** Whether its transports prove pins, as TLS does; else they are like TCP. @default {true} */
  secure?: boolean;
  /** Called for every packet that arrives. */
  onPacket?: (packet: MemoryPacket) => void;
}

/** First port given to dials, and to listeners on port 0 (RFC 6335's dynamic range). */
const FIRST_EPHEMERAL_PORT = 49_152;
const LAST_PORT = 65_535;
/** Addresses of the host itself. */
const LOCAL_HOSTS = ["127.0.0.1", "::1", "localhost", "0.0.0.0", "::"];

interface Host {
  readonly name: string;
  readonly listeners: Map<number, MemoryListener>;
  readonly sourcePorts: Set<number>;
  nextPort: number;
  /** False after a crash, until something dials or listens there again. */
  up: boolean;
}

interface Link {
  readonly ends: readonly [MemoryEnd, MemoryEnd];
  readonly lanes: readonly [Lane, Lane];
}

/** The network, and the faults that tests can inject. */
export class MemoryNetwork {
  readonly #options: Required<MemoryNetworkOptions>;
  readonly #hosts = new Map<string, Host>();
  readonly #links = new Set<Link>();
  /** Ways that are cut, `from>to`. */
  readonly #cuts = new Set<string>();
  /** Ways on which no connection can be opened, `from>to`. */
  readonly #refused = new Set<string>();
  /** Delays between two hosts, by {@linkcode pairKey}. */
  readonly #delays = new Map<
    string,
    { readonly latencyMs: number; readonly jitterMs: number }
  >();
  readonly #vanished = new Set<string>();
  readonly #frozen = new Set<string>();
  #groups: ReadonlyMap<string, number> | undefined;
  readonly #overlay: Overlay;

  /** A network without hosts; {@linkcode MemoryNetwork.transport} adds one. */
  constructor(options: MemoryNetworkOptions) {
    this.#options = {
      latencyMs: 0,
      jitterMs: 0,
      secure: true,
      onPacket: () => {},
      ...options,
    };
    this.#overlay = this.#options.secure
      ? new MemoryOverlay(options.random)
      : plainOverlay;
  }

  /** The transport of the host with IP address `host`, such as `10.0.0.1`. */
  transport(host: string): Transport {
    const from = this.#host(host);
    const { secure } = this.#options;
    return {
      secure,
      overlay: this.#overlay,
      dial: async (address, { pin, signal }) =>
        (await this.#dial(from, address, pin, signal)).end,
      fetchCertificate: async (address, { signal }) => {
        if (!secure) {
          throw failure("tls", "dial", address, "shows no certificate");
        }
        const shown = await this.#dial(from, address, "any", signal);
        shown.end.close();
        return shown.certificate.slice();
      },
      listen: (address, { credentials }) =>
        Promise.resolve().then(() => this.#listen(from, address, credentials)),
    };
  }

  /**
   * Splits the network: packets pass only within a group. Hosts that are named
   * nowhere form one more group. Replaces an earlier partition.
   */
  partition(groups: readonly (readonly string[])[]): void {
    this.#groups = new Map(
      groups.flatMap((hosts, index) => hosts.map((host) => [host, index])),
    );
    this.#resume();
  }

  /** Cuts the way between two hosts, or with `oneWay` only that from `a` to `b`. */
  cut(a: string, b: string, options: { oneWay?: boolean } = {}): void {
    this.#cuts.add(`${a}>${b}`);
    if (options.oneWay !== true) this.#cuts.add(`${b}>${a}`);
  }

  /**
   * Refuses dials between two hosts, or with `oneWay` only those from `a` to `b`, as a firewall
   * or NAT does; open connections stay.
   */
  unreachable(a: string, b: string, options: { oneWay?: boolean } = {}): void {
    this.#refused.add(`${a}>${b}`);
    if (options.oneWay !== true) this.#refused.add(`${b}>${a}`);
  }

  /** Undoes {@linkcode unreachable} in both directions. */
  reachable(a: string, b: string): void {
    this.#refused.delete(`${a}>${b}`);
    this.#refused.delete(`${b}>${a}`);
  }

  /** Drops all packets from and to `host`, without closing connections. */
  halfOpen(host: string): void {
    this.#vanished.add(host);
  }

  /**
   * Stops the process on `host`, as SIGSTOP does: packets that arrive wait until {@linkcode
   * thaw}. Its clock does not stop.
   */
  freeze(host: string): void {
    this.#frozen.add(host);
  }

  /** Undoes {@linkcode freeze}; what waited arrives. */
  thaw(host: string): void {
    this.#frozen.delete(host);
    this.#resume();
  }

  /** How long packets sent from now on take, milliseconds: all, or those between two hosts. */
  setDelay(
    delay: { latencyMs: number; jitterMs: number },
    between?: readonly [string, string],
  ): void {
    if (between === undefined) Object.assign(this.#options, delay);
    else this.#delays.set(pairKey(...between), delay);
  }

  /** Connections and listeners that are still held. */
  get open(): { connections: number; listeners: number } {
    let listeners = 0;
    for (const host of this.#hosts.values()) listeners += host.listeners.size;
    return { connections: this.#links.size, listeners };
  }

  /**
   * Undoes every {@linkcode partition}, {@linkcode cut}, {@linkcode unreachable} and
   * {@linkcode halfOpen}; what was held arrives.
   */
  heal(): void {
    this.#groups = undefined;
    this.#cuts.clear();
    this.#refused.clear();
    this.#vanished.clear();
    this.#resume();
  }

  /** Resets every connection between two hosts; new ones are possible at once. */
  breakLink(a: string, b: string): void {
    for (const { ends, lanes } of [...this.#links]) {
      const hosts = ends.map((end) => end.localAddress.host);
      if (!(hosts.includes(a) && hosts.includes(b))) continue;
      if (a === b && hosts[0] !== hosts[1]) continue;
      for (const lane of lanes) lane.clear();
      for (const end of ends) end.reset();
    }
  }

  /**
   * Crashes `host`: its connections and listeners are gone. No FIN is sent; with `reset` each
   * peer gets a reset.
   */
  crash(host: string, options: { reset?: boolean } = {}): void {
    const crashed = this.#host(host);
    crashed.up = options.reset === true; // before that it sends no resets
    for (const listener of [...crashed.listeners.values()]) listener.close();
    for (const { ends } of [...this.#links]) {
      for (const end of ends) {
        if (end.localAddress.host !== host) continue;
        if (!crashed.up) end.lane.clear();
        end.vanish("the host crashed");
        const other = ends[0] === end ? ends[1] : ends[0];
        end.lane.send("reset", 0, () => other.reset());
      }
    }
    crashed.up = false;
  }

  async #dial(
    from: Host,
    asked: Address,
    pin: Pin | "any" | undefined,
    signal: AbortSignal | undefined,
  ): Promise<{ end: Connection; certificate: Uint8Array<ArrayBuffer> }> {
    if (signal?.aborted) throw abortError(signal, "dial", asked);
    if (this.#options.secure && pin === undefined) {
      throw new TypeError("Cannot dial: pin is undefined, must be given");
    }
    from.up = true;
    const isLocal = LOCAL_HOSTS.includes(asked.host);
    const address = { ...asked, host: isLocal ? from.name : asked.host };
    const to = this.#hosts.get(address.host);
    const port = this.#freePort(from);
    if (port === undefined) {
      throw failure("unreachable", "dial", asked, "no local port is free");
    }
    from.sourcePorts.add(port);
    const link = this.#link(from, { host: from.name, port }, address);
    const handshake = new MemoryHandshake(link.ends, asked, pin);
    link.lanes[0].send("syn", 0, () => {
      const isRefused = this.#refused.has(`${from.name}>${address.host}`);
      // A machine that is off answers nothing.
      if (to?.up && !isRefused) {
        handshake.arrive(to.listeners.get(address.port));
      } else if (isRefused || to === undefined) {
        const why = isRefused
          ? "the network refuses it"
          : "no route to that host";
        handshake.fail("unreachable", why);
      }
    });
    const certificate = await handshake.dial(signal);
    return { end: link.ends[0], certificate };
  }

  #link(from: Host, local: Address, remote: Address): Link {
    const ways = pairKey(local.host, remote.host);
    const owner: LaneOwner = {
      clock: this.#options.clock,
      delayMs: () => {
        const { random } = this.#options;
        const { latencyMs, jitterMs } = this.#delays.get(ways) ?? this.#options;
        return latencyMs + (jitterMs === 0 ? 0 : random.float() * jitterMs);
      },
      isCut: (a, b) => this.#isCut(a, b),
      isUp: (host) => this.#hosts.get(host)?.up ?? false,
      onPacket: this.#options.onPacket,
    };
    const lanes = [
      new Lane(owner, local, remote),
      new Lane(owner, remote, local),
    ] as const;
    const forget = () => {
      if (ends[0].gone) from.sourcePorts.delete(local.port);
      // Kept while one end is open, for `heal` and `crash`.
      if (ends[0].gone && ends[1].gone) this.#links.delete(link);
    };
    const ends = MemoryEnd.pair(lanes, forget);
    const link = { ends, lanes };
    this.#links.add(link);
    return link;
  }

  #listen(
    host: Host,
    address: Address,
    credentials: Credentials | undefined,
  ): Listener {
    if (this.#options.secure && credentials === undefined) {
      throw new TypeError(
        "Cannot listen: credentials are undefined, must be given",
      );
    }
    if (!LOCAL_HOSTS.includes(address.host) && address.host !== host.name) {
      const detail = "not an address of this host";
      throw failure("address-not-available", "listen", address, detail);
    }
    const port = address.port === 0 ? this.#freePort(host) : address.port;
    if (port === undefined || host.listeners.has(port)) {
      throw failure("address-in-use", "listen", address, "the port is in use");
    }
    host.up = true;
    const listener = new MemoryListener(
      { host: address.host, port },
      this.#options.secure ? credentials : undefined,
      () => host.listeners.delete(port),
    );
    host.listeners.set(port, listener);
    return listener;
  }

  #host(name: string): Host {
    return this.#hosts.getOrInsertComputed(name, () => ({
      name,
      listeners: new Map(),
      sourcePorts: new Set(),
      nextPort: FIRST_EPHEMERAL_PORT,
      up: true,
    }));
  }

  #freePort(host: Host): number | undefined {
    for (let tries = FIRST_EPHEMERAL_PORT; tries <= LAST_PORT; tries++) {
      const port = host.nextPort;
      host.nextPort = port === LAST_PORT ? FIRST_EPHEMERAL_PORT : port + 1;
      if (!host.sourcePorts.has(port) && !host.listeners.has(port)) return port;
    }
    return undefined;
  }

  #isCut(from: string, to: string): boolean {
    if (from === to) return false;
    return this.#frozen.has(to) || this.#cuts.has(`${from}>${to}`) ||
      this.#vanished.has(from) || this.#vanished.has(to) ||
      (this.#groups !== undefined &&
        this.#groups.get(from) !== this.#groups.get(to));
  }

  #resume(): void {
    for (const { lanes } of this.#links) {
      for (const lane of lanes) lane.resume();
    }
  }
}

/** The same in both directions. */
function pairKey(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
