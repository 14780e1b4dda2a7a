/**
 * Turns what Deno, `node:` modules and rustls throw into a {@linkcode VerackError}.
 * No other file depends on their classes and codes; every message names the address.
 */
import { type Clock, isTimeout, systemClock } from "../core/clock.ts";
import { type ErrorCode, messageOf, VerackError } from "../core/errors.ts";
import { type Address, formatAddress } from "./address.ts";
import { descriptors } from "./descriptors.ts";
import { plainHost } from "./ip.ts";
import { classifyTlsError } from "./tls_errors.ts";

/** What was being done, which decides between some codes. */
export type NetAction = keyof typeof ACTIONS;

const ACTIONS = {
  dial: "Cannot dial",
  listen: "Cannot listen on",
  accept: "Cannot accept",
  read: "Cannot read from",
  write: "Cannot write to",
} as const;

type Meaning = readonly [code: ErrorCode, detail: string];

const CLOSED_HERE: Meaning = ["closed", "the connection was closed here"];
const FORBIDDEN: Meaning = ["permission", "the operating system forbids it"];
const NOT_LOCAL: Meaning = [
  "address-not-available",
  "not an address of this machine",
];

/** System error codes, as Deno and Node both write them, and Deno's error classes for errors without one. */
const MEANINGS: ReadonlyMap<unknown, Meaning> = new Map<unknown, Meaning>([
  ["ECONNREFUSED", ["connection-refused", "nothing listens there"]],
  ["EHOSTUNREACH", ["unreachable", "no route to that host"]],
  ["EHOSTDOWN", ["unreachable", "the host is down"]],
  ["ENETUNREACH", ["unreachable", "no route to that network"]],
  ["ENETDOWN", ["unreachable", "the network is down"]],
  ["EINVAL", ["unreachable", "not an address that can be dialed"]],
  ["EAFNOSUPPORT", ["unreachable", "this machine has no such address family"]],
  ["ETIMEDOUT", ["timeout", "the other end stopped answering"]],
  ["ECONNRESET", ["closed", "the other end reset the connection"]],
  ["ECONNABORTED", ["closed", "the connection was aborted"]],
  ["EPIPE", ["closed", "the other end closed the connection"]],
  ["ENOTCONN", ["closed", "the connection is gone"]],
  ["EINTR", CLOSED_HERE],
  ["ERR_STREAM_DESTROYED", CLOSED_HERE],
  ["ERR_STREAM_PREMATURE_CLOSE", ["closed", "the connection ended early"]],
  ["EADDRINUSE", ["address-in-use", "the port is in use"]],
  ["EADDRNOTAVAIL", NOT_LOCAL],
  ["EACCES", FORBIDDEN],
  ["EPERM", FORBIDDEN],
  ["EMFILE", ["full", "too many open files, raise the limit (ulimit -n)"]],
  ["ENFILE", ["full", "the system has too many open files"]],
  ["ENOBUFS", ["full", "the system is out of socket buffers"]],
  ["ENOTFOUND", ["dns", "the name does not resolve"]],
  ["EAI_AGAIN", ["dns", "the name server does not answer"]],
  ["ENODATA", ["dns", "the name has no address"]],
  ["BadResource", CLOSED_HERE],
  ["UnexpectedEof", ["closed", "the other end hung up"]],
]);

/** Deno's error classes that stand for one of the codes. */
const CODE_OF_CLASS: Readonly<Record<string, string>> = {
  ConnectionRefused: "ECONNREFUSED",
  ConnectionReset: "ECONNRESET",
  ConnectionAborted: "ECONNABORTED",
  NotConnected: "ENOTCONN",
  BrokenPipe: "EPIPE",
  Interrupted: "EINTR",
  TimedOut: "ETIMEDOUT",
  AddrInUse: "EADDRINUSE",
  AddrNotAvailable: "EADDRNOTAVAIL",
  PermissionDenied: "EACCES",
};

/**
 * `error`, which came up while doing `action` with `address`, as a
 * {@linkcode VerackError}. If `signal` has aborted, that is the reason, whatever error the
 * socket reports.
 */
export function netError(
  error: unknown,
  action: NetAction,
  address: Address,
  signal?: AbortSignal,
  clock: Clock = systemClock,
): VerackError {
  if (error instanceof VerackError) return error;
  if (signal?.aborted) return abortError(signal, action, address);
  descriptors.note(error);
  const [code, detail] = classify(error, action, address, clock);
  return failure(code, action, address, detail, { cause: error });
}

/** The error for an aborted `signal`: `timeout` if its reason says so, else `aborted`. */
export function abortError(
  { reason }: AbortSignal,
  action: NetAction,
  address: Address,
): VerackError {
  return abortedError(reason, `${ACTIONS[action]} ${formatAddress(address)}`);
}

/** The error for something that was aborted with `reason`. */
export function abortedError(reason: unknown, what: string): VerackError {
  const cause = { cause: reason };
  return isTimeout(reason)
    ? new VerackError(
      "timeout",
      `${what}: no answer within the deadline`,
      cause,
    )
    : new VerackError("aborted", `${what}: ${messageOf(reason)}`, cause);
}

/** A VerackError with the usual beginning: `Cannot dial HOST:PORT: detail`. */
export function failure(
  code: ErrorCode,
  action: NetAction,
  address: Address,
  detail: string,
  options?: ErrorOptions,
): VerackError {
  const what = `${ACTIONS[action]} ${formatAddress(address)}`;
  return new VerackError(code, `${what}: ${detail}`, options);
}

/** The address that a socket reports; a v4-mapped one becomes IPv4. */
export function socketAddress(address: Deno.Addr): Address {
  // Both ends of a Unix socket are on this machine; there are no ports.
  if (!("hostname" in address)) return { host: "localhost", port: 0 };
  return { host: plainHost(address.hostname), port: address.port };
}

function classify(
  error: unknown,
  action: NetAction,
  { port }: Address,
  clock: Clock,
): Meaning {
  const message = messageOf(error);
  if (!(error instanceof Error)) return ["tls", message];
  if (error.name === "NotCapable") return ["permission", missingFlag(message)];
  // Node's message for a name that Deno may not look up.
  const unresolved = /^getaddrinfo EPERM (\S+)$/.exec(message)?.[1];
  if (unresolved !== undefined) {
    return ["permission", denied("net", unresolved)];
  }
  const known = ("code" in error ? MEANINGS.get(error.code) : undefined) ??
    MEANINGS.get(CODE_OF_CLASS[error.name] ?? error.name);
  if (known !== undefined) {
    const [code, detail] = known;
    if (action === "dial" && code === "address-not-available") {
      // Or every source port is taken.
      return ["unreachable", "no local address to dial from"];
    }
    // Node says EINVAL for an address that no interface has.
    if (action === "listen" && code === "unreachable") return NOT_LOCAL;
    return code === "address-in-use" ? [code, detail + wayOut(port)] : known;
  }
  if (/failed to lookup address information|no records found/i.test(message)) {
    return ["dns", `the name does not resolve (${message})`];
  }
  return classifyTlsError(message, action === "dial", clock);
}

/** What to do about a port that is taken; the command names the process. */
function wayOut(port: number): string {
  const { os } = Deno.build;
  const command = os === "linux"
    ? `ss -ltnp sport = :${port}`
    : os === "windows"
    ? "netstat -ano -p TCP"
    : `lsof -nP -iTCP:${port} -sTCP:LISTEN`;
  return `, choose another or end the process that "${command}" shows`;
}

/**
 * What to do about Deno's `NotCapable` with this `message`. Deno names the missing access and
 * the flag; this adds the flag's value.
 */
export function missingFlag(message: string): string {
  const [, kind, what, place] =
    /Requires (\w+) access to (?:"([^"]*)"|<(\w+)>)/.exec(message) ?? [];
  if (kind === undefined) return message;
  if (place === "TMP") {
    return `permission denied by Deno, add --allow-${kind}=DIR with the directory for temporary files, such as /tmp`;
  }
  if (what === undefined) {
    return `permission denied by Deno, add --allow-${kind}`;
  }
  // Port 0 is any port, which needs a grant without one.
  return denied(kind, kind === "net" ? what.replace(/:0$/, "") : what);
}

function denied(kind: string, what: string): string {
  // Requests over a Unix socket are checked a second time, by the host of their URL.
  if (kind === "net" && what.startsWith("unix:")) what += ",localhost:80";
  return `permission denied by Deno, add --allow-${kind}=${what}`;
}
