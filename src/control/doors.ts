/**
 * The ways into the control API: which there are on this system, what must hold
 * before one is opened, and what is taken away when it is closed.
 *
 * A Unix socket is guarded by its directory (0700); a port on loopback by a
 * token, since every user and every web page of the machine reaches it; a port
 * anywhere else by TLS as well, or the token could be read on its way.
 */
import { X509Certificate } from "node:crypto";
import type { Clock, Random } from "../clock.ts";
import { messageOf, VerackError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import {
  type Address,
  formatAddress,
  isIpv4,
  isIpv6,
} from "../transport/address.ts";
import { isLoopbackHost } from "../transport/scope.ts";
import { tcpTransport } from "../transport/tcp.ts";
import { listenTlsFor } from "../transport/tls_listener.ts";
import type { ControlServer } from "./control_server.ts";
import { type Backend, Front } from "./front.ts";
import { type GuardOptions, isLoopbackName } from "./guard.ts";
import {
  controlFiles,
  fileError,
  fitsUnixSocket,
  readOrMakeToken,
} from "./places.ts";

/** A certificate and its key, PEM. */
export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

/** What clients may say that they speak; HTTP/2 would hide requests from the front. */
const HTTP = { name: "http/1.1", required: false } as const;

/**
 * Opens the way in through a data directory, whose lock this process must hold:
 * what a dead process left there is replaced.
 *
 * @returns Takes away what was made; call it when the server is closed.
 * @throws {VerackError} `unsafe` when the directory is open to others; as
 * `ControlServer.open` does; `bad-data`, `permission`.
 */
export async function openDirectory(
  server: ControlServer,
  directory: string,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): Promise<() => Promise<void>> {
  await requirePrivate(directory);
  const files = controlFiles(directory);
  await clear([files.socket, files.behind, files.port]);
  const isOwnHost = (host: string) => host === "localhost";
  if (openSocket(server, files.socket, { isOwnHost })) {
    return () => clear([files.socket, files.behind]);
  }
  const token = await readOrMakeToken(files.token, random);
  const address = { host: "127.0.0.1", port: 0 };
  const port = await openPort(server, { address, token, clock });
  try {
    await Deno.writeTextFile(files.port, `${port}\n`, { mode: 0o600 });
  } catch (error) {
    throw fileError(
      error,
      `Cannot write "${escapeText(files.port)}"`,
      "write",
      files.port,
    );
  }
  return () => clear([files.port]);
}

/** What {@linkcode openPort} opens. */
export interface PortOptions {
  readonly address: Address;
  readonly token: string;
  readonly certificate?: ServerCertificate;
  /** A private directory for what is behind the port, if there is one. */
  readonly directory?: string;
  readonly clock: Clock;
}

/**
 * Opens a port, behind a front that bounds who dials it.
 *
 * @returns The port, which may have been 0 before; closed with the server.
 * @throws {VerackError} `unsafe` for an address off loopback without a certificate;
 * `bad-certificate`, `bad-key`, `mismatched-key`; as `Transport.listen` does.
 */
export async function openPort(
  server: ControlServer,
  { address, token, certificate, directory, clock }: PortOptions,
): Promise<number> {
  if (certificate === undefined && !isLoopbackHost(address.host)) {
    throw new VerackError(
      "unsafe",
      `Cannot serve control at ${
        formatAddress(address)
      }: it is not loopback, must be, or have TLS (--http-cert, --http-key)`,
    );
  }
  const names = certificate && certificateNames(certificate.cert);
  const guard: GuardOptions = {
    token,
    // A name that was made to point here is in nobody's certificate; an address
    // is what it says.
    isOwnHost: (name) =>
      isLoopbackName(name) ||
      (names !== undefined && (isIp(name) || names(name))),
  };
  const listener = certificate === undefined
    ? await tcpTransport({ clock }).listen(address, {})
    : listenTlsFor(HTTP, address, certificate, clock);
  try {
    const dial = await openBehind(server, guard, directory);
    server.adopt(new Front({ listener, dial, token, clock }));
    return listener.address.port;
  } catch (error) {
    listener.close();
    throw error;
  }
}

/** Opens the HTTP server behind a port, out of everybody's way where that can be. */
async function openBehind(
  server: ControlServer,
  guard: GuardOptions,
  directory: string | undefined,
): Promise<() => Promise<Backend>> {
  const path = directory === undefined ? "" : controlFiles(directory).behind;
  if (path !== "") {
    await clear([path]);
    if (openSocket(server, path, guard)) {
      return () => Deno.connect({ transport: "unix", path });
    }
  }
  const hostname = "127.0.0.1";
  const port = server.open({ listen: { hostname, port: 0 }, guard });
  return () => Deno.connect({ hostname, port });
}

/**
 * Opens a Unix socket. False where there can be none, or where --allow-net was
 * narrowed to hosts: loopback with a token, which every node may use, does as well.
 */
function openSocket(
  server: ControlServer,
  path: string,
  guard: GuardOptions,
): boolean {
  if (!fitsUnixSocket(path)) return false;
  try {
    server.open({ listen: { path }, guard });
    return true;
  } catch (error) {
    const { cause } = error instanceof Error ? error : {};
    const isNarrowed = cause instanceof Deno.errors.NotCapable &&
      cause.message.includes('net access to "unix:');
    if (isNarrowed) return false;
    throw error;
  }
}

function isIp(host: string): boolean {
  return isIpv4(host) || (/^\[.*\]$/.test(host) && isIpv6(host.slice(1, -1)));
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

/** Whoever may enter the directory could use the socket. */
async function requirePrivate(directory: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  const action = `Cannot serve control in "${escapeText(directory)}"`;
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(directory);
  } catch (error) {
    throw fileError(error, action, "read", directory);
  }
  const { isDirectory, mode } = info;
  if (!isDirectory) {
    throw new VerackError("bad-data", `${action}: it is no directory`);
  }
  if (mode !== null && (mode & 0o077) !== 0) {
    throw new VerackError(
      "unsafe",
      `${action}: others may enter it (mode ${
        (mode & 0o777).toString(8)
      }), must be 700`,
    );
  }
}

/** Removes what a server made; never a file of another kind. */
async function clear(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    try {
      const { isSocket, isFile } = await Deno.lstat(path);
      if (isSocket || (isFile && path.endsWith(".port"))) {
        await Deno.remove(path);
      }
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue;
      throw fileError(
        error,
        `Cannot remove "${escapeText(path)}"`,
        "write",
        path,
      );
    }
  }
}
