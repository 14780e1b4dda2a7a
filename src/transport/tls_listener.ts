/**
 * The accepting half of TLS, on `node:net` and `node:tls` rather than
 * `Deno.listenTls`.
 *
 * `Deno.listenTls` starts a handshake for every connection the moment it is
 * accepted, in a task that closing the connection does not end (2.9.6, tried: the
 * socket stays established until the *other* end hangs up). Strangers could so use
 * up our descriptors with connections that say nothing, deadline or not. Here a
 * connection is a bare TCP socket until {@linkcode Incoming.open}, and destroying
 * it always frees it. `TCP_NODELAY`, too, can be set only here. What `node:tls`
 * gets wrong in Deno concerns the judging of a peer's certificate, and an accepting
 * end judges none: the dialer proves itself in the session.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { MAX_ACCEPT_BACKLOG } from "../limits.ts";
import type { Address } from "./address.ts";
import { ALPN_PROTOCOL } from "./alpn.ts";
import { abortError, failure, netError, plainHost } from "./net_errors.ts";
import { certificatePem } from "./pem.ts";
import { portTaken } from "./port_owner.ts";
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
export async function listenTls(
  address: Address,
  credentials: Credentials,
): Promise<Listener> {
  const context = secureContext(address, credentials);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let server: Server;
  try {
    // Paused: nothing is read, and so nothing buffered, before somebody opens it.
    server = createServer({ pauseOnConnect: true });
    server.once("error", reject);
    server.listen(
      { host: address.host, port: address.port, backlog: MAX_ACCEPT_BACKLOG },
      resolve,
    );
    await promise;
  } catch (error) {
    const mapped = netError(error, "listen", address);
    throw mapped.code === "address-in-use" ? portTaken(address, error) : mapped;
  }
  return new TlsListener(server, context, address);
}

function secureContext(
  address: Address,
  credentials: Credentials,
): SecureContext {
  const cert = certificatePem(credentials.certificate);
  const key = credentials.privateKeyPem;
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

class TlsListener implements Listener {
  readonly address: Address;
  readonly #server: Server;
  readonly #context: SecureContext;
  readonly #arrived: TlsIncoming[] = [];
  #waiting: ((incoming: Incoming | null) => void) | undefined;
  #closed = false;

  constructor(server: Server, context: SecureContext, asked: Address) {
    this.#server = server;
    this.#context = context;
    const bound = server.address();
    this.address = bound !== null && typeof bound === "object"
      ? { host: plainHost(bound.address), port: bound.port }
      : asked;
    server.on("connection", (socket: Socket) => this.#onConnection(socket));
    // Errors of accepting, such as EMFILE: Node goes on listening by itself.
    server.on("error", () => {});
  }

  accept(): Promise<Incoming | null> {
    if (this.#closed) return Promise.resolve(null);
    const next = this.#arrived.shift();
    if (next !== undefined) return Promise.resolve(next);
    return new Promise((resolve) => this.#waiting = resolve);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#server.close();
    for (const incoming of this.#arrived.splice(0)) incoming.close();
    this.#waiting?.(null);
    this.#waiting = undefined;
  }

  #onConnection(socket: Socket): void {
    // Without a listener, an error of a socket nobody has opened ends the process.
    socket.on("error", () => {});
    const { remoteAddress, remotePort } = socket;
    if (
      this.#closed || this.#arrived.length >= MAX_ACCEPT_BACKLOG ||
      remoteAddress === undefined || remotePort === undefined // gone already
    ) {
      socket.destroy();
      return;
    }
    const incoming = new TlsIncoming(socket, this.#context, {
      host: plainHost(remoteAddress),
      port: remotePort,
    });
    if (this.#waiting === undefined) this.#arrived.push(incoming);
    else {
      this.#waiting(incoming);
      this.#waiting = undefined;
    }
  }
}

class TlsIncoming implements Incoming {
  readonly remoteAddress: Address;
  readonly #socket: Socket;
  readonly #context: SecureContext;
  #opened = false;

  constructor(socket: Socket, context: SecureContext, remoteAddress: Address) {
    this.#socket = socket;
    this.#context = context;
    this.remoteAddress = remoteAddress;
  }

  async open(signal?: AbortSignal): Promise<Connection> {
    const { remoteAddress } = this;
    if (this.#opened || this.#socket.destroyed) {
      throw failure("closed", "accept", remoteAddress, "already dropped");
    }
    this.#opened = true;
    if (signal?.aborted) {
      this.#socket.destroy();
      throw abortError(signal, "accept", remoteAddress);
    }
    this.#socket.setNoDelay(true);
    this.#socket.setKeepAlive(true);
    const localAddress = {
      host: plainHost(this.#socket.localAddress ?? ""),
      port: this.#socket.localPort ?? 0,
    };
    const tls = new TLSSocket(this.#socket, {
      isServer: true,
      secureContext: this.#context,
      ALPNProtocols: [ALPN_PROTOCOL],
    });
    try {
      await handshake(tls, remoteAddress, signal);
      return new TlsConnection(tls, { localAddress, remoteAddress });
    } catch (error) {
      tls.destroy();
      this.#socket.destroy();
      throw netError(error, "accept", remoteAddress, signal);
    }
  }

  close(): void {
    if (this.#opened) return;
    this.#opened = true;
    this.#socket.destroy();
  }
}

/** Resolves once `tls` is secure and ALPN agreed; listens for errors ever after. */
async function handshake(
  tls: TLSSocket,
  remote: Address,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const hungUp = () =>
    reject(failure("closed", "accept", remote, "the other end hung up"));
  const onAbort = () => reject(signal?.reason);
  tls.once("secure", resolve);
  tls.on("error", reject);
  tls.once("end", hungUp);
  tls.once("close", hungUp);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    await promise;
    if (tls.alpnProtocol !== ALPN_PROTOCOL) {
      throw failure(
        "alpn",
        "accept",
        remote,
        `the other end does not speak ${ALPN_PROTOCOL}`,
      );
    }
  } finally {
    tls.off("end", hungUp);
    tls.off("close", hungUp);
    signal?.removeEventListener("abort", onAbort);
  }
}
