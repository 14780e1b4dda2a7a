/**
 * Host names to IP addresses, the way the operating system does it (`/etc/hosts`
 * included). Which of them may be dialed is judged by `scope.ts`.
 */
import { lookup } from "node:dns/promises";
import { messageOf, VerackError } from "../errors.ts";
import { MAX_RESOLVED_ADDRESSES } from "../limits.ts";
import { isIpv4, isIpv6 } from "./address.ts";
import { plainHost } from "./net_errors.ts";

/**
 * The IP addresses of `host`, in the order to try them, at least one and at most
 * `max` (`MAX_RESOLVED_ADDRESSES`). An IP address is its own answer. Needs
 * `--allow-net=HOST` for a name.
 *
 * A lookup cannot be called off: on abort its answer is dropped when it comes.
 *
 * @throws {VerackError} `dns`, `permission`, `timeout`, `aborted`.
 */
export async function resolveHost(
  host: string,
  options: { signal?: AbortSignal; max?: number } = {},
): Promise<string[]> {
  const { signal, max = MAX_RESOLVED_ADDRESSES } = options;
  if (isIpv4(host) || isIpv6(host)) return [plainHost(host)];
  if (signal?.aborted) throw aborted(host, signal);
  const { promise: abort, reject } = Promise.withResolvers<never>();
  const onAbort = () => signal && reject(aborted(host, signal));
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const found = await Promise.race([lookup(host, { all: true }), abort]);
    // With `%scope` (link-local) nothing can be dialed anyway.
    const ips = found.map(({ address }) => plainHost(address))
      .filter((ip) => isIpv4(ip) || isIpv6(ip));
    if (ips.length === 0) {
      throw new VerackError(
        "dns",
        `Cannot resolve ${host}: the name has no address`,
      );
    }
    return [...new Set(ips)].slice(0, max);
  } catch (error) {
    throw error instanceof VerackError ? error : lookupError(error, host);
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

function lookupError(error: unknown, host: string): VerackError {
  const cause = { cause: error };
  const code = error instanceof Error && "code" in error ? error.code : "";
  if (code === "EPERM" || error instanceof Deno.errors.NotCapable) {
    return new VerackError(
      "permission",
      `Cannot resolve ${host}: permission denied by Deno, add --allow-net=${host}`,
      cause,
    );
  }
  return new VerackError(
    "dns",
    `Cannot resolve ${host}: the name does not resolve (${messageOf(error)})`,
    cause,
  );
}

function aborted(host: string, signal: AbortSignal): VerackError {
  const { reason } = signal;
  const timeout = reason instanceof Error && reason.name === "TimeoutError";
  return new VerackError(
    timeout ? "timeout" : "aborted",
    `Cannot resolve ${host}: ${
      timeout ? "no answer within the deadline" : messageOf(reason)
    }`,
    { cause: reason },
  );
}
