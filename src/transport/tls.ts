/**
 * TLS: dialing proves that the other end holds the key of the pinned certificate. The dialer is
 * verified by the session's `proof`.
 *
 * The listening half is in `tls_listener.ts`, the check that pinning works at all in
 * `tls_safety.ts`.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { connect, type TLSSocket } from "node:tls";
import { type Clock, isTimeout, systemClock } from "../core/clock.ts";
import { writePem } from "../core/pem.ts";
import { type Address, formatAddress } from "./address.ts";
import { MAX_CERTIFICATE_BYTES } from "./transport_limits.ts";
import { failure, netError } from "./net_errors.ts";
import { StalledHosts } from "./stalled_hosts.ts";
import { connectTcp, SocketConnection } from "./tcp.ts";
import { TcpStream } from "./tls_connection.ts";
import { ALPN_PROTOCOL, foreignProtocol, NOT_VERACK } from "./tls_errors.ts";
import { listenTls } from "./tls_listener.ts";
import {
  peerCertificate,
  PROBE_CERTIFICATE,
  sameBytes,
  tlsSafety,
} from "./tls_safety.ts";
import type { Connection, Pin, Transport } from "./transport.ts";

/** Options of {@linkcode tlsTransport}. */
export interface TlsOptions {
  /**
   * Times the pauses of the accept loop, and for how long hosts that hang are not dialed.
   * @default {systemClock}
   */
  clock?: Clock;
  /** Whether to accept by the TLS engine where it works; else by streams. @default {true} */
  engine?: boolean;
}

/**
 * Connections over TLS 1.3, pinned; needs `--allow-net`. Before the first dial or
 * listen the process is checked once, see {@linkcode tlsSafety}: every method then
 * also throws `unsafe`.
 */
export function tlsTransport(options: TlsOptions = {}): Transport {
  const clock = options.clock ?? systemClock;
  const stalled = new StalledHosts(clock);
  return {
    secure: true,
    async dial(address, { pin, signal }) {
      if (pin === undefined) throw missing("dial", address, "a pin");
      const { showsCertificate } = await tlsSafety();
      const settings = { stalled, compare: showsCertificate, signal };
      return await dialTls(address, pin, settings);
    },
    fetchCertificate,
    async listen(address, { credentials }) {
      if (credentials === undefined) {
        throw missing("listen on", address, "credentials");
      }
      const { engine } = await tlsSafety();
      const used = options.engine === false ? undefined : engine;
      return listenTls(address, credentials, clock, used);
    },
  };
}

function missing(action: string, address: Address, what: string): TypeError {
  return new TypeError(
    `Cannot ${action} ${formatAddress(address)}: TLS needs ${what}`,
  );
}

/** How to dial. */
interface DialSettings {
  readonly stalled: StalledHosts;
  /** Whether to compare the certificate, which then has to be shown. */
  readonly compare: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Dials unless `stalled` forbids it. */
async function dialTls(
  address: Address,
  pin: Pin,
  settings: DialSettings,
): Promise<Connection> {
  const { stalled, signal } = settings;
  const penaltyMs = stalled.penaltyMs(address);
  if (penaltyMs > 0) {
    const seconds = Math.ceil(penaltyMs / 1000);
    throw failure(
      "unreachable",
      "dial",
      address,
      `it keeps TLS handshakes hanging, left alone for another ${seconds} s`,
    );
  }
  const suspect = stalled.isSuspect(address.host);
  if (suspect) await fetchCertificate(address, signal ? { signal } : {});
  const tcp = await connectTcp(address, signal);
  const onStall = () => stalled.add(address, suspect);
  const tls = await openPinned(tcp, pin, address, settings, onStall);
  stalled.forgive(address);
  return new SocketConnection(tls);
}

/**
 * TLS over `tcp`, which it owns, with the certificate that `pin` requires.
 *
 * `Deno.connectTls` in one call would not do. It cannot be cancelled, its public
 * options cannot give a server name other than the host dialed, and it leaves
 * Nagle's algorithm on, which holds the second half of our opening back for a
 * delayed ACK: 40 ms a dial. Its two stable halves, `Deno.connect` and `Deno.startTls`, can do
 * all three. Three checks protect the pin:
 *
 * - `caCerts` holds the one certificate that is trusted. It only *adds*
 *   to the roots Deno trusts, so alone it is no pin;
 * - the server name is under `.invalid`, for which no public CA may issue, and Deno requires
 *   that the certificate has it. It must not be switched off;
 * - the bytes of the certificate are compared in the end, because a private CA
 *   that this process trusts (`DENO_CERT`, `--cert`, …) may issue for any name.
 *   Where Deno shows no certificate on any connection, `tls_safety.ts` has made
 *   sure that there is no such CA, or has refused to start. A connection that is
 *   the exception is refused.
 *
 * It offers TLS 1.2 as well as 1.3: `Deno.startTls` has no setting for the version and does not
 * expose which one was agreed. A third party cannot cause 1.2, because our listener accepts 1.3
 * only (`tls_listener.ts`) and the dialer notices a
 * 1.3 listener that was made to answer in 1.2 (RFC 8446 §4.1.3).
 *
 * The handshake is lazy, so it is done here, before anything is written. On failure
 * the socket is closed.
 */
async function openPinned(
  tcp: Deno.TcpConn,
  pin: Pin,
  address: Address,
  { compare, signal }: DialSettings,
  onStall: () => void,
): Promise<Deno.TlsConn> {
  let tls: Deno.TlsConn;
  try {
    tls = await Deno.startTls(tcp, {
      hostname: pin.serverName,
      caCerts: [writePem("CERTIFICATE", pin.certificate)],
      alpnProtocols: [ALPN_PROTOCOL],
    });
  } catch (error) {
    tcp[Symbol.dispose]();
    throw netError(error, "dial", address, signal);
  }
  const onAbort = () => {
    tls[Symbol.dispose]();
    // Another abort is no evidence about the other end.
    if (isTimeout(signal?.reason)) onStall();
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    if (signal?.aborted) onAbort();
    const { alpnProtocol } = await tls.handshake();
    if (alpnProtocol !== ALPN_PROTOCOL) {
      throw failure("alpn", "dial", address, NOT_VERACK);
    }
    if (compare) checkShown(peerCertificate(tls), pin, address);
    return tls;
  } catch (error) {
    tls[Symbol.dispose]();
    throw netError(error, "dial", address, signal);
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

/** Throws `wrong-certificate`, also when none is shown. */
function checkShown(
  shown: Uint8Array | undefined,
  pin: Pin,
  address: Address,
): void {
  if (shown !== undefined && sameBytes(shown, pin.certificate)) return;
  const detail = shown === undefined
    ? "Deno shows no certificate on this connection, so it cannot be compared with the pinned one"
    : "the other end shows another certificate than the pinned one, issued by an authority that this process trusts";
  throw failure("wrong-certificate", "dial", address, detail);
}

/** Bytes kept of the other end's first ones, to name its protocol if that is not TLS. */
const GREETING_BYTES = 64;

/**
 * The end-entity certificate shown at `address`, DER, for the first contact with it. It is not
 * trusted: nothing but a pinned dial proves that the other end holds the key. (In Deno 2.9.6
 * `node:tls` even takes an X.509 v1 certificate with another node's key in it for good,
 * signature unchecked.)
 */
export async function fetchCertificate(
  address: Address,
  options: { signal?: AbortSignal },
): Promise<Uint8Array<ArrayBuffer>> {
  const { signal } = options;
  const tcp = new TcpStream(await connectTcp(address, signal));
  const greeting = recordGreeting(tcp);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(signal?.reason);
  let socket: TLSSocket | undefined;
  try {
    socket = connect({
      socket: tcp,
      // No server name is sent, since the identity is not known yet.
      servername: "",
      rejectUnauthorized: false,
      // Any authority is enough: with none at all in the process, as in the command line, Deno
      // 2.9.6 refuses in spite of the line above.
      ca: writePem("CERTIFICATE", PROBE_CERTIFICATE),
      minVersion: "TLSv1.3",
      ALPNProtocols: [ALPN_PROTOCOL],
    });
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) onAbort();
    socket.once("secureConnect", () => resolve());
    // Stays for as long as the socket does: an error without a listener ends the process.
    socket.on("error", reject);
    tcp.on("error", reject);
    const hungUp = () => {
      const detail = greeting().length > 0
        ? "the other end hung up"
        : "the other end hung up instead of answering the TLS handshake: it is full or shutting down, or not a verack node";
      reject(failure("closed", "dial", address, detail));
    };
    socket.once("close", hungUp);
    tcp.once("end", hungUp);
    await promise;
    const shown = shownCertificate(socket, address);
    // One turn of the event loop to send our half of the handshake, or the other end reports a
    // failed one.
    socket.end();
    await nextTurn();
    return shown;
  } catch (error) {
    const foreign = foreignProtocol(greeting());
    if (foreign !== undefined && !signal?.aborted) {
      throw failure("tls", "dial", address, foreign, { cause: error });
    }
    throw netError(error, "dial", address, signal);
  } finally {
    signal?.removeEventListener("abort", onAbort);
    socket?.destroy();
    tcp.destroy();
  }
}

/** Keeps the first bytes that are read from `stream`. */
function recordGreeting(stream: TcpStream): () => Uint8Array {
  const kept = new Uint8Array(GREETING_BYTES);
  let length = 0;
  const push = stream.push.bind(stream);
  stream.push = (chunk: Uint8Array | null, encoding) => {
    if (chunk !== null && length < GREETING_BYTES) {
      const part = chunk.subarray(0, GREETING_BYTES - length);
      kept.set(part, length);
      length += part.length;
    }
    return push(chunk, encoding);
  };
  return () => kept.subarray(0, length);
}

function shownCertificate(
  socket: TLSSocket,
  address: Address,
): Uint8Array<ArrayBuffer> {
  if (socket.alpnProtocol !== ALPN_PROTOCOL) {
    throw failure("alpn", "dial", address, NOT_VERACK);
  }
  const { raw } = socket.getPeerCertificate();
  if (raw === undefined) {
    throw failure("tls", "dial", address, "the other end shows no certificate");
  }
  if (raw.length > MAX_CERTIFICATE_BYTES) {
    const detail =
      `certificate has ${raw.length} bytes, must be at most ${MAX_CERTIFICATE_BYTES}`;
    throw failure("bad-certificate", "dial", address, detail);
  }
  return Uint8Array.from(raw);
}
