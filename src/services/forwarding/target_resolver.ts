/**
 * Connects to the targets of forwarded connections. A rule for a name is no rule for whatever
 * the name resolves to later: its addresses must stay in the scope that they had when the rule
 * was made, and are never on this machine.
 */
import { VerackError } from "../../core/errors.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import { isIpv4, isIpv6 } from "../../transport/ip.ts";
import { resolveHost, type Resolver } from "../../transport/resolve.ts";
import { classifyIp, type Scope } from "../../transport/scope.ts";
import { connectTcp } from "../../transport/tcp.ts";

/** What `localhost` is, by definition (RFC 6761 §6.3): without a name server. */
const LOCALHOST = ["127.0.0.1", "::1"];

/** Resolves the hosts of rules, and connects to them. */
export class TargetResolver {
  readonly #resolve: Resolver | undefined;
  /** The scopes of each name when it was first resolved. */
  readonly #scopes = new Map<string, ReadonlySet<Scope>>();
  /** Those that are under way, by host. */
  readonly #lookups = new Map<string, Promise<string[]>>();

  /** @param resolve Looks names up. @default the operating system */
  constructor(resolve?: Resolver) {
    this.#resolve = resolve;
  }

  /**
   * Resolves the name of a new rule, which sets the scope of its addresses. A name that does
   * not resolve yet is set when it first does.
   */
  async pin(host: string): Promise<void> {
    // The first connection gets the error.
    await this.addressesOf(host).catch(() => {});
  }

  /**
   * The addresses that a rule for `host` allows.
   *
   * @throws {VerackError} `not-allowed` when the name has others only; `dns`, `aborted`,
   * `timeout`, `permission`.
   */
  async addressesOf(
    host: string,
    signal?: AbortSignal,
  ): Promise<readonly string[]> {
    if (isIpv4(host) || isIpv6(host)) return [host];
    if (host === "localhost") return LOCALHOST;
    const ips = await resolveHost(host, {
      resolve: () => this.#lookUp(host),
      ...(signal !== undefined && { signal }),
    });
    const scopes = new Set(ips.map(classifyIp));
    scopes.delete("loopback");
    scopes.delete("never");
    const pinned = this.#scopes.get(host) ?? scopes;
    if (pinned.size > 0) this.#scopes.set(host, pinned);
    const allowed = ips.filter((ip) => pinned.has(classifyIp(ip)));
    if (allowed.length > 0) return allowed;
    throw new VerackError(
      "not-allowed",
      `Cannot connect to ${host}: it resolves to ${ips[0]}, must be ` +
        (pinned.size === 0
          ? "an address of another machine"
          : `a ${[...pinned].join(" or ")} address, as it was at first`),
    );
  }

  /** Looks a name up, once at a time: a look-up cannot be cancelled, and occupies a thread. */
  #lookUp(host: string): Promise<string[]> {
    const running = this.#lookups.get(host) ??
      resolveHost(host, { resolve: this.#resolve })
        .finally(() => this.#lookups.delete(host));
    this.#lookups.set(host, running);
    return running;
  }

  /**
   * Connects to an address that a rule allows.
   *
   * @throws {VerackError} as {@linkcode addressesOf}; `connection-refused`, `unreachable`,
   * `full`. The message names `address`, not what it resolves to.
   */
  async connect(address: Address, signal: AbortSignal): Promise<Deno.TcpConn> {
    return await connectToAny(
      address,
      await this.addressesOf(address.host, signal),
      signal,
    );
  }
}

/**
 * Connects to a target that the user of this node has chosen, wherever it is.
 *
 * @throws {VerackError} as {@linkcode TargetResolver.connect}.
 */
export async function connectToChosen(
  address: Address,
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  const ips = address.host === "localhost"
    ? LOCALHOST
    : await resolveHost(address.host, { signal });
  return await connectToAny(address, ips, signal);
}

/** Connects to the first of `ips` that accepts. */
async function connectToAny(
  address: Address,
  ips: readonly string[],
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  let failure: VerackError | undefined;
  for (const host of ips) {
    const tried = { host, port: address.port };
    try {
      return await connectTcp(tried, signal);
    } catch (error) {
      if (!(error instanceof VerackError)) throw error;
      // The first one says most: of `localhost`, that of IPv4.
      failure ??= new VerackError(
        error.code,
        error.message.replace(
          `Cannot dial ${formatAddress(tried)}`,
          () => `Cannot connect to ${formatAddress(address)}`,
        ),
        { cause: error },
      );
      if (signal.aborted) break;
    }
  }
  throw failure ??
    new VerackError("dns", `Cannot connect to ${formatAddress(address)}`);
}
