/**
 * The accepting half of TLS: `node:tls` over Deno's TCP, rather than
 * `Deno.listenTls`.
 *
 * `Deno.listenTls` starts a handshake for every connection the moment it is
 * accepted, in a task that closing the connection does not end (2.9.6, tried: the
 * socket stays established until the *other* end hangs up; see also
 * `stalled_hosts.ts`). Strangers could so use up our descriptors with connections
 * that say nothing, deadline or not. Here a connection is bare TCP until
 * {@linkcode Incoming.open}, and closing it always frees it. `TCP_NODELAY`, too,
 * can be set only here. What `node:tls` gets wrong in Deno concerns the judging of
 * a peer's certificate, and an accepting end judges none: the dialer proves itself
 * in the session.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import type { Clock } from "../core/clock.ts";
import type { Address } from "./address.ts";
import { ALPN_PROTOCOL } from "./alpn.ts";
import { abortError, failure, netError, socketAddress } from "./net_errors.ts";
import { certificatePem } from "./pem.ts";
import { TcpListener } from "./tcp_listener.ts";
import { TcpStream } from "./tcp_stream.ts";
import { TlsConnection } from "./tls_connection.ts";
import type {
  Connection,
  Credentials,
  Incoming,
  Listener,
} from "./transport.ts";

/**
 * Listens for TLS 1.3 connections that speak {@linkcode ALPN_PROTOCOL}.
 *
 * @throws {VerackError} as `Transport.listen`, and `bad-key` or `mismatched-key`
 * when the credentials are of no use.
 */
export function listenTls(
  address: Address,
  credentials: Credentials,
  clock: Clock,
): Listener {
  const cert = certificatePem(credentials.certificate);
  const pem = { cert, key: credentials.privateKeyPem };
  return listenTlsFor(
    { name: ALPN_PROTOCOL, required: true },
    address,
    pem,
    clock,
  );
}

/** What is spoken over TLS, as ALPN calls it, and whether the other end must say so. */
export interface TlsProtocol {
  readonly name: string;
  readonly required: boolean;
}

/**
 * Listens for TLS 1.3 connections that speak something else.
 *
 * @param pem The certificate, others of its chain after it, and its private key.
 * @throws {VerackError} as {@linkcode listenTls}.
 */
export function listenTlsFor(
  protocol: TlsProtocol,
  address: Address,
  pem: { readonly cert: string; readonly key: string },
  clock: Clock,
): Listener {
  const context = secureContext(address, pem);
  return new TcpListener(
    address,
    clock,
    (socket) => new TlsIncoming(socket, context, protocol),
  );
}

function secureContext(
  address: Address,
  { cert, key }: { readonly cert: string; readonly key: string },
): SecureContext {
  let fits: boolean;
  try {
    // Checked here, since Deno's secure context takes anything and then fails
    // every handshake.
    fits = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw failure(
      "bad-key",
      "listen",
      address,
      "not a private key in PEM, or not a certificate",
      { cause: error },
    );
  }
  if (!fits) {
    throw failure(
      "mismatched-key",
      "listen",
      address,
      "the private key is not the certificate's",
    );
  }
  return createSecureContext({ cert, key, minVersion: "TLSv1.3" });
}

class TlsIncoming implements Incoming {
  readonly remoteAddress: Address;
  readonly #context: SecureContext;
  readonly #protocol: TlsProtocol;
  #socket: Deno.TcpConn | undefined;

  constructor(
    socket: Deno.TcpConn,
    context: SecureContext,
    protocol: TlsProtocol,
  ) {
    this.#socket = socket;
    this.#context = context;
    this.#protocol = protocol;
    this.remoteAddress = socketAddress(socket.remoteAddr);
  }

  async open(signal?: AbortSignal): Promise<Connection> {
    const { remoteAddress } = this;
    const socket = this.#socket;
    if (socket === undefined) {
      throw failure("closed", "accept", remoteAddress, "already dropped");
    }
    if (signal?.aborted) {
      this.close();
      throw abortError(signal, "accept", remoteAddress);
    }
    this.#socket = undefined;
    const localAddress = socketAddress(socket.localAddr);
    const tcp = new TcpStream(socket);
    try {
      socket.setNoDelay(true);
      socket.setKeepAlive(true);
      const tls = await handshake(
        tcp,
        this.#context,
        this.#protocol,
        remoteAddress,
        signal,
      );
      return new TlsConnection(tls, tcp, { localAddress, remoteAddress });
    } catch (error) {
      tcp.destroy();
      throw netError(error, "accept", remoteAddress, signal);
    }
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}

/** TLS over `tcp`, secure and agreed on our protocol. Its errors are listened to ever after. */
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
    if (protocol.required && tls.alpnProtocol !== protocol.name) {
      throw failure(
        "alpn",
        "accept",
        remote,
        `the other end does not speak ${protocol.name}`,
      );
    }
    return tls;
  } catch (error) {
    tls.destroy();
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}
