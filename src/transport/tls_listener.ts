/**
 * The accepting half of TLS: `node:tls` over Deno's TCP, rather than
 * `Deno.listenTls`.
 *
 * `Deno.listenTls` starts a handshake for every connection the moment it is
 * accepted, in a task that closing the connection does not end (2.9.6, tried: the
 * socket stays established until the *other* end hangs up; see also
 * `stalled_hosts.ts`). Unknown peers could use up the descriptors with silent connections in
 * spite of deadlines. Here a connection is bare TCP until {@linkcode Incoming.open}, and
 * closing it always frees it. `TCP_NODELAY`, too, can be set only here. The faults of
 * `node:tls` in Deno concern the verification of a peer's certificate, and an accepting end
 * verifies none: the dialer proves its key in the session.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { type Clock, systemClock } from "../core/clock.ts";
import { writePem } from "../core/pem.ts";
import type { Address } from "./address.ts";
import { EngineConnection } from "./engine_connection.ts";
import { failure, socketAddress } from "./net_errors.ts";
import { listenTcp, type Negotiate } from "./socket_listener.ts";
import { tuneTcp } from "./tcp.ts";
import { TcpStream, TlsConnection } from "./tls_connection.ts";
import { type NativeEngineClass, TlsEngine } from "./tls_engine.ts";
import { ALPN_PROTOCOL } from "./tls_errors.ts";
import type { Connection, Credentials, Listener } from "./transport.ts";

/**
 * Listens for TLS 1.3 connections that speak {@linkcode ALPN_PROTOCOL}; throws as
 * `Transport.listen`, and `bad-key` or `mismatched-key` for useless credentials.
 */
export function listenTls(
  address: Address,
  { certificate, privateKeyPem }: Credentials,
  clock: Clock,
  engine: NativeEngineClass | undefined,
): Listener {
  const pem = {
    cert: writePem("CERTIFICATE", certificate),
    key: privateKeyPem,
  };
  const protocol = { name: ALPN_PROTOCOL, required: true };
  return listenTlsFor(protocol, address, pem, clock, engine);
}

/** The protocol over TLS by its ALPN name, and whether the other end must offer it. */
export interface TlsProtocol {
  readonly name: string;
  readonly required: boolean;
}

/**
 * Listens for TLS 1.3 connections of another protocol. `pem` has the certificate, others of its
 * chain after it, and its private key. Without an `engine`, TLS runs over the streams of `node:tls`.
 */
export function listenTlsFor(
  protocol: TlsProtocol,
  address: Address,
  pem: { readonly cert: string; readonly key: string },
  clock: Clock,
  engine?: NativeEngineClass,
): Listener {
  const context = secureContext("listen", address, pem);
  if (engine === undefined) {
    const open: Negotiate<Deno.TcpConn> = (socket, signal) =>
      openByStreams(socket, context, protocol, signal);
    return listenTcp(address, clock, open, "streams");
  }
  const make = () => new TlsEngine(engine, context, protocol.name);
  const open: Negotiate<Deno.TcpConn> = async (socket, signal) =>
    await openByEngine(tuned(socket), make, protocol, signal);
  return listenTcp(address, clock, open, "engine");
}

/** The certificate and the key of an accepting end, checked. */
export function secureContext(
  action: "listen" | "accept",
  address: Address,
  { cert, key }: { readonly cert: string; readonly key: string },
): SecureContext {
  let fits: boolean;
  try {
    // Checked here, since Deno's secure context accepts anything and then fails every
    // handshake.
    fits = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    const detail = "not a private key in PEM, or not a certificate";
    throw failure("bad-key", action, address, detail, { cause });
  }
  if (!fits) {
    const detail = "the private key is not the certificate's";
    throw failure("mismatched-key", action, address, detail);
  }
  return createSecureContext({ cert, key, minVersion: "TLSv1.3" });
}

/** TLS over `socket`, tuned, or closed if that fails. */
function tuned(socket: Deno.TcpConn): EngineConnection {
  const connection = EngineConnection.overTcp(socket);
  try {
    tuneTcp(socket);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** The accepting end of the handshake, which closes the connection on failure. */
export async function openByEngine(
  connection: EngineConnection,
  make: () => TlsEngine,
  protocol: TlsProtocol,
  signal: AbortSignal | undefined,
): Promise<Connection> {
  let cancel: (() => void) | undefined;
  // Not at once: bytes that the kernel has by now are read, else the other end sees a reset.
  const onAbort = () => {
    cancel = systemClock.after(1, () => connection.close());
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const agreed = await connection.handshake(make);
    checkProtocol(agreed, protocol, connection.remoteAddress);
    signal?.throwIfAborted();
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  } finally {
    cancel?.();
    signal?.removeEventListener("abort", onAbort);
  }
}

async function openByStreams(
  socket: Deno.TcpConn,
  context: SecureContext,
  protocol: TlsProtocol,
  signal: AbortSignal | undefined,
): Promise<Connection> {
  const localAddress = socketAddress(socket.localAddr);
  const remoteAddress = socketAddress(socket.remoteAddr);
  const tcp = new TcpStream(socket);
  try {
    tuneTcp(socket);
    const tls = await handshake(tcp, context, protocol, remoteAddress, signal);
    return new TlsConnection(tls, tcp, { localAddress, remoteAddress });
  } catch (error) {
    tcp.destroy();
    throw error;
  }
}

/** Throws `alpn` if something else was agreed than the `protocol` that is required. */
function checkProtocol(
  agreed: string | false | null | undefined,
  { name, required }: TlsProtocol,
  remote: Address,
): void {
  if (!required || agreed === name) return;
  const detail = `the other end does not speak ${name}`;
  throw failure("alpn", "accept", remote, detail);
}

/** TLS over `tcp`, secure and agreed on our protocol. It keeps an error listener. */
async function handshake(
  tcp: TcpStream,
  context: SecureContext,
  protocol: TlsProtocol,
  remote: Address,
  signal: AbortSignal | undefined,
): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const hungUp = () =>
    reject(failure("closed", "accept", remote, "the other end hung up"));
  const onAbort = () => reject(signal?.reason);
  const tls = new TLSSocket(tcp, {
    isServer: true,
    secureContext: context,
    ALPNProtocols: [protocol.name],
  });
  tls.once("secure", resolve);
  tls.on("error", reject);
  tcp.on("error", reject);
  for (const event of ["end", "close"]) {
    tls.once(event, hungUp);
    tcp.once(event, hungUp);
  }
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    await promise;
    checkProtocol(tls.alpnProtocol, protocol, remote);
    return tls;
  } catch (error) {
    tls.destroy();
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}
