/**
 * Resolves host names to IP addresses, by default as the operating system does (`/etc/hosts`
 * included). Which of them may be dialed is decided by `scope.ts`.
 */
import { messageOf, VerackError } from "../core/errors.ts";
import { MAX_RESOLVED_ADDRESSES } from "./transport_limits.ts";
import { type Random, systemRandom } from "../core/clock.ts";
import { type Address, formatAddress, serviceOf } from "./address.ts";
import { isIpv4, isIpv6, plainHost } from "./ip.ts";
import { abortedError } from "./net_errors.ts";
import {
  noService,
  type ServiceRecord,
  type ServiceResolver,
  systemServices,
  targetsOf,
} from "./service_records.ts";

/** Host name to IP addresses; fails with {@linkcode VerackError}. */
export type Resolver = (
  host: string,
  options: { signal?: AbortSignal },
) => Promise<string[]>;

/** Options of {@linkcode resolveHost}. */
export interface ResolveOptions {
  /** Ends the wait. */
  readonly signal?: AbortSignal;
  /** Most addresses. @default {MAX_RESOLVED_ADDRESSES} */
  readonly max?: number;
  /** Looks names up. @default the operating system */
  readonly resolve?: Resolver | undefined;
}

/**
 * The IP addresses of `host`, in the order to try them: as they are given, but both
 * families in turn, so that a broken one holds up the other only once (RFC 8305 §4).
 * At least one, at most `max`. An IP address is its own answer. Needs
 * `--allow-net=HOST` for a name.
 *
 * A lookup cannot be cancelled: on abort its answer is dropped when it comes.
 */
export async function resolveHost(
  host: string,
  options: ResolveOptions = {},
): Promise<string[]> {
  const { signal, max = MAX_RESOLVED_ADDRESSES, resolve = systemLookup } =
    options;
  if (isIpv4(host) || isIpv6(host)) return [plainHost(host)];
  try {
    const found = await inTime(host, signal, resolve);
    // Addresses with `%scope` (link-local) cannot be dialed anyway.
    const ips = found.map(plainHost).filter((ip) => isIpv4(ip) || isIpv6(ip));
    if (ips.length === 0) {
      const message = `Cannot resolve ${host}: the name has no address`;
      throw new VerackError("dns", message);
    }
    return alternateFamilies([...new Set(ips)]).slice(0, max);
  } catch (error) {
    throw error instanceof VerackError ? error : lookupError(error, host);
  }
}

/** What looks SRV records up, and orders those of one priority. */
export interface ServiceOptions extends ResolveOptions {
  /** @default the name servers of the operating system */
  readonly resolveService?: ServiceResolver | undefined;
  readonly random?: Random;
}

/**
 * The addresses to connect to for `address`: itself if its host is an IP address; of a service
 * those of all its targets, in the order of RFC 2782. Options and errors are those of
 * {@linkcode resolveHost}; the message names the address that was to be dialed.
 */
export async function resolveAddress(
  address: Address,
  options: ServiceOptions = {},
): Promise<Address[]> {
  const { host, port } = address;
  const service = serviceOf(address);
  if (service !== undefined) return await resolveService(service, options);
  try {
    const ips = await resolveHost(host, options);
    return ips.map((ip) => ({ host: ip, port }));
  } catch (error) {
    if (!(error instanceof VerackError)) throw error;
    const message = error.message.replace(
      `Cannot resolve ${host}`,
      () => `Cannot dial ${formatAddress(address)}`,
    );
    throw new VerackError(error.code, message, { cause: error });
  }
}

/** Targets that do not resolve are left out, as long as another does. */
async function resolveService(
  name: string,
  options: ServiceOptions,
): Promise<Address[]> {
  const { signal, max = MAX_RESOLVED_ADDRESSES, random = systemRandom } =
    options;
  const { resolveService: lookUp = systemServices() } = options;
  let records: readonly ServiceRecord[];
  try {
    records = await inTime(name, signal, lookUp);
  } catch (error) {
    throw error instanceof VerackError ? error : noService(name, error);
  }
  const targets = targetsOf(name, records, random);
  const found = await Promise.allSettled(
    targets.map((it) => resolveAddress(it, options)),
  );
  const endpoints = new Map(
    found.flatMap((it) => it.status === "fulfilled" ? it.value : [])
      .map((it) => [formatAddress(it), it]),
  );
  if (endpoints.size > 0) return [...endpoints.values()].slice(0, max);
  const failed = found.find((it) => it.status === "rejected");
  const { reason } = failed ?? {};
  throw new VerackError(
    reason instanceof VerackError ? reason.code : "dns",
    `Cannot dial srv:${name}: none of its ${targets.length} targets resolves, one at least must: ${
      messageOf(reason)
    }`,
    { cause: reason },
  );
}

/** The answer, but no later than the signal. */
async function inTime<T>(
  name: string,
  signal: AbortSignal | undefined,
  lookUp: (name: string, options: { signal?: AbortSignal }) => Promise<T>,
): Promise<T> {
  if (signal?.aborted) throw aborted(name, signal);
  const { promise: abort, reject } = Promise.withResolvers<never>();
  const onAbort = () => signal && reject(aborted(name, signal));
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const answer = lookUp(name, signal === undefined ? {} : { signal });
    return await Promise.race([answer, abort]);
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

async function systemLookup(host: string): Promise<string[]> {
  // Loaded here, because most dials are to IP addresses.
  const { lookup } = await import("node:dns/promises");
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
}

function alternateFamilies(ips: readonly string[]): string[] {
  const family = isIpv6(ips[0] ?? "");
  const same = ips.filter((ip) => isIpv6(ip) === family);
  const other = ips.filter((ip) => isIpv6(ip) !== family);
  const pairs = Math.max(same.length, other.length);
  return Array.from({ length: pairs }, (_, i) => [same[i], other[i]]).flat()
    .filter((ip) => ip !== undefined);
}

function lookupError(error: unknown, host: string): VerackError {
  const code = error instanceof Error && "code" in error ? error.code : "";
  const isDenied = code === "EPERM" || error instanceof Deno.errors.NotCapable;
  const detail = isDenied
    ? `permission denied by Deno, add --allow-net=${host}`
    : `the name does not resolve (${messageOf(error)})`;
  return new VerackError(
    isDenied ? "permission" : "dns",
    `Cannot resolve ${host}: ${detail}`,
    { cause: error },
  );
}

function aborted(host: string, { reason }: AbortSignal): VerackError {
  return abortedError(reason, `Cannot resolve ${host}`);
}
