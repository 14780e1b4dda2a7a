/**
 * The listeners of the control API: what each requires before it is opened, and what
 * is removed when it is closed.
 *
 * A Unix socket is protected by its directory (0700); a port on loopback by a token,
 * since all users and web pages of the machine reach it; any other port by TLS as
 * well, which encrypts the token.
 */
import { X509Certificate } from "node:crypto";
import type { Clock, Random } from "../core/clock.ts";
import { messageOf, VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import { isIpv4, isIpv6 } from "../transport/ip.ts";
import { PRIVATE_FILE_MODE, toFileError } from "../identity/private_file.ts";
import { isLoopbackHost } from "../transport/scope.ts";
import { missingFlag } from "../transport/net_errors.ts";
import { listenUnix, tcpTransport } from "../transport/tcp.ts";
import { listenTlsFor } from "../transport/tls_listener.ts";
import type { Listener } from "../transport/transport.ts";
import type { ControlServer } from "./control_server.ts";
import type { GuardOptions } from "./guard.ts";
import {
  controlFiles,
  fitsUnixSocket,
  ifThere,
  readOrMakeToken,
  requirePrivate,
} from "./control_endpoint.ts";

/** A certificate and its key, PEM. */
export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

/** ALPN; HTTP/2 is not spoken. */
const HTTP = { name: "http/1.1", required: false } as const;

/**
 * Opens the listener of a data directory, whose lock this process must hold: files that
 * an earlier process left are replaced.
 *
 * @returns Removes the files; call it when the server is closed.
 * @throws {VerackError} `unsafe` when the directory is open to others; as
 * `ControlServer.open` does; `bad-data`, `permission`.
 */
export async function openDirectory(
  server: ControlServer,
  directory: string,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): Promise<() => Promise<void>> {
  await requirePrivateDirectory(directory);
  const files = controlFiles(directory);
  await clear([files.socket, files.port, files.page]);
  if (openSocket(server, files.socket, clock)) {
    return () => clear([files.socket, files.page]);
  }
  const token = await readOrMakeToken(files.token, random);
  const address = { host: "127.0.0.1", port: 0 };
  const port = await openPort(server, { address, token, clock });
  server.page.announce(pageAddress({ ...address, port }, undefined));
  try {
    await Deno.writeTextFile(files.port, `${port}\n`, {
      mode: PRIVATE_FILE_MODE,
    });
  } catch (error) {
    const action = `Cannot write "${escapeText(files.port)}"`;
    throw toFileError(error, { action, access: "write", path: files.port });
  }
  return () => clear([files.port, files.page]);
}

/** What {@linkcode openPort} opens. */
export interface PortOptions {
  readonly address: Address;
  /** The token of the API; without one only the page can use the port. */
  readonly token?: string;
  readonly certificate?: ServerCertificate;
  readonly clock: Clock;
}

/**
 * Opens a port.
 *
 * @returns The port, which may have been 0 before; closed with the server.
 * @throws {VerackError} `unsafe` for an address off loopback without a certificate;
 * `bad-certificate`, `bad-key`, `mismatched-key`; as `Transport.listen` does.
 */
export async function openPort(
  server: ControlServer,
  options: PortOptions,
): Promise<number> {
  return (await openAddress(server, options)).port;
}

/**
 * {@linkcode openPort}, and which IP address a name led to: at the others of `localhost` another
 * user of the machine can listen.
 */
export async function openAddress(
  server: ControlServer,
  { address, token, certificate, clock }: PortOptions,
): Promise<Address> {
  if (certificate === undefined && !isLoopbackHost(address.host)) {
    throw new VerackError(
      "unsafe",
      `Cannot serve control at ${
        formatAddress(address)
      }: it is not loopback, must be, or have TLS (--http-cert, --http-key)`,
    );
  }
  const names = certificate && certificateNames(certificate.cert);
  const isSecure = certificate !== undefined;
  const guard: GuardOptions = {
    required: {
      ...(token !== undefined && { token }),
      page: server.page.access({ isSecure }),
    },
    // DNS rebinding needs a name: not an IP address, and not one of the certificate.
    isOwnHost: (name) =>
      isLoopbackHost(name) ||
      (names !== undefined && (isIpv4(name) || isIpv6(name) || names(name))),
  };
  const listener = certificate === undefined
    ? await tcpTransport({ clock }).listen(address, {})
    : listenTlsFor(HTTP, address, certificate, clock);
  server.open(listener, guard, clock);
  return listener.address;
}

/**
 * Opens a port for metrics and health, without a token, which may be off loopback.
 *
 * @returns The port, which may have been 0 before; closed with the server.
 * @throws {VerackError} as `Transport.listen` does.
 */
export async function openMetricsPort(
  server: ControlServer,
  { address, clock }: Pick<PortOptions, "address" | "clock">,
): Promise<number> {
  const listener = await tcpTransport({ clock }).listen(address, {});
  server.openMetrics(listener, clock);
  return listener.address.port;
}

/**
 * Opens a port of loopback for the page alone: the API at it has no token.
 *
 * @returns The address of the page.
 * @throws {VerackError} `permission`, and as `Transport.listen` does.
 */
export async function openPagePort(
  server: ControlServer,
  clock: Clock,
): Promise<string> {
  const host = "127.0.0.1";
  const port = await openPort(server, { address: { host, port: 0 }, clock });
  return `http://${formatAddress({ host, port })}/`;
}

/** The address of the page at a port, for a browser on this machine. */
export function pageAddress(
  address: Address,
  certificate: ServerCertificate | undefined,
): string {
  const { host, port } = address;
  const everywhere = host === "0.0.0.0" || host === "::";
  const named = certificate && everywhere
    ? namesOf(certificate.cert)[0]
    : undefined;
  const shown = everywhere ? named ?? "127.0.0.1" : host;
  const scheme = certificate === undefined ? "http" : "https";
  return `${scheme}://${formatAddress({ host: shown, port })}/`;
}

/** The DNS names of a certificate without wildcards; IP addresses are none. */
function namesOf(pem: string): string[] {
  const { subjectAltName = "" } = new X509Certificate(pem);
  return [...subjectAltName.matchAll(/DNS:([a-z0-9.-]+)/gi)]
    .map(([, name = ""]) => name);
}

/**
 * Opens a Unix socket. False where there can be none, or where --allow-net permits
 * only hosts; the caller then uses loopback with a token.
 */
function openSocket(
  server: ControlServer,
  path: string,
  clock: Clock,
): boolean {
  if (!fitsUnixSocket(path)) return false;
  let listener: Listener;
  try {
    listener = listenUnix(path, clock);
  } catch (error) {
    const isNarrowed = error instanceof Deno.errors.NotCapable &&
      error.message.includes('net access to "unix:');
    if (isNarrowed) return false;
    throw listenError(error, path);
  }
  server.open(listener, { isOwnHost: (host) => host === "localhost" }, clock);
  return true;
}

function listenError(error: unknown, path: string): VerackError {
  const [code, why] = error instanceof Deno.errors.AddrInUse
    ? ["address-in-use", "it is in use"] as const
    : error instanceof Deno.errors.NotCapable
    ? [
      "permission",
      escapeText(missingFlag(error.message), { max: 1_000 }),
    ] as const
    : ["address-not-available", messageOf(error)] as const;
  const text = `Cannot serve control at ${escapeText(path)}: ${why}`;
  return new VerackError(code, text, { cause: error });
}

function certificateNames(pem: string): (host: string) => boolean {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch (error) {
    throw new VerackError(
      "bad-certificate",
      `Cannot serve control with TLS: the certificate cannot be read: ${
        messageOf(error)
      }`,
      { cause: error },
    );
  }
  return (host) => certificate.checkHost(host) !== undefined;
}

/** All users that may enter the directory can use the socket. */
async function requirePrivateDirectory(directory: string): Promise<void> {
  const action = `Cannot serve control in "${escapeText(directory)}"`;
  const info = await Deno.stat(directory).catch((error) => {
    throw toFileError(error, { action, access: "read", path: directory });
  });
  if (!info.isDirectory) {
    throw new VerackError("bad-data", `${action}: it is no directory`);
  }
  requirePrivate(info, `${action}: others may enter it`, "700");
}

/** Removes files of a server; never one of another kind. */
async function clear(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const action = `Cannot remove "${escapeText(path)}"`;
    const tried = { action, access: "write", path } as const;
    const info = await ifThere(Deno.lstat(path), tried);
    if (info?.isSocket || (info?.isFile && !path.endsWith(".sock"))) {
      await ifThere(Deno.remove(path), tried);
    }
  }
}
