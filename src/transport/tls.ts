/**
 * TLS: dialing proves that the other end holds the key of the pinned certificate. The dialer is
 * verified by the session's `proof`.
 *
 * The halves are in `pinned_dial.ts` and `tls_listener.ts`, the check that pinning works at all
 * in `tls_safety.ts`.
 */
import { type Clock, systemClock } from "../core/clock.ts";
import { type Address, formatAddress } from "./address.ts";
import { fetchCertificate } from "./fetch_certificate.ts";
import { dialPinned } from "./pinned_dial.ts";
import { StalledHosts } from "./stalled_hosts.ts";
import type { NativeEngineClass } from "./tls_engine.ts";
import { listenTls } from "./tls_listener.ts";
import { tlsOverlay } from "./tls_overlay.ts";
import { tlsSafety } from "./tls_safety.ts";
import type { Overlay, Transport } from "./transport.ts";

/** Options of {@linkcode tlsTransport}. */
export interface TlsOptions {
  /**
   * Times the pauses of the accept loop, and for how long hosts that hang are not dialed.
   * @default {systemClock}
   */
  clock?: Clock;
  /**
   * Whether to use the TLS engine where it works; else connections are dialed by `Deno.startTls`
   * and accepted by streams.
   * @default {true}
   */
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
  let overlay: Overlay | undefined;
  const usable = (engine: NativeEngineClass | undefined) => {
    if (options.engine === false) return undefined;
    if (engine !== undefined) overlay ??= tlsOverlay(engine);
    return engine;
  };
  return {
    secure: true,
    get overlay() {
      return overlay;
    },
    async dial(address, { pin, signal }) {
      if (pin === undefined) throw missing("dial", address, "a pin");
      const { engine, showsCertificate } = await tlsSafety();
      return await dialPinned(address, pin, {
        engine: usable(engine),
        stalled,
        compare: showsCertificate,
        signal,
      });
    },
    fetchCertificate,
    async listen(address, { credentials }) {
      if (credentials === undefined) {
        throw missing("listen on", address, "credentials");
      }
      const { engine } = await tlsSafety();
      return listenTls(address, credentials, clock, usable(engine));
    },
  };
}

function missing(action: string, address: Address, what: string): TypeError {
  return new TypeError(
    `Cannot ${action} ${formatAddress(address)}: TLS needs ${what}`,
  );
}
