/** Where a node listens, and which addresses are configured to be advertised. */
import { VerackError } from "../core/errors.ts";
import type { Identity } from "../identity/identity.ts";
import { isDemoIdentity } from "../identity/key_files.ts";
import {
  type Address,
  formatAddress,
  parseAddress,
  parseHost,
} from "../transport/address.ts";
import {
  EVERY_IPV4,
  isEveryHost,
  listenAll,
  type ListenAllOptions,
  type NodeListener,
} from "../transport/listen_all.ts";
import type { MulticastDns } from "../transport/multicast_dns.ts";
import { isLoopbackHost } from "../transport/scope.ts";
import { MAX_LISTEN_HOSTS } from "../transport/transport_limits.ts";
import { MAX_ADDRESSES_PER_ENTRY } from "../wire/wire_limits.ts";

/** Text of an option that may have several. */
type OneOrMore = string | readonly string[];

/** The hosts to listen on; throws `SyntaxError` and `RangeError`. */
export function hostsOf(
  { discover = false, host = discover ? EVERY_IPV4 : "127.0.0.1" }: {
    readonly discover?: boolean;
    readonly host?: OneOrMore;
  },
): readonly string[] {
  const hosts = new Set(listOf(host).map((text) => parseHost(text)));
  if (hosts.size >= 1 && hosts.size <= MAX_LISTEN_HOSTS) return [...hosts];
  throw new RangeError(
    `Cannot start node: host has ${hosts.size} addresses, must have 1 to ${MAX_LISTEN_HOSTS}`,
  );
}

/** The addresses to advertise, best first; throws `SyntaxError` and `RangeError`. */
export function advertisedOf(
  { advertise = [] }: { readonly advertise?: OneOrMore },
): readonly Address[] {
  const addresses = new Map(
    listOf(advertise).map((text) => parseAdvertised(text))
      .map((address) => [formatAddress(address), address]),
  );
  if (addresses.size <= MAX_ADDRESSES_PER_ENTRY) return [...addresses.values()];
  throw new RangeError(
    `Cannot start node: advertise has ${addresses.size} addresses, must have at most ${MAX_ADDRESSES_PER_ENTRY}`,
  );
}

/** One address to advertise; throws `SyntaxError`, also for one at which no node can be dialed. */
export function parseAdvertised(text: string): Address {
  const address = parseAddress(text);
  if (!isEveryHost(address.host)) return address;
  throw new SyntaxError(
    `Cannot advertise ${
      formatAddress(address)
    }: that is every address of a machine, must be one that others can dial`,
  );
}

function listOf(value: OneOrMore): readonly string[] {
  return typeof value === "string" ? [value] : value;
}

/** Whether to listen; throws `TypeError` for no boolean and for what only a node has that listens. */
export function listensBy(options: {
  readonly listen?: boolean;
  readonly host?: OneOrMore;
  readonly port?: number;
  readonly advertise?: OneOrMore;
  readonly discover?: boolean;
}): boolean {
  for (const name of ["listen", "discover"] as const) {
    const value: unknown = options[name];
    if (value === undefined || typeof value === "boolean") continue;
    throw new TypeError(
      `Cannot start node: ${name} is a ${typeof value}, must be true or false`,
    );
  }
  const { listen = true } = options;
  if (listen) return true;
  for (const name of ["host", "port", "advertise"] as const) {
    if (options[name] === undefined) continue;
    throw new TypeError(
      `Cannot start node: listen is false and ${name} is ${
        JSON.stringify(options[name])
      }, must be one or the other`,
    );
  }
  return false;
}

/**
 * Listens as the options say, if at all; throws as `Transport.listen`, and `demo-identity`.
 */
export async function listenFor(
  { hosts, listen, multicast, port, transport }:
    & Omit<ListenAllOptions, "credentials">
    & {
      readonly listen: boolean;
      readonly multicast: MulticastDns | undefined;
    },
  identity: Identity,
): Promise<NodeListener | undefined> {
  multicast?.check();
  if (!listen) return undefined;
  for (const host of hosts) refuseDemoOffLoopback(identity, { host, port });
  return await listenAll({
    transport,
    hosts,
    port,
    credentials: {
      certificate: identity.certificate,
      privateKeyPem: identity.privateKeyPem,
    },
  });
}

/**
 * Refuses a published key off this machine.
 *
 * @throws {VerackError} `demo-identity`.
 */
function refuseDemoOffLoopback(
  identity: Identity,
  address: Address,
): void {
  if (!isDemoIdentity(identity.id)) return;
  if (isLoopbackHost(address.host)) return;
  throw new VerackError(
    "demo-identity",
    `Cannot listen on ${
      formatAddress(address)
    }: the key is one of the published demo keys of certs/, which are public, must be loopback or have another key`,
  );
}
