/**
 * The dialing half of TLS: a connection to the node that holds the key of a pinned certificate,
 * by the TLS engine where it works, else by `Deno.startTls`.
 *
 * The engine takes a quarter of the memory, offers TLS 1.3 only, and frees the descriptor of a
 * dial that is given up. Which of the two is used makes no difference to what is verified: the
 * other end must hold the key of the pinned certificate, and show exactly its bytes.
 */
import { X509Certificate } from "node:crypto";
import { isTimeout } from "../core/clock.ts";
import { writePem } from "../core/pem.ts";
import type { Address } from "./address.ts";
import { EngineConnection } from "./engine_connection.ts";
import { fetchCertificate } from "./fetch_certificate.ts";
import { abortError, failure, netError } from "./net_errors.ts";
import type { StalledHosts } from "./stalled_hosts.ts";
import { connectTcp, SocketConnection } from "./tcp.ts";
import { type NativeEngineClass, TlsEngine } from "./tls_engine.ts";
import { ALPN_PROTOCOL, NOT_VERACK } from "./tls_errors.ts";
import { peerCertificate, sameBytes } from "./tls_safety.ts";
import type { Connection, Pin } from "./transport.ts";

/** How to dial. */
export interface DialSettings {
  /** What runs TLS; without it `Deno.startTls`. */
  readonly engine: NativeEngineClass | undefined;
  /** The hosts that `Deno.startTls` must not dial. */
  readonly stalled: StalledHosts;
  /** Whether `Deno.startTls` shows the certificate, which is then compared. */
  readonly compare: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Dials `address`; throws as `Transport.dial`. */
export function dialPinned(
  address: Address,
  pin: Pin,
  settings: DialSettings,
): Promise<Connection> {
  const { engine, signal } = settings;
  return engine === undefined
    ? dialByDeno(address, pin, settings)
    : dialByEngine(address, pin, engine, signal);
}

/**
 * The engine is set to trust the pin alone, and ends the handshake unless the certificate that is
 * shown stands up to that and the signature over the handshake to the certificate's key. Deno's
 * verifier under `node:tls` leaves out two things that others do for it: the name, and the
 * signature where the certificate is of X.509 version 1 (2.9.6, `filter_unsupported_cert_version`).
 * So {@linkcode checkPin} requires both of the pin before anything is sent, and the bytes are
 * compared in the end.
 */
async function dialByEngine(
  address: Address,
  pin: Pin,
  Native: NativeEngineClass,
  signal: AbortSignal | undefined,
): Promise<Connection> {
  checkPin(pin, address);
  const tcp = await connectTcp(address, signal);
  return await handshakePinned(
    EngineConnection.overTcp(tcp),
    pin,
    address,
    Native,
    signal,
  );
}

/** Dials over a connection that exists already, which is closed on failure. */
export async function dialPinnedOver(
  carrier: Connection,
  pin: Pin,
  Native: NativeEngineClass,
  signal: AbortSignal | undefined,
): Promise<Connection> {
  const address = carrier.remoteAddress;
  const connection = EngineConnection.over(carrier);
  try {
    checkPin(pin, address);
  } catch (error) {
    connection.close();
    throw error;
  }
  return await handshakePinned(connection, pin, address, Native, signal);
}

/** The dialing end of the handshake, which closes the connection on failure. */
async function handshakePinned(
  connection: EngineConnection,
  pin: Pin,
  address: Address,
  Native: NativeEngineClass,
  signal: AbortSignal | undefined,
): Promise<Connection> {
  const onAbort = () => connection.close();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    const engine = new TlsEngine(Native, pin, ALPN_PROTOCOL);
    await connection.dial(engine);
    signal?.throwIfAborted();
    checkProtocol(engine.protocol, address);
    checkShown(engine.peerCertificate, pin, address);
    return connection;
  } catch (error) {
    connection.close();
    // Bytes may have come in the turn in which it was closed.
    if (signal?.aborted) throw abortError(signal, "dial", address);
    throw netError(error, "dial", address);
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

/** `[0] { INTEGER 2 }`: version 3, first in the signed part of a certificate (RFC 5280 §4.1). */
const VERSION_3 = Uint8Array.of(0xa0, 0x03, 0x02, 0x01, 0x02);

/** Throws `wrong-certificate` unless the pin is an X.509 v3 certificate for its server name. */
function checkPin(pin: Pin, address: Address): void {
  if (isVersion3(pin.certificate) && hasServerName(pin)) return;
  const detail =
    `the pinned certificate is not of X.509 version 3, or not for ${pin.serverName}`;
  throw failure("wrong-certificate", "dial", address, detail);
}

function isVersion3(certificate: Uint8Array): boolean {
  let at = 0;
  // Past the headers of the certificate and of its signed part.
  for (let depth = 0; depth < 2; depth++) {
    const length = certificate[at + 1] ?? 0;
    at += 2 + (length < 0x80 ? 0 : length & 0x7f);
  }
  return sameBytes(certificate.subarray(at, at + VERSION_3.length), VERSION_3);
}

function hasServerName({ certificate, serverName }: Pin): boolean {
  try {
    return new X509Certificate(certificate).checkHost(serverName) !== undefined;
  } catch {
    return false;
  }
}

/** Dials by `Deno.startTls` unless `stalled` forbids it. */
async function dialByDeno(
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
    checkProtocol(alpnProtocol, address);
    if (compare) checkShown(peerCertificate(tls), pin, address);
    return tls;
  } catch (error) {
    tls[Symbol.dispose]();
    // The handshake may have been complete when it was closed: then no certificate is shown.
    if (signal?.aborted) throw abortError(signal, "dial", address);
    throw netError(error, "dial", address);
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

function checkProtocol(
  agreed: string | null | undefined,
  address: Address,
): void {
  if (agreed === ALPN_PROTOCOL) return;
  throw failure("alpn", "dial", address, NOT_VERACK);
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
    : "the other end shows another certificate than the pinned one";
  throw failure("wrong-certificate", "dial", address, detail);
}
