/**
 * SRV records (RFC 2782): which hosts and ports a service has, and in which order they are
 * tried. Their hosts are looked up in `resolve.ts`.
 */
import type { Random } from "../core/clock.ts";
import { messageOf, VerackError } from "../core/errors.ts";
import { type Address, parseHost } from "./address.ts";
import { MAX_SERVICE_RECORDS } from "./transport_limits.ts";

/** Names that are asked for one after the other, each the alias of the one before. */
const MAX_ALIASES = 8;

/** One SRV record. */
export interface ServiceRecord {
  /** Records with the lowest number are tried first. */
  readonly priority: number;
  /** The share of a record among those of one priority. */
  readonly weight: number;
  /** TCP port of the target. */
  readonly port: number;
  /** A host name; `.` means that there is no such service. */
  readonly target: string;
}

/** Name of a service, such as `_verack._tcp.example.org`, to its SRV records. */
export type ServiceResolver = (
  name: string,
  options: { signal?: AbortSignal },
) => Promise<readonly ServiceRecord[]>;

/** Asks a name server, by default those of the operating system. */
export function systemServices(
  { nameServer }: {
    readonly nameServer?: { readonly ipAddr: string; readonly port?: number };
  } = {},
): ServiceResolver {
  return async (name, { signal }) => {
    const options: Deno.ResolveDnsOptions = {
      ...(nameServer !== undefined && { nameServer }),
      ...(signal !== undefined && { signal }),
    };
    const asked = new Set<string>();
    for (let at = name;;) {
      try {
        return await Deno.resolveDns(at, "SRV", options);
      } catch (error) {
        // Deno finds nothing at an alias (CNAME), though the answer has the records, too.
        asked.add(at);
        const alias =
          error instanceof Deno.errors.NotFound && asked.size < MAX_ALIASES
            ? await aliasOf(at, options)
            : undefined;
        if (alias === undefined || asked.has(alias)) throw error;
        at = alias;
      }
    }
  };
}

/** The name that another one stands for, if it does. */
async function aliasOf(
  name: string,
  options: Deno.ResolveDnsOptions,
): Promise<string | undefined> {
  try {
    const [alias] = await Deno.resolveDns(name, "CNAME", options);
    return alias?.toLowerCase().replace(/\.$/, "");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * The targets of SRV records, in the order to try them: by priority, and those of one priority
 * by chance, each with a share by its weight (RFC 2782, "Weight"). A record that breaks the rules
 * is left out.
 *
 * @throws {VerackError} `dns` when no record is usable, which the message explains.
 */
export function targetsOf(
  name: string,
  records: readonly ServiceRecord[],
  random: Random,
): Address[] {
  if (records.length === 0) throw noService(name);
  const usable = records.flatMap((it) => {
    const address = addressOf(it);
    return address === undefined ? [] : [{ ...it, address }];
  });
  if (usable.length === 0) {
    const [{ port, target }] = records as [ServiceRecord];
    const isOff = records.every((it) => isNoTarget(it.target));
    throw new VerackError(
      "dns",
      isOff
        ? `Cannot dial srv:${name}: its SRV record has the target ".", which means that there is no such service; must be a host name`
        : `Cannot dial srv:${name}: none of its ${records.length} SRV records is usable, the first has port ${port} and target ${
          JSON.stringify(target)
        }, must be port 1 to 65535 and a host name`,
    );
  }
  const byPriority = Map.groupBy(usable, ({ priority }) => priority);
  return [...byPriority].sort(([a], [b]) => a - b)
    .flatMap(([, group]) => byWeight(group, random))
    .slice(0, MAX_SERVICE_RECORDS).map(({ address }) => address);
}

/** The error of a look-up that failed, or found nothing. */
export function noService(name: string, error?: unknown): VerackError {
  const isDenied = error instanceof Deno.errors.NotCapable;
  const detail = isDenied
    ? `permission denied by Deno (${
      messageOf(error)
    }), add --allow-net for the name server, or for all`
    : error === undefined
    ? "the name has no SRV record, must have one at least"
    // That of a server which fails or refuses is the same error.
    : error instanceof Deno.errors.NotFound
    ? "the name has no SRV record, must have one at least, or its name server does not answer for it"
    : `its SRV records cannot be looked up (${messageOf(error)})`;
  return new VerackError(
    isDenied ? "permission" : "dns",
    `Cannot dial srv:${name}: ${detail}`,
    { cause: error },
  );
}

function addressOf({ port, target }: ServiceRecord): Address | undefined {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  if (isNoTarget(target)) return undefined;
  try {
    return { host: parseHost(target.replace(/\.$/, "")), port };
  } catch {
    return undefined;
  }
}

function isNoTarget(target: string): boolean {
  return target === "." || target === "";
}

/** Draws one after the other, each with a chance by its weight; those of weight 0 seldom first. */
function byWeight<T extends { readonly weight: number }>(
  records: readonly T[],
  random: Random,
): T[] {
  const rest = records.toSorted((a, b) => a.weight - b.weight);
  const drawn: T[] = [];
  while (rest.length > 0) {
    const total = rest.reduce((sum, { weight }) => sum + weight, 0);
    const ticket = Math.floor(random.float() * (total + 1));
    let sum = 0;
    const at = rest.findIndex(({ weight }) => (sum += weight) >= ticket);
    drawn.push(...rest.splice(at, 1));
  }
  return drawn;
}
