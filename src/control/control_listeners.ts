/**
 * The ways into the control API: which there are on this system, what must hold
 * before one is opened, and what is taken away when it is closed.
 *
 * A Unix socket is guarded by its directory (0700); a port on loopback by a
 * token, since every user and every web page of the machine reaches it; a port
 * anywhere else by TLS as well, or the token could be read on its way.
 */
import { X509Certificate } from "node:crypto";
import type { Clock, Random } from "../core/clock.ts";
import { messageOf, VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import {
  type Address,
  formatAddress,
  isIpv4,
  isIpv6,
} from "../transport/address.ts";
import { isLoopbackHost } from "../transport/scope.ts";
import { missingFlag } from "../transport/net_errors.ts";
import { tcpTransport } from "../transport/tcp.ts";
import { listenTlsFor } from "../transport/tls_listener.ts";
import { UnixListener } from "../transport/unix_listener.ts";
import type { ControlServer } from "./control_server.ts";
import { type GuardOptions, isLoopbackName } from "./guard.ts";
import {
  controlFiles,
  fileError,
  fitsUnixSocket,
  readOrMakeToken,
} from "./control_endpoint.ts";

/** A certificate and its key, PEM. */
export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

/** What clients may say that they speak; HTTP/2 is not. */
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
  await clear([files.socket, files.port]);
  if (openSocket(server, files.socket, clock)) {
    return () => clear([files.socket]);
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
  { address, token, certificate, clock }: PortOptions,
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
  server.open(listener, guard, clock);
  return listener.address.port;
}

/**
 * Opens a Unix socket. False where there can be none, or where --allow-net was
 * narrowed to hosts: loopback with a token, which every node may use, does as well.
 */
function openSocket(
  server: ControlServer,
  path: string,
  clock: Clock,
): boolean {
  if (!fitsUnixSocket(path)) return false;
  let listener: UnixListener;
  try {
    listener = new UnixListener(path, clock);
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
    ? ["address-in-use", "it is taken"] as const
    : error instanceof Deno.errors.NotCapable
    ? [
      "permission",
      escapeText(missingFlag(error.message), { max: 1_000 }),
    ] as const
    : ["address-not-available", messageOf(error)] as const;
  const text = `Cannot serve control at ${escapeText(path)}: ${why}`;
  return new VerackError(code, text, { cause: error });
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
