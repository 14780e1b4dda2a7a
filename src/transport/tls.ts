/**
 * TLS: dialing proves that the other end holds the key of the pinned certificate.
 * It proves nothing about the dialer; that is the session's `proof`.
 *
 * The listening half is in `tls_listener.ts`, the look at an unknown certificate
 * in `tls_fetch.ts`, the check that pinning works at all in `tls_safety.ts`.
 */
import { type Clock, systemClock } from "../core/clock.ts";
import { writePem } from "../core/pem.ts";
import { type Address, formatAddress } from "./address.ts";
import { failure, netError } from "./net_errors.ts";
import { StalledHosts } from "./stalled_hosts.ts";
import { connectTcp, SocketConnection } from "./tcp.ts";
import { ALPN_PROTOCOL, NOT_VERACK } from "./tls_errors.ts";
import { fetchCertificate } from "./tls_fetch.ts";
import { listenTls } from "./tls_listener.ts";
import { peerCertificate, sameBytes, tlsSafety } from "./tls_safety.ts";
import type { Connection, Pin, Transport } from "./transport.ts";

/** Options of {@linkcode tlsTransport}. */
export interface TlsOptions {
  /** Times the pauses of the accept loop, and for how long hosts that hang are left alone. @default {systemClock} */
  clock?: Clock;
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
      await tlsSafety();
      return listenTls(address, credentials, clock);
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

/** Dials past what `stalled` knows about the host. */
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
 * delayed ACK: 40 ms a dial. Its two stable halves, `Deno.connect` and
 * `Deno.startTls`, can do all three. And they are three locks on the same door:
 *
 * - `caCerts` holds the one certificate that is trusted. It only *adds*
 *   to the roots Deno trusts, so alone it is no pin;
 * - the server name is under `.invalid`, for which no public CA may issue, and
 *   Deno insists that the certificate carries it. It must not be switched off;
 * - the bytes of the certificate are compared in the end, because a private CA
 *   that this process trusts (`DENO_CERT`, `--cert`, …) may issue for any name.
 *   Where Deno shows no certificate on any connection, `tls_safety.ts` has made
 *   sure that there is no such CA, or has refused to start. A connection that is
 *   the exception is refused.
 *
 * It offers TLS 1.2 as well as 1.3: `Deno.startTls` has no setting for the version
 * and does not tell which one was agreed. A third party cannot bring 1.2 about,
 * because our listener accepts 1.3 only (`tls_listener.ts`) and the dialer notices a
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
    // Another abort says nothing about the other end.
    const { reason } = signal ?? {};
    const timeout = reason instanceof Error && reason.name === "TimeoutError";
    if (timeout) onStall();
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
