/**
 * Listens on several addresses as one {@linkcode Listener}: all on the same port, so that "the
 * address you see me at" needs only that. `::` is every address of this machine, of IPv4 as well:
 * by one socket where the system has it so (`net.ipv6.bindv6only` is 0), else by two.
 */
import { VerackError } from "../core/errors.ts";
import type { Address } from "./address.ts";
import { isIpv4 } from "./ip.ts";
import { MAX_PORT_ATTEMPTS } from "./transport_limits.ts";
import type {
  Credentials,
  Incoming,
  Listener,
  Transport,
} from "./transport.ts";

/** A listener on one address or more. */
export interface NodeListener extends Listener {
  /** Where it listens, the first being {@linkcode Listener.address}. */
  readonly addresses: readonly Address[];
}

/** The parameters of {@linkcode listenAll}. */
export interface ListenAllOptions {
  readonly transport: Pick<Transport, "listen">;
  /** At least one. */
  readonly hosts: readonly string[];
  /** 0 takes one that is free at all of them. */
  readonly port: number;
  readonly credentials: Credentials;
}

/** Every address of IPv4, and every one of IPv6. */
export const EVERY_IPV4 = "0.0.0.0";
export const EVERY_IPV6 = "::";

/** Whether a host to listen on means every address of this machine, of one family at least. */
export function isEveryHost(host: string): boolean {
  return host === EVERY_IPV4 || host === EVERY_IPV6;
}

/** Those of some hosts that no other one includes, each once. */
export function distinctHosts(hosts: readonly string[]): string[] {
  if (hosts.includes(EVERY_IPV6)) return [EVERY_IPV6];
  const distinct = [...new Set(hosts)];
  if (!distinct.includes(EVERY_IPV4)) return distinct;
  return distinct.filter((host) => host === EVERY_IPV4 || !isIpv4(host));
}

/** Starts to listen on all of the hosts, or none; throws as `Transport.listen`. */
export async function listenAll(
  options: ListenAllOptions,
): Promise<NodeListener> {
  const hosts = distinctHosts(options.hosts);
  for (let attempt = 1;; attempt++) {
    try {
      return new JointListener(await listenOnce({ ...options, hosts }));
    } catch (error) {
      // The port that was free at the first host may be in use at another.
      const mayDiffer = options.port === 0 && hosts.length > 1 &&
        error instanceof VerackError && error.code === "address-in-use";
      if (!mayDiffer || attempt === MAX_PORT_ATTEMPTS) throw error;
    }
  }
}

async function listenOnce(
  { transport, hosts, port, credentials }: ListenAllOptions,
): Promise<Listener[]> {
  const listeners: Listener[] = [];
  const listen = async (host: string) => {
    const address = { host, port: listeners[0]?.address.port ?? port };
    listeners.push(await transport.listen(address, { credentials }));
  };
  try {
    for (const host of hosts) await listen(host);
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw error;
  }
  // If the socket for IPv6 takes IPv4 as well, the port is in use. A system without IPv4 is none
  // of the caller's concern either.
  if (hosts.includes(EVERY_IPV6) && mayListen(listeners[0]!.address.port)) {
    await listen(EVERY_IPV4).catch(() => {});
  }
  return listeners;
}

/** Whether that needs no permission which the user would have to be asked for. */
function mayListen(port: number): boolean {
  const host = `${EVERY_IPV4}:${port}`;
  return Deno.permissions.querySync({ name: "net", host }).state === "granted";
}

/** A connection that has arrived at one of the listeners. */
interface Arrival {
  readonly incoming: Incoming;
  readonly from: Listener;
}

/** Several listeners as one; each has at most one connection that waits for `accept()`. */
class JointListener implements NodeListener {
  readonly address: Address;
  readonly addresses: readonly Address[];
  readonly tls?: "engine" | "streams";
  readonly #listeners: readonly Listener[];
  readonly #arrived: Arrival[] = [];
  #open: number;
  #isStarted = false;
  #isClosed = false;
  #wake = Promise.withResolvers<void>();

  /** Owns `listeners`, of which there is at least one. */
  constructor(listeners: readonly Listener[]) {
    this.#listeners = listeners;
    this.#open = listeners.length;
    const [{ address, tls }] = listeners as [Listener];
    this.address = address;
    this.addresses = listeners.map(({ address }) => address);
    if (tls !== undefined) this.tls = tls;
  }

  async accept(): Promise<Incoming | null> {
    if (!this.#isStarted) {
      this.#isStarted = true;
      for (const listener of this.#listeners) this.#await(listener);
    }
    while (this.#open > 0) {
      const arrival = this.#arrived.shift();
      if (arrival !== undefined) {
        this.#await(arrival.from);
        return arrival.incoming;
      }
      this.#wake = Promise.withResolvers();
      await this.#wake.promise;
    }
    return null;
  }

  close(): void {
    this.#isClosed = true;
    for (const listener of this.#listeners) listener.close();
    for (const { incoming } of this.#arrived.splice(0)) {
      incoming.close();
      this.#open--;
    }
    this.#wake.resolve();
  }

  /** Waits for the next connection of one of them. */
  #await(listener: Listener): void {
    listener.accept().then((incoming) => {
      if (incoming === null) this.#open--;
      else if (this.#isClosed) {
        incoming.close();
        this.#open--;
      } else this.#arrived.push({ incoming, from: listener });
      this.#wake.resolve();
    });
  }
}
