/**
 * Turns what Deno, `node:` modules and rustls throw into a {@linkcode VerackError}.
 * The one place that knows their classes, codes and texts; every message names the address.
 */
import { type Clock, systemClock } from "../core/clock.ts";
import { type ErrorCode, messageOf, VerackError } from "../core/errors.ts";
import { clockFault } from "./clock_fault.ts";
import { type Address, formatAddress } from "./address.ts";
import { ALPN_PROTOCOL } from "./alpn.ts";
import { descriptors } from "./descriptors.ts";
import { plainHost } from "./ip.ts";
import { notTls, notVerack } from "./foreign_protocol.ts";

/** What was being done, which decides between some codes. */
export type NetAction = "dial" | "listen" | "accept" | "read" | "write";

/** System error codes, as Deno and Node both write them. */
const BY_SYSTEM_CODE: Readonly<Record<string, [ErrorCode, string]>> = {
  ECONNREFUSED: ["refused", "nobody listens there"],
  EHOSTUNREACH: ["unreachable", "no route to that host"],
  EHOSTDOWN: ["unreachable", "the host is down"],
  ENETUNREACH: ["unreachable", "no route to that network"],
  ENETDOWN: ["unreachable", "the network is down"],
  EINVAL: ["unreachable", "not an address that can be dialed"],
  EAFNOSUPPORT: ["unreachable", "this machine has no such address family"],
  ETIMEDOUT: ["timeout", "the other end stopped answering"],
  ECONNRESET: ["closed", "the other end reset the connection"],
  ECONNABORTED: ["closed", "the connection was aborted"],
  EPIPE: ["closed", "the other end closed the connection"],
  ENOTCONN: ["closed", "the connection is gone"],
  EINTR: ["closed", "the connection was closed here"],
  ERR_STREAM_DESTROYED: ["closed", "the connection was closed here"],
  ERR_STREAM_PREMATURE_CLOSE: ["closed", "the connection ended early"],
  EADDRINUSE: ["address-in-use", "the port is taken"],
  EADDRNOTAVAIL: ["address-not-available", "not an address of this machine"],
  EACCES: ["permission", "the operating system forbids it"],
  EPERM: ["permission", "the operating system forbids it"],
  EMFILE: ["full", "too many open files, raise the limit (ulimit -n)"],
  ENFILE: ["full", "the system has too many open files"],
  ENOBUFS: ["full", "the system is out of socket buffers"],
  ENOTFOUND: ["dns", "the name does not resolve"],
  EAI_AGAIN: ["dns", "the name server does not answer"],
  ENODATA: ["dns", "the name has no address"],
};

/** Deno's error classes, for the errors that carry no system code. */
const BY_CLASS: Readonly<Record<string, [ErrorCode, string]>> = {
  ConnectionRefused: ["refused", "nobody listens there"],
  ConnectionReset: ["closed", "the other end reset the connection"],
  ConnectionAborted: ["closed", "the connection was aborted"],
  NotConnected: ["closed", "the connection is gone"],
  BrokenPipe: ["closed", "the other end closed the connection"],
  Interrupted: ["closed", "the connection was closed here"],
  BadResource: ["closed", "the connection was closed here"],
  UnexpectedEof: ["closed", "the other end hung up"],
  TimedOut: ["timeout", "the other end stopped answering"],
  AddrInUse: ["address-in-use", "the port is taken"],
  AddrNotAvailable: ["address-not-available", "not an address of this machine"],
  PermissionDenied: ["permission", "the operating system forbids it"],
};

/**
 * `error`, which came up while doing `action` with `address`, as a
 * {@linkcode VerackError}. If `signal` has aborted, that is the reason, whatever
 * the socket says about being closed for it.
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
  const [code, detail] = classify(error, action, clock);
  return new VerackError(code, `${begin(action, address)}: ${detail}`, {
    cause: error,
  });
}

/** The error for an aborted `signal`: `timeout` if its reason says so, else `aborted`. */
export function abortError(
  signal: AbortSignal,
  action: NetAction,
  address: Address,
): VerackError {
  const { reason } = signal;
  const timeout = reason instanceof Error && reason.name === "TimeoutError";
  return new VerackError(
    timeout ? "timeout" : "aborted",
    `${begin(action, address)}: ${
      timeout ? "no answer within the deadline" : messageOf(reason)
    }`,
    { cause: reason },
  );
}

/** A VerackError with the usual beginning: `Cannot dial HOST:PORT: detail`. */
export function failure(
  code: ErrorCode,
  action: NetAction,
  address: Address,
  detail: string,
  options?: ErrorOptions,
): VerackError {
  return new VerackError(code, `${begin(action, address)}: ${detail}`, options);
}

/** A socket's idea of an address; a v4-mapped one becomes the IPv4 address it is. */
export function socketAddress(
  address: { hostname: string; port: number },
): Address {
  return { host: plainHost(address.hostname), port: address.port };
}

function begin(action: NetAction, address: Address): string {
  const at = formatAddress(address);
  switch (action) {
    case "dial":
      return `Cannot dial ${at}`;
    case "listen":
      return `Cannot listen on ${at}`;
    case "accept":
      return `Cannot accept ${at}`;
    case "read":
      return `Cannot read from ${at}`;
    case "write":
      return `Cannot write to ${at}`;
    default:
      return action satisfies never;
  }
}

function classify(
  error: unknown,
  action: NetAction,
  clock: Clock,
): [ErrorCode, string] {
  const message = messageOf(error);
  if (!(error instanceof Error)) return ["tls", message];
  if (error.name === "NotCapable") return ["permission", missingFlag(message)];
  const systemCode = "code" in error ? error.code : undefined;
  // Node's words for a name that Deno may not look up; the system never says so.
  const unresolved = /^getaddrinfo EPERM (\S+)$/.exec(message)?.[1];
  if (unresolved !== undefined) {
    return ["permission", denied("net", unresolved)];
  }
  const known =
    (typeof systemCode === "string" && BY_SYSTEM_CODE[systemCode]) ||
    BY_CLASS[error.name];
  if (known) {
    const [code, detail] = known;
    // No local address to dial from, or every source port taken.
    if (action === "dial" && code === "address-not-available") {
      return ["unreachable", "no local address to dial from"];
    }
    // Node says EINVAL for an address that no interface has.
    if (action === "listen" && code === "unreachable") {
      return ["address-not-available", "not an address of this machine"];
    }
    return [code, detail];
  }
  if (/failed to lookup address information|no records found/i.test(message)) {
    return ["dns", `the name does not resolve (${message})`];
  }
  return classifyTls(message, action, clock);
}

/** By the texts of rustls; `received fatal alert` is the other end's verdict, the rest is ours. */
function classifyTls(
  message: string,
  action: NetAction,
  clock: Clock,
): [ErrorCode, string] {
  if (/NoApplicationProtocol|support any known protocol/i.test(message)) {
    return [
      "alpn",
      action === "dial"
        ? notVerack()
        : `the other end does not speak ${ALPN_PROTOCOL}`,
    ];
  }
  if (/^invalid peer certificate/i.test(message)) {
    const fault = clockFault(clock);
    // No alarm about the peer, whose certificate may be the right one.
    if (fault !== undefined) return ["tls", fault];
    return [
      "wrong-certificate",
      `the other end shows another certificate than the pinned one (${message})`,
    ];
  }
  if (/InvalidContentType|wrong version number/i.test(message)) {
    return [
      "tls",
      action === "dial" ? notTls() : "the other end does not speak TLS",
    ];
  }
  if (/fatal alert: ProtocolVersion/i.test(message)) {
    return [
      "tls",
      "the other end does not speak TLS 1.3, so it is not a verack node",
    ];
  }
  if (/fatal alert: (UnknownCA|BadCertificate)/i.test(message)) {
    return [
      "tls",
      "the other end does not take this node's certificate: it looks for another identity here, or is no verack node",
    ];
  }
  return ["tls", `TLS failed (${message})`];
}

/**
 * What to do about Deno's `NotCapable` with this `message`. Deno says which access
 * is missing and only the flag's name; we name the whole flag.
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
